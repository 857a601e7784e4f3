//! Schedules as tables: when they fire, and why a text is none.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::*;

fn at(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

fn runs(cron: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(cron).unwrap_or_else(|error| panic!("{cron}: {error}"));
    let runs = schedule.next_runs(at(after), count);
    runs.iter().map(|run| run.format(&Rfc3339).unwrap()).collect()
}

#[test]
fn firings_in_their_order() {
    // 2026-01-01 is a Thursday.
    for (cron, after, expected) in [
        // Documented examples.
        (
            "*/5 * * * *",
            "2026-01-01T00:00:00Z",
            &["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"][..],
        ),
        (
            "0 9-17 * * *",
            "2026-01-01T16:30:00Z",
            &["2026-01-01T17:00:00Z", "2026-01-02T09:00:00Z"],
        ),
        (
            "30 9 * * 1-5",
            "2026-01-02T09:30:00Z",
            &["2026-01-05T09:30:00Z", "2026-01-06T09:30:00Z"],
        ),
        ("30 9 * Jan Mon", "2026-01-26T09:30:00Z", &["2027-01-04T09:30:00Z"]),
        // Strictly after, whatever the seconds.
        ("0 21 * * *", "2026-01-01T21:00:00Z", &["2026-01-02T21:00:00Z"]),
        ("0 21 * * *", "2026-01-01T20:59:59.999Z", &["2026-01-01T21:00:00Z"]),
        ("0 21 * * *", "2026-01-01T21:00:00.001Z", &["2026-01-02T21:00:00Z"]),
        (
            "* * * * *",
            "2026-12-31T23:59:30Z",
            &["2027-01-01T00:00:00Z", "2027-01-01T00:01:00Z"],
        ),
        // UTC, whatever the clock of the caller says.
        ("0 21 * * *", "2026-01-01T22:30:00+02:00", &["2026-01-01T21:00:00Z"]),
        ("0 1 * * *", "2026-03-28T23:00:00-05:00", &["2026-03-30T01:00:00Z"]),
        // Day of month and day of week must both match.
        (
            "0 0 13 * 5",
            "2026-01-01T00:00:00Z",
            &["2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z", "2026-11-13T00:00:00Z"],
        ),
        (
            "0 0 8-14 * Fri",
            "2026-01-01T00:00:00Z",
            &["2026-01-09T00:00:00Z", "2026-02-13T00:00:00Z"],
        ),
        // A value with a step goes on to the field's end.
        (
            "5/20 0 * * *",
            "2026-01-01T00:00:00Z",
            &[
                "2026-01-01T00:05:00Z",
                "2026-01-01T00:25:00Z",
                "2026-01-01T00:45:00Z",
                "2026-01-02T00:05:00Z",
            ],
        ),
        (
            "0 20/2 * * *",
            "2026-01-01T00:00:00Z",
            &["2026-01-01T20:00:00Z", "2026-01-01T22:00:00Z", "2026-01-02T20:00:00Z"],
        ),
        (
            "0 0 */10 * *",
            "2026-01-01T00:00:00Z",
            &[
                "2026-01-11T00:00:00Z",
                "2026-01-21T00:00:00Z",
                "2026-01-31T00:00:00Z",
                "2026-02-01T00:00:00Z",
            ],
        ),
        (
            "59/5 * * * *",
            "2026-01-01T00:00:00Z",
            &["2026-01-01T00:59:00Z", "2026-01-01T01:59:00Z"],
        ),
        // Lists of ranges with steps.
        (
            "0-10/5,30,50-59/6 12 * * *",
            "2026-01-01T12:05:00Z",
            &[
                "2026-01-01T12:10:00Z",
                "2026-01-01T12:30:00Z",
                "2026-01-01T12:50:00Z",
                "2026-01-01T12:56:00Z",
            ],
        ),
        (
            "0 0 1,15 6-7 *",
            "2026-06-02T00:00:00Z",
            &[
                "2026-06-15T00:00:00Z",
                "2026-07-01T00:00:00Z",
                "2026-07-15T00:00:00Z",
                "2027-06-01T00:00:00Z",
            ],
        ),
        // Backwards ranges are turned round.
        (
            "0 22-20 * * *",
            "2026-01-01T00:00:00Z",
            &["2026-01-01T20:00:00Z", "2026-01-01T21:00:00Z", "2026-01-01T22:00:00Z"],
        ),
        // Days that a month lacks are skipped.
        (
            "0 0 31 * *",
            "2026-01-31T00:00:00Z",
            &["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"],
        ),
        (
            "0 0 29 2 *",
            "2026-01-01T00:00:00Z",
            &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
        ),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", &["2104-02-29T00:00:00Z"]),
        (
            "0 0 29 2 Sun",
            "2026-01-01T00:00:00Z",
            &["2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z"],
        ),
        // Spaces may be many, zeros may lead.
        ("  05  07 * *   * ", "2026-01-01T00:00:00Z", &["2026-01-01T07:05:00Z"]),
    ] {
        assert_eq!(runs(cron, after, expected.len()), expected, "{cron} after {after}");
    }
}

#[test]
fn names_by_prefix_in_any_casing() {
    for (field, names, numbers) in [
        ("month", "J", "1"),
        ("month", "jan", "1"),
        ("month", "JANUARY", "1"),
        ("month", "Ju", "6"),
        ("month", "Jul", "7"),
        ("month", "M", "3"),
        ("month", "ma", "3"),
        ("month", "May", "5"),
        ("month", "A", "4"),
        ("month", "Au", "8"),
        ("month", "Jan-Mar,O", "1-3,10"),
        ("month", "Oct/2", "10/2"),
        ("weekday", "S", "0"),
        ("weekday", "sa", "6"),
        ("weekday", "T", "2"),
        ("weekday", "tH", "4"),
        ("weekday", "W", "3"),
        ("weekday", "Mon-Fri", "1-5"),
        ("weekday", "mon-fri/2", "1,3,5"),
        ("weekday", "Fri-Mon", "1-5"),
    ] {
        let parse = |value: &str| {
            let text = if field == "month" {
                format!("0 0 * {value} *")
            } else {
                format!("0 0 * * {value}")
            };
            let schedule = Schedule::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            (schedule.months, schedule.weekdays)
        };
        assert_eq!(parse(names), parse(numbers), "{field} {names}");
    }
}

#[test]
fn what_never_fires_is_told() {
    for (cron, never) in [
        ("0 0 31 2 *", true),
        ("0 0 30 2 *", true),
        ("0 0 30,31 Feb Mon", true),
        ("0 0 31 4,6,9,11 *", true),
        ("0 0 31 4-6 *", false),
        ("0 0 29 2 *", false),
        ("0 0 29 2 3", false),
        ("* * * * *", false),
    ] {
        let schedule = Schedule::parse(cron).unwrap();
        assert_eq!(schedule.never_fires(), never, "{cron}");
        let after = at("2026-01-01T00:00:00Z");
        assert_eq!(schedule.next_after(after).is_none(), never, "{cron}");
        let told = schedule.remarks().iter().any(|remark| remark.contains("never fires"));
        assert_eq!(told, never, "{cron}");
    }
}

#[test]
fn the_calendar_ends() {
    assert_eq!(runs("0 0 * * *", "9999-12-30T12:00:00Z", 5), ["9999-12-31T00:00:00Z"]);
    assert!(runs("0 0 29 2 *", "9996-03-01T00:00:00Z", 1).is_empty());
    assert!(runs("* * * * *", "9999-12-31T23:59:00-01:00", 1).is_empty());
}

#[test]
fn backwards_ranges_are_remarked() {
    for (cron, expected) in [
        ("0 22-6 * * *", &["range 22-6 of the field 2 (hour)"][..]),
        (
            "50-10,1-2 0 * * Sat-Sun",
            &[
                "range 50-10 of the field 1 (minute)",
                "range Sat-Sun of the field 5 (day of week)",
            ],
        ),
        ("0 6-22 * * *", &[]),
        ("5/10 7-7 * * *", &[]),
    ] {
        let remarks = Schedule::parse(cron).unwrap().remarks();
        assert_eq!(remarks.len(), expected.len(), "{cron}: {remarks:?}");
        for (remark, expected) in remarks.iter().zip(expected) {
            assert!(remark.contains(expected), "{cron}: {remark}");
        }
    }
}

#[test]
fn errors_point_at_the_field() {
    use Field::{Day, Hour, Minute, Month, Weekday};
    for (cron, field, says) in [
        (
            "0 0 * * 7",
            Some(Weekday),
            "field 5 (day of week) is \"7\": 7 is out of range: allowed are 0 to 6, and Sunday is 0",
        ),
        ("0 0 * * 1-7", Some(Weekday), "is \"1-7\": 7 is out of range"),
        (
            "60 0 * * *",
            Some(Minute),
            "field 1 (minute) is \"60\": 60 is out of range: allowed are 0 to 59",
        ),
        (
            "0 24 * * *",
            Some(Hour),
            "field 2 (hour) is \"24\": 24 is out of range: allowed are 0 to 23",
        ),
        (
            "0 0 0 * *",
            Some(Day),
            "field 3 (day of month) is \"0\": 0 is out of range: allowed are 1 to 31",
        ),
        (
            "0 0 * 13 *",
            Some(Month),
            "field 4 (month) is \"13\": 13 is out of range: allowed are 1 to 12 and the names of months",
        ),
        ("0 99999999999999999999 * * *", Some(Hour), "is out of range"),
        ("0 0 0/5 * *", Some(Day), "0 is out of range"),
        (
            "0 0 ? * 1",
            Some(Day),
            "field 3 (day of month) is \"?\": ACR does not know `?`; write `*`",
        ),
        ("0 0 L * *", Some(Day), "ACR does not know `L`"),
        ("0 0 * * 5L", Some(Weekday), "ACR does not know `L`"),
        ("0 0 15W * *", Some(Day), "ACR does not know `W`"),
        ("0 0 * * 5#2", Some(Weekday), "ACR does not know `#`"),
        (
            "0 0 * Foo *",
            Some(Month),
            "\"Foo\" is not known; allowed are 1 to 12 and the names of months",
        ),
        ("0 0 * * Mond-Frid-Sun", Some(Weekday), "\"Frid-Sun\" is not known"),
        ("Mon 0 * * *", Some(Minute), "\"Mon\" is not known; allowed are 0 to 59"),
        (
            "*/0 * * * *",
            Some(Minute),
            "the step \"0\" after the slash is no whole number from 1",
        ),
        ("*/x * * * *", Some(Minute), "the step \"x\""),
        ("*/5/2 * * * *", Some(Minute), "the step \"5/2\""),
        ("*/ * * * *", Some(Minute), "the step \"\""),
        ("/5 * * * *", Some(Minute), "a value is missing"),
        ("1, * * * *", Some(Minute), "a value is missing"),
        (",1 * * * *", Some(Minute), "a value is missing"),
        ("1- * * * *", Some(Minute), "a value is missing"),
        ("-1 * * * *", Some(Minute), "\"-1\" is not known"),
        ("*-5 * * * *", Some(Minute), "`*` stands alone"),
        ("1.5 * * * *", Some(Minute), "\"1.5\" is not known"),
        ("0 0 * * Мон", Some(Weekday), "\"Мон\" is not known"),
        (
            "@daily",
            None,
            "ACR knows no shorthands such as @daily; write \"0 0 * * *\"",
        ),
        (
            "@reboot",
            None,
            "ACR knows no shorthands such as @reboot; five fields are expected",
        ),
        (
            "0 0 0 * * *",
            None,
            "five fields are expected: minute, hour, day of month, month, day of week; ACR has neither seconds nor years, 6 fields were found",
        ),
        ("0 21 * *", None, "4 fields were found"),
        ("nightly", None, "1 field was found"),
        ("", None, "none was found"),
        ("   ", None, "none was found"),
        ("0\t21 * * *", None, "only spaces separate its fields"),
        ("0 21 * * *\n", None, "only spaces separate its fields"),
    ] {
        let error = Schedule::parse(cron).expect_err(cron);
        assert_eq!(error.field, field, "{cron}: {error}");
        assert!(error.to_string().contains(says), "{cron}: {error}");
    }
}
