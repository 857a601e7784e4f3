//! Everything that exists, keyed by ARM id in lower case; ids keep the casing in which they were first sent.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::assumptions::{Assumptions, IdCasing};
use super::json::Json;
use super::metadata::normalized;
use super::operations::Operation;
use super::seed::Seed;

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
}

/// A subnet.
#[derive(Debug)]
pub(super) struct Subnet {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) properties: Map<String, Value>,
}

/// A task of the seed.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) agent_pool_name: Option<String>,
    pub(super) created: OffsetDateTime,
}

/// A run of the seed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) run_id: String,
    pub(super) status: String,
    pub(super) agent_pool_name: Option<String>,
    pub(super) task: Option<String>,
    pub(super) created: OffsetDateTime,
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
}

/// Everything that exists.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) subscription_id: String,
    pub(super) tenant_id: String,
    pub(super) base_url: String,
    pub(super) durations: Durations,
    pub(super) assumptions: Assumptions,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) registries: BTreeMap<String, Registry>,
    pub(super) pools: BTreeMap<String, Pool>,
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) subnets: BTreeMap<String, Subnet>,
    pub(super) tasks: BTreeMap<String, Task>,
    pub(super) runs: BTreeMap<String, Run>,
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
            groups: BTreeMap::new(),
            registries: BTreeMap::new(),
            pools: BTreeMap::new(),
            networks: BTreeMap::new(),
            subnets: BTreeMap::new(),
            tasks: BTreeMap::new(),
            runs: BTreeMap::new(),
            lingering: Vec::new(),
            operations: BTreeMap::new(),
            signatures: HashSet::new(),
            url_certificate: super::identity::random_base64(URL_CERTIFICATE_BYTES),
            births: 0,
        };
        for id in [&seed.subscription_id, &seed.tenant_id] {
            uuid::Uuid::parse_str(id).map_err(|_| format!("'{id}' is no id of a subscription or tenant"))?;
        }
        store.seed_groups_and_networks(seed)?;
        store.seed_registries(seed, now)?;
        store.seed_pools(seed, now)?;
        store.seed_tasks_and_runs(seed, now)?;
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
            (x.id.clone(), serde_json::json!({"ipConfigurations": used}))
        }));
        live.extend(self.tasks.values().map(|x| (x.id.clone(), serde_json::json!({}))));
        live.extend(
            self.runs
                .values()
                .map(|x| (x.id.clone(), serde_json::json!({"status": x.status}))),
        );
        live
    }

    fn seed_groups_and_networks(&mut self, seed: &Seed) -> Result<(), String> {
        for group in &seed.resource_groups {
            let id = self.group_id(&group.name);
            let location = normalized(group.location.as_deref().unwrap_or(&seed.location));
            self.groups.insert(
                key(&id),
                Group {
                    id,
                    name: group.name.clone(),
                    location,
                    tags: None,
                },
            );
        }
        for network in &seed.virtual_networks {
            let group = self.seeded_group(&network.resource_group)?;
            let id = format!("{group}/providers/Microsoft.Network/virtualNetworks/{}", network.name);
            let mut properties = Map::new();
            properties.insert(
                "addressSpace".into(),
                serde_json::json!({"addressPrefixes": network.address_space}),
            );
            for subnet in &network.subnets {
                let id = format!("{id}/subnets/{}", subnet.name);
                let mut properties = Map::new();
                properties.insert("addressPrefix".into(), subnet.address_prefix.clone().into());
                self.subnets.insert(
                    key(&id),
                    Subnet {
                        id,
                        name: subnet.name.clone(),
                        properties,
                    },
                );
            }
            let location = normalized(network.location.as_deref().unwrap_or(&seed.location));
            let network = Network {
                id,
                name: network.name.clone(),
                location,
                tags: None,
                properties,
            };
            self.networks.insert(key(&network.id), network);
        }
        Ok(())
    }

    fn seed_registries(&mut self, seed: &Seed, now: OffsetDateTime) -> Result<(), String> {
        for registry in &seed.registries {
            let group = self.seeded_group(&registry.resource_group)?;
            let id = format!(
                "{group}/providers/Microsoft.ContainerRegistry/registries/{}",
                registry.name
            );
            if !["Basic", "Standard", "Premium"].contains(&registry.sku.as_str()) {
                return Err(format!(
                    "registry '{}' has the unknown SKU '{}'",
                    registry.name, registry.sku
                ));
            }
            let registry = Registry {
                id,
                name: registry.name.clone(),
                location: normalized(registry.location.as_deref().unwrap_or(&seed.location)),
                sku: registry.sku.clone(),
                tags: Value::Object(Map::new()),
                settings: Map::new(),
                state: "Succeeded".into(),
                provenance: Provenance::new("seed", now),
                standard_vcpu_quota: registry.standard_vcpu_quota,
                isolated_vcpu_quota: registry.isolated_vcpu_quota,
            };
            self.registries.insert(key(&registry.id), registry);
        }
        Ok(())
    }

    fn seed_pools(&mut self, seed: &Seed, now: OffsetDateTime) -> Result<(), String> {
        for pool in &seed.agent_pools {
            let (registry, location) = self.seeded_registry(&pool.registry)?;
            if let Some(subnet) = pool
                .subnet_id
                .as_ref()
                .filter(|id| !self.subnets.contains_key(&key(id)))
            {
                return Err(format!(
                    "agent pool '{}' names the unknown subnet '{subnet}'",
                    pool.name
                ));
            }
            let pool = Pool {
                id: format!("{registry}/agentPools/{}", pool.name),
                name: pool.name.clone(),
                location,
                count: pool.count,
                tier: pool.tier.clone(),
                os: "Linux".into(),
                subnet: pool.subnet_id.clone(),
                state: pool.provisioning_state.clone(),
                provenance: Provenance::new("seed", now),
                managed_group: super::networks::managed_group(&pool.registry, &pool.name),
                born: self.next_birth(),
            };
            self.pools.insert(key(&pool.id), pool);
        }
        Ok(())
    }

    fn seed_tasks_and_runs(&mut self, seed: &Seed, now: OffsetDateTime) -> Result<(), String> {
        for task in &seed.tasks {
            let (registry, location) = self.seeded_registry(&task.registry)?;
            let id = format!("{registry}/tasks/{}", task.name);
            let agent_pool_name = task.agent_pool_name.clone();
            let task = Task {
                id,
                name: task.name.clone(),
                location,
                agent_pool_name,
                created: now,
            };
            self.tasks.insert(key(&task.id), task);
        }
        for run in &seed.runs {
            let (registry, _) = self.seeded_registry(&run.registry)?;
            let created = match &run.create_time {
                None => now,
                Some(text) => OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
                    format!(
                        "run '{}' has the create time '{text}', which is no RFC 3339",
                        run.run_id
                    )
                })?,
            };
            let run = Run {
                id: format!("{registry}/runs/{}", run.run_id),
                run_id: run.run_id.clone(),
                status: run.status.clone(),
                agent_pool_name: run.agent_pool_name.clone(),
                task: run.task.clone(),
                created,
                born: self.next_birth(),
            };
            self.runs.insert(key(&run.id), run);
        }
        Ok(())
    }

    fn seeded_group(&self, name: &str) -> Result<String, String> {
        let group = self.groups.get(&key(&self.group_id(name)));
        group
            .map(|group| group.id.clone())
            .ok_or_else(|| format!("resource group '{name}' is not in the seed"))
    }

    fn seeded_registry(&self, name: &str) -> Result<(String, String), String> {
        let registry = self
            .registries
            .values()
            .find(|registry| registry.name.eq_ignore_ascii_case(name));
        let found = registry.map(|registry| (registry.id.clone(), registry.location.clone()));
        found.ok_or_else(|| format!("registry '{name}' is not in the seed"))
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
