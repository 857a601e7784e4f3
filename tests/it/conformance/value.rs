//! Terraform's values and types as the tests know them: null, unknown, and exact numbers.

use std::{collections::BTreeMap, fmt};

use bigdecimal::BigDecimal;
use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization;

/// A type, as a schema's type JSON spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    String,
    Number,
    Bool,
    Dynamic,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Object(BTreeMap<String, Type>),
    Tuple(Vec<Type>),
}

/// A value. Two values are equal as Core compares them: numbers by value, strings after NFC, sets without order,
/// unknowns whatever their refinements.
#[derive(Clone, Debug, PartialEq)]
pub enum CoreValue {
    Null,
    Unknown(Refinement),
    Bool(bool),
    Number(BigDecimal),
    String(String),
    List(Vec<CoreValue>),
    /// Built by [`CoreValue::set`] only, which sorts it and drops duplicates.
    Set(Vec<CoreValue>),
    Map(BTreeMap<String, CoreValue>),
    Object(BTreeMap<String, CoreValue>),
    Tuple(Vec<CoreValue>),
    /// A value of a `dynamic` attribute with the type it brought along.
    Dynamic(Type, Box<CoreValue>),
}

/// What an unknown value promises about the value to come. Never part of equality: Core drops it before comparing.
#[derive(Clone, Debug, Default)]
pub struct Refinement {
    pub not_null: bool,
    pub prefix: Option<String>,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Attribute(String),
    Key(String),
    Index(usize),
}

/// Where in a value something is. Printed as Terraform prints it: `.rule[0].port`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl PartialEq for Refinement {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Path {
    pub fn attribute(&self, name: &str) -> Self {
        self.with(Step::Attribute(name.to_owned()))
    }

    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Type {
    /// Reads type JSON: a name, or an array of a kind and its arguments. The third element of an object type, the
    /// list of optional members, changes nothing on the wire.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| format!("type is no JSON: {error}"))?;
        Self::from_json(&json)
    }

    pub fn from_json(json: &Json) -> Result<Self, String> {
        let bad = || format!("not a type: {json}");
        match json {
            Json::String(name) => match name.as_str() {
                "string" => Ok(Self::String),
                "number" => Ok(Self::Number),
                "bool" => Ok(Self::Bool),
                "dynamic" => Ok(Self::Dynamic),
                _ => Err(bad()),
            },
            Json::Array(parts) => match (parts.first().and_then(Json::as_str), parts.len()) {
                (Some("list"), 2) => Ok(Self::List(Box::new(Self::from_json(&parts[1])?))),
                (Some("set"), 2) => Ok(Self::Set(Box::new(Self::from_json(&parts[1])?))),
                (Some("map"), 2) => Ok(Self::Map(Box::new(Self::from_json(&parts[1])?))),
                (Some("object"), 2 | 3) => {
                    let members = parts[1].as_object().ok_or_else(bad)?;
                    let members = members
                        .iter()
                        .map(|(name, ty)| Ok((name.clone(), Self::from_json(ty)?)));
                    Ok(Self::Object(members.collect::<Result<_, String>>()?))
                }
                (Some("tuple"), 2) => {
                    let elements = parts[1].as_array().ok_or_else(bad)?;
                    Ok(Self::Tuple(
                        elements.iter().map(Self::from_json).collect::<Result<_, _>>()?,
                    ))
                }
                _ => Err(bad()),
            },
            _ => Err(bad()),
        }
    }

    pub fn to_json(&self) -> Json {
        match self {
            Self::String => "string".into(),
            Self::Number => "number".into(),
            Self::Bool => "bool".into(),
            Self::Dynamic => "dynamic".into(),
            Self::List(element) => serde_json::json!(["list", element.to_json()]),
            Self::Set(element) => serde_json::json!(["set", element.to_json()]),
            Self::Map(element) => serde_json::json!(["map", element.to_json()]),
            Self::Object(members) => {
                let members: serde_json::Map<_, _> = members.iter().map(|(k, t)| (k.clone(), t.to_json())).collect();
                serde_json::json!(["object", members])
            }
            Self::Tuple(elements) => {
                serde_json::json!(["tuple", elements.iter().map(Self::to_json).collect::<Vec<_>>()])
            }
        }
    }

    pub fn holds_dynamic(&self) -> bool {
        match self {
            Self::String | Self::Number | Self::Bool => false,
            Self::Dynamic => true,
            Self::List(element) | Self::Set(element) | Self::Map(element) => element.holds_dynamic(),
            Self::Object(members) => members.values().any(Self::holds_dynamic),
            Self::Tuple(elements) => elements.iter().any(Self::holds_dynamic),
        }
    }
}

impl CoreValue {
    pub fn unknown() -> Self {
        Self::Unknown(Refinement::default())
    }

    pub fn string(text: &str) -> Self {
        Self::String(text.nfc().collect())
    }

    pub fn number(value: i64) -> Self {
        Self::Number(value.into())
    }

    /// A set: sorted by content, equal elements once. Unknown elements are kept apart, for they may differ.
    pub fn set(elements: Vec<Self>) -> Self {
        let mut keyed: Vec<(String, Self)> = elements.into_iter().map(|element| (element.order(), element)).collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        keyed.dedup_by(|a, b| a.0 == b.0 && a.1.is_wholly_known());
        Self::Set(keyed.into_iter().map(|(_, element)| element).collect())
    }

    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(
            members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            Self::Dynamic(_, value) => value.is_unknown(),
            _ => false,
        }
    }

    pub fn is_wholly_known(&self) -> bool {
        self.first_unknown(&Path::default()).is_none()
    }

    /// Where the first unknown value is, if there is one.
    pub fn first_unknown(&self, at: &Path) -> Option<Path> {
        match self {
            Self::Unknown(_) => Some(at.clone()),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => None,
            Self::List(elements) | Self::Set(elements) | Self::Tuple(elements) => elements
                .iter()
                .enumerate()
                .find_map(|(index, element)| element.first_unknown(&at.index(index))),
            Self::Map(members) => members
                .iter()
                .find_map(|(key, member)| member.first_unknown(&at.key(key))),
            Self::Object(members) => members
                .iter()
                .find_map(|(name, member)| member.first_unknown(&at.attribute(name))),
            Self::Dynamic(_, value) => value.first_unknown(at),
        }
    }

    /// A member of an object; null when this is not an object, or has no such member.
    pub fn get(&self, name: &str) -> &Self {
        match self {
            Self::Object(members) => members.get(name).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// Replaces a member of an object; anything else stays as it is.
    pub fn put(&mut self, name: &str, value: Self) {
        if let Self::Object(members) = self {
            members.insert(name.to_owned(), value);
        }
    }

    /// The elements of a list, set or tuple; none for anything else.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) | Self::Set(elements) | Self::Tuple(elements) => elements,
            _ => &[],
        }
    }

    /// The members of a map; none for anything else.
    pub fn entries(&self) -> BTreeMap<String, Self> {
        match self {
            Self::Map(members) => members.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// The text of a string value; none for anything else.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// What the path leads to, if it leads anywhere. Sets cannot be stepped into.
    pub fn at(&self, path: &[Step]) -> Option<&Self> {
        let Some((step, rest)) = path.split_first() else {
            return Some(self);
        };
        let next = match (self, step) {
            (Self::Object(members), Step::Attribute(name)) => members.get(name),
            (Self::Map(members), Step::Key(key)) => members.get(key),
            (Self::List(elements) | Self::Tuple(elements), Step::Index(index)) => elements.get(*index),
            (Self::Dynamic(_, value), _) => return value.at(path),
            _ => None,
        };
        next?.at(rest)
    }

    /// A text that is equal for equal values: what sets are sorted by.
    fn order(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Unknown(_) => "unknown".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => format!("n{}", value.normalized()),
            Self::String(text) => format!("{text:?}"),
            Self::List(elements) | Self::Set(elements) | Self::Tuple(elements) => {
                format!("[{}]", elements.iter().map(Self::order).collect::<Vec<_>>().join(","))
            }
            Self::Map(members) | Self::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, member)| format!("{name:?}:{}", member.order()));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            Self::Dynamic(ty, value) => format!("{}:{}", ty.to_json(), value.order()),
        }
    }
}

impl fmt::Display for CoreValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.order())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_equal_as_core_compares_them() {
        let decimal = |text: &str| CoreValue::Number(text.parse().unwrap());
        let table = [
            (decimal("0.50"), decimal("0.5"), true),
            (decimal("1e3"), decimal("1000"), true),
            (decimal("0.1"), decimal("0.1000000000000000055511151231257827"), false),
            (CoreValue::string("e\u{301}"), CoreValue::string("\u{e9}"), true),
            (CoreValue::string("a"), CoreValue::string("A"), false),
            (
                CoreValue::set(vec![CoreValue::number(2), CoreValue::number(1), CoreValue::number(2)]),
                CoreValue::set(vec![CoreValue::number(1), CoreValue::number(2)]),
                true,
            ),
            (CoreValue::Null, CoreValue::unknown(), false),
            (CoreValue::List(vec![]), CoreValue::Null, false),
            (
                CoreValue::unknown(),
                CoreValue::Unknown(Refinement {
                    not_null: true,
                    prefix: Some("a-".to_owned()),
                }),
                true,
            ),
        ];
        for (a, b, equal) in table {
            assert_eq!(a == b, equal, "{a} and {b}");
        }
        let unknowns = CoreValue::set(vec![CoreValue::unknown(), CoreValue::unknown()]);
        assert_eq!(unknowns.elements().len(), 2, "two unknown elements may differ");
    }

    #[test]
    fn types_are_read_and_written() {
        for text in [
            r#""string""#,
            r#"["list",["object",{"a":"number"}]]"#,
            r#"["tuple",["bool","dynamic"]]"#,
        ] {
            let ty = Type::parse(text.as_bytes()).unwrap();
            assert_eq!(ty.to_json().to_string(), text);
        }
        let optional = Type::parse(br#"["object",{"a":"string"},["a"]]"#).unwrap();
        assert_eq!(optional.to_json().to_string(), r#"["object",{"a":"string"}]"#);
        for bad in [
            "",
            "3",
            r#""text""#,
            r#"["list"]"#,
            r#"["object",["a"]]"#,
            r#"["bag","string"]"#,
        ] {
            assert!(Type::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
