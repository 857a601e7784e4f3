//! Tasks: `Microsoft.ContainerRegistry/registries/tasks`. API versions: [`super::TASKS_VERSIONS`].
//!
//! What surprises: all writes are synchronous; a PATCH removes nothing, so that only PUT is used; a read masks every secret,
//! and only `listDetails` reveals them; `credentials.sourceRegistry.identity` exists in the newer API version only.

mod wire;

pub use wire::{
    AgentConfiguration, Argument, Authentication, BaseImageDependency, BaseImageTrigger, Credentials, CustomRegistry,
    DockerStep, EncodedStep, FileStep, Identity, NewTask, Platform, Properties, SecretObject, Source, SourceRegistry,
    SourceRepository, SourceTrigger, Step, Task, TimerTrigger, Trigger, UserIdentity,
};

use super::registry::RegistryId;
use super::{PROVIDER, TASKS_VERSIONS, TaskId};
use crate::azure::{Call, Client, Error, Family};

/// The type and the API versions of its calls.
pub const FAMILY: Family = Family {
    namespace: PROVIDER,
    resource_type: "registries/tasks",
    versions: TASKS_VERSIONS,
};

/// What only the newest version has must be written with it: an older one drops it without a word.
const NEWEST_ONLY: Family = Family {
    versions: &[TASKS_VERSIONS[0]],
    ..FAMILY
};

/// The only name that a system task may have.
pub const SYSTEM_TASK_NAME: &str = "quicktask";

/// Reads a task, without its secrets.
///
/// # Errors
/// As [`Client::get`]; [`Error::is_gone`] tells whether the task certainly does not exist.
pub async fn get(client: &Client, call: &Call, id: &TaskId) -> Result<Task, Error> {
    let path = &id.to_string();
    let get = async |version| client.get(call, path, version).await?.json();
    client
        .versioned(call, id.registry().subscription_id(), &FAMILY, get)
        .await
}

/// Reads a task with its secrets, for which a right of its own is needed that readers do not have.
///
/// # Errors
/// As [`Client::query`].
pub async fn list_details(client: &Client, call: &Call, id: &TaskId) -> Result<Task, Error> {
    let path = &format!("{id}/listDetails");
    let post = async |version| client.query(call, path, version).await?.json();
    client
        .versioned(call, id.registry().subscription_id(), &FAMILY, post)
        .await
}

/// Writes a task as a whole; what is not in it is removed. Replaces an existing one: look first.
///
/// # Errors
/// As [`Client::put`]; [`Error::may_have_been_accepted`] tells whether it may have been written nevertheless, and
/// [`Error::refuses_version`] that this cloud lacks the API version that the task needs.
pub async fn put(client: &Client, call: &Call, id: &TaskId, task: &NewTask) -> Result<Task, Error> {
    let family = if names_source_identity(task) {
        &NEWEST_ONLY
    } else {
        &FAMILY
    };
    let (path, body) = (&id.to_string(), &serde_json::json!(task));
    let put = async |version| client.put(call, path, version, body).await;
    let answer = client
        .versioned(call, id.registry().subscription_id(), family, put)
        .await?;
    answer.json()
}

/// Deletes a task, at once. One that is gone already is deleted.
///
/// # Errors
/// As [`Client::delete`].
pub async fn delete(client: &Client, call: &Call, id: &TaskId) -> Result<(), Error> {
    let path = &id.to_string();
    let delete = async |version| client.delete(call, path, version).await;
    match client
        .versioned(call, id.registry().subscription_id(), &FAMILY, delete)
        .await
    {
        Ok(response) if !response.is_json_or_empty() => Err(response.unreadable()),
        Ok(_) => Ok(()),
        Err(error) if error.is_gone() => Ok(()),
        Err(error) => Err(error),
    }
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

/// Whether this cloud, as far as its metadata says, knows `credentials.sourceRegistry.identity`.
///
/// # Errors
/// As [`Client::api_version`].
pub async fn knows_source_identity(client: &Client, call: &Call, registry: &RegistryId) -> Result<bool, Error> {
    let version = client.api_version(call, registry.subscription_id(), &FAMILY).await?;
    Ok(version == TASKS_VERSIONS[0])
}

/// Whether a task names an identity for its own registry, which only the newest API version has.
pub fn names_source_identity(task: &NewTask) -> bool {
    let credentials = task.properties.credentials.as_ref();
    let source = credentials.and_then(|credentials| credentials.source_registry.as_ref());
    source.is_some_and(|source| source.identity.is_some())
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
mod tests;
