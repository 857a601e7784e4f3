//! JSON whose members keep the order in which they were written.
//!
//! The service answers with a fixed member order, which `serde_json`'s map (sorted) would lose.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// One JSON value of an answer.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// A value whose order does not matter: scalars, arrays of scalars, the caller's own objects.
    Value(Value),
    /// An object, in the order written.
    Object(Vec<(&'static str, Json)>),
    /// An object whose members' names come from a caller, in the order written.
    Entries(Vec<(String, Json)>),
    /// An array.
    Array(Vec<Json>),
}

impl Json {
    /// `null`, which the service really sends as a body.
    pub(super) fn null() -> Json {
        Json::Value(Value::Null)
    }

    /// An object of the given members.
    pub(super) fn object<const N: usize>(members: [(&'static str, Json); N]) -> Json {
        Json::Object(members.into())
    }

    /// An object of those members that have a value.
    pub(super) fn present<const N: usize>(members: [(&'static str, Option<Json>); N]) -> Json {
        Json::Object(
            members
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
        )
    }

    /// `{"value": [...]}`, ARM's list.
    pub(super) fn list(items: Vec<Json>) -> Json {
        Json::object([("value", Json::Array(items))])
    }

    /// The bytes on the wire.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("keys are strings and numbers finite, so serialization cannot fail")
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Value(value) => value.serialize(serializer),
            Json::Array(items) => items.serialize(serializer),
            Json::Entries(entries) => serializer.collect_map(entries.iter().map(|(name, value)| (name, value))),
            Json::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Value(Value::from(text))
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Json {
        Json::Value(Value::from(text.as_str()))
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::Value(Value::from(text))
    }
}

impl From<bool> for Json {
    fn from(truth: bool) -> Json {
        Json::Value(Value::from(truth))
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Json {
        Json::Value(Value::from(number))
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Json {
        Json::Value(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_absent_ones_vanish() {
        let json = Json::object([
            ("zebra", Json::from(1)),
            (
                "ant",
                Json::present([("b", None), ("c", Some(Json::null())), ("a", Some(Json::from("x")))]),
            ),
        ]);
        assert_eq!(
            String::from_utf8(json.to_bytes()).unwrap(),
            r#"{"zebra":1,"ant":{"c":null,"a":"x"}}"#
        );
    }
}
