//! A credential whose failures say which way of signing in failed, without azure_identity's type names and links.
//!
//! A refusal is remembered for a moment: Terraform asks for many resources at once, and each would otherwise wait for the
//! same silence of a metadata service, the same start of `az`, the same wrong secret.

use std::error::Error as StdError;
use std::fmt;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::aadsts_code;

/// How long a refusal answers for those that follow: longer than a burst of requests, shorter than any step that a person
/// takes to mend it.
const REFUSAL_REMEMBERED: Duration = Duration::from_secs(10);

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
    name: &'static str,
    inner: Arc<dyn TokenCredential>,
    /// Ways that did not apply, to be told when this one, the last, fails.
    passed_over: Vec<String>,
    /// Whether every failure is a refusal, or only one that has Entra ID's code: a network may be back the next moment.
    is_local: bool,
    refusal: Mutex<Option<(Instant, String)>>,
}

impl Explained {
    /// `is_local` for credentials that ask this machine rather than Entra ID.
    pub(super) fn new(
        name: &'static str,
        inner: Arc<dyn TokenCredential>,
        passed_over: Vec<String>,
        is_local: bool,
    ) -> Self {
        Self {
            name,
            inner,
            passed_over,
            is_local,
            refusal: Mutex::default(),
        }
    }
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
        // Held while asking, so that those who wait hear of a refusal rather than ask again.
        let mut refusal = self.refusal.lock().await;
        if let Some((at, message)) = refusal.as_ref()
            && at.elapsed() < REFUSAL_REMEMBERED
        {
            return Err(failure(message.clone()));
        }
        match self.inner.get_token(scopes, options).await {
            Ok(token) => {
                *refusal = None;
                Ok(token)
            }
            Err(error) => {
                let message = explain(self.name, &error, &self.passed_over);
                if self.is_local || aadsts_code(&message).is_some() {
                    *refusal = Some((Instant::now(), message.clone()));
                }
                Err(failure(message))
            }
        }
    }
}

fn failure(message: String) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Credential, message)
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
    use crate::azure::credential::CredentialSource;
    use crate::azure::fake::{FakeHttp, reply};
    use azure_core::credentials::Secret;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_answers_for_a_burst_and_no_longer() {
        let http = FakeHttp::new();
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: no","error_codes":[7000215]}"#;
        http.push_token(reply(401, body));
        let source = CredentialSource::ClientSecret {
            tenant_id: "tenant".into(),
            client_id: "app".into(),
            client_secret: Secret::from("hush".to_string()),
        };
        let credential = source.build(&crate::azure::Cloud::public(), http.clone()).unwrap();
        for _ in 0..3 {
            let told = credential.get_token(&["s"], None).await.unwrap_err().to_string();
            assert_eq!(told, "client secret: AADSTS7000215: no");
        }
        assert_eq!(http.token_requests().len(), 1);
        tokio::time::advance(REFUSAL_REMEMBERED).await;
        credential.get_token(&["s"], None).await.unwrap();
        assert_eq!(http.token_requests().len(), 2);
    }

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
