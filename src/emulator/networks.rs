//! Virtual networks and subnets, as far as pools need them. The emulator never judges security rules.
//!
//! Writes end at once here (`Succeeded` in the first answer), where the service runs short operations: an assumption that
//! only shortens.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::arm::Call;
use super::json::Json;
use super::metadata::{is_region, normalized};
use super::refusals::Refusal;
use super::store::{Network, Pool, Store, Subnet, key, parent};

/// Hexadecimal digits at the end of the service's resource group for a pool's machines.
const MANAGED_GROUP_DIGITS: usize = 3;

/// The name of the service's own resource group for a pool's machines: `ap-<registry>-<pool>-<3 hex>`.
pub(super) fn managed_group(registry: &str, pool: &str) -> String {
    format!(
        "ap-{registry}-{pool}-{}",
        super::identity::random_text(MANAGED_GROUP_DIGITS)
    )
}

/// The IP configurations that a pool's machines occupy in its subnet.
pub(super) fn pool_configurations(subscription: &str, pool: &Pool) -> Vec<String> {
    let machines = format!(
        "/subscriptions/{subscription}/resourceGroups/{}/providers/Microsoft.Compute/virtualMachineScaleSets/{}",
        pool.managed_group, pool.name
    );
    let of = |at| format!("{machines}/virtualMachines/{at}/networkInterfaces/nic-{at}/ipConfigurations/ipconfig");
    (0..pool.count).map(of).collect()
}

impl Store {
    /// The IP configurations in a subnet, of pools that exist and of those gone a moment ago.
    pub(super) fn configurations(&self, subnet: &str) -> Vec<String> {
        let subnet = key(subnet);
        let here = |id: &String| key(id) == subnet;
        let pools = self
            .pools
            .values()
            .filter(|pool| pool.subnet.as_ref().is_some_and(here));
        let alive = pools.flat_map(|pool| pool_configurations(&self.subscription_id, pool));
        let gone = self.lingering.iter().filter(|lingering| lingering.subnet == subnet);
        alive
            .chain(gone.flat_map(|lingering| lingering.configurations.clone()))
            .collect()
    }

    /// Refuses a subnet that a pool cannot use. All texts are assumptions.
    pub(super) fn check_subnet(&self, call: &Call, pool: &str, subnet: &str, location: &str) -> Result<(), Refusal> {
        let parameters = "agentPoolCreateParameters";
        let property = "VirtualNetworkSubnetResourceId";
        let lower = key(subnet);
        let parts: Vec<&str> = lower.split('/').collect();
        let [
            "",
            "subscriptions",
            subscription,
            "resourcegroups",
            _,
            "providers",
            "microsoft.network",
            "virtualnetworks",
            _,
            "subnets",
            _,
        ] = parts.as_slice()
        else {
            return Err(Refusal::input(
                parameters,
                property,
                &format!("'{subnet}' is no id of a subnet."),
            ));
        };
        if *subscription != self.subscription_id.to_ascii_lowercase() {
            let action = "Microsoft.ContainerRegistry/registries/agentPools/write";
            return Err(Refusal::linked_unauthorized(call.client_id, action, pool, subnet));
        }
        let network = self.networks.get(parent(&lower));
        let (Some(network), true) = (network, self.subnets.contains_key(&lower)) else {
            return Err(Refusal::input(
                parameters,
                property,
                &format!("The subnet '{subnet}' was not found."),
            ));
        };
        if network.location != location {
            let text = format!(
                "The subnet '{subnet}' is in '{}', not in '{location}'.",
                network.location
            );
            return Err(Refusal::input(parameters, property, &text));
        }
        Ok(())
    }

    fn subnet_json(&self, subnet: &Subnet) -> Json {
        let mut properties = subnet.properties.clone();
        properties.insert("provisioningState".into(), "Succeeded".into());
        properties.entry("delegations").or_insert_with(|| json!([]));
        properties
            .entry("privateEndpointNetworkPolicies")
            .or_insert_with(|| "Disabled".into());
        properties
            .entry("privateLinkServiceNetworkPolicies")
            .or_insert_with(|| "Enabled".into());
        let used = self.configurations(&subnet.id);
        properties.remove("ipConfigurations");
        if !used.is_empty() {
            let used: Vec<Value> = used.into_iter().map(|id| json!({"id": id})).collect();
            properties.insert("ipConfigurations".into(), used.into());
        }
        Json::object([
            ("name", (&subnet.name).into()),
            ("id", (&subnet.id).into()),
            ("etag", ETAG.into()),
            ("properties", Value::Object(properties).into()),
            ("type", "Microsoft.Network/virtualNetworks/subnets".into()),
        ])
    }

    fn network_json(&self, network: &Network) -> Json {
        let subnets = self
            .subnets_of(&network.id)
            .into_iter()
            .map(|subnet| self.subnet_json(subnet))
            .collect();
        let mut properties = vec![("provisioningState", Json::from("Succeeded"))];
        let space = network
            .properties
            .get("addressSpace")
            .cloned()
            .unwrap_or_else(|| json!({"addressPrefixes": []}));
        properties.push(("addressSpace", space.into()));
        if let Some(options) = network.properties.get("dhcpOptions") {
            properties.push(("dhcpOptions", options.clone().into()));
        }
        properties.push(("subnets", Json::Array(subnets)));
        properties.push(("virtualNetworkPeerings", Json::Array(Vec::new())));
        properties.push(("enableDdosProtection", false.into()));
        Json::present([
            ("name", Some((&network.name).into())),
            ("id", Some((&network.id).into())),
            ("etag", Some(ETAG.into())),
            ("type", Some("Microsoft.Network/virtualNetworks".into())),
            ("location", Some((&network.location).into())),
            ("tags", network.tags.clone().map(Json::from)),
            ("properties", Some(Json::Object(properties))),
        ])
    }

    fn subnets_of(&self, network: &str) -> Vec<&Subnet> {
        let prefix = format!("{}/subnets/", key(network));
        self.subnets
            .iter()
            .filter(|(id, _)| id.starts_with(&prefix))
            .map(|(_, subnet)| subnet)
            .collect()
    }

    /// `GET` of the networks of a group.
    pub(super) fn list_networks(&self, group: &str) -> Answer {
        let prefix = format!("{}/", key(group));
        let inside = self.networks.iter().filter(|(id, _)| id.starts_with(&prefix));
        Answer::json(
            200,
            Json::list(inside.map(|(_, network)| self.network_json(network)).collect()),
        )
    }

    /// `GET` of one network.
    pub(super) fn get_network(&self, id: &str) -> Result<Answer, Refusal> {
        let network = self.networks.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        Ok(Answer::json(200, self.network_json(network)))
    }

    /// `PUT` of one network, with the subnets in its body.
    pub(super) fn put_network(&mut self, call: &Call, group: &str, name: &str) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let location = normalized(body.get("location").and_then(Value::as_str).unwrap_or_default());
        if location.is_empty() {
            return Err(Refusal::location_required());
        }
        if !is_region(&location) {
            return Err(Refusal::location(&location, "Microsoft.Network/virtualNetworks", &[]));
        }
        let id = format!("{group}/providers/Microsoft.Network/virtualNetworks/{name}");
        let mut properties = body
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let subnets = properties.remove("subnets");
        if let Some(subnets) = subnets.as_ref().and_then(Value::as_array) {
            self.replace_subnets(&id, subnets)?;
        }
        let known = self.networks.get(&key(&id));
        if let Some(known) = known.filter(|known| known.location != location) {
            return Err(Refusal::moved(&known.id, &known.location));
        }
        let (id, name) = known.map_or((id, name.to_string()), |known| (known.id.clone(), known.name.clone()));
        let status = if known.is_some() { 200 } else { 201 };
        let network = Network {
            id: id.clone(),
            name,
            location,
            tags: body.get("tags").cloned(),
            properties,
        };
        let answer = Answer::json(status, self.network_json(&network));
        self.networks.insert(key(&id), network);
        Ok(answer)
    }

    fn replace_subnets(&mut self, network: &str, wanted: &[Value]) -> Result<(), Refusal> {
        let mut kept = Vec::new();
        for subnet in wanted {
            let name = subnet.get("name").and_then(Value::as_str).unwrap_or_default();
            let properties = subnet
                .get("properties")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            let id = format!("{network}/subnets/{name}");
            kept.push(key(&id));
            self.subnets.insert(
                key(&id),
                Subnet {
                    id,
                    name: name.into(),
                    properties,
                },
            );
        }
        let dropped: Vec<String> = self
            .subnets_of(network)
            .iter()
            .map(|subnet| key(&subnet.id))
            .filter(|id| !kept.contains(id))
            .collect();
        for id in dropped {
            self.refuse_in_use(&id)?;
            self.subnets.remove(&id);
        }
        Ok(())
    }

    /// `DELETE` of one network.
    pub(super) fn delete_network(&mut self, id: &str) -> Result<Answer, Refusal> {
        if !self.networks.contains_key(&key(id)) {
            return Ok(Answer::empty(204));
        }
        let subnets: Vec<String> = self.subnets_of(id).iter().map(|subnet| key(&subnet.id)).collect();
        for subnet in &subnets {
            self.refuse_in_use(subnet)?;
        }
        self.subnets.retain(|id, _| !subnets.contains(id));
        self.networks.remove(&key(id));
        Ok(Answer::empty(200))
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

    /// `PUT` of one subnet.
    pub(super) fn put_subnet(&mut self, call: &Call, network: &str, name: &str) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let network = self.networks.get(&key(network)).ok_or_else(|| {
            let name = network.rsplit('/').next().unwrap_or_default();
            Refusal::parent(&format!("Microsoft.Network/virtualNetworks/{name}"))
        })?;
        let properties: Map<String, Value> = body
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if !properties.contains_key("addressPrefix") && !properties.contains_key("addressPrefixes") {
            return Err(Refusal::gateway(
                400,
                "InvalidRequestFormat",
                "A subnet needs an address prefix.",
            ));
        }
        let id = format!("{}/subnets/{name}", network.id);
        let status = if self.subnets.contains_key(&key(&id)) { 200 } else { 201 };
        let subnet = Subnet {
            id: id.clone(),
            name: name.into(),
            properties,
        };
        let answer = Answer::json(status, self.subnet_json(&subnet));
        self.subnets.insert(key(&id), subnet);
        Ok(answer)
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

    fn refuse_in_use(&self, subnet: &str) -> Result<(), Refusal> {
        let used = self.configurations(subnet);
        let Some(first) = used.first() else { return Ok(()) };
        let name = subnet.rsplit('/').next().unwrap_or_default();
        let message = format!("Subnet {name} is in use by {first} and cannot be deleted. Delete what uses it first.");
        Err(Refusal::gateway(400, "InUseSubnetCannotBeDeleted", message))
    }
}

/// Nothing here changes by etag, but clients expect one.
const ETAG: &str = "W/\"00000000-0000-0000-0000-000000000001\"";
