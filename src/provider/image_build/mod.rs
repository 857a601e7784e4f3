//! Builds of images: `Microsoft.ContainerRegistry/registries/scheduleRun` with a `DockerBuildRequest`.
//!
//! What surprises in this API: a build has no object of its own, only a run, whose record expires after 30 days; a private
//! source is opened by a token *in* its address; an upload is named after the request's correlation id. A local context is
//! hashed at plan, so that an edit plans a rebuild.

pub mod context;
pub mod image_names;
mod planning;
mod request;
pub mod resource;
pub mod schema;
#[cfg(test)]
mod tests;
mod validation;

use std::collections::BTreeMap;

use crate::{
    acr::{agent_pool::AgentPoolId, registry::RegistryId},
    framework::{Field, model::Secret, timeouts::Timeouts},
    model,
    provider::{
        blocks,
        preflight::runs::RunSubject,
        registry_credential::{self, RegistryCredential},
        running::{ImageModel, ScaleModel},
    },
    run_model,
};

use context::ContextModel;

model! {
    /// A build as configured, planned and stored.
    pub struct ImageBuildModel {
        /// Name of the pool that it runs on.
        pub agent_pool_name: String,
        /// Build arguments.
        pub build_args: BTreeMap<String, Field<String>>,
        /// Whether the run is cancelled when nobody waits for it any more.
        pub cancel_on_interrupt: bool,
        /// Where the source comes from.
        pub context: ContextModel,
        /// When the run was queued.
        pub created_at: String,
        /// The Dockerfile, relative to the context.
        pub dockerfile: String,
        /// How long the run took, in seconds.
        pub duration_seconds: i64,
        /// Why the run failed.
        pub error_message: String,
        /// The statuses that fail the apply.
        pub fail_on: Vec<Field<String>>,
        /// When the run ended.
        pub finished_at: String,
        /// ARM id of the run.
        pub id: String,
        /// Digests by image name.
        pub image_digests: BTreeMap<String, String>,
        /// Repositories and tags.
        pub image_names: Vec<Field<String>>,
        /// The last lines of the log.
        pub log_tail: String,
        /// How many lines that is.
        pub log_tail_lines: i64,
        /// Whether cached layers are left aside.
        pub no_cache: bool,
        /// What was pushed.
        pub output_images: Vec<ImageModel>,
        /// What is built for: `linux/amd64`.
        pub platform: String,
        /// Whether the images are pushed.
        pub push: bool,
        /// How the run logs in to registries.
        pub registry_credential: Vec<RegistryCredential>,
        /// ARM id of the registry.
        pub registry_id: String,
        /// The run's id within its registry.
        pub run_id: String,
        /// Machines for the run.
        pub scale: ScaleModel,
        /// Build arguments that nobody may read; null in state.
        pub secret_build_args_wo: BTreeMap<String, Field<Secret>>,
        /// Changed by the user with them.
        pub secret_build_args_wo_version: i64,
        /// Hash of a local context; null for an address.
        pub source_hash: String,
        /// When the run found a machine.
        pub started_at: String,
        /// The run's status.
        pub status: String,
        /// Whether the last lines of the log are stored.
        pub store_log_tail: bool,
        /// The stage to build.
        pub target: String,
        /// What the run takes at most, in seconds.
        pub timeout_in_seconds: i64,
        /// How long to wait.
        pub timeouts: Timeouts,
        /// Values whose change builds again.
        pub triggers: BTreeMap<String, Field<String>>,
        /// Whether the apply waits for the run to end.
        pub wait: bool,
    }
}

run_model!(ImageBuildModel);

impl ImageBuildModel {
    /// The registry's id; `None` while it is unknown.
    fn registry(&self) -> Option<RegistryId> {
        self.registry_id.text()?.parse().ok()
    }

    /// The `registry_credential` block, if there is one.
    fn credential(&self) -> Option<&RegistryCredential> {
        blocks::one(&self.registry_credential)
    }

    /// What preflight has to know; `None` while the registry or the pool's name is unknown.
    fn subject(&self) -> Option<RunSubject> {
        let registry = self.registry()?;
        let pool = match &self.agent_pool_name {
            Field::Known(name) => Some(AgentPoolId::new(registry.clone(), name).ok()?),
            Field::Null => None,
            Field::Unknown => return None,
        };
        let identity = self.credential().and_then(|block| block.own_identity(registry.name()));
        let system_identity = identity == Some(registry_credential::SYSTEM);
        let user_identity = identity.is_some_and(|identity| !identity.starts_with('['));
        Some(RunSubject {
            registry,
            pool,
            system_identity,
            user_identity,
            identity_attribute: registry_credential::BLOCK,
        })
    }
}
