//! Whether an attempt is repeated, and when. One pure function decides; the client acts.
//!
//! azure_core's own retry repeats POST (which could start a run twice) and lets `Retry-After` wait without bound, so it is
//! switched off and this takes its place.

use std::time::Duration;

/// How often one request is sent at most.
pub const ATTEMPTS_MAX: u32 = 5;
/// The longest back-off before the second attempt; it doubles with each further one.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest back-off between two attempts.
pub const BACKOFF_MAX: Duration = Duration::from_secs(20);

/// The HTTP methods that ARM uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or replaces; sending it twice is the same as once.
    Put,
    /// Merges; ours set absolute values, so sending them twice is the same as once.
    Patch,
    /// Deletes; sending it twice is the same as once.
    Delete,
    /// Acts: starts a run, say. Twice is not once.
    Post,
}

/// How an attempt ended, when it did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service answered with this HTTP status.
    Status(u16),
    /// No connection came about: the request was certainly not sent.
    Connect,
    /// The connection broke or fell silent: the request may have been received.
    Io,
}

/// One failed attempt, and what bounds the next.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The request's method.
    pub method: Method,
    /// 1 for the first attempt.
    pub number: u32,
    /// How it ended.
    pub fault: Fault,
    /// What the answer's `Retry-After` asks for, if it had one.
    pub retry_after: Option<Duration>,
    /// Time left before the operation's deadline.
    pub remaining: Duration,
    /// Random, 0 to 1: spreads clients that failed together.
    pub jitter: f64,
}

/// What to do about a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait that long, then send again.
    Retry(Duration),
    /// Report the failure.
    GiveUp,
    /// It would be repeated, but the wait (which the service may have asked for) ends after the deadline.
    PastDeadline(Duration),
}

/// Decides about the next attempt.
pub fn decide(attempt: &Attempt) -> Decision {
    if !is_transient(attempt.method, attempt.fault) || attempt.number >= ATTEMPTS_MAX {
        return Decision::GiveUp;
    }
    let backoff = backoff(attempt.number, attempt.jitter);
    let wait = attempt.retry_after.map_or(backoff, |asked| asked.max(backoff));
    if wait < attempt.remaining {
        Decision::Retry(wait)
    } else {
        Decision::PastDeadline(wait)
    }
}

/// Whether the same request may succeed a little later without doing its work twice.
pub fn is_transient(method: Method, fault: Fault) -> bool {
    match (method, fault) {
        // A POST is repeated only when it certainly was not begun.
        (Method::Post, Fault::Status(status)) => matches!(status, 429 | 503),
        (Method::Post, Fault::Connect) => true,
        (Method::Post, Fault::Io) => false,
        (_, Fault::Status(status)) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
        (_, Fault::Connect | Fault::Io) => true,
    }
}

/// Half of the exponential step is fixed, half is random.
fn backoff(number: u32, jitter: f64) -> Duration {
    let step = BACKOFF_FIRST.saturating_mul(1 << (number - 1).min(8)).min(BACKOFF_MAX);
    step.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

impl Method {
    /// As written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Post => "POST",
        }
    }

    /// Whether the request can change something.
    pub fn writes(self) -> bool {
        self != Self::Get
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(method: Method, fault: Fault) -> Attempt {
        Attempt {
            method,
            number: 1,
            fault,
            retry_after: None,
            remaining: Duration::from_secs(600),
            jitter: 1.0,
        }
    }

    #[test]
    fn what_is_repeated() {
        let idempotent = [Method::Get, Method::Put, Method::Patch, Method::Delete];
        for method in idempotent {
            for status in [408, 429, 500, 502, 503, 504] {
                assert!(is_transient(method, Fault::Status(status)), "{method:?} {status}");
            }
            for status in [301, 400, 401, 403, 404, 409, 412, 501] {
                assert!(!is_transient(method, Fault::Status(status)), "{method:?} {status}");
            }
            assert!(is_transient(method, Fault::Connect) && is_transient(method, Fault::Io));
        }
        let post = |fault| is_transient(Method::Post, fault);
        assert!(post(Fault::Status(429)) && post(Fault::Status(503)) && post(Fault::Connect));
        for fault in [
            Fault::Status(500),
            Fault::Status(502),
            Fault::Status(504),
            Fault::Status(408),
            Fault::Io,
        ] {
            assert!(!post(fault), "{fault:?}");
        }
    }

    #[test]
    fn how_long_is_waited() {
        let secs = Duration::from_secs;
        let base = attempt(Method::Get, Fault::Status(503));
        let cases: [(&str, Attempt, Decision); 8] = [
            ("first", base, Decision::Retry(secs(1))),
            (
                "no luck",
                Attempt { jitter: 0.0, ..base },
                Decision::Retry(Duration::from_millis(500)),
            ),
            ("third", Attempt { number: 3, ..base }, Decision::Retry(secs(4))),
            (
                "last",
                Attempt {
                    number: ATTEMPTS_MAX,
                    ..base
                },
                Decision::GiveUp,
            ),
            (
                "asked",
                Attempt {
                    retry_after: Some(secs(90)),
                    ..base
                },
                Decision::Retry(secs(90)),
            ),
            (
                "asked for none",
                Attempt {
                    retry_after: Some(secs(0)),
                    ..base
                },
                Decision::Retry(secs(1)),
            ),
            (
                "too late",
                Attempt {
                    retry_after: Some(secs(3600)),
                    ..base
                },
                Decision::PastDeadline(secs(3600)),
            ),
            (
                "no time",
                Attempt {
                    remaining: secs(0),
                    ..base
                },
                Decision::PastDeadline(secs(1)),
            ),
        ];
        for (name, attempt, want) in cases {
            assert_eq!(decide(&attempt), want, "{name}");
        }
        assert!(backoff(30, 1.0) <= BACKOFF_MAX);
    }
}
