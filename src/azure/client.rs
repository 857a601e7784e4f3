//! One request to the resource manager and its answer.
//!
//! Rules that hold for every request: https only, redirects are not followed, the token goes to the configured origin and
//! nowhere else, retries are decided by [`retry`], and the answer's body is read by us because azure_core loses
//! the error code of bodies that hold an escape.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::Bytes;
use azure_core::http::headers::HeaderName;
use azure_core::http::{
    ClientOptions, Context, HttpClient, Pipeline, PipelineSendOptions, Request, RetryOptions, Transport, Url,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::call::{Call, Interruption};
use super::cloud::Cloud;
use super::credential::{self, CredentialSource};
use super::error::{Error, RequestLine};
use super::mask::{mask_body, mask_urls, without_query};
use super::response::{CORRELATION_ID, FailedAttempt, Response};
use super::retry::{self, Attempt, Decision, Method};
use super::transport::{UserAgent, http_client, transport_failure, user_agent};

/// How long a write that is under way may still be answered after the user cancelled: knowing whether a resource was created
/// is worth a few seconds, because otherwise it may be orphaned.
pub const WRITE_ANSWER_GRACE: Duration = Duration::from_secs(10);
/// How many pages of a list are followed: a bound against a service that never ends.
pub const LIST_PAGES_MAX: usize = 1000;

const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const ACCEPT: HeaderName = HeaderName::from_static("accept");
const JSON: &str = "application/json";

/// What a client is made of.
pub struct Settings {
    /// Which Azure.
    pub cloud: Cloud,
    /// Who we are.
    pub credential: CredentialSource,
    /// Further tenants whose resources requests may name: at most three, as Resource Manager takes.
    pub auxiliary_tenant_ids: Vec<String>,
    /// The id by which Microsoft attributes usage to a partner, for the user agent.
    pub partner_id: Option<String>,
    /// Terraform's version, for the user agent.
    pub terraform_version: String,
    /// Whether correlation ids are sent (`disable_correlation_request_id` switches them off).
    pub send_correlation_id: bool,
    /// The HTTP client; [`http_client`] unless something else is given. One client serves credential and ARM.
    pub http: Option<Arc<dyn HttpClient>>,
}

/// The resource manager, as one principal. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    cloud: Cloud,
    pipeline: Pipeline,
    send_correlation_id: bool,
}

impl Client {
    /// Makes a client. Reaches no network; the first request obtains the first token.
    ///
    /// # Errors
    /// When the credential is malformed or the HTTP client cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let http = match settings.http {
            Some(http) => http,
            None => http_client()?,
        };
        let tenants = &settings.auxiliary_tenant_ids;
        let per_try = credential::authorization(&settings.credential, tenants, &settings.cloud, &http)?;
        tracing::debug!(credential = settings.credential.name(), "azure client configured");
        let options = ClientOptions {
            transport: Some(Transport::new(http)),
            retry: RetryOptions::none(),
            per_call_policies: vec![Arc::new(UserAgent(user_agent(&settings.terraform_version)))],
            ..Default::default()
        };
        let name = option_env!("CARGO_PKG_NAME");
        let version = option_env!("CARGO_PKG_VERSION");
        let pipeline = Pipeline::new(name, version, options, Vec::new(), per_try, None);
        let inner = Inner {
            cloud: settings.cloud,
            pipeline,
            send_correlation_id: settings.send_correlation_id,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The cloud this client talks to.
    pub fn cloud(&self) -> &Cloud {
        &self.inner.cloud
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// As [`Error`] says; any answer but 2xx is one. Retried while transient.
    pub async fn get(&self, call: &Call, path: &str, api_version: &str) -> Result<Response, Error> {
        let url = self.url(path, api_version, &[])?;
        self.send(call, Method::Get, url, None).await
    }

    /// Creates or replaces what is at `path`. Errors as [`Client::get`].
    pub async fn put(
        &self,
        call: &Call,
        path: &str,
        api_version: &str,
        body: &impl Serialize,
    ) -> Result<Response, Error> {
        let url = self.url(path, api_version, &[])?;
        self.send(call, Method::Put, url, Some(encode(body)?)).await
    }

    /// Merges `body` into what is at `path`. Errors as [`Client::get`].
    pub async fn patch(
        &self,
        call: &Call,
        path: &str,
        api_version: &str,
        body: &impl Serialize,
    ) -> Result<Response, Error> {
        let url = self.url(path, api_version, &[])?;
        self.send(call, Method::Patch, url, Some(encode(body)?)).await
    }

    /// Deletes what is at `path`. A 404 is an error here; whether it is success the caller knows.
    pub async fn delete(&self, call: &Call, path: &str, api_version: &str) -> Result<Response, Error> {
        let url = self.url(path, api_version, &[])?;
        self.send(call, Method::Delete, url, None).await
    }

    /// Acts on `path`, with a body or without. Repeated only when it certainly was not begun.
    pub async fn post(
        &self,
        call: &Call,
        path: &str,
        api_version: &str,
        body: Option<&Value>,
    ) -> Result<Response, Error> {
        let url = self.url(path, api_version, &[])?;
        let body = body.map(encode).transpose()?;
        self.send(call, Method::Post, url, body).await
    }

    /// Reads a URL that the service handed out, verbatim: its signature must not be touched.
    ///
    /// # Errors
    /// [`Error::ForeignUrl`] unless the URL lies at the resource manager's origin: the token is sent nowhere else.
    pub async fn get_url(&self, call: &Call, url: &Url) -> Result<Response, Error> {
        if !self.inner.cloud.is_arm(url) {
            return Err(foreign("polling URL", url));
        }
        self.send(call, Method::Get, url.clone(), None).await
    }

    /// Reads all pages of a list: the items of `value`, following `nextLink`.
    ///
    /// # Errors
    /// As [`Client::get`]; [`Error::ForeignUrl`] for a `nextLink` elsewhere; [`Error::InvalidResponse`] for items of another
    /// shape than `T`.
    pub async fn list<T: DeserializeOwned>(
        &self,
        call: &Call,
        path: &str,
        api_version: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        self.list_up_to(call, path, api_version, query, usize::MAX).await
    }

    /// As [`Client::list`], but asks for no further page once `limit` items are there; returns at most `limit`.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn list_up_to<T: DeserializeOwned>(
        &self,
        call: &Call,
        path: &str,
        api_version: &str,
        query: &[(&str, &str)],
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        #[derive(serde::Deserialize)]
        struct Page<T> {
            value: Vec<T>,
            #[serde(rename = "nextLink")]
            next_link: Option<String>,
        }
        let mut items = Vec::new();
        let mut url = self.url(path, api_version, query)?;
        for _ in 0..LIST_PAGES_MAX {
            let response = self.send(call, Method::Get, url.clone(), None).await?;
            let page: Page<T> = response.json()?;
            items.extend(page.value);
            let next = page.next_link.filter(|link| !link.is_empty());
            let Some(link) = next.filter(|_| items.len() < limit) else {
                items.truncate(limit);
                return Ok(items);
            };
            url = match Url::parse(&link) {
                Ok(next) if self.inner.cloud.is_arm(&next) => next,
                Ok(next) => return Err(foreign("nextLink", &next)),
                Err(cause) => return Err(response.invalid(format!("its nextLink is no URL: {cause}"))),
            };
        }
        Err(Error::InvalidResponse {
            request: RequestLine {
                method: Method::Get,
                path: path.to_string(),
            },
            message: format!("the list did not end after {LIST_PAGES_MAX} pages"),
        })
    }

    fn url(&self, path: &str, api_version: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        if !is_plain_path(path) {
            return Err(Error::InvalidRequest(format!(
                "`{}` is not a plain absolute path",
                mask_urls(path)
            )));
        }
        let mut url = self.inner.cloud.arm_endpoint().clone();
        url.set_path(path);
        url.query_pairs_mut()
            .append_pair("api-version", api_version)
            .extend_pairs(query);
        Ok(url)
    }

    async fn send(&self, call: &Call, method: Method, url: Url, body: Option<Bytes>) -> Result<Response, Error> {
        // The last gate before the token: whatever led here, nothing goes to another origin.
        if !self.inner.cloud.is_arm(&url) {
            return Err(foreign("URL", &url));
        }
        let line = RequestLine {
            method,
            path: url.path().to_string(),
        };
        let mut unclear = false;
        let mut number = 1;
        loop {
            let failure = match self.attempt(call, &line, &url, body.clone(), unclear).await? {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            unclear |= failure.error.may_have_been_accepted();
            let attempt = Attempt {
                method,
                number,
                fault: failure.fault,
                retry_after: failure.retry_after,
                remaining: call.remaining(),
                jitter: jitter(),
            };
            let wait = match retry::decide(&attempt) {
                Decision::GiveUp => return Err(failure.error),
                Decision::PastDeadline(wait) => {
                    let last = Some(Box::new(failure.error));
                    let waited = call.elapsed();
                    return Err(Error::DeadlineExceeded {
                        waited,
                        last,
                        in_flight: unclear,
                        next_wait: Some(wait),
                    });
                }
                Decision::Retry(wait) => wait,
            };
            tracing::debug!(request = %line, attempt = number, wait_ms = wait.as_millis() as u64, "will be sent again");
            if let Err(interruption) = call.sleep(wait).await {
                return Err(interrupted(call, interruption, Some(failure.error), unclear));
            }
            number += 1;
        }
    }

    /// Sends once. The outer error ends the operation; the inner one may be retried.
    async fn attempt(
        &self,
        call: &Call,
        line: &RequestLine,
        url: &Url,
        body: Option<Bytes>,
        unclear: bool,
    ) -> Result<Result<Response, FailedAttempt>, Error> {
        // Nothing is begun for an operation that is already over.
        if call.cancel.is_cancelled() {
            return Err(interrupted(call, Interruption::Cancelled, None, unclear));
        }
        if call.remaining().is_zero() {
            return Err(interrupted(call, Interruption::Deadline, None, unclear));
        }
        let mut request = self.request(call, line.method, url, body);
        let begun = Instant::now();
        let context = Context::new();
        let options = PipelineSendOptions {
            skip_checks: true,
            ..Default::default()
        };
        let sending = self.inner.pipeline.send(&context, &mut request, Some(options));
        tokio::pin!(sending);
        let sent = match call.guard(&mut sending).await {
            Ok(sent) => sent,
            Err(interruption) if line.method.writes() => {
                match tokio::time::timeout(WRITE_ANSWER_GRACE, &mut sending).await {
                    Ok(sent) => sent,
                    Err(_) => return Err(interrupted(call, interruption, None, true)),
                }
            }
            Err(interruption) => return Err(interrupted(call, interruption, None, false)),
        };
        let elapsed_ms = begun.elapsed().as_millis() as u64;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let failure = transport_failure(line, &error, unclear)?;
                tracing::debug!(request = %line, elapsed_ms, correlation_id = call.correlation_id, error = %failure.error, "no answer");
                return Ok(Err(failure));
            }
        };
        let response = Response::new(answer, line.clone(), &call.correlation_id);
        tracing::debug!(request = %line, status = response.status, elapsed_ms, correlation_id = response.correlation_id, "answered");
        tracing::trace!(request = %line, body = mask_body(&response.body), "answer");
        if (200..300).contains(&response.status) {
            Ok(Ok(response))
        } else {
            Ok(Err(response.into_failure(unclear)))
        }
    }

    fn request(&self, call: &Call, method: Method, url: &Url, body: Option<Bytes>) -> Request {
        let mut request = Request::new(url.clone(), wire_method(method));
        request.insert_header(ACCEPT, JSON);
        if self.inner.send_correlation_id {
            request.insert_header(CORRELATION_ID, call.correlation_id.clone());
        }
        if let Some(body) = body {
            tracing::trace!(path = url.path(), body = mask_body(&body), "request");
            request.insert_header(CONTENT_TYPE, JSON);
            request.set_body(body);
        }
        request
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("cloud", &self.inner.cloud)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("cloud", &self.cloud)
            .field("credential", &self.credential)
            .field("terraform_version", &self.terraform_version)
            .finish_non_exhaustive()
    }
}

/// The interruption of an operation as an error that keeps the last real one.
pub(crate) fn interrupted(call: &Call, by: Interruption, last: Option<Error>, in_flight: bool) -> Error {
    let last = last.map(Box::new);
    match by {
        Interruption::Cancelled => Error::Cancelled { last, in_flight },
        Interruption::Deadline => Error::DeadlineExceeded {
            waited: call.elapsed(),
            last,
            in_flight,
            next_wait: None,
        },
    }
}

/// Whether `path` means itself: nothing in it that a URL would read as something else (`..`, a query, an encoding).
fn is_plain_path(path: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '%' | '?' | '#' | '\\');
    let segment = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment)) && path.chars().all(plain)
}

fn foreign(role: &'static str, url: &Url) -> Error {
    tracing::warn!(
        role,
        url = without_query(url),
        "a URL outside the resource manager was not followed"
    );
    Error::ForeignUrl {
        role,
        origin: url.origin().ascii_serialization(),
    }
}

fn encode(body: &impl Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|cause| Error::InvalidRequest(format!("the body cannot be written as JSON: {cause}")))
}

fn wire_method(method: Method) -> azure_core::http::Method {
    match method {
        Method::Get => azure_core::http::Method::Get,
        Method::Put => azure_core::http::Method::Put,
        Method::Patch => azure_core::http::Method::Patch,
        Method::Delete => azure_core::http::Method::Delete,
        Method::Post => azure_core::http::Method::Post,
    }
}

/// Random, 0 to 1, from the generator that makes ids: enough to spread retries.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
