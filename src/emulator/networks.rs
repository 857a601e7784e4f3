//! Virtual networks, as far as pools and preflight need them. The emulator never judges security rules.
//!
//! Writes end at once here (`Succeeded` in the first answer), where the service runs short operations: an assumption that
//! only shortens.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::arm::Call;
use super::attachments::etag;
use super::json::Json;
use super::metadata::{is_region, normalized};
use super::refusals::Refusal;
use super::store::{Network, Pool, Store, Subnet, key, parent};
use super::subnets::PRIVATE_BY_DEFAULT;

/// Hexadecimal digits at the end of the service's resource group for a pool's machines.
const MANAGED_GROUP_DIGITS: usize = 3;
/// Security-admin rules on a page, when the question names no `$top`. The service's own number is not known.
const ADMIN_RULES_PAGE: usize = 100;

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
            let join = "Microsoft.Network/virtualNetworks/subnets/join/action";
            return Err(Refusal::linked_unauthorized(call.client_id, action, pool, subnet, join));
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

    fn network_json(&self, network: &Network) -> Json {
        let subnets = self
            .subnets_of(&network.id)
            .into_iter()
            .map(|subnet| self.subnet_json(subnet))
            .collect();
        let given = |name: &str| network.properties.get(name).filter(|value| !value.is_null()).cloned();
        let mut properties = vec![("provisioningState", Json::from("Succeeded"))];
        let space = given("addressSpace").unwrap_or_else(|| json!({"addressPrefixes": []}));
        properties.push(("addressSpace", space.into()));
        if let Some(options) = given("dhcpOptions") {
            properties.push(("dhcpOptions", options.into()));
        }
        properties.push(("subnets", Json::Array(subnets)));
        let peerings = given("virtualNetworkPeerings").unwrap_or_else(|| json!([]));
        properties.push(("virtualNetworkPeerings", peerings.into()));
        properties.push(("enableDdosProtection", false.into()));
        Json::present([
            ("name", Some((&network.name).into())),
            ("id", Some((&network.id).into())),
            ("etag", Some(etag(network.revision).into())),
            ("type", Some("Microsoft.Network/virtualNetworks".into())),
            ("location", Some((&network.location).into())),
            ("tags", network.tags.clone().map(Json::from)),
            ("properties", Some(Json::Object(properties))),
        ])
    }

    /// `GET` of the networks below a prefix: a group's id, or the subscription's.
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

    /// `PUT` of one network. A body with subnets replaces all of them; one without leaves them alone.
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
        let wanted = properties.remove("subnets");
        let known = self.networks.get(&key(&id));
        if let Some(known) = known.filter(|known| known.location != location) {
            return Err(Refusal::moved(&known.id, &known.location));
        }
        let (id, name) = known.map_or((id, name.to_string()), |known| (known.id.clone(), known.name.clone()));
        let status = if known.is_some() { 200 } else { 201 };
        let mut network = Network {
            id: id.clone(),
            name,
            location,
            tags: body.get("tags").cloned(),
            properties,
            security_admin_rules: known.map_or_else(Vec::new, |known| known.security_admin_rules.clone()),
            private_subnets: known.map_or(call.version >= PRIVATE_BY_DEFAULT, |known| known.private_subnets),
            revision: 0,
        };
        let subnets = match wanted.as_ref().and_then(Value::as_array) {
            Some(wanted) => Some(self.wanted_subnets(call, &network, wanted)?),
            None => None,
        };
        network.revision = self.next_birth();
        if let Some(subnets) = subnets {
            let prefix = format!("{}/subnets/", key(&id));
            self.subnets.retain(|id, _| !id.starts_with(&prefix));
            for mut subnet in subnets {
                subnet.revision = network.revision;
                self.subnets.insert(key(&subnet.id), subnet);
            }
        }
        self.networks.insert(key(&id), network);
        let answer = self.networks.get(&key(&id)).map(|network| self.network_json(network));
        Ok(Answer::json(status, answer.unwrap_or_else(Json::null)))
    }

    /// The subnets that a network's body asks for. Nothing has changed when one of them, or the loss of another, is refused.
    fn wanted_subnets(&self, call: &Call, network: &Network, wanted: &[Value]) -> Result<Vec<Subnet>, Refusal> {
        let mut subnets = Vec::new();
        for subnet in wanted {
            let name = subnet.get("name").and_then(Value::as_str).unwrap_or_default();
            let properties = subnet.get("properties").and_then(Value::as_object);
            subnets.push(self.wanted_subnet(call, network, name, properties.cloned().unwrap_or_default())?);
        }
        let kept = |id: &str| subnets.iter().any(|subnet: &Subnet| key(&subnet.id) == key(id));
        for lost in self.subnets_of(&network.id).iter().filter(|known| !kept(&known.id)) {
            self.refuse_in_use(&lost.id)?;
        }
        Ok(subnets)
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

    /// `POST .../listNetworkManagerEffectiveSecurityAdminRules`: the seed's rules, in pages. A page that is not the last
    /// ends with a `skipToken`, which the next question carries in its body.
    pub(super) fn security_admin_rules(&self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        let network = self.networks.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        let body = if call.body.is_empty() {
            Map::new()
        } else {
            call.json_body()?
        };
        let token = body.get("skipToken").and_then(Value::as_str).unwrap_or_default();
        let start = match token {
            "" => 0,
            token => token.parse::<usize>().map_err(|_| {
                Refusal::network(
                    400,
                    "InvalidSkipToken",
                    format!("The skip token '{token}' is not known here."),
                )
            })?,
        };
        let asked = call.query.get("$top").and_then(|top| top.parse::<usize>().ok());
        let size = asked.filter(|size| *size > 0).unwrap_or(ADMIN_RULES_PAGE);
        let rules = &network.security_admin_rules;
        let page: Vec<Json> = rules
            .iter()
            .skip(start)
            .take(size)
            .map(|rule| Json::from(rule.clone()))
            .collect();
        let next = start.saturating_add(size);
        let more = (next < rules.len()).then(|| next.to_string().into());
        Ok(Answer::json(
            200,
            Json::present([("value", Some(Json::Array(page))), ("skipToken", more)]),
        ))
    }
}
