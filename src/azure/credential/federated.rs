//! Tokens of other issuers, shown to Entra ID as client assertions.
//!
//! A token that was given is what it is; a file is read at each refresh, because whoever put it there renews it; an endpoint
//! of a CI system is asked at each refresh, because its tokens live for minutes.

use std::path::PathBuf;
use std::sync::Arc;

use azure_core::credentials::Secret;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{AUTHORIZATION, CONTENT_LENGTH, HeaderName};
use azure_core::http::{
    AsyncRawResponse, ClientMethodOptions, ClientOptions, Context, HttpClient, Method, Pipeline, PipelineSendOptions,
    Request, Transport, Url,
};
use azure_identity::ClientAssertion;

use super::TokenRequest;
use super::entra::{forget_retry_after, token_retry};

/// The audience of tokens that Entra ID exchanges in the public cloud. That federated credentials in other clouds are set up
/// with the same one is assumed.
const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";
/// The version of Azure Pipelines' endpoint that Microsoft's own SDKs ask for.
const PIPELINES_API_VERSION: &str = "7.1";
/// Without it Azure Pipelines answers a bad token with a redirect to a sign-in page.
const NO_SIGN_IN_PAGE: HeaderName = HeaderName::from_static("x-tfs-fedauthredirect");

/// A token that was handed over.
#[derive(Debug)]
pub(super) struct GivenToken(pub(super) Secret);

/// A token in a file.
#[derive(Debug)]
pub(super) struct TokenFile(pub(super) PathBuf);

/// GitHub's endpoint for the running job.
#[derive(Debug)]
pub(super) struct GitHubToken(Endpoint);

/// Azure Pipelines' endpoint for the running job.
#[derive(Debug)]
pub(super) struct PipelinesToken(Endpoint);

impl GitHubToken {
    /// The error says what is wrong with the URL.
    pub(super) fn new(request: &TokenRequest, http: Arc<dyn HttpClient>) -> Result<Self, String> {
        let mut endpoint = Endpoint::new("GitHub", request, http)?;
        endpoint
            .url
            .query_pairs_mut()
            .append_pair("audience", EXCHANGE_AUDIENCE);
        Ok(Self(endpoint))
    }
}

impl PipelinesToken {
    /// The error says what is wrong with the URL.
    pub(super) fn new(request: &TokenRequest, connection: &str, http: Arc<dyn HttpClient>) -> Result<Self, String> {
        let mut endpoint = Endpoint::new("Azure Pipelines", request, http)?;
        endpoint
            .url
            .query_pairs_mut()
            .append_pair("api-version", PIPELINES_API_VERSION)
            .append_pair("serviceConnectionId", connection);
        Ok(Self(endpoint))
    }
}

#[async_trait::async_trait]
impl ClientAssertion for GivenToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.secret().trim().to_string())
    }
}

#[async_trait::async_trait]
impl ClientAssertion for TokenFile {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let shown = self.0.display();
        let text = tokio::fs::read_to_string(&self.0)
            .await
            .map_err(|error| failure(format!("the token file {shown} cannot be read: {error}")))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(failure(format!("the token file {shown} is empty")));
        }
        Ok(token.to_string())
    }
}

#[async_trait::async_trait]
impl ClientAssertion for GitHubToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let request = self.0.request(Method::Get);
        let advice = "The job needs `permissions: id-token: write`, and the request token is good for this job only";
        self.0.ask(request, "value", advice).await
    }
}

#[async_trait::async_trait]
impl ClientAssertion for PipelinesToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let mut request = self.0.request(Method::Post);
        request.insert_header(NO_SIGN_IN_PAGE, "Suppress");
        request.insert_header(CONTENT_LENGTH, "0");
        let advice = "Check ado_pipeline_service_connection_id, that the pipeline may use that service connection, and that the step maps SYSTEM_ACCESSTOKEN to $(System.AccessToken)";
        self.0.ask(request, "oidcToken", advice).await
    }
}

/// An issuer's endpoint and the permission to ask it.
#[derive(Debug)]
struct Endpoint {
    issuer: &'static str,
    url: Url,
    token: Secret,
    pipeline: Pipeline,
}

impl Endpoint {
    fn new(issuer: &'static str, request: &TokenRequest, http: Arc<dyn HttpClient>) -> Result<Self, String> {
        let url = Url::parse(&request.url).map_err(|error| format!("oidc_request_url is no URL: {error}."))?;
        if url.scheme() != "https" {
            return Err("oidc_request_url is not https, and the request token would be readable on the way.".into());
        }
        let options = ClientOptions {
            transport: Some(Transport::new(Arc::new(WithoutRetryAfter(http)))),
            retry: token_retry(),
            ..Default::default()
        };
        let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
        Ok(Self {
            issuer,
            url,
            token: request.token.clone(),
            pipeline: Pipeline::new(name, version, options, Vec::new(), Vec::new(), None),
        })
    }

    fn request(&self, method: Method) -> Request {
        let mut request = Request::new(self.url.clone(), method);
        request.insert_header(AUTHORIZATION, format!("Bearer {}", self.token.secret()));
        request.insert_header("accept", "application/json");
        request
    }

    /// The member `name` of the answer. Nothing of a failed answer's body is shown: it may repeat what was sent.
    async fn ask(&self, mut request: Request, name: &str, advice: &str) -> azure_core::Result<String> {
        let issuer = self.issuer;
        let options = PipelineSendOptions {
            skip_checks: true,
            ..Default::default()
        };
        let answer = self
            .pipeline
            .send(&Context::new(), &mut request, Some(options))
            .await
            .map_err(|error| {
                let message = format!("asking {issuer} for a token failed");
                azure_core::Error::with_error(ErrorKind::Credential, error, message)
            })?;
        let status = u16::from(answer.status());
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match body.get(name).and_then(serde_json::Value::as_str) {
            Some(token) if status == 200 => Ok(token.to_string()),
            _ => Err(failure(format!(
                "{issuer} gave no token: its endpoint answered HTTP {status}. {advice}"
            ))),
        }
    }
}

/// Our HTTP client, for endpoints whose `Retry-After` must not hold up a sign-in.
#[derive(Debug)]
struct WithoutRetryAfter(Arc<dyn HttpClient>);

#[async_trait::async_trait]
impl HttpClient for WithoutRetryAfter {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, mut headers, body) = self.0.execute_request(request).await?.deconstruct();
        forget_retry_after(&mut headers);
        let body = body.collect().await?;
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}

fn failure(message: String) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Credential, message)
}
