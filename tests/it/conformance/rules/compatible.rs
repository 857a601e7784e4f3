//! Whether a later value keeps what an earlier one promised: planned against applied (A4), plan against plan (P11).

use crate::conformance::{
    rules::Violation,
    value::{CoreValue, Path},
};

/// Reports every place where `actual` breaks a known value of `promised`. What was unknown may become anything within
/// its refinements; sets are matched element to element, and may only shrink.
pub fn compatible(
    rule: &'static str,
    promised: &CoreValue,
    actual: &CoreValue,
    at: &Path,
    violations: &mut Vec<Violation>,
) {
    let mut report = |message: String| violations.push(Violation::new(rule, at, message));
    match (promised, actual) {
        (CoreValue::Unknown(refinement), actual) => {
            if refinement.not_null && actual.is_null() {
                report("promised not to be null, but is".to_owned());
            }
            let breaks = |prefix: &str| actual.text().is_some_and(|text| !text.starts_with(prefix));
            if let Some(prefix) = refinement.prefix.as_deref().filter(|prefix| breaks(prefix)) {
                report(format!("promised to begin with {prefix:?}, but is {actual}"));
            }
        }
        (CoreValue::Dynamic(_, inner), _) if inner.is_unknown() => {}
        (CoreValue::Dynamic(ty, promised), CoreValue::Dynamic(actual_ty, actual)) if ty == actual_ty => {
            compatible(rule, promised, actual, at, violations);
        }
        (CoreValue::Object(promised), CoreValue::Object(actual)) => {
            for (name, member) in promised {
                let actual = actual.get(name).unwrap_or(&CoreValue::Null);
                compatible(rule, member, actual, &at.attribute(name), violations);
            }
        }
        (CoreValue::Map(promised), CoreValue::Map(actual)) => {
            if !promised.keys().eq(actual.keys()) {
                report(format!(
                    "keys were {:?}, but are now {:?}",
                    promised.keys(),
                    actual.keys()
                ));
                return;
            }
            for (key, member) in promised {
                compatible(rule, member, &actual[key], &at.key(key), violations);
            }
        }
        (CoreValue::List(promised), CoreValue::List(actual))
        | (CoreValue::Tuple(promised), CoreValue::Tuple(actual)) => {
            if promised.len() != actual.len() {
                report(format!("length was {}, but is now {}", promised.len(), actual.len()));
                return;
            }
            for (index, (promised, actual)) in promised.iter().zip(actual).enumerate() {
                compatible(rule, promised, actual, &at.index(index), violations);
            }
        }
        (CoreValue::Set(promised), CoreValue::Set(actual)) => {
            if let Some(message) = sets_break(promised, actual) {
                report(message);
            }
        }
        (promised, actual) if promised == actual => {}
        (promised, actual) => report(format!("was {promised}, but is now {actual}")),
    }
}

/// Each actual element has to come of a promised one, each promised one has to show in the result, and there may not
/// be more than promised.
fn sets_break(promised: &[CoreValue], actual: &[CoreValue]) -> Option<String> {
    let fits = |promised: &CoreValue, actual: &CoreValue| {
        let mut breaks = Vec::new();
        compatible("", promised, actual, &Path::default(), &mut breaks);
        breaks.is_empty()
    };
    if actual.len() > promised.len() {
        return Some(format!(
            "the set had {} elements, but has now {}",
            promised.len(),
            actual.len()
        ));
    }
    if let Some(lost) = promised
        .iter()
        .find(|promised| !actual.iter().any(|actual| fits(promised, actual)))
    {
        return Some(format!("element {lost} vanished"));
    }
    let new = actual
        .iter()
        .find(|actual| !promised.iter().any(|promised| fits(promised, actual)))?;
    Some(format!("element {new} appeared"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::value::Refinement;

    #[test]
    fn promises_are_kept_or_reported() {
        let text = CoreValue::string;
        let unknown = CoreValue::unknown;
        let a_dash = || {
            CoreValue::Unknown(Refinement {
                not_null: true,
                prefix: Some("a-".to_owned()),
            })
        };
        let list = CoreValue::List;
        let table = [
            (text("a"), text("a"), true),
            (text("a"), text("b"), false),
            (CoreValue::Null, CoreValue::Null, true),
            (CoreValue::Null, text(""), false),
            (text(""), CoreValue::Null, false),
            (unknown(), CoreValue::Null, true),
            (a_dash(), CoreValue::Null, false),
            (a_dash(), text("a-1"), true),
            (a_dash(), text("b-1"), false),
            (list(vec![unknown()]), list(vec![text("x")]), true),
            (list(vec![unknown()]), list(vec![]), false),
            (
                CoreValue::set(vec![unknown(), text("x")]),
                CoreValue::set(vec![text("x")]),
                true,
            ),
            (
                CoreValue::set(vec![text("x")]),
                CoreValue::set(vec![text("x"), text("y")]),
                false,
            ),
            (
                CoreValue::set(vec![text("x"), text("y")]),
                CoreValue::set(vec![text("x")]),
                false,
            ),
            (
                CoreValue::object([("a", unknown())]),
                CoreValue::object([("a", text("x"))]),
                true,
            ),
            (CoreValue::object([("a", text("x"))]), CoreValue::Null, false),
        ];
        for (promised, actual, kept) in table {
            let mut violations = Vec::new();
            compatible("A4", &promised, &actual, &Path::default(), &mut violations);
            assert_eq!(violations.is_empty(), kept, "{promised} then {actual}: {violations:?}");
        }
    }
}
