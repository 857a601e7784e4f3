//! A credential whose failures say which way of signing in failed, without azure_identity's type names and links.

use std::error::Error as StdError;
use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;

/// Between azure_identity's type name and the reason.
const FAILED: &str = " authentication failed.";
/// What azure_core and azure_identity put before the reason.
const NOISE: [&str; 2] = [
    "The request failed: ",
    "non-transport error occurred which will not be retried",
];
/// What azure_identity appends.
const LINK: &str = "\nTo troubleshoot";

/// A credential and its name.
pub(super) struct Explained {
    pub(super) name: &'static str,
    pub(super) inner: Arc<dyn TokenCredential>,
    /// Ways that did not apply, to be told when this one, the last, fails.
    pub(super) passed_over: Vec<String>,
}

impl fmt::Debug for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Explained").field(&self.name).finish()
    }
}

#[async_trait::async_trait]
impl TokenCredential for Explained {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let token = self.inner.get_token(scopes, options).await;
        token.map_err(|error| {
            let message = explain(self.name, &error, &self.passed_over);
            azure_core::Error::with_message(ErrorKind::Credential, message)
        })
    }
}

fn explain(name: &str, error: &(dyn StdError + 'static), passed_over: &[String]) -> String {
    let mut text = format!("{name}: {}", reason(error));
    if !passed_over.is_empty() {
        text.push_str("\n\nNo other way to sign in applies. In the order in which they are looked at:\n");
        for (index, passed) in passed_over.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}. {passed}", index + 1);
        }
    }
    text.trim_end().to_string()
}

/// The causes, from the outermost to the innermost, each once and bare.
fn reason(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let said = bare(&error.to_string());
        if text.is_empty() {
            text = said;
        } else if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

fn bare(said: &str) -> String {
    let said = said.split(LINK).next().unwrap_or_default();
    let said = match said.split_once(FAILED) {
        Some((type_name, reason)) if !type_name.contains(' ') => reason,
        _ => said,
    };
    NOISE
        .iter()
        .fold(said.trim(), |said, noise| said.trim_start_matches(noise))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_bare_and_what_was_passed_over_is_listed() {
        let cause = azure_core::Error::with_message(ErrorKind::Io, "connection refused");
        let text = "ClientSecretCredential authentication failed. no answer\nTo troubleshoot, visit https://x";
        let error = azure_core::Error::with_error(ErrorKind::Credential, cause, text);
        assert_eq!(
            explain("client secret", &error, &[]),
            "client secret: no answer: connection refused"
        );
        let passed = ["client secret: client_secret is not set".to_string()];
        let text = explain("Azure CLI", &error, &passed);
        assert!(
            text.starts_with("Azure CLI: no answer: connection refused\n\n"),
            "{text}"
        );
        assert!(
            text.ends_with("\n  1. client secret: client_secret is not set"),
            "{text}"
        );
    }
}
