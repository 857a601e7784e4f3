//! What one process remembers between the calls that Terraform makes for one pool.
//!
//! Terraform plans a replacement in two calls, of which the second knows nothing of the old pool, and applies it in two.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::acr::registry::RegistryId;

/// The notes of one process.
#[derive(Debug, Default)]
pub struct Notes {
    locations: Mutex<HashMap<RegistryId, String>>,
    /// Held while a region is looked up: many pools of one registry are planned at the same time, and one look is enough.
    pub looking_up: tokio::sync::Mutex<()>,
}

impl Notes {
    /// A pool was seen in this region, which is its registry's.
    pub fn saw_location(&self, registry: &RegistryId, location: &str) {
        let mut locations = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
        locations.insert(registry.clone(), location.to_owned());
    }

    /// The region of a registry, as far as its pools have shown it.
    pub fn location(&self, registry: &RegistryId) -> Option<String> {
        let locations = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
        locations.get(registry).cloned()
    }
}
