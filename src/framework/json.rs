//! Values in JSON, as state files hold them. Numbers are read and written as text, so that no digit is lost.
//!
//! The reader is as lenient as Core's own: a number or bool may come as a string, a string as a number or bool, and
//! missing members are null. Unknown values cannot be written in JSON.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Path, Type, Value, msgpack::DecodeError, number::Number};

/// Deepest accepted nesting of a value of any type in another: ours have none, a hostile state could nest until the stack ends.
const DYNAMIC_DEPTH_MAX: usize = 32;

/// What to do with object members that the type does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// An error: the text should conform.
    Refuse,
    /// Left out: state of the same schema version whose attribute was removed since.
    Drop,
}

/// Reads one value of type `ty`.
///
/// # Errors
/// Text that is no JSON or no value of that type.
pub fn decode(ty: &Type, text: &str, extra: Extra) -> Result<Value, DecodeError> {
    read(ty, text, Reading { extra, dynamics: 0 }, &Path::root())
}

/// Writes a value of type `ty`; unknown values are written as null.
#[must_use]
pub fn encode(ty: &Type, value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, ty, value);
    out
}

/// What all of one reading has in common.
#[derive(Clone, Copy)]
struct Reading {
    extra: Extra,
    /// How many values of any type enclose the one that is read.
    dynamics: usize,
}

fn fail(path: &Path, problem: impl Into<String>) -> DecodeError {
    DecodeError {
        path: path.clone(),
        problem: problem.into(),
    }
}

fn read(ty: &Type, text: &str, reading: Reading, path: &Path) -> Result<Value, DecodeError> {
    let text = text.trim();
    if text == "null" {
        return Ok(Value::Null);
    }
    let expected = |what: &str| fail(path, format!("{what} is expected"));
    let quoted = || serde_json::from_str::<String>(text).ok();
    match ty {
        Type::String => match quoted() {
            Some(string) => Ok(Value::string(string)),
            None if text == "true" || text == "false" || Number::parse(text).is_ok() => Ok(Value::string(text)),
            None => Err(expected("a string")),
        },
        Type::Bool => match quoted().as_deref().unwrap_or(text) {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(expected("a bool")),
        },
        Type::Number => {
            let number = quoted();
            Number::parse(number.as_deref().unwrap_or(text))
                .map(Value::Number)
                .map_err(|_| expected("a number"))
        }
        Type::Dynamic => {
            let pair: BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(text).map_err(|_| expected("an object of type and value"))?;
            let (Some(ty), Some(value)) = (pair.get("type"), pair.get("value")) else {
                return Err(expected("an object of type and value"));
            };
            if reading.dynamics == DYNAMIC_DEPTH_MAX {
                return Err(fail(path, format!("a value nested deeper than {DYNAMIC_DEPTH_MAX}")));
            }
            let below = Reading {
                dynamics: reading.dynamics + 1,
                ..reading
            };
            let ty = Type::parse(ty.get()).map_err(|error| fail(path, error.to_string()))?;
            let value = read(&ty, value.get(), below, path)?;
            Ok(Value::Dynamic(ty, Box::new(value)))
        }
        Type::List(element) => elements(text, reading, path, |_| Some(element)).map(Value::List),
        Type::Set(element) => elements(text, reading, path, |_| Some(element)).map(Value::set),
        Type::Tuple(places) => {
            let values = elements(text, reading, path, |index| places.get(index))?;
            if values.len() == places.len() {
                Ok(Value::List(values))
            } else {
                Err(expected("a tuple of another length"))
            }
        }
        Type::Map(element) => {
            let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).map_err(|_| expected("a map"))?;
            let read_one = |(key, raw): (String, Box<RawValue>)| {
                let value = read(element, raw.get(), reading, &path.key(&key))?;
                Ok((key, value))
            };
            members
                .into_iter()
                .map(read_one)
                .collect::<Result<_, _>>()
                .map(Value::Map)
        }
        Type::Object(types) => {
            let mut members: BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(text).map_err(|_| expected("an object"))?;
            let mut object = BTreeMap::new();
            for (name, ty) in types {
                let value = match members.remove(name) {
                    Some(raw) => read(ty, raw.get(), reading, &path.then(name))?,
                    None => Value::Null,
                };
                object.insert(name.clone(), value);
            }
            match members.keys().next() {
                Some(name) if reading.extra == Extra::Refuse => Err(fail(&path.then(name), "there is no such member")),
                _ => Ok(Value::Map(object)),
            }
        }
    }
}

fn elements<'t>(
    text: &str,
    reading: Reading,
    path: &Path,
    type_at: impl Fn(usize) -> Option<&'t Type>,
) -> Result<Vec<Value>, DecodeError> {
    let raw: Vec<Box<RawValue>> = serde_json::from_str(text).map_err(|_| fail(path, "a sequence is expected"))?;
    let read_one = |(index, raw): (usize, Box<RawValue>)| {
        let below = path.index(index);
        let ty = type_at(index).ok_or_else(|| fail(&below, "one element too many"))?;
        read(ty, raw.get(), reading, &below)
    };
    raw.into_iter().enumerate().map(read_one).collect()
}

fn write_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::String(text.to_owned()).to_string());
}

fn write(out: &mut String, ty: &Type, value: &Value) {
    match value {
        Value::Null | Value::Unknown => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.text()),
        Value::String(text) => write_text(out, text),
        Value::List(elements) | Value::Set(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                match ty {
                    Type::List(inner) | Type::Set(inner) => write(out, inner, element),
                    Type::Tuple(places) => write(out, places.get(index).unwrap_or(&Type::Dynamic), element),
                    _ => write(out, &Type::Dynamic, element),
                }
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            let names: Vec<&String> = match ty {
                Type::Object(types) => types.keys().collect(),
                _ => members.keys().collect(),
            };
            for (index, name) in names.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(out, name);
                out.push(':');
                let inner = match ty {
                    Type::Object(types) => types.get(name).unwrap_or(&Type::Dynamic),
                    Type::Map(inner) => inner,
                    _ => &Type::Dynamic,
                };
                write(out, inner, members.get(name).unwrap_or(&Value::Null));
            }
            out.push('}');
        }
        Value::Dynamic(inner, value) => {
            out.push_str("{\"type\":");
            out.push_str(&inner.to_json());
            out.push_str(",\"value\":");
            write(out, inner, value);
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty() -> Type {
        Type::parse(r#"["object",{"a":"string","l":["set","number"],"m":["map","bool"],"x":"dynamic"}]"#).unwrap()
    }

    #[test]
    fn text_survives_the_round_trip() {
        let text = r#"{"a":"b\"c","l":[0.1,123456789012345678901234567890],"m":{"k":true},"x":{"type":"number","value":0.30}}"#;
        let value = decode(&ty(), text, Extra::Refuse).unwrap();
        assert_eq!(encode(&ty(), &value), text.replace("0.30", "0.3"));
    }

    #[test]
    fn as_lenient_as_core() {
        let value = decode(&ty(), r#"{"a":5,"m":{"k":"true"},"l":["7"]}"#, Extra::Refuse).unwrap();
        assert_eq!(value.member("a"), &Value::string("5"));
        assert_eq!(value.member("m"), &Value::object([("k", Value::Bool(true))]));
        assert_eq!(value.member("l"), &Value::set(vec![Value::integer(7)]));
        assert_eq!(value.member("x"), &Value::Null, "missing members are null");
    }

    #[test]
    fn unknown_members_are_refused_or_dropped_as_asked() {
        let error = decode(&ty(), r#"{"gone":1}"#, Extra::Refuse).unwrap_err();
        assert_eq!(
            (error.path.to_string().as_str(), error.problem.as_str()),
            ("gone", "there is no such member")
        );
        assert!(decode(&ty(), r#"{"gone":1}"#, Extra::Drop).is_ok());
    }

    #[test]
    fn values_of_any_type_do_not_nest_without_end() {
        let nested = |levels: usize| {
            format!(
                "{}1{}",
                r#"{"type":"dynamic","value":"#.repeat(levels),
                "}".repeat(levels)
            )
        };
        let innermost = |levels| nested(levels).replace("1", r#"{"type":"number","value":1}"#);
        assert!(decode(&Type::Dynamic, &innermost(DYNAMIC_DEPTH_MAX - 1), Extra::Refuse).is_ok());
        let error = decode(&Type::Dynamic, &innermost(100_000), Extra::Refuse).unwrap_err();
        assert_eq!(error.problem, "a value nested deeper than 32");
    }

    #[test]
    fn wrong_text_says_where() {
        for (text, place) in [
            (r#"{"m":{"k":3}}"#, "m[\"k\"]"),
            (r#"{"l":["x"]}"#, "l[0]"),
            ("[]", ""),
            ("{", ""),
        ] {
            assert_eq!(
                decode(&ty(), text, Extra::Refuse).unwrap_err().path.to_string(),
                place,
                "{text}"
            );
        }
    }
}
