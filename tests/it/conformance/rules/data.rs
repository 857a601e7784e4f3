//! D1-D2: what Core demands around ReadDataSource.

use terraform_provider_acr::protocol::wire::read_data_source::Response;

use crate::conformance::{
    rules::{Violation, decode, has_errors, wholly_known},
    schema::Schema,
    value::{CoreValue, Path},
};

/// D1: Core itself waits until the configuration is known, so a driver that asks earlier is wrong.
pub fn check_data_config(config: &CoreValue) -> Vec<Violation> {
    let mut violations = Vec::new();
    wholly_known("D1", config, &mut violations);
    violations
}

/// D2: the result is an object, wholly known, and keeps every configured value.
pub fn check_data(schema: &Schema, config: &CoreValue, answer: &Response) -> Vec<Violation> {
    let mut violations = Vec::new();
    let root = Path::default();
    if has_errors(&answer.diagnostics) {
        return violations;
    }
    if answer.deferred.is_some() {
        violations.push(Violation::new(
            "DEFER",
            &root,
            "deferred although deferral was not offered",
        ));
        return violations;
    }
    let Some(state) = decode("D2", answer.state.as_ref(), schema, &mut violations) else {
        return violations;
    };
    if state.is_null() {
        violations.push(Violation::new("D2", &root, "a data source returned nothing"));
        return violations;
    }
    wholly_known("D2", &state, &mut violations);
    for name in schema.block.attributes.keys() {
        let (configured, read) = (config.get(name), state.get(name));
        if !configured.is_null() && configured != read {
            let message = format!("configured {configured}, but returned {read}");
            violations.push(Violation::new("D2", &root.attribute(name), message));
        }
    }
    violations
}
