//! Runs: `Microsoft.ContainerRegistry/registries/runs`. API versions: [`super::TASKS_VERSIONS`].
//!
//! * [`Filter`]: which runs a list is asked for.
//! * [`request`]: what a run is asked for; [`secret`]: the texts in it that nobody may read.
//! * [`mod@schedule`]: asking for one. What surprises: when the answer is lost nobody can say whether a run began, so the request
//!   is not repeated and no run is taken for ours.
//! * [`wait`]: looking at one until it has ended.
//! * [`source_upload`]: where a local context is uploaded to.

use std::fmt;

use serde::Deserialize;

use super::registry::RegistryId;
use super::{PROVIDER, TASKS_VERSIONS};
use crate::azure::{Call, Client, Error, Family};
use wire::Envelope;

mod filter;
pub mod request;
pub mod schedule;
pub mod secret;
pub mod source_upload;
pub mod wait;
mod wire;

pub use filter::{Filter, Span};
pub use request::{RunRequest, Work};
pub use schedule::{ScheduleError, candidates, schedule};
pub use secret::Secret;
pub use wait::{Observer, WaitError, wait_until_finished};
pub use wire::{ACTIVE, ENDED, Image, ImageUpdateTrigger, Run, SourceTrigger, TimerTrigger};

/// The type and the API versions of its calls.
pub const FAMILY: Family = Family {
    namespace: PROVIDER,
    resource_type: "registries/runs",
    versions: TASKS_VERSIONS,
};

/// How often a cancellation is asked for while its answers are lost: cancelling twice is cancelling once.
const CANCEL_ATTEMPTS_MAX: u32 = 3;

/// A run of a registry, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId {
    registry: RegistryId,
    run_id: String,
}

/// A signed URL: whoever has it may read or write what it names, so that `Debug` shows origin and path only.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl(String);

/// Reads a run.
///
/// # Errors
/// As [`Client::get`]; [`Error::is_gone`] when its record has expired (after 30 days) or never was.
pub async fn get(client: &Client, call: &Call, id: &RunId) -> Result<Run, Error> {
    let path = &id.to_string();
    let get = async |version| client.get(call, path, version).await;
    let answer = client
        .versioned(call, id.registry.subscription_id(), &FAMILY, get)
        .await?;
    let run = answer.json::<Envelope>()?.into_run();
    // A portal's page or an empty object is no run, and says nothing about one.
    if run.status.is_empty() {
        return Err(answer.invalid("it has no status of a run"));
    }
    Ok(run)
}

/// Asks for a run to be cancelled. It ends a little later; one that has ended already is left as it is. An operation that was
/// interrupted needs a `call` of its own for this.
///
/// # Errors
/// As [`Client::post`].
pub async fn cancel(client: &Client, call: &Call, id: &RunId) -> Result<(), Error> {
    let path = &format!("{id}/cancel");
    let post = async |version| client.post(call, path, version, None).await;
    let mut attempt = 1;
    loop {
        let asked = client
            .versioned(call, id.registry.subscription_id(), &FAMILY, post)
            .await;
        match asked {
            Ok(_) => return Ok(()),
            Err(error) if error.is_transient() && attempt < CANCEL_ATTEMPTS_MAX => {
                tracing::debug!(run = %id.run_id, %error, "cancelling once more");
                attempt += 1;
                // An interruption during the pause is met by the next attempt, which says so.
                let _ = call.sleep(client.pace().backoff_first).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where the run's log can be read: a signed URL that expires after about an hour.
///
/// # Errors
/// As [`Client::query`]; [`Error::InvalidResponse`] when there is no link in the answer.
pub async fn log_url(client: &Client, call: &Call, id: &RunId) -> Result<SignedUrl, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Links {
        log_link: Option<String>,
    }
    let path = &format!("{id}/listLogSasUrl");
    let query = async |version| client.query(call, path, version).await;
    let answer = client
        .versioned(call, id.registry.subscription_id(), &FAMILY, query)
        .await?;
    let links: Links = answer.json()?;
    let link = links.log_link.filter(|link| !link.is_empty());
    link.map(SignedUrl::new)
        .ok_or_else(|| answer.invalid("it has no `logLink`"))
}

/// Runs that the filter lets through, at most `limit`, in the service's order (newest first).
///
/// # Errors
/// As [`Client::list`].
pub async fn list(
    client: &Client,
    call: &Call,
    registry: &RegistryId,
    filter: &Filter<'_>,
    limit: usize,
) -> Result<Vec<Run>, Error> {
    let filter = filter.to_odata();
    // The service's own clients ask for as many as they want; whether it then sends pages is for it to decide.
    let top = limit.to_string();
    let mut query = vec![("$top", top.as_str())];
    if let Some(filter) = &filter {
        query.push(("$filter", filter));
    }
    let path = format!("{registry}/runs");
    let list = |version| client.list_up_to(call, &path, version, &query, limit);
    let runs: Vec<Envelope> = client
        .versioned(call, registry.subscription_id(), &FAMILY, list)
        .await?;
    Ok(runs.into_iter().map(Envelope::into_run).collect())
}

impl RunId {
    /// The run `run_id` of a registry.
    pub fn new(registry: RegistryId, run_id: &str) -> Self {
        Self {
            registry,
            run_id: run_id.to_string(),
        }
    }

    /// The registry.
    pub fn registry(&self) -> &RegistryId {
        &self.registry
    }

    /// `cf1` and the like.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/runs/{}", self.registry, self.run_id)
    }
}

impl SignedUrl {
    /// Takes a URL in.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL with its signature: for the request itself and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::azure::mask::mask_urls(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::error::ErrorKind;

    use crate::azure::fake::{FakeHttp, call, fault, reply};

    const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";

    #[tokio::test(start_paused = true)]
    async fn runs_are_listed_up_to_a_limit() {
        let page = r#"{"value":[{"name":"cf2","properties":{"runId":"cf2","status":"Queued","agentPoolName":"p01"}},
            {"name":"cf1","properties":{"runId":"cf1","status":"Running","task":"nightly"}}],
            "nextLink":"https://arm.example/next?api-version=x"}"#;
        let http = FakeHttp::with([reply(200, page)]);
        let filter = Filter {
            agent_pool_name: Some("p01"),
            statuses: &ACTIVE,
            ..Filter::default()
        };
        let runs = list(&http.client(), &call(60), &REGISTRY.parse().unwrap(), &filter, 2)
            .await
            .unwrap();
        let ids: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
        assert_eq!(ids, ["cf2", "cf1"]);
        assert_eq!(http.asked().len(), 1, "the second page was not needed");
        let url = &http.asked()[0].url;
        assert!(
            url.contains("%24top=2&%24filter=AgentPoolName+eq+%27p01%27+and+%28Status+eq+%27Queued%27"),
            "{url}"
        );
    }

    fn run_id() -> RunId {
        RunId::new(REGISTRY.parse().unwrap(), "cf1")
    }

    #[tokio::test(start_paused = true)]
    async fn the_logs_url_is_kept_to_ourselves() {
        let link = "https://logs.example/c/logs/cf1/rawtext.log?se=1&sig=hush";
        let http = FakeHttp::with([reply(200, &format!(r#"{{"logLink":"{link}"}}"#)), reply(200, "{}")]);
        let url = log_url(&http.client(), &call(60), &run_id()).await.unwrap();
        assert_eq!(url.expose(), link);
        assert_eq!(format!("{url:?}"), "https://logs.example/c/logs/cf1/rawtext.log?…");
        let error = log_url(&http.client(), &call(60), &run_id()).await.unwrap_err();
        assert!(error.to_string().contains("it has no `logLink`"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancellation_whose_answer_is_lost_is_repeated() {
        let http = FakeHttp::with([fault(ErrorKind::Io), reply(200, "")]);
        cancel(&http.client(), &call(60), &run_id()).await.unwrap();
        let path = format!("POST {REGISTRY}/runs/cf1/cancel");
        assert_eq!(http.lines(), [path.clone(), path.clone()]);
        let http = FakeHttp::with([reply(500, "")]);
        let error = cancel(&http.client(), &call(60), &run_id()).await.unwrap_err();
        assert_eq!((error.status(), http.lines().len()), (Some(500), 3));
    }
}
