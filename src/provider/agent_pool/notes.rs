//! What one process remembers between the calls that Terraform makes for one pool, or for one task.
//!
//! Terraform plans a replacement in two calls, of which the second knows nothing of the old object, and applies it in two.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    acr::registry::{self, RegistryId},
    azure::{Call, Client},
    framework::{Diagnostic, Field},
    provider::{diagnose, preflight::Preflight},
};

/// The notes of one process.
#[derive(Debug, Default)]
pub struct Notes {
    locations: Mutex<HashMap<RegistryId, String>>,
    /// Held while a region is looked up: many pools of one registry are planned at the same time, and one look is enough.
    looking_up: tokio::sync::Mutex<()>,
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

    /// The region of what is to be created, which is its registry's. Unknown when this principal may not read the registry,
    /// or when it does not exist yet.
    ///
    /// # Errors
    /// A read that fails for a passing reason: a value that a plan once had must not be missing from the next.
    pub async fn look_up(
        &self,
        azure: Option<&(Client, Call)>,
        preflight: &Preflight,
        id: &RegistryId,
    ) -> Result<Field<String>, Diagnostic> {
        let _one_at_a_time = self.looking_up.lock().await;
        if let Some(location) = self.location(id) {
            return Ok(Field::Known(location));
        }
        let Some((client, call)) = azure else {
            return Ok(Field::Unknown);
        };
        if let Some(registry) = preflight.registry(client, call, id).await
            && let Some(location) = registry.get("location").and_then(serde_json::Value::as_str)
        {
            self.saw_location(id, location);
            return Ok(Field::Known(location.to_owned()));
        }
        // Asked once more for the reason: it decides whether the plan knows less or fails.
        match registry::get(client, call, id).await {
            Ok(registry) => {
                self.saw_location(id, &registry.location);
                Ok(Field::Known(registry.location))
            }
            Err(error) if error.is_gone() || error.is_forbidden() => {
                tracing::debug!(%error, "the registry cannot be read; the plan leaves its location open");
                Ok(Field::Unknown)
            }
            Err(error) => Err(diagnose::azure(&format!("reading {}", id.human()), &error).at_attribute("registry_id")),
        }
    }
}
