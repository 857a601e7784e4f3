//! Types of attributes, and the JSON in which the protocol spells them.

use std::{collections::BTreeMap, fmt};

use serde_json::Value as Json;

/// Deepest accepted nesting of a type: ours nest three deep, a hostile dynamic value could nest without end.
const DEPTH_MAX: usize = 32;

/// The type of an attribute or of a whole object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Text, in Unicode normalisation form C.
    String,
    /// An exact decimal number.
    Number,
    /// True or false.
    Bool,
    /// Any type; each value carries its own.
    Dynamic,
    /// An ordered sequence of one element type.
    List(Box<Type>),
    /// A collection without order or duplicates.
    Set(Box<Type>),
    /// Text keys to values of one type.
    Map(Box<Type>),
    /// Named members, each with its own type.
    Object(BTreeMap<String, Type>),
    /// An ordered sequence in which each place has its own type.
    Tuple(Vec<Type>),
}

/// The text was not the JSON spelling of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAType(pub String);

impl Type {
    /// A list of `element`.
    #[must_use]
    pub fn list(element: Type) -> Self {
        Self::List(Box::new(element))
    }

    /// A set of `element`.
    #[must_use]
    pub fn set(element: Type) -> Self {
        Self::Set(Box::new(element))
    }

    /// A map to `element`.
    #[must_use]
    pub fn map(element: Type) -> Self {
        Self::Map(Box::new(element))
    }

    /// The protocol's JSON spelling, such as `["list","string"]`.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.json().to_string()
    }

    /// Reads the protocol's JSON spelling.
    ///
    /// # Errors
    /// Anything else, including types nested deeper than any real one.
    pub fn parse(text: &str) -> Result<Self, NotAType> {
        let json: Json = serde_json::from_str(text).map_err(|error| NotAType(format!("not a type: {error}")))?;
        Self::from_json(&json, 0)
    }

    fn json(&self) -> Json {
        match self {
            Self::String => "string".into(),
            Self::Number => "number".into(),
            Self::Bool => "bool".into(),
            Self::Dynamic => "dynamic".into(),
            Self::List(element) => Json::Array(vec!["list".into(), element.json()]),
            Self::Set(element) => Json::Array(vec!["set".into(), element.json()]),
            Self::Map(element) => Json::Array(vec!["map".into(), element.json()]),
            Self::Object(members) => {
                let members = members.iter().map(|(name, ty)| (name.clone(), ty.json())).collect();
                Json::Array(vec!["object".into(), Json::Object(members)])
            }
            Self::Tuple(places) => Json::Array(vec!["tuple".into(), places.iter().map(Type::json).collect()]),
        }
    }

    fn from_json(json: &Json, depth: usize) -> Result<Self, NotAType> {
        if depth > DEPTH_MAX {
            return Err(NotAType(format!("a type nested deeper than {DEPTH_MAX}")));
        }
        let below = |json: &Json| Self::from_json(json, depth + 1);
        match json {
            Json::String(name) => match name.as_str() {
                "string" => Ok(Self::String),
                "number" => Ok(Self::Number),
                "bool" => Ok(Self::Bool),
                "dynamic" => Ok(Self::Dynamic),
                other => Err(NotAType(format!("no type is called `{other}`"))),
            },
            Json::Array(parts) => match (parts.first().and_then(Json::as_str), parts.get(1)) {
                (Some("list"), Some(element)) => Ok(Self::list(below(element)?)),
                (Some("set"), Some(element)) => Ok(Self::set(below(element)?)),
                (Some("map"), Some(element)) => Ok(Self::map(below(element)?)),
                (Some("object"), Some(Json::Object(members))) => members
                    .iter()
                    .map(|(name, ty)| Ok((name.clone(), below(ty)?)))
                    .collect::<Result<_, _>>()
                    .map(Self::Object),
                (Some("tuple"), Some(Json::Array(places))) => {
                    places.iter().map(below).collect::<Result<_, _>>().map(Self::Tuple)
                }
                _ => Err(NotAType(format!("not a type: {json}"))),
            },
            _ => Err(NotAType(format!("not a type: {json}"))),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::Dynamic => f.write_str("any type"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Set(element) => write!(f, "set of {element}"),
            Self::Map(element) => write!(f, "map of {element}"),
            Self::Object(_) => f.write_str("object"),
            Self::Tuple(_) => f.write_str("tuple"),
        }
    }
}

impl fmt::Display for NotAType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_type_is_spelt_as_the_protocol_does() {
        for text in [
            r#""string""#,
            r#""dynamic""#,
            r#"["list","number"]"#,
            r#"["set",["map","bool"]]"#,
            r#"["object",{"a":"string","b":["list","string"]}]"#,
            r#"["tuple",["string","number"]]"#,
        ] {
            assert_eq!(Type::parse(text).unwrap().to_json(), text);
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        let deep = format!("{}\"string\"{}", "[\"list\",".repeat(60), "]".repeat(60));
        for text in [
            "",
            "null",
            "\"text\"",
            "[\"list\"]",
            "[\"object\",[]]",
            "{}",
            deep.as_str(),
        ] {
            assert!(Type::parse(text).is_err(), "{text:.40}");
        }
    }
}
