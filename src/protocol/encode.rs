//! From the framework to the wire.

use std::collections::HashMap;

use super::wire;
use crate::framework::{
    Diagnostic, Diagnostics, Path, Severity, Step, Type, Value,
    function::{Function, FunctionError, Parameter, Signature},
    msgpack,
    schema::{Attribute, Block, Mode, NestedBlock, Nesting, Schema},
};

/// Longest text of a diagnostic, in bytes: far more than anyone reads. Messages quote what was sent, which can be as long as a
/// whole message; quoted twice, the answer would be larger than an answer may be.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Longest name in a path, in bytes; the longest of ours has 32. Names that the schema does not have can be of any length.
const NAME_BYTES_MAX: usize = 256;

/// A value as MessagePack.
#[must_use]
pub fn value(ty: &Type, value: &Value) -> wire::DynamicValue {
    wire::DynamicValue {
        msgpack: msgpack::encode(ty, value),
        json: Vec::new(),
    }
}

/// An object of `schema`; null for `None`.
#[must_use]
pub fn object(schema: &Schema, object: Option<&Value>) -> wire::DynamicValue {
    value(&schema.ty(), object.unwrap_or(&Value::Null))
}

/// A schema.
#[must_use]
pub fn schema(schema: &Schema) -> wire::Schema {
    wire::Schema {
        version: schema.version,
        block: Some(block(&schema.block)),
    }
}

fn block(block: &Block) -> wire::schema::Block {
    wire::schema::Block {
        version: 0,
        attributes: block.attributes.iter().map(attribute).collect(),
        block_types: block.blocks.iter().map(nested).collect(),
        description: block.description.to_owned(),
        description_kind: wire::StringKind::Markdown.into(),
        deprecated: false,
        deprecation_message: String::new(),
    }
}

fn attribute(attribute: &Attribute) -> wire::schema::Attribute {
    wire::schema::Attribute {
        name: attribute.name.to_owned(),
        r#type: attribute.ty.to_json().into_bytes(),
        description: attribute.description.to_owned(),
        required: attribute.mode == Mode::Required,
        optional: matches!(attribute.mode, Mode::Optional | Mode::OptionalComputed),
        computed: attribute.is_computed(),
        sensitive: attribute.sensitive,
        description_kind: wire::StringKind::Markdown.into(),
        deprecated: attribute.deprecated.is_some(),
        write_only: attribute.write_only,
        deprecation_message: attribute.deprecated.unwrap_or_default().to_owned(),
    }
}

fn nested(nested: &NestedBlock) -> wire::schema::NestedBlock {
    use wire::schema::nested_block::NestingMode;
    let nesting = match nested.nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
    };
    wire::schema::NestedBlock {
        type_name: nested.name.to_owned(),
        block: Some(block(&nested.block)),
        nesting: nesting.into(),
        min_items: nested.min_items,
        max_items: nested.max_items,
    }
}

/// The signatures of all functions, by name.
#[must_use]
pub fn functions(functions: &[Box<dyn Function>]) -> HashMap<String, wire::Function> {
    let named = functions
        .iter()
        .map(|it| (it.name().into(), signature(&it.signature())));
    named.collect()
}

fn signature(signature: &Signature) -> wire::Function {
    wire::Function {
        parameters: signature.parameters.iter().map(parameter).collect(),
        variadic_parameter: signature.variadic.as_ref().map(parameter),
        r#return: Some(wire::function::Return {
            r#type: signature.returns.to_json().into_bytes(),
        }),
        summary: signature.summary.to_owned(),
        description: signature.description.to_owned(),
        description_kind: wire::StringKind::Markdown.into(),
        deprecation_message: String::new(),
    }
}

fn parameter(parameter: &Parameter) -> wire::function::Parameter {
    wire::function::Parameter {
        name: parameter.name.to_owned(),
        r#type: parameter.ty.to_json().into_bytes(),
        allow_null_value: parameter.allow_null,
        allow_unknown_values: parameter.allow_unknown,
        description: parameter.description.to_owned(),
        description_kind: wire::StringKind::Markdown.into(),
    }
}

/// What a function gave.
#[must_use]
pub fn function_result(result: Result<wire::DynamicValue, FunctionError>) -> wire::call_function::Response {
    let (result, error) = match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    };
    let error = error.map(|error| wire::FunctionError {
        text: shortened(&error.text, TEXT_BYTES_MAX),
        function_argument: error.argument.and_then(|index| i64::try_from(index).ok()),
    });
    wire::call_function::Response { result, error }
}

/// Messages, in their order.
#[must_use]
pub fn diagnostics(diagnostics: &Diagnostics) -> Vec<wire::Diagnostic> {
    diagnostics.0.iter().map(diagnostic).collect()
}

/// One message.
#[must_use]
pub fn diagnostic(diagnostic: &Diagnostic) -> wire::Diagnostic {
    let severity = match diagnostic.severity {
        Severity::Error => wire::diagnostic::Severity::Error,
        Severity::Warning => wire::diagnostic::Severity::Warning,
    };
    wire::Diagnostic {
        severity: severity.into(),
        summary: shortened(&diagnostic.summary, NAME_BYTES_MAX),
        detail: shortened(&diagnostic.detail, TEXT_BYTES_MAX),
        attribute: diagnostic.path.as_ref().map(path),
    }
}

/// A path.
#[must_use]
pub fn path(path: &Path) -> wire::AttributePath {
    use wire::attribute_path::{Step as WireStep, step::Selector};
    let step = |step: &Step| {
        let selector = match step {
            Step::Attribute(name) => Selector::AttributeName(shortened(name, NAME_BYTES_MAX)),
            Step::Index(index) => Selector::ElementKeyInt(*index),
            Step::Key(key) => Selector::ElementKeyString(shortened(key, NAME_BYTES_MAX)),
        };
        WireStep {
            selector: Some(selector),
        }
    };
    wire::AttributePath {
        steps: path.0.iter().map(step).collect(),
    }
}

/// The text, or its beginning of at most `bytes_max` bytes and an ellipsis.
#[must_use]
pub fn shortened(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at));
    format!("{}…", &text[..end.unwrap_or_default()])
}

/// What this provider does beyond the first protocol 5. State moves and generated configuration are not offered yet.
#[must_use]
pub fn capabilities() -> wire::ServerCapabilities {
    wire::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: false,
        generate_resource_config: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        for (text, expected) in [("abc", "abc"), ("abcd", "abc…"), ("abä", "ab…"), ("äö", "ä…"), ("", "")] {
            assert_eq!(shortened(text, 3), expected, "{text}");
        }
    }
}
