//! One wrong answer per rule: what a mutant of `acr_thing` says instead of the truth.
//!
//! A mutant is named by the rule that it breaks, with a suffix when one rule can be broken in several ways.

use terraform_provider_acr::protocol::wire;

use super::{Thing, schema as schemas};
use crate::conformance::value::CoreValue;

/// What an answer consists of, before it is encoded.
#[derive(Clone, Debug)]
pub struct Answer {
    pub value: CoreValue,
    pub private: Vec<u8>,
    pub identity: Option<wire::ResourceIdentityData>,
}

/// What a plan was asked.
pub struct Asked<'a> {
    pub prior: &'a CoreValue,
    pub config: &'a CoreValue,
    /// How many plans this process has answered: a stand-in for a clock.
    pub count: u32,
    pub private: &'a [u8],
}

pub fn schema(wrong: &str, schema: &mut wire::Schema) {
    let attributes = schema.block.as_mut().map(|block| &mut block.attributes);
    let size = attributes
        .into_iter()
        .flatten()
        .find(|attribute| attribute.name == "size");
    match (wrong, size) {
        ("S1", Some(size)) => size.required = true,
        ("S1-nothing", Some(size)) => size.optional = false,
        _ => {}
    }
}

pub fn validate(wrong: &str) -> Vec<wire::Diagnostic> {
    let warning = |severity: wire::diagnostic::Severity, summary: &str, attribute| wire::Diagnostic {
        severity: severity.into(),
        summary: summary.to_owned(),
        detail: "A thing is worth a word.".to_owned(),
        attribute,
    };
    let (invalid, warns) = (wire::diagnostic::Severity::Invalid, wire::diagnostic::Severity::Warning);
    match wrong {
        "DIAG" => vec![warning(invalid, "Neither error nor warning", None)],
        "DIAG-stop" => vec![warning(warns, "A summary is no sentence.", None)],
        "DIAG-empty" => vec![warning(warns, " ", None)],
        "DIAG-path" => vec![warning(warns, "Somewhere", Some(schemas::path("nowhere")))],
        "DIAG-secret" => vec![warning(warns, "The token is open-sesame", None)],
        _ => Vec::new(),
    }
}

pub fn upgrade(wrong: &str, state: &mut CoreValue) {
    match wrong {
        "U1" => *state = CoreValue::Null,
        "U1-unknown" => state.put("id", CoreValue::unknown()),
        "U1-refresh" => state.put("size", CoreValue::number(99)),
        "U1-shape" => state.put("surplus", CoreValue::Null),
        "U1-token" => state.put("token", CoreValue::string("open-sesame")),
        _ => {}
    }
}

pub fn read(wrong: &str, thing: &Thing, current: &CoreValue, answer: &mut Answer) {
    if answer.value.is_null() {
        return;
    }
    match wrong {
        "R1" => answer.value.put("id", CoreValue::unknown()),
        "R1-shape" => answer.value.put("surplus", CoreValue::Null),
        "R1-token" => answer.value.put("token", CoreValue::string("open-sesame")),
        "R2" => answer.value = CoreValue::Null,
        "R3" => {
            let tier = answer.value.get("tier").text().unwrap_or_default().to_uppercase();
            answer.value.put("tier", CoreValue::string(&tier));
        }
        "R4" => answer.value.put("timeouts", CoreValue::Null),
        "R5" if answer.value.get("rule").elements().is_empty() => answer.value.put("rule", CoreValue::Null),
        "R6" => answer.private.clear(),
        "R6-identity" => answer.identity = None,
        "R7" => answer.identity = thing.identify(&CoreValue::unknown()),
        "R7-stray" => answer.identity = stray(),
        "R7-other" => answer.identity = thing.identify(&CoreValue::string("thing-other")),
        // The stub of an import has no name yet.
        "I4" if current.get("name").is_null() => answer.value = CoreValue::Null,
        _ => {}
    }
}

pub fn plan(
    wrong: &str,
    thing: &Thing,
    asked: &Asked<'_>,
    answer: &mut Answer,
    requires_replace: &mut Vec<wire::AttributePath>,
) {
    if answer.value.is_null() {
        if wrong == "P1-destroy" {
            answer.value = asked.prior.clone();
        }
        return;
    }
    let updates = !asked.prior.is_null();
    let value = &mut answer.value;
    match wrong {
        "P1" => *value = CoreValue::Null,
        "P1-block" => value.put("timeouts", CoreValue::Null),
        "P2" => value.put("surplus", CoreValue::Null),
        "P3" if matches!(asked.config.get("size"), CoreValue::Number(_)) => value.put("size", CoreValue::number(41)),
        "P3-null" if asked.config.get("labels").is_null() => value.put("labels", CoreValue::set(Vec::new())),
        "P4" if asked.config.get("size").is_unknown() => value.put("size", CoreValue::number(41)),
        "P4-prior" if asked.config.get("tier").is_unknown() && updates => {
            value.put("tier", asked.prior.get("tier").clone());
        }
        "P4-default" if asked.config.get("tier").is_unknown() => value.put("tier", CoreValue::string("medium")),
        "P5" => {
            let rules = value.get("rule").elements();
            let fewer = rules[..rules.len().saturating_sub(1)].to_vec();
            value.put("rule", CoreValue::List(fewer));
        }
        "P5-null" => value.put("rule", CoreValue::Null),
        "P6" => value.put("token", asked.config.get("token").clone()),
        "P7" if updates => requires_replace.push(schemas::path("nowhere")),
        "P7-copy" => {
            // Smuggles the old id into the plan of the replacement by way of the private data.
            if let Some(id) = asked.prior.get("id").text() {
                answer.private = id.as_bytes().to_vec();
            } else if let Some(id) = std::str::from_utf8(asked.private)
                .ok()
                .filter(|id| id.starts_with("thing-"))
            {
                value.put("id", CoreValue::string(id));
            }
        }
        "P8" if updates => answer.identity = thing.identify(&CoreValue::unknown()),
        "P8-other" if updates => answer.identity = thing.identify(&CoreValue::string("thing-other")),
        "P8-stray" => answer.identity = stray(),
        "P10" => value.put("revision", CoreValue::unknown()),
        "P11" if !updates && asked.config.get("tier").is_null() => {
            value.put("tier", CoreValue::string(&format!("small-{}", asked.count)));
        }
        "P12" => value.put("surplus", CoreValue::Null),
        _ => {}
    }
}

/// P12's error: with it the planned state, however wrong, is ignored.
pub fn plan_diagnostics(wrong: &str) -> Vec<wire::Diagnostic> {
    if wrong == "P12" {
        vec![error("Planning the thing")]
    } else {
        Vec::new()
    }
}

/// Puts the plan off although Core has not offered that.
pub fn deferred(wrong: &str) -> Option<wire::Deferred> {
    let reason = wire::deferred::Reason::ResourceConfigUnknown.into();
    (wrong == "DEFER").then_some(wire::Deferred { reason })
}

pub fn apply(wrong: &str, config: &CoreValue, answer: &mut Answer) {
    if answer.value.is_null() {
        if wrong == "A1-delete" {
            let mut leftover = CoreValue::Object(Default::default());
            for name in [
                "name",
                "size",
                "tier",
                "id",
                "revision",
                "labels",
                "tags",
                "token",
                "token_version",
                "timeouts",
            ] {
                leftover.put(name, CoreValue::Null);
            }
            leftover.put("rule", CoreValue::List(Vec::new()));
            answer.value = leftover;
        }
        return;
    }
    match wrong {
        "A1" => answer.value = CoreValue::Null,
        "A2" => answer.value.put("surplus", CoreValue::Null),
        "A3" => answer.value.put("revision", CoreValue::unknown()),
        "A4" => answer.value.put("size", CoreValue::number(41)),
        "A4-case" => answer.value.put("name", CoreValue::string("LOUD")),
        "A5" => answer.value.put("token", config.get("token").clone()),
        "A6" => answer.identity = None,
        "A6-stray" => answer.identity = stray(),
        "A7" => answer.private.clear(),
        _ => {}
    }
}

/// The imported objects; `by_identity` says that no id was given.
pub fn import(wrong: &str, by_identity: bool, mut answer: Answer) -> Vec<Answer> {
    match wrong {
        "I1" => return vec![answer.clone(), answer],
        "I1-none" => return Vec::new(),
        "I2" => answer.value = CoreValue::Null,
        "I2-unknown" => answer.value.put("tier", CoreValue::unknown()),
        "I3" if by_identity => answer.identity = None,
        "I3-stray" => answer.identity = stray(),
        _ => {}
    }
    vec![answer]
}

/// I5's error: a provider that looks at the id alone, which is empty when an identity is given.
pub fn import_diagnostics(wrong: &str, by_identity: bool) -> Vec<wire::Diagnostic> {
    if wrong == "I5" && by_identity {
        vec![error("Importing a thing needs an id")]
    } else {
        Vec::new()
    }
}

pub fn data(wrong: &str, state: &mut CoreValue) {
    match wrong {
        "D2" => *state = CoreValue::Null,
        "D2-config" => state.put("name", CoreValue::string("LOUD")),
        "D2-unknown" => state.put("tier", CoreValue::unknown()),
        _ => {}
    }
}

/// An identity for a type that has none.
fn stray() -> Option<wire::ResourceIdentityData> {
    let identity_data = Some(wire::DynamicValue {
        msgpack: vec![0x80],
        json: Vec::new(),
    });
    Some(wire::ResourceIdentityData { identity_data })
}

fn error(summary: &str) -> wire::Diagnostic {
    wire::Diagnostic {
        severity: wire::diagnostic::Severity::Error.into(),
        summary: summary.to_owned(),
        detail: "It cannot be done today.".to_owned(),
        attribute: None,
    }
}
