//! `next_runs`: when a timer trigger's schedule fires next.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::acr::schedule::Schedule;
use crate::framework::{
    Type, Value,
    function::{Arguments, Function, FunctionError, Parameter, Signature},
};

/// How many firings may be asked for: enough to review a schedule, and a list that a plan can still show.
const RUNS_MAX: i64 = 100;

/// The function.
pub(super) struct NextRuns;

impl Function for NextRuns {
    fn name(&self) -> &'static str {
        "next_runs"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "Tells when a schedule of a task's timer trigger fires next.",
            description: "Schedules are those of ACR Tasks, always in UTC, and differ from what most cron daemons take: day of month and day of week must *both* match, Sunday is 0 and 7 is refused, names match by prefix (`Mon`, `January`), `5/10` goes from 5 to the field's end in steps of 10, and there is no `?`, `L`, `W`, `#` or `@daily`. A range that runs backwards is turned round: `22-6` is 6 to 22.\n\nThe result depends on the arguments alone. Give a fixed time, or `plantimestamp()`, which a plan keeps for its apply; `timestamp()` leaves the result unknown until apply.",
            parameters: vec![
                Parameter::new(
                    "cron",
                    Type::String,
                    "The schedule: minute, hour, day of month, month and day of week, separated by spaces.",
                ),
                Parameter::new(
                    "after",
                    Type::String,
                    "A time, as `2026-01-31T21:00:00Z` or with an offset (RFC 3339). A firing at this very time does not count.",
                ),
                Parameter::new("n", Type::Number, "How many firings to tell: 1 to 100."),
            ],
            variadic: None,
            returns: Type::list(Type::String),
            result: "The firings in their order, in UTC, as `2026-01-31T21:00:00Z`. Fewer than were asked for, or none, when there are no more until the year 9999: `0 0 31 2 *` never fires.",
        }
    }

    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let (cron, after, count): (String, String, i64) = (arguments.get(0)?, arguments.get(1)?, arguments.get(2)?);
        let schedule = Schedule::parse(&cron).map_err(|error| FunctionError::at(0, error.to_string()))?;
        let after = OffsetDateTime::parse(&after, &Rfc3339).map_err(|_| {
            FunctionError::at(
                1,
                format!("\"{after}\" is no time; expected is one such as 2026-01-31T21:00:00Z"),
            )
        })?;
        let count = usize::try_from(count)
            .ok()
            .filter(|_| (1..=RUNS_MAX).contains(&count))
            .ok_or_else(|| FunctionError::at(2, format!("{count} is no whole number from 1 to {RUNS_MAX}")))?;
        let runs = schedule.next_runs(after, count).into_iter();
        // Every time of the schedule has a year of four digits and no fraction, which this format can write.
        let written = runs.map(|run| run.format(&Rfc3339).map(Value::string));
        let written: Result<Vec<Value>, _> = written.collect();
        written.map(Value::List).map_err(|error| {
            FunctionError::new(format!(
                "a firing cannot be written as a time: {error}; please report this"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::functions::call;

    fn next(cron: &str, after: &str, count: i64) -> Result<Value, FunctionError> {
        call(
            &NextRuns,
            vec![Value::string(cron), Value::string(after), Value::integer(count)],
        )
    }

    #[test]
    fn firings_are_told_in_utc() {
        for (cron, after, count, expected) in [
            (
                "0 21 * * *",
                "2026-01-01T23:30:00+02:00",
                2,
                &["2026-01-02T21:00:00Z", "2026-01-03T21:00:00Z"][..],
            ),
            ("0 0 31 2 *", "2026-01-01T00:00:00Z", 3, &[]),
        ] {
            let expected = expected.iter().map(|run| Value::string(*run)).collect();
            assert_eq!(next(cron, after, count), Ok(Value::List(expected)), "{cron}");
        }
        let Ok(Value::List(runs)) = next("* * * * *", "2026-01-01T00:00:00Z", RUNS_MAX) else {
            panic!("a list is expected");
        };
        assert_eq!(runs.len(), 100);
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        for (cron, after, count, argument, says) in [
            ("0 0 * * 7", "2026-01-01T00:00:00Z", 1, 0, "Sunday is 0"),
            ("* * * * *", "2026-01-01", 1, 1, "\"2026-01-01\" is no time"),
            ("* * * * *", "2026-01-01T00:00:00", 1, 1, "is no time"),
            (
                "* * * * *",
                "2026-01-01T00:00:00Z",
                0,
                2,
                "0 is no whole number from 1 to 100",
            ),
            ("* * * * *", "2026-01-01T00:00:00Z", 101, 2, "101 is no whole number"),
            ("* * * * *", "2026-01-01T00:00:00Z", -1, 2, "-1 is no whole number"),
        ] {
            let error = next(cron, after, count).unwrap_err();
            assert_eq!(error.argument, Some(argument), "{error}");
            assert!(error.text.contains(says), "{error}");
        }
    }
}
