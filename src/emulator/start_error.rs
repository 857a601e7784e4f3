//! Why an emulator does not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why an emulator did not start.
#[derive(Debug)]
pub enum StartError {
    /// The address is not this machine's loopback: the emulator answers nobody else.
    NotLoopback(SocketAddr),
    /// The seed does not fit together.
    Seed(String),
    /// A fault makes no sense.
    Fault(String),
    /// The address, the certificates or the thread could not be had.
    Io(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NotLoopback(address) => {
                write!(
                    f,
                    "listening on {address}: only loopback addresses such as 127.0.0.1 are allowed"
                )
            }
            StartError::Seed(problem) => write!(f, "reading the seed: {problem}"),
            StartError::Fault(problem) => write!(f, "reading the faults: {problem}"),
            StartError::Io(error) => write!(f, "starting the emulator: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> StartError {
        StartError::Io(error)
    }
}
