//! Tasks, as far as pools need them: which tasks name which pool. API versions: [`super::TASKS_VERSIONS`].

use serde::Deserialize;

use super::registry::RegistryId;
use super::{PROVIDER, TASKS_VERSIONS};
use crate::azure::{Call, Client, Error, Family};

/// The type and the API versions of its calls.
pub const FAMILY: Family = Family {
    namespace: PROVIDER,
    resource_type: "registries/tasks",
    versions: TASKS_VERSIONS,
};

/// A task, as far as pools need it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// ARM's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The rest.
    #[serde(default)]
    pub properties: Properties,
}

/// A task's properties, as far as pools need them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// The pool that its runs go to, if it names one.
    pub agent_pool_name: Option<String>,
    /// `Enabled` or `Disabled`.
    pub status: Option<String>,
}

/// All tasks of a registry.
///
/// # Errors
/// As [`Client::list`].
pub async fn list(client: &Client, call: &Call, registry: &RegistryId) -> Result<Vec<Task>, Error> {
    let path = format!("{registry}/tasks");
    let list = |version| client.list(call, &path, version, &[]);
    client.versioned(call, registry.subscription_id(), &FAMILY, list).await
}

/// The names of those `tasks` that name the pool `pool` (casing does not matter).
pub fn naming_pool<'a>(tasks: &'a [Task], pool: &str) -> Vec<&'a str> {
    let names = |task: &&Task| {
        task.properties
            .agent_pool_name
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case(pool))
    };
    tasks.iter().filter(names).map(|task| task.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::{FakeHttp, call, reply};

    #[tokio::test(start_paused = true)]
    async fn tasks_that_name_a_pool() {
        let body = r#"{"value":[
            {"id":"/t/1","name":"nightly","properties":{"agentPoolName":"POOL1","status":"Enabled","step":{"type":"Docker"}}},
            {"id":"/t/2","name":"other","properties":{"agentPoolName":"pool10"}},
            {"id":"/t/3","name":"shared","properties":{}}]}"#;
        let http = FakeHttp::with([reply(200, body)]);
        let registry = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";
        let tasks = list(&http.client(), &call(60), &registry.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(naming_pool(&tasks, "pool1"), ["nightly"]);
    }
}
