//! How errors read: verb and path, Azure's words, correlation id; for the end of an operation, what went wrong before it.

use std::fmt;
use std::time::Duration;

use super::{ArmError, Error, NotArm, OperationFailed, RequestLine, ServiceError};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arm(arm) => write!(f, "{arm}"),
            Self::NotArm(other) => write!(f, "{other}"),
            Self::Transport { request, message, .. } => write!(f, "{request}: no answer: {message}"),
            Self::Credential { message, .. } => write!(f, "obtaining an access token: {message}"),
            Self::ForeignUrl { role, origin } => {
                write!(
                    f,
                    "the service named a {role} at {origin}, which is not the configured resource manager; it was not followed"
                )
            }
            Self::DeadlineExceeded {
                waited,
                last,
                in_flight,
                next_wait,
            } => {
                write!(f, "the time allowed is over (waited {})", spoken(*waited))?;
                if let Some(wait) = next_wait {
                    write!(
                        f,
                        "; the service asked to wait {} before the next attempt, which is longer than the time that was left",
                        spoken(*wait)
                    )?;
                }
                write_unclear(f, *in_flight)?;
                write_last(f, last)
            }
            Self::Cancelled { last, in_flight } => {
                write!(f, "the operation was cancelled")?;
                write_unclear(f, *in_flight)?;
                write_last(f, last)
            }
            Self::InvalidResponse { request, message } => {
                write!(f, "{request}: the answer cannot be understood: {message}")
            }
            Self::OperationFailed(failed) => write!(f, "{failed}"),
            Self::InvalidRequest(message) => write!(f, "the request cannot be made: {message}"),
        }
    }
}

fn write_unclear(f: &mut fmt::Formatter<'_>, in_flight: bool) -> fmt::Result {
    if in_flight {
        write!(f, "; whether Azure accepted the request is not known")
    } else {
        Ok(())
    }
}

fn write_last(f: &mut fmt::Formatter<'_>, last: &Option<Box<Error>>) -> fmt::Result {
    match last {
        Some(last) => write!(f, "; the last error before was: {last}"),
        None => Ok(()),
    }
}

/// `61m 5s`, `5s`: durations as people read them.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 {
        format!("{}m {}s", seconds / 60, seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)
    }
}

impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: HTTP {}: {} (correlation id {}",
            self.request, self.status, self.body, self.correlation_id
        )?;
        match &self.request_id {
            Some(id) if *id != self.correlation_id => write!(f, ", request id {id})"),
            _ => write!(f, ")"),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.is_empty(), self.message.is_empty()) {
            (false, false) => write!(f, "{}: {}", self.code, self.message)?,
            (false, true) => f.write_str(&self.code)?,
            _ => f.write_str(&self.message)?,
        }
        if let Some(target) = &self.target {
            write!(f, " (target {target})")?;
        }
        for detail in &self.details {
            write!(f, "; {detail}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NotArm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = match self.problem {
            true => ("", ""),
            false => (" without an Azure error", "; a proxy or gateway may have answered"),
        };
        write!(
            f,
            "{}: HTTP {}{before}: {} (correlation id {}){after}",
            self.request, self.status, self.snippet, self.correlation_id
        )
    }
}

impl fmt::Display for OperationFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the operation on {} ended as {}: ", self.path, self.status)?;
        match &self.error {
            Some(error) => write!(f, "{error}")?,
            None => write!(f, "the service gave no reason")?,
        }
        write!(f, " (correlation id {})", self.correlation_id)
    }
}
