//! U1: what Core demands of UpgradeResourceState.

use terraform_provider_acr::protocol::wire::upgrade_resource_state::Response;

use crate::conformance::{
    rules::{Violation, decode, has_errors, wholly_known, write_only_null},
    schema::Schema,
    value::{CoreValue, Path},
};

/// Checks an upgrade. With `same_version`, the stored value (if the schema fits it) may only come back as it is: an
/// upgrade reshapes, it does not refresh.
pub fn check_upgrade(schema: &Schema, same_version: Option<&CoreValue>, answer: &Response) -> Vec<Violation> {
    let mut violations = Vec::new();
    if has_errors(&answer.diagnostics) {
        return violations;
    }
    let root = Path::default();
    let Some(state) = decode("U1", answer.upgraded_state.as_ref(), schema, &mut violations) else {
        return violations;
    };
    if state.is_null() {
        violations.push(Violation::new("U1", &root, "the stored object became null"));
        return violations;
    }
    wholly_known("U1", &state, &mut violations);
    write_only_null("U1", &schema.block, &state, &mut violations);
    if let Some(stored) = same_version.filter(|stored| **stored != state) {
        let message = format!("the version is the current one, but {stored} became {state}");
        violations.push(Violation::new("U1", &root, message));
    }
    violations
}
