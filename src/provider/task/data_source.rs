//! `data.acr_task`: all that ARM tells of a task, and when its timers fire next.
//!
//! Whatever depends on the clock is here and in a function, never in the resource: it would differ with every plan.

use std::{collections::BTreeMap, sync::Arc};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    acr::{
        TaskId,
        schedule::Schedule,
        task::{self, Step, Task, TimerTrigger},
        task_id,
    },
    azure::{Call, InvalidId},
    framework::{
        Diagnostic, Diagnostics, Field, Type, Value,
        data_source::DataSource,
        resource::{Operation, Outcome},
        schema::{Attribute, Block, Schema},
        validators::{Problem, Validator},
    },
    model,
    provider::{
        Connection,
        agent_pool::schema::{TIMEOUTS, id_check, registry_id_check},
        diagnose,
        tasks::shape::{self, Is, Shown},
    },
};

/// How many firings of each timer are told.
const RUNS_TOLD: usize = 3;

model! {
    /// A task's configuration, and when it fires.
    pub struct TaskStatus {
        /// The pool that runs go to.
        pub agent_pool_name: String,
        /// Processors of Azure's own machines.
        pub agent_setting: Shown,
        /// What the image is based on.
        pub base_image_dependencies: Shown,
        /// Runs when a base image changes.
        pub base_image_trigger: Shown,
        /// When it was created.
        pub creation_date: String,
        /// A step of this kind.
        pub docker_step: Shown,
        /// Whether anything triggers it.
        pub enabled: bool,
        /// A step of this kind.
        pub encoded_step: Shown,
        /// A step of this kind.
        pub file_step: Shown,
        /// ARM id of the task.
        pub id: String,
        /// Its managed identities.
        pub identity: Shown,
        /// Whether it is a system task.
        pub is_system_task: bool,
        /// Azure region.
        pub location: String,
        /// Where logs of runs are kept as artifacts.
        pub log_template: String,
        /// Name within the registry.
        pub name: String,
        /// The next firings by timer.
        pub next_runs: BTreeMap<String, Vec<String>>,
        /// Operating system and architecture.
        pub platform: Shown,
        /// ARM's provisioning state.
        pub provisioning_state: String,
        /// How runs log in to registries.
        pub registry_credential: Shown,
        /// ARM id of the registry.
        pub registry_id: String,
        /// Name of the registry.
        pub registry_name: String,
        /// Resource group of the registry.
        pub resource_group_name: String,
        /// Runs when source changes.
        pub source_trigger: Shown,
        /// Tags.
        pub tags: BTreeMap<String, String>,
        /// How long a run may take.
        pub timeout_in_seconds: i64,
        /// Runs by schedule.
        pub timer_trigger: Shown,
    }
}

/// The data source type.
pub struct TaskDataSource {
    connection: Arc<Connection>,
    now: fn() -> OffsetDateTime,
}

impl TaskDataSource {
    /// The data source type on a connection; `now` is the clock that firings are counted from.
    #[must_use]
    pub fn new(connection: Arc<Connection>, now: fn() -> OffsetDateTime) -> Self {
        Self { connection, now }
    }
}

impl DataSource for TaskDataSource {
    type Model = TaskStatus;

    fn type_name(&self) -> &'static str {
        "acr_task"
    }

    fn schema(&self) -> Schema {
        schema()
    }

    fn validate(&self, config: &TaskStatus) -> Diagnostics {
        let problem = match (&config.id, &config.registry_id, &config.name) {
            // What is unknown may turn out null: nothing can be said yet.
            (Field::Unknown, ..) | (_, Field::Unknown, _) | (_, _, Field::Unknown) => return Diagnostics::new(),
            (Field::Known(_), Field::Null, Field::Null) | (Field::Null, Field::Known(_), Field::Known(_)) => {
                return Diagnostics::new();
            }
            (Field::Known(_), ..) => "Task named twice",
            (Field::Null, ..) => "Task not named",
        };
        Diagnostic::error(problem, NAMED).into()
    }

    async fn read(&self, operation: &Operation, config: TaskStatus) -> Outcome<TaskStatus> {
        let id = match task_id(&config) {
            Ok(id) => id,
            Err(error) => return Outcome::failed(None, error),
        };
        let client = match self.connection.client() {
            Ok(client) => client,
            Err(error) => return Outcome::failed(None, error),
        };
        let call = Call::new(operation.cancel.clone(), TIMEOUTS.read);
        match task::get(&client, &call, &id).await {
            Ok(task) => Outcome::of(status(&config, &id, task, (self.now)())),
            Err(error) => Outcome::failed(None, diagnose::azure(&format!("reading {}", id.human()), &error)),
        }
    }
}

/// How a task is named.
const NAMED: &str = "Give either id, or registry_id and name.";

fn task_id(config: &TaskStatus) -> Result<TaskId, Diagnostic> {
    let invalid =
        |error: InvalidId, attribute: &str| Diagnostic::error("Invalid id", error.to_string()).at_attribute(attribute);
    match (&config.id, &config.registry_id, &config.name) {
        (Field::Known(id), ..) => id.parse().map_err(|error| invalid(error, "id")),
        (_, Field::Known(registry), Field::Known(name)) => {
            let registry = registry.parse().map_err(|error| invalid(error, "registry_id"))?;
            TaskId::new(registry, name).map_err(|error| invalid(error, "name"))
        }
        _ => Err(Diagnostic::error("Task not named", NAMED)),
    }
}

/// ARM's task as an answer. What the user wrote comes back as written.
fn status(config: &TaskStatus, id: &TaskId, task: Task, now: OffsetDateTime) -> TaskStatus {
    let next_runs = next_runs(&task, now);
    let properties = task.properties;
    let known = |text: &str| Field::Known(text.to_owned());
    let written = |field: &Field<String>, otherwise: String| field.text().map_or(Field::Known(otherwise), known);
    let trigger = properties.trigger.unwrap_or_default();
    let dependencies = properties.step.as_ref().and_then(Step::source);
    let dependencies = dependencies.and_then(|source| source.base_image_dependencies.clone());
    let (mut docker_step, mut file_step, mut encoded_step) = (Field::Null, Field::Null, Field::Null);
    match &properties.step {
        Some(Step::Docker(step)) => docker_step = Field::Known(Shown(shape::docker_step(step))),
        Some(Step::FileTask(step)) => file_step = Field::Known(Shown(shape::file_step(step))),
        Some(Step::EncodedTask(step)) => encoded_step = Field::Known(Shown(shape::encoded_step(step))),
        Some(Step::Unknown) | None => {}
    }
    TaskStatus {
        agent_pool_name: properties.agent_pool_name.into(),
        agent_setting: object(properties.agent_configuration.as_ref(), shape::agent_setting),
        base_image_dependencies: list(dependencies, shape::base_image_dependency),
        base_image_trigger: object(trigger.base_image_trigger.as_ref(), shape::base_image_trigger),
        creation_date: properties.creation_date.into(),
        docker_step,
        enabled: Field::Known(shape::is_enabled(properties.status.as_ref())),
        encoded_step,
        file_step,
        id: written(&config.id, task.id),
        identity: object(task.identity.as_ref(), shape::identity),
        is_system_task: Field::Known(properties.is_system_task == Some(true)),
        location: known(&task.location),
        log_template: properties.log_template.into(),
        name: written(&config.name, task.name),
        next_runs: Field::Known(next_runs),
        platform: object(properties.platform.as_ref(), shape::platform),
        provisioning_state: properties.provisioning_state.into(),
        registry_credential: object(properties.credentials.as_ref(), shape::registry_credential),
        registry_id: written(&config.registry_id, id.registry().to_string()),
        registry_name: known(id.registry().name()),
        resource_group_name: known(id.registry().resource_group()),
        source_trigger: list(trigger.source_triggers, shape::source_trigger),
        tags: Field::Known(task.tags.unwrap_or_default()),
        timeout_in_seconds: properties.timeout.into(),
        timer_trigger: list(trigger.timer_triggers, shape::timer_trigger),
    }
}

fn object<T>(found: Option<&T>, shown: impl Fn(&T) -> Value) -> Field<Shown> {
    found.map(|found| Shown(shown(found))).into()
}

fn list<T>(found: Option<Vec<T>>, shown: impl Fn(&T) -> Value) -> Field<Shown> {
    let shown = found.iter().flatten().map(shown).collect();
    Field::Known(Shown(Value::List(shown)))
}

/// The next firings by timer: none of a timer or a task that is switched off, or of a schedule that ACR would not take.
fn next_runs(task: &Task, now: OffsetDateTime) -> BTreeMap<String, Vec<String>> {
    let enabled = shape::is_enabled(task.properties.status.as_ref());
    let told = |timer: &TimerTrigger| {
        let runs = match Schedule::parse(&timer.schedule) {
            Ok(schedule) if enabled && shape::is_enabled(timer.status.as_ref()) => schedule.next_runs(now, RUNS_TOLD),
            Ok(_) => Vec::new(),
            Err(error) => {
                tracing::warn!(timer = timer.name, %error, "this schedule is none that ACR is known to take");
                Vec::new()
            }
        };
        let written = runs.iter().filter_map(|run| run.format(&Rfc3339).ok());
        (timer.name.clone(), written.collect())
    };
    let trigger = task.properties.trigger.as_ref();
    let timers = trigger.and_then(|trigger| trigger.timer_triggers.as_ref());
    timers.into_iter().flatten().map(told).collect()
}

fn name_check() -> Validator {
    Validator::text("5 to 50 letters, digits, hyphens and underscores", |text| {
        task_id::check_name(text).map_err(|error| Problem {
            summary: "Invalid task name".into(),
            detail: format!("Not a task's name: {error}."),
        })
    })
}

fn schema() -> Schema {
    let text = |name, description| Attribute::computed(name, Type::String, description);
    let named = |name, description| Attribute::optional_computed(name, Type::String, description);
    let object =
        |name, members: &[(&'static str, Is)], description| Attribute::computed(name, shape::ty(members), description);
    let list = |name, members: &[(&'static str, Is)], description| {
        Attribute::computed(name, Type::list(shape::ty(members)), description)
    };
    let firings = Type::map(Type::list(Type::String));
    Schema::new(Block {
        attributes: vec![
            named(
                "id",
                "The ARM id of the task, in any casing. Either this, or `registry_id` and `name`.",
            )
            .check(id_check::<TaskId>("the ARM id of a task", "Invalid task id")),
            named("name", "The task's name within its registry; with `registry_id`.").check(name_check()),
            named("registry_id", "The ARM id of the registry; with `name`.").check(registry_id_check()),
            text(
                "agent_pool_name",
                "The agent pool that runs go to; null for Azure's own machines.",
            ),
            object("agent_setting", &shape::AGENT_SETTING, "Azure's own machines: `cpu`."),
            list(
                "base_image_dependencies",
                &shape::BASE_IMAGE_DEPENDENCY,
                "What the image is based on, which Azure knows after the first run: `type`, `registry`, `repository`, `tag`, `digest`.",
            ),
            object(
                "base_image_trigger",
                &shape::BASE_IMAGE_TRIGGER,
                "The trigger by changed base images: `name`, `type`, `enabled`, `update_trigger_payload_type`. Its endpoint is a secret.",
            ),
            text("creation_date", "When the task was created."),
            object(
                "docker_step",
                &shape::DOCKER_STEP,
                "A step that builds an image: `dockerfile_path`, `context_path`, `image_names`, `push_enabled`, `cache_enabled`, `target`, `arguments` and, without their values, `secret_argument_names`. Null for other steps.",
            ),
            Attribute::computed("enabled", Type::Bool, "Whether triggers start runs of the task."),
            object(
                "encoded_step",
                &shape::ENCODED_STEP,
                "A step whose task file is in the task: `task_content` and `value_content` as text, `context_path`, `values` and, without their values, `secret_value_names`. Null for other steps.",
            ),
            object(
                "file_step",
                &shape::FILE_STEP,
                "A step whose task file is in the context: `task_file_path`, `value_file_path`, `context_path`, `values` and, without their values, `secret_value_names`. Null for other steps.",
            ),
            object(
                "identity",
                &shape::IDENTITY,
                "The managed identities: `type`, `identity_ids`, `principal_id`, `tenant_id`. Null without any.",
            ),
            Attribute::computed(
                "is_system_task",
                Type::Bool,
                "Whether it is the system task, which runs quick builds.",
            ),
            text("location", "The Azure region."),
            text(
                "log_template",
                "The repository and tag under which logs of runs are kept as artifacts.",
            ),
            Attribute::computed(
                "next_runs",
                firings,
                "The next three firings of each timer by its name, in UTC, as `2026-01-31T21:00:00Z`; none while the timer or the task is disabled. Counted from the moment of reading, so that they differ from plan to plan.",
            ),
            object(
                "platform",
                &shape::PLATFORM,
                "What runs need: `os`, `architecture`, `variant`.",
            ),
            text("provisioning_state", "Azure's state of the task."),
            object(
                "registry_credential",
                &shape::REGISTRY_CREDENTIAL,
                "How runs log in to registries: `source`, an object of `login_mode` and `identity`, and `custom_login_servers`, of which Azure tells nothing but their names.",
            ),
            text("registry_name", "The name of the registry."),
            text("resource_group_name", "The resource group of the registry."),
            list(
                "source_trigger",
                &shape::SOURCE_TRIGGER,
                "The triggers by changed source: `name`, `events`, `source_type`, `repository_url`, `branch`, `enabled`. Their tokens are secrets.",
            ),
            Attribute::computed("tags", Type::map(Type::String), "The tags."),
            Attribute::computed("timeout_in_seconds", Type::Number, "How long a run may take."),
            list(
                "timer_trigger",
                &shape::TIMER_TRIGGER,
                "The triggers by schedule: `name`, `schedule`, `enabled`.",
            ),
        ],
        blocks: Vec::new(),
        description: "A task of a container registry: all that Azure tells of it, and when its timers fire next.",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn firings_depend_on_what_is_switched_on() {
        let now = OffsetDateTime::parse("2026-01-01T21:00:00Z", &Rfc3339).unwrap();
        let nights = ["2026-01-02T21:00:00Z", "2026-01-03T21:00:00Z", "2026-01-04T21:00:00Z"];
        for (task, timer, schedule, expected) in [
            ("Enabled", "Enabled", "0 21 * * *", &nights[..]),
            ("Disabled", "Enabled", "0 21 * * *", &[]),
            ("Enabled", "Disabled", "0 21 * * *", &[]),
            ("Enabled", "Enabled", "0 0 31 2 *", &[]),
            ("Enabled", "Enabled", "whenever", &[]),
        ] {
            let body = json!({"id": "i", "name": "n", "properties": {"status": task,
                "trigger": {"timerTriggers": [{"name": "t", "schedule": schedule, "status": timer}]}}});
            let expected = expected.iter().map(|run| (*run).to_owned()).collect();
            let task = serde_json::from_value(body.clone()).unwrap();
            assert_eq!(next_runs(&task, now), [("t".to_owned(), expected)].into(), "{body}");
        }
        let bare = serde_json::from_value(json!({"id": "i", "name": "n"})).unwrap();
        assert!(next_runs(&bare, now).is_empty());
    }

    #[test]
    fn a_task_is_named_in_exactly_one_way() {
        let source = TaskDataSource::new(Arc::default(), OffsetDateTime::now_utc);
        let known = |text: &str| Field::Known(text.to_owned());
        for (id, registry_id, name, ok) in [
            (known("i"), Field::Null, Field::Null, true),
            (Field::Null, known("r"), known("n"), true),
            (Field::Unknown, known("r"), Field::Null, true),
            (Field::Null, Field::Null, Field::Null, false),
            (known("i"), known("r"), known("n"), false),
            (Field::Null, known("r"), Field::Null, false),
            (Field::Null, Field::Null, known("n"), false),
        ] {
            let config = TaskStatus {
                id,
                registry_id,
                name,
                ..TaskStatus::default()
            };
            assert_eq!(!source.validate(&config).has_errors(), ok, "{config:?}");
        }
    }
}
