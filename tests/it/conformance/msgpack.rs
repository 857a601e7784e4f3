//! Values as MessagePack, driven by the type. Decoding forgives nothing that Core would refuse.

use std::collections::BTreeMap;

use bigdecimal::{BigDecimal, ToPrimitive};
use rmpv::Value as Pack;
use terraform_provider_acr::protocol::wire;

use super::{
    json,
    value::{CoreValue, Path, Refinement, Type},
};

/// Extension type of an unknown value with refinements; any other extension is a plain unknown.
const REFINED_UNKNOWN: i8 = 12;
/// Refinement keys of the protocol.
const REFINE_NULLNESS: u64 = 1;
const REFINE_PREFIX: u64 = 2;

/// A value that does not conform to its type, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub path: Path,
    pub message: String,
}

/// Decodes what a response holds. Absent and empty both mean null.
pub fn decode(dynamic: Option<&wire::DynamicValue>, ty: &Type) -> Result<CoreValue, Misfit> {
    let root = Path::default();
    let Some(dynamic) = dynamic else {
        return Ok(CoreValue::Null);
    };
    if dynamic.msgpack.is_empty() {
        if dynamic.json.is_empty() {
            return Ok(CoreValue::Null);
        }
        return json::decode(&dynamic.json, ty);
    }
    let mut rest = dynamic.msgpack.as_slice();
    let pack =
        rmpv::decode::read_value(&mut rest).map_err(|error| misfit(&root, format!("not MessagePack: {error}")))?;
    if !rest.is_empty() {
        return Err(misfit(&root, format!("{} bytes follow the value", rest.len())));
    }
    from_pack(&pack, ty, &root)
}

/// Encodes as Core does: integers as integers, other numbers as text.
///
/// # Panics
/// When the value does not have the type: a mistake in the test.
pub fn encode(value: &CoreValue, ty: &Type) -> wire::DynamicValue {
    let mut msgpack = Vec::new();
    rmpv::encode::write_value(&mut msgpack, &to_pack(value, ty)).unwrap();
    wire::DynamicValue {
        msgpack,
        json: Vec::new(),
    }
}

fn misfit(path: &Path, message: impl Into<String>) -> Misfit {
    Misfit {
        path: path.clone(),
        message: message.into(),
    }
}

fn from_pack(pack: &Pack, ty: &Type, at: &Path) -> Result<CoreValue, Misfit> {
    match (pack, ty) {
        (Pack::Nil, _) => Ok(CoreValue::Null),
        (Pack::Ext(code, payload), _) => Ok(CoreValue::Unknown(refinement(*code, payload))),
        (Pack::String(_), Type::String) => Ok(CoreValue::string(text(pack, at)?)),
        (Pack::Boolean(value), Type::Bool) => Ok(CoreValue::Bool(*value)),
        (_, Type::Number) => number(pack, at).map(CoreValue::Number),
        (Pack::Array(elements), Type::List(element)) => Ok(CoreValue::List(sequence(elements, element, at)?)),
        (Pack::Array(elements), Type::Set(element)) => Ok(CoreValue::set(sequence(elements, element, at)?)),
        (Pack::Array(elements), Type::Tuple(types)) => {
            if elements.len() != types.len() {
                return Err(misfit(at, format!("a tuple with {} elements is required", types.len())));
            }
            let pairs = elements.iter().zip(types).enumerate();
            let values = pairs.map(|(index, (element, ty))| from_pack(element, ty, &at.index(index)));
            Ok(CoreValue::Tuple(values.collect::<Result<_, _>>()?))
        }
        (Pack::Map(_), Type::Map(element)) => {
            let members = members(pack, at)?.into_iter();
            let members = members.map(|(key, value)| Ok((key.clone(), from_pack(value, element, &at.key(&key))?)));
            Ok(CoreValue::Map(members.collect::<Result<_, _>>()?))
        }
        (Pack::Map(_), Type::Object(types)) => object(members(pack, at)?, types, at),
        (Pack::Array(parts), Type::Dynamic) if parts.len() == 2 => {
            let bytes = match &parts[0] {
                Pack::Binary(bytes) => bytes.as_slice(),
                other => text(other, at)?.as_bytes(),
            };
            let ty = Type::parse(bytes).map_err(|error| misfit(at, error))?;
            let value = from_pack(&parts[1], &ty, at)?;
            Ok(CoreValue::Dynamic(ty, Box::new(value)))
        }
        _ => Err(misfit(at, format!("{} is required, not {pack}", ty.to_json()))),
    }
}

fn sequence(elements: &[Pack], ty: &Type, at: &Path) -> Result<Vec<CoreValue>, Misfit> {
    elements
        .iter()
        .enumerate()
        .map(|(index, element)| from_pack(element, ty, &at.index(index)))
        .collect()
}

fn members<'a>(pack: &'a Pack, at: &Path) -> Result<BTreeMap<String, &'a Pack>, Misfit> {
    let mut members = BTreeMap::new();
    for (key, value) in pack.as_map().map(Vec::as_slice).unwrap_or_default() {
        let key = text(key, at)?.to_owned();
        if members.insert(key.clone(), value).is_some() {
            return Err(misfit(at, format!("member {key:?} comes twice")));
        }
    }
    Ok(members)
}

fn object(members: BTreeMap<String, &Pack>, types: &BTreeMap<String, Type>, at: &Path) -> Result<CoreValue, Misfit> {
    if let Some(extra) = members.keys().find(|name| !types.contains_key(*name)) {
        return Err(misfit(at, format!("unsupported attribute {extra:?}")));
    }
    let mut object = BTreeMap::new();
    for (name, ty) in types {
        let Some(pack) = members.get(name) else {
            let count = types.len();
            return Err(misfit(
                at,
                format!("an object with {count} attributes is required; {name:?} is missing"),
            ));
        };
        object.insert(name.clone(), from_pack(pack, ty, &at.attribute(name))?);
    }
    Ok(CoreValue::Object(object))
}

fn text<'a>(pack: &'a Pack, at: &Path) -> Result<&'a str, Misfit> {
    pack.as_str()
        .ok_or_else(|| misfit(at, format!("a UTF-8 string is required, not {pack}")))
}

fn number(pack: &Pack, at: &Path) -> Result<BigDecimal, Misfit> {
    let bad = || misfit(at, format!("a number is required, not {pack}"));
    match pack {
        Pack::Integer(integer) => match (integer.as_i64(), integer.as_u64()) {
            (Some(value), _) => Ok(value.into()),
            (None, Some(value)) => Ok(value.into()),
            (None, None) => Err(bad()),
        },
        // Exactly the binary fraction that the double is, as Core reads it: 0.1 as a double is not 0.1.
        Pack::F64(value) => BigDecimal::try_from(*value).map_err(|_| bad()),
        Pack::F32(value) => BigDecimal::try_from(f64::from(*value)).map_err(|_| bad()),
        Pack::String(_) => text(pack, at)?.parse().map_err(|_| bad()),
        _ => Err(bad()),
    }
}

fn refinement(code: i8, payload: &[u8]) -> Refinement {
    let mut refinement = Refinement::default();
    if code != REFINED_UNKNOWN {
        return refinement;
    }
    let mut rest = payload;
    let Ok(Pack::Map(entries)) = rmpv::decode::read_value(&mut rest) else {
        return refinement;
    };
    for (key, value) in entries {
        match key.as_u64() {
            Some(REFINE_NULLNESS) => refinement.not_null = value.as_bool() == Some(false),
            Some(REFINE_PREFIX) => refinement.prefix = value.as_str().map(str::to_owned),
            _ => {}
        }
    }
    refinement
}

fn to_pack(value: &CoreValue, ty: &Type) -> Pack {
    match (value, ty) {
        (CoreValue::Null, _) => Pack::Nil,
        (CoreValue::Unknown(refinement), _) => unknown(refinement),
        (CoreValue::Dynamic(inner, value), Type::Dynamic) => Pack::Array(vec![
            Pack::Binary(inner.to_json().to_string().into_bytes()),
            to_pack(value, inner),
        ]),
        (CoreValue::Bool(value), Type::Bool) => Pack::Boolean(*value),
        (CoreValue::String(text), Type::String) => Pack::from(text.as_str()),
        (CoreValue::Number(number), Type::Number) => match number.to_i64() {
            Some(integer) if number.is_integer() => Pack::from(integer),
            _ => Pack::from(number.to_plain_string()),
        },
        (CoreValue::List(elements), Type::List(ty)) | (CoreValue::Set(elements), Type::Set(ty)) => {
            Pack::Array(elements.iter().map(|element| to_pack(element, ty)).collect())
        }
        (CoreValue::Tuple(elements), Type::Tuple(types)) => Pack::Array(
            elements
                .iter()
                .zip(types)
                .map(|(element, ty)| to_pack(element, ty))
                .collect(),
        ),
        (CoreValue::Map(members), Type::Map(ty)) => Pack::Map(
            members
                .iter()
                .map(|(key, value)| (Pack::from(key.as_str()), to_pack(value, ty)))
                .collect(),
        ),
        (CoreValue::Object(members), Type::Object(types)) => {
            // Members that the type does not know are kept, as null: the mutants need a way to be wrong.
            let member = |(name, value): (&String, &CoreValue)| {
                let pack = types.get(name).map_or(Pack::Nil, |ty| to_pack(value, ty));
                (Pack::from(name.as_str()), pack)
            };
            Pack::Map(members.iter().map(member).collect())
        }
        _ => panic!("{value} is no {}", ty.to_json()),
    }
}

fn unknown(refinement: &Refinement) -> Pack {
    let mut entries = Vec::new();
    if refinement.not_null {
        entries.push((Pack::from(REFINE_NULLNESS), Pack::Boolean(false)));
    }
    if let Some(prefix) = &refinement.prefix {
        entries.push((Pack::from(REFINE_PREFIX), Pack::from(prefix.as_str())));
    }
    if entries.is_empty() {
        return Pack::Ext(0, vec![0]);
    }
    let mut payload = Vec::new();
    rmpv::encode::write_value(&mut payload, &Pack::Map(entries)).unwrap();
    Pack::Ext(REFINED_UNKNOWN, payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(pack: Pack) -> wire::DynamicValue {
        let mut msgpack = Vec::new();
        rmpv::encode::write_value(&mut msgpack, &pack).unwrap();
        wire::DynamicValue {
            msgpack,
            json: Vec::new(),
        }
    }

    #[test]
    fn numbers_keep_their_value() {
        let decimal = |text: &str| CoreValue::Number(text.parse().unwrap());
        for (wire, expected) in [
            (Pack::from(7), decimal("7")),
            (Pack::from(u64::MAX), decimal("18446744073709551615")),
            (Pack::F64(2.5), decimal("2.5")),
            (Pack::from("0.1"), decimal("0.1")),
            (
                Pack::from("123456789012345678901234567890"),
                decimal("123456789012345678901234567890"),
            ),
        ] {
            assert_eq!(decode(Some(&pack(wire)), &Type::Number).unwrap(), expected);
        }
        let double = decode(Some(&pack(Pack::F64(0.1))), &Type::Number).unwrap();
        assert_ne!(double, decimal("0.1"), "a double is not the decimal that it prints as");
        let encoded = encode(&decimal("0.1"), &Type::Number);
        assert_eq!(encoded, pack(Pack::from("0.1")));
        assert_eq!(
            encode(&decimal("9007199254740993"), &Type::Number),
            pack(Pack::from(9_007_199_254_740_993_i64))
        );
    }

    #[test]
    fn everything_survives_a_round_trip() {
        let ty = Type::parse(
            br#"["object",{"s":"string","l":["list","number"],"t":["set","string"],"m":["map","bool"],"d":"dynamic","u":"string","n":"number","p":["tuple",["string","number"]]}]"#,
        )
        .unwrap();
        let value = CoreValue::object([
            ("s", CoreValue::string("e\u{301}")),
            ("l", CoreValue::List(vec![CoreValue::number(-1), CoreValue::unknown()])),
            (
                "t",
                CoreValue::set(vec![CoreValue::string("b"), CoreValue::string("a")]),
            ),
            ("m", CoreValue::Map([("k".to_owned(), CoreValue::Bool(true))].into())),
            ("d", CoreValue::Dynamic(Type::String, Box::new(CoreValue::string("x")))),
            (
                "u",
                CoreValue::Unknown(Refinement {
                    not_null: true,
                    prefix: Some("a-".to_owned()),
                }),
            ),
            ("n", CoreValue::Null),
            (
                "p",
                CoreValue::Tuple(vec![CoreValue::string("x"), CoreValue::number(1)]),
            ),
        ]);
        let back = decode(Some(&encode(&value, &ty)), &ty).unwrap();
        assert_eq!(back, value);
        let CoreValue::Unknown(refinement) = back.get("u") else {
            panic!("{back}")
        };
        assert!(refinement.not_null && refinement.prefix.as_deref() == Some("a-"));
    }

    #[test]
    fn misfits_are_refused_with_their_place() {
        let ty = Type::parse(br#"["object",{"a":"string","b":["list","number"]}]"#).unwrap();
        let member = |name: &str, value| (Pack::from(name), value);
        let table = [
            (Pack::Map(vec![member("a", Pack::Nil)]), "", "missing"),
            (
                Pack::Map(vec![
                    member("a", Pack::Nil),
                    member("b", Pack::Nil),
                    member("c", Pack::Nil),
                ]),
                "",
                "unsupported attribute",
            ),
            (
                Pack::Map(vec![member("a", Pack::from(1)), member("b", Pack::Nil)]),
                ".a",
                "string",
            ),
            (
                Pack::Map(vec![
                    member("a", Pack::Nil),
                    member("b", Pack::Array(vec![Pack::from("x")])),
                ]),
                ".b[0]",
                "a number is required",
            ),
            (
                Pack::Map(vec![member("a", Pack::Nil), member("a", Pack::Nil)]),
                "",
                "comes twice",
            ),
            (Pack::Array(vec![]), "", "object"),
        ];
        for (wire, path, message) in table {
            let misfit = decode(Some(&pack(wire)), &ty).unwrap_err();
            assert_eq!(misfit.path.to_string(), path, "{misfit:?}");
            assert!(misfit.message.contains(message), "{misfit:?}");
        }
        let mut trailing = pack(Pack::Nil);
        trailing.msgpack.push(0xc0);
        assert!(
            decode(Some(&trailing), &ty)
                .unwrap_err()
                .message
                .contains("bytes follow")
        );
    }
}
