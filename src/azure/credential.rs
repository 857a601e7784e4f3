//! How tokens are obtained. The enum grows by one variant for each kind of credential.
//!
//! azure_identity reads Entra ID's error body into a borrowed string, which fails on the `\r\n` that real descriptions
//! hold; the user would then read a parser's complaint instead of AADSTS…. `EntraTransport` rewrites such bodies.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::headers::HeaderName;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request, RetryOptions, StatusCode, Transport,
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

use super::cloud::Cloud;
use super::error::Error;
use super::mask::{MASKED, mask_urls};

/// How often a token request is repeated after the first; asking for a token twice does no harm.
const TOKEN_RETRIES_MAX: u32 = 3;

/// The headers by which azure_core would let a service decide how long to wait.
const RETRY_HEADERS: [&str; 3] = ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"];

/// How much of a body that is not Entra ID's is shown, in characters.
const SNIPPET_MAX: usize = 200;

/// Who we are towards Entra ID.
#[derive(Clone)]
pub enum CredentialSource {
    /// A service principal with a client secret.
    ClientSecret {
        /// The directory.
        tenant_id: String,
        /// The application.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
    },
}

impl CredentialSource {
    /// What the credential is called in logs and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client secret",
        }
    }

    /// Makes the credential. Reaches no network.
    ///
    /// # Errors
    /// [`Error::Credential`] when a part is missing or malformed.
    pub fn build(&self, cloud: &Cloud, http: Arc<dyn HttpClient>) -> Result<Arc<dyn TokenCredential>, Error> {
        match self {
            Self::ClientSecret {
                tenant_id,
                client_id,
                client_secret,
            } => {
                let client_options = client_options(cloud, http, vec![client_secret.clone()]);
                let options = ClientSecretCredentialOptions { client_options };
                let credential =
                    ClientSecretCredential::new(tenant_id, client_id.clone(), client_secret.clone(), Some(options))
                        .map_err(|error| Error::Credential {
                            message: error.to_string(),
                            code: None,
                        })?;
                Ok(credential)
            }
        }
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientSecret {
                tenant_id, client_id, ..
            } => f
                .debug_struct("ClientSecret")
                .field("tenant_id", tenant_id)
                .field("client_id", client_id)
                .finish_non_exhaustive(),
        }
    }
}

/// The first `AADSTS<digits>` in a message.
pub(super) fn aadsts_code(message: &str) -> Option<String> {
    let start = message.find("AADSTS")?;
    let digits = message[start + 6..].chars().take_while(char::is_ascii_digit).count();
    (digits > 0).then(|| message[start..start + 6 + digits].to_string())
}

fn client_options(cloud: &Cloud, http: Arc<dyn HttpClient>, secrets: Vec<Secret>) -> ClientOptions {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = cloud.authority_host().to_string();
    let retry = ExponentialRetryOptions {
        max_retries: TOKEN_RETRIES_MAX,
        ..Default::default()
    };
    ClientOptions {
        transport: Some(Transport::new(Arc::new(EntraTransport { inner: http, secrets }))),
        retry: RetryOptions::exponential(retry),
        cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
        ..Default::default()
    }
}

/// Passes requests on and makes failed answers readable for azure_identity.
struct EntraTransport {
    inner: Arc<dyn HttpClient>,
    /// What must not come back in a message, should the authority ever echo it.
    secrets: Vec<Secret>,
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
        // azure_core would honour any Retry-After without bound; its own back-off is enough for a token.
        for name in RETRY_HEADERS {
            headers.remove(HeaderName::from_static(name));
        }
        // An answer that says 200 but holds no token (a captive portal's page) is a failure too.
        let told = if status == StatusCode::Ok {
            StatusCode::BadRequest
        } else {
            status
        };
        let mut readable = readable_error(status, &body);
        for secret in &self.secrets {
            readable = readable.replace(secret.secret(), MASKED);
        }
        Ok(AsyncRawResponse::from_bytes(told, headers, readable))
    }
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
    use super::*;
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

    #[test]
    fn secrets_stay_out_of_debug_and_missing_parts_are_errors() {
        assert!(!format!("{:?}", source("hush-hush")).contains("hush"));
        let error = source("").build(&Cloud::public(), FakeHttp::new()).unwrap_err();
        assert!(matches!(error, Error::Credential { .. }), "{error}");
    }

    #[test]
    fn aadsts_codes_are_found() {
        assert_eq!(aadsts_code("failed. AADSTS700016: no").as_deref(), Some("AADSTS700016"));
        assert_eq!(aadsts_code("AADSTS: no"), None);
        assert_eq!(aadsts_code("nothing"), None);
    }
}
