//! Values as Terraform knows them: known, null or unknown, everywhere.

use std::collections::BTreeMap;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{Type, number::Number};

/// A value of some [`Type`]; null and unknown carry no type of their own, the schema tells it.
///
/// Lists and tuples share a variant, as do maps, objects and blocks. Equality is Terraform's: numbers by value, sets
/// without order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Absent.
    Null,
    /// Not known before apply.
    Unknown,
    /// True or false.
    Bool(bool),
    /// An exact decimal.
    Number(Number),
    /// Text in normalisation form C; build with [`Value::string`].
    String(String),
    /// A list or a tuple.
    List(Vec<Value>),
    /// A set, sorted and without duplicates; build with [`Value::set`].
    Set(Vec<Value>),
    /// A map, an object or a block.
    Map(BTreeMap<String, Value>),
    /// A value whose type the schema leaves open.
    Dynamic(Type, Box<Value>),
}

impl Value {
    /// Text, brought to the normalisation form in which Terraform compares strings.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::String(if is_nfc(&text) { text } else { text.nfc().collect() })
    }

    /// A whole number.
    #[must_use]
    pub fn integer(number: i64) -> Self {
        Self::Number(number.into())
    }

    /// A set: sorted, with equal known elements coalesced. Two unknown elements may turn out different and both stay.
    #[must_use]
    pub fn set(mut elements: Vec<Value>) -> Self {
        elements.sort();
        elements.dedup_by(|a, b| a == b && a.is_wholly_known());
        Self::Set(elements)
    }

    /// An object of the given members.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether this very value is unknown; members may still be.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether neither this value nor anything inside it is unknown.
    #[must_use]
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::List(elements) | Self::Set(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(members) => members.values().all(Self::is_wholly_known),
            Self::Dynamic(_, inner) => inner.is_wholly_known(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// A copy in which everything unknown is null: what can be saved of a plan that failed half-way.
    #[must_use]
    pub fn with_unknown_as_null(&self) -> Self {
        match self {
            Self::Unknown => Self::Null,
            Self::List(elements) => Self::List(elements.iter().map(Self::with_unknown_as_null).collect()),
            Self::Set(elements) => Self::set(elements.iter().map(Self::with_unknown_as_null).collect()),
            Self::Map(members) => Self::Map(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), value.with_unknown_as_null()))
                    .collect(),
            ),
            Self::Dynamic(ty, inner) => Self::Dynamic(ty.clone(), Box::new(inner.with_unknown_as_null())),
            known => known.clone(),
        }
    }

    /// The named member of an object or block; null when this is no object or lacks the member.
    #[must_use]
    pub fn member(&self, name: &str) -> &Value {
        const NULL: &Value = &Value::Null;
        match self {
            Self::Map(members) => members.get(name).unwrap_or(NULL),
            _ => NULL,
        }
    }

    /// The text, if this is known text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// What a person would call this kind of value.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Unknown => "an unknown value",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
            Self::Dynamic(..) => "a value of any type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_compare_in_normal_form() {
        assert_eq!(Value::string("Cafe\u{301}"), Value::string("Caf\u{e9}"));
    }

    #[test]
    fn sets_have_no_order_and_no_duplicates() {
        let (a, b) = (Value::string("a"), Value::string("b"));
        assert_eq!(
            Value::set(vec![a.clone(), b.clone(), a.clone()]),
            Value::set(vec![b, a])
        );
        let unknowns = Value::set(vec![Value::Unknown, Value::Unknown]);
        assert_eq!(unknowns, Value::Set(vec![Value::Unknown, Value::Unknown]));
    }

    #[test]
    fn unknowns_are_seen_at_any_depth() {
        let value = Value::object([("a", Value::List(vec![Value::object([("b", Value::Unknown)])]))]);
        assert!(!value.is_wholly_known());
        assert!(value.with_unknown_as_null().is_wholly_known());
    }
}
