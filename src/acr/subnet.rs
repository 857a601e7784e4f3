//! The subnet of a pool, and whether the pool's network interfaces are still in it.
//!
//! The virtual machines of a pool live in a resource group of Microsoft's, `ap-<registry>-<pool>-<three hex digits>`, which
//! shows only in the ids of the subnet's IP configurations. While one is left, the subnet cannot be deleted.

use serde::Deserialize;

use crate::azure::{Call, Client, Error, SubnetId};

/// A stable API version of Microsoft.Network; all that is read here has been in it for years.
pub const API_VERSION: &str = "2023-11-01";

/// How many hex digits end the name of a pool's resource group.
const GROUP_SUFFIX_LENGTH: usize = 3;

/// A subnet, as far as pools need it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Subnet {
    /// ARM's id.
    pub id: String,
    /// The rest.
    #[serde(default)]
    pub properties: Properties,
}

/// A subnet's properties, as far as pools need them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// What uses addresses of the subnet.
    #[serde(default)]
    pub ip_configurations: Vec<IpConfiguration>,
}

/// One user of an address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct IpConfiguration {
    /// Its id; for a scale set's interface much longer than a usual id.
    pub id: String,
}

/// Reads a subnet.
///
/// # Errors
/// As [`Client::get`].
pub async fn get(client: &Client, call: &Call, id: &SubnetId) -> Result<Subnet, Error> {
    client.get(call, &id.to_string(), API_VERSION).await?.json()
}

/// The ids of those IP configurations in the subnet that belong to the pool.
pub fn pool_interfaces<'a>(subnet: &'a Subnet, registry: &str, pool: &str) -> Vec<&'a str> {
    let prefix = format!("ap-{registry}-{pool}-").to_lowercase();
    let of_pool = |id: &&str| resource_group(id).is_some_and(|group| is_pool_group(&group.to_lowercase(), &prefix));
    subnet
        .properties
        .ip_configurations
        .iter()
        .map(|user| user.id.as_str())
        .filter(of_pool)
        .collect()
}

/// Exactly the suffix: pool `a` of registry `r` must not claim the interfaces of its pool `a-1`.
fn is_pool_group(group: &str, prefix: &str) -> bool {
    group.strip_prefix(prefix).is_some_and(|suffix| {
        suffix.len() == GROUP_SUFFIX_LENGTH && suffix.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The resource group in an id of any shape: scale sets' interfaces are written in several.
fn resource_group(id: &str) -> Option<&str> {
    let mut segments = id.split(['/', '|']);
    segments.find(|segment| segment.eq_ignore_ascii_case("resourceGroups"))?;
    segments.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pools_own_interfaces() {
        let id = |group: &str| {
            format!(
                "/subscriptions/s/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/|providers|Microsoft.Compute|virtualMachineScaleSets|x"
            )
        };
        let groups = [
            ("ap-builds-linux-00d", true),
            ("AP-BUILDS-LINUX-AF9", true),
            ("ap-builds-linux-1-00d", false),
            ("ap-builds-linux-00dd", false),
            ("ap-builds-linux-0g0", false),
            ("ap-builds-linux", false),
            ("rg-linux-00d", false),
        ];
        for (group, want) in groups {
            let body = serde_json::json!({ "id": "/x", "properties": { "ipConfigurations": [{ "id": id(group) }] } });
            let subnet: Subnet = serde_json::from_value(body).unwrap();
            assert_eq!(
                pool_interfaces(&subnet, "Builds", "linux").len(),
                usize::from(want),
                "{group}"
            );
        }
        let empty: Subnet = serde_json::from_value(serde_json::json!({ "id": "/x", "properties": {} })).unwrap();
        assert!(pool_interfaces(&empty, "builds", "linux").is_empty());
    }
}
