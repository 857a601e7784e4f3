//! Values as the JSON of a state file, with exact numbers, and configuration written as JSON by tests.

use std::collections::BTreeMap;

use serde_json::{Value as Json, value::RawValue};

use super::{
    msgpack::Misfit,
    schema::{Block, Nesting},
    value::{CoreValue, Path, Refinement, Type},
};

/// The only member of the JSON object that stands for an unknown value in a test's configuration.
const UNKNOWN_MARKER: &str = "$unknown";

/// An unknown value in a configuration: what Core sends while another resource's result is awaited.
pub fn unknown() -> Json {
    serde_json::json!({ UNKNOWN_MARKER: "" })
}

/// An unknown string that is known not to be null and to begin so: what Core sends for `"a-${other.id}"`.
pub fn unknown_after(prefix: &str) -> Json {
    serde_json::json!({ UNKNOWN_MARKER: prefix })
}

/// Writes a wholly known value as Core keeps it in state.
///
/// # Panics
/// When the value holds an unknown: state never does, and the rules have reported it before.
pub fn encode(value: &CoreValue) -> String {
    let quote = |text: &str| Json::from(text).to_string();
    let join = |parts: Vec<String>| parts.join(",");
    match value {
        CoreValue::Null => "null".to_owned(),
        CoreValue::Unknown(_) => panic!("unknown values have no JSON"),
        CoreValue::Bool(value) => value.to_string(),
        CoreValue::Number(number) => number.to_plain_string(),
        CoreValue::String(text) => quote(text),
        CoreValue::List(elements) | CoreValue::Set(elements) | CoreValue::Tuple(elements) => {
            format!("[{}]", join(elements.iter().map(encode).collect()))
        }
        CoreValue::Map(members) | CoreValue::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}:{}", quote(name), encode(value)));
            format!("{{{}}}", join(members.collect()))
        }
        CoreValue::Dynamic(ty, value) => format!("{{\"value\":{},\"type\":{}}}", encode(value), ty.to_json()),
    }
}

/// Reads a state's JSON. Missing members are null, as in Core; unknown members are refused.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<CoreValue, Misfit> {
    let root = Path::default();
    let raw: Box<RawValue> = serde_json::from_slice(bytes).map_err(|error| misfit(&root, error.to_string()))?;
    from_raw(&raw, ty, &root)
}

/// A configuration block from JSON: absent attributes are null, absent blocks are no blocks.
///
/// # Panics
/// When the JSON does not fit the schema: a mistake in the test.
pub fn config(json: &Json, block: &Block) -> CoreValue {
    let members = json
        .as_object()
        .unwrap_or_else(|| panic!("a block is a JSON object, not {json}"));
    for name in members.keys() {
        let known = block.attributes.contains_key(name) || block.blocks.contains_key(name);
        assert!(known, "the schema has no {name:?}");
    }
    let mut object = BTreeMap::new();
    for (name, attribute) in &block.attributes {
        object.insert(
            name.clone(),
            config_value(members.get(name).unwrap_or(&Json::Null), &attribute.ty),
        );
    }
    for (name, nested) in &block.blocks {
        let given = members.get(name);
        let each = |json: &Json| config(json, &nested.block);
        let array = || {
            given
                .and_then(Json::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default()
                .iter()
                .map(each)
                .collect()
        };
        let value = match (given, nested.nesting) {
            (Some(json), _) if marker(json).is_some() => CoreValue::unknown(),
            (None | Some(Json::Null), Nesting::Single) => CoreValue::Null,
            (None | Some(Json::Null), Nesting::Group) => each(&serde_json::json!({})),
            (Some(json), Nesting::Single | Nesting::Group) => each(json),
            (_, Nesting::List) => CoreValue::List(array()),
            (_, Nesting::Set) => CoreValue::set(array()),
            (_, Nesting::Map) => {
                let entries = given.and_then(Json::as_object).cloned().unwrap_or_default();
                CoreValue::Map(entries.iter().map(|(key, json)| (key.clone(), each(json))).collect())
            }
        };
        object.insert(name.clone(), value);
    }
    CoreValue::Object(object)
}

/// A value of one attribute from a test's JSON. Numbers may be given as text, to be exact.
pub fn config_value(json: &Json, ty: &Type) -> CoreValue {
    if let Some(prefix) = marker(json) {
        let known_prefix = !prefix.is_empty();
        return CoreValue::Unknown(Refinement {
            not_null: known_prefix,
            prefix: known_prefix.then(|| prefix.to_owned()),
        });
    }
    let each = |json: &Json, ty: &Type| config_value(json, ty);
    match (json, ty) {
        (Json::Null, _) => CoreValue::Null,
        (Json::Bool(value), Type::Bool) => CoreValue::Bool(*value),
        (Json::String(text), Type::String) => CoreValue::string(text),
        (Json::Number(number), Type::Number) => CoreValue::Number(number.to_string().parse().unwrap()),
        (Json::String(text), Type::Number) => CoreValue::Number(text.parse().unwrap()),
        (Json::Array(elements), Type::List(ty)) => CoreValue::List(elements.iter().map(|e| each(e, ty)).collect()),
        (Json::Array(elements), Type::Set(ty)) => CoreValue::set(elements.iter().map(|e| each(e, ty)).collect()),
        (Json::Array(elements), Type::Tuple(types)) => {
            CoreValue::Tuple(elements.iter().zip(types).map(|(e, ty)| each(e, ty)).collect())
        }
        (Json::Object(members), Type::Map(ty)) => CoreValue::Map(
            members
                .iter()
                .map(|(key, value)| (key.clone(), each(value, ty)))
                .collect(),
        ),
        (Json::Object(members), Type::Object(types)) => {
            let member =
                |(name, ty): (&String, &Type)| (name.clone(), each(members.get(name).unwrap_or(&Json::Null), ty));
            CoreValue::Object(types.iter().map(member).collect())
        }
        (Json::String(text), Type::Dynamic) => CoreValue::Dynamic(Type::String, Box::new(CoreValue::string(text))),
        (Json::Bool(value), Type::Dynamic) => CoreValue::Dynamic(Type::Bool, Box::new(CoreValue::Bool(*value))),
        (Json::Number(_), Type::Dynamic) => CoreValue::Dynamic(Type::Number, Box::new(each(json, &Type::Number))),
        _ => panic!("{json} is no {}", ty.to_json()),
    }
}

fn marker(json: &Json) -> Option<&str> {
    let members = json.as_object().filter(|members| members.len() == 1)?;
    members.get(UNKNOWN_MARKER)?.as_str()
}

fn misfit(path: &Path, message: impl Into<String>) -> Misfit {
    Misfit {
        path: path.clone(),
        message: message.into(),
    }
}

fn from_raw(raw: &RawValue, ty: &Type, at: &Path) -> Result<CoreValue, Misfit> {
    let text = raw.get();
    if text == "null" {
        return Ok(CoreValue::Null);
    }
    let bad = |_| misfit(at, format!("{} is required, not {text}", ty.to_json()));
    let sequence = || serde_json::from_str::<Vec<Box<RawValue>>>(text).map_err(bad);
    let members = || serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text).map_err(bad);
    let each = |ty: &Type| {
        let elements = sequence()?;
        let elements = elements.iter().enumerate();
        elements
            .map(|(index, raw)| from_raw(raw, ty, &at.index(index)))
            .collect::<Result<Vec<_>, _>>()
    };
    match ty {
        Type::String => serde_json::from_str::<String>(text)
            .map(|text| CoreValue::string(&text))
            .map_err(bad),
        Type::Bool => serde_json::from_str(text).map(CoreValue::Bool).map_err(bad),
        Type::Number => {
            let digits = text
                .parse()
                .map_err(|_| misfit(at, format!("a number is required, not {text}")))?;
            Ok(CoreValue::Number(digits))
        }
        Type::List(ty) => each(ty).map(CoreValue::List),
        Type::Set(ty) => each(ty).map(CoreValue::set),
        Type::Tuple(types) => {
            let elements = sequence()?;
            if elements.len() != types.len() {
                return Err(misfit(at, format!("a tuple with {} elements is required", types.len())));
            }
            let pairs = elements.iter().zip(types).enumerate();
            let values = pairs.map(|(index, (raw, ty))| from_raw(raw, ty, &at.index(index)));
            Ok(CoreValue::Tuple(values.collect::<Result<_, _>>()?))
        }
        Type::Map(ty) => {
            let members = members()?.into_iter();
            let members = members.map(|(key, raw)| Ok((key.clone(), from_raw(&raw, ty, &at.key(&key))?)));
            Ok(CoreValue::Map(members.collect::<Result<_, _>>()?))
        }
        Type::Object(types) => {
            let members = members()?;
            if let Some(extra) = members.keys().find(|name| !types.contains_key(*name)) {
                return Err(misfit(at, format!("unsupported attribute {extra:?}")));
            }
            let member = |(name, ty): (&String, &Type)| match members.get(name) {
                Some(raw) => Ok((name.clone(), from_raw(raw, ty, &at.attribute(name))?)),
                None => Ok((name.clone(), CoreValue::Null)),
            };
            Ok(CoreValue::Object(
                types.iter().map(member).collect::<Result<_, Misfit>>()?,
            ))
        }
        Type::Dynamic => {
            let members = members()?;
            let (Some(ty), Some(raw)) = (members.get("type"), members.get("value")) else {
                return Err(misfit(at, "a dynamic value needs \"type\" and \"value\""));
            };
            let ty = Type::parse(ty.get().as_bytes()).map_err(|error| misfit(at, error))?;
            let value = from_raw(raw, &ty, at)?;
            Ok(CoreValue::Dynamic(ty, Box::new(value)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_keeps_numbers_exactly() {
        let ty = Type::parse(br#"["object",{"n":"number","d":"dynamic","s":["set","string"]}]"#).unwrap();
        let text = r#"{"d":{"value":"x","type":"string"},"n":0.10000000000000000000000000000001,"s":["a","b"]}"#;
        let value = decode(text.as_bytes(), &ty).unwrap();
        assert_eq!(encode(&value), text);
        let missing = decode(b"{}", &ty).unwrap();
        assert!(missing.get("n").is_null());
        assert!(decode(br#"{"x":1}"#, &ty).is_err());
        assert!(decode(br#"{"n":"text"}"#, &ty).is_err());
    }
}
