//! The plugin process from outside: cookie, handshake line, mutual TLS, signals, shutdown.

use std::{os::unix::fs::PermissionsExt, path::Path};

use rcgen::KeyPair;
use serde_json::Value;
use terraform_provider_acr::{
    plugin::{
        MESSAGE_BYTES_MAX,
        wire::{ConnInfo, grpc_broker_client::GrpcBrokerClient, grpc_stdio_client::GrpcStdioClient},
    },
    protocol::wire::{DynamicValue, prepare_provider_config, stop},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::{Code, transport::Channel};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};

use crate::plugin_process::{ClientCertificate, HANG, Handshake, PluginProcess, plaintext_channel};

/// Whether the process answers a call over this connection.
async fn answers(channel: Result<Channel, tonic::transport::Error>) -> bool {
    let Ok(channel) = channel else { return false };
    let request = HealthCheckRequest {
        service: "plugin".to_owned(),
    };
    match HealthClient::new(channel).check(request).await {
        Ok(response) => {
            assert_eq!(response.into_inner().status, ServingStatus::Serving as i32);
            true
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn the_host_is_let_in_and_http2_is_chosen() {
    let process = PluginProcess::spawn(&[]);
    assert!(answers(Ok(process.connect().await)).await);
    let stream = process.tls_stream(Some(process.certificate().copy())).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
}

#[tokio::test]
async fn nobody_else_is_let_in() {
    let process = PluginProcess::spawn(&[]);
    let host = process.certificate();
    // As like the host's as can be: same subject, same names, same kind of key.
    let twin = ClientCertificate::generate();
    let stolen = ClientCertificate {
        key: twin.key.clone_key(),
        ..host.copy()
    };
    let other_kind = {
        let key = KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let der = certificate.der().clone();
        ClientCertificate {
            pem: certificate.pem(),
            der,
            key: key.serialize_der().try_into().unwrap(),
        }
    };
    assert!(!answers(process.connect_without_cert().await).await, "no certificate");
    assert!(!answers(process.connect_with(twin).await).await, "another certificate");
    assert!(
        !answers(process.connect_with(other_kind).await).await,
        "another kind of key"
    );
    assert!(
        !answers(process.connect_with(stolen).await).await,
        "the host's certificate without its key"
    );
    assert!(!answers(process.connect_plaintext().await).await, "plain text");
    // None of that kept the host out.
    assert!(answers(process.connect_with(host.copy()).await).await, "the host");
}

#[tokio::test]
async fn without_a_client_certificate_the_socket_is_plain() {
    for absent in [None, Some("")] {
        let process = PluginProcess::spawn(&[("PLUGIN_CLIENT_CERT", absent)]);
        assert_eq!(process.handshake().certificate, None);
        assert!(answers(process.connect_plaintext().await).await);
    }
}

#[test]
fn the_handshake_line_has_exactly_six_fields() {
    let process = PluginProcess::spawn(&[]);
    let line = process.stdout();
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{line:?}");
    let Handshake {
        core_version,
        protocol_version,
        network,
        address,
        protocol,
        certificate,
    } = process.handshake();
    assert_eq!(
        (*core_version, *protocol_version, network.as_str(), protocol.as_str()),
        (1, 5, "unix", "grpc")
    );
    assert!(address.is_absolute());
    let encoded = line.trim_end().rsplit('|').next().unwrap();
    assert!(!encoded.contains('=') && encoded.len() > 50, "{encoded}");
    assert_eq!(certificate.as_ref().unwrap()[0], 0x30, "a DER sequence");
}

#[test]
fn five_is_announced_whatever_is_offered() {
    for offered in [None, Some("5"), Some("5,6"), Some("6"), Some("")] {
        let process = PluginProcess::spawn(&[("PLUGIN_PROTOCOL_VERSIONS", offered)]);
        assert_eq!(process.handshake().protocol_version, 5, "{offered:?}");
    }
}

#[test]
fn a_multiplexing_host_gets_no_seventh_field() {
    // The parser insists on six.
    PluginProcess::spawn(&[("PLUGIN_MULTIPLEX_GRPC", Some("true"))]);
}

#[test]
fn without_the_cookie_one_sentence_and_nothing_else() {
    for cookie in [None, Some(""), Some("wrong")] {
        let mut process = PluginProcess::start(&[], &[("TF_PLUGIN_MAGIC_COOKIE", cookie)]);
        assert_eq!(process.wait().code(), Some(1), "{process:?}");
        assert_eq!(process.stdout(), "");
        let stderr = process.stderr();
        assert!(stderr.lines().count() == 1 && stderr.contains("Terraform"), "{stderr}");
    }
}

#[test]
fn a_client_certificate_that_cannot_be_read_ends_the_process() {
    let mut process = PluginProcess::start(&[], &[("PLUGIN_CLIENT_CERT", Some("no certificate"))]);
    assert_eq!(process.wait().code(), Some(1), "{process:?}");
    assert_eq!(process.stdout(), "");
    assert!(process.stderr().contains("PLUGIN_CLIENT_CERT"), "{process:?}");
}

#[test]
fn flags() {
    let cases: [(&[&str], i32, &str, &str); 6] = [
        (&["--version"], 0, env!("CARGO_PKG_VERSION"), ""),
        (&["-version"], 0, env!("CARGO_PKG_VERSION"), ""),
        (&["--help"], 0, "--debug", ""),
        (&["-h"], 0, "--debug", ""),
        (&["--verbose"], 2, "", "--verbose"),
        (&["serve"], 2, "", "serve"),
    ];
    for (arguments, code, stdout, stderr) in cases {
        // A person has no cookie.
        let mut process = PluginProcess::start(arguments, &[("TF_PLUGIN_MAGIC_COOKIE", None)]);
        assert_eq!(process.wait().code(), Some(code), "{arguments:?} {process:?}");
        for (expected, written) in [(stdout, process.stdout()), (stderr, process.stderr())] {
            assert!(written.contains(expected), "{arguments:?} {process:?}");
            assert!(!expected.is_empty() || written.is_empty(), "{arguments:?} {process:?}");
        }
    }
}

#[tokio::test]
async fn the_socket_is_private_and_gone_at_the_end() {
    let parent = tempfile::tempdir().unwrap();
    let mut process = PluginProcess::spawn(&[("PLUGIN_UNIX_SOCKET_DIR", parent.path().to_str())]);
    let socket = process.handshake().address.clone();
    assert!(socket.starts_with(parent.path()), "{socket:?}");
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    process.shutdown().await;
    assert!(process.ended().await.success());
    assert_eq!(
        std::fs::read_dir(parent.path()).unwrap().count(),
        0,
        "something is left"
    );
}

#[tokio::test]
async fn a_group_may_be_let_in() {
    let parent = tempfile::tempdir().unwrap();
    // The group that new files here get is one that this process may give files to.
    let group = std::os::unix::fs::MetadataExt::gid(&parent.path().metadata().unwrap()).to_string();
    let process = PluginProcess::spawn(&[
        ("PLUGIN_UNIX_SOCKET_DIR", parent.path().to_str()),
        ("PLUGIN_UNIX_SOCKET_GROUP", Some(group.as_str())),
    ]);
    let socket = &process.handshake().address;
    assert_eq!((mode(socket.parent().unwrap()), mode(socket)), (0o710, 0o660));
}

#[tokio::test]
async fn a_long_temporary_directory_is_not_used() {
    let parent = tempfile::tempdir().unwrap();
    let long = parent.path().join("x".repeat(120));
    std::fs::create_dir(&long).unwrap();
    let mut process = PluginProcess::spawn(&[("TMPDIR", long.to_str())]);
    // Ended in order, so that nothing stays in the directory that was used instead.
    process.shutdown().await;
    assert!(process.ended().await.success());
}

#[tokio::test]
async fn shutdown_ends_the_process_although_the_hosts_streams_are_open() {
    let mut process = PluginProcess::spawn(&[("TF_LOG", Some("DEBUG"))]);
    let channel = process.connect().await;
    // The host keeps its half open, too.
    let (_host_half, outgoing) = tokio::sync::mpsc::channel::<ConnInfo>(1);
    let outgoing = tokio_stream::wrappers::ReceiverStream::new(outgoing);
    let mut broker = GrpcBrokerClient::new(channel.clone())
        .start_stream(outgoing)
        .await
        .unwrap()
        .into_inner();
    let mut stdio = GrpcStdioClient::new(channel.clone())
        .stream_stdio(())
        .await
        .unwrap()
        .into_inner();
    // Host programs that reattach ask again, while the first stream is open.
    let _again = GrpcStdioClient::new(channel).stream_stdio(()).await.unwrap();
    process.shutdown().await;
    assert!(
        broker.message().await.is_ok_and(|item| item.is_none()),
        "the broker's stream ends in order"
    );
    assert!(
        stdio.message().await.is_ok_and(|item| item.is_none()),
        "the output stream ends in order"
    );
    assert!(process.ended().await.success(), "{process:?}");
    // Without a clock: the process says so when it had to give up on something.
    assert!(!process.stderr().contains("still running"), "{process:?}");
    assert_eq!(process.stdout().lines().count(), 1);
}

#[tokio::test]
async fn an_interrupt_is_the_hosts_business() {
    let mut process = PluginProcess::spawn(&[("TF_LOG", Some("DEBUG"))]);
    for _ in 0..2 {
        process.signal("INT");
    }
    process.wait_for_stderr("interrupt ignored").await;
    assert!(answers(Ok(process.connect().await)).await);
    assert!(process.is_running());
}

#[tokio::test]
async fn a_terminate_signal_ends_the_process() {
    let mut process = PluginProcess::spawn(&[]);
    process.signal("TERM");
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&process.ended().await),
        Some(15)
    );
}

#[tokio::test]
async fn the_process_ends_when_its_host_is_gone() {
    let mut process = PluginProcess::spawn(&[("TF_LOG", Some("WARN"))]);
    let channel = process.connect().await;
    let stdio = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap();
    let socket = process.handshake().address.clone();
    drop((stdio, channel));
    assert!(process.ended().await.success(), "{process:?}");
    assert!(process.stderr().contains("the host is gone"), "{process:?}");
    assert!(!socket.parent().unwrap().exists());
}

#[tokio::test]
async fn debug_mode_prints_what_terraform_needs_to_attach() {
    let person = [("TF_PLUGIN_MAGIC_COOKIE", None), ("PLUGIN_CLIENT_CERT", None)];
    let mut process = PluginProcess::start(&["--debug"], &person);
    let line = process.line();
    let value = line
        .strip_prefix("TF_REATTACH_PROVIDERS='")
        .and_then(|rest| rest.strip_suffix('\''))
        .unwrap();
    let value: Value = serde_json::from_str(value).unwrap();
    let provider = &value["registry.terraform.io/agentpools/acr"];
    assert_eq!(provider["Protocol"], "grpc");
    assert_eq!(provider["ProtocolVersion"], 5);
    assert_eq!(provider["Test"], true);
    assert_eq!(provider["Pid"], process.id());
    assert_eq!(provider["Addr"]["Network"], "unix");
    let socket = Path::new(provider["Addr"]["String"].as_str().unwrap()).to_owned();
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    // One run after the other attaches.
    for _ in 0..2 {
        assert!(answers(plaintext_channel(socket.clone()).await).await);
    }
    process.signal("INT");
    assert!(process.ended().await.success(), "{process:?}");
    assert_eq!(process.stdout().lines().count(), 1);
    assert!(!socket.parent().unwrap().exists());
}

#[tokio::test]
async fn log_lines_are_such_as_terraform_takes_apart() {
    let mut process = PluginProcess::spawn(&[("TF_LOG", Some("JSON"))]);
    let _ = process.provider_client().await.stop(stop::Request {}).await;
    process.shutdown().await;
    assert!(process.ended().await.success());
    let stderr = process.stderr();
    let lines: Vec<Value> = stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    for line in &lines {
        let text = |name: &str| {
            line[name]
                .as_str()
                .unwrap_or_else(|| panic!("{name} is no text in {line}"))
        };
        assert!(
            ["trace", "debug", "info", "warn", "error"].contains(&text("@level")),
            "{line}"
        );
        assert!(text("@module").starts_with("provider"), "{line}");
        assert!(!text("@message").is_empty(), "{line}");
        let (time, fraction) = text("@timestamp").split_once('.').unwrap();
        assert_eq!(time.len(), "2026-01-02T03:04:05".len(), "{line}");
        assert!(fraction.len() == 7 && fraction.ends_with('Z'), "{line}");
    }
    let said = |message: &str| {
        lines
            .iter()
            .find(|line| line["@message"] == message)
            .expect(message)
            .clone()
    };
    said("listening");
    let shutdown = said("the host asked for shutdown");
    assert_eq!(shutdown["tf_rpc"], "Shutdown");
    assert!(
        shutdown["tf_req_id"].as_str().is_some_and(|id| id.len() == 36),
        "{shutdown}"
    );
}

#[tokio::test]
async fn the_log_keeps_to_its_level() {
    let refused = |process: &PluginProcess| {
        let (path, request) = (process.handshake().address.clone(), b"GET / HTTP/1.1\r\n\r\n");
        async move {
            let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
            stream.write_all(request).await.unwrap();
            // The far end hangs up when it has seen, and logged, enough; how it does so is all one.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    };
    let cases = [
        (&[] as &[(&str, Option<&str>)], &[] as &[&str]),
        (&[("TF_LOG", Some("OFF"))], &[]),
        (&[("TF_LOG", Some("ERROR"))], &[]),
        (&[("TF_LOG", Some("WARN"))], &["warn"]),
        (
            &[
                ("TF_LOG", Some("ERROR")),
                ("TF_LOG_PROVIDER", Some("OFF")),
                ("TF_LOG_PROVIDER_ACR", Some("warn")),
            ],
            &["warn"],
        ),
    ];
    for (environment, expected) in cases {
        let mut process = PluginProcess::spawn(environment);
        refused(&process).await;
        process.shutdown().await;
        assert!(process.ended().await.success());
        let stderr = process.stderr();
        let lines: Vec<Value> = stderr
            .lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect();
        let levels: Vec<_> = lines.iter().map(|line| line["@level"].as_str().unwrap()).collect();
        assert_eq!(levels, expected, "{environment:?} {stderr}");
    }
}

#[tokio::test]
async fn hostile_bytes_do_not_end_the_server() {
    let process = PluginProcess::spawn(&[]);
    let path = &process.handshake().address;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    for bytes in [
        Vec::new(),
        vec![0],
        vec![0xff; 100_000],
        preface,
        vec![0x16, 3, 1, 0xff, 0xff, 1],
    ] {
        let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
        // The far end may hang up before it has read everything.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
    }
    // Somebody who connects and says nothing does not stand in the way.
    let _silent = tokio::net::UnixStream::connect(path).await.unwrap();
    assert!(answers(Ok(tokio::time::timeout(HANG, process.connect()).await.unwrap())).await);
}

#[tokio::test]
async fn a_message_beyond_the_librarys_limit_is_read() {
    const LIBRARY_LIMIT: usize = 4 << 20;
    const { assert!(MESSAGE_BYTES_MAX > 2 * LIBRARY_LIMIT) };
    let process = PluginProcess::spawn(&[]);
    let config = DynamicValue {
        msgpack: vec![0xc0; 2 * LIBRARY_LIMIT],
        json: Vec::new(),
    };
    let request = prepare_provider_config::Request { config: Some(config) };
    // What the provider makes of it is its own affair; a message that is too long never gets there.
    if let Err(status) = process.provider_client().await.prepare_provider_config(request).await {
        assert!(
            !matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted),
            "{status}"
        );
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}
