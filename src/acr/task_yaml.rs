//! The task file of an encoded step: what form it comes in, and whether ACR Tasks can run it.
//!
//! Azure takes any content and then fails every run, so it is looked at before. Sources: Microsoft's reference of task files,
//! as of 2026-08-20, and the documents of the public builder behind ACR Tasks. What neither says is not judged.
//!
//! **Templates.** ACR renders Go templates before it reads YAML, so that `cmd: {{.Run.Registry}}/x` is right, though YAML
//! alone would see a map in braces. Each action therefore counts as text that nobody can know:
//! * A value with an action in it is never judged, and neither is what it may stand for: a whole step, say.
//! * A syntax error on the line of an action, or on the next, is not told: the rendered text may mend it.
//! * An action that is alone on its line, spans lines, trims the white space around it (`{{-`) or decides (`if`, `range`, …)
//!   may add or remove anything. A file with one of these is not judged at all, but for an action that never ends.
//!
//! **Aliases.** `$Registry` and `{{.Run.Registry}}` are the same; ACR replaces aliases in the text, so that a value, a step or
//! a key that has a `$` in it is not judged either. In a file with aliases of its own these may stand for anything: no syntax
//! error and no missing part is told; one that declares another character than `$` is not judged at all.
//!
//! **Other readers of YAML.** ACR's is more lenient here and there than the standard and the parser used here. Errors
//! that it is known to let pass are not told.

mod document;
mod judge;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use document::{Document, Failure};
use template::Masked;

/// Shortest text that may pass for base64: shorter ones are words.
const BASE64_MIN: usize = 8;

/// The form that content comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is written.
    Plain,
    /// In base64, as Azure takes it.
    Base64,
}

/// Something that keeps ACR from running a task file, or that it does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line, counted from 1, of the text that is not encoded.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What was found and what would be right, without a full stop.
    pub problem: String,
}

impl Finding {
    fn at((line, column): (usize, usize), problem: impl Into<String>) -> Self {
        Self {
            line,
            column,
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.problem)
    }
}

/// The form that the content of a task or values file comes in. No task file passes for base64: it has a colon.
#[must_use]
pub fn task_content_encoding(content: &str) -> Encoding {
    match decode(content) {
        Some(_) => Encoding::Base64,
        None => Encoding::Plain,
    }
}

/// The content as Azure takes it: base64 with padding, in one line. The same for both forms of a text, so that two contents
/// are the same when these are.
#[must_use]
pub fn canonical_base64(content: &str) -> String {
    match decode(content) {
        Some(bytes) => STANDARD.encode(bytes),
        None => STANDARD.encode(content),
    }
}

/// The content as text; `None` when it is base64 of something else.
#[must_use]
pub fn decoded(content: &str) -> Option<String> {
    match decode(content) {
        Some(bytes) => String::from_utf8(bytes).ok(),
        None => Some(content.to_owned()),
    }
}

/// What keeps ACR from running this task file, in either form; nothing when all is well or nobody can know.
#[must_use]
pub fn check(content: &str) -> Vec<Finding> {
    let Some(text) = decoded(content) else {
        let problem =
            "the content is base64, but of no UTF-8 text; a task file is YAML, neither compressed nor encrypted";
        return vec![Finding::at((1, 1), problem)];
    };
    let masked = match Masked::of(&text) {
        Ok(masked) => masked,
        Err(place) => {
            let problem = "`{{` begins a template here that never ends; ACR renders templates first, so that this fails every run";
            return vec![Finding::at(place, problem)];
        }
    };
    let own_aliases = masked.text.contains("alias:");
    if masked.may_be_anything || own_aliases && masked.text.contains("directive") {
        return Vec::new();
    }
    let open = own_aliases || masked.has_actions();
    match Document::read(&masked.text) {
        Ok(document) => judge::judge(&document, open),
        Err(Failure::Unjudged) => Vec::new(),
        Err(Failure::Syntax { place, problem, late }) => {
            let open = own_aliases || if late { open } else { masked.touches(place.0) };
            let finding = Finding::at(place, format!("this is no valid YAML: {problem}"));
            if open { Vec::new() } else { vec![finding] }
        }
    }
}

/// The bytes behind base64, with or without padding and line breaks.
fn decode(content: &str) -> Option<Vec<u8>> {
    let lines: String = content.trim().split(['\r', '\n']).collect();
    let bare = lines.trim_end_matches('=');
    if lines.len() < BASE64_MIN || lines.len() - bare.len() > 2 {
        return None;
    }
    let padding = "=".repeat((4 - bare.len() % 4) % 4);
    STANDARD.decode(format!("{bare}{padding}")).ok()
}
