//! Timer schedules as the service reads them: five fields in UTC, day of month AND day of week.
//!
//! The service's parser is documented to be NCrontab. Assumed, as remembered of it and not seen at the service: a range
//! whose ends are swapped is taken the other way round, and a step of 0 is a step of 1.

use time::{Date, Month, OffsetDateTime, Time};

/// Names of the months, in the order in which a prefix is tried.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Names of the days, Sunday first, as their numbers are.
const DAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
/// The fields in their order: how each is called, its smallest and largest value, and its names.
const FIELDS: [(&str, u8, u8, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of month", 1, 31, &[]),
    ("month", 1, 12, &MONTHS),
    ("day of week", 0, 6, &DAYS),
];

/// A schedule: for each field the values at which it fires, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule([u64; 5]);

impl Schedule {
    /// Reads an expression. The error names the field and what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Schedule, String> {
        let parts: Vec<&str> = text.split(' ').filter(|part| !part.is_empty()).collect();
        let parts: [&str; 5] = parts
            .try_into()
            .map_err(|parts: Vec<&str>| format!("'{text}' has {} fields instead of 5", parts.len()))?;
        let mut fields = [0; 5];
        for ((field, part), (called, low, high, names)) in fields.iter_mut().zip(parts).zip(FIELDS) {
            for item in part.split(',') {
                *field |=
                    bits(item, low, high, names).map_err(|problem| format!("the {called} '{part}': {problem}"))?;
            }
        }
        Ok(Schedule(fields))
    }

    /// The first time after `after`, which itself does not count, and up to `until`.
    pub(super) fn next(&self, after: OffsetDateTime, until: OffsetDateTime) -> Option<OffsetDateTime> {
        let mut date = after.date();
        while date <= until.date() {
            if self.fires_on(date) {
                let times = self.times().map(|time| date.with_time(time).assume_utc());
                if let Some(found) = times.into_iter().find(|at| *at > after) {
                    return (found <= until).then_some(found);
                }
            }
            date = date.next_day()?;
        }
        None
    }

    fn fires_on(&self, date: Date) -> bool {
        let weekday = date.weekday().number_days_from_sunday();
        self.has(2, date.day()) && self.has(3, month_number(date.month())) && self.has(4, weekday)
    }

    /// The times of a day at which it fires, earliest first.
    fn times(&self) -> impl Iterator<Item = Time> + '_ {
        let hours = (0..24).filter(|hour| self.has(1, *hour));
        hours.flat_map(|hour| {
            let minutes = (0..60).filter(|minute| self.has(0, *minute));
            minutes.filter_map(move |minute| Time::from_hms(hour, minute, 0).ok())
        })
    }

    fn has(&self, field: usize, value: u8) -> bool {
        self.0[field] & (1 << value) != 0
    }
}

fn month_number(month: Month) -> u8 {
    month.into()
}

/// The values of one item of a field's list.
fn bits(item: &str, low: u8, high: u8, names: &[&str]) -> Result<u64, String> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(number(step)?.max(1))),
        None => (item, None),
    };
    let (first, last) = if range == "*" {
        (low, high)
    } else if let Some((first, last)) = range.split_once('-') {
        let (first, last) = (value(first, low, high, names)?, value(last, low, high, names)?);
        (first.min(last), first.max(last))
    } else {
        let first = value(range, low, high, names)?;
        // A step makes a single value the beginning of a range.
        (first, if step.is_some() { high } else { first })
    };
    let step = usize::from(step.unwrap_or(1));
    Ok((first..=last).step_by(step).fold(0, |bits, value| bits | 1 << value))
}

fn number(text: &str) -> Result<u8, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| format!("'{text}' is no number"))
}

fn value(text: &str, low: u8, high: u8, names: &[&str]) -> Result<u8, String> {
    let lower = text.to_ascii_lowercase();
    let named = names
        .iter()
        .position(|name| !lower.is_empty() && name.starts_with(&lower));
    let value = match named {
        Some(at) => low + u8::try_from(at).unwrap_or(0),
        None => number(text)?,
    };
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    Err(format!("{value} is not between {low} and {high}"))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn next_occurrences() {
        let base = datetime!(2026-02-10 10:07:30 UTC);
        for (text, expected) in [
            ("* * * * *", datetime!(2026-02-10 10:08 UTC)),
            ("*/5 * * * *", datetime!(2026-02-10 10:10 UTC)),
            ("5/10 * * * *", datetime!(2026-02-10 10:15 UTC)),
            ("7 10 * * *", datetime!(2026-02-11 10:07 UTC)),
            ("0 9-17 * * *", datetime!(2026-02-10 11:00 UTC)),
            ("  30   9 * * 1-5 ", datetime!(2026-02-11 09:30 UTC)),
            ("30 9 * Jan Mon", datetime!(2027-01-04 09:30 UTC)),
            ("0 0 * J *", datetime!(2027-01-01 00:00 UTC)),
            ("0 0 * ju *", datetime!(2026-06-01 00:00 UTC)),
            ("0 0 * * T", datetime!(2026-02-17 00:00 UTC)),
            ("0 0 * * s", datetime!(2026-02-15 00:00 UTC)),
            ("0 0 13 * 5", datetime!(2026-02-13 00:00 UTC)),
            ("0 0 14 * 5", datetime!(2026-08-14 00:00 UTC)),
            ("0 0 29 2 *", datetime!(2028-02-29 00:00 UTC)),
            ("0 0 31 * *", datetime!(2026-03-31 00:00 UTC)),
            ("20-10 10 * * *", datetime!(2026-02-10 10:10 UTC)),
            ("*/0 * * * *", datetime!(2026-02-10 10:08 UTC)),
            ("50,10 10 * * *", datetime!(2026-02-10 10:10 UTC)),
            ("1-9/4 10 * * *", datetime!(2026-02-10 10:09 UTC)),
        ] {
            let next = Schedule::parse(text)
                .unwrap()
                .next(base, datetime!(2031-01-01 0:00 UTC));
            assert_eq!(next, Some(expected), "{text}");
        }
    }

    #[test]
    fn bounds() {
        let hourly = Schedule::parse("0 * * * *").unwrap();
        let at = datetime!(2026-02-10 10:00 UTC);
        let second = time::Duration::SECOND;
        assert_eq!(hourly.next(at - second, at), Some(at));
        assert_eq!(hourly.next(at - second, at - second), None);
        assert_eq!(hourly.next(at, at + time::Duration::MINUTE), None);
        let never = Schedule::parse("0 0 31 2 *").unwrap();
        assert_eq!(never.next(at, datetime!(2126-01-01 0:00 UTC)), None);
    }

    #[test]
    fn what_is_no_schedule() {
        for (text, told) in [
            ("* * * *", "4 fields"),
            ("* * * * * *", "6 fields"),
            ("@daily", "1 fields"),
            ("60 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of month"),
            ("* * 32 * *", "day of month"),
            ("* * * 13 *", "month"),
            ("* * * * 7", "day of week"),
            ("* * L * *", "no number"),
            ("* * ? * *", "no number"),
            ("*/x * * * *", "no number"),
            ("1, * * * *", "no number"),
            ("-5 * * * *", "no number"),
            ("+5 * * * *", "no number"),
            ("Jan * * * *", "no number"),
            ("* * * Janx *", "no number"),
            ("300 * * * *", "no number"),
        ] {
            let error = Schedule::parse(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
