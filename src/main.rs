//! The provider process: flags, logging, panic hook, then the plugin server. Nothing else.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use terraform_provider_acr::{
    plugin::{self, MESSAGE_BYTES_MAX, Options, flags},
    protocol::Server,
    provider::{self, AcrProvider, Environment},
};
use tonic::service::Routes;

/// The program's name, as a person and the registry know it.
const PROGRAM: &str = env!("CARGO_PKG_NAME");

/// The libraries whose log is shown at the level that the user asks for. They leave secrets out of it.
const VERBOSE_LIBRARIES: &[&str] = &["azure_core", "azure_identity", "typespec_client_core"];

/// The exit code for a command line that cannot be understood.
const EXIT_USAGE: u8 = 2;

/// Enough threads for one call that computes while others are answered; more would only cost memory.
const WORKER_THREADS: usize = 2;

fn main() -> ExitCode {
    plugin::panic::install_hook();
    match flags::parse(
        std::env::args_os()
            .skip(1)
            .map(|argument| argument.to_string_lossy().into_owned()),
    ) {
        Ok(flags::Command::Serve { debug }) => serve(debug),
        Ok(flags::Command::Version) => say(&format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"))),
        Ok(flags::Command::Help) => say(&flags::help(PROGRAM)),
        Err(unknown) => complain(&unknown, ExitCode::from(EXIT_USAGE)),
    }
}

fn serve(debug: bool) -> ExitCode {
    let options = Options {
        name: provider::NAME,
        source_address: provider::SOURCE_ADDRESS,
        environment: plugin::process_environment(),
        debug,
    };
    plugin::log::init(&options.environment, options.name, VERBOSE_LIBRARIES, debug);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("starting threads: {error}"), ExitCode::FAILURE),
    };
    let provider = Server::new(AcrProvider::new(Environment::of_process())).into_service(MESSAGE_BYTES_MAX);
    let result = runtime.block_on(plugin::serve(options, Routes::new(provider)));
    // What still runs was given its time; waiting for it here would make the host kill the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, ExitCode::FAILURE),
    }
}

/// Prints to standard output for a person who asked; nobody is left to hear of a failure.
fn say(text: &str) -> ExitCode {
    let _ = writeln!(io::stdout(), "{text}");
    ExitCode::SUCCESS
}

/// Prints to standard error why the program ends.
fn complain(reason: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    let _ = writeln!(io::stderr(), "{reason}");
    code
}
