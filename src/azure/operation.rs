//! Long-running operations: what ARM does after it has accepted a write.
//!
//! `Machine` is pure: it is told what was seen and says what to look at next. [`wait`] is the short driver around it.
//! As recorded for agent pools: create and scale answer 201 with `Azure-AsyncOperation`, whose body's `status` may be any word
//! until it is Succeeded, Failed or Canceled; delete answers 202 with a `Location` that changes with every look, whose body is
//! `null`, and which ends in 204, 200 or a 404. URLs are signed and followed verbatim, at the configured origin only; when one
//! cannot be followed, the resource itself is looked at.

use azure_core::http::Url;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::exchange::interrupted;
use super::poll::poll_wait;
use super::response::Response;
use machine::{Machine, Next, Seen, Target};

mod machine;

/// What is shown of an operation whose status nobody has told yet.
const ACCEPTED: &str = "accepted";

/// What was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PUT or PATCH; done when the resource says so.
    Write,
    /// A DELETE; done when the resource is gone.
    Delete,
}

/// Told of each look at a running operation: the status word and the time since the operation began.
pub type Progress<'a> = &'a (dyn Fn(&str, Duration) + Send + Sync);

/// What is being waited for.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// What was accepted.
    pub kind: Kind,
    /// The resource operated on.
    pub resource_path: &'a str,
    /// The API version it is read with.
    pub api_version: &'a str,
    /// Told of each look, to log or show it in the words of the resource; without it the looks are logged at INFO as they are.
    pub progress: Option<Progress<'a>>,
}

/// An accepted operation that did not end well, or whose end was not seen. The write itself *was* accepted: the resource may
/// exist and state must be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationError {
    /// What went wrong.
    pub error: Error,
    /// The last body of the resource that was seen (at least the accepting answer's), if any.
    pub resource: Option<Value>,
    /// The last status word that was seen.
    pub status: Option<String>,
}

/// Waits for an accepted operation. A write gives the resource's final body, a delete `None`.
///
/// # Errors
/// [`Error::OperationFailed`] when it ended as Failed or Canceled, [`Error::DeadlineExceeded`] or [`Error::Cancelled`] when it
/// was not waited for to the end, else what made further looks pointless.
pub async fn wait(
    client: &Client,
    call: &Call,
    accepted: &Response,
    watch: &Watch<'_>,
) -> Result<Option<Value>, OperationError> {
    let trusted = |url: &str| trusted_url(client, url);
    let (mut machine, mut next) = Machine::start(watch.kind, watch.resource_path, Seen::answer(accepted), &trusted);
    let (mut last_error, mut looks) = (None, 0);
    if matches!(next, Next::Look(_)) {
        report(call, watch, machine.status.as_deref().unwrap_or(ACCEPTED));
    }
    loop {
        let target = match next {
            Next::Done(resource) => return Ok(resource),
            Next::Failed(error) => return Err(machine.give_up(*error, client, call, watch).await),
            Next::Look(target) => target,
        };
        looks += 1;
        // The final look follows at once: the operation is over.
        let pause = if machine.at_once {
            Duration::ZERO
        } else {
            poll_wait(looks, machine.asked, client.pace())
        };
        // Only what is longer than the usual rhythm explains why the time ran out.
        let asked = machine
            .asked
            .filter(|asked| *asked >= call.remaining() && *asked > client.pace().poll_max);
        if let Err(interruption) = call.sleep(pause).await {
            let error = interrupted(call, interruption, last_error, false).asked_to_wait(asked);
            return Err(machine.ended(error));
        }
        let is_last = machine.at_once;
        let looked = match &target {
            Target::Status(url) | Target::Location(url) => client.get_url(call, url).await,
            Target::Resource => client.get(call, watch.resource_path, watch.api_version).await,
        };
        let seen = match looked {
            Ok(answer) => {
                last_error = None;
                Seen::answer(&answer)
            }
            Err(error) if error.is_interruption() => return Err(machine.ended(error.remembering(last_error))),
            Err(error) => {
                last_error = Some(error.clone());
                Seen::Error(error)
            }
        };
        next = machine.step(seen, &trusted);
        // The last look follows the operation's own word at once and has no news.
        if !is_last {
            report(call, watch, machine.status.as_deref().unwrap_or(ACCEPTED));
        }
    }
}

fn report(call: &Call, watch: &Watch<'_>, status: &str) {
    match watch.progress {
        Some(progress) => progress(status, call.elapsed()),
        None => {
            let (resource, elapsed_s) = (watch.resource_path, call.elapsed().as_secs());
            tracing::info!(resource, status, elapsed_s, "waiting for the operation");
        }
    }
}

/// The URL, if it lies at the configured resource manager.
fn trusted_url(client: &Client, text: &str) -> Option<Url> {
    let url = Url::parse(text).ok();
    let trusted = url.clone().filter(|url| client.cloud().is_arm(url));
    if trusted.is_none() {
        let origin = url.map_or_else(|| "no URL".to_string(), |url| url.origin().ascii_serialization());
        tracing::warn!(
            origin,
            "the polling URL is not at the resource manager; the resource is looked at instead"
        );
    }
    trusted
}

/// How the driver leaves the machine.
impl Machine {
    fn ended(self, error: Error) -> OperationError {
        OperationError {
            error,
            resource: self.resource,
            status: self.status,
        }
    }

    /// The end of a failed write: one more look, so that state is what Azure says now. Its failure changes nothing.
    async fn give_up(mut self, error: Error, client: &Client, call: &Call, watch: &Watch<'_>) -> OperationError {
        if matches!(error, Error::OperationFailed(_)) && self.kind == Kind::Write && self.target != Target::Resource {
            match client.get(call, watch.resource_path, watch.api_version).await {
                Ok(answer) => self.keep_resource(&answer.value()),
                Err(cause) => tracing::debug!(%cause, "the resource of the failed operation cannot be read"),
            }
        }
        self.ended(error)
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        match &self.status {
            Some(status) if self.error.is_interruption() => write!(f, "; the last status seen was {status}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for OperationError {}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("kind", &self.kind)
            .field("resource_path", &self.resource_path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
