//! What every answer's diagnostics have to keep.

use terraform_provider_acr::protocol::wire::{self, attribute_path::step::Selector, diagnostic::Severity};

use crate::conformance::{
    rules::Violation,
    schema::Block,
    value::{Path, Step},
};

/// Checks severity, wording, place, and that none of the secrets is told.
pub fn check_diagnostics(block: &Block, diagnostics: &[wire::Diagnostic], secrets: &[String]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for diagnostic in diagnostics {
        let wire::Diagnostic {
            summary,
            detail,
            attribute,
            ..
        } = diagnostic;
        let mut report = |message: String| violations.push(Violation::new("DIAG", &Path::default(), message));
        if diagnostic.severity() == Severity::Invalid {
            report(format!("{summary:?} has no severity"));
        }
        if summary.trim().is_empty() {
            report(format!(
                "a diagnostic without summary; its detail is {} bytes long",
                detail.len()
            ));
        }
        if summary.trim_end().ends_with('.') {
            report(format!("the summary ends with a full stop: {summary:?}"));
        }
        if secrets
            .iter()
            .any(|secret| summary.contains(secret) || detail.contains(secret))
        {
            // The text itself stays out of the report, for the report may be printed in public.
            report("a diagnostic tells a secret".to_owned());
        }
        let resolved = attribute
            .as_ref()
            .map(|path| steps(path).and_then(|steps| block.resolve(&steps.0)));
        if let Some(Err(error)) = resolved {
            report(format!("the path of {summary:?} leads nowhere: {error}"));
        }
    }
    violations
}

/// A path from the wire.
pub fn steps(path: &wire::AttributePath) -> Result<Path, String> {
    let steps = path.steps.iter().map(|step| match &step.selector {
        Some(Selector::AttributeName(name)) => Ok(Step::Attribute(name.clone())),
        Some(Selector::ElementKeyString(key)) => Ok(Step::Key(key.clone())),
        Some(Selector::ElementKeyInt(index)) => usize::try_from(*index)
            .map(Step::Index)
            .map_err(|_| format!("index {index} is negative")),
        None => Err("a step without selector".to_owned()),
    });
    Ok(Path(steps.collect::<Result<_, _>>()?))
}
