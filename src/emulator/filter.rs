//! The `$filter` of runs: `Member eq 'value'`, `ne`, joined by `and` and `or`, with parentheses.
//!
//! `contains` and comparisons of times are documented for the service and refused here, as nothing needs them yet.

/// Members that a filter may name.
const MEMBERS: [&str; 5] = ["RunId", "RunType", "Status", "TaskName", "AgentPoolName"];
/// How deep parentheses may nest: far beyond any client, and a bound for the recursion.
const MAX_DEPTH: usize = 32;

/// A filter, read.
#[derive(Debug)]
pub(super) enum Filter {
    Equals(&'static str, String),
    Differs(&'static str, String),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
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
            Filter::Equals(name, value) => member(name).is_some_and(|found| found.eq_ignore_ascii_case(value)),
            Filter::Differs(name, value) => !member(name).is_some_and(|found| found.eq_ignore_ascii_case(value)),
            Filter::And(left, right) => left.matches(member) && right.matches(member),
            Filter::Or(left, right) => left.matches(member) || right.matches(member),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Word {
    Open,
    Close,
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
            Some(Word::Name(name)) => {
                let known = MEMBERS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
                let member = known.ok_or_else(|| format!("'{name}' cannot be filtered by here"))?;
                let operator = self.next();
                let value = self.next();
                match (operator, value) {
                    (Some(Word::Name(operator)), Some(Word::Text(value))) if operator == "eq" => {
                        Ok(Filter::Equals(member, value.clone()))
                    }
                    (Some(Word::Name(operator)), Some(Word::Text(value))) if operator == "ne" => {
                        Ok(Filter::Differs(member, value.clone()))
                    }
                    _ => Err(format!("'{name}' needs eq or ne and a quoted value")),
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
                    .find(|c: char| c.is_whitespace() || "()'".contains(c))
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
