//! How often a long-running operation is looked at: one pure function.
//!
//! Recorded: the write's answer asks for 10 s (`Retry-After: 10`), status answers ask for nothing, real operations take
//! minutes. Without a request of the service we begin fast, for small services and tests, and settle at 10 s.

use std::time::Duration;

/// The wait before the first look when the service asks for none. Status URLs are readable at once.
pub const POLL_WAIT_MIN: Duration = Duration::from_secs(1);
/// The steady wait when the service asks for none; what the service itself asks for.
pub const POLL_WAIT_MAX: Duration = Duration::from_secs(10);
/// The longest wait that is granted to a service that asks: beyond it, progress would not be seen.
pub const POLL_ASKED_MAX: Duration = Duration::from_secs(60);

/// The wait before look number `number` (1 for the first). `asked` is what the latest answer with a `Retry-After` asked for;
/// the looks are never closer than that.
pub fn poll_wait(number: u32, asked: Option<Duration>) -> Duration {
    let doubled = POLL_WAIT_MIN
        .saturating_mul(1 << number.saturating_sub(1).min(8))
        .min(POLL_WAIT_MAX);
    match asked {
        // Zero means "at once", not "without pause".
        Some(asked) => asked.clamp(POLL_WAIT_MIN, POLL_ASKED_MAX),
        None => doubled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_begin_fast_and_settle() {
        let secs = Duration::from_secs;
        let cases = [
            (1, None, 1),
            (2, None, 2),
            (3, None, 4),
            (4, None, 8),
            (5, None, 10),
            (500, None, 10),
            (1, Some(10), 10),
            (7, Some(10), 10),
            (3, Some(2), 2),
            (3, Some(0), 1),
            (3, Some(3600), 60),
        ];
        for (number, asked, want) in cases {
            assert_eq!(poll_wait(number, asked.map(secs)), secs(want), "{number} {asked:?}");
        }
    }
}
