//! From the seed's words to objects in the store. Each error names the first thing that does not fit together.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::metadata::normalized;
use super::seed::Seed;
use super::store::{Group, Pool, Provenance, Registry, Store, Task, key};

impl Store {
    /// Resource groups.
    pub(super) fn seed_groups(&mut self, seed: &Seed) {
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
    }

    /// Registries; their groups must be there.
    pub(super) fn seed_registries(&mut self, seed: &Seed, now: OffsetDateTime) -> Result<(), String> {
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
            let settings = super::registries::seeded_settings(registry, &id)?;
            let registry = Registry {
                id,
                name: registry.name.clone(),
                location: normalized(registry.location.as_deref().unwrap_or(&seed.location)),
                sku: registry.sku.clone(),
                tags: Value::Object(Map::new()),
                settings,
                state: "Succeeded".into(),
                provenance: Provenance::new("seed", now),
                standard_vcpu_quota: registry.standard_vcpu_quota,
                isolated_vcpu_quota: registry.isolated_vcpu_quota,
            };
            self.registries.insert(key(&registry.id), registry);
        }
        Ok(())
    }

    /// Pools; their registries and subnets must be there.
    pub(super) fn seed_pools(&mut self, seed: &Seed, now: OffsetDateTime) -> Result<(), String> {
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

    /// Tasks and runs; their registries must be there.
    pub(super) fn seed_tasks_and_runs(&mut self, seed: &Seed, now: OffsetDateTime) -> Result<(), String> {
        for task in &seed.tasks {
            let (registry, location) = self.seeded_registry(&task.registry)?;
            let id = format!("{registry}/tasks/{}", task.name);
            let properties = super::tasks::seeded_properties(task.agent_pool_name.as_deref(), &task.properties);
            let properties = properties.map_err(|problem| format!("task '{}': {problem}", task.name))?;
            let task = Task {
                id,
                name: task.name.clone(),
                location,
                tags: None,
                identity: None,
                properties,
                created: now,
                provenance: Provenance::new("seed", now),
                born: self.next_birth(),
            };
            self.tasks.insert(key(&task.id), task);
        }
        for run in &seed.runs {
            let (registry, _) = self.seeded_registry(&run.registry)?;
            let born = self.next_birth();
            let run = super::seeding_runs::seeded_run(run, &registry, born, now)?;
            self.runs.insert(key(&run.id), run);
        }
        Ok(())
    }

    /// The id of a group that must be in the seed.
    pub(super) fn seeded_group(&self, name: &str) -> Result<String, String> {
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
