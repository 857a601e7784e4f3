//! Why a text is no schedule.

use std::fmt;

use super::field::{FIELDS, Field};

/// What is written elsewhere as one word, and here in five fields.
const SHORTHANDS: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Why a text is no schedule. Printed, it names the field, what was found in it and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    /// The field to blame; `None` when there are not five of them.
    pub field: Option<Field>,
    /// What stands in that field, or the number of fields that there are.
    pub found: String,
    /// What is wrong with it and what would be right, without a full stop.
    pub problem: String,
}

impl ScheduleError {
    fn at(field: Field, found: &str, problem: String) -> Self {
        Self {
            field: Some(field),
            found: found.to_owned(),
            problem,
        }
    }

    fn whole(found: String, problem: String) -> Self {
        Self {
            field: None,
            found,
            problem,
        }
    }

    pub(super) fn separators() -> Self {
        let problem = "a schedule is one line, and only spaces separate its fields; it has a tab or a line break";
        Self::whole("white space".to_owned(), problem.to_owned())
    }

    pub(super) fn count(parts: &[&str]) -> Self {
        let names: Vec<&str> = FIELDS.map(Field::name).to_vec();
        let expected = format!("five fields are expected: {}", names.join(", "));
        let found = match parts.len() {
            1 => "1 field".to_owned(),
            count => format!("{count} fields"),
        };
        let problem = match parts {
            [word] if word.starts_with('@') => {
                let same = SHORTHANDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
                let advice = same.map_or(expected, |(_, fields)| format!("write \"{fields}\""));
                format!("ACR knows no shorthands such as {word}; {advice}")
            }
            [_, _, _, _, _, _, ..] => format!("{expected}; ACR has neither seconds nor years, {found} were found"),
            [] => format!("{expected}; none was found"),
            _ => format!(
                "{expected}; {found} {} found",
                if parts.len() == 1 { "was" } else { "were" }
            ),
        };
        Self::whole(found, problem)
    }

    pub(super) fn empty(field: Field, found: &str) -> Self {
        let problem = format!(
            "a value is missing beside a comma, hyphen or slash; allowed are {}",
            field.allowed()
        );
        Self::at(field, found, problem)
    }

    pub(super) fn step(field: Field, found: &str, step: &str) -> Self {
        let problem = format!("the step \"{step}\" after the slash is no whole number from 1");
        Self::at(field, found, problem)
    }

    pub(super) fn out_of_range(field: Field, found: &str, value: &str) -> Self {
        let problem = match (field, value) {
            (Field::Weekday, "7") => "7 is out of range: allowed are 0 to 6, and Sunday is 0".to_owned(),
            _ => format!("{value} is out of range: allowed are {}", field.allowed()),
        };
        Self::at(field, found, problem)
    }

    pub(super) fn unknown(field: Field, found: &str, value: &str) -> Self {
        let allowed = field.allowed();
        let ends_with = |letter: char| {
            let upper = value.to_ascii_uppercase();
            let rest = upper.strip_suffix(letter);
            rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
        };
        let problem = if value == "?" {
            "ACR does not know `?`; write `*`".to_owned()
        } else if value.contains('#') {
            format!(
                "ACR does not know `#`, the n-th weekday of a month; allowed are {allowed}. For the second Friday, say, name the days 8-14 and the weekday Fri: both must match"
            )
        } else if ends_with('L') {
            format!("ACR does not know `L`, the last day; allowed are {allowed}")
        } else if ends_with('W') {
            format!("ACR does not know `W`, the nearest working day; allowed are {allowed}")
        } else if value.contains('*') {
            "`*` stands alone, or before a slash and a step".to_owned()
        } else {
            format!("\"{value}\" is not known; allowed are {allowed}")
        };
        Self::at(field, found, problem)
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "field {field} is \"{}\": {}", self.found, self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for ScheduleError {}
