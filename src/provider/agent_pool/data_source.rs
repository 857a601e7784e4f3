//! `data.acr_agent_pool`: the pool's status. Never fails because a pool is unhealthy; that is its answer.

use std::sync::Arc;

use crate::{
    acr::agent_pool::{self, AgentPool, AgentPoolId},
    azure::Call,
    framework::{
        Diagnostic, Diagnostics, Field, Type,
        data_source::DataSource,
        resource::{Operation, Outcome},
        schema::{Attribute, Block, Schema},
    },
    model,
    provider::{Connection, connection::SIDE_READ_TIMEOUT, diagnose},
};

use super::{
    AgentPoolModel, Condition, check_answer,
    schema::{TIMEOUTS, id_check, name_check, registry_id_check},
    warnings::Load,
};

model! {
    /// A pool's configuration and status.
    pub struct AgentPoolStatus {
        /// Whether a run queued now would find a machine sooner or later.
        pub accepting_runs: bool,
        /// The status in one word.
        pub health: String,
        /// Why the status is not `ready`, a sentence each.
        pub health_reasons: Vec<String>,
        /// ARM id of the pool.
        pub id: String,
        /// Machines.
        pub instance_count: i64,
        /// Azure region.
        pub location: String,
        /// Memory of one machine, GB.
        pub memory_gb_per_instance: i64,
        /// Name within the registry.
        pub name: String,
        /// Operating system.
        pub os: String,
        /// ARM's provisioning state.
        pub provisioning_state: String,
        /// Runs that wait for a machine.
        pub queued_runs: i64,
        /// ARM id of the registry.
        pub registry_id: String,
        /// Name of the registry.
        pub registry_name: String,
        /// Resource group of the registry.
        pub resource_group_name: String,
        /// Runs that have a machine.
        pub running_runs: i64,
        /// ARM id of the subnet.
        pub subnet_id: String,
        /// Size of one machine.
        pub tier: String,
        /// Memory of all machines, GB.
        pub total_memory_gb: i64,
        /// Processors of all machines.
        pub total_vcpu: i64,
        /// Processors of one machine.
        pub vcpu_per_instance: i64,
    }
}

/// The data source type.
pub struct AgentPoolDataSource {
    connection: Arc<Connection>,
}

impl AgentPoolDataSource {
    /// The data source type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

impl DataSource for AgentPoolDataSource {
    type Model = AgentPoolStatus;

    fn type_name(&self) -> &'static str {
        "acr_agent_pool"
    }

    fn schema(&self) -> Schema {
        schema()
    }

    fn validate(&self, config: &AgentPoolStatus) -> Diagnostics {
        let error = |summary: &str, detail: &str, attribute: &str| {
            Diagnostics::from(Diagnostic::error(summary, detail).at_attribute(attribute))
        };
        match (&config.id, &config.registry_id, &config.name) {
            // What is unknown may turn out null: nothing can be said yet.
            (Field::Unknown, ..) | (_, Field::Unknown, _) | (_, _, Field::Unknown) => Diagnostics::new(),
            (Field::Known(_), Field::Null, Field::Null) | (Field::Null, Field::Known(_), Field::Known(_)) => {
                Diagnostics::new()
            }
            (Field::Known(_), ..) => error("Pool named twice", "Give either id, or registry_id and name.", "id"),
            (Field::Null, Field::Known(_), Field::Null) => {
                error("Pool not named", "registry_id needs name beside it.", "registry_id")
            }
            (Field::Null, Field::Null, Field::Known(_)) => {
                error("Pool not named", "name needs registry_id beside it.", "name")
            }
            (Field::Null, Field::Null, Field::Null) => {
                Diagnostic::error("Pool not named", "Give either id, or registry_id and name.").into()
            }
        }
    }

    async fn read(&self, operation: &Operation, config: AgentPoolStatus) -> Outcome<AgentPoolStatus> {
        let id = match pool_id(&config) {
            Ok(id) => id,
            Err(error) => return Outcome::failed(None, error),
        };
        let client = match self.connection.client() {
            Ok(client) => client,
            Err(error) => return Outcome::failed(None, error),
        };
        let call = Call::new(operation.cancel.clone(), TIMEOUTS.read);
        // The queue is worth a minute, not five: without it there is still an answer.
        let side = Call::new(operation.cancel.clone(), SIDE_READ_TIMEOUT);
        let (pool, load) = tokio::join!(agent_pool::get(&client, &call, &id), Load::look(&client, &side, &id));
        match pool {
            Ok(pool) => match check_answer(&id, &pool) {
                Ok(()) => Outcome::of(status(&config, &pool, load)),
                Err(error) => Outcome::failed(None, error),
            },
            Err(error) => Outcome::failed(None, diagnose::azure(&format!("reading {}", id.human()), &error)),
        }
    }
}

fn pool_id(config: &AgentPoolStatus) -> Result<AgentPoolId, Diagnostic> {
    let invalid = |error: crate::azure::InvalidId, attribute: &str| {
        Diagnostic::error("Invalid id", error.to_string()).at_attribute(attribute)
    };
    match (&config.id, &config.registry_id, &config.name) {
        (Field::Known(id), ..) => id.parse().map_err(|error| invalid(error, "id")),
        (_, Field::Known(registry), Field::Known(name)) => {
            let registry = registry.parse().map_err(|error| invalid(error, "registry_id"))?;
            AgentPoolId::new(registry, name).map_err(|error| invalid(error, "name"))
        }
        _ => Err(Diagnostic::error(
            "Pool not named",
            "Give either id, or registry_id and name.",
        )),
    }
}

/// Pool and load as one answer. What the user wrote comes back as written.
fn status(config: &AgentPoolStatus, pool: &AgentPool, load: Load) -> AgentPoolStatus {
    let named = AgentPoolModel {
        id: config.id.clone(),
        name: config.name.clone(),
        registry_id: config.registry_id.clone(),
        ..AgentPoolModel::default()
    };
    let pool = named.refreshed(pool);
    let (health, reasons) = health(pool.provisioning_state.text(), pool.instance_count.known().copied());
    AgentPoolStatus {
        accepting_runs: Field::Known(health != Health::Failed && pool.condition() != Condition::Deleting),
        health: Field::Known(health.word().to_owned()),
        health_reasons: Field::Known(reasons),
        queued_runs: load.queued.into(),
        running_runs: load.running.into(),
        id: pool.id,
        instance_count: pool.instance_count,
        location: pool.location,
        memory_gb_per_instance: pool.memory_gb_per_instance,
        name: pool.name,
        os: pool.os,
        provisioning_state: pool.provisioning_state,
        registry_id: pool.registry_id,
        registry_name: pool.registry_name,
        resource_group_name: pool.resource_group_name,
        subnet_id: pool.subnet_id,
        tier: pool.tier,
        total_memory_gb: pool.total_memory_gb,
        total_vcpu: pool.total_vcpu,
        vcpu_per_instance: pool.vcpu_per_instance,
    }
}

/// A pool's status in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Ready,
    ScaledToZero,
    Provisioning,
    Failed,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::ScaledToZero => "scaled_to_zero",
            Self::Provisioning => "provisioning",
            Self::Failed => "failed",
        }
    }
}

/// What Azure's state and the count come to, and why.
fn health(state: Option<&str>, count: Option<i64>) -> (Health, Vec<String>) {
    let told = state.unwrap_or("no state");
    match (Condition::of(state), count) {
        (Condition::Failed, _) => (
            Health::Failed,
            vec![format!(
                "Azure reports the pool as {told} and gives no reason; it must be replaced."
            )],
        ),
        (Condition::Canceled, _) => (
            Health::Failed,
            vec![format!(
                "Azure reports the last operation as {told}; whether the pool can be used is not known."
            )],
        ),
        (Condition::Settled, Some(0)) => (
            Health::ScaledToZero,
            vec!["The pool has no machine: runs stay queued until instance_count is raised.".into()],
        ),
        (Condition::Settled, _) => (Health::Ready, Vec::new()),
        (Condition::Busy | Condition::Deleting, _) => (
            Health::Provisioning,
            vec![format!("Azure is changing the pool ({told}).")],
        ),
    }
}

fn schema() -> Schema {
    let text = |name, description| Attribute::computed(name, Type::String, description);
    let number = |name, description| Attribute::computed(name, Type::Number, description);
    let named = |name, description| Attribute::optional_computed(name, Type::String, description);
    Schema::new(Block {
        attributes: vec![
            named(
                "id",
                "The ARM id of the pool, in any casing. Either this, or `registry_id` and `name`.",
            )
            .check(id_check::<AgentPoolId>(
                "the ARM id of an agent pool",
                "Invalid agent pool id",
            )),
            named("name", "The pool's name within its registry; with `registry_id`.").check(name_check()),
            named("registry_id", "The ARM id of the registry; with `name`.").check(registry_id_check()),
            Attribute::computed(
                "accepting_runs",
                Type::Bool,
                "Whether runs may be queued on the pool: it has not failed and is not being deleted.",
            ),
            text(
                "health",
                "The status in one word: `ready`, `scaled_to_zero`, `provisioning` or `failed`.",
            ),
            Attribute::computed(
                "health_reasons",
                Type::list(Type::String),
                "Why the status is not `ready`, a sentence each; empty when it is.",
            ),
            number("instance_count", "The number of machines."),
            text("location", "The Azure region."),
            number("memory_gb_per_instance", "The memory of one machine in GB."),
            text("os", "The operating system of the machines."),
            text("provisioning_state", "Azure's state of the pool."),
            number(
                "queued_runs",
                "How many runs wait for a machine; null when they cannot be read, usually because this principal may not ask.",
            ),
            text("registry_name", "The name of the registry."),
            text("resource_group_name", "The resource group of the registry."),
            number(
                "running_runs",
                "How many runs are running; null when they cannot be read, usually because this principal may not ask.",
            ),
            text("subnet_id", "The ARM id of the subnet; null for a pool without one."),
            text("tier", "The size of each machine."),
            number("total_memory_gb", "The memory of all machines in GB."),
            number("total_vcpu", "The processors of all machines."),
            number("vcpu_per_instance", "The processors of one machine."),
        ],
        blocks: Vec::new(),
        description: "The configuration and the present status of a task agent pool, with its queue.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_in_one_word() {
        for (state, count, word, reasons) in [
            (Some("Succeeded"), Some(2), "ready", 0),
            (Some("Succeeded"), Some(0), "scaled_to_zero", 1),
            (Some("Creating"), Some(2), "provisioning", 1),
            (Some("Updating"), Some(0), "provisioning", 1),
            (Some("Failed"), Some(2), "failed", 1),
            (None, None, "provisioning", 1),
        ] {
            let (health, found) = health(state, count);
            assert_eq!((health.word(), found.len()), (word, reasons), "{state:?} {count:?}");
        }
    }

    #[test]
    fn a_pool_is_named_in_exactly_one_way() {
        let source = AgentPoolDataSource::new(Arc::default());
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
            let config = AgentPoolStatus {
                id,
                registry_id,
                name,
                ..AgentPoolStatus::default()
            };
            assert_eq!(!source.validate(&config).has_errors(), ok, "{config:?}");
        }
    }
}
