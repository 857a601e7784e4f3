//! How often a long-running operation is looked at: one pure function.
//!
//! Recorded: the write's answer asks for 10 s (`Retry-After: 10`), status answers ask for nothing, real operations take
//! minutes. Without a request of the service we begin fast and settle at 10 s; with one we look exactly as often
//! as it asks, and the operation's deadline is the only bound.

use std::time::Duration;

use super::pace::Pace;

/// The wait before look number `number` (1 for the first). `asked` is what the latest answer with a `Retry-After` asked for:
/// the looks are neither closer than that nor further apart.
pub fn poll_wait(number: u32, asked: Option<Duration>, pace: &Pace) -> Duration {
    match asked {
        // Zero means "at once", not "without pause".
        Some(asked) => asked.max(pace.poll_min),
        None => pace
            .poll_min
            .saturating_mul(1 << number.saturating_sub(1).min(8))
            .min(pace.poll_max),
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
            (3, Some(3600), 3600),
        ];
        for (number, asked, want) in cases {
            assert_eq!(
                poll_wait(number, asked.map(secs), &Pace::default()),
                secs(want),
                "{number} {asked:?}"
            );
        }
    }
}
