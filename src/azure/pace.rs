//! How long is waited between requests, when the service asks for nothing.
//!
//! One value instead of constants in each place, so that whoever embeds the client decides: Terraform's users get the
//! defaults, a suite of hundreds of runs gets the same rules at another speed.

use std::time::Duration;

/// The longest back-off before the second attempt; it doubles with each further one. ARM's buckets refill within a second.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest back-off between two attempts: an outage that is over is noticed soon.
pub const BACKOFF_MAX: Duration = Duration::from_secs(20);
/// The wait before the first look at an operation. Status URLs are readable at once.
pub const POLL_WAIT_MIN: Duration = Duration::from_secs(1);
/// The steady wait between looks; what the service itself asks for with its `Retry-After: 10`.
pub const POLL_WAIT_MAX: Duration = Duration::from_secs(10);

/// The waits of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The longest back-off before the second attempt of a request.
    pub backoff_first: Duration,
    /// The longest back-off between two attempts of a request.
    pub backoff_max: Duration,
    /// The first and the shortest wait between looks at a running operation.
    pub poll_min: Duration,
    /// The steady wait between looks at a running operation.
    pub poll_max: Duration,
}

impl Default for Pace {
    /// What suits Azure: see each constant.
    fn default() -> Self {
        Self {
            backoff_first: BACKOFF_FIRST,
            backoff_max: BACKOFF_MAX,
            poll_min: POLL_WAIT_MIN,
            poll_max: POLL_WAIT_MAX,
        }
    }
}
