//! I1-I5: what Core demands of ImportResourceState and of the read that follows.

use terraform_provider_acr::protocol::wire::import_resource_state::Response;

use crate::conformance::{
    rules::{
        Violation, decode, has_errors,
        identity::{IdentityRules, check_identity},
        wholly_known, write_only_null,
    },
    schema::Schema,
    value::{CoreValue, Path},
};

/// Checks an import's answer. `by_identity` is the identity that was asked for, if it was not an id.
pub fn check_import(
    schema: &Schema,
    type_name: &str,
    by_identity: Option<&CoreValue>,
    answer: &Response,
) -> Vec<Violation> {
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
    let [imported] = answer.imported_resources.as_slice() else {
        let count = answer.imported_resources.len();
        violations.push(Violation::new(
            "I1",
            &root,
            format!("one object is imported, not {count}"),
        ));
        return violations;
    };
    if imported.type_name != type_name {
        violations.push(Violation::new(
            "I1",
            &root,
            format!("asked for {type_name}, got {}", imported.type_name),
        ));
    }
    let rules = IdentityRules {
        present: "I3",
        valid: "I3",
    };
    let needed = by_identity.is_some();
    check_identity(rules, schema, imported.identity.as_ref(), None, needed, &mut violations);
    let Some(state) = decode("I2", imported.state.as_ref(), schema, &mut violations) else {
        return violations;
    };
    if state.is_null() {
        violations.push(Violation::new("I2", &root, "import returned null"));
        return violations;
    }
    wholly_known("I2", &state, &mut violations);
    write_only_null("I2", &schema.block, &state, &mut violations);
    violations
}

/// I4: the read after the import finds the object.
pub fn check_read_after_import(state: &CoreValue) -> Option<Violation> {
    state
        .is_null()
        .then(|| Violation::new("I4", &Path::default(), "cannot import a non-existent remote object"))
}

/// I5: an id, another spelling of it and an identity are names of one object; each leads to the same state.
pub fn check_same_import(first: (&str, &CoreValue), other: (&str, Option<&CoreValue>)) -> Option<Violation> {
    let (first_name, first_state) = first;
    let (other_name, other_state) = other;
    let message = match other_state {
        None => format!("{first_name} imports, but {other_name} does not"),
        Some(state) if state != first_state => {
            format!("{first_name} imports {first_state}, but {other_name} imports {state}")
        }
        Some(_) => return None,
    };
    Some(Violation::new("I5", &Path::default(), message))
}
