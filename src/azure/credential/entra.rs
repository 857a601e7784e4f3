//! Entra ID's token endpoint, as all credentials reach it.
//!
//! azure_identity reads Entra ID's error body into a borrowed string, which fails on the `\r\n` that real descriptions
//! hold; the user would then read a parser's complaint instead of AADSTS…. `EntraTransport` rewrites such bodies.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{
    AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request, RetryOptions, StatusCode, Transport,
    Url,
};

use crate::azure::cloud::Cloud;
use crate::azure::mask::{MASKED, mask_urls};

/// How often a token request is repeated after the first; asking for a token twice does no harm.
const TOKEN_RETRIES_MAX: u32 = 3;

/// Members of a token request that must not come back in a message, should the authority ever echo them.
const SECRET_MEMBERS: [&str; 2] = ["client_secret", "client_assertion"];

/// The headers by which azure_core would let a service decide how long to wait.
const RETRY_HEADERS: [&str; 3] = ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"];

/// How much of a body that is not Entra ID's is shown, in characters.
const SNIPPET_MAX: usize = 200;

/// Options of every credential that asks Entra ID: our HTTP client, few retries, the cloud's authority.
pub(super) fn client_options(cloud: &Cloud, http: Arc<dyn HttpClient>) -> ClientOptions {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = cloud.authority_host().to_string();
    ClientOptions {
        transport: Some(Transport::new(Arc::new(EntraTransport { inner: http }))),
        retry: token_retry(),
        cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
        ..Default::default()
    }
}

/// How requests for tokens are repeated.
pub(super) fn token_retry() -> RetryOptions {
    RetryOptions::exponential(ExponentialRetryOptions {
        max_retries: TOKEN_RETRIES_MAX,
        ..Default::default()
    })
}

/// Takes out of an answer what lets a service decide how long to wait: azure_core honours that without bound, and its own
/// back-off is enough for a token.
pub(super) fn forget_retry_after(headers: &mut Headers) {
    for name in RETRY_HEADERS {
        headers.remove(HeaderName::from_static(name));
    }
}

/// Passes requests on and makes failed answers readable for azure_identity.
struct EntraTransport {
    inner: Arc<dyn HttpClient>,
}

impl fmt::Debug for EntraTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraTransport").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for EntraTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, mut headers, body) = self.inner.execute_request(request).await?.deconstruct();
        let body = body.collect().await?;
        if status == StatusCode::Ok && holds_token(&body) {
            return Ok(AsyncRawResponse::from_bytes(status, headers, body));
        }
        forget_retry_after(&mut headers);
        // An answer that says 200 but holds no token (a captive portal's page) is a failure too.
        let told = if status == StatusCode::Ok {
            StatusCode::BadRequest
        } else {
            status
        };
        let mut readable = readable_error(status, &body);
        for secret in secrets_of(request) {
            readable = readable.replace(&secret, MASKED);
        }
        Ok(AsyncRawResponse::from_bytes(told, headers, readable))
    }
}

/// The secrets that a token request carried.
fn secrets_of(request: &Request) -> Vec<String> {
    let body = azure_core::Bytes::from(request.body());
    // The only parser of forms at hand reads the query of a URL.
    let form = Url::parse(&format!("https://form.invalid/?{}", String::from_utf8_lossy(&body)));
    let pairs = form.iter().flat_map(Url::query_pairs);
    pairs
        .filter(|(name, value)| SECRET_MEMBERS.contains(&name.as_ref()) && !value.is_empty())
        .map(|(_, value)| value.into_owned())
        .collect()
}

fn holds_token(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|value| value.get("access_token").is_some())
}

/// Entra ID's error body with nothing in its description that JSON must escape.
fn readable_error(status: StatusCode, body: &[u8]) -> String {
    let value = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    let text = |name: &str| {
        value
            .get(name)
            .and_then(serde_json::Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let description = match (text("error_description"), text("error")) {
        (Some(description), _) => description.to_string(),
        (None, Some(error)) => error.to_string(),
        (None, None) => {
            let shown: String = String::from_utf8_lossy(body).chars().take(SNIPPET_MAX).collect();
            format!(
                "the token endpoint answered HTTP {} with a body that is not Entra ID's: {shown}",
                u16::from(status)
            )
        }
    };
    let codes = value
        .get("error_codes")
        .filter(|codes| codes.is_array())
        .cloned()
        .unwrap_or_else(|| serde_json::json!([]));
    serde_json::json!({ "error_description": without_escapes(&mask_urls(&description)), "error_codes": codes })
        .to_string()
}

/// Line breaks become `; `, quotes and backslashes their harmless likes.
fn without_escapes(text: &str) -> String {
    let joined = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ");
    let harmless = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        c if c.is_control() => ' ',
        c => c,
    };
    joined.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use azure_core::credentials::Secret;

    use super::*;
    use crate::azure::credential::{CredentialSource, aadsts_code};
    use crate::azure::fake::{FakeHttp, reply};

    fn source(secret: &str) -> CredentialSource {
        CredentialSource::ClientSecret {
            tenant_id: "11111111-2222-3333-4444-555555555555".into(),
            client_id: "app".into(),
            client_secret: Secret::from(secret.to_string()),
        }
    }

    async fn refusal(status: u16, body: &str) -> String {
        let http = FakeHttp::new();
        http.push_token(reply(status, body));
        let credential = source("hush-hush").build(&Cloud::public(), http.clone()).unwrap();
        credential
            .get_token(&["https://management.azure.com/.default"], None)
            .await
            .unwrap_err()
            .to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn entra_refusals_are_readable() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret \"hush-hush\" provided.\r\nTrace ID: t-1\r\nCorrelation ID: c-1","error_codes":[7000215]}"#;
        let text = refusal(401, body).await;
        assert!(
            text.contains("AADSTS7000215: Invalid client secret '…' provided.; Trace ID: t-1; Correlation ID: c-1"),
            "{text}"
        );
        assert!(!text.contains("hush"), "{text}");
        assert_eq!(aadsts_code(&text).as_deref(), Some("AADSTS7000215"));

        let text = refusal(407, "<html>proxy\r\nsays \"no\"").await;
        assert!(
            text.contains("HTTP 407") && text.contains("<html>proxy; says 'no'"),
            "{text}"
        );

        let text = refusal(200, "<html>sign in to the hotel network").await;
        assert!(text.contains("HTTP 200") && text.contains("hotel"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_comes_from_the_clouds_authority() {
        let http = FakeHttp::new();
        let cloud = Cloud::custom("https://arm.example", "https://login.example", None).unwrap();
        let credential = source("hush-hush").build(&cloud, http.clone()).unwrap();
        credential
            .get_token(&["https://arm.example/.default"], None)
            .await
            .unwrap();
        let asked = http.token_requests();
        assert_eq!(
            asked,
            ["https://login.example/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token"]
        );
    }
}
