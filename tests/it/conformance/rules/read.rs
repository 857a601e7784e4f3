//! R1-R7: what Core demands of ReadResource. R8 (no configuration is at hand) is a fact about the request.

use terraform_provider_acr::protocol::wire::read_resource::Response;

use crate::conformance::{
    rules::{
        Violation, decode, has_errors,
        identity::{IdentityRules, check_identity},
        no_null_blocks, wholly_known, write_only_null,
    },
    schema::Schema,
    value::{CoreValue, Path},
};

/// What the test knows about the world outside, which decides what a read may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// The object is as the state says: nothing may change, and it may not vanish.
    AsInState,
    /// The object exists, but may have drifted (or the state is the stub of an import).
    Exists,
    /// Anything may have happened.
    Anything,
}

/// What the read was asked.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub current: &'a CoreValue,
    pub private: &'a [u8],
    pub identity: Option<&'a CoreValue>,
    pub world: World,
}

pub fn check_read(schema: &Schema, asked: &Asked<'_>, answer: &Response) -> Vec<Violation> {
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
    let Some(state) = decode("R1", answer.new_state.as_ref(), schema, &mut violations) else {
        return violations;
    };
    if state.is_null() {
        if asked.world != World::Anything {
            violations.push(Violation::new("R2", &root, "declared gone, and yet the object exists"));
        }
        return violations;
    }
    wholly_known("R1", &state, &mut violations);
    write_only_null("R1", &schema.block, &state, &mut violations);
    no_null_blocks("R5", &schema.block, &state, &mut violations);
    if asked.world == World::AsInState {
        unchanged(schema, asked.current, &state, &mut violations);
    }
    if answer.private.is_empty() && !asked.private.is_empty() {
        violations.push(Violation::new("R6", &root, "the private data is lost"));
    }
    let rules = IdentityRules {
        present: "R6",
        valid: "R7",
    };
    check_identity(
        rules,
        schema,
        answer.new_identity.as_ref(),
        asked.identity,
        true,
        &mut violations,
    );
    violations
}

/// R3 and R4: without drift, what is equal in meaning stays as it was, and what the service cannot tell is kept.
fn unchanged(schema: &Schema, current: &CoreValue, state: &CoreValue, violations: &mut Vec<Violation>) {
    let names = schema.block.attributes.keys().chain(schema.block.blocks.keys());
    for name in names.filter(|name| current.get(name) != state.get(name)) {
        let (before, after) = (current.get(name), state.get(name));
        let null_blocks = schema.block.blocks.contains_key(name) && after.is_null() && before.elements().is_empty();
        if null_blocks && !matches!(before, CoreValue::Object(_)) {
            continue; // Null instead of no blocks is R5's to report.
        }
        let rule = if after.is_null() && !before.is_null() {
            "R4"
        } else {
            "R3"
        };
        let message = format!("nothing happened to the object, but {before} became {after}");
        violations.push(Violation::new(rule, &Path::default().attribute(name), message));
    }
}
