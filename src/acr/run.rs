//! Runs, as far as pools need them: what is queued or running on a pool. API versions: [`super::TASKS_VERSIONS`].

use serde::Deserialize;

use super::registry::RegistryId;
use super::{PROVIDER, TASKS_VERSIONS};
use crate::azure::{Call, Client, Error, Family};

/// The type and the API versions of its calls.
pub const FAMILY: Family = Family {
    namespace: PROVIDER,
    resource_type: "registries/runs",
    versions: TASKS_VERSIONS,
};

/// How many runs one page is asked to hold. The service's own default is smaller.
const PAGE_SIZE: usize = 100;

/// The states of a run that has not ended. Source: the API's specification.
pub const ACTIVE: [&str; 3] = ["Queued", "Started", "Running"];

/// A run, as far as pools need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// `cf1` and the like; counts up within a registry.
    #[serde(default)]
    pub run_id: String,
    /// `Queued`, `Started`, `Running`, `Succeeded`, `Failed`, `Canceled`, `Error`, `Timeout`.
    #[serde(default)]
    pub status: String,
    /// The pool it was scheduled on, if any.
    pub agent_pool_name: Option<String>,
    /// The task's name, if a task started it.
    pub task: Option<String>,
    /// When it was queued, RFC 3339.
    pub create_time: Option<String>,
    /// When it began, RFC 3339; absent while it is queued.
    pub start_time: Option<String>,
}

/// Which runs.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// Only those of this pool.
    pub agent_pool_name: Option<&'a str>,
    /// Only those in one of these states; empty for all.
    pub statuses: &'a [&'a str],
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
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(default)]
        properties: Run,
    }
    let filter = filter.to_odata();
    let page = PAGE_SIZE.min(limit).to_string();
    let mut query = vec![("$top", page.as_str())];
    if let Some(filter) = &filter {
        query.push(("$filter", filter));
    }
    let path = format!("{registry}/runs");
    let list = |version| client.list_up_to(call, &path, version, &query, limit);
    let runs: Vec<Envelope> = client
        .versioned(call, registry.subscription_id(), &FAMILY, list)
        .await?;
    Ok(runs.into_iter().map(|run| run.properties).collect())
}

impl Filter<'_> {
    /// The filter in the service's words; `None` when everything passes.
    pub fn to_odata(&self) -> Option<String> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let pool = self
            .agent_pool_name
            .map(|name| format!("AgentPoolName eq {}", quoted(name)));
        let states: Vec<String> = self
            .statuses
            .iter()
            .map(|status| format!("Status eq {}", quoted(status)))
            .collect();
        match (pool, states.is_empty()) {
            (pool, true) => pool,
            (None, false) => Some(states.join(" or ")),
            (Some(pool), false) => Some(format!("{pool} and ({})", states.join(" or "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::{FakeHttp, call, reply};

    #[test]
    fn filters_in_the_services_words() {
        let pool = Some("p'1");
        let cases = [
            (Filter::default(), None),
            (
                Filter {
                    agent_pool_name: pool,
                    statuses: &[],
                },
                Some("AgentPoolName eq 'p''1'"),
            ),
            (
                Filter {
                    agent_pool_name: None,
                    statuses: &["Queued"],
                },
                Some("Status eq 'Queued'"),
            ),
            (
                Filter {
                    agent_pool_name: pool,
                    statuses: &["Queued", "Running"],
                },
                Some("AgentPoolName eq 'p''1' and (Status eq 'Queued' or Status eq 'Running')"),
            ),
        ];
        for (filter, want) in cases {
            assert_eq!(filter.to_odata().as_deref(), want);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn runs_are_listed_up_to_a_limit() {
        let page = r#"{"value":[{"name":"cf2","properties":{"runId":"cf2","status":"Queued","agentPoolName":"p01"}},
            {"name":"cf1","properties":{"runId":"cf1","status":"Running","task":"nightly"}}],
            "nextLink":"https://arm.example/next?api-version=x"}"#;
        let http = FakeHttp::with([reply(200, page)]);
        let registry = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";
        let filter = Filter {
            agent_pool_name: Some("p01"),
            statuses: &ACTIVE,
        };
        let runs = list(&http.client(), &call(60), &registry.parse().unwrap(), &filter, 2)
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
}
