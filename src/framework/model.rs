//! Between untyped values and the typed structs of resources. Nothing here stands `None` for unknown.

use std::collections::BTreeMap;

use super::{Path, Value};

/// A typed value in Terraform's three states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// The value.
    Known(T),
    /// Absent.
    #[default]
    Null,
    /// Not known before apply.
    Unknown,
}

/// A value that does not fit the struct: a difference between schema and model, or a number that no integer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where.
    pub path: Path,
    /// What was expected, and found.
    pub problem: String,
}

/// A struct with one [`Field`] for each attribute and block of a schema. [`crate::model!`] writes the implementation.
pub trait Model: Clone + Send + Sync + 'static {
    /// The names of all attributes and blocks, sorted.
    const NAMES: &'static [&'static str];

    /// Reads the struct out of an object value.
    ///
    /// # Errors
    /// A member of another type than the field's.
    fn from_value(value: &Value, path: &Path) -> Result<Self, Mismatch>;

    /// The object value of this struct.
    fn to_value(&self) -> Value;
}

/// What can stand in a [`Field`].
pub trait FieldType: Sized {
    /// Reads a known, non-null value.
    ///
    /// # Errors
    /// A value of another type.
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch>;

    /// The value.
    fn to_known(&self) -> Value;
}

/// Text that must never be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl FieldType for Secret {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        String::from_known(value, path).map(Self)
    }

    fn to_known(&self) -> Value {
        self.0.to_known()
    }
}

impl<T> Field<T> {
    /// The value, if known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is unknown.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// The value computed from this one, if this one is known; null and unknown stay what they are.
    pub fn map<U>(&self, convert: impl FnOnce(&T) -> U) -> Field<U> {
        match self {
            Self::Known(value) => Field::Known(convert(value)),
            Self::Null => Field::Null,
            Self::Unknown => Field::Unknown,
        }
    }
}

impl Field<String> {
    /// The text, if known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.known().map(String::as_str)
    }
}

impl<T: FieldType> Field<T> {
    /// Reads the member `name` of an object value.
    ///
    /// # Errors
    /// A member of another type.
    pub fn read(object: &Value, name: &str, path: &Path) -> Result<Self, Mismatch> {
        match object.member(name) {
            Value::Null => Ok(Self::Null),
            Value::Unknown => Ok(Self::Unknown),
            value => T::from_known(value, &path.then(name)).map(Self::Known),
        }
    }

    /// The untyped value.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Known(value) => value.to_known(),
            Self::Null => Value::Null,
            Self::Unknown => Value::Unknown,
        }
    }
}

impl<T> From<Option<T>> for Field<T> {
    /// What the service left out is null.
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Null, Self::Known)
    }
}

fn mismatch<T>(path: &Path, expected: &str, found: &Value) -> Result<T, Mismatch> {
    Err(Mismatch {
        path: path.clone(),
        problem: format!("{expected} is expected, {} was given", found.kind()),
    })
}

impl FieldType for String {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        match value {
            Value::String(text) => Ok(text.clone()),
            other => mismatch(path, "a string", other),
        }
    }

    fn to_known(&self) -> Value {
        Value::string(self.clone())
    }
}

impl FieldType for bool {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        match value {
            Value::Bool(flag) => Ok(*flag),
            other => mismatch(path, "a bool", other),
        }
    }

    fn to_known(&self) -> Value {
        Value::Bool(*self)
    }
}

impl FieldType for i64 {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        match value {
            Value::Number(number) => number.as_i64().ok_or_else(|| Mismatch {
                path: path.clone(),
                problem: format!("a whole number is expected, {number} was given"),
            }),
            other => mismatch(path, "a whole number", other),
        }
    }

    fn to_known(&self) -> Value {
        Value::integer(*self)
    }
}

impl<T: FieldType> FieldType for Vec<T> {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        match value {
            Value::List(elements) | Value::Set(elements) => elements
                .iter()
                .enumerate()
                .map(|(index, element)| T::from_known(element, &path.index(index)))
                .collect(),
            other => mismatch(path, "a list", other),
        }
    }

    fn to_known(&self) -> Value {
        Value::List(self.iter().map(FieldType::to_known).collect())
    }
}

/// Values of a set, in Terraform's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Set<T>(pub Vec<T>);

impl<T: FieldType> FieldType for Set<T> {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        Vec::from_known(value, path).map(Self)
    }

    fn to_known(&self) -> Value {
        Value::set(self.0.iter().map(FieldType::to_known).collect())
    }
}

impl<T: FieldType> FieldType for BTreeMap<String, T> {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        match value {
            Value::Map(members) => members
                .iter()
                .map(|(key, member)| Ok((key.clone(), T::from_known(member, &path.key(key))?)))
                .collect(),
            other => mismatch(path, "a map", other),
        }
    }

    fn to_known(&self) -> Value {
        Value::Map(
            self.iter()
                .map(|(key, member)| (key.clone(), member.to_known()))
                .collect(),
        )
    }
}

/// An element of a list or map, which may be unknown while the others are known.
impl<T: FieldType> FieldType for Field<T> {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Unknown => Ok(Self::Unknown),
            known => T::from_known(known, path).map(Self::Known),
        }
    }

    fn to_known(&self) -> Value {
        self.to_value()
    }
}

impl<M: Model> FieldType for M {
    fn from_known(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        match value {
            Value::Map(_) => M::from_value(value, path),
            other => mismatch(path, "an object", other),
        }
    }

    fn to_known(&self) -> Value {
        self.to_value()
    }
}

/// Writes a model struct and its [`Model`] implementation from one list of fields, which must be sorted by name. A name that
/// Rust keeps to itself is given behind `as`.
///
/// ```
/// terraform_provider_acr::model! {
///     /// A thing.
///     pub struct Thing {
///         /// How many.
///         pub count: i64,
///         /// Which one.
///         pub kind as "type": String,
///         /// What it is called.
///         pub name: String,
///     }
/// }
/// ```
#[macro_export]
macro_rules! model {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    ($(#[$meta:meta])* pub struct $model:ident {
        $($(#[$field_meta:meta])* pub $field:ident $(as $name:literal)?: $ty:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $model {
            $($(#[$field_meta])* pub $field: $crate::framework::Field<$ty>,)*
        }

        impl $crate::framework::Model for $model {
            const NAMES: &'static [&'static str] = &[$($crate::model!(@name $field $($name)?)),*];

            fn from_value(
                value: &$crate::framework::Value,
                path: &$crate::framework::Path,
            ) -> Result<Self, $crate::framework::model::Mismatch> {
                Ok(Self {
                    $($field: $crate::framework::Field::read(value, $crate::model!(@name $field $($name)?), path)?,)*
                })
            }

            fn to_value(&self) -> $crate::framework::Value {
                $crate::framework::Value::object([
                    $(($crate::model!(@name $field $($name)?), self.$field.to_value()),)*
                ])
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::number::Number;

    model! {
        /// A thing.
        pub struct Thing {
            /// How many.
            pub count: i64,
            /// Which one.
            pub kind as "kind_of_thing": String,
            /// What it is called.
            pub name: String,
            /// What it is called besides.
            pub others: Vec<String>,
        }
    }

    #[test]
    fn the_three_states_survive() {
        let value = Value::object([
            ("count", Value::Unknown),
            ("kind_of_thing", Value::string("small")),
            ("name", Value::Null),
            ("others", Value::List(vec![Value::string("a")])),
        ]);
        let thing = Thing::from_value(&value, &Path::root()).unwrap();
        assert_eq!((&thing.count, &thing.name), (&Field::Unknown, &Field::Null));
        assert_eq!(thing.to_value(), value);
    }

    #[test]
    fn elements_have_three_states_too() {
        let value = Value::object([(
            "others",
            Value::List(vec![Value::string("a"), Value::Unknown, Value::Null]),
        )]);
        let others = Field::<Vec<Field<String>>>::read(&value, "others", &Path::root()).unwrap();
        let want = vec![Field::Known("a".to_owned()), Field::Unknown, Field::Null];
        assert_eq!(others, Field::Known(want));
        assert_eq!(&others.to_value(), value.member("others"));
    }

    #[test]
    fn sets_have_no_order() {
        let set = Value::set(vec![Value::string("b"), Value::string("a"), Value::Unknown]);
        let read = Set::<Field<String>>::from_known(&set, &Path::root()).unwrap();
        assert_eq!(read.to_known(), set);
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", Field::Known(Secret("hush".into()))), "Known([secret])");
    }

    #[test]
    fn what_does_not_fit_says_where() {
        let value = Value::object([("count", Value::Number(Number::parse("1.5").unwrap()))]);
        let error = Thing::from_value(&value, &Path::root()).unwrap_err();
        assert_eq!(
            (error.path.to_string().as_str(), error.problem.as_str()),
            ("count", "a whole number is expected, 1.5 was given")
        );
    }
}
