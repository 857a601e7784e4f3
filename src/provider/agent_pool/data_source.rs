//! `data.acr_agent_pool`: the pool's status. Never fails because a pool is unhealthy; that is its answer.

use std::{sync::Arc, time::Duration};

use crate::{
    acr::{
        agent_pool::{AgentPool, AgentPoolId},
        diagnosis::{Health, Reason, instant},
        run::{self, Run},
    },
    azure::{Call, Client},
    framework::{
        Diagnostic, Diagnostics, Field, Type,
        data_source::DataSource,
        resource::{Operation, Outcome},
        schema::{Attribute, Block, Schema},
    },
    model,
    provider::{
        Connection,
        connection::SIDE_READ_TIMEOUT,
        diagnose,
        why_queued::{Explained, Observed},
    },
};

use super::{
    AgentPoolModel, READINESS_FAILED, READINESS_PASSED, READINESS_UNKNOWN, check_answer,
    schema::{TIMEOUTS, id_check, name_check, registry_id_check},
};

model! {
    /// A pool's configuration and status.
    pub struct AgentPoolStatus {
        /// Whether a run queued now would find a machine sooner or later.
        pub accepting_runs: bool,
        /// The status in one word.
        pub health: String,
        /// What keeps runs waiting, and what to do about it.
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
        /// How long the oldest queued run has waited, seconds.
        pub oldest_queued_seconds: i64,
        /// Operating system.
        pub os: String,
        /// ARM's provisioning state.
        pub provisioning_state: String,
        /// Runs that wait for a machine.
        pub queued_runs: i64,
        /// Whether a run has been seen to finish on the pool.
        pub readiness: String,
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
        // What is on the pool and around it is worth a minute, not five: without it there is still an answer.
        let side = Call::new(operation.cancel.clone(), SIDE_READ_TIMEOUT);
        let (observed, finished) = tokio::join!(
            Observed::look(&client, &call, &side, &id),
            last_success(&client, &side, &id),
        );
        let pool = match &observed.pool {
            Ok(pool) => match check_answer(&id, pool) {
                Ok(()) => pool.clone(),
                Err(error) => return Outcome::failed(None, error),
            },
            Err(error) => {
                return Outcome::failed(None, diagnose::azure(&format!("reading {}", id.human()), error));
            }
        };
        let preflight = self.connection.preflight();
        let explained = observed.explain(&client, &side, &preflight, &id, None).await;
        Outcome::of(status(&config, &pool, &explained, finished.as_ref()))
    }
}

/// The newest run that has succeeded on a pool of this name, if its runs can be listed.
async fn last_success(client: &Client, call: &Call, pool: &AgentPoolId) -> Option<Run> {
    let succeeded = run::Filter {
        agent_pool_name: Some(pool.name()),
        statuses: &run::ENDED[..1],
        ..run::Filter::default()
    };
    match run::list(client, call, pool.registry(), &succeeded, 1).await {
        Ok(runs) => runs.into_iter().next(),
        Err(error) => {
            tracing::debug!(%error, pool = %pool, "the runs that have succeeded on the pool cannot be listed");
            None
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

/// Everything as one answer. What the user wrote comes back as written.
fn status(
    config: &AgentPoolStatus,
    found: &AgentPool,
    explained: &Explained,
    finished: Option<&Run>,
) -> AgentPoolStatus {
    let named = AgentPoolModel {
        id: config.id.clone(),
        name: config.name.clone(),
        registry_id: config.registry_id.clone(),
        ..AgentPoolModel::default()
    };
    let pool = named.refreshed(found);
    let (observed, diagnosis) = (&explained.observed, &explained.diagnosis);
    let seconds = |waited: Duration| i64::try_from(waited.as_secs()).unwrap_or(i64::MAX);
    AgentPoolStatus {
        accepting_runs: Field::Known(diagnosis.accepting_runs),
        health: Field::Known(diagnosis.health.as_str().to_owned()),
        health_reasons: Field::Known(diagnosis.reasons.iter().map(Reason::text).collect()),
        oldest_queued_seconds: diagnosis.oldest_queued.map(seconds).into(),
        queued_runs: observed.queued.as_ref().ok().copied().into(),
        readiness: Field::Known(readiness(diagnosis.health, found, finished).to_owned()),
        running_runs: observed.running().into(),
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

/// What the pool's own history says. Runs keep the name of their pool: those of a former pool of the same name prove
/// nothing about this one.
fn readiness(health: Health, pool: &AgentPool, finished: Option<&Run>) -> &'static str {
    let created = pool.system_data.created_at.as_deref().and_then(instant);
    let run = finished.and_then(|run| run.create_time.as_deref()).and_then(instant);
    match (health, created, run) {
        (Health::Failed | Health::Stalled, ..) => READINESS_FAILED,
        (_, Some(created), Some(run)) if run >= created => READINESS_PASSED,
        _ => READINESS_UNKNOWN,
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
                "Whether a run that is queued now would be taken up, at once or when the pool has a machine: the pool has not failed, is not stalled and is not being deleted.",
            ),
            text(
                "health",
                "The status in one word: `ready`, `scaled_to_zero`, `provisioning`, `failed` or `stalled`.",
            ),
            Attribute::computed(
                "health_reasons",
                Type::list(Type::String),
                "What keeps runs waiting and what to do about it, the most certain first; empty when nothing does. A pool that is `ready` has a reason when its machines are busy and runs wait.",
            ),
            number("instance_count", "The number of machines."),
            text("location", "The Azure region."),
            number("memory_gb_per_instance", "The memory of one machine in GB."),
            text("os", "The operating system of the machines."),
            number(
                "oldest_queued_seconds",
                "How many seconds the run has waited that was queued first; null when none waits or the runs cannot be read.",
            ),
            text("provisioning_state", "Azure's state of the pool."),
            number(
                "queued_runs",
                "How many runs wait for a machine; null when they cannot be read, usually because this principal may not ask.",
            ),
            text(
                "readiness",
                "What the pool's own runs show: `passed` when one has succeeded on it since it was created, `failed` when it has failed or is stalled, else `unknown`.",
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
    use serde_json::json;

    use super::*;

    #[test]
    fn readiness_is_what_this_pools_own_runs_show() {
        let pool = |created: Option<&str>| -> AgentPool {
            let body = json!({"id": "p", "name": "p", "systemData": {"createdAt": created}});
            serde_json::from_value(body).unwrap()
        };
        let run = |created: &str| Run {
            create_time: Some(created.into()),
            ..Run::default()
        };
        let (before, after) = ("2026-11-02T08:00:00.1234567+00:00", "2026-11-02T08:05:00Z");
        for (health, created, finished, expected) in [
            (Health::Ready, Some(before), Some(after), "passed"),
            (Health::ScaledToZero, Some(before), Some(after), "passed"),
            (Health::Ready, Some(after), Some(before), "unknown"),
            (Health::Ready, None, Some(after), "unknown"),
            (Health::Ready, Some(before), None, "unknown"),
            (Health::Stalled, Some(before), Some(after), "failed"),
            (Health::Failed, Some(before), None, "failed"),
        ] {
            let run = finished.map(run);
            assert_eq!(
                readiness(health, &pool(created), run.as_ref()),
                expected,
                "{health:?} {created:?} {finished:?}"
            );
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
