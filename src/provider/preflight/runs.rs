//! Will runs of this task or build find a machine, and does the registry let them in?
//!
//! The checks `pool` and, of `private_registry`, the trap of the network bypass: since 2025-06-01 a registry that is closed to
//! the public refuses tasks that sign in with their system-assigned identity unless it says otherwise, and only the log of a
//! run tells.

mod identity;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::{
    acr::{
        PROVIDER,
        agent_pool::{AgentPool, AgentPoolId},
        registry::{self, RegistryId},
    },
    azure::{Call, Client, Family},
};

use super::{
    checks::{about_registry, unreadable},
    facts::{self, text},
    finding::{Finding, Level},
    quota::{PlannedPools, Plans},
    reads::{Read, Reads},
    settings::Check,
};

/// Registries, for the members that came late: without the newer versions nothing is known of them. The mode of role
/// assignments has been seen in the preview version only.
const FAMILY: Family = Family {
    namespace: PROVIDER,
    resource_type: "registries",
    versions: &["2026-01-01-preview", "2025-11-01", registry::API_VERSION],
};

/// The summary of the finding that a pool is at zero: of no interest to a run that scales it.
pub const NO_MACHINE: &str = "The agent pool has no machine";

/// What a task or a build asks of its registry.
#[derive(Clone, Debug)]
pub struct RunSubject {
    /// The registry.
    pub registry: RegistryId,
    /// The pool that runs go to; `None` for Azure's own machines, or while the name is unknown.
    pub pool: Option<AgentPoolId>,
    /// Whether runs sign in to the registry with a system-assigned identity.
    pub system_identity: bool,
    /// Whether they do with a user-assigned one.
    pub user_identity: bool,
    /// The argument or block that findings about identities point at.
    pub identity_attribute: &'static str,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// The registry.
    pub registry: Read,
    /// Its pools.
    pub pools: Result<Vec<AgentPool>, String>,
    /// Whether tasks may bypass the registry's network rules; `None` while it does not matter or nobody knows.
    pub bypass_allowed: Option<bool>,
}

impl RunFacts {
    /// Reads the registry, its pools where one is named, and the bypass where it matters.
    pub async fn gather(client: &Client, call: &Call, reads: &Reads, subject: &RunSubject) -> Self {
        let path = subject.registry.to_string();
        let pools = async {
            match &subject.pool {
                Some(_) => facts::pools(client, call, reads, &subject.registry).await,
                None => Ok(Vec::new()),
            }
        };
        let (registry, pools) = tokio::join!(reads.get(client, call, &path, registry::API_VERSION), pools);
        let matters = subject.system_identity && registry.body().is_some_and(is_restricted);
        let bypass_allowed = match matters {
            true => bypass_allowed(client, call, reads, &subject.registry).await,
            false => None,
        };
        Self {
            registry,
            pools,
            bypass_allowed,
        }
    }
}

async fn bypass_allowed(client: &Client, call: &Call, reads: &Reads, id: &RegistryId) -> Option<bool> {
    let read = newest(client, call, reads, id).await;
    read.body()?
        .pointer("/properties/networkRuleBypassAllowedForTasks")?
        .as_bool()
}

/// The registry in the newest version that the cloud serves.
async fn newest(client: &Client, call: &Call, reads: &Reads, id: &RegistryId) -> Read {
    let path = id.to_string();
    let request = |version| client.get(call, &path, version);
    // Another version than other readers ask for, hence another key.
    let key = format!("{path}?newest").to_ascii_lowercase();
    let read = reads.once(&key, async {
        let answer = client.versioned(call, id.subscription_id(), &FAMILY, request).await?;
        Ok(answer.value())
    });
    read.await
}

/// Everything that is found. Pure.
#[must_use]
pub fn run(subject: &RunSubject, facts: &RunFacts, planned: &PlannedPools) -> Vec<Finding> {
    // No registry, no pools: what Azure says to the write is enough.
    if facts.registry == Read::Missing && subject.pool.as_ref().is_none_or(|pool| planned.of(pool) == Plans::None) {
        return Vec::new();
    }
    let pool = subject
        .pool
        .as_ref()
        .and_then(|pool| pool_finding(pool, facts, planned));
    pool.into_iter()
        .chain(identity_finding(subject, facts, planned))
        .collect()
}

fn about_pool(level: Level, summary: &str, detail: String) -> Finding {
    Finding {
        check: Check::Pool,
        level,
        mendable: true,
        summary: summary.to_owned(),
        detail,
        attribute: "agent_pool_name",
    }
}

fn existing<'a>(facts: &'a RunFacts, id: &AgentPoolId) -> Option<&'a AgentPool> {
    let pools = facts.pools.as_ref().ok()?;
    pools.iter().find(|pool| pool.name.eq_ignore_ascii_case(id.name()))
}

fn pool_finding(id: &AgentPoolId, facts: &RunFacts, planned: &PlannedPools) -> Option<Finding> {
    let human = id.human();
    let found = existing(facts, id);
    let is = |state: &str| {
        let reported = found.and_then(|pool| pool.properties.provisioning_state.as_deref());
        reported.is_some_and(|reported| reported.eq_ignore_ascii_case(state))
    };
    let count = match (planned.of(id), found) {
        (Plans::Removed, _) => {
            let detail =
                format!("This plan removes the {human}, and runs would go to it. Name another pool, or keep this one.");
            return Some(about_pool(Level::Error, "The agent pool is removed", detail));
        }
        (Plans::Made(count), _) => Some(count),
        // A change in place does not mend it.
        (_, Some(_)) if is("Failed") => {
            let detail = format!(
                "Azure reports the {human} as Failed, and a failed pool starts no runs. Replace it: terraform apply -replace=ADDRESS, or replace_when_failed = true on the pool."
            );
            return Some(about_pool(Level::Error, "The agent pool has failed", detail));
        }
        (_, Some(_)) if is("Deleting") => {
            let detail = format!(
                "Azure is deleting the {human}, and runs would go to it. Name another pool, or create this one anew."
            );
            return Some(about_pool(Level::Error, "The agent pool is being deleted", detail));
        }
        (Plans::Kept(count), _) => count,
        (Plans::None, Some(pool)) => pool.properties.count,
        (Plans::None, None) => {
            let pools = match &facts.pools {
                Ok(pools) => pools,
                Err(why) => return Some(pools_unreadable(id, why)),
            };
            let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
            let others = match names.is_empty() {
                true => "no pools".to_owned(),
                false => names.join(", "),
            };
            let detail = format!(
                "There is no {human}; the registry has {others}. If the same configuration creates it, take agent_pool_name from that resource rather than as text, so that Terraform knows the order."
            );
            return Some(about_pool(Level::Error, "The agent pool does not exist", detail));
        }
    };
    (count == Some(0)).then(|| {
        let detail = format!("The {human} has no machine, so that runs wait until its instance_count is raised.");
        about_pool(Level::Warning, NO_MACHINE, detail)
    })
}

fn pools_unreadable(id: &AgentPoolId, why: &str) -> Finding {
    let path = format!("{}/agentPools", id.registry());
    let action = "Microsoft.ContainerRegistry/registries/agentPools/read";
    unreadable(Check::Pool, "agent_pool_name", &path, action, why)
}

/// Whether a registry does not accept connections from everywhere.
fn is_restricted(registry: &Value) -> bool {
    text(registry, "/properties/publicNetworkAccess").eq_ignore_ascii_case("Disabled")
        || text(registry, "/properties/networkRuleSet/defaultAction").eq_ignore_ascii_case("Deny")
}

/// Whether runs come from a subnet, where the registry can be reached without a bypass. Unknown counts as yes: a warning
/// is for what is known.
fn is_in_subnet(subject: &RunSubject, facts: &RunFacts, planned: &PlannedPools) -> bool {
    let Some(id) = &subject.pool else {
        return false;
    };
    match planned.in_subnet(id) {
        Some(planned) => planned,
        None => existing(facts, id).is_none_or(|pool| pool.properties.virtual_network_subnet_resource_id.is_some()),
    }
}

fn identity_finding(subject: &RunSubject, facts: &RunFacts, planned: &PlannedPools) -> Option<Finding> {
    if !(subject.system_identity || subject.user_identity) || is_in_subnet(subject, facts, planned) {
        return None;
    }
    let human = subject.registry.human();
    let body = match &facts.registry {
        Read::Found(body) => body,
        Read::Missing => return None,
        Read::Unreadable(why) => {
            let (path, action) = (
                subject.registry.to_string(),
                "Microsoft.ContainerRegistry/registries/read",
            );
            return Some(unreadable(Check::PrivateRegistry, "registry_id", &path, action, why));
        }
    };
    if !is_restricted(body) {
        return None;
    }
    const OTHERWISE: &str = "Run it on an agent pool in a subnet that the registry accepts";
    let services = text(body, "/properties/networkRuleBypassOptions");
    let detail = if !subject.system_identity {
        format!(
            "{human} does not accept connections from everywhere. Runs outside a network of yours get past its rules with a system-assigned identity only; with a user-assigned one they get 403, and only their log says so. {OTHERWISE}, or use a system-assigned identity."
        )
    } else if services.eq_ignore_ascii_case("None") {
        format!(
            "{human} does not accept connections from everywhere, and its networkRuleBypassOptions is None: runs outside a network of yours get 403, and only their log says so. {OTHERWISE}, or let Azure's services past the rules (AzureServices)."
        )
    } else if facts.bypass_allowed == Some(false) {
        format!(
            "{human} does not accept connections from everywhere, and its networkRuleBypassAllowedForTasks is false, as it is by default since June 2025: runs with a system-assigned identity get 403, and only their log says so. {OTHERWISE}, or set networkRuleBypassAllowedForTasks to true on the registry."
        )
    } else {
        return None;
    };
    let finding = about_registry(
        Check::PrivateRegistry,
        Level::Warning,
        true,
        "The registry refuses the identity of these runs".to_owned(),
        format!("The {detail}"),
    );
    Some(Finding {
        attribute: subject.identity_attribute,
        ..finding
    })
}
