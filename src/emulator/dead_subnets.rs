//! Subnets that the seed declares dead: what becomes of pools whose machines cannot reach what they need.
//!
//! Reported from the field: the pool's creation succeeds, its runs stay queued, and a good while later the pool turns
//! `Failed` by itself; in other reports the creation itself runs to a time-out and fails. The switch
//! [`DeadSubnet`](super::DeadSubnet) chooses. Whether a subnet is dead is only ever declared: a client's own judgement of
//! rules and routes would otherwise be tested against a second copy of itself.

use std::time::Duration;

use time::OffsetDateTime;

use super::assumptions::DeadSubnet;
use super::faults::OperationFailure;
use super::operations::{Fate, Kind};
use super::store::{Pool, Store, key};

impl Store {
    pub(super) fn is_dead(&self, pool: &Pool) -> bool {
        let subnet = pool.subnet.as_ref().and_then(|id| self.subnets.get(&key(id)));
        // A pool without machines has nothing that could fail.
        pool.count > 0 && subnet.is_some_and(|subnet| subnet.dead)
    }

    /// What becomes of an operation on a pool, and how long it takes: with the switch, creations in dead subnets time out.
    pub(super) fn dead_or(&self, kind: Kind, target: &str, fate: Fate) -> (Fate, Duration) {
        let dead = self.pools.get(&key(target)).is_some_and(|pool| self.is_dead(pool));
        let times_out = dead && kind == Kind::Create && self.assumptions.dead_subnet == DeadSubnet::CreateFails;
        if times_out && matches!(fate, Fate::Succeed) {
            let failure = OperationFailure {
                code: "OperationTimedOut".into(),
                message: "The agent pool's machines did not report in time.".into(),
            };
            return (Fate::Fail(failure), self.dead_subnet_delay);
        }
        (fate, self.durations.provisioning)
    }

    /// Notes when a pool that has just become ready turns `Failed`.
    pub(super) fn doom(&mut self, pool: &str, ready: OffsetDateTime) {
        let dead = self.pools.get(pool).is_some_and(|pool| self.is_dead(pool));
        if dead {
            self.deaths.insert(pool.into(), ready + self.dead_subnet_delay);
        } else {
            self.deaths.remove(pool);
        }
    }

    /// Lets pools in dead subnets fail whose time has come, and notes those that nobody has noted yet.
    pub(super) fn let_dead_pools_fail(&mut self, now: OffsetDateTime) {
        let ready = |pool: &Pool| pool.state == "Succeeded" && self.is_dead(pool);
        let unnoted: Vec<String> = self
            .pools
            .iter()
            .filter(|(id, pool)| ready(pool) && !self.deaths.contains_key(*id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in unnoted {
            self.doom(&id, now);
        }
        let due: Vec<String> = self
            .deaths
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.deaths.remove(&id);
            let dies = self
                .pools
                .get(&id)
                .is_some_and(|pool| pool.state == "Succeeded" && self.is_dead(pool));
            if let Some(pool) = self.pools.get_mut(&id).filter(|_| dies) {
                pool.state = "Failed".into();
            }
        }
    }
}
