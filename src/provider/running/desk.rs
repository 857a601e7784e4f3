//! What one process knows of its own runs, and of the pools that it has scaled for them.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::acr::{agent_pool::AgentPoolId, registry::RegistryId, run::RunId};

/// The notes of one process, shared by everything that runs.
#[derive(Debug, Default)]
pub struct Desk {
    known: Mutex<HashSet<String>>,
    replaced: Mutex<HashSet<String>>,
    pools: Mutex<HashMap<AgentPoolId, Arc<Held>>>,
}

/// A pool that runs of this process are on, or will be.
#[derive(Debug, Default)]
pub struct Held {
    /// Runs that hold the pool.
    users: AtomicU32,
    /// What this process has done to the pool; nothing while it has not touched it. Locked while the pool is scaled: several
    /// runs that want machines ask one after the other.
    pub changed: tokio::sync::Mutex<Option<Changed>>,
}

/// A number of machines that was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Before.
    pub before: i64,
    /// Since.
    pub ours: i64,
    /// Whether it is to be undone.
    pub restore: bool,
}

/// One run's claim on a pool.
#[derive(Debug)]
pub struct Lease {
    /// The pool.
    pub pool: AgentPoolId,
    /// What all runs on it share.
    pub held: Arc<Held>,
}

impl Desk {
    /// The run belongs to a resource of this configuration.
    pub fn is_known(&self, run: &RunId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(run.to_string().to_ascii_lowercase());
    }

    /// Whether the run belongs to a resource of this configuration.
    #[must_use]
    pub fn knows(&self, run: &RunId) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&run.to_string().to_ascii_lowercase())
    }

    /// An object with a recorded run is removed: one that runs `what` (an order's words), which may run anew right after.
    pub fn is_removed(&self, registry: &RegistryId, what: &str) {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.insert(key(registry, what));
    }

    /// Whether an object with a recorded run of the same was removed.
    #[must_use]
    pub fn replaces(&self, registry: &RegistryId, what: &str) -> bool {
        let replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.contains(&key(registry, what))
    }

    /// A claim on a pool.
    #[must_use]
    pub fn hold(&self, pool: &AgentPoolId) -> Lease {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let held = pools.entry(pool.clone()).or_default().clone();
        held.users.fetch_add(1, Ordering::SeqCst);
        Lease {
            pool: pool.clone(),
            held,
        }
    }
}

fn key(registry: &RegistryId, what: &str) -> String {
    format!("{registry} {what}").to_ascii_lowercase()
}

impl Held {
    /// Whether a run has claimed the pool since.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.users.load(Ordering::SeqCst) > 0
    }
}

impl Lease {
    /// Gives the claim up. What all runs on the pool share is returned to the last one: it is its matter to put the pool back.
    #[must_use]
    pub fn release(self) -> Option<Arc<Held>> {
        (self.held.users.fetch_sub(1, Ordering::SeqCst) == 1).then_some(self.held)
    }
}
