//! The `$filter` of runs: `Member eq 'value'`, `ne`, comparisons of times, `contains(Member, 'part')`, joined by `and` and
//! `or`, with parentheses.
//!
//! Assumed: a time is compared as one, quoted or not; a member that a run lacks fails every comparison but `ne`.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Members that a filter may name.
const MEMBERS: [&str; 9] = [
    "RunId",
    "RunType",
    "Status",
    "CreateTime",
    "FinishTime",
    "OutputImageManifests",
    "IsArchiveEnabled",
    "TaskName",
    "AgentPoolName",
];
/// How deep parentheses may nest: far beyond any client, and a bound for the recursion.
const MAX_DEPTH: usize = 32;

/// A filter, read.
#[derive(Debug)]
pub(super) enum Filter {
    Compares(&'static str, Operator, String),
    Contains(&'static str, String),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    fn named(name: &str) -> Option<Operator> {
        Some(match name {
            "eq" => Operator::Equal,
            "ne" => Operator::NotEqual,
            "gt" => Operator::Greater,
            "ge" => Operator::GreaterOrEqual,
            "lt" => Operator::Less,
            "le" => Operator::LessOrEqual,
            _ => return None,
        })
    }

    fn holds<T: Ord>(self, left: &T, right: &T) -> bool {
        match self {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Greater => left > right,
            Operator::GreaterOrEqual => left >= right,
            Operator::Less => left < right,
            Operator::LessOrEqual => left <= right,
        }
    }
}

impl Filter {
    /// Reads a filter; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Filter, String> {
        let words = words(text)?;
        let mut reader = Reader { words: &words, at: 0 };
        let filter = reader.either(0)?;
        match reader.words.get(reader.at) {
            None => Ok(filter),
            Some(word) => Err(format!("unexpected {word:?}")),
        }
    }

    /// Whether an object, given by its members, passes.
    pub(super) fn matches(&self, member: &dyn Fn(&str) -> Option<String>) -> bool {
        match self {
            Filter::Compares(name, operator, value) => match member(name) {
                None => *operator == Operator::NotEqual,
                Some(found) => match (time_of(&found), time_of(value)) {
                    (Some(found), Some(value)) => operator.holds(&found, &value),
                    _ => operator.holds(&found.to_ascii_lowercase(), &value.to_ascii_lowercase()),
                },
            },
            Filter::Contains(name, part) => {
                member(name).is_some_and(|found| found.to_ascii_lowercase().contains(&part.to_ascii_lowercase()))
            }
            Filter::And(left, right) => left.matches(member) && right.matches(member),
            Filter::Or(left, right) => left.matches(member) || right.matches(member),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Word {
    Open,
    Close,
    Comma,
    Name(String),
    Text(String),
}

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
}

impl<'a> Reader<'a> {
    fn either(&mut self, depth: usize) -> Result<Filter, String> {
        let mut left = self.both(depth)?;
        while self.take_name("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both(depth)?));
        }
        Ok(left)
    }

    fn both(&mut self, depth: usize) -> Result<Filter, String> {
        let mut left = self.single(depth)?;
        while self.take_name("and") {
            left = Filter::And(Box::new(left), Box::new(self.single(depth)?));
        }
        Ok(left)
    }

    fn single(&mut self, depth: usize) -> Result<Filter, String> {
        if depth > MAX_DEPTH {
            return Err("too many parentheses".into());
        }
        match self.next() {
            Some(Word::Open) => {
                let inner = self.either(depth + 1)?;
                match self.next() {
                    Some(Word::Close) => Ok(inner),
                    _ => Err("a parenthesis is not closed".into()),
                }
            }
            Some(Word::Name(name)) if name.eq_ignore_ascii_case("contains") => {
                match (self.next(), self.next(), self.next(), self.next(), self.next()) {
                    (
                        Some(Word::Open),
                        Some(Word::Name(name)),
                        Some(Word::Comma),
                        Some(Word::Text(part)),
                        Some(Word::Close),
                    ) => Ok(Filter::Contains(member(name)?, part.clone())),
                    _ => Err("contains needs a member and a quoted part".into()),
                }
            }
            Some(Word::Name(name)) => {
                let member = member(name)?;
                let operator = match self.next() {
                    Some(Word::Name(operator)) => Operator::named(operator),
                    _ => None,
                };
                let value = match self.next() {
                    Some(Word::Text(value)) => Some(value),
                    // Booleans and times may stand without quotes.
                    Some(Word::Name(value)) if is_literal(value) => Some(value),
                    _ => None,
                };
                match (operator, value) {
                    (Some(operator), Some(value)) => Ok(Filter::Compares(member, operator, value.clone())),
                    _ => Err(format!("'{name}' needs an operator and a quoted value")),
                }
            }
            _ => Err("a comparison is missing".into()),
        }
    }

    fn next(&mut self) -> Option<&'a Word> {
        self.at += 1;
        self.words.get(self.at - 1)
    }

    fn take_name(&mut self, wanted: &str) -> bool {
        let found = matches!(self.words.get(self.at), Some(Word::Name(name)) if name.eq_ignore_ascii_case(wanted));
        self.at += usize::from(found);
        found
    }
}

fn member(name: &str) -> Result<&'static str, String> {
    let known = MEMBERS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
    known.ok_or_else(|| format!("'{name}' cannot be filtered by here"))
}

fn is_literal(value: &str) -> bool {
    matches!(value, "true" | "false") || time_of(value).is_some()
}

fn time_of(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        match first {
            '(' => {
                words.push(Word::Open);
                rest = &rest[1..];
            }
            ')' => {
                words.push(Word::Close);
                rest = &rest[1..];
            }
            ',' => {
                words.push(Word::Comma);
                rest = &rest[1..];
            }
            '\'' => {
                let mut value = String::new();
                let mut tail = &rest[1..];
                loop {
                    let Some(end) = tail.find('\'') else {
                        return Err("a quote is not closed".into());
                    };
                    value.push_str(&tail[..end]);
                    tail = &tail[end + 1..];
                    // A doubled quote is one quote, as everywhere in OData.
                    let Some(after) = tail.strip_prefix('\'') else { break };
                    value.push('\'');
                    tail = after;
                }
                words.push(Word::Text(value));
                rest = tail;
            }
            _ => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || "()',".contains(c))
                    .unwrap_or(rest.len());
                words.push(Word::Name(rest[..end].into()));
                rest = &rest[end..];
            }
        }
        rest = rest.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let run = |name: &str| match name {
            "AgentPoolName" => Some("Pool1".to_string()),
            "Status" => Some("Queued".to_string()),
            "CreateTime" => Some("2026-03-04T05:06:07.1234567+00:00".to_string()),
            "OutputImageManifests" => Some("team/app@sha256:abc".to_string()),
            "IsArchiveEnabled" => Some("false".to_string()),
            _ => None,
        };
        for (text, expected) in [
            ("AgentPoolName eq 'pool1'", Some(true)),
            ("AgentPoolName eq 'pool2'", Some(false)),
            ("TaskName eq 'x'", Some(false)),
            ("TaskName ne 'x'", Some(true)),
            ("AgentPoolName eq 'pool1' and Status eq 'Running'", Some(false)),
            (
                "AgentPoolName eq 'pool1' and (Status eq 'Running' or Status eq 'Queued')",
                Some(true),
            ),
            (
                "Status eq 'Running' or Status eq 'Queued' and AgentPoolName eq 'pool2'",
                Some(false),
            ),
            ("(Status eq 'Queued')", Some(true)),
            ("TaskName eq 'it''s'", Some(false)),
            ("CreateTime gt 2026-03-04T05:06:07Z", Some(true)),
            ("CreateTime ge '2026-03-04T05:06:08Z'", Some(false)),
            ("CreateTime lt 2026-03-04T06:06:08+01:00", Some(true)),
            ("FinishTime le 2027-03-04T06:06:08Z", Some(false)),
            ("contains(OutputImageManifests, 'team/app@sha256:ABC')", Some(true)),
            (
                "contains(OutputImageManifests, 'other') or Status eq 'Queued'",
                Some(true),
            ),
            ("contains(OutputImageManifests)", None),
            ("contains(Colour, 'red')", None),
            ("IsArchiveEnabled eq false", Some(true)),
            ("IsArchiveEnabled eq true", Some(false)),
            ("Status", None),
            ("Status eq Queued", None),
            ("Colour eq 'red'", None),
            ("(Status eq 'Queued'", None),
            ("Status eq 'Queued", None),
            ("Status eq 'Queued' Status", None),
            ("", None),
        ] {
            let verdict = Filter::parse(text).ok().map(|filter| filter.matches(&run));
            assert_eq!(verdict, expected, "{text}");
        }
        assert!(Filter::parse(&"(".repeat(1000)).is_err());
    }
}
