//! Slowing down before the service says 429, and stopping together once it does.
//!
//! ARM counts requests in token buckets, one for each subscription, principal and kind of request, and tells with each answer
//! what is left. Terraform runs many operations at once in one process, so all of them share one [`Throttle`]: while a
//! bucket is full nothing waits; when it runs low, requests of its kind are spread; after a 429 they all wait.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::retry::Method;

/// How many requests a bucket may still allow before we slow down. A tenth of the smaller bursts (200 writes, 250 reads):
/// enough for a dozen operations to notice before the bucket is empty.
pub const LOW_WATER: u64 = 25;
/// How fast a bucket of reads refills: 25 a second. Source: ARM's published limits.
pub const READ_INTERVAL: Duration = Duration::from_millis(40);
/// How fast a bucket of writes or deletes refills: 10 a second. Source: ARM's published limits.
pub const WRITE_INTERVAL: Duration = Duration::from_millis(100);
/// How long requests of a kind wait after a 429 that does not say how long.
pub const PAUSE_UNASKED: Duration = Duration::from_secs(1);

/// What ARM counts separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// GET.
    Reads,
    /// PUT and PATCH; POST counts here too, also one that only reads.
    Writes,
    /// DELETE.
    Deletes,
}

/// One bucket: where it is and what it counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    /// Scheme, host and port of the resource manager.
    pub origin: String,
    /// The subscription; empty for requests that belong to none.
    pub subscription: String,
    /// The kind of request.
    pub kind: Kind,
}

/// What is known of one bucket. Pure: the time comes in as an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// What the last answer said is left; nothing is known before the first.
    remaining: Option<u64>,
    /// No request before this instant, because of a 429.
    paused_until: Option<Instant>,
    /// When the last request was let go.
    last: Option<Instant>,
}

/// The buckets that this process draws from. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    levels: Arc<Mutex<HashMap<Bucket, Level>>>,
}

/// The one that all clients of this process share unless they are given another.
static OF_PROCESS: LazyLock<Throttle> = LazyLock::new(Throttle::default);

/// The distance to keep between requests when so many are left: none above the low water, else the refill rate, and further
/// apart the fewer are left, because other processes draw from the same bucket.
pub fn spacing(kind: Kind, remaining: u64) -> Duration {
    if remaining >= LOW_WATER {
        return Duration::ZERO;
    }
    let factor = u32::try_from(LOW_WATER / remaining.max(1)).unwrap_or(u32::MAX);
    kind.interval().saturating_mul(factor)
}

impl Kind {
    /// The kind that ARM counts a request as.
    pub fn of(method: Method) -> Self {
        match method {
            Method::Get => Self::Reads,
            Method::Put | Method::Patch | Method::Post | Method::Query => Self::Writes,
            Method::Delete => Self::Deletes,
        }
    }

    /// The header that tells what is left in the subscription's bucket.
    pub fn header(self) -> &'static str {
        match self {
            Self::Reads => "x-ms-ratelimit-remaining-subscription-reads",
            Self::Writes => "x-ms-ratelimit-remaining-subscription-writes",
            Self::Deletes => "x-ms-ratelimit-remaining-subscription-deletes",
        }
    }

    fn interval(self) -> Duration {
        match self {
            Self::Reads => READ_INTERVAL,
            Self::Writes | Self::Deletes => WRITE_INTERVAL,
        }
    }
}

impl Level {
    /// Lets one request go, and says how long it has to wait from `now`.
    pub fn admit(&mut self, kind: Kind, now: Instant) -> Duration {
        let apart = self.remaining.map_or(Duration::ZERO, |left| spacing(kind, left));
        let after_last = self.last.map_or(now, |last| last + apart);
        let slot = now.max(after_last).max(self.paused_until.unwrap_or(now));
        self.last = Some(slot);
        slot - now
    }

    /// Takes in what an answer says is left.
    pub fn answered(&mut self, remaining: Option<u64>) {
        if remaining.is_some() {
            self.remaining = remaining;
        }
    }

    /// Takes in a 429. What comes after the pause goes out at the rate at which the bucket refills, not all at once.
    pub fn refused(&mut self, retry_after: Option<Duration>, now: Instant) {
        let until = now + retry_after.unwrap_or(PAUSE_UNASKED);
        self.paused_until = self.paused_until.max(Some(until));
        self.remaining = Some(self.remaining.unwrap_or(LOW_WATER).min(LOW_WATER - 1));
    }
}

impl Throttle {
    /// The one that the whole process shares.
    pub fn of_process() -> Self {
        OF_PROCESS.clone()
    }

    /// Lets one request go, and says how long it has to wait.
    pub fn admit(&self, bucket: &Bucket) -> Duration {
        self.with(bucket, |level| level.admit(bucket.kind, Instant::now()))
    }

    /// Takes in what an answer says is left, if it says so.
    pub fn answered(&self, bucket: &Bucket, remaining: Option<u64>) {
        self.with(bucket, |level| level.answered(remaining));
    }

    /// Takes in a 429.
    pub fn refused(&self, bucket: &Bucket, retry_after: Option<Duration>) {
        self.with(bucket, |level| level.refused(retry_after, Instant::now()));
    }

    fn with<T>(&self, bucket: &Bucket, act: impl FnOnce(&mut Level) -> T) -> T {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        act(levels.entry(bucket.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spread_the_more_the_fewer_are_left() {
        let millis = Duration::from_millis;
        for (kind, remaining, want) in [
            (Kind::Reads, 249, 0),
            (Kind::Reads, 25, 0),
            (Kind::Reads, 24, 40),
            (Kind::Reads, 5, 200),
            (Kind::Reads, 1, 1_000),
            (Kind::Reads, 0, 1_000),
            (Kind::Writes, 24, 100),
            (Kind::Deletes, 0, 2_500),
            (Kind::Writes, 11_999, 0),
        ] {
            assert_eq!(spacing(kind, remaining), millis(want), "{kind:?} {remaining}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_bucket_makes_nobody_wait_and_an_empty_one_makes_a_queue() {
        let now = Instant::now();
        let mut level = Level::default();
        assert_eq!(
            [level.admit(Kind::Reads, now), level.admit(Kind::Reads, now)],
            [Duration::ZERO; 2]
        );
        level.answered(Some(200));
        assert_eq!(level.admit(Kind::Reads, now), Duration::ZERO);
        level.answered(Some(5));
        let waits: Vec<u128> = (0..3).map(|_| level.admit(Kind::Reads, now).as_millis()).collect();
        assert_eq!(waits, [200, 400, 600]);
        level.answered(None);
        assert_eq!(
            level.admit(Kind::Reads, now).as_millis(),
            800,
            "silence changes nothing"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_stops_all_requests_of_its_kind_and_no_others() {
        let throttle = Throttle::default();
        let bucket = |subscription: &str, kind| Bucket {
            origin: "https://arm.example".into(),
            subscription: subscription.into(),
            kind,
        };
        let reads = bucket("s", Kind::Reads);
        throttle.refused(&reads, Some(Duration::from_secs(30)));
        throttle.refused(&reads, Some(Duration::from_secs(7)));
        let waits: Vec<u128> = (0..3).map(|_| throttle.admit(&reads).as_millis()).collect();
        assert_eq!(
            waits,
            [30_000, 30_040, 30_080],
            "the longer pause holds, and its end is no stampede"
        );
        assert_eq!(throttle.admit(&bucket("s", Kind::Deletes)), Duration::ZERO);
        assert_eq!(throttle.admit(&bucket("other", Kind::Reads)), Duration::ZERO);
        throttle.refused(&bucket("s", Kind::Writes), None);
        assert_eq!(throttle.admit(&bucket("s", Kind::Writes)), PAUSE_UNASKED);
    }

    #[test]
    fn everybody_shares_the_one_of_the_process() {
        assert!(Arc::ptr_eq(
            &Throttle::of_process().levels,
            &Throttle::of_process().levels
        ));
    }
}
