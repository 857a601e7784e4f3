//! When a timer trigger fires: the schedules that ACR Tasks takes, which are those of the .NET library NCrontab.
//!
//! Five fields, separated by spaces: minute, hour, day of month, month, day of week; always UTC. They differ from those of
//! most cron daemons:
//! * Day of month and day of week must *both* match. `0 0 13 * 5` is midnight of each Friday the 13th.
//! * Sunday is 0; there is no 7, no `?`, `L`, `W`, `#` or `@daily`, no seconds and no years.
//! * Names match by prefix, in any casing, and the first match wins: `J` is January, `Ju` is June, `S` is Sunday.
//! * `5/10` goes from 5 to the field's last value in steps of 10.
//! * A range that runs backwards is turned round: `22-6` is 6 to 22, and *not* the night. See [`Schedule::remarks`].
//!
//! Source: Microsoft's documentation of ACR Tasks names the library; the rules were read off the library. One thing is
//! stricter here: a step of 0, which the library takes for 1, is refused.

mod error;
mod field;
#[cfg(test)]
mod tests;

use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset, util::days_in_month};

pub use error::ScheduleError;
pub use field::Field;

use field::Values;

/// A year in which February has 29 days, to ask what its longest is.
const LEAP_YEAR: i32 = 2000;

/// A schedule: which minutes it fires at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: Values,
    hours: Values,
    days: Values,
    months: Values,
    weekdays: Values,
    backwards: Vec<(Field, String)>,
}

impl Schedule {
    /// Parses a schedule.
    ///
    /// # Errors
    /// Says which field is wrong, what was found there and what is allowed.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        if text.contains(|c: char| c.is_whitespace() && c != ' ') {
            return Err(ScheduleError::separators());
        }
        let parts: Vec<&str> = text.split(' ').filter(|part| !part.is_empty()).collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            return Err(ScheduleError::count(&parts));
        };
        let mut backwards = Vec::new();
        let mut read = |field: Field, text: &str| {
            let (values, turned) = field.parse(text)?;
            backwards.extend(turned.into_iter().map(|range| (field, range)));
            Ok(values)
        };
        Ok(Self {
            minutes: read(Field::Minute, minute)?,
            hours: read(Field::Hour, hour)?,
            days: read(Field::Day, day)?,
            months: read(Field::Month, month)?,
            weekdays: read(Field::Weekday, weekday)?,
            backwards,
        })
    }

    /// The first firing strictly after `after`, in UTC; `None` when there is none until the end of year 9999.
    #[must_use]
    pub fn next_after(&self, after: OffsetDateTime) -> Option<OffsetDateTime> {
        if self.never_fires() {
            return None;
        }
        let utc = after.checked_to_offset(UtcOffset::UTC)?;
        let minute = utc.date().with_hms(utc.hour(), utc.minute(), 0).ok()?;
        let from = minute.checked_add(Duration::MINUTE)?;
        let today = self.matches(from.date()).then(|| self.first_time(from.time()));
        let (date, time) = match today.flatten() {
            Some(time) => (from.date(), time),
            None => (self.next_date(from.date())?, self.first_time(Time::MIDNIGHT)?),
        };
        Some(date.with_time(time).assume_utc())
    }

    /// Up to `count` firings strictly after `after`, in their order.
    #[must_use]
    pub fn next_runs(&self, after: OffsetDateTime, count: usize) -> Vec<OffsetDateTime> {
        let first = self.next_after(after);
        std::iter::successors(first, |run| self.next_after(*run))
            .take(count)
            .collect()
    }

    /// Whether no calendar has a day that matches, as with `0 0 31 2 *`. The weekday never matters: over the years each day
    /// of the year falls on each of them.
    #[must_use]
    pub fn never_fires(&self) -> bool {
        let has_day = |month: u8| {
            Month::try_from(month).is_ok_and(|month| {
                self.days
                    .at_least(1)
                    .is_some_and(|day| day <= days_in_month(month, LEAP_YEAR))
            })
        };
        !self.months.iter().any(has_day)
    }

    /// What is allowed and hardly meant, a sentence each: a schedule that never fires, a range that runs backwards.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let never = self
            .never_fires()
            .then(|| "It never fires: no month that it names has a day that it names.".to_owned());
        let turned = self.backwards.iter().map(|(field, range)| {
            format!(
                "ACR turns the range {range} of the field {field} round, because it runs backwards: it does not go past the field's end. Write two ranges separated by a comma if that is what is meant."
            )
        });
        never.into_iter().chain(turned).collect()
    }

    fn matches(&self, date: Date) -> bool {
        self.months.has(date.month().into())
            && self.days.has(date.day())
            && self.weekdays.has(date.weekday().number_days_from_sunday())
    }

    /// The first time of a day that matches, from `from` on.
    fn first_time(&self, from: Time) -> Option<Time> {
        let hour = self.hours.at_least(from.hour())?;
        let minute = match hour == from.hour() {
            true => self.minutes.at_least(from.minute()),
            false => self.minutes.at_least(0),
        };
        match minute {
            Some(minute) => Time::from_hms(hour, minute, 0).ok(),
            // Nothing is left of that hour, and the next begins at its first minute.
            None => self.first_time(Time::from_hms(hour.checked_add(1)?, 0, 0).ok()?),
        }
    }

    /// The first date after `date` that matches. Ends, at the latest, with the calendar.
    fn next_date(&self, date: Date) -> Option<Date> {
        let mut date = date.next_day()?;
        while !self.matches(date) {
            let month = date.month();
            date = if self.months.has(month.into()) {
                date.next_day()?
            } else {
                let last = date.replace_day(days_in_month(month, date.year())).ok()?;
                last.next_day()?
            };
        }
        Some(date)
    }
}
