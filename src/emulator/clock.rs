//! The driven clock: real time, plus whatever a test advanced it by, or frozen.
//!
//! Every duration of the emulator (provisioning, the lag of a subnet, the life of a token) runs on it.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::macros::format_description;

/// The emulator's clock.
#[derive(Debug)]
pub(super) struct Clock {
    origin: OffsetDateTime,
    elapsed: Duration,
    running_since: Option<Instant>,
}

impl Clock {
    /// A running clock that starts at the machine's time.
    pub(super) fn start() -> Clock {
        Clock {
            origin: OffsetDateTime::now_utc(),
            elapsed: Duration::ZERO,
            running_since: Some(Instant::now()),
        }
    }

    /// The emulated time, UTC.
    pub(super) fn now(&self) -> OffsetDateTime {
        self.origin + self.elapsed + self.running_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Jumps ahead; also while frozen.
    pub(super) fn advance(&mut self, by: Duration) {
        self.elapsed = self.elapsed.saturating_add(by);
    }

    /// Stops or resumes the clock; while frozen only [`Clock::advance`] moves it.
    pub(super) fn set_frozen(&mut self, frozen: bool) {
        if frozen {
            if let Some(since) = self.running_since.take() {
                self.elapsed += since.elapsed();
            }
        } else if self.running_since.is_none() {
            self.running_since = Some(Instant::now());
        }
    }

    /// Whether only [`Clock::advance`] moves it.
    pub(super) fn is_frozen(&self) -> bool {
        self.running_since.is_none()
    }
}

/// A time as `systemData` writes it: seven fraction digits and a numeric offset.
pub(super) fn with_offset(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]+00:00");
    at.format(format)
        .expect("the format names only components that every time has")
}

/// A time as `creationDate` writes it: seven fraction digits and `Z`.
pub(super) fn with_zulu(at: OffsetDateTime) -> String {
    with_offset(at).replace("+00:00", "Z")
}

/// A time in whole seconds with a numeric offset, as `lastUpdatedTime` writes it.
pub(super) fn in_seconds(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
    at.format(format)
        .expect("the format names only components that every time has")
}

/// A time in whole seconds with `Z`, as signed URLs of storage write it.
pub(super) fn in_seconds_zulu(at: OffsetDateTime) -> String {
    in_seconds(at).replace("+00:00", "Z")
}

/// A day as the folders of uploads write it.
pub(super) fn day(at: OffsetDateTime) -> String {
    let format = format_description!("[year][month][day]");
    at.format(format)
        .expect("the format names only components that every time has")
}

/// A time as HTTP's own headers write it.
pub(super) fn http_date(at: OffsetDateTime) -> String {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    at.format(format)
        .expect("the format names only components that every time has")
}

/// A time as the lines of a run's log begin.
pub(super) fn in_log(at: OffsetDateTime) -> String {
    let format = format_description!("[year]/[month]/[day] [hour]:[minute]:[second]");
    at.format(format)
        .expect("the format names only components that every time has")
}

/// A time as the routing id writes it.
pub(super) fn compact(at: OffsetDateTime) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    at.format(format)
        .expect("the format names only components that every time has")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_time_moves_only_when_advanced() {
        let mut clock = Clock::start();
        clock.set_frozen(true);
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.now() - before, Duration::from_secs(90));
        clock.set_frozen(false);
        assert!(!clock.is_frozen());
        assert!(clock.now() >= before + Duration::from_secs(90));
    }

    #[test]
    fn formats() {
        let at = time::macros::datetime!(2026-03-04 05:06:07.123456700 UTC);
        for (written, expected) in [
            (with_offset(at), "2026-03-04T05:06:07.1234567+00:00"),
            (with_zulu(at), "2026-03-04T05:06:07.1234567Z"),
            (in_seconds(at), "2026-03-04T05:06:07+00:00"),
            (compact(at), "20260304T050607Z"),
            (in_seconds_zulu(at), "2026-03-04T05:06:07Z"),
            (day(at), "20260304"),
            (http_date(at), "Wed, 04 Mar 2026 05:06:07 GMT"),
            (in_log(at), "2026/03/04 05:06:07"),
        ] {
            assert_eq!(written, expected);
        }
    }
}
