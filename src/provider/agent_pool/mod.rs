//! Task agent pools: `Microsoft.ContainerRegistry/registries/agentPools`.
//!
//! What surprises in this API: PATCH changes nothing but the count; tags are dropped without a word; a pool that has
//! failed says not why; and a pool that Azure calls `Succeeded` may still be unable to run anything.

mod creating;
pub mod data_source;
mod deleting;
mod draining;
pub mod notes;
mod planning;
mod probing;
mod readiness;
pub mod resource;
mod scaling;
pub mod schema;
pub mod waiting;
mod warnings;

use crate::{
    acr::{
        agent_pool::{AgentPool, AgentPoolId},
        condition::Condition,
        registry::RegistryId,
        tier::{self, Tier},
    },
    framework::{Diagnostic, Field, timeouts::Timeouts},
    model,
    provider::preflight::facts::{Change, Subject},
};

use readiness::ReadinessProbe;

/// The operating system of every pool: the service offers no other.
const OS: &str = "Linux";

/// The state of a pool whose last operation went well.
const SUCCEEDED: &str = "Succeeded";

/// What is known of a pool's ability to run builds when nothing has tried.
const READINESS_UNKNOWN: &str = "unknown";

/// A run has finished on the pool.
const READINESS_PASSED: &str = "passed";

/// A run that should have finished on the pool has not.
const READINESS_FAILED: &str = "failed";

model! {
    /// A pool as configured, planned and stored.
    pub struct AgentPoolModel {
        /// How long runs are waited for before the pool is taken away from them.
        pub drain_timeout: String,
        /// ARM id.
        pub id: String,
        /// Machines.
        pub instance_count: i64,
        /// Azure region, in the service's spelling.
        pub location: String,
        /// Memory of one machine, GB.
        pub memory_gb_per_instance: i64,
        /// Name within the registry.
        pub name: String,
        /// Operating system.
        pub os: String,
        /// ARM's provisioning state.
        pub provisioning_state: String,
        /// Whether a run has been seen to finish on the pool.
        pub readiness: String,
        /// Whether and how the pool is probed.
        pub readiness_probe: ReadinessProbe,
        /// ARM id of the registry.
        pub registry_id: String,
        /// Name of the registry.
        pub registry_name: String,
        /// Whether a failed pool is planned to be replaced.
        pub replace_when_failed: bool,
        /// Resource group of the registry.
        pub resource_group_name: String,
        /// ARM id of the subnet; null for a pool without one.
        pub subnet_id: String,
        /// Size of one machine.
        pub tier: String,
        /// How long to wait.
        pub timeouts: Timeouts,
        /// Memory of all machines, GB.
        pub total_memory_gb: i64,
        /// Processors of all machines.
        pub total_vcpu: i64,
        /// Processors of one machine.
        pub vcpu_per_instance: i64,
    }
}

/// Whether two ARM ids or names differ in nothing but casing, which ARM ignores.
fn same_id(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The prior spelling where it means the same as the service's, else the service's: casing is no drift.
fn keep_spelling(prior: &Field<String>, current: String) -> Field<String> {
    match prior.text() {
        Some(old) if same_id(old, &current) => Field::Known(old.to_owned()),
        _ => Field::Known(current),
    }
}

impl AgentPoolModel {
    /// What the stored provisioning state means. A pool whose state is not known counts as settled: nothing is to be said.
    fn condition(&self) -> Condition {
        self.provisioning_state
            .text()
            .map_or(Condition::Settled, |state| Condition::of(Some(state)))
    }

    /// The pool's id, from registry and name as configured; `None` while one of them is unknown.
    fn pool_id(&self) -> Option<AgentPoolId> {
        let registry = self.registry()?;
        AgentPoolId::new(registry, self.name.text()?).ok()
    }

    /// What preflight has to know of the pool; `None` while something of it is unknown.
    fn subject(&self, change: Change) -> Option<Subject> {
        let subnet = match &self.subnet_id {
            Field::Known(id) => Some(id.parse().ok()?),
            Field::Null | Field::Unknown => None,
        };
        Some(Subject {
            pool: self.pool_id()?,
            tier: self.tier.text()?.to_owned(),
            count: *self.instance_count.known()?,
            subnet,
            change,
        })
    }

    /// The registry's id; `None` while it is unknown.
    fn registry(&self) -> Option<RegistryId> {
        self.registry_id.text()?.parse().ok()
    }

    /// Sets what follows from tier and instance count: null for a tier that this version does not know, unknown while
    /// tier or count are.
    fn derive_capacity(&mut self) {
        let tier: Field<&Tier> = match &self.tier {
            Field::Known(name) => tier::tier(name).into(),
            Field::Null => Field::Null,
            Field::Unknown => Field::Unknown,
        };
        self.vcpu_per_instance = tier.map(|tier| tier.vcpu);
        self.memory_gb_per_instance = tier.map(|tier| tier.memory_gb);
        self.total_vcpu = product(&self.vcpu_per_instance, &self.instance_count);
        self.total_memory_gb = product(&self.memory_gb_per_instance, &self.instance_count);
    }

    /// Sets what follows from the registry's id.
    fn derive_parent(&mut self) {
        let registry = match &self.registry_id {
            Field::Known(id) => id.parse::<RegistryId>().ok().into(),
            Field::Null => Field::Null,
            Field::Unknown => Field::Unknown,
        };
        self.registry_name = registry.map(|id| id.name().to_owned());
        self.resource_group_name = registry.map(|id| id.resource_group().to_owned());
    }

    /// The pool as the service returns it. What the service cannot know comes from `self`, and so does the spelling of ids,
    /// except after an import, whose id may have been typed in any casing.
    fn refreshed(&self, pool: &AgentPool) -> Self {
        let imported = self.location.is_null() && self.tier.is_null();
        let keep_spelling = |prior: &Field<String>, current: String| {
            if imported {
                Field::Known(current)
            } else {
                keep_spelling(prior, current)
            }
        };
        let id = pool.id.parse::<AgentPoolId>().ok();
        let mut fresh = Self {
            id: keep_spelling(
                &self.id,
                id.as_ref().map_or_else(|| pool.id.clone(), ToString::to_string),
            ),
            name: keep_spelling(&self.name, pool.name.clone()),
            registry_id: match &id {
                Some(id) => keep_spelling(&self.registry_id, id.registry().to_string()),
                None => self.registry_id.clone(),
            },
            tier: pool.properties.tier.clone().into(),
            instance_count: pool.properties.count.into(),
            subnet_id: match &pool.properties.virtual_network_subnet_resource_id {
                Some(subnet) => keep_spelling(&self.subnet_id, subnet.clone()),
                None => Field::Null,
            },
            location: keep_spelling(&self.location, pool.location.clone()),
            os: pool.properties.os.clone().into(),
            provisioning_state: pool.properties.provisioning_state.clone().into(),
            readiness: match &self.readiness {
                Field::Known(known) => Field::Known(known.clone()),
                Field::Null | Field::Unknown => Field::Known(READINESS_UNKNOWN.to_owned()),
            },
            drain_timeout: self.drain_timeout.clone(),
            readiness_probe: self.readiness_probe.clone(),
            replace_when_failed: self.replace_when_failed.clone(),
            timeouts: self.timeouts.clone(),
            ..Self::default()
        };
        fresh.derive_parent();
        fresh.derive_capacity();
        fresh
    }
}

/// An answer that is a pool, the one asked for, and whole. Half an answer must not be taken for drift: a pool without a
/// tier would be planned to be replaced.
fn check_answer(id: &AgentPoolId, pool: &AgentPool) -> Result<(), Diagnostic> {
    let problem = if pool.id.parse::<AgentPoolId>().ok().as_ref() != Some(id) {
        format!("it is about \"{}\"", pool.id)
    } else if pool.properties.tier.is_none() {
        "it has no tier".into()
    } else if pool.properties.count.is_none() {
        "it has no count".into()
    } else {
        return Ok(());
    };
    Err(Diagnostic::error(
        format!("Unusable answer about {}", id.human()),
        format!(
            "Azure answered, but {problem}. Nothing is concluded from that and the state is left as it is. Try again; a proxy in between may also be the cause."
        ),
    ))
}

fn product(a: &Field<i64>, b: &Field<i64>) -> Field<i64> {
    match (a, b) {
        (Field::Known(a), Field::Known(b)) => Field::Known(a.saturating_mul(*b)),
        (Field::Null, _) | (_, Field::Null) => Field::Null,
        (Field::Unknown, _) | (_, Field::Unknown) => Field::Unknown,
    }
}
