//! A task as configured, planned and stored: one struct for each block.

use std::collections::BTreeMap;

use crate::{
    acr::{TaskId, registry::RegistryId},
    framework::{
        Field,
        model::{Secret, Set},
        timeouts::Timeouts,
    },
    model,
    provider::{blocks, registry_credential::RegistryCredential, tasks::shape::Shown},
};

/// Texts of a list, each of which may be unknown.
pub type Texts = Vec<Field<String>>;

/// Named texts, each of which may be unknown.
pub type Map = BTreeMap<String, Field<String>>;

/// Named secrets, each of which may be unknown.
pub type SecretMap = BTreeMap<String, Field<Secret>>;

model! {
    /// A task.
    pub struct TaskModel {
        /// The pool that runs go to.
        pub agent_pool_name: String,
        /// Azure's own machines.
        pub agent_setting: Vec<AgentSetting>,
        /// What the image is based on.
        pub base_image_dependencies: Shown,
        /// Runs when a base image changes.
        pub base_image_trigger: Vec<BaseImageTrigger>,
        /// When it was created.
        pub creation_date: String,
        /// A step of this kind.
        pub docker_step: Vec<DockerStep>,
        /// Whether triggers start runs.
        pub enabled: bool,
        /// A step of this kind.
        pub encoded_step: Vec<EncodedStep>,
        /// A step of this kind.
        pub file_step: Vec<FileStep>,
        /// ARM id.
        pub id: String,
        /// Managed identities.
        pub identity: Vec<Identity>,
        /// Whether it is the system task.
        pub is_system_task: bool,
        /// Azure region.
        pub location: String,
        /// Where logs are kept as artifacts.
        pub log_template: String,
        /// Name within the registry.
        pub name: String,
        /// What runs run on.
        pub platform: Vec<Platform>,
        /// How runs log in to registries.
        pub registry_credential: Vec<RegistryCredential>,
        /// ARM id of the registry.
        pub registry_id: String,
        /// Runs when source changes.
        pub source_trigger: Vec<SourceTrigger>,
        /// Tags.
        pub tags: Map,
        /// How long a run may take.
        pub timeout_in_seconds: i64,
        /// How long to wait.
        pub timeouts: Timeouts,
        /// Runs by schedule.
        pub timer_trigger: Vec<TimerTrigger>,
    }
}

model! {
    /// A machine of Azure's.
    pub struct AgentSetting {
        /// Processors.
        pub cpu: i64,
    }
}

model! {
    /// Operating system and processor.
    pub struct Platform {
        /// Processor architecture.
        pub architecture: String,
        /// `Linux` or `Windows`.
        pub os: String,
        /// Variant of the architecture.
        pub variant: String,
    }
}

model! {
    /// An image build.
    pub struct DockerStep {
        /// Build arguments.
        pub arguments: Map,
        /// Whether the cache is used.
        pub cache_enabled: bool,
        /// Token for the context.
        pub context_access_token: Secret,
        /// Token for the context, never stored.
        pub context_access_token_wo: Secret,
        /// Changes when the write-only token does.
        pub context_access_token_wo_version: i64,
        /// Where the source is.
        pub context_path: String,
        /// The Dockerfile within it.
        pub dockerfile_path: String,
        /// What the image is called.
        pub image_names: Texts,
        /// Whether the image is pushed.
        pub push_enabled: bool,
        /// Build arguments that are secret.
        pub secret_arguments: SecretMap,
        /// Build arguments that are secret, never stored.
        pub secret_arguments_wo: SecretMap,
        /// Changes when the write-only arguments do.
        pub secret_arguments_wo_version: i64,
        /// The stage that is built.
        pub target: String,
    }
}

model! {
    /// A task file in the source.
    pub struct FileStep {
        /// Token for the context.
        pub context_access_token: Secret,
        /// Token for the context, never stored.
        pub context_access_token_wo: Secret,
        /// Changes when the write-only token does.
        pub context_access_token_wo_version: i64,
        /// Where the source is.
        pub context_path: String,
        /// Values that are secret.
        pub secret_values: SecretMap,
        /// Values that are secret, never stored.
        pub secret_values_wo: SecretMap,
        /// Changes when the write-only values do.
        pub secret_values_wo_version: i64,
        /// The task file within the source.
        pub task_file_path: String,
        /// The values file within the source.
        pub value_file_path: String,
        /// Values.
        pub values: Map,
    }
}

model! {
    /// A task file within the task.
    pub struct EncodedStep {
        /// Token for the context.
        pub context_access_token: Secret,
        /// Token for the context, never stored.
        pub context_access_token_wo: Secret,
        /// Changes when the write-only token does.
        pub context_access_token_wo_version: i64,
        /// Where the source is.
        pub context_path: String,
        /// Values that are secret.
        pub secret_values: SecretMap,
        /// Values that are secret, never stored.
        pub secret_values_wo: SecretMap,
        /// Changes when the write-only values do.
        pub secret_values_wo_version: i64,
        /// The task file, as text or in base64.
        pub task_content: String,
        /// The values file, as text or in base64.
        pub value_content: String,
        /// Values.
        pub values: Map,
    }
}

model! {
    /// Runs when a base image changes.
    pub struct BaseImageTrigger {
        /// Whether it starts runs.
        pub enabled: bool,
        /// Its name.
        pub name: String,
        /// `All` or `Runtime`.
        pub kind as "type": String,
        /// Whom to tell.
        pub update_trigger_endpoint: Secret,
        /// Whom to tell, never stored.
        pub update_trigger_endpoint_wo: Secret,
        /// Changes when the write-only endpoint does.
        pub update_trigger_endpoint_wo_version: i64,
        /// `Default` or `Token`.
        pub update_trigger_payload_type: String,
    }
}

model! {
    /// Runs when source changes.
    pub struct SourceTrigger {
        /// How Azure registers its webhook.
        pub authentication: Vec<Authentication>,
        /// The branch.
        pub branch: String,
        /// Whether it starts runs.
        pub enabled: bool,
        /// `commit`, `pullrequest`.
        pub events: Texts,
        /// Its name.
        pub name: String,
        /// The repository.
        pub repository_url: String,
        /// `Github` or `VisualStudioTeamService`.
        pub source_type: String,
    }
}

model! {
    /// A token for a source control service.
    pub struct Authentication {
        /// How long the token is valid.
        pub expire_in_seconds: i64,
        /// The token that renews it.
        pub refresh_token: Secret,
        /// The token that renews it, never stored.
        pub refresh_token_wo: Secret,
        /// Changes when the write-only renewing token does.
        pub refresh_token_wo_version: i64,
        /// What the token is good for.
        pub scope: String,
        /// The token.
        pub token: Secret,
        /// `PAT` or `OAuth`.
        pub token_type: String,
        /// The token, never stored.
        pub token_wo: Secret,
        /// Changes when the write-only token does.
        pub token_wo_version: i64,
    }
}

model! {
    /// Runs by schedule.
    pub struct TimerTrigger {
        /// Whether it starts runs.
        pub enabled: bool,
        /// Its name.
        pub name: String,
        /// When it fires.
        pub schedule: String,
    }
}

model! {
    /// Managed identities.
    pub struct Identity {
        /// ARM ids of user-assigned identities.
        pub identity_ids: Set<Field<String>>,
        /// Principal of the system-assigned identity.
        pub principal_id: String,
        /// Its tenant.
        pub tenant_id: String,
        /// Which kinds.
        pub kind as "type": String,
    }
}

impl TaskModel {
    /// A task of which nothing is known, without any block.
    #[must_use]
    pub fn bare() -> Self {
        Self {
            agent_setting: blocks::of([]),
            base_image_trigger: blocks::of([]),
            docker_step: blocks::of([]),
            encoded_step: blocks::of([]),
            file_step: blocks::of([]),
            identity: blocks::of([]),
            platform: blocks::of([]),
            registry_credential: blocks::of([]),
            source_trigger: blocks::of([]),
            timer_trigger: blocks::of([]),
            ..Self::default()
        }
    }

    /// The task's id, from registry and name as configured; `None` while one of them is unknown.
    #[must_use]
    pub fn task_id(&self) -> Option<TaskId> {
        TaskId::new(self.registry()?, self.name.text()?).ok()
    }

    /// The registry's id; `None` while it is unknown.
    #[must_use]
    pub fn registry(&self) -> Option<RegistryId> {
        self.registry_id.text()?.parse().ok()
    }

    /// Whether a write of either sends Azure the same task: timeouts are the provider's own, and of a map or list it makes no
    /// difference whether nothing is in it or there is none.
    #[must_use]
    pub fn is_sent_as(&self, other: &Self) -> bool {
        self.as_sent() == other.as_sent()
    }

    fn as_sent(&self) -> Self {
        Self {
            tags: blocks::unless_empty(&self.tags, Map::is_empty),
            timeouts: Field::Null,
            ..self.steps_as_sent()
        }
    }

    /// The task with its steps as they are sent: what is empty there is not there.
    #[must_use]
    pub fn steps_as_sent(&self) -> Self {
        Self {
            docker_step: blocks::each(&self.docker_step, |it| DockerStep {
                arguments: blocks::unless_empty(&it.arguments, Map::is_empty),
                image_names: blocks::unless_empty(&it.image_names, Texts::is_empty),
                secret_arguments: blocks::unless_empty(&it.secret_arguments, SecretMap::is_empty),
                ..it.clone()
            }),
            encoded_step: blocks::each(&self.encoded_step, |it| EncodedStep {
                secret_values: blocks::unless_empty(&it.secret_values, SecretMap::is_empty),
                values: blocks::unless_empty(&it.values, Map::is_empty),
                ..it.clone()
            }),
            file_step: blocks::each(&self.file_step, |it| FileStep {
                secret_values: blocks::unless_empty(&it.secret_values, SecretMap::is_empty),
                values: blocks::unless_empty(&it.values, Map::is_empty),
                ..it.clone()
            }),
            ..self.clone()
        }
    }

    /// The plan with the write-only values of the configuration, as it is sent.
    #[must_use]
    pub fn with_write_only(&self, config: &Self) -> Self {
        Self {
            base_image_trigger: blocks::completed(
                &self.base_image_trigger,
                &config.base_image_trigger,
                |it, config| BaseImageTrigger {
                    update_trigger_endpoint_wo: config.update_trigger_endpoint_wo.clone(),
                    ..it.clone()
                },
            ),
            docker_step: blocks::completed(&self.docker_step, &config.docker_step, |it, config| DockerStep {
                context_access_token_wo: config.context_access_token_wo.clone(),
                secret_arguments_wo: config.secret_arguments_wo.clone(),
                ..it.clone()
            }),
            file_step: blocks::completed(&self.file_step, &config.file_step, |it, config| FileStep {
                context_access_token_wo: config.context_access_token_wo.clone(),
                secret_values_wo: config.secret_values_wo.clone(),
                ..it.clone()
            }),
            encoded_step: blocks::completed(&self.encoded_step, &config.encoded_step, |it, config| EncodedStep {
                context_access_token_wo: config.context_access_token_wo.clone(),
                secret_values_wo: config.secret_values_wo.clone(),
                ..it.clone()
            }),
            source_trigger: blocks::completed(&self.source_trigger, &config.source_trigger, |it, config| {
                SourceTrigger {
                    authentication: blocks::completed(&it.authentication, &config.authentication, |it, config| {
                        Authentication {
                            refresh_token_wo: config.refresh_token_wo.clone(),
                            token_wo: config.token_wo.clone(),
                            ..it.clone()
                        }
                    }),
                    ..it.clone()
                }
            }),
            registry_credential: blocks::completed(
                &self.registry_credential,
                &config.registry_credential,
                RegistryCredential::with_write_only,
            ),
            ..self.clone()
        }
    }
}
