//! Being a plugin process under Terraform. Knows no Terraform message.
//!
//! Terraform starts the provider as a child process, hands it a cookie and a client certificate in the environment, reads
//! one line from its standard output and then speaks gRPC over a local socket. Everything of that is in this room:
//!
//! * [`flags`]: what a person may write on the command line.
//! * [`handshake`]: the cookie, the version and the one line, as pure functions.
//! * `tls`: mutual TLS that lets in exactly the process that started us.
//! * `listener`: the private socket; `server`: connections, RPCs and the end of both; `services`: what the host expects
//!   beside the provider; `activity`: noticing that the host is gone.
//! * [`log`] and [`panic`](mod@panic): what is written to standard error, in the forms the host understands.
//!
//! The way in is [`serve`]; tests that live in the same process use [`serve_unix`].

use std::{fmt, io, path::PathBuf};

use tokio_util::sync::CancellationToken;

mod activity;
pub mod flags;
pub mod handshake;
mod listener;
pub mod log;
pub mod panic;
mod server;
mod services;
mod signals;
mod tls;

/// The generated messages and services of `proto/plugin.proto`.
#[allow(missing_docs, clippy::all)]
pub mod wire {
    tonic::include_proto!("plugin");
}

/// The largest message, in bytes, that the provider's service should take and give: 256 MiB, what providers written
/// with the Go SDK use. The gRPC library's own limit for incoming messages is 4 MiB, less than a large state.
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Looks up an environment variable by name; `None` when it is not set. A function, so that tests bring their own.
pub type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The environment of this process. A value that is not valid Unicode counts as not set.
pub fn process_environment() -> Environment {
    Box::new(|name| std::env::var(name).ok())
}

/// What [`serve`] needs to know about the program it serves.
pub struct Options {
    /// The provider's short name, such as `acr`: part of the name of its log-level variable.
    pub name: &'static str,
    /// The full source address with host, such as `registry.terraform.io/agentpools/acr`; the key of the reattach line.
    pub source_address: &'static str,
    /// Where the host's settings are read from.
    pub environment: Environment,
    /// Started by hand, to be attached to: no cookie, no TLS, prints a line for the shell and serves until Ctrl-C.
    pub debug: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("name", &self.name)
            .field("source_address", &self.source_address)
            .field("debug", &self.debug)
            .finish_non_exhaustive()
    }
}

/// Why the plugin could not be served. Each displays as one sentence for the person at the terminal.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The host's cookie is missing or wrong: somebody started the program by hand.
    NotUnderTerraform,
    /// The host's client certificate is not one readable PEM certificate.
    ClientCertificate(String),
    /// This process's own certificate or TLS set-up could not be made.
    ServerCertificate(String),
    /// The socket could not be made at this place.
    Listen(PathBuf, io::Error),
    /// No directory gives a socket path that the operating system and the handshake line can carry.
    SocketPath(PathBuf),
    /// No TCP port of the host's range is free.
    Ports(u16, u16),
    /// The interrupt handler could not be installed.
    Signals(io::Error),
    /// The handshake line could not be written to standard output.
    Handshake(io::Error),
    /// The gRPC server failed.
    Server(tonic::transport::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUnderTerraform => write!(
                formatter,
                "This program is a Terraform provider, which Terraform starts by itself; --help says what else it can do."
            ),
            Self::ClientCertificate(cause) => write!(
                formatter,
                "reading the host's certificate from {}: {cause}",
                handshake::CLIENT_CERTIFICATE
            ),
            Self::ServerCertificate(cause) => write!(formatter, "making this process's certificate: {cause}"),
            Self::Listen(path, cause) => write!(formatter, "listening at {}: {cause}", path.display()),
            Self::SocketPath(path) => write!(
                formatter,
                "listening below {}: the path of the socket would be too long or hold a character that the host cannot read; choose a shorter directory",
                path.display()
            ),
            Self::Ports(first, last) => write!(formatter, "listening: no port between {first} and {last} is free"),
            Self::Signals(cause) => write!(formatter, "installing the interrupt handler: {cause}"),
            Self::Handshake(cause) => write!(formatter, "telling the host where to connect: {cause}"),
            Self::Server(cause) => write!(formatter, "serving the host: {cause}"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen(_, cause) | Self::Signals(cause) | Self::Handshake(cause) => Some(cause),
            Self::Server(cause) => Some(cause),
            _ => None,
        }
    }
}

/// Serves `routes` (which hold the provider's own service already) to the host until it asks for shutdown or is gone; in
/// debug mode until Ctrl-C.
///
/// Writes exactly one line to standard output, after the socket listens. Returns `Ok` after an orderly end, also when a
/// running call had to be left behind; the caller should then end the process without waiting for other tasks.
///
/// # Errors
/// Every [`ServeError`]; before [`ServeError::Handshake`] and [`ServeError::Server`] nothing is written to standard output.
pub async fn serve(options: Options, routes: tonic::service::Routes) -> Result<(), ServeError> {
    let environment = &options.environment;
    if !options.debug && !handshake::cookie_matches(environment(handshake::COOKIE_NAME).as_deref()) {
        return Err(ServeError::NotUnderTerraform);
    }
    // A person who attaches by hand has no certificate, and the host in that mode sends none.
    let identity = match environment(handshake::CLIENT_CERTIFICATE) {
        Some(client) if !options.debug && !client.is_empty() => Some(tls::Identity::trusting(&client)?),
        _ => None,
    };
    let interrupts = signals::Interrupts::install().map_err(ServeError::Signals)?;
    let listener = listener::Listener::bind(environment)?;
    let line = if options.debug {
        handshake::reattach_line(options.source_address, std::process::id(), listener.address())
    } else {
        let version = handshake::negotiate_version(environment(handshake::PROTOCOL_VERSIONS).as_deref());
        handshake::handshake_line(
            version,
            listener.address(),
            identity.as_ref().map(tls::Identity::certificate),
        )
    };
    handshake::write_line(io::stdout().lock(), &line).map_err(ServeError::Handshake)?;
    tracing::debug!(address = %listener.address(), tls = identity.is_some(), "listening");

    let shutdown = CancellationToken::new();
    let server = server::Server {
        listener,
        acceptor: identity.map(|identity| identity.acceptor),
        shutdown,
    };
    if options.debug {
        server.run_until(routes, interrupts.first()).await
    } else {
        server.run_for_host(routes, interrupts).await
    }
}

/// Serves `routes`, plaintext, on a Unix socket made at `path` until `shutdown` is cancelled. For tests that run the
/// provider in their own process and have Terraform reattach to it; the directory of `path` is the only protection.
///
/// # Errors
/// [`ServeError::Listen`] when the socket cannot be made, [`ServeError::Server`] when the gRPC server fails.
#[cfg(unix)]
pub async fn serve_unix(
    path: &std::path::Path,
    routes: tonic::service::Routes,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let listener = listener::Listener::bind_at(path)?;
    let server = server::Server {
        listener,
        acceptor: None,
        shutdown,
    };
    server.run_until(routes, std::future::pending()).await
}
