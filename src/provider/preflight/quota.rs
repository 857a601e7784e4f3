//! Processors of a registry: what its pools use, what this process has planned beside them, and what is left.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::acr::{
    agent_pool::{AgentPool, AgentPoolId},
    registry::RegistryId,
    tier::{self, Tier},
};

/// A pool as this process has planned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPool {
    /// Its tier.
    pub tier: String,
    /// Its number of machines.
    pub count: i64,
    /// Whether it is created, also as a replacement: what is wrong with the present one does not matter then.
    pub is_new: bool,
    /// Whether it has a subnet.
    pub in_subnet: bool,
}

/// What this process has planned for one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plans {
    /// Nothing.
    None,
    /// It is created or replaced, with so many machines.
    Made(i64),
    /// It stays, with so many machines, if that is known yet.
    Kept(Option<i64>),
    /// It will be gone.
    Removed,
}

/// What this process has planned, by pool: pools that will exist, and pools that will not.
#[derive(Debug, Default)]
pub struct PlannedPools {
    pools: Mutex<Vec<(AgentPoolId, Option<PlannedPool>)>>,
    vague: Mutex<Vec<AgentPoolId>>,
}

/// Processors of one kind, by pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processors of each pool, by its name in lower case.
    pub by_pool: BTreeMap<String, i64>,
}

impl Usage {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.by_pool.values().sum()
    }

    /// In words: `builds 8, nightly 4`.
    #[must_use]
    pub fn listed(&self) -> String {
        let listed: Vec<String> = self
            .by_pool
            .iter()
            .map(|(name, vcpu)| format!("{name} {vcpu}"))
            .collect();
        listed.join(", ")
    }
}

impl PlannedPools {
    /// The pool will exist, like this.
    pub fn will_be(&self, pool: &AgentPoolId, planned: PlannedPool) {
        self.set(pool, Some(planned));
    }

    /// The pool will be gone.
    pub fn will_go(&self, pool: &AgentPoolId) {
        self.set(pool, None);
    }

    /// The pool will exist, and more is not known yet: it counts nowhere.
    pub fn will_exist(&self, pool: &AgentPoolId) {
        let mut vague = self.vague.lock().unwrap_or_else(PoisonError::into_inner);
        if !vague.contains(pool) {
            vague.push(pool.clone());
        }
    }

    /// What is planned for a pool.
    #[must_use]
    pub fn of(&self, pool: &AgentPoolId) -> Plans {
        match self.find(pool) {
            Some(None) => Plans::Removed,
            Some(Some(planned)) if planned.is_new => Plans::Made(planned.count),
            Some(Some(planned)) => Plans::Kept(Some(planned.count)),
            None if self.is_vague(pool) => Plans::Kept(None),
            None => Plans::None,
        }
    }

    /// Whether a planned pool has a subnet; `None` when it is not planned, or not known in full.
    #[must_use]
    pub fn in_subnet(&self, pool: &AgentPoolId) -> Option<bool> {
        self.find(pool).flatten().map(|planned| planned.in_subnet)
    }

    fn find(&self, pool: &AgentPoolId) -> Option<Option<PlannedPool>> {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pools.iter().find(|(id, _)| id == pool);
        found.map(|(_, planned)| planned.clone())
    }

    fn is_vague(&self, pool: &AgentPoolId) -> bool {
        self.vague.lock().unwrap_or_else(PoisonError::into_inner).contains(pool)
    }

    fn set(&self, pool: &AgentPoolId, planned: Option<PlannedPool>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|(id, _)| id != pool);
        pools.push((pool.clone(), planned));
    }

    /// What the registry's pools will use of one kind of tier: those that exist, as planned where they are planned.
    #[must_use]
    pub fn usage(&self, registry: &RegistryId, existing: &[AgentPool], isolated: bool) -> Usage {
        let mut usage = self::usage(existing, isolated);
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, planned) in pools.iter().filter(|(id, _)| id.registry() == registry) {
            let name = id.name().to_ascii_lowercase();
            usage.by_pool.remove(&name);
            if let Some(planned) = planned
                && let Some(vcpu) = vcpu(&planned.tier, planned.count, isolated)
            {
                usage.by_pool.insert(name, vcpu);
            }
        }
        usage
    }
}

/// What existing pools use of one kind of tier.
#[must_use]
pub fn usage(existing: &[AgentPool], isolated: bool) -> Usage {
    let used = existing.iter().filter_map(|pool| {
        let properties = &pool.properties;
        let vcpu = vcpu(properties.tier.as_deref()?, properties.count?, isolated)?;
        Some((pool.name.to_ascii_lowercase(), vcpu))
    });
    Usage {
        by_pool: used.collect(),
    }
}

/// Processors of so many machines of a tier; `None` for a tier of the other kind, or one that this version does not know.
fn vcpu(name: &str, count: i64, isolated: bool) -> Option<i64> {
    let tier: &Tier = tier::tier(name)?;
    (tier.isolated == isolated).then(|| tier.vcpu.saturating_mul(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> RegistryId {
        "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/builds"
            .parse()
            .unwrap()
    }

    fn pool(name: &str) -> AgentPoolId {
        AgentPoolId::new(registry(), name).unwrap()
    }

    fn existing(name: &str, tier: &str, count: i64) -> AgentPool {
        let body = serde_json::json!({"id": pool(name).to_string(), "name": name, "location": "eastus",
            "properties": {"tier": tier, "count": count}});
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn plans_replace_what_exists_and_add_what_does_not() {
        let planned = PlannedPools::default();
        let there = [
            existing("one", "S2", 2),
            existing("two", "S1", 1),
            existing("three", "I6", 1),
        ];
        assert_eq!(planned.usage(&registry(), &there, false).listed(), "one 8, two 2");
        planned.will_be(
            &pool("ONE"),
            PlannedPool {
                tier: "S2".into(),
                count: 3,
                is_new: true,
                in_subnet: false,
            },
        );
        planned.will_go(&pool("two"));
        planned.will_be(
            &pool("new"),
            PlannedPool {
                tier: "S1".into(),
                count: 1,
                is_new: true,
                in_subnet: false,
            },
        );
        assert_eq!(planned.usage(&registry(), &there, false).listed(), "new 2, one 12");
        assert_eq!(planned.usage(&registry(), &there, true).total(), 64);
    }
}
