//! From the wire to the framework.

use super::wire;
use crate::framework::{
    Diagnostic, Type, Value,
    function::{FunctionError, Signature},
    json,
    model::Mismatch,
    msgpack,
    msgpack::DecodeError,
    schema::Schema,
};

/// A value of the schema's type. MessagePack if there is any, else JSON if there is any, else null.
///
/// # Errors
/// Bytes that are no such value, as a diagnostic that points at the place.
pub fn value(ty: &Type, dynamic: Option<&wire::DynamicValue>) -> Result<Value, Diagnostic> {
    dynamic
        .map_or(Ok(Value::Null), |dynamic| read(ty, dynamic))
        .map_err(unreadable)
}

/// The arguments of a function call, each of its parameter's type. OpenTofu sends null as nothing.
///
/// # Errors
/// Bytes that are no such value.
pub fn arguments(signature: &Signature, arguments: &[wire::DynamicValue]) -> Result<Vec<Value>, FunctionError> {
    let one = |(index, dynamic): (usize, &wire::DynamicValue)| {
        let Some(parameter) = signature.parameter(index) else {
            // One too many, which is for the framework to say.
            return Ok(Value::Null);
        };
        read(&parameter.ty, dynamic)
            .map_err(|DecodeError { path, problem }| FunctionError::of(index, Mismatch { path, problem }))
    };
    arguments.iter().enumerate().map(one).collect()
}

fn read(ty: &Type, dynamic: &wire::DynamicValue) -> Result<Value, DecodeError> {
    if !dynamic.msgpack.is_empty() {
        msgpack::decode(ty, &dynamic.msgpack)
    } else if !dynamic.json.is_empty() {
        std::str::from_utf8(&dynamic.json)
            .map_err(|_| DecodeError {
                path: crate::framework::Path::root(),
                problem: "the JSON is not UTF-8".into(),
            })
            .and_then(|text| json::decode(ty, text, json::Extra::Refuse))
    } else {
        Ok(Value::Null)
    }
}

/// An object of `schema`, or null. Its members may be unknown.
///
/// # Errors
/// Bytes that are no such object, and an object that is unknown as a whole: only its members can be.
pub fn object(schema: &Schema, dynamic: Option<&wire::DynamicValue>) -> Result<Value, Diagnostic> {
    match value(&schema.ty(), dynamic)? {
        Value::Unknown => Err(unsuitable(&Value::Unknown)),
        object => Ok(object),
    }
}

/// An object of `schema` that must be there: a configuration, or the state to refresh.
///
/// # Errors
/// Null, unknown, or bytes that are no such object.
pub fn present_object(schema: &Schema, dynamic: Option<&wire::DynamicValue>) -> Result<Value, Diagnostic> {
    match object(schema, dynamic)? {
        map @ Value::Map(_) => Ok(map),
        other => Err(unsuitable(&other)),
    }
}

/// The same value, if it can be a stored state or what a data source reads with.
///
/// # Errors
/// Anything unknown in it: a resource would take it for an absent value, and Core refuses it in any answer.
pub fn known(value: Value) -> Result<Value, Diagnostic> {
    if value.is_wholly_known() {
        return Ok(value);
    }
    Err(Diagnostic::error(
        "Unknown value",
        "A value sent to the acr provider is not known yet in a place where only known values can be, such as a stored state.",
    ))
}

/// The JSON text of a stored state.
///
/// # Errors
/// State in the flat format of Terraform 0.11, which this provider never wrote.
pub fn raw_state(raw: Option<&wire::RawState>) -> Result<&str, Diagnostic> {
    let raw = raw.ok_or_else(|| Diagnostic::error("No state to upgrade", "Terraform sent no stored state."))?;
    if raw.json.is_empty() {
        return Err(Diagnostic::error(
            "State of an unsupported format",
            "The stored state is empty or in the format of Terraform 0.11, which this provider never wrote.",
        ));
    }
    std::str::from_utf8(&raw.json).map_err(|_| Diagnostic::error("Unreadable state", "The stored state is not UTF-8."))
}

fn unsuitable(value: &Value) -> Diagnostic {
    unreadable(DecodeError {
        path: crate::framework::Path::root(),
        problem: format!("an object is expected, {} was sent", value.kind()),
    })
}

fn unreadable(error: DecodeError) -> Diagnostic {
    Diagnostic::error(
        "Unreadable value",
        format!(
            "A value sent to the acr provider does not fit its schema: {}.",
            error.problem
        ),
    )
    .at(error.path)
}
