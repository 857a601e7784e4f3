//! Starts the real provider binary as Terraform Core does, and speaks to it as Core would.
//!
//! Every wait here has an end: a provider that hangs fails the test instead of hanging it.

use std::{
    collections::BTreeMap,
    fmt,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hyper_util::rt::TokioIo;
use terraform_provider_acr::{
    plugin::{
        MESSAGE_BYTES_MAX,
        handshake::{COOKIE_NAME, COOKIE_VALUE},
        wire::{Empty, grpc_controller_client::GrpcControllerClient},
    },
    protocol::wire::provider_client::ProviderClient,
};
use tokio::net::UnixStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SignatureScheme,
        client::ResolvesClientCert,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName},
        sign::CertifiedKey,
    },
};
use tonic::transport::{Channel, Endpoint};

mod certificate;

pub use certificate::ClientCertificate;

/// Longer than anything here may take on the busiest machine; what takes longer hangs.
pub const HANG: Duration = Duration::from_secs(60);

/// How often a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The line that the plugin prints, field by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    pub core_version: u32,
    pub protocol_version: u32,
    pub network: String,
    pub address: PathBuf,
    pub protocol: String,
    /// The server's certificate, DER; `None` where the field is empty.
    pub certificate: Option<Vec<u8>>,
}

impl Handshake {
    pub fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split('|').collect();
        let [core, version, network, address, protocol, certificate] = fields[..] else {
            panic!("expected six fields: {line:?}");
        };
        Self {
            core_version: core.parse().unwrap(),
            protocol_version: version.parse().unwrap(),
            network: network.to_owned(),
            address: address.into(),
            protocol: protocol.to_owned(),
            // The decoder refuses padding.
            certificate: (!certificate.is_empty()).then(|| STANDARD_NO_PAD.decode(certificate).unwrap()),
        }
    }
}

/// Output that is collected while the process runs.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<u8>>>);

impl Collected {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// A running (or ended) provider process. Killed when dropped.
pub struct PluginProcess {
    child: Child,
    /// Held open: Core leaves its own standard input to the plugin, whose end means nothing.
    _stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
    first_line: mpsc::Receiver<String>,
    readers: Vec<std::thread::JoinHandle<()>>,
    certificate: ClientCertificate,
    handshake: Option<Handshake>,
    /// The process's temporary directory: one that is killed leaves its socket behind.
    _temporary: tempfile::TempDir,
}

impl PluginProcess {
    /// Starts the provider as Core does, waits for the handshake line and takes it apart. `environment` overrides what
    /// Core sets: a value replaces, `None` removes.
    pub fn spawn(environment: &[(&str, Option<&str>)]) -> Self {
        let mut process = Self::start(&[], environment);
        let line = process.line();
        process.handshake = Some(Handshake::parse(&line));
        process
    }

    /// Starts the provider with arguments and does not wait for anything.
    pub fn start(arguments: &[&str], environment: &[(&str, Option<&str>)]) -> Self {
        let certificate = ClientCertificate::generate();
        let temporary = tempfile::tempdir().unwrap();
        let mut variables = BTreeMap::from([
            (COOKIE_NAME, Some(COOKIE_VALUE)),
            ("PLUGIN_MIN_PORT", Some("10000")),
            ("PLUGIN_MAX_PORT", Some("25000")),
            ("PLUGIN_PROTOCOL_VERSIONS", Some("6,5")),
            ("PLUGIN_CLIENT_CERT", Some(certificate.pem.as_str())),
            ("TMPDIR", temporary.path().to_str()),
            // Whatever the developer has set must not leak into the test.
            ("TF_LOG", None),
            ("TF_LOG_PROVIDER", None),
            ("TF_LOG_PROVIDER_ACR", None),
            ("PLUGIN_UNIX_SOCKET_DIR", None),
            ("PLUGIN_UNIX_SOCKET_GROUP", None),
        ]);
        variables.extend(environment.iter().copied());
        let mut command = Command::new(env!("CARGO_BIN_EXE_terraform-provider-acr"));
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (Collected::default(), Collected::default());
        let (sender, first_line) = mpsc::channel();
        let readers = vec![
            read_stdout(child.stdout.take().unwrap(), stdout.clone(), sender),
            read_stderr(child.stderr.take().unwrap(), stderr.clone()),
        ];
        let stdin = child.stdin.take();
        Self {
            child,
            _stdin: stdin,
            stdout,
            stderr,
            first_line,
            readers,
            certificate,
            handshake: None,
            _temporary: temporary,
        }
    }

    /// The next line of standard output, without its break.
    pub fn line(&mut self) -> String {
        match self.first_line.recv_timeout(HANG) {
            Ok(line) => line,
            Err(error) => panic!("no line on standard output ({error}); {self:?}"),
        }
    }

    /// The handshake line's fields.
    pub fn handshake(&self) -> &Handshake {
        self.handshake.as_ref().expect("started with spawn")
    }

    /// The certificate that this test holds as the host.
    pub fn certificate(&self) -> &ClientCertificate {
        &self.certificate
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the process has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What the process has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Connects as the host.
    pub async fn connect(&self) -> Channel {
        self.connect_with(self.certificate.copy())
            .await
            .expect("the host is let in")
    }

    /// Connects with this certificate and key, whether they fit or not. With TLS 1.3 a refusal may show only in the first
    /// call; [`PluginProcess::admits`] knows both ways.
    pub async fn connect_with(&self, certificate: ClientCertificate) -> Result<Channel, tonic::transport::Error> {
        self.channel(Some(certificate)).await
    }

    /// Connects with TLS, but presents no certificate.
    pub async fn connect_without_cert(&self) -> Result<Channel, tonic::transport::Error> {
        self.channel(None).await
    }

    /// Connects in plain text.
    pub async fn connect_plaintext(&self) -> Result<Channel, tonic::transport::Error> {
        plaintext_channel(self.handshake().address.clone()).await
    }

    /// The bare TLS stream, to look at what was negotiated.
    pub async fn tls_stream(&self, certificate: Option<ClientCertificate>) -> std::io::Result<TlsStream<UnixStream>> {
        let handshake = self.handshake();
        let server = handshake.certificate.clone().expect("the server has a certificate");
        tls_stream(handshake.address.clone(), server, certificate.map(Arc::new)).await
    }

    async fn channel(&self, certificate: Option<ClientCertificate>) -> Result<Channel, tonic::transport::Error> {
        let handshake = self.handshake();
        let (path, server) = (handshake.address.clone(), handshake.certificate.clone());
        let server = server.expect("the server has a certificate");
        let certificate = certificate.map(Arc::new);
        let connect = move |_| {
            let (path, server, certificate) = (path.clone(), server.clone(), certificate.clone());
            async move { tls_stream(path, server, certificate).await.map(TokioIo::new) }
        };
        // The URI is never resolved; the connector knows where to go.
        Endpoint::from_static("http://localhost")
            .connect_with_connector(tower::service_fn(connect))
            .await
    }

    /// A client of the provider's service, with the message limits that the service has.
    pub async fn provider_client(&self) -> ProviderClient<Channel> {
        ProviderClient::new(self.connect().await)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Asks for shutdown as Core does.
    pub async fn shutdown(&self) {
        let mut controller = GrpcControllerClient::new(self.connect().await);
        controller.shutdown(Empty {}).await.unwrap();
    }

    /// Sends a signal by name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the process to end and for all of its output to be read. For tests without a runtime; within one it
    /// would stop the connections' own tasks, see [`PluginProcess::ended`].
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + HANG;
        loop {
            if let Some(status) = self.collect_end() {
                return status;
            }
            assert!(Instant::now() < end, "the provider does not end; {self:?}");
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits for the process to end and for all of its output to be read, while connections go on.
    pub async fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + HANG;
        loop {
            if let Some(status) = self.collect_end() {
                return status;
            }
            assert!(Instant::now() < end, "the provider does not end; {self:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The exit status, with all output read, if the process has ended.
    fn collect_end(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().unwrap()?;
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Some(status)
    }

    /// Waits until standard error holds `text`.
    pub async fn wait_for_stderr(&self, text: &str) {
        let end = Instant::now() + HANG;
        while !self.stderr().contains(text) {
            assert!(Instant::now() < end, "{text:?} is never written; {self:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl Drop for PluginProcess {
    fn drop(&mut self) {
        // Both fail when the process has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for PluginProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "process {}\nstdout: {}\nstderr: {}",
            self.id(),
            self.stdout(),
            self.stderr()
        )
    }
}

/// A plain-text channel over a Unix socket.
pub async fn plaintext_channel(path: PathBuf) -> Result<Channel, tonic::transport::Error> {
    let connect = move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    };
    Endpoint::from_static("http://localhost")
        .connect_with_connector(tower::service_fn(connect))
        .await
}

async fn tls_stream(
    path: PathBuf,
    server: Vec<u8>,
    certificate: Option<Arc<ClientCertificate>>,
) -> std::io::Result<TlsStream<UnixStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(server)).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certificate {
        // A resolver, because the usual way in refuses a key that does not fit the certificate.
        Some(certificate) => {
            let key = aws_lc_rs::sign::any_supported_type(&certificate.key).unwrap();
            config.with_client_cert_resolver(Arc::new(Presents(Arc::new(CertifiedKey::new(
                vec![certificate.der.clone()],
                key,
            )))))
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = UnixStream::connect(path).await?;
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
}

/// Presents one certificate whatever it is asked for.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesClientCert for Presents {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // As Go does: without a scheme for the key, no certificate is sent.
        self.0.key.choose_scheme(schemes).map(|_| Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn read_stdout(
    stream: impl Read + Send + 'static,
    collected: Collected,
    lines: mpsc::Sender<String>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            collected.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
            // The receiver may have heard enough.
            let _ = lines.send(line.trim_end_matches('\n').to_owned());
            line.clear();
        }
    })
}

fn read_stderr(mut stream: impl Read + Send + 'static, collected: Collected) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(bytes @ 1..) = stream.read(&mut buffer) {
            collected.0.lock().unwrap().extend_from_slice(&buffer[..bytes]);
        }
    })
}
