//! Tasks as they are written on the wire and read from it, in both API versions.
//!
//! What the specification does not promise is an `Option`; members that nobody knows are ignored. Everything that ARM masks in
//! a read, and only shows in `listDetails`, is a [`Secret`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::acr::run::request::{AgentConfiguration, Platform};
use crate::acr::run::secret::Secret;

/// A task as ARM returns it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// ARM's id, in ARM's casing.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region; always the registry's.
    #[serde(default)]
    pub location: String,
    /// The tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// The identities that runs can sign in with.
    pub identity: Option<Identity>,
    /// The rest.
    #[serde(default)]
    pub properties: Properties,
}

/// What a task is written with. A write replaces everything: what is not in here is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewTask {
    /// The registry's region: ARM demands it, and no other works.
    pub location: String,
    /// The tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// The identities that runs can sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The rest.
    pub properties: Properties,
}

/// A task's properties, written and read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// `Creating`, `Updating`, `Deleting`, `Succeeded`, `Failed`, `Canceled`. Never written.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
    /// When the task was created, RFC 3339. Never written.
    #[serde(skip_serializing)]
    pub creation_date: Option<String>,
    /// `Enabled` or `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What runs run on; a system task has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The machine on shared compute; the service fills in `cpu` 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_configuration: Option<AgentConfiguration>,
    /// The pool that its runs go to, if it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_pool_name: Option<String>,
    /// What a run takes at most, in seconds; the service fills in 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// What is run; a system task has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// What starts runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Access to registries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Repository and tag under which logs are kept in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_template: Option<String>,
    /// Whether this is the registry's system task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_system_task: Option<bool>,
}

/// What a task runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "type")]
pub enum Step {
    /// An image is built from a Dockerfile.
    Docker(DockerStep),
    /// Steps in a YAML file of the source.
    FileTask(FileStep),
    /// Steps in YAML, stored with the task.
    EncodedTask(EncodedStep),
    /// A kind that is newer than this provider.
    #[serde(other)]
    Unknown,
}

/// Where a step's source is, and what the service found out about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The source: a repository, an archive, an artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_path: Option<String>,
    /// The token to read it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_access_token: Option<Secret>,
    /// What images are based on; there after the first run. Never written.
    #[serde(skip_serializing)]
    pub base_image_dependencies: Option<Vec<BaseImageDependency>>,
}

/// An image that a step's images are based on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct BaseImageDependency {
    /// `BuildTime` or, against the specification's `RunTime`, `Runtime`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The registry's login server.
    pub registry: Option<String>,
    /// The repository.
    pub repository: Option<String>,
    /// The tag.
    pub tag: Option<String>,
    /// The manifest's digest.
    pub digest: Option<String>,
}

/// An image build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DockerStep {
    /// Where the source is.
    #[serde(flatten)]
    pub source: Source,
    /// What the image is called, with or without a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_names: Option<Vec<String>>,
    /// Whether the image is pushed; the service fills in `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_push_enabled: Option<bool>,
    /// Whether nothing is taken from the cache; the service fills in `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_cache: Option<bool>,
    /// The Dockerfile, relative to the source.
    #[serde(default)]
    pub docker_file_path: String,
    /// The stage that is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Vec<Argument>>,
}

/// A task file in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStep {
    /// Where the source is.
    #[serde(flatten)]
    pub source: Source,
    /// The task file, relative to the source.
    #[serde(default)]
    pub task_file_path: String,
    /// The file with values, relative to the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_file_path: Option<String>,
    /// Values for the task file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Argument>>,
}

/// A task file that is stored with the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EncodedStep {
    /// Where the source is.
    #[serde(flatten)]
    pub source: Source,
    /// The task file in base64.
    #[serde(default)]
    pub encoded_task_content: String,
    /// The file with values in base64; it may hold what is none of a log's business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoded_values_content: Option<Secret>,
    /// Values for the task file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Argument>>,
}

/// A named value of a step. One that is secret comes back without its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Secret>,
    /// Whether it is kept out of logs and reads.
    #[serde(default)]
    pub is_secret: bool,
}

/// What starts runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// Schedules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer_triggers: Option<Vec<TimerTrigger>>,
    /// Changes of repositories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_triggers: Option<Vec<SourceTrigger>>,
    /// A new version of what images are based on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_image_trigger: Option<BaseImageTrigger>,
}

/// A schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct TimerTrigger {
    /// Its name.
    pub name: String,
    /// When it fires: five fields, UTC.
    pub schedule: String,
    /// `Enabled` or `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Changes of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceTrigger {
    /// Its name.
    pub name: String,
    /// The repository.
    pub source_repository: SourceRepository,
    /// `commit`, `pullrequest`.
    pub source_trigger_events: Vec<String>,
    /// `Enabled` or `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// A repository that is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceRepository {
    /// `Github` or `VisualStudioTeamService`.
    pub source_control_type: String,
    /// Its address.
    pub repository_url: String,
    /// The branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// How the service registers its webhook; never returned by a read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_control_auth_properties: Option<Authentication>,
}

/// A token for a source control service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    /// `PAT` or `OAuth`.
    #[serde(default)]
    pub token_type: String,
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The token that renews it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// What it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// How long it is valid, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
}

/// A new version of what images are based on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BaseImageTrigger {
    /// Its name.
    pub name: String,
    /// `All` or `Runtime`.
    pub base_image_trigger_type: String,
    /// Whom to tell; never returned by a read, because it may carry a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_trigger_endpoint: Option<Secret>,
    /// `Default` or `Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_trigger_payload_type: Option<String>,
    /// `Enabled` or `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Access to registries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The task's own registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_registry: Option<SourceRegistry>,
    /// Other registries, by login server. A read shows the servers only, each with null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_registries: Option<BTreeMap<String, Option<CustomRegistry>>>,
}

/// Access to the task's own registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRegistry {
    /// `None` or `Default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_mode: Option<String>,
    /// `[system]` or a managed identity's client id: registries in ABAC mode need one. Only since 2025-03-01-preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Access to another registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomRegistry {
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<SecretObject>,
    /// The password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretObject>,
    /// `[system]` or a managed identity's client id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// A secret, or where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct SecretObject {
    /// The secret itself, or the URL of one in a key vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Secret>,
    /// `Opaque` or `Vaultsecret`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// The managed identities of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `SystemAssigned`, `UserAssigned`, `SystemAssigned, UserAssigned` or `None`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The system-assigned identity. Never written.
    #[serde(skip_serializing)]
    pub principal_id: Option<String>,
    /// Its tenant. Never written.
    #[serde(skip_serializing)]
    pub tenant_id: Option<String>,
    /// User-assigned identities, by ARM id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_assigned_identities: Option<BTreeMap<String, UserIdentity>>,
}

/// A user-assigned identity as ARM describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserIdentity {
    /// Its principal. Never written.
    #[serde(skip_serializing)]
    pub principal_id: Option<String>,
    /// Its client id, which credentials name it by. Never written.
    #[serde(skip_serializing)]
    pub client_id: Option<String>,
}

impl Step {
    /// Where the source is; `None` for a kind that is not known.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Self::Docker(step) => Some(&step.source),
            Self::FileTask(step) => Some(&step.source),
            Self::EncodedTask(step) => Some(&step.source),
            Self::Unknown => None,
        }
    }

    /// Build arguments or values.
    pub fn arguments(&self) -> &[Argument] {
        let arguments = match self {
            Self::Docker(step) => step.arguments.as_deref(),
            Self::FileTask(step) => step.values.as_deref(),
            Self::EncodedTask(step) => step.values.as_deref(),
            Self::Unknown => None,
        };
        arguments.unwrap_or_default()
    }
}
