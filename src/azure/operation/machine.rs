//! The step machine: told what was seen, it says where to look next. No clock, no network.

use std::time::Duration;

use azure_core::http::Url;
use serde_json::Value;

use super::super::error::{Error, OperationFailed, RequestLine, ServiceError};
use super::super::response::Response;
use super::super::retry::Method;
use super::Kind;

/// How many looks in a row may fail for a passing reason (each was retried already) before the wait is given up.
pub const FAULTS_MAX: u32 = 10;
/// How many looks in a row may find a resource missing while it is being written: reads may lag behind an accepted create.
pub const MISSING_MAX: u32 = 5;
/// How many looks may still find a resource after its deletion was reported done: reads may lag here too.
pub const LINGER_MAX: u32 = 30;

/// The status of an operation that failed without a word for it.
const FAILED: &str = "Failed";

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Look there, after the usual pause.
    Look(Target),
    /// It is over, with the resource's body if it is still there.
    Done(Option<Value>),
    /// It is over, badly.
    Failed(Box<Error>),
}

/// Where to look.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    Status(Url),
    Location(Url),
    Resource,
}

/// What was seen.
pub(super) enum Seen {
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
pub(super) struct Machine {
    pub(super) kind: Kind,
    resource_path: String,
    pub(super) target: Target,
    /// The operation itself has reported its end; only the resource is still to be seen.
    reported_end: bool,
    /// The next look needs no pause.
    pub(super) at_once: bool,
    pub(super) asked: Option<Duration>,
    pub(super) status: Option<String>,
    pub(super) resource: Option<Value>,
    correlation_id: String,
    /// What the operation itself said of a failure: the resource often says only that there was one.
    reason: Option<ServiceError>,
    /// The operation's URL answered with that reason as an error: the operation is over, whatever the resource says.
    refused: bool,
    faults: u32,
    missing: u32,
    lingering: u32,
}

/// Turns a URL's text into one that may be followed, or not.
pub(super) type Trust<'a> = &'a (dyn Fn(&str) -> Option<Url> + Send + Sync);

impl Machine {
    /// Begins with the accepting answer.
    pub(super) fn start(kind: Kind, resource_path: &str, accepted: Seen, trusted: Trust<'_>) -> (Self, Next) {
        let mut machine = Self {
            kind,
            resource_path: resource_path.to_string(),
            target: Target::Resource,
            reported_end: false,
            at_once: false,
            asked: None,
            status: None,
            resource: None,
            correlation_id: String::new(),
            reason: None,
            refused: false,
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
    pub(super) fn step(&mut self, seen: Seen, trusted: Trust<'_>) -> Next {
        self.at_once = false;
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
        self.asked = retry_after.or(self.asked);
        if self.target != Target::Resource {
            self.faults = 0;
            self.reason = told_reason(&body).or(self.reason.take());
        }
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
            // No failed pool operation has been recorded, so the reason may be missing.
            return self.failed(word, None);
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
                return self.failed(word.clone(), None);
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
        if !body.is_object() {
            // A successful answer that is no resource: a portal's page, an empty body. It says nothing.
            return self.fault(Error::InvalidResponse {
                request: RequestLine {
                    method: Method::Get,
                    path: self.resource_path.clone(),
                },
                message: "it is not a JSON object".to_string(),
            });
        }
        self.faults = 0;
        self.missing = 0;
        self.keep_resource(&body);
        let state = provisioning_state(&body);
        if let Some(state) = &state {
            self.status = Some(state.clone());
        }
        let own = body.pointer("/properties/error").and_then(ServiceError::from_json);
        match self.kind {
            Kind::Write => match state {
                Some(state) if is_failure(&state) => self.failed(state, own),
                Some(state) if !is_success(&state) => self.look_again(),
                _ => Next::Done(Some(body)),
            },
            Kind::Delete => self.step_lingering(state, own),
        }
    }

    /// The resource of a delete can still be read; `own` is what it says of a failure.
    fn step_lingering(&mut self, state: Option<String>, own: Option<ServiceError>) -> Next {
        let settled = state
            .as_deref()
            .is_none_or(|state| is_success(state) || is_failure(state));
        let ended = self.reported_end || self.reason.is_some();
        match state {
            // Without an operation of its own, the resource's word is all there is.
            Some(state) if is_failure(&state) && !self.reported_end => self.failed(state, own),
            // After the operation's end a settled state is only late, for a while.
            _ if settled && ended && self.lingering >= LINGER_MAX => {
                if self.reason.is_some() {
                    return self.failed(FAILED.to_string(), own);
                }
                let reason = ServiceError {
                    code: "ResourceStillExists".to_string(),
                    message: "the deletion was reported as finished, but the resource can still be read".to_string(),
                    ..ServiceError::default()
                };
                self.failed(
                    self.status.clone().unwrap_or_else(|| "unfinished".to_string()),
                    Some(own.unwrap_or(reason)),
                )
            }
            _ => {
                self.lingering += u32::from(settled);
                self.look_again()
            }
        }
    }

    fn step_error(&mut self, error: Error) -> Next {
        if error.is_transient() {
            return self.fault(error);
        }
        match error {
            // Entra ID's refusal is final. Without a code nobody has refused: the authority cannot be reached just now.
            Error::Credential { code: None, .. } => return self.fault(error),
            // A page of a proxy's says nothing about the resource, and the next look may get through.
            Error::NotArm(_) if self.target == Target::Resource => return self.fault(error),
            Error::Credential { .. } => return Next::Failed(Box::new(error)),
            _ => self.faults = 0,
        }
        if self.target != Target::Resource {
            // The operation's URL is gone, forbidden or foreign, or tells why the operation failed: the resource still tells.
            let refusal = refusal(&error);
            self.refused = refusal.is_some();
            self.reason = refusal.or(self.reason.take());
            return self.look_at_resource(false);
        }
        match self.kind {
            Kind::Delete if error.is_gone() => Next::Done(None),
            // The operation's own word must do for a principal that may delete but not read.
            Kind::Delete if self.reported_end && error.is_forbidden() => Next::Done(None),
            _ if self.refused && error.is_forbidden() => self.failed(FAILED.to_string(), None),
            Kind::Write if error.is_gone() && self.missing < MISSING_MAX => {
                self.missing += 1;
                self.look_again()
            }
            _ => Next::Failed(Box::new(error)),
        }
    }

    /// A look that told nothing, for a reason that may pass.
    fn fault(&mut self, error: Error) -> Next {
        self.faults += 1;
        if self.faults <= FAULTS_MAX {
            return self.look_again();
        }
        if self.target == Target::Resource {
            return Next::Failed(Box::new(error));
        }
        // Only the operation's own URL is known to fail: the resource itself may still tell.
        self.faults = 0;
        self.reason = refusal(&error).or(self.reason.take());
        self.look_at_resource(false)
    }

    fn look_again(&self) -> Next {
        Next::Look(self.target.clone())
    }

    fn look_at_resource(&mut self, reported_end: bool) -> Next {
        self.target = Target::Resource;
        self.reported_end = reported_end;
        self.at_once = reported_end;
        self.look_again()
    }

    /// `own` is the resource's reason, which is better than the operation's.
    fn failed(&self, status: String, own: Option<ServiceError>) -> Next {
        Next::Failed(Box::new(Error::OperationFailed(Box::new(OperationFailed {
            status,
            error: own.or_else(|| self.reason.clone()),
            path: self.resource_path.clone(),
            correlation_id: self.correlation_id.clone(),
        }))))
    }

    pub(super) fn keep_resource(&mut self, body: &Value) {
        if body.get("id").is_some() || body.get("properties").is_some() {
            self.resource = Some(body.clone());
        }
    }
}

impl Seen {
    pub(super) fn answer(response: &Response) -> Self {
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

fn provisioning_state(body: &Value) -> Option<String> {
    body.pointer("/properties/provisioningState")
        .and_then(Value::as_str)
        .map(str::to_string)
}

/// What an operation's answer says of a failure: in ARM's documented place, in the resource it holds, or by itself.
fn told_reason(body: &Value) -> Option<ServiceError> {
    let mut places = ["/error", "/properties/error"].into_iter();
    let inside = places.find_map(|place| ServiceError::from_json(body.pointer(place)?));
    inside.or_else(|| ServiceError::from_json(body).filter(|error| !error.code.is_empty()))
}

/// What an error of the operation's URL says of the operation. ARM answers there with the error that ended it; who may not
/// look, what is not found and a service that has no time say nothing of it.
fn refusal(error: &Error) -> Option<ServiceError> {
    if matches!(
        error.status(),
        None | Some(401 | 403 | 404 | 408 | 429 | 502 | 503 | 504)
    ) {
        return None;
    }
    match error {
        Error::Arm(arm) => Some(arm.body.clone()),
        Error::NotArm(other) if other.problem => Some(ServiceError {
            message: other.snippet.clone(),
            ..ServiceError::default()
        }),
        _ => None,
    }
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
