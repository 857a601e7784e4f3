//! Everything that exists, keyed by ARM id in lower case; ids keep the casing in which they were first sent.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::assumptions::{Assumptions, IdCasing};
use super::attachments::Attachment;
use super::blobs::Blobs;
use super::json::Json;
use super::operations::Operation;
use super::run_record::Run;
use super::seed::Seed;
use super::seed_network::ForeignAnswer;
use super::tasks_identity::TaskIdentity;
use super::versions::TaskVersions;

/// A resource group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Option<Value>,
}

/// Who made and last changed an object, and when.
#[derive(Clone, Debug)]
pub(super) struct Provenance {
    pub(super) created_by: String,
    pub(super) created_at: OffsetDateTime,
    pub(super) modified_by: String,
    pub(super) modified_at: OffsetDateTime,
}

/// A registry.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) sku: String,
    pub(super) tags: Value,
    /// Properties that the caller set and the emulator only echoes.
    pub(super) settings: Map<String, Value>,
    pub(super) state: String,
    pub(super) provenance: Provenance,
    pub(super) standard_vcpu_quota: i64,
    pub(super) isolated_vcpu_quota: i64,
}

/// An agent pool.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) count: i64,
    pub(super) tier: String,
    pub(super) os: String,
    pub(super) subnet: Option<String>,
    pub(super) state: String,
    pub(super) provenance: Provenance,
    /// The service's own resource group for the machines, seen only in subnets and their errors.
    pub(super) managed_group: String,
    /// Lists are newest first.
    pub(super) born: u64,
}

/// A virtual network. Its subnets are objects of their own.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Option<Value>,
    pub(super) properties: Map<String, Value>,
    /// What a network manager imposes on it, as the list of effective rules shows them.
    pub(super) security_admin_rules: Vec<Value>,
    /// Whether new subnets have no outbound access unless they say otherwise: since the version that made it.
    pub(super) private_subnets: bool,
    /// Grows with each write; etags show it.
    pub(super) revision: u64,
}

/// A subnet.
#[derive(Debug)]
pub(super) struct Subnet {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) properties: Map<String, Value>,
    /// Declared by the seed: pools in it never reach what they need.
    pub(super) dead: bool,
    /// Grows with each write; etags show it.
    pub(super) revision: u64,
}

/// A task. Its `Debug` leaves out what holds secrets.
pub(super) struct Task {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Option<Value>,
    pub(super) identity: Option<TaskIdentity>,
    /// As ARM names them, complete with defaults and secrets.
    pub(super) properties: Map<String, Value>,
    pub(super) created: OffsetDateTime,
    pub(super) provenance: Provenance,
    /// Lists are oldest first.
    pub(super) born: u64,
}

/// Network interfaces that outlive their pool for a while.
#[derive(Debug)]
pub(super) struct Lingering {
    pub(super) subnet: String,
    pub(super) configurations: Vec<String>,
    pub(super) until: OffsetDateTime,
}

/// How long things take, on the driven clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Durations {
    pub(super) provisioning: Duration,
    pub(super) subnet_release: Duration,
    pub(super) retry_after: Duration,
    /// What a run takes whose steps do not sleep.
    pub(super) run: Duration,
}

/// Everything that exists.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) subscription_id: String,
    pub(super) tenant_id: String,
    pub(super) base_url: String,
    pub(super) durations: Durations,
    pub(super) assumptions: Assumptions,
    pub(super) task_versions: TaskVersions,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) registries: BTreeMap<String, Registry>,
    pub(super) pools: BTreeMap<String, Pool>,
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) subnets: BTreeMap<String, Subnet>,
    pub(super) attachments: BTreeMap<String, Attachment>,
    pub(super) service_tags: BTreeMap<String, Vec<String>>,
    /// Subscriptions that exist elsewhere, in lower case.
    pub(super) foreign: BTreeMap<String, ForeignAnswer>,
    /// When each pool in a dead subnet fails.
    pub(super) deaths: BTreeMap<String, OffsetDateTime>,
    pub(super) dead_subnet_delay: Duration,
    pub(super) tasks: BTreeMap<String, Task>,
    /// Up to when timers have fired.
    pub(super) timers_checked: OffsetDateTime,
    pub(super) runs: BTreeMap<String, Run>,
    /// The keys of runs that are not over, oldest first; those of the seed are not among them.
    pub(super) going: Vec<String>,
    /// Up to when everything has happened.
    pub(super) settled: OffsetDateTime,
    pub(super) blobs: Blobs,
    pub(super) lingering: Vec<Lingering>,
    pub(super) operations: BTreeMap<String, Operation>,
    /// Signatures of polling URLs that were handed out.
    pub(super) signatures: HashSet<String>,
    /// The opaque certificate parameter of polling URLs: the same for the whole process.
    pub(super) url_certificate: String,
    births: u64,
}

/// The store's key of an id.
pub(super) fn key(id: &str) -> String {
    id.trim_end_matches('/').to_ascii_lowercase()
}

/// The part of an id before its last type and name.
pub(super) fn parent(id: &str) -> &str {
    let mut cut = id.rsplitn(3, '/');
    cut.next();
    cut.next();
    cut.next().unwrap_or("")
}

impl Provenance {
    /// Made just now.
    pub(super) fn new(by: &str, at: OffsetDateTime) -> Provenance {
        Provenance {
            created_by: by.into(),
            created_at: at,
            modified_by: by.into(),
            modified_at: at,
        }
    }

    /// `systemData`, in the service's member order.
    pub(super) fn to_json(&self, time: fn(OffsetDateTime) -> String) -> Json {
        Json::object([
            ("createdBy", (&self.created_by).into()),
            ("createdByType", "Application".into()),
            ("createdAt", time(self.created_at).into()),
            ("lastModifiedBy", (&self.modified_by).into()),
            ("lastModifiedByType", "Application".into()),
            ("lastModifiedAt", time(self.modified_at).into()),
        ])
    }
}

impl Store {
    /// A store that holds what the seed says.
    ///
    /// The error names the first thing that does not fit together.
    pub(super) fn from_seed(
        seed: &Seed,
        base_url: &str,
        durations: Durations,
        now: OffsetDateTime,
    ) -> Result<Store, String> {
        let mut store = Store {
            subscription_id: seed.subscription_id.clone(),
            tenant_id: seed.tenant_id.clone(),
            base_url: base_url.into(),
            durations,
            assumptions: seed.assumptions.clone(),
            task_versions: TaskVersions::of(seed.task_api_versions.as_deref())?,
            groups: BTreeMap::new(),
            registries: BTreeMap::new(),
            pools: BTreeMap::new(),
            networks: BTreeMap::new(),
            subnets: BTreeMap::new(),
            attachments: BTreeMap::new(),
            service_tags: seed.service_tags.clone().unwrap_or_else(super::service_tags::built_in),
            foreign: BTreeMap::new(),
            deaths: BTreeMap::new(),
            dead_subnet_delay: Duration::from_secs(seed.dead_subnet_seconds),
            tasks: BTreeMap::new(),
            timers_checked: now,
            runs: BTreeMap::new(),
            going: Vec::new(),
            settled: now,
            blobs: Blobs::default(),
            lingering: Vec::new(),
            operations: BTreeMap::new(),
            signatures: HashSet::new(),
            url_certificate: super::identity::random_base64(URL_CERTIFICATE_BYTES),
            births: 0,
        };
        for id in [&seed.subscription_id, &seed.tenant_id] {
            uuid::Uuid::parse_str(id).map_err(|_| format!("'{id}' is no id of a subscription or tenant"))?;
        }
        store.seed_groups(seed);
        store.seed_networks(seed)?;
        store.seed_registries(seed, now)?;
        store.seed_pools(seed, now)?;
        store.seed_tasks_and_runs(seed, now)?;
        store.let_dead_pools_fail(now);
        Ok(store)
    }

    /// A number that grows with each object.
    pub(super) fn next_birth(&mut self) -> u64 {
        self.births += 1;
        self.births
    }

    /// The id of a resource group with the casing of its creation.
    pub(super) fn group_id(&self, name: &str) -> String {
        format!("/subscriptions/{}/resourceGroups/{name}", self.subscription_id)
    }

    /// An id as answers show it.
    pub(super) fn shown(&self, id: &str) -> String {
        if self.assumptions.id_casing == IdCasing::AsSent {
            return id.into();
        }
        let parts: Vec<String> = id.split('/').map(str::to_string).collect();
        let recased = parts.iter().enumerate().map(|(at, part)| match at {
            3 => part.to_ascii_lowercase(),
            4 => part.to_ascii_uppercase(),
            _ => part.clone(),
        });
        recased.collect::<Vec<_>>().join("/")
    }

    /// The ids of everything that exists, with its kind's state where it has one.
    pub(super) fn live(&self) -> BTreeMap<String, Value> {
        let mut live = BTreeMap::new();
        live.extend(
            self.groups
                .values()
                .map(|x| (x.id.clone(), serde_json::json!({"location": x.location}))),
        );
        live.extend(self.registries.values().map(|x| {
            (
                x.id.clone(),
                serde_json::json!({"sku": x.sku, "location": x.location, "provisioningState": x.state}),
            )
        }));
        live.extend(self.pools.values().map(|x| {
            let state = serde_json::json!({"tier": x.tier, "count": x.count, "provisioningState": x.state});
            (x.id.clone(), state)
        }));
        live.extend(
            self.networks
                .values()
                .map(|x| (x.id.clone(), serde_json::json!({"location": x.location}))),
        );
        live.extend(self.subnets.values().map(|x| {
            let used = self.configurations(&x.id).len();
            let shown = match x.dead {
                true => serde_json::json!({"ipConfigurations": used, "dead": true}),
                false => serde_json::json!({"ipConfigurations": used}),
            };
            (x.id.clone(), shown)
        }));
        live.extend(self.attachments.values().map(|x| {
            let subnets = self.subnets_naming(x).len();
            (
                x.id.clone(),
                serde_json::json!({"location": x.location, "subnets": subnets}),
            )
        }));
        live.extend(self.tasks.values().map(|x| (x.id.clone(), serde_json::json!({}))));
        live.extend(
            self.runs
                .values()
                .map(|x| (x.id.clone(), serde_json::json!({"status": x.status}))),
        );
        live
    }
}

/// Real polling URLs carry a certificate of about this size, so that clients meet long URLs here too.
const URL_CERTIFICATE_BYTES: usize = 1800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert_eq!(key("/Subscriptions/A/"), "/subscriptions/a");
        assert_eq!(parent("/a/b/registries/r/agentPools/p"), "/a/b/registries/r");
    }
}
