//! Checks of single attribute values, before anyone asks Azure. Each says what is allowed and, where it can, what was meant.

use std::{fmt, sync::Arc};

use super::{
    Diagnostic, Diagnostics, Path, Value,
    schema::{Block, Nesting},
};

/// What a check looks at: one known value, never null.
type Check = dyn Fn(&Value) -> Result<(), Problem> + Send + Sync;

/// A check of one attribute's known, non-null value.
#[derive(Clone)]
pub struct Validator {
    /// What is allowed, for documents: "3 to 20 of `A-Z`, …". Empty when it goes without saying.
    pub rule: String,
    check: Arc<Check>,
}

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A few words.
    pub summary: String,
    /// What was found, what is allowed, what to do.
    pub detail: String,
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Validator").field(&self.rule).finish()
    }
}

impl Validator {
    /// A check with the rule that documents show.
    pub fn new(rule: impl Into<String>, check: impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static) -> Self {
        Self {
            rule: rule.into(),
            check: Arc::new(check),
        }
    }

    /// A check of text.
    pub fn text(rule: impl Into<String>, check: impl Fn(&str) -> Result<(), Problem> + Send + Sync + 'static) -> Self {
        Self::new(rule, move |value| value.as_str().map_or(Ok(()), &check))
    }

    /// One of the given texts, exactly; a near miss is named.
    #[must_use]
    pub fn one_of(choices: &'static [&'static str]) -> Self {
        let listed = choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let rule = format!("one of {listed}");
        Self::text(rule, move |text| {
            if choices.contains(&text) {
                return Ok(());
            }
            let meant = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text));
            let hint = meant.map_or(String::new(), |choice| format!(" Did you mean \"{choice}\"?"));
            Err(Problem {
                summary: "Unsupported value".into(),
                detail: format!(
                    "\"{text}\" is not supported.{hint} Supported are {}.",
                    choices.join(", ")
                ),
            })
        })
    }

    /// A whole number within bounds, both included.
    #[must_use]
    pub fn whole_number(min: i64, max: i64, why: &'static str) -> Self {
        Self::new(format!("a whole number from {min} to {max}"), move |value| {
            let Value::Number(number) = value else { return Ok(()) };
            match number.as_i64() {
                Some(number) if (min..=max).contains(&number) => Ok(()),
                _ => Err(Problem {
                    summary: "Number out of range".into(),
                    detail: format!("{number} is not a whole number from {min} to {max}. {why}"),
                }),
            }
        })
    }
}

/// Runs every attribute's checks on a configuration, at any depth. Null and unknown values pass.
#[must_use]
pub fn validate(block: &Block, config: &Value) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    validate_block(block, config, &Path::root(), &mut diagnostics);
    diagnostics
}

fn validate_block(block: &Block, config: &Value, path: &Path, diagnostics: &mut Diagnostics) {
    for attribute in &block.attributes {
        let value = config.member(attribute.name);
        if value.is_null() || !value.is_wholly_known() {
            continue;
        }
        for validator in &attribute.validators {
            if let Err(problem) = (validator.check)(value) {
                diagnostics.push(Diagnostic::error(problem.summary, problem.detail).at(path.then(attribute.name)));
                break;
            }
        }
    }
    for nested in &block.blocks {
        let below = path.then(nested.name);
        match (config.member(nested.name), nested.nesting) {
            (object @ Value::Map(_), Nesting::Single) => validate_block(&nested.block, object, &below, diagnostics),
            (Value::List(objects), _) => {
                for (index, object) in objects.iter().enumerate() {
                    validate_block(&nested.block, object, &below.index(index), diagnostics);
                }
            }
            // Elements of a set have no address: the diagnostic points at the set.
            (Value::Set(objects), _) => {
                for object in objects {
                    validate_block(&nested.block, object, &below, diagnostics);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{Type, number::Number, schema::Attribute};

    fn problems(attribute: Attribute, value: Value) -> Vec<(String, String)> {
        let name = attribute.name;
        let block = Block {
            attributes: vec![attribute],
            ..Block::default()
        };
        let found = validate(&block, &Value::object([(name, value)]));
        found
            .0
            .into_iter()
            .map(|d| (d.path.unwrap().to_string(), d.detail))
            .collect()
    }

    #[test]
    fn choices_suggest_the_near_miss() {
        let tier = || Attribute::required("tier", Type::String, "").check(Validator::one_of(&["S1", "S2"]));
        assert!(problems(tier(), Value::string("S1")).is_empty());
        assert!(problems(tier(), Value::Unknown).is_empty() && problems(tier(), Value::Null).is_empty());
        let found = problems(tier(), Value::string("s2"));
        assert_eq!(found[0].0, "tier");
        assert_eq!(
            found[0].1,
            "\"s2\" is not supported. Did you mean \"S2\"? Supported are S1, S2."
        );
        assert_eq!(
            problems(tier(), Value::string("S4"))[0].1,
            "\"S4\" is not supported. Supported are S1, S2."
        );
    }

    #[test]
    fn whole_numbers_have_bounds() {
        let count = || Attribute::required("n", Type::Number, "").check(Validator::whole_number(0, 10, "Because."));
        for (text, ok) in [
            ("0", true),
            ("10", true),
            ("-1", false),
            ("11", false),
            ("1.5", false),
            ("1099511627776", false),
        ] {
            assert_eq!(
                problems(count(), Value::Number(Number::parse(text).unwrap())).is_empty(),
                ok,
                "{text}"
            );
        }
    }
}
