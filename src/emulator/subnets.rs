//! Subnets: what they name, what occupies them, and what the service fills in. Nobody judges here what gets through.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::arm::Call;
use super::attachments::{Sort, etag};
use super::json::Json;
use super::refusals::Refusal;
use super::store::{Network, Store, Subnet, key};

/// The first version in which the subnets of a new network are private unless the caller says otherwise.
pub(super) const PRIVATE_BY_DEFAULT: &str = "2025-07-01";
/// Each region's pair, where a storage endpoint also leads.
const PAIRS: [(&str, &str); 19] = [
    ("eastus", "westus"),
    ("westeurope", "northeurope"),
    ("westus2", "westcentralus"),
    ("southcentralus", "northcentralus"),
    ("australiaeast", "australiasoutheast"),
    ("canadacentral", "canadaeast"),
    ("centralus", "eastus2"),
    ("eastasia", "southeastasia"),
    ("eastus2", "centralus"),
    ("northeurope", "westeurope"),
    ("francecentral", "francesouth"),
    ("switzerlandnorth", "switzerlandwest"),
    ("swedencentral", "swedensouth"),
    ("westus3", "eastus"),
    ("germanywestcentral", "germanynorth"),
    ("uksouth", "ukwest"),
    ("westus", "eastus"),
    ("norwayeast", "norwaywest"),
    ("japaneast", "japanwest"),
];

impl Store {
    pub(super) fn subnet_json(&self, subnet: &Subnet) -> Json {
        let mut properties = subnet.properties.clone();
        properties.insert("provisioningState".into(), "Succeeded".into());
        let location = self
            .networks
            .get(super::store::parent(&key(&subnet.id)))
            .map_or("", |network| network.location.as_str());
        fill_endpoints(&mut properties, location);
        fill_delegations(&mut properties, &subnet.id, subnet.revision);
        for (member, default) in [
            ("privateEndpointNetworkPolicies", "Disabled"),
            ("privateLinkServiceNetworkPolicies", "Enabled"),
        ] {
            properties.entry(member).or_insert_with(|| default.into());
        }
        let used = self.configurations(&subnet.id);
        properties.remove("ipConfigurations");
        if !used.is_empty() {
            let used: Vec<Value> = used.into_iter().map(|id| json!({"id": id})).collect();
            properties.insert("ipConfigurations".into(), used.into());
        }
        Json::object([
            ("name", (&subnet.name).into()),
            ("id", (&subnet.id).into()),
            ("etag", etag(subnet.revision).into()),
            ("properties", Value::Object(properties).into()),
            ("type", "Microsoft.Network/virtualNetworks/subnets".into()),
        ])
    }

    /// The subnets of a network.
    pub(super) fn subnets_of(&self, network: &str) -> Vec<&Subnet> {
        let prefix = format!("{}/subnets/", key(network));
        self.subnets
            .iter()
            .filter(|(id, _)| id.starts_with(&prefix))
            .map(|(_, subnet)| subnet)
            .collect()
    }

    /// `GET` of the subnets of a network.
    pub(super) fn list_subnets(&self, network: &str) -> Result<Answer, Refusal> {
        self.networks
            .get(&key(network))
            .ok_or_else(|| self.not_found(network))?;
        let subnets = self
            .subnets_of(network)
            .into_iter()
            .map(|subnet| self.subnet_json(subnet))
            .collect();
        Ok(Answer::json(200, Json::list(subnets)))
    }

    /// `GET` of one subnet.
    pub(super) fn get_subnet(&self, id: &str) -> Result<Answer, Refusal> {
        let subnet = self.subnets.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        Ok(Answer::json(200, self.subnet_json(subnet)))
    }

    /// `PUT` of one subnet: what the body does not name is gone, associations included.
    pub(super) fn put_subnet(&mut self, call: &Call, network: &str, name: &str) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let network = self.networks.get(&key(network)).ok_or_else(|| {
            let name = network.rsplit('/').next().unwrap_or_default();
            Refusal::parent(&format!("Microsoft.Network/virtualNetworks/{name}"))
        })?;
        let properties = body.get("properties").and_then(Value::as_object);
        let properties = properties.cloned().unwrap_or_default();
        let mut subnet = self.wanted_subnet(call, network, name, properties)?;
        let status = if self.subnets.contains_key(&key(&subnet.id)) {
            200
        } else {
            201
        };
        subnet.revision = self.next_birth();
        let answer = Answer::json(status, self.subnet_json(&subnet));
        self.subnets.insert(key(&subnet.id), subnet);
        Ok(answer)
    }

    /// A subnet as a write asks for it, once everything that it names is found.
    pub(super) fn wanted_subnet(
        &self,
        call: &Call,
        network: &Network,
        name: &str,
        mut properties: Map<String, Value>,
    ) -> Result<Subnet, Refusal> {
        if name.is_empty() || (!properties.contains_key("addressPrefix") && !properties.contains_key("addressPrefixes"))
        {
            return Err(Refusal::gateway(
                400,
                "InvalidRequestFormat",
                "A subnet needs a name and an address prefix.",
            ));
        }
        let id = format!("{}/subnets/{name}", network.id);
        let known = self.subnets.get(&key(&id));
        let (id, name) = known.map_or((id, name.to_string()), |known| (known.id.clone(), known.name.clone()));
        for sort in Sort::ALL {
            self.link(call, network, &id, sort, &mut properties)?;
        }
        // Clients send whole objects back; what only the service sets is not taken from them.
        for member in ["serviceEndpoints", "delegations"] {
            let entries = properties.get_mut(member).and_then(Value::as_array_mut);
            for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
                entry.remove("provisioningState");
                if let Some(inner) = entry.get_mut("properties").and_then(Value::as_object_mut) {
                    inner.remove("provisioningState");
                }
            }
        }
        properties.retain(|_, value| !value.is_null());
        if known.is_none() && network.private_subnets {
            properties.entry("defaultOutboundAccess").or_insert(Value::Bool(false));
        }
        Ok(Subnet {
            dead: known.is_some_and(|known| known.dead),
            revision: known.map_or(0, |known| known.revision),
            id,
            name,
            properties,
        })
    }

    /// Checks what a subnet names, and puts it into the casing of its creation.
    fn link(
        &self,
        call: &Call,
        network: &Network,
        subnet: &str,
        sort: Sort,
        properties: &mut Map<String, Value>,
    ) -> Result<(), Refusal> {
        let Some(named) = properties.get(sort.member()).filter(|named| !named.is_null()) else {
            return Ok(());
        };
        let id = named.get("id").and_then(Value::as_str).unwrap_or_default();
        let parts: Vec<String> = id
            .trim_end_matches('/')
            .split('/')
            .map(str::to_ascii_lowercase)
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let subscription = match parts.as_slice() {
            [
                "",
                "subscriptions",
                subscription,
                "resourcegroups",
                _,
                "providers",
                "microsoft.network",
                segment,
                _,
            ] if Sort::of_segment(segment) == Some(sort) => *subscription,
            _ => {
                let message = format!("'{id}' is no id of a {}.", sort.type_name());
                return Err(Refusal::network(400, "InvalidRequestFormat", message));
            }
        };
        if !subscription.eq_ignore_ascii_case(&self.subscription_id) {
            let action = "Microsoft.Network/virtualNetworks/subnets/write";
            let join = format!("{}/join/action", sort.type_name());
            return Err(Refusal::linked_unauthorized(call.client_id, action, subnet, id, &join));
        }
        let found = self.attachments.get(&key(id));
        let Some(found) = found.filter(|found| found.location == network.location) else {
            let message = format!("'{subnet}' refers to '{id}', which does not exist in the network's region.");
            return Err(Refusal::network(400, "InvalidResourceReference", message));
        };
        properties.insert(sort.member().into(), json!({"id": found.id}));
        Ok(())
    }

    /// `DELETE` of one subnet.
    pub(super) fn delete_subnet(&mut self, id: &str) -> Result<Answer, Refusal> {
        if !self.subnets.contains_key(&key(id)) {
            return Ok(Answer::empty(204));
        }
        self.refuse_in_use(id)?;
        self.subnets.remove(&key(id));
        Ok(Answer::empty(200))
    }

    /// Refuses to delete a subnet that holds network interfaces.
    pub(super) fn refuse_in_use(&self, subnet: &str) -> Result<(), Refusal> {
        let used = self.configurations(subnet);
        let Some(first) = used.first() else { return Ok(()) };
        let name = subnet.rsplit('/').next().unwrap_or_default();
        let message = format!("Subnet {name} is in use by {first} and cannot be deleted. Delete what uses it first.");
        Err(Refusal::network(400, "InUseSubnetCannotBeDeleted", message))
    }
}

/// Gives each service endpoint what the service adds to it.
fn fill_endpoints(properties: &mut Map<String, Value>, location: &str) {
    let endpoints = properties.get_mut("serviceEndpoints").and_then(Value::as_array_mut);
    for endpoint in endpoints.into_iter().flatten().filter_map(Value::as_object_mut) {
        let storage = endpoint
            .get("service")
            .and_then(Value::as_str)
            .is_some_and(|service| service.eq_ignore_ascii_case("Microsoft.Storage"));
        let pair = PAIRS.iter().find(|(region, _)| *region == location);
        let locations = match pair {
            Some((region, pair)) if storage => json!([region, pair]),
            _ if storage => json!([location]),
            _ => json!(["*"]),
        };
        endpoint.entry("locations").or_insert(locations);
        endpoint.entry("provisioningState").or_insert("Succeeded".into());
    }
}

/// Gives each delegation what the service adds to it.
fn fill_delegations(properties: &mut Map<String, Value>, subnet: &str, revision: u64) {
    let delegations = properties.entry("delegations").or_insert_with(|| json!([]));
    let delegations = delegations.as_array_mut();
    for delegation in delegations.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = delegation.get("name").and_then(Value::as_str).unwrap_or_default();
        let id = format!("{subnet}/delegations/{name}");
        for (member, value) in [
            ("id", id),
            ("etag", etag(revision)),
            ("type", "Microsoft.Network/virtualNetworks/subnets/delegations".into()),
        ] {
            delegation.entry(member).or_insert(value.into());
        }
        if let Some(inner) = delegation.get_mut("properties").and_then(Value::as_object_mut) {
            inner.entry("provisioningState").or_insert("Succeeded".into());
            inner
                .entry("actions")
                .or_insert_with(|| json!(["Microsoft.Network/virtualNetworks/subnets/join/action"]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_and_delegations_are_filled_but_never_overwritten() {
        for (location, sent, expected) in [
            (
                "eastus",
                json!({"service": "Microsoft.Storage"}),
                json!(["eastus", "westus"]),
            ),
            ("mars", json!({"service": "microsoft.storage"}), json!(["mars"])),
            ("eastus", json!({"service": "Microsoft.KeyVault"}), json!(["*"])),
            (
                "eastus",
                json!({"service": "Microsoft.Storage", "locations": ["x"]}),
                json!(["x"]),
            ),
        ] {
            let mut properties = Map::from_iter([("serviceEndpoints".to_string(), json!([sent]))]);
            fill_endpoints(&mut properties, location);
            assert_eq!(properties["serviceEndpoints"][0]["locations"], expected);
            assert_eq!(properties["serviceEndpoints"][0]["provisioningState"], "Succeeded");
        }
        let mut properties = Map::from_iter([(
            "delegations".to_string(),
            json!([{"name": "d", "properties": {"serviceName": "A/b"}}]),
        )]);
        fill_delegations(&mut properties, "/s", 1);
        assert_eq!(properties["delegations"][0]["id"], "/s/delegations/d");
        assert_eq!(properties["delegations"][0]["properties"]["serviceName"], "A/b");
    }
}
