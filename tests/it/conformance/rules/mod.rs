//! What Terraform Core demands of each answer, as pure functions. The rule ids are those of the protocol facts that
//! the project keeps: U upgrade, R read, P plan, A apply, I import, D data source, S schema; `DIAG`, `LEGACY` and
//! `DEFER` stand for what holds in every answer.
//!
//! A rule that an answer alone cannot break is represented by what can be seen of it; the table in `mutants` says how.

pub mod apply;
pub mod compatible;
pub mod data;
pub mod diagnostics;
pub mod identity;
pub mod import;
pub mod plan;
pub mod read;
pub mod upgrade;

use std::fmt;

use super::{
    msgpack::{self, Misfit},
    schema::{Block, Nesting, Schema},
    value::{CoreValue, Path},
};
use terraform_provider_acr::protocol::wire;

/// One broken rule: its id, the place, and what was wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: &'static str,
    pub path: String,
    pub message: String,
}

impl Violation {
    pub fn new(rule: &'static str, path: &Path, message: impl Into<String>) -> Self {
        Self {
            rule,
            path: path.to_string(),
            message: message.into(),
        }
    }

    fn misfit(rule: &'static str, misfit: &Misfit) -> Self {
        Self::new(rule, &misfit.path, misfit.message.clone())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, path, message } = self;
        write!(
            f,
            "{rule} {}: {message}",
            if path.is_empty() { "(whole object)" } else { path }
        )
    }
}

/// Decodes an answer's value, or reports the misfit under the rule that demands conformance there.
pub fn decode(
    rule: &'static str,
    dynamic: Option<&wire::DynamicValue>,
    schema: &Schema,
    violations: &mut Vec<Violation>,
) -> Option<CoreValue> {
    match msgpack::decode(dynamic, &schema.ty) {
        Ok(value) => Some(value),
        Err(misfit) => {
            violations.push(Violation::misfit(rule, &misfit));
            None
        }
    }
}

/// Whether any of the diagnostics is an error.
pub fn has_errors(diagnostics: &[wire::Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity() == wire::diagnostic::Severity::Error)
}

fn wholly_known(rule: &'static str, value: &CoreValue, violations: &mut Vec<Violation>) {
    if let Some(path) = value.first_unknown(&Path::default()) {
        violations.push(Violation::new(rule, &path, "unknown where everything has to be known"));
    }
}

/// Reports each write-only attribute that is not null.
fn write_only_null(rule: &'static str, block: &Block, value: &CoreValue, violations: &mut Vec<Violation>) {
    each_block(block, value, &Path::default(), &mut |block, value, at| {
        for (name, _) in block.attributes.iter().filter(|(_, attribute)| attribute.write_only) {
            if !value.get(name).is_null() {
                violations.push(Violation::new(
                    rule,
                    &at.attribute(name),
                    "a write-only attribute is never returned",
                ));
            }
        }
    });
}

/// Reports each collection of blocks that is null instead of empty.
fn no_null_blocks(rule: &'static str, block: &Block, value: &CoreValue, violations: &mut Vec<Violation>) {
    each_block(block, value, &Path::default(), &mut |block, value, at| {
        for (name, _) in block
            .blocks
            .iter()
            .filter(|(_, nested)| nested.nesting != Nesting::Single)
        {
            if value.get(name).is_null() {
                violations.push(Violation::new(rule, &at.attribute(name), "no blocks are [], not null"));
            }
        }
    });
}

/// Visits the object of each block, outermost first.
fn each_block(block: &Block, value: &CoreValue, at: &Path, visit: &mut dyn FnMut(&Block, &CoreValue, &Path)) {
    if !matches!(value, CoreValue::Object(_)) {
        return;
    }
    visit(block, value, at);
    for (name, nested) in &block.blocks {
        let (member, at) = (value.get(name), at.attribute(name));
        match nested.nesting {
            Nesting::Single | Nesting::Group => each_block(&nested.block, member, &at, visit),
            Nesting::List | Nesting::Set => {
                for (index, element) in member.elements().iter().enumerate() {
                    each_block(&nested.block, element, &at.index(index), visit);
                }
            }
            Nesting::Map => {
                for (key, element) in member.entries() {
                    each_block(&nested.block, &element, &at.key(&key), visit);
                }
            }
        }
    }
}
