//! The subnet of a pool, and whether the pool's network interfaces are still in it.
//!
//! The virtual machines of a pool live in a resource group of Microsoft's, `ap-<registry>-<pool>-<three hex digits>`, which
//! shows only in the ids of the subnet's IP configurations. While one is left, the subnet cannot be deleted.

use serde::Deserialize;

use crate::azure::exchange::interrupted;
use crate::azure::poll::poll_wait;
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

/// Waits until none of the pool's network interfaces is left in the subnet, so that it can be deleted. A subnet that is gone
/// holds none.
///
/// # Errors
/// [`Error::DeadlineExceeded`] or [`Error::Cancelled`] while some are left; as [`Client::get`] when the subnet cannot be read,
/// where [`Error::is_forbidden`] is worth a warning at most.
pub async fn wait_released(
    client: &Client,
    call: &Call,
    subnet: &SubnetId,
    registry: &str,
    pool: &str,
) -> Result<(), Error> {
    for look in 1.. {
        let left = match get(client, call, subnet).await {
            Ok(subnet) => pool_interfaces(&subnet, registry, pool).len(),
            Err(error) if error.is_gone() => 0,
            Err(error) => return Err(error),
        };
        if left == 0 {
            return Ok(());
        }
        tracing::info!(subnet = %subnet, left, "waiting for the pool's network interfaces to leave the subnet");
        call.sleep(poll_wait(look, None, client.pace()))
            .await
            .map_err(|by| interrupted(call, by, None, false))?;
    }
    unreachable!("the looks do not run out")
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
    use crate::azure::fake::{FakeHttp, call, reply};

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_when_the_last_interface_has_left() {
        let with = |group: &str| {
            let user =
                format!("/subscriptions/s/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/n");
            reply(
                200,
                &serde_json::json!({ "id": "/x", "properties": { "ipConfigurations": [{ "id": user }] } }).to_string(),
            )
        };
        let id: SubnetId = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s".parse().unwrap();
        let gone = || reply(404, r#"{"error":{"code":"ResourceNotFound","message":"no"}}"#);
        for last in [with("ap-builds-other-123"), gone()] {
            let http = FakeHttp::with([with("ap-builds-linux-123"), with("ap-builds-linux-123"), last]);
            wait_released(&http.client(), &call(60), &id, "builds", "linux")
                .await
                .unwrap();
            assert_eq!(http.asked().len(), 3);
        }
        let http = FakeHttp::with([with("ap-builds-linux-123")]);
        let error = wait_released(&http.client(), &call(60), &id, "builds", "linux")
            .await
            .unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
        let http = FakeHttp::with([reply(403, r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#)]);
        let error = wait_released(&http.client(), &call(60), &id, "builds", "linux")
            .await
            .unwrap_err();
        assert!(error.is_forbidden(), "{error}");
    }

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
