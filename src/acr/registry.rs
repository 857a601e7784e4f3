//! The registry: `Microsoft.ContainerRegistry/registries`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::PROVIDER;
use crate::azure::{Call, Client, Error, InvalidId, ResourceId};

/// The API version that registries are read with: stable, and all that is read here is in it.
pub const API_VERSION: &str = "2023-07-01";

/// Lengths of a registry's name. Source: the API's specification.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 5..=50;

pub(super) const TYPES: [&str; 1] = ["registries"];

/// A registry's id. Compared without regard to casing, printed in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegistryId(ResourceId);

/// A registry, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Registry {
    /// ARM's id, in ARM's casing.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region, `westeurope` say. Pools and tasks must be created in the same.
    pub location: String,
    /// What it is billed as.
    pub sku: Sku,
}

/// A registry's SKU.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Sku {
    /// `Basic`, `Standard` or `Premium`. Agent pools need Premium.
    pub name: String,
}

/// Reads a registry.
///
/// # Errors
/// As [`Client::get`].
pub async fn get(client: &Client, call: &Call, id: &RegistryId) -> Result<Registry, Error> {
    client.get(call, &id.to_string(), API_VERSION).await?.json()
}

impl RegistryId {
    /// Parses a registry's id.
    ///
    /// # Errors
    /// Says what the id is instead, or what is wrong with the name.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if !text.is_empty() && !text.contains('/') {
            return Err(InvalidId::new(format!(
                "`{text}` is a name; expected the registry's id, /subscriptions/…/providers/{PROVIDER}/registries/<name>"
            )));
        }
        Self::from_resource_id(ResourceId::parse(text)?)
    }

    pub(super) fn from_resource_id(id: ResourceId) -> Result<Self, InvalidId> {
        let kind = id.resource_type();
        if id.is(PROVIDER, &["registries", "agentPools"]) {
            return Err(InvalidId::new(
                "this is an agent pool id; a registry id ends with /registries/<name>",
            ));
        }
        let id = id.canonical(PROVIDER, &TYPES).ok_or_else(|| {
            InvalidId::new(format!(
                "this is the id of a {kind}; expected one of a {PROVIDER}/registries"
            ))
        })?;
        if !is_name(id.name()) {
            let name = id.name();
            return Err(InvalidId::new(format!(
                "the registry name `{name}` is not valid: expected 5 to 50 letters and digits"
            )));
        }
        Ok(Self(id))
    }

    /// The id as any resource's.
    pub fn as_resource_id(&self) -> &ResourceId {
        &self.0
    }

    /// The subscription's id.
    pub fn subscription_id(&self) -> &str {
        self.0.subscription_id()
    }

    /// The resource group's name.
    pub fn resource_group(&self) -> &str {
        self.0.resource_group()
    }

    /// The registry's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// For messages: `registry "r" (resource group "g")`.
    pub fn human(&self) -> String {
        format!(
            "registry \"{}\" (resource group \"{}\")",
            self.name(),
            self.resource_group()
        )
    }
}

impl Registry {
    /// Whether the SKU is Premium, which agent pools need.
    pub fn is_premium(&self) -> bool {
        self.sku.name.eq_ignore_ascii_case("Premium")
    }
}

impl fmt::Display for RegistryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RegistryId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

fn is_name(text: &str) -> bool {
    NAME_LENGTH.contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::{FakeHttp, call, reply};

    const ID: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/Builds01";

    #[test]
    fn ids_in_any_casing() {
        let id = RegistryId::parse(&ID.to_lowercase().replace("builds01", "Builds01")).unwrap();
        assert_eq!(id.to_string(), ID);
        assert_eq!(id.human(), "registry \"Builds01\" (resource group \"rg\")");
        assert_eq!(id, RegistryId::parse(&ID.to_uppercase()).unwrap());
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let cases = [
            ("builds01".to_string(), "is a name; expected the registry's id"),
            (format!("{ID}/agentPools/p01"), "this is an agent pool id"),
            (
                format!("{ID}/tasks/build"),
                "this is the id of a Microsoft.ContainerRegistry/registries/tasks",
            ),
            (ID.replace("Builds01", "b-1"), "5 to 50 letters and digits"),
            (
                ID.replace("ContainerRegistry", "Storage"),
                "this is the id of a Microsoft.Storage/registries",
            ),
        ];
        for (text, want) in cases {
            let error = RegistryId::parse(&text).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_is_read() {
        let body = format!(
            r#"{{"id":"{ID}","name":"Builds01","location":"westeurope","sku":{{"name":"Premium","tier":"Premium"}},"properties":{{"new":1}}}}"#
        );
        let http = FakeHttp::with([reply(200, &body)]);
        let registry = get(&http.client(), &call(60), &RegistryId::parse(ID).unwrap())
            .await
            .unwrap();
        assert!(registry.is_premium() && registry.location == "westeurope");
        assert_eq!(
            http.asked()[0].url,
            format!("https://arm.example{ID}?api-version=2023-07-01")
        );
    }
}
