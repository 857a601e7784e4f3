//! Figures of the release build, never assertions: start-up, memory, size, and what a plan costs. `make bench` prints them.
//!
//! The provider is started and spoken to as Terraform does it, with mutual TLS. Figures depend on the machine; compare them
//! only with others from the same one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers: printing is its purpose"
)]

#[path = "../tests/it/sandbox/mod.rs"]
mod sandbox;

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use sandbox::{Sandbox, Version};
use terraform_provider_acr::{
    emulator::{self, Options, Seed},
    protocol::wire::{get_provider_schema, provider_client::ProviderClient},
};
use tokio::net::UnixStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName},
    },
};
use tonic::transport::{Channel, Endpoint};

/// Enough for a median that stays the same from run to run.
const STARTS: usize = 40;

/// The handshake cookie of every Terraform provider; no secret.
const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// The limit that Terraform sets for one message.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// What is wanted of a release build, in milliseconds and in megabytes of 10^6 bytes: Terraform starts the provider several times a
/// command, and a CI runner may run many at once.
const START_TARGET_MS: f64 = 5.0;
const MEMORY_TARGET_MB: f64 = 10.0;
const SIZE_TARGET_MB: f64 = 10.0;
/// What is wanted of a plan that everything speaks against, in seconds: an answer instead of Azure's ten minutes.
const REFUSED_PLAN_TARGET_S: f64 = 3.0;

/// Enough for a median; each is a whole `terraform plan`.
const REFUSED_PLANS: usize = 5;

/// A registry of the wrong SKU in a region without pools, and a subnet whose rules let nothing out.
const REFUSING_WORLD: &str = r#"{
  "location": "uksouth",
  "resource_groups": [{"name": "rg-builds"}],
  "registries": [{"name": "contosobuilds", "resource_group": "rg-builds", "sku": "Basic"}],
  "network_security_groups": [{"name": "nsg", "resource_group": "rg-builds", "security_rules": [{"name": "none", "properties": {
    "priority": 200, "direction": "Outbound", "access": "Deny", "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*",
    "destinationAddressPrefix": "Internet", "destinationPortRange": "*"}}]}],
  "virtual_networks": [{"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
    "subnets": [{"name": "snet-agents", "address_prefix": "10.40.1.0/24", "security_group": "nsg"}]}],
  "service_tags": {}
}"#;

/// A preflight that refuses at plan, with one processor fewer than the pool needs.
const STRICT: &str = r#"provider "acr" {
  preflight {
    fail_at_plan        = true
    standard_vcpu_quota = 3
  }
}"#;

/// What is added to the pool for that.
const IN_SUBNET: &str = r#"  tier        = "S2"
  subnet_id   = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets/snet-agents"
}
"#;

/// What such a plan says, all at once.
const FINDINGS: [&str; 4] = [
    "Error: Region uksouth has no agent pools",
    "Error: Registry of SKU Basic",
    "Error: More than the registry's quota of standard vCPU",
    "Error: The network blocks what the machines need",
];

/// The pool of which a plan is counted. The registry is the emulator's own.
const CONFIGURATION: &str = r#"terraform {
  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

provider "acr" {}

resource "acr_agent_pool" "p" {
  name        = "builds"
  registry_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds"
}
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let provider = release_binary();
    let size = megabytes(fs::metadata(&provider)?.len());
    print("binary, stripped", size, "MB", SIZE_TARGET_MB);
    let host = Host::new()?;
    let start = milliseconds(host.start_median(&provider)?);
    print("spawn to handshake, mTLS", start, "ms", START_TARGET_MS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let memory = megabytes(runtime.block_on(host.memory_after_schema(&provider))?);
    print("memory after GetSchema", memory, "MB", MEMORY_TARGET_MB);
    refused_plan(&provider)?;
    plan_of_one_pool()
}

/// One line: what it is, what was measured, and what is wanted.
fn print(what: &str, measured: f64, unit: &str, target: f64) {
    println!("{what:<26}{measured:>8.2} {unit}   wanted: {target:.0} {unit} or less");
}

/// What `terraform plan` of one pool that exists costs: HTTP requests, by the emulator's journal, and provider starts, by
/// Terraform's own log. Both are the same for every build of the provider, so the one that is at hand runs.
fn plan_of_one_pool() -> Result<(), Box<dyn Error>> {
    let emulator = emulator::start_blocking(Options {
        provisioning: Duration::ZERO,
        retry_after: Duration::from_secs(1),
        ..Options::default()
    })?;
    let sandbox = Sandbox::new(Version::Newest).env(emulator.environment());
    sandbox.write("main.tf", CONFIGURATION);
    sandbox.ok(&["apply", "-auto-approve"]);
    let sandbox = sandbox.env([("TF_LOG".to_owned(), "DEBUG".to_owned())]);
    emulator.clear_requests();
    let plan = sandbox.ok(&["plan"]);
    let starts = plan.stderr.lines().filter(|line| starts_provider(line)).count();
    let (login, arm): (Vec<_>, Vec<_>) = emulator.requests().into_iter().partition(|it| is_login(&it.path));
    println!("plan of one pool          {:>5} requests to ARM", arm.len());
    println!(
        "                          {:>5} requests to the login endpoint",
        login.len()
    );
    println!("                          {starts:>5} provider starts");
    for request in arm.iter().chain(&login) {
        println!("  {} {}", request.method, request.path);
    }
    Ok(())
}

/// How long `terraform plan` takes until it has refused a pool for its region, SKU, quota and network together.
fn refused_plan(provider: &Path) -> Result<(), Box<dyn Error>> {
    let emulator = emulator::start_blocking(Options {
        seed: Seed::from_json(REFUSING_WORLD)?,
        ..Options::default()
    })?;
    let sandbox = Sandbox::new(Version::Newest).env(emulator.environment());
    sandbox.provider_is(provider);
    let pool = CONFIGURATION.trim_end().trim_end_matches('}');
    let strict = format!("{pool}{IN_SUBNET}").replace("provider \"acr\" {}", STRICT);
    sandbox.write("main.tf", &strict);
    let mut took = Vec::new();
    for _ in 0..REFUSED_PLANS {
        let start = Instant::now();
        let plan = sandbox.fails(&["plan"]);
        took.push(start.elapsed());
        for finding in FINDINGS {
            plan.says(finding);
        }
    }
    took.sort();
    let median = took[REFUSED_PLANS / 2].as_secs_f64();
    print("plan refused, 4 findings", median, "s", REFUSED_PLAN_TARGET_S);
    Ok(())
}

/// Whether a line of Terraform's log tells of a start of our provider.
fn starts_provider(line: &str) -> bool {
    line.contains("starting plugin:") && line.contains("terraform-provider-acr")
}

/// Whether a path is the login endpoint's; the emulator serves both on one host.
fn is_login(path: &str) -> bool {
    ["/oauth2/", "/.well-known/", "/discovery/"]
        .iter()
        .any(|it| path.contains(it))
}

/// What plays Terraform: a client certificate of the kind that it makes for every start.
struct Host {
    key: KeyPair,
    certificate: rcgen::Certificate,
}

/// A provider that has printed its handshake line. Killed when dropped.
struct Started {
    process: Child,
    handshake: String,
    took: Duration,
    /// Its sockets lie here, and go with it.
    _temporary: tempfile::TempDir,
}

impl Host {
    fn new() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512)?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        Ok(Self { key, certificate })
    }

    fn start(&self, provider: &Path) -> Result<Started, Box<dyn Error>> {
        let temporary = tempfile::tempdir()?;
        let mut command = Command::new(provider);
        command
            .env(COOKIE.0, COOKIE.1)
            .env("PLUGIN_PROTOCOL_VERSIONS", "5")
            .env("PLUGIN_CLIENT_CERT", self.certificate.pem())
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let start = Instant::now();
        let mut process = command.spawn()?;
        let mut handshake = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut handshake)?;
        let took = start.elapsed();
        if handshake.is_empty() {
            return Err(format!("{} prints no handshake line", provider.display()).into());
        }
        Ok(Started {
            process,
            handshake,
            took,
            _temporary: temporary,
        })
    }

    fn start_median(&self, provider: &Path) -> Result<Duration, Box<dyn Error>> {
        let mut took = Vec::new();
        for _ in 0..STARTS {
            took.push(self.start(provider)?.took);
        }
        took.sort();
        Ok(took[STARTS / 2])
    }

    /// Resident bytes of a provider that has answered for its schema.
    async fn memory_after_schema(&self, provider: &Path) -> Result<u64, Box<dyn Error>> {
        let started = self.start(provider)?;
        let channel = self.connect(&started.handshake).await?;
        let mut client = ProviderClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        client.get_schema(get_provider_schema::Request {}).await?;
        let status = fs::read_to_string(format!("/proc/{}/status", started.process.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("the kernel tells no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    async fn connect(&self, handshake: &str) -> Result<Channel, Box<dyn Error>> {
        let fields: Vec<&str> = handshake.trim_end().split('|').collect();
        let [_, _, "unix", socket, "grpc", server] = fields[..] else {
            return Err(format!("unexpected handshake line: {handshake}").into());
        };
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(STANDARD_NO_PAD.decode(server)?))?;
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![self.certificate.der().clone()], key.into())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (connector, socket) = (TlsConnector::from(Arc::new(config)), socket.to_owned());
        let connect = move |_| {
            let (connector, socket) = (connector.clone(), socket.clone());
            async move {
                let stream = UnixStream::connect(socket).await?;
                let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
                connector.connect(name, stream).await.map(TokioIo::new)
            }
        };
        // The address is never resolved: the connector knows the socket.
        let endpoint = Endpoint::from_static("http://localhost");
        Ok(endpoint.connect_with_connector(tower::service_fn(connect)).await?)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Either fails when the process has ended already, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `cargo build --release` made. This program itself need not be fast and is built with the tests' profile.
fn release_binary() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("release/terraform-provider-acr")
}

#[allow(clippy::cast_precision_loss, reason = "figures of a few digits")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
