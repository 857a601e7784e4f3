//! The writing half: one function that follows value and type down.

use rmp::encode;

use super::EXTENSION_UNKNOWN;
use crate::framework::{Type, Value};

/// Writes one value of type `ty` at the end of `out`.
pub(super) fn write(out: &mut Vec<u8>, ty: &Type, value: &Value) {
    match (value, ty) {
        (Value::Null, _) => sure(encode::write_nil(out)),
        (Value::Unknown, _) => {
            sure(encode::write_ext_meta(out, 1, EXTENSION_UNKNOWN));
            out.push(0);
        }
        (Value::Bool(value), _) => sure(encode::write_bool(out, *value)),
        (Value::String(text), _) => sure(encode::write_str(out, text)),
        (Value::Number(number), _) => match number.as_i64() {
            Some(integer) => sure(encode::write_sint(out, integer)),
            None => sure(encode::write_str(out, &number.text())),
        },
        (Value::List(elements) | Value::Set(elements), ty) => {
            sure(encode::write_array_len(out, size(elements.len())));
            for (index, element) in elements.iter().enumerate() {
                match ty {
                    Type::List(inner) | Type::Set(inner) => write(out, inner, element),
                    Type::Tuple(places) => write(out, places.get(index).unwrap_or(&Type::Dynamic), element),
                    _ => write(out, &Type::Dynamic, element),
                }
            }
        }
        (Value::Map(members), Type::Object(types)) => {
            sure(encode::write_map_len(out, size(types.len())));
            for (name, ty) in types {
                sure(encode::write_str(out, name));
                write(out, ty, members.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Map(members), ty) => {
            let inner = if let Type::Map(inner) = ty {
                inner
            } else {
                &Type::Dynamic
            };
            sure(encode::write_map_len(out, size(members.len())));
            for (name, member) in members {
                sure(encode::write_str(out, name));
                write(out, inner, member);
            }
        }
        (Value::Dynamic(inner, value), _) => {
            sure(encode::write_array_len(out, 2));
            sure(encode::write_bin(out, inner.to_json().as_bytes()));
            write(out, inner, value);
        }
    }
}

/// Writing to memory cannot fail; the one place that says so.
fn sure<T, E: std::fmt::Debug>(written: Result<T, E>) {
    written.expect("writing to a vector does not fail");
}

fn size(length: usize) -> u32 {
    u32::try_from(length).expect("a message is limited to 256 MiB, so a length fits 32 bits")
}
