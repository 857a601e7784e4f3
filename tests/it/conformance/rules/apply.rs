//! A1-A7: what Core demands of ApplyResourceChange.

use terraform_provider_acr::protocol::wire::apply_resource_change::Response;

use crate::conformance::{
    rules::{
        Violation,
        compatible::compatible,
        decode, has_errors,
        identity::{IdentityRules, check_identity},
        wholly_known, write_only_null,
    },
    schema::Schema,
    value::{CoreValue, Path},
};

/// MessagePack's null.
const NIL: u8 = 0xc0;

/// What the apply was asked.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub planned: &'a CoreValue,
    pub planned_private: &'a [u8],
    /// The identity that the object has and keeps; none on create.
    pub identity: Option<&'a CoreValue>,
}

/// Checks one apply: of a creation, an update or, with a null plan, a deletion.
pub fn check_apply(schema: &Schema, asked: &Asked<'_>, answer: &Response) -> Vec<Violation> {
    let mut violations = Vec::new();
    let root = Path::default();
    let failed = has_errors(&answer.diagnostics);
    let deletes = asked.planned.is_null();
    if answer.legacy_type_system {
        violations.push(Violation::new(
            "LEGACY",
            &root,
            "the exemptions of the legacy type system are not for us",
        ));
    }
    let Some(state) = decode("A2", answer.new_state.as_ref(), schema, &mut violations) else {
        return violations;
    };
    if state.is_null() != deletes && !failed {
        let message = if deletes {
            "deleted, and yet there is state"
        } else {
            "no state after success"
        };
        violations.push(Violation::new("A1", &root, message));
    }
    wholly_known("A3", &state, &mut violations);
    write_only_null("A5", &schema.block, &state, &mut violations);
    if state.is_null() {
        let identity = answer
            .new_identity
            .as_ref()
            .and_then(|identity| identity.identity_data.as_ref());
        let identity = identity.filter(|data| !data.msgpack.is_empty() && data.msgpack != [NIL]);
        if identity.is_some() && !failed {
            violations.push(Violation::new(
                "A6",
                &root,
                "identity: nothing is left that it could be of",
            ));
        }
        return violations;
    }
    // Core reports neither inconsistency nor lost identity once there are errors: what was done counts.
    if !failed && !deletes {
        compatible("A4", asked.planned, &state, &root, &mut violations);
    }
    let rules = IdentityRules {
        present: "A6",
        valid: "A6",
    };
    check_identity(
        rules,
        schema,
        answer.new_identity.as_ref(),
        asked.identity,
        true,
        &mut violations,
    );
    if answer.private.is_empty() && !asked.planned_private.is_empty() {
        violations.push(Violation::new("A7", &root, "the planned private data is lost"));
    }
    violations
}
