//! What an answer's identity has to keep, whichever call it answers.

use terraform_provider_acr::protocol::wire;

use crate::conformance::{
    msgpack,
    rules::Violation,
    schema::Schema,
    value::{CoreValue, Path},
};

/// The rule ids of one call's demands on the identity.
#[derive(Clone, Copy, Debug)]
pub struct IdentityRules {
    /// Broken by an identity that is absent, or null.
    pub present: &'static str,
    /// Broken by one that does not conform, holds unknowns, changes, or belongs to a type without identity.
    pub valid: &'static str,
}

/// Decodes the identity: none when it is absent, null, or invalid (which is reported).
///
/// `before` is the identity that the object is known by: it never changes over the object's life.
pub fn check_identity(
    rules: IdentityRules,
    schema: &Schema,
    answer: Option<&wire::ResourceIdentityData>,
    before: Option<&CoreValue>,
    needed: bool,
    violations: &mut Vec<Violation>,
) -> Option<CoreValue> {
    let mut report =
        |rule, message: String| violations.push(Violation::new(rule, &Path::default(), format!("identity: {message}")));
    let data = answer.and_then(|answer| answer.identity_data.as_ref());
    let Some(identity) = &schema.identity else {
        if data.is_some() {
            report(
                rules.valid,
                "returned for a type that has no identity schema".to_owned(),
            );
        }
        return None;
    };
    match msgpack::decode(data, &identity.ty) {
        Err(misfit) => {
            report(rules.valid, format!("{}: {}", misfit.path, misfit.message));
            None
        }
        Ok(CoreValue::Null) => {
            if needed {
                report(rules.present, "absent, which erases it from state".to_owned());
            }
            None
        }
        Ok(value) => {
            let members_null = matches!(&value, CoreValue::Object(members) if members.values().all(CoreValue::is_null));
            if members_null {
                report(rules.valid, "all of it is null".to_owned());
            }
            if needed && !value.is_wholly_known() {
                report(
                    rules.valid,
                    format!("unknown where everything has to be known: {value}"),
                );
            }
            if let Some(before) = before.filter(|before| value.is_wholly_known() && **before != value) {
                report(rules.valid, format!("was {before}, but is now {value}"));
            }
            Some(value)
        }
    }
}
