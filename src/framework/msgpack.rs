//! Values in MessagePack, as Core speaks it: the schema's type directs both reading and writing.
//!
//! The reader trusts nothing: lengths are never allocated in advance, extra or missing members are errors, and every
//! byte must be used. Any extension code means unknown; refinements (extension 12) are read over, which is always legal.

mod write;

use rmp::Marker;

use super::{Path, Type, Value, number::Number};

/// The extension type of an unknown value without refinements.
const EXTENSION_UNKNOWN: i8 = 0;

/// Deepest accepted nesting of a value. Types nest half as deep at most, but a value of any type can hold another of any type, and
/// so on until the stack ends, which would end the process.
const DEPTH_MAX: usize = 64;

/// Bytes that were no value of the expected type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Where in the value.
    pub path: Path,
    /// What was wrong there.
    pub problem: String,
}

/// Reads one value of type `ty`.
///
/// # Errors
/// Anything that is not exactly one value of that type.
pub fn decode(ty: &Type, bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader { rest: bytes, depth: 0 };
    let value = reader.value(ty, &Path::root())?;
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(reader.fail(&Path::root(), format!("{} bytes follow the value", reader.rest.len())))
    }
}

/// Writes a value of type `ty`. Members that an object value lacks are written as null.
#[must_use]
pub fn encode(ty: &Type, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write::write(&mut out, ty, value);
    out
}

struct Reader<'a> {
    rest: &'a [u8],
    /// How many values enclose the one that is read.
    depth: usize,
}

impl<'a> Reader<'a> {
    fn fail(&self, path: &Path, problem: impl Into<String>) -> DecodeError {
        DecodeError {
            path: path.clone(),
            problem: problem.into(),
        }
    }

    fn take(&mut self, count: usize, path: &Path) -> Result<&'a [u8], DecodeError> {
        if count > self.rest.len() {
            return Err(self.fail(path, "the value ends too early"));
        }
        let (head, tail) = self.rest.split_at(count);
        self.rest = tail;
        Ok(head)
    }

    /// A big-endian unsigned number of `width` bytes.
    fn unsigned(&mut self, width: usize, path: &Path) -> Result<u64, DecodeError> {
        Ok(self
            .take(width, path)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self, width: usize, path: &Path) -> Result<usize, DecodeError> {
        let length = self.unsigned(width, path)?;
        usize::try_from(length).map_err(|_| self.fail(path, "an absurd length"))
    }

    fn value(&mut self, ty: &Type, path: &Path) -> Result<Value, DecodeError> {
        if self.depth > DEPTH_MAX {
            return Err(self.fail(path, format!("a value nested deeper than {DEPTH_MAX}")));
        }
        // Not taken back after an error, which ends the reading.
        self.depth += 1;
        let value = self.value_of(ty, path)?;
        self.depth -= 1;
        Ok(value)
    }

    fn value_of(&mut self, ty: &Type, path: &Path) -> Result<Value, DecodeError> {
        let marker = Marker::from_u8(self.take(1, path)?[0]);
        if marker == Marker::Null {
            return Ok(Value::Null);
        }
        if let Some(payload) = self.extension(marker, path)? {
            self.take(payload, path)?;
            return Ok(Value::Unknown);
        }
        match ty {
            Type::String => Ok(Value::string(self.text(marker, path)?)),
            Type::Bool => match marker {
                Marker::True => Ok(Value::Bool(true)),
                Marker::False => Ok(Value::Bool(false)),
                _ => Err(self.fail(path, "a bool is expected")),
            },
            Type::Number => self.number(marker, path).map(Value::Number),
            Type::Dynamic => self.dynamic(marker, path),
            Type::List(element) => self.elements(marker, path, |_| Some(element)).map(Value::List),
            Type::Set(element) => self.elements(marker, path, |_| Some(element)).map(Value::set),
            Type::Tuple(places) => {
                let values = self.elements(marker, path, |index| places.get(index))?;
                if values.len() == places.len() {
                    Ok(Value::List(values))
                } else {
                    Err(self.fail(path, format!("{} elements are expected", places.len())))
                }
            }
            Type::Map(element) => self.members(marker, path, |_| Some(element), |path, key| path.key(key)),
            Type::Object(members) => {
                let value = self.members(marker, path, |name| members.get(name), Path::then)?;
                match members
                    .keys()
                    .find(|name| !matches!(&value, Value::Map(map) if map.contains_key(*name)))
                {
                    None => Ok(value),
                    Some(missing) => Err(self.fail(path, format!("member `{missing}` is missing"))),
                }
            }
        }
    }

    /// The payload length if `marker` opens an extension, whose code has then been read.
    fn extension(&mut self, marker: Marker, path: &Path) -> Result<Option<usize>, DecodeError> {
        let payload = match marker {
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            Marker::Ext8 => self.length(1, path)?,
            Marker::Ext16 => self.length(2, path)?,
            Marker::Ext32 => self.length(4, path)?,
            _ => return Ok(None),
        };
        self.take(1, path)?;
        Ok(Some(payload))
    }

    fn text(&mut self, marker: Marker, path: &Path) -> Result<&'a str, DecodeError> {
        let length = match marker {
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 => self.length(1, path)?,
            Marker::Str16 => self.length(2, path)?,
            Marker::Str32 => self.length(4, path)?,
            _ => return Err(self.fail(path, "a string is expected")),
        };
        let bytes = self.take(length, path)?;
        std::str::from_utf8(bytes).map_err(|_| self.fail(path, "the string is not UTF-8"))
    }

    fn number(&mut self, marker: Marker, path: &Path) -> Result<Number, DecodeError> {
        let signed = |number: u64, bits: u32| {
            let shift = 64 - bits;
            Number::from((number << shift).cast_signed() >> shift)
        };
        let parsed = match marker {
            Marker::FixPos(number) => Ok(Number::from(i64::from(number))),
            Marker::FixNeg(number) => Ok(Number::from(i64::from(number))),
            Marker::U8 => Ok(Number::from(self.unsigned(1, path)?)),
            Marker::U16 => Ok(Number::from(self.unsigned(2, path)?)),
            Marker::U32 => Ok(Number::from(self.unsigned(4, path)?)),
            Marker::U64 => Ok(Number::from(self.unsigned(8, path)?)),
            Marker::I8 => Ok(signed(self.unsigned(1, path)?, 8)),
            Marker::I16 => Ok(signed(self.unsigned(2, path)?, 16)),
            Marker::I32 => Ok(signed(self.unsigned(4, path)?, 32)),
            Marker::I64 => Ok(signed(self.unsigned(8, path)?, 64)),
            Marker::F32 => {
                let bits = u32::try_from(self.unsigned(4, path)?).unwrap_or_default();
                Number::from_f64(f64::from(f32::from_bits(bits)))
            }
            Marker::F64 => Number::from_f64(f64::from_bits(self.unsigned(8, path)?)),
            _ => Number::parse(
                self.text(marker, path)
                    .map_err(|_| self.fail(path, "a number is expected"))?,
            ),
        };
        parsed.map_err(|error| self.fail(path, error.to_string()))
    }

    /// A value that carries its own type: `[type JSON, value]`. The JSON comes as bytes; text is accepted too.
    fn dynamic(&mut self, marker: Marker, path: &Path) -> Result<Value, DecodeError> {
        if self.array_length(marker, path)? != 2 {
            return Err(self.fail(path, "a pair of type and value is expected"));
        }
        let marker = Marker::from_u8(self.take(1, path)?[0]);
        let length = match marker {
            Marker::Bin8 => self.length(1, path)?,
            Marker::Bin16 => self.length(2, path)?,
            Marker::Bin32 => self.length(4, path)?,
            _ => 0,
        };
        let json = match marker {
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => std::str::from_utf8(self.take(length, path)?)
                .map_err(|_| self.fail(path, "the type of a dynamic value is not UTF-8"))?,
            _ => self.text(marker, path)?,
        };
        let ty = Type::parse(json).map_err(|error| self.fail(path, error.to_string()))?;
        let value = self.value(&ty, path)?;
        Ok(Value::Dynamic(ty, Box::new(value)))
    }

    fn array_length(&mut self, marker: Marker, path: &Path) -> Result<usize, DecodeError> {
        match marker {
            Marker::FixArray(length) => Ok(usize::from(length)),
            Marker::Array16 => self.length(2, path),
            Marker::Array32 => self.length(4, path),
            _ => Err(self.fail(path, "a sequence is expected")),
        }
    }

    fn elements<'t>(
        &mut self,
        marker: Marker,
        path: &Path,
        type_at: impl Fn(usize) -> Option<&'t Type>,
    ) -> Result<Vec<Value>, DecodeError> {
        let length = self.array_length(marker, path)?;
        // Grown as it is read: a length is only a claim.
        let mut values = Vec::new();
        for index in 0..length {
            let below = path.index(index);
            let ty = type_at(index).ok_or_else(|| self.fail(&below, "one element too many"))?;
            values.push(self.value(ty, &below)?);
        }
        Ok(values)
    }

    fn members<'t>(
        &mut self,
        marker: Marker,
        path: &Path,
        type_of: impl Fn(&str) -> Option<&'t Type>,
        step: impl Fn(&Path, &str) -> Path,
    ) -> Result<Value, DecodeError> {
        let length = match marker {
            Marker::FixMap(length) => usize::from(length),
            Marker::Map16 => self.length(2, path)?,
            Marker::Map32 => self.length(4, path)?,
            _ => return Err(self.fail(path, "an object or map is expected")),
        };
        let mut members = std::collections::BTreeMap::new();
        for _ in 0..length {
            let marker = Marker::from_u8(self.take(1, path)?[0]);
            let Value::String(name) = Value::string(self.text(marker, path)?) else {
                continue;
            };
            let below = step(path, &name);
            let ty = type_of(&name).ok_or_else(|| self.fail(&below, "there is no such member"))?;
            let value = self.value(ty, &below)?;
            members.insert(name, value);
        }
        Ok(Value::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object() -> Type {
        Type::parse(
            r#"["object",{"b":"bool","l":["list","string"],"m":["map","number"],"n":"number","s":["set","string"],"d":"dynamic","t":["tuple",["string","bool"]]}]"#,
        )
        .unwrap()
    }

    #[test]
    fn bytes_that_core_really_sends() {
        for (ty, bytes, expected) in [
            (
                Type::Number,
                &b"\xa30.1"[..],
                Value::Number(Number::parse("0.1").unwrap()),
            ),
            (
                Type::Number,
                b"\xcb\x40\x04\x00\x00\x00\x00\x00\x00",
                Value::Number(Number::parse("2.5").unwrap()),
            ),
            (Type::Number, b"\xff", Value::integer(-1)),
            (Type::Number, b"\xd1\xff\x00", Value::integer(-256)),
            (
                Type::Number,
                b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                Value::Number(Number::from(u64::MAX)),
            ),
            (Type::String, b"\xd4\x00\x00", Value::Unknown),
            (Type::String, b"\xc7\x07\x0c\x82\x01\xc2\x02\xa2a-", Value::Unknown),
            (Type::Bool, b"\xc3", Value::Bool(true)),
            (
                Type::Dynamic,
                b"\x92\xc4\x08\"string\"\xa1x",
                Value::Dynamic(Type::String, Box::new(Value::string("x"))),
            ),
            (Type::Dynamic, b"\xc0", Value::Null),
        ] {
            assert_eq!(decode(&ty, bytes).unwrap(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn numbers_leave_as_integers_or_text_never_as_floats() {
        assert_eq!(encode(&Type::Number, &Value::integer(5)), b"\x05");
        assert_eq!(
            encode(&Type::Number, &Value::Number(Number::parse("2.5").unwrap())),
            b"\xa32.5"
        );
        assert_eq!(
            encode(&Type::Number, &Value::Number(Number::parse("3.0").unwrap())),
            b"\x03"
        );
    }

    #[test]
    fn wrong_bytes_say_where_and_what() {
        let list = Type::list(Type::Bool);
        let error = decode(&list, b"\x92\xc3\xa1x").unwrap_err();
        assert_eq!(
            (error.path.to_string().as_str(), error.problem.as_str()),
            ("[1]", "a bool is expected")
        );
        let one = Type::parse(r#"["object",{"a":"string"}]"#).unwrap();
        for (bytes, problem) in [
            (&b""[..], "the value ends too early"),
            (b"\x81\xa1a\xa1x\x00", "1 bytes follow the value"),
            (b"\x80", "member `a` is missing"),
            (b"\x81\xa1b\xc0", "there is no such member"),
            (b"\xdf\xff\xff\xff\xff", "the value ends too early"),
            (b"\x81\xa1a\xdb\xff\xff\xff\xffx", "the value ends too early"),
            (b"\x81\xa1a\xa1\xff", "the string is not UTF-8"),
        ] {
            assert_eq!(decode(&one, bytes).unwrap_err().problem, problem, "{bytes:?}");
        }
    }

    #[test]
    fn values_of_any_type_do_not_nest_without_end() {
        let nested = |levels: usize| [b"\x92\xc4\x09\"dynamic\"".repeat(levels), b"\xc0".to_vec()].concat();
        assert!(decode(&Type::Dynamic, &nested(DEPTH_MAX)).is_ok());
        let problem = decode(&Type::Dynamic, &nested(1_000_000)).unwrap_err().problem;
        assert_eq!(problem, "a value nested deeper than 64");
        // Beside each other is no depth.
        let wide = [&b"\xdc\x03\xe8"[..], &b"\xc3".repeat(1_000)].concat();
        assert!(decode(&Type::list(Type::Bool), &wide).is_ok());
    }

    fn leaf() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(Value::Unknown),
            ".{0,12}".prop_map(Value::string)
        ]
    }

    proptest! {
        #[test]
        fn any_value_survives_the_round_trip(
            flag in any::<bool>(), number in any::<i64>(), fraction in "-?[0-9]{1,30}\\.[0-9]{1,30}",
            list in prop::collection::vec(leaf(), 0..5), set in prop::collection::vec(leaf(), 0..5),
            map in prop::collection::btree_map("[a-z]{1,4}", any::<i64>().prop_map(Value::integer), 0..5),
        ) {
            let value = Value::object([
                ("b", Value::Bool(flag)), ("l", Value::List(list)), ("m", Value::Map(map)), ("n", Value::integer(number)),
                ("s", Value::set(set)), ("d", Value::Dynamic(Type::Number, Box::new(Value::Number(Number::parse(&fraction).unwrap())))),
                ("t", Value::List(vec![Value::string("x"), Value::Unknown])),
            ]);
            prop_assert_eq!(decode(&object(), &encode(&object(), &value)).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&object(), &bytes);
            let _ = decode(&Type::Dynamic, &bytes);
        }
    }
}
