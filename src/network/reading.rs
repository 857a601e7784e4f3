//! Reading what ARM sends, whatever the casing: members that are missing, null or empty are absent, never an error.
//!
//! The names of members are compared without case and underscores, so that the rules of an `azurerm` configuration
//! (`destination_port_range`) read as well as ARM's (`destinationPortRange`).

use serde_json::Value;

/// What became of something that had to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reading<T> {
    /// There is none: the subnet names none.
    #[default]
    Absent,
    /// There is one, and nobody could read it: it may hold anything.
    Unreadable,
    /// What it says.
    Read(T),
}

impl<T> Reading<T> {
    /// What was read.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// Whether there is one that could not be read.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable)
    }
}

/// A member of an object, `None` if missing or null.
pub(super) fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let folded = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let members = object.as_object()?;
    members
        .get(name)
        .or_else(|| {
            members
                .iter()
                .find(|(key, _)| folded(key) == folded(name))
                .map(|(_, value)| value)
        })
        .filter(|value| !value.is_null())
}

/// An object's `properties`, or the object itself where they are flat.
pub(super) fn properties(object: &Value) -> &Value {
    member(object, "properties")
        .filter(|it| it.is_object())
        .unwrap_or(object)
}

/// Text that is not empty; a number counts as its text.
pub(super) fn text(object: &Value, name: &str) -> Option<String> {
    member(object, name).and_then(as_text)
}

/// Whole numbers, also as text.
pub(super) fn number(object: &Value, name: &str) -> Option<i64> {
    let value = member(object, name)?;
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// `true` or `false`, also as text.
pub(super) fn flag(object: &Value, name: &str) -> Option<bool> {
    let value = member(object, name)?;
    value
        .as_bool()
        .or_else(|| value.as_str()?.trim().to_ascii_lowercase().parse().ok())
}

/// The elements of a list; none where there is no list.
pub(super) fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    member(object, name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A singular member and its plural twin together, commas taken apart. ARM sends the singular as `""` when the plural is in use.
pub(super) fn texts(object: &Value, singular: &str, plural: &str) -> Vec<String> {
    // What is no text in the list stays, as something unreadable: dropped, the list would mean everything.
    let odd =
        |value: &Value| as_text(value).or_else(|| (!value.is_null() && !value.is_string()).then(|| value.to_string()));
    let plural = list(object, plural).iter().filter_map(odd);
    let all = text(object, singular).into_iter().chain(plural);
    all.flat_map(|text| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>())
        .filter(|part| !part.is_empty())
        .collect()
}

fn as_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The last segment of an ARM id, or the whole text.
pub(super) fn last_segment(id: &str) -> &str {
    id.trim_end_matches('/').rsplit('/').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_null_and_empty_are_the_same() {
        let rule = json!({"destinationPortRange": "", "destination_port_ranges": ["443", 12000, null, " "], "priority": "100", "x": null});
        assert_eq!(
            texts(&rule, "destinationPortRange", "destinationPortRanges"),
            ["443", "12000"]
        );
        assert_eq!(number(&rule, "Priority"), Some(100));
        assert_eq!(member(&rule, "x"), None);
        assert_eq!(texts(&rule, "a", "b"), Vec::<String>::new());
        assert_eq!(texts(&json!({"a": "443, 12000"}), "a", "b"), ["443", "12000"]);
    }

    #[test]
    fn anything_is_tolerated() {
        for value in [json!(null), json!([]), json!("x"), json!(7), json!({"properties": "x"})] {
            assert_eq!(member(properties(&value), "name"), None);
            assert!(list(&value, "name").is_empty());
        }
    }
}
