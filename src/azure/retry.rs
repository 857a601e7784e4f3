//! Whether an attempt is repeated, and when. One pure function decides; the client acts.
//!
//! azure_core's own retry repeats POST (which could start a run twice) and lets `Retry-After` wait without bound, so it is
//! switched off and this takes its place.

use std::time::Duration;

use super::pace::Pace;

/// How often one request is sent at most while the service or the network fails. Being throttled (429) is no failure: the
/// service works and says when to come again, so that only the deadline ends it.
pub const ATTEMPTS_MAX: u32 = 5;
/// The status of a throttled request.
pub const TOO_MANY_REQUESTS: u16 = 429;

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
    /// A POST that only reads, such as `listQueueStatus`; sending it twice is the same as once.
    Query,
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
    /// The other side's certificate is not trusted: nothing was sent, and the next attempt would meet the same one.
    Untrusted,
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
    /// It would be repeated, but the wait ends after the deadline. The wait, if the service has asked for it.
    PastDeadline(Option<Duration>),
}

/// Decides about the next attempt.
pub fn decide(attempt: &Attempt, pace: &Pace) -> Decision {
    let throttled = attempt.fault == Fault::Status(TOO_MANY_REQUESTS);
    let invited = attempt.retry_after.is_some();
    if !is_transient(attempt.method, attempt.fault, invited) || (attempt.number >= ATTEMPTS_MAX && !throttled) {
        return Decision::GiveUp;
    }
    let backoff = backoff(attempt.number, attempt.jitter, pace);
    // What the service asks for is the least; the back-off on top of it only spreads clients that were told the same.
    let wait = attempt.retry_after.map_or(backoff, |asked| asked.max(backoff));
    if wait < attempt.remaining {
        Decision::Retry(wait)
    } else {
        Decision::PastDeadline(attempt.retry_after)
    }
}

/// Whether the same request may succeed a little later without doing its work twice. `invited`: the answer had a
/// `Retry-After`.
pub fn is_transient(method: Method, fault: Fault, invited: bool) -> bool {
    match (method, fault) {
        (_, Fault::Untrusted) => false,
        // A POST is repeated only when it certainly was not begun.
        (Method::Post, Fault::Status(status)) => status == TOO_MANY_REQUESTS || (status == 503 && invited),
        (Method::Post, Fault::Connect) => true,
        (Method::Post, Fault::Io) => false,
        (_, Fault::Status(status)) => matches!(status, 408 | TOO_MANY_REQUESTS | 500 | 502 | 503 | 504),
        (_, Fault::Connect | Fault::Io) => true,
    }
}

/// Half of the exponential step is fixed, half is random.
fn backoff(number: u32, jitter: f64, pace: &Pace) -> Duration {
    let doubled = pace.backoff_first.saturating_mul(1 << (number - 1).min(8));
    doubled
        .min(pace.backoff_max)
        .mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

impl Method {
    /// As written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Post | Self::Query => "POST",
        }
    }

    /// Whether the request can change something.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::Query)
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
        let idempotent = [Method::Get, Method::Put, Method::Patch, Method::Delete, Method::Query];
        for method in idempotent {
            for status in [408, 429, 500, 502, 503, 504] {
                assert!(
                    is_transient(method, Fault::Status(status), false),
                    "{method:?} {status}"
                );
            }
            for status in [301, 400, 401, 403, 404, 409, 412, 501] {
                assert!(
                    !is_transient(method, Fault::Status(status), false),
                    "{method:?} {status}"
                );
            }
            assert!(!is_transient(method, Fault::Untrusted, false), "{method:?}");
            assert!(is_transient(method, Fault::Connect, false) && is_transient(method, Fault::Io, false));
        }
        let post = |fault| is_transient(Method::Post, fault, false);
        assert!(post(Fault::Status(429)) && post(Fault::Connect));
        assert!(
            is_transient(Method::Post, Fault::Status(503), true),
            "the service asks for another attempt"
        );
        for fault in [
            Fault::Status(500),
            Fault::Status(502),
            Fault::Status(503),
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
        let cases: [(&str, Attempt, Decision); 9] = [
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
                "throttled for ever",
                Attempt {
                    number: 1_000,
                    fault: Fault::Status(429),
                    ..base
                },
                Decision::Retry(secs(20)),
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
                Decision::PastDeadline(Some(secs(3600))),
            ),
            (
                "no time",
                Attempt {
                    remaining: secs(0),
                    ..base
                },
                Decision::PastDeadline(None),
            ),
        ];
        for (name, attempt, want) in cases {
            assert_eq!(decide(&attempt, &Pace::default()), want, "{name}");
        }
        assert_eq!(backoff(30, 1.0, &Pace::default()), Pace::default().backoff_max);
    }
}
