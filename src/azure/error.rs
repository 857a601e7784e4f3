//! What went wrong between us and Azure, in words. No secret, token, signature or query string gets into a message.

use std::time::Duration;

use super::retry::Method;

mod text;

/// 404 codes that mean: the thing asked for does not exist. Any other 404 (SubscriptionNotFound, InvalidResourceType, a
/// proxy's page) says nothing about the thing, and must never empty a state.
const GONE_CODES: [&str; 4] = [
    "ResourceNotFound",
    "ResourceGroupNotFound",
    "ParentResourceNotFound",
    "EntityNotFound",
];

/// A failed exchange with Azure. `Display` gives the whole story, causes included, so `source` is empty on purpose.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The service refused, in ARM's own error envelope.
    Arm(Box<ArmError>),
    /// An answer that failed but is not ARM's: a proxy's page, an empty body, a redirect, another error format.
    NotArm(Box<NotArm>),
    /// No answer: the connection failed.
    Transport {
        /// The request.
        request: RequestLine,
        /// Whether the request may have been received nevertheless.
        possibly_sent: bool,
        /// The other side's certificate was not trusted; another attempt would meet the same one.
        untrusted: bool,
        /// The causes, outermost first, joined by colons.
        message: String,
    },
    /// No token could be had.
    Credential {
        /// What Entra ID or the credential said.
        message: String,
        /// Entra ID's code, `AADSTS7000215` say, when it gave one.
        code: Option<String>,
    },
    /// The service named a URL outside the configured resource manager. It was not followed: tokens stay at home.
    ForeignUrl {
        /// What the URL was for: `nextLink`, `polling URL`.
        role: &'static str,
        /// The origin named, without path and query.
        origin: String,
    },
    /// The operation's time is over.
    DeadlineExceeded {
        /// Time since the operation began.
        waited: Duration,
        /// The last real error before that, if any.
        last: Option<Box<Error>>,
        /// A write was under way; whether it was accepted is not known.
        in_flight: bool,
        /// The service asked to be left alone for so long before the next attempt, which is past the deadline.
        next_wait: Option<Duration>,
    },
    /// The user stopped the operation.
    Cancelled {
        /// The last real error before that, if any.
        last: Option<Box<Error>>,
        /// A write was under way; whether it was accepted is not known.
        in_flight: bool,
    },
    /// A successful answer that cannot be read.
    InvalidResponse {
        /// The request.
        request: RequestLine,
        /// What is wrong with the answer.
        message: String,
    },
    /// The accepted long-running operation ended in failure.
    OperationFailed(Box<OperationFailed>),
    /// The request cannot even be made: settings or a path are unusable.
    InvalidRequest(String),
}

/// Method and path of a request; never its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The HTTP method.
    pub method: Method,
    /// The path at the resource manager's origin.
    pub path: String,
}

/// An error in ARM's envelope, with where and when it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmError {
    /// The HTTP status.
    pub status: u16,
    /// What the service said.
    pub body: ServiceError,
    /// The answer's (else the request's) correlation id: what Azure support asks for.
    pub correlation_id: String,
    /// The answer's `x-ms-request-id`.
    pub request_id: Option<String>,
    /// The request.
    pub request: RequestLine,
    /// An earlier attempt of the same request got no answer and may have been carried out.
    pub after_unclear_attempt: bool,
}

/// The content of ARM's error envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceError {
    /// The code, `AuthorizationFailed` say. Never empty in an [`ArmError`].
    pub code: String,
    /// The sentence for humans; may be empty.
    pub message: String,
    /// The parameter or property at fault, if named.
    pub target: Option<String>,
    /// More of the same, nested.
    pub details: Vec<ServiceError>,
}

/// A failed answer without ARM's envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotArm {
    /// The HTTP status.
    pub status: u16,
    /// It is the service's own, in another format: a problem document.
    pub problem: bool,
    /// What can be told of the body: its title or its first words.
    pub snippet: String,
    /// The answer's (else the request's) correlation id.
    pub correlation_id: String,
    /// The request.
    pub request: RequestLine,
    /// An earlier attempt of the same request got no answer and may have been carried out.
    pub after_unclear_attempt: bool,
}

/// How a long-running operation failed.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationFailed {
    /// The terminal status as the service wrote it: `Failed`, `Canceled`.
    pub status: String,
    /// The service's reason. Often there is none.
    pub error: Option<ServiceError>,
    /// The resource operated on.
    pub path: String,
    /// The operation's correlation id.
    pub correlation_id: String,
}

impl Error {
    /// The thing asked for certainly does not exist: a 404 whose code says so.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Arm(arm) if arm.status == 404 && arm.body.has_code(&GONE_CODES))
    }

    /// The principal is not allowed to do this (403), whoever said so.
    pub fn is_forbidden(&self) -> bool {
        self.status() == Some(403)
    }

    /// The HTTP status of the failed answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Arm(arm) => Some(arm.status),
            Self::NotArm(other) => Some(other.status),
            _ => None,
        }
    }

    /// The codes that the service gave, outermost first: ARM wraps the one that matters in details. For credentials, Entra
    /// ID's.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes = Vec::new();
        match self {
            Self::Arm(arm) => arm.body.collect_codes(&mut codes),
            Self::OperationFailed(failed) => {
                if let Some(error) = &failed.error {
                    error.collect_codes(&mut codes);
                }
            }
            Self::DeadlineExceeded { last: Some(last), .. } | Self::Cancelled { last: Some(last), .. } => {
                return last.codes();
            }
            _ => codes.extend(self.code()),
        }
        codes
    }

    /// The sentences that the service gave, joined: what it names (an action, a scope) is found in them.
    pub fn said(&self) -> String {
        match self {
            Self::Arm(arm) => arm.body.to_string(),
            Self::OperationFailed(failed) => failed.error.as_ref().map(ToString::to_string).unwrap_or_default(),
            Self::DeadlineExceeded { last: Some(last), .. } | Self::Cancelled { last: Some(last), .. } => last.said(),
            Self::Transport { message, .. } | Self::Credential { message, .. } => message.clone(),
            _ => String::new(),
        }
    }

    /// The service's error code, if it gave one; for credentials, Entra ID's.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Arm(arm) => Some(&arm.body.code),
            Self::OperationFailed(failed) => failed.error.as_ref().map(|error| error.code.as_str()),
            Self::Credential { code, .. } => code.as_deref(),
            Self::DeadlineExceeded { last, .. } | Self::Cancelled { last, .. } => last.as_ref()?.code(),
            _ => None,
        }
    }

    /// The same request may succeed later: the network, a throttle or the service failed for the moment.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { untrusted, .. } => !untrusted,
            Self::Arm(_) | Self::NotArm(_) => matches!(self.status(), Some(408 | 429 | 500 | 502 | 503 | 504)),
            _ => false,
        }
    }

    /// The operation was ended from outside (user or deadline) rather than by an answer.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::DeadlineExceeded { .. } | Self::Cancelled { .. })
    }

    /// A passed deadline that also tells how long the service asked to wait.
    pub(super) fn asked_to_wait(mut self, wait: Option<Duration>) -> Self {
        if let Self::DeadlineExceeded { next_wait, .. } = &mut self {
            *next_wait = wait;
        }
        self
    }

    /// An interruption that knows of no error before it takes `earlier` for it. What went wrong before the end is worth more
    /// than that it ended.
    pub fn remembering(mut self, earlier: Option<Self>) -> Self {
        if let Self::DeadlineExceeded { last, .. } | Self::Cancelled { last, .. } = &mut self
            && last.is_none()
        {
            *last = earlier.map(Box::new);
        }
        self
    }

    /// This write failed without a clear answer: it may have been accepted all the same. Look before you believe.
    pub fn may_have_been_accepted(&self) -> bool {
        match self {
            Self::Transport {
                request, possibly_sent, ..
            } => *possibly_sent && request.method.writes(),
            Self::DeadlineExceeded { in_flight, last, .. } | Self::Cancelled { in_flight, last } => {
                *in_flight || last.as_ref().is_some_and(|last| last.may_have_been_accepted())
            }
            Self::Arm(arm) => {
                arm.request.method.writes() && (arm.after_unclear_attempt || is_unclear_status(arm.status))
            }
            Self::NotArm(other) => {
                other.request.method.writes() && (other.after_unclear_attempt || is_unclear_status(other.status))
            }
            // The service did answer, with success.
            Self::InvalidResponse { request, .. } => request.method.writes(),
            _ => false,
        }
    }
}

impl ServiceError {
    /// Whether the code is among `codes` (casing does not matter).
    pub fn has_code(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.code.eq_ignore_ascii_case(code))
    }

    fn collect_codes<'a>(&'a self, codes: &mut Vec<&'a str>) {
        if !self.code.is_empty() {
            codes.push(&self.code);
        }
        for detail in &self.details {
            detail.collect_codes(codes);
        }
    }
}

/// Statuses after which a write may or may not have been carried out. A gateway says 503 when the service behind it did not
/// answer in time, which tells nothing about what it did.
fn is_unclear_status(status: u16) -> bool {
    matches!(status, 408 | 500 | 502 | 503 | 504)
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::refusal as answer;

    #[test]
    fn gone_is_only_what_certainly_is() {
        let envelope = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
        for code in GONE_CODES {
            assert!(answer(404, &envelope(code)).is_gone(), "{code}");
            assert!(!answer(400, &envelope(code)).is_gone(), "{code}");
        }
        for code in ["SubscriptionNotFound", "InvalidResourceType", "NotFound"] {
            assert!(!answer(404, &envelope(code)).is_gone(), "{code}");
        }
        assert!(!answer(404, "<html>").is_gone());
        assert!(answer(403, &envelope("AuthorizationFailed")).is_forbidden());
    }

    #[test]
    fn interruptions_tell_the_last_real_error() {
        let last = Some(Box::new(answer(503, r#"{"error":{"code":"Busy","message":"later"}}"#)));
        let error = Error::DeadlineExceeded {
            waited: Duration::from_secs(3665),
            last,
            in_flight: false,
            next_wait: None,
        };
        assert!(
            error
                .to_string()
                .starts_with("the time allowed is over (waited 61m 5s); the last error before was: PUT /p")
        );
        assert_eq!(error.code(), Some("Busy"));
        let error = Error::Cancelled {
            last: None,
            in_flight: true,
        };
        assert!(error.may_have_been_accepted());
        assert!(error.to_string().contains("not known"));
    }
}
