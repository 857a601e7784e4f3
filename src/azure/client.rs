//! One request to the resource manager and its answer.
//!
//! Rules that hold for every request: https only, redirects are not followed, the token goes to the configured origin and
//! nowhere else, attempts are repeated by [`exchange`](super::exchange), and the answer's body is read by us because azure_core loses
//! the error code of bodies that hold an escape.

use std::fmt;
use std::sync::{Arc, RwLock};

use azure_core::Bytes;
use azure_core::http::{ClientOptions, HttpClient, Pipeline, RetryOptions, Transport, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::cloud::Cloud;
use super::credential::{self, CredentialSource};
use super::error::{Error, RequestLine};
use super::exchange::Outgoing;
use super::mask::{mask_urls, without_query};
use super::offer::Offers;
use super::pace::Pace;
use super::response::Response;
use super::retry::Method;
use super::throttle::Throttle;
use super::transport::{UserAgent, http_client, user_agent};

/// How many pages of a list are followed: a bound against a service that never ends.
pub const LIST_PAGES_MAX: usize = 1000;

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
    /// What lies beneath; the default for all users of Terraform.
    pub wire: Wire,
}

/// What lies beneath a client. The default is what every user gets; an embedder or a test may hand in another.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// The HTTP client; [`http_client`] unless something else is given. One client serves credential and ARM.
    pub http: Option<Arc<dyn HttpClient>>,
    /// How long is waited between requests.
    pub pace: Pace,
    /// What slows requests down; the one of the process unless another is given.
    pub throttle: Option<Throttle>,
}

/// The resource manager, as one principal. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) cloud: Cloud,
    pub(super) parts: Parts,
    /// Replaced when the service refuses the token of the present one.
    pub(super) pipeline: RwLock<Arc<Pipeline>>,
    pub(super) throttle: Throttle,
    pub(super) pace: Pace,
    pub(super) send_correlation_id: bool,
    pub(super) offers: Offers,
}

/// What a pipeline is made of, once and again.
pub(super) struct Parts {
    cloud: Cloud,
    credential: CredentialSource,
    auxiliary_tenant_ids: Vec<String>,
    pub(super) user_agent: String,
    pub(super) http: Arc<dyn HttpClient>,
}

impl Client {
    /// Makes a client. Reaches no network; the first request obtains the first token.
    ///
    /// # Errors
    /// When the credential is malformed or the HTTP client cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let wire = settings.wire;
        let http = match wire.http {
            Some(http) => http,
            None => http_client()?,
        };
        let parts = Parts {
            cloud: settings.cloud.clone(),
            credential: settings.credential,
            auxiliary_tenant_ids: settings.auxiliary_tenant_ids,
            user_agent: user_agent(&settings.terraform_version, settings.partner_id.as_deref()),
            http,
        };
        let pipeline = RwLock::new(Arc::new(parts.pipeline()?));
        tracing::debug!(credential = parts.credential.name(), "azure client configured");
        let inner = Inner {
            cloud: settings.cloud,
            parts,
            pipeline,
            throttle: wire.throttle.unwrap_or_else(Throttle::of_process),
            pace: wire.pace,
            send_correlation_id: settings.send_correlation_id,
            offers: Offers::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How long this client waits when the service asks for nothing.
    pub fn pace(&self) -> &Pace {
        &self.inner.pace
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

    /// Acts on `path` in a way that only reads, such as `listQueueStatus`; repeated like a GET. Errors as [`Client::get`].
    pub async fn query(&self, call: &Call, path: &str, api_version: &str) -> Result<Response, Error> {
        let url = self.url(path, api_version, &[])?;
        self.send(call, Method::Query, url, None).await
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
        self.exchange(Outgoing { call, line, url, body }).await
    }
}

impl Parts {
    /// A pipeline with a credential of its own. Reaches no network.
    pub(super) fn pipeline(&self) -> Result<Pipeline, Error> {
        let per_try = credential::authorization(&self.credential, &self.auxiliary_tenant_ids, &self.cloud, &self.http)?;
        let options = ClientOptions {
            transport: Some(Transport::new(self.http.clone())),
            retry: RetryOptions::none(),
            per_call_policies: vec![Arc::new(UserAgent(self.user_agent.clone()))],
            ..Default::default()
        };
        let name = option_env!("CARGO_PKG_NAME");
        let version = option_env!("CARGO_PKG_VERSION");
        Ok(Pipeline::new(name, version, options, Vec::new(), per_try, None))
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

#[cfg(test)]
mod tests;
