//! One field of a schedule, and the values that it stands for.

use std::{fmt, ops::RangeInclusive};

use super::error::ScheduleError;

const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: &[&str] = &[
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A field of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Day of the month: 1 to 31.
    Day,
    /// 1 to 12, or a name.
    Month,
    /// Day of the week: 0, which is Sunday, to 6, or a name.
    Weekday,
}

/// Every field, in the order in which they are written.
pub(super) const FIELDS: [Field; 5] = [Field::Minute, Field::Hour, Field::Day, Field::Month, Field::Weekday];

/// The values that a field stands for: bit `n` is set when `n` matches. No field has one above 59.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values(u64);

impl Values {
    pub(super) fn has(self, value: u8) -> bool {
        value < 64 && self.0 & (1 << value) != 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |value| self.has(*value))
    }

    /// The first value that is not below `least`.
    pub(super) fn at_least(self, least: u8) -> Option<u8> {
        self.iter().find(|value| *value >= least)
    }
}

impl Field {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of month",
            Self::Month => "month",
            Self::Weekday => "day of week",
        }
    }

    /// Which field it is, counted from 1.
    #[must_use]
    pub fn position(self) -> usize {
        self as usize + 1
    }

    /// The numbers that it may hold.
    #[must_use]
    pub fn range(self) -> RangeInclusive<u8> {
        match self {
            Self::Minute => 0..=59,
            Self::Hour => 0..=23,
            Self::Day => 1..=31,
            Self::Month => 1..=12,
            Self::Weekday => 0..=6,
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Minute | Self::Hour | Self::Day => &[],
            Self::Month => MONTHS,
            Self::Weekday => WEEKDAYS,
        }
    }

    /// What it may hold, in words.
    pub(super) fn allowed(self) -> String {
        let (first, last) = (self.range().start().to_owned(), self.range().end().to_owned());
        let numbers = format!("{first} to {last}");
        match self {
            Self::Minute | Self::Hour | Self::Day => numbers,
            Self::Month => format!("{numbers} and the names of months"),
            Self::Weekday => format!("{numbers}, where Sunday is 0, and the names of weekdays"),
        }
    }

    /// The values of a list such as `1-5,10/2`, and those ranges in it that run backwards.
    pub(super) fn parse(self, text: &str) -> Result<(Values, Vec<String>), ScheduleError> {
        let mut values = Values::default();
        let mut backwards = Vec::new();
        for part in text.split(',') {
            let (part, step) = match part.split_once('/') {
                Some((part, step)) => (part, Some(self.step(text, step)?)),
                None => (part, None),
            };
            let (first, last) = self.ends(text, part, step.is_some())?;
            if first > last {
                backwards.push(part.to_owned());
            }
            for value in (first.min(last)..=first.max(last)).step_by(step.unwrap_or(1)) {
                values.0 |= 1 << value;
            }
        }
        Ok((values, backwards))
    }

    /// The first and the last value of `*`, `a`, `a-b`, or of `a` with a step, which goes on to the field's end.
    fn ends(self, text: &str, part: &str, stepped: bool) -> Result<(u8, u8), ScheduleError> {
        if part == "*" {
            return Ok((*self.range().start(), *self.range().end()));
        }
        if let Some((first, last)) = part.split_once('-').filter(|(first, _)| !first.is_empty()) {
            return Ok((self.value(text, first)?, self.value(text, last)?));
        }
        let value = self.value(text, part)?;
        Ok((value, if stepped { *self.range().end() } else { value }))
    }

    fn step(self, text: &str, step: &str) -> Result<usize, ScheduleError> {
        let digits = !step.is_empty() && step.chars().all(|c| c.is_ascii_digit());
        match step.parse::<usize>() {
            Ok(step) if digits && step > 0 => Ok(step),
            _ => Err(ScheduleError::step(self, text, step)),
        }
    }

    fn value(self, text: &str, value: &str) -> Result<u8, ScheduleError> {
        if value.is_empty() {
            return Err(ScheduleError::empty(self, text));
        }
        if value.chars().all(|c| c.is_ascii_digit()) {
            let number = value.parse::<u8>().ok();
            return number
                .filter(|number| self.range().contains(number))
                .ok_or_else(|| ScheduleError::out_of_range(self, text, value));
        }
        let is_prefix = |name: &&str| name.get(..value.len()).is_some_and(|it| it.eq_ignore_ascii_case(value));
        let index = self.names().iter().position(is_prefix);
        index
            .and_then(|index| u8::try_from(index).ok())
            .map(|index| index + self.range().start())
            .ok_or_else(|| ScheduleError::unknown(self, text, value))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.position(), self.name())
    }
}
