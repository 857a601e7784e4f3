//! The emulator process: flags, then the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use terraform_provider_acr::emulator::{self, Emulator, Fault, Options, Seed};
use tokio::signal::unix::{SignalKind, signal};

/// The service's recorded `Retry-After`, in seconds; never more is said.
const LONGEST_RETRY_AFTER: f64 = 10.0;

/// A local Azure Resource Manager for ACR agent pools: for demos, module tests and offline work.
#[derive(Debug, Parser)]
#[command(name = "acr-emulator", version)]
struct Flags {
    /// Where to listen; loopback only. Port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Writes shell `export` lines that point Terraform providers, Azure SDKs and the Azure CLI here.
    #[arg(long, value_name = "PATH")]
    env_file: Option<PathBuf>,
    /// What exists at the start; one Premium registry and one network when absent.
    #[arg(long, value_name = "FILE.json")]
    seed: Option<PathBuf>,
    /// How long creates, updates and deletions take.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    provisioning_seconds: f64,
    /// How long a run takes whose steps do not sleep.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    run_seconds: f64,
    /// How long a subnet lists the network interfaces of a deleted pool.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    subnet_release_seconds: f64,
    /// What `Retry-After` says. Azure says 10; when absent it is as long as provisioning takes, between 1 and 10.
    #[arg(long, value_name = "SECONDS")]
    retry_after_seconds: Option<f64>,
    /// Faults in force from the start.
    #[arg(long, value_name = "FILE.json")]
    faults: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        // The handlers come first: a signal that arrives while starting must still find the files removed.
        let failed = |error: std::io::Error| format!("listening for signals: {error}");
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let emulator = emulator::start(options(flags)?)
            .await
            .map_err(|error| error.to_string())?;
        if let Some(path) = &flags.env_file {
            emulator
                .write_env_file(path)
                .map_err(|error| format!("writing the env file {}: {error}", path.display()))?;
        }
        announce(&emulator, flags);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        emulator.stop().await;
        Ok(())
    })
}

fn options(flags: &Flags) -> Result<Options, String> {
    let seed = match &flags.seed {
        None => Seed::built_in(),
        Some(path) => Seed::from_json(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?,
    };
    let faults: Vec<Fault> = match &flags.faults {
        None => Vec::new(),
        Some(path) => {
            serde_json::from_str(&read(path)?).map_err(|error| format!("reading faults {}: {error}", path.display()))?
        }
    };
    let provisioning = seconds("--provisioning-seconds", flags.provisioning_seconds)?;
    let scaled = flags.provisioning_seconds.clamp(1.0, LONGEST_RETRY_AFTER);
    Ok(Options {
        listen: flags.listen,
        seed,
        provisioning,
        run_duration: seconds("--run-seconds", flags.run_seconds)?,
        subnet_release: seconds("--subnet-release-seconds", flags.subnet_release_seconds)?,
        retry_after: seconds("--retry-after-seconds", flags.retry_after_seconds.unwrap_or(scaled))?,
        faults,
        ..Options::default()
    })
}

fn seconds(flag: &str, value: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value).map_err(|_| format!("{flag} {value}: not a number of seconds"))
}

fn read(path: &PathBuf) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("reading {}: {error}", path.display()))
}

/// The one line on standard output, for whoever started this process.
#[allow(
    clippy::print_stdout,
    reason = "telling the caller where the emulator is, is this line's job"
)]
fn announce(emulator: &Emulator, flags: &Flags) {
    let line = serde_json::json!({
        "url": emulator.url(),
        "pid": std::process::id(),
        "subscription_id": emulator.subscription_id(),
        "env_file": flags.env_file,
    });
    println!("{line}");
}

#[allow(
    clippy::print_stderr,
    reason = "a failed start must reach the person at the terminal"
)]
fn complain(problem: &str) {
    eprintln!("acr-emulator: {problem}");
}
