//! Secrets in two forms: plain, which the state holds, and write-only, which nothing holds.
//!
//! A write-only value cannot be compared with an earlier one. So a version stands beside it, which is stored, and whose
//! change has the value sent.

use crate::framework::{Diagnostic, Diagnostics, Field, Path};

/// Checks `name`, `name_wo` and `name_wo_version` of one block: one form at most, and a version with the write-only one.
/// What is unknown may turn out null, and nothing is said of it.
pub fn check_pair<T>(
    at: &Path,
    name: &str,
    plain: &Field<T>,
    write_only: &Field<T>,
    version: &Field<i64>,
    found: &mut Diagnostics,
) {
    let wo = format!("{name}_wo");
    let versioned = format!("{wo}_version");
    if plain.known().is_some() && write_only.known().is_some() {
        let detail = format!("Give {name}, which the state holds, or {wo}, which nothing holds: not both.");
        found.push(Diagnostic::error("Secret given twice", detail).at(at.then(&wo)));
    }
    if write_only.known().is_some() && version.is_null() {
        let detail = format!(
            "{wo} is not stored, so that a new value is noticed only when {versioned} changes. Add {versioned} = 1, and change it with the value."
        );
        found.push(Diagnostic::error("Write-only argument without a version", detail).at(at.then(&versioned)));
    }
    if write_only.is_null() && version.known().is_some() {
        let detail = format!("{versioned} says when {wo} is sent, and there is none. Give {wo}, or leave both out.");
        found.push(Diagnostic::error("Version without its argument", detail).at(at.then(&versioned)));
    }
}
