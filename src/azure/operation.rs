//! Long-running operations: what ARM does after it has accepted a write.
//!
//! [`Machine`] is pure: it is told what was seen and says what to look at next. [`wait`] is the short driver around it.
//! As recorded for agent pools: create and scale answer 201 with `Azure-AsyncOperation`, whose body's `status` may be any word
//! until it is Succeeded, Failed or Canceled; delete answers 202 with a `Location` that changes with every look, whose body is
//! `null`, and which ends in 204, 200 or a 404. URLs are signed and followed verbatim, at the configured origin only; when one
//! cannot be followed, the resource itself is looked at.

use azure_core::http::Url;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

use super::call::Call;
use super::client::{Client, Response, interrupted};
use super::error::{Error, OperationFailed, ServiceError};
use super::poll::poll_wait;

/// How many looks in a row may fail for a passing reason (each was retried already) before the wait is given up.
pub const FAULTS_MAX: u32 = 10;
/// How many looks in a row may find a resource missing while it is being written: reads may lag behind an accepted create.
pub const MISSING_MAX: u32 = 5;
/// How many looks may still find a resource after its deletion was reported done: reads may lag here too.
pub const LINGER_MAX: u32 = 30;

/// What was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PUT or PATCH; done when the resource says so.
    Write,
    /// A DELETE; done when the resource is gone.
    Delete,
}

/// What is being waited for.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// What was accepted.
    pub kind: Kind,
    /// The resource operated on.
    pub resource_path: &'a str,
    /// The API version it is read with.
    pub api_version: &'a str,
    /// Told of each look: the status word and the time since the operation began.
    pub progress: Option<&'a (dyn Fn(&str, Duration) + Send + Sync)>,
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
    let trusted = |url: &str| Url::parse(url).ok().filter(|url| client.cloud().is_arm(url));
    let (mut machine, mut next) = Machine::start(watch.kind, watch.resource_path, Seen::answer(accepted), &trusted);
    let mut last_error = None;
    let mut looks = 0;
    loop {
        let target = match next {
            Next::Done(resource) => return Ok(resource),
            Next::Failed(error) => return Err(machine.give_up(*error, client, call, watch).await),
            Next::Look(target) => target,
        };
        looks += 1;
        // The final look follows at once: the operation is over.
        let pause = if machine.finishing {
            Duration::ZERO
        } else {
            poll_wait(looks, machine.asked)
        };
        if let Err(interruption) = call.sleep(pause).await {
            return Err(machine.ended(interrupted(call, interruption, last_error, false)));
        }
        let looked = match &target {
            Target::Status(url) | Target::Location(url) => client.get_url(call, url).await,
            Target::Resource => client.get(call, watch.resource_path, watch.api_version).await,
        };
        let seen = match looked {
            Ok(answer) => {
                last_error = None;
                Seen::answer(&answer)
            }
            // The call's own end; what went wrong before it is worth more than that it ended.
            Err(Error::Cancelled { last: None, in_flight }) => {
                let last = last_error.map(Box::new);
                return Err(machine.ended(Error::Cancelled { last, in_flight }));
            }
            Err(Error::DeadlineExceeded {
                last: None,
                waited,
                in_flight,
                next_wait,
            }) => {
                let last = last_error.map(Box::new);
                return Err(machine.ended(Error::DeadlineExceeded {
                    waited,
                    last,
                    in_flight,
                    next_wait,
                }));
            }
            Err(error) if error.is_interruption() => return Err(machine.ended(error)),
            Err(error) => {
                last_error = Some(error.clone());
                Seen::Error(error)
            }
        };
        next = machine.step(seen, &trusted);
        let status = machine.status.as_deref().unwrap_or("accepted");
        tracing::info!(
            resource = watch.resource_path,
            status,
            elapsed_s = call.elapsed().as_secs(),
            "waiting for the operation"
        );
        if let Some(progress) = watch.progress {
            progress(status, call.elapsed());
        }
    }
}

/// What to do next.
#[derive(Debug, PartialEq)]
enum Next {
    /// Look there, after the usual pause.
    Look(Target),
    /// It is over, with the resource's body if it is still there.
    Done(Option<Value>),
    /// It is over, badly.
    Failed(Box<Error>),
}

/// Where to look.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Status(Url),
    Location(Url),
    Resource,
}

/// What was seen.
enum Seen {
    Answer {
        status: u16,
        body: Value,
        operation_url: Option<String>,
        location: Option<String>,
        retry_after: Option<Duration>,
        correlation_id: String,
    },
    Error(Error),
}

/// The operation so far.
struct Machine {
    kind: Kind,
    resource_path: String,
    target: Target,
    /// The operation itself has reported its end; only the resource is still to be seen.
    finishing: bool,
    asked: Option<Duration>,
    status: Option<String>,
    resource: Option<Value>,
    correlation_id: String,
    faults: u32,
    missing: u32,
    lingering: u32,
}

/// Turns a URL's text into one that may be followed, or not.
type Trust<'a> = &'a (dyn Fn(&str) -> Option<Url> + Send + Sync);

impl Machine {
    /// Begins with the accepting answer.
    fn start(kind: Kind, resource_path: &str, accepted: Seen, trusted: Trust<'_>) -> (Self, Next) {
        let mut machine = Self {
            kind,
            resource_path: resource_path.to_string(),
            target: Target::Resource,
            finishing: false,
            asked: None,
            status: None,
            resource: None,
            correlation_id: String::new(),
            faults: 0,
            missing: 0,
            lingering: 0,
        };
        let Seen::Answer {
            status,
            body,
            operation_url,
            location,
            retry_after,
            correlation_id,
        } = accepted
        else {
            unreachable!("an accepted write is an answer");
        };
        machine.asked = retry_after;
        machine.correlation_id = correlation_id;
        machine.keep_resource(&body);
        let state = provisioning_state(&body);
        machine.status.clone_from(&state);
        if let Some(url) = &operation_url {
            machine.target = trusted(url).map_or(Target::Resource, Target::Status);
        } else if let Some(url) = &location {
            machine.target = trusted(url).map_or(Target::Resource, Target::Location);
        } else if kind == Kind::Delete && (status == 204 || (status == 200 && state.is_none())) {
            return machine.finish();
        } else if kind == Kind::Write && status != 202 && state.as_deref().is_none_or(is_success) && body.is_object() {
            return (machine, Next::Done(Some(body)));
        }
        let target = machine.target.clone();
        (machine, Next::Look(target))
    }

    fn finish(mut self) -> (Self, Next) {
        let next = self.look_at_resource(true);
        (self, next)
    }

    /// Takes in one look.
    fn step(&mut self, seen: Seen, trusted: Trust<'_>) -> Next {
        let answer = match seen {
            Seen::Error(error) => return self.step_error(error),
            answer => answer,
        };
        let Seen::Answer {
            status,
            body,
            operation_url,
            location,
            retry_after,
            ..
        } = answer
        else {
            unreachable!("errors were handled above");
        };
        self.faults = 0;
        self.asked = retry_after.or(self.asked);
        match self.target {
            Target::Status(_) => self.step_status(status, &body, operation_url.as_deref(), trusted),
            Target::Location(_) => self.step_location(status, &body, location.as_deref(), trusted),
            Target::Resource => self.step_resource(body),
        }
    }

    fn step_status(&mut self, http: u16, body: &Value, fresh: Option<&str>, trusted: Trust<'_>) -> Next {
        let word = body
            .get("status")
            .and_then(Value::as_str)
            .map(str::to_string)
            .or_else(|| provisioning_state(body));
        let Some(word) = word else {
            // 202 without a body is "not yet"; anything else is not understood, and the resource knows better.
            return if http == 202 {
                self.look_again()
            } else {
                self.look_at_resource(false)
            };
        };
        self.status = Some(word.clone());
        if is_success(&word) {
            return self.look_at_resource(true);
        }
        if is_failure(&word) {
            return self.failed(word, body.get("error").and_then(ServiceError::from_json));
        }
        if let Some(url) = fresh {
            self.target = trusted(url).map_or(Target::Resource, Target::Status);
        }
        self.look_again()
    }

    fn step_location(&mut self, http: u16, body: &Value, fresh: Option<&str>, trusted: Trust<'_>) -> Next {
        let word = body
            .get("status")
            .and_then(Value::as_str)
            .map(str::to_string)
            .or_else(|| provisioning_state(body));
        if let Some(word) = &word {
            self.status = Some(word.clone());
            if is_failure(word) {
                return self.failed(word.clone(), body.get("error").and_then(ServiceError::from_json));
            }
        }
        let running = http == 202 || (http != 204 && word.is_some_and(|word| !is_success(&word)));
        if !running {
            return self.look_at_resource(true);
        }
        if let Some(url) = fresh {
            self.target = trusted(url).map_or(Target::Resource, Target::Location);
        }
        self.look_again()
    }

    fn step_resource(&mut self, body: Value) -> Next {
        self.missing = 0;
        self.keep_resource(&body);
        let state = provisioning_state(&body);
        if let Some(state) = &state {
            self.status = Some(state.clone());
        }
        match self.kind {
            Kind::Write => match state {
                Some(state) if is_failure(&state) => {
                    let error = body.pointer("/properties/error").and_then(ServiceError::from_json);
                    self.failed(state, error)
                }
                Some(state) if !is_success(&state) => {
                    self.finishing = false;
                    self.look_again()
                }
                _ => Next::Done(Some(body)),
            },
            Kind::Delete => {
                if self.finishing || self.lingering > 0 {
                    self.lingering += 1;
                    self.finishing = false;
                }
                // Without an operation of its own, the resource's word is all there is. After a reported end it is only late.
                match state {
                    Some(state) if is_failure(&state) && self.lingering == 0 => self.failed(state, None),
                    _ if self.lingering > LINGER_MAX => {
                        let state = self.status.clone().unwrap_or_else(|| "existing".to_string());
                        self.failed(
                            state,
                            Some(ServiceError {
                                code: "ResourceStillExists".to_string(),
                                message: "the deletion was reported as finished, but the resource can still be read"
                                    .to_string(),
                                ..ServiceError::default()
                            }),
                        )
                    }
                    _ => self.look_again(),
                }
            }
        }
    }

    fn step_error(&mut self, error: Error) -> Next {
        if error.is_transient() {
            self.faults += 1;
            return if self.faults > FAULTS_MAX {
                Next::Failed(Box::new(error))
            } else {
                self.look_again()
            };
        }
        self.faults = 0;
        if matches!(error, Error::Credential { .. } | Error::InvalidRequest(_)) {
            return Next::Failed(Box::new(error));
        }
        if self.target != Target::Resource {
            // The status URL is gone, forbidden or foreign: the resource itself still tells.
            return self.look_at_resource(false);
        }
        match self.kind {
            Kind::Delete if error.is_gone() => Next::Done(None),
            // The operation's own word must do for a principal that may delete but not read.
            Kind::Delete if self.finishing && error.is_forbidden() => Next::Done(None),
            Kind::Write if error.is_gone() && self.missing < MISSING_MAX => {
                self.missing += 1;
                self.finishing = false;
                self.look_again()
            }
            _ => Next::Failed(Box::new(error)),
        }
    }

    fn look_again(&self) -> Next {
        Next::Look(self.target.clone())
    }

    fn look_at_resource(&mut self, finishing: bool) -> Next {
        self.target = Target::Resource;
        self.finishing = finishing;
        self.look_again()
    }

    fn failed(&self, status: String, error: Option<ServiceError>) -> Next {
        Next::Failed(Box::new(Error::OperationFailed(Box::new(OperationFailed {
            status,
            error,
            path: self.resource_path.clone(),
            correlation_id: self.correlation_id.clone(),
        }))))
    }

    fn keep_resource(&mut self, body: &Value) {
        if body.get("id").is_some() || body.get("properties").is_some() {
            self.resource = Some(body.clone());
        }
    }

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

impl Seen {
    fn answer(response: &Response) -> Self {
        Self::Answer {
            status: response.status,
            body: response.value(),
            operation_url: response.operation_url().map(str::to_string),
            location: response.location().map(str::to_string),
            retry_after: response.retry_after(),
            correlation_id: response.correlation_id.clone(),
        }
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

fn provisioning_state(body: &Value) -> Option<String> {
    body.pointer("/properties/provisioningState")
        .and_then(Value::as_str)
        .map(str::to_string)
}

fn is_success(word: &str) -> bool {
    word.eq_ignore_ascii_case("Succeeded")
}

/// Both spellings of "cancelled" occur in ARM.
fn is_failure(word: &str) -> bool {
    ["Failed", "Canceled", "Cancelled"]
        .iter()
        .any(|failure| word.eq_ignore_ascii_case(failure))
}
