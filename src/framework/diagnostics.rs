//! Errors and warnings for the user.

use super::Path;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The operation did not do what was asked.
    Error,
    /// The operation went on; the user should know.
    Warning,
}

/// One message: what happened, why, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// A few words, without a full stop.
    pub summary: String,
    /// Cause and remedy in prose. Never a secret.
    pub detail: String,
    /// The attribute it is about; `None` for the whole resource.
    pub path: Option<Path>,
}

/// The messages of one operation, in the order in which they arose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostic {
    /// An error about the whole resource.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            path: None,
        }
    }

    /// A warning about the whole resource.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            summary: summary.into(),
            detail: detail.into(),
            path: None,
        }
    }

    /// The same message, pointing at `path`.
    #[must_use]
    pub fn at(mut self, path: Path) -> Self {
        self.path = Some(path);
        self
    }

    /// The same message, pointing at a top-level attribute.
    #[must_use]
    pub fn at_attribute(self, name: &str) -> Self {
        self.at(Path::attribute(name))
    }

    /// A mistake of this provider's own, worded so that the user knows whom to tell.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::error(
            "Provider bug",
            format!(
                "{}\n\nThis is a mistake in the acr provider, not in your configuration. Please report it with the text above.",
                what.into()
            ),
        )
    }
}

impl Diagnostics {
    /// No messages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all messages of another operation.
    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// Whether any message is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}
