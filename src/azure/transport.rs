//! The wire beneath the client: the shared HTTP client, the user agent, and what a broken connection means.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::HeaderName;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, HttpClient, Request};

use super::credential::aadsts_code;
use super::error::{Error, RequestLine};
use super::mask::mask_urls;
use super::response::FailedAttempt;
use super::retry::Fault;

/// How long a connection may take to come about; azure_core's own default.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the service may stay silent within an answer; azure_core's own default. ARM answers within seconds.
pub const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// What precedes a partner's id in the user agent.
const PARTNER_MARK: &str = "pid-";

/// How rustls begins every refusal of a certificate, in the text of an error whose type is hidden below reqwest.
const CERTIFICATE_REFUSED: &str = "invalid peer certificate";

const USER_AGENT: HeaderName = HeaderName::from_static("user-agent");

/// A shared HTTP client: no redirects, bounded connects and reads, proxies and certificate authorities from the environment.
///
/// # Errors
/// [`Error::InvalidRequest`] when the system's certificate store or proxy settings cannot be used.
pub fn http_client() -> Result<Arc<dyn HttpClient>, Error> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Error::InvalidRequest(format!("setting up the HTTP client: {}", chain(&error))))?;
    Ok(Arc::new(client))
}

/// Sets our user agent after azure_core set its own.
#[derive(Debug)]
pub(super) struct UserAgent(pub String);

#[async_trait]
impl Policy for UserAgent {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        request.insert_header(USER_AGENT, self.0.clone());
        next[0].send(context, request, &next[1..]).await
    }
}

/// `Terraform/1.11.4 terraform-provider-acr/0.1.0 (linux; x86_64) pid-<partner id>`, in the order that azurerm uses.
pub(super) fn user_agent(terraform_version: &str, partner_id: Option<&str>) -> String {
    let terraform = plain(terraform_version);
    let terraform = if terraform.is_empty() { "unknown" } else { &terraform };
    let version = env!("CARGO_PKG_VERSION");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let mut agent = format!("Terraform/{terraform} terraform-provider-acr/{version} ({os}; {arch})");
    if let Some(id) = partner_id.map(plain).filter(|id| !id.is_empty()) {
        // The marker by which Microsoft attributes usage to a partner; the id may be given with it already.
        let marked = id.starts_with(PARTNER_MARK);
        agent = format!("{agent} {}{id}", if marked { "" } else { PARTNER_MARK });
    }
    agent
}

/// What may stand in a product token of a user agent, and nothing else: a version never ends a header.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
        .collect()
}

/// What a request without an answer means. The outer error is final.
pub(super) fn transport_failure(
    line: &RequestLine,
    error: &azure_core::Error,
    unclear: bool,
) -> Result<FailedAttempt, Error> {
    let message = chain(error);
    let untrusted = message.contains(CERTIFICATE_REFUSED);
    let (fault, possibly_sent) = match error.kind() {
        ErrorKind::Connection | ErrorKind::Io if untrusted => (Fault::Untrusted, false),
        ErrorKind::Connection => (Fault::Connect, false),
        ErrorKind::Io => (Fault::Io, true),
        ErrorKind::Credential => {
            return Err(Error::Credential {
                code: aadsts_code(&message),
                message,
            });
        }
        _ => return Err(Error::InvalidRequest(format!("{line}: {message}"))),
    };
    let error = Error::Transport {
        request: line.clone(),
        possibly_sent: possibly_sent || unclear,
        untrusted,
        message,
    };
    Ok(FailedAttempt {
        error,
        fault,
        retry_after: None,
    })
}

/// An error with its causes, without repetitions and without the queries of URLs.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = said(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = said(error);
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    mask_urls(&text)
}

/// An error's own words. azure_identity appends a link about itself, which helps no user of ours.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    text.split("\nTo troubleshoot")
        .next()
        .unwrap_or_default()
        .trim()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::retry::Method;

    #[test]
    fn the_user_agent_names_terraform_provider_and_partner() {
        let version = env!("CARGO_PKG_VERSION");
        let agent = user_agent("1.11.4", None);
        assert!(
            agent.starts_with(&format!("Terraform/1.11.4 terraform-provider-acr/{version} (")) && agent.ends_with(')'),
            "{agent}"
        );
        for (partner, want) in [
            (
                "0d2c6a34-1111-4222-8333-444455556666",
                " pid-0d2c6a34-1111-4222-8333-444455556666",
            ),
            (
                "pid-0d2c6a34-1111-4222-8333-444455556666-partnercenter",
                ") pid-0d2c6a34-1111-4222-8333-444455556666-partnercenter",
            ),
            ("", ")"),
        ] {
            let agent = user_agent("1.11.4", Some(partner));
            assert!(agent.ends_with(want) && agent.matches("pid-").count() <= 1, "{agent}");
        }
        assert!(user_agent("1.9\r\nX: y", Some("a\r\nb")).starts_with("Terraform/1.9Xy "));
        assert!(user_agent("", None).starts_with("Terraform/unknown "));
    }

    #[tokio::test]
    async fn a_refused_connection_tells_why_and_not_the_signature() {
        // Nothing listens on port 1. (Should a proxy be configured, the proxy's refusal is as good.)
        let url = azure_core::http::Url::parse("https://127.0.0.1:1/status?sig=hush").unwrap();
        let request = Request::new(url, azure_core::http::Method::Get);
        let error = http_client().unwrap().execute_request(&request).await.unwrap_err();
        let line = RequestLine {
            method: Method::Get,
            path: "/status".into(),
        };
        let failure = transport_failure(&line, &error, false).unwrap_or_else(|error| panic!("{error}"));
        let text = failure.error.to_string();
        assert!(
            text.starts_with("GET /status: no answer: ") && text.contains("onnect"),
            "{text}"
        );
        assert!(!text.contains("hush"), "{text}");
    }
}
