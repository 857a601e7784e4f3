//! From the seed's words for networks to objects in the store.

use serde_json::{Map, Value, json};

use super::attachments::{Attachment, Child, Sort};
use super::metadata::normalized;
use super::seed::Seed;
use super::seed_network::{SeedNetwork, SeedService, SeedSubnet};
use super::store::{Network, Store, Subnet, key};

impl Store {
    /// Networks, subnets and what they name; their groups must be there.
    pub(super) fn seed_networks(&mut self, seed: &Seed) -> Result<(), String> {
        for foreign in &seed.foreign_subscriptions {
            self.foreign.insert(foreign.id.to_ascii_lowercase(), foreign.answer);
        }
        for group in &seed.network_security_groups {
            let at = Place::of(seed, &group.resource_group, &group.name, group.location.as_deref());
            self.seed_attachment(Sort::SecurityGroup, &at, Map::new(), &group.security_rules)?;
        }
        for table in &seed.route_tables {
            let at = Place::of(seed, &table.resource_group, &table.name, table.location.as_deref());
            let off = table.disable_bgp_route_propagation;
            let properties = Map::from_iter([("disableBgpRoutePropagation".to_string(), off.into())]);
            self.seed_attachment(Sort::RouteTable, &at, properties, &table.routes)?;
        }
        for gateway in &seed.nat_gateways {
            let at = Place::of(
                seed,
                &gateway.resource_group,
                &gateway.name,
                gateway.location.as_deref(),
            );
            self.seed_attachment(Sort::NatGateway, &at, Map::new(), &[])?;
        }
        for network in &seed.virtual_networks {
            self.seed_network(seed, network)?;
        }
        Ok(())
    }

    fn seed_attachment(
        &mut self,
        sort: Sort,
        at: &Place,
        properties: Map<String, Value>,
        children: &[Value],
    ) -> Result<(), String> {
        let group = self.seeded_group(at.group)?;
        let id = format!("{group}/providers/Microsoft.Network/{}/{}", sort.segment(), at.name);
        let revision = self.next_birth();
        let children: Vec<Child> = children.iter().map(|child| Child::read(child, revision)).collect();
        if children.iter().any(|child| child.name.is_empty()) {
            return Err(format!("a rule or route of '{}' has no name", at.name));
        }
        let attachment = Attachment {
            sort,
            id,
            name: at.name.into(),
            location: at.location.clone(),
            tags: None,
            extras: Map::new(),
            properties,
            children,
            guid: super::identity::random_id(),
            revision,
        };
        self.attachments.insert(key(&attachment.id), attachment);
        Ok(())
    }

    fn seed_network(&mut self, seed: &Seed, network: &SeedNetwork) -> Result<(), String> {
        let group = self.seeded_group(&network.resource_group)?;
        let id = format!("{group}/providers/Microsoft.Network/virtualNetworks/{}", network.name);
        let mut properties = Map::new();
        properties.insert("addressSpace".into(), json!({"addressPrefixes": network.address_space}));
        if !network.dns_servers.is_empty() {
            properties.insert("dhcpOptions".into(), json!({"dnsServers": network.dns_servers}));
        }
        if !network.peerings.is_empty() {
            properties.insert("virtualNetworkPeerings".into(), network.peerings.clone().into());
        }
        for subnet in &network.subnets {
            let properties = self.seeded_subnet(subnet)?;
            let id = format!("{id}/subnets/{}", subnet.name);
            let subnet = Subnet {
                id,
                name: subnet.name.clone(),
                properties,
                dead: subnet.dead,
                revision: self.next_birth(),
            };
            self.subnets.insert(key(&subnet.id), subnet);
        }
        let location = normalized(network.location.as_deref().unwrap_or(&seed.location));
        let network = Network {
            id,
            name: network.name.clone(),
            location,
            tags: None,
            properties,
            security_admin_rules: network.security_admin_rules.clone(),
            private_subnets: false,
            revision: self.next_birth(),
        };
        self.networks.insert(key(&network.id), network);
        Ok(())
    }

    fn seeded_subnet(&self, subnet: &SeedSubnet) -> Result<Map<String, Value>, String> {
        let mut properties = Map::new();
        let mut set = |member: &str, value: Value| properties.insert(member.to_string(), value);
        match (subnet.address_prefix.as_str(), subnet.address_prefixes.as_slice()) {
            ("", []) => return Err(format!("subnet '{}' has no address range", subnet.name)),
            ("", several) => set("addressPrefixes", json!(several)),
            (one, []) => set("addressPrefix", one.into()),
            _ => {
                return Err(format!(
                    "subnet '{}' has both address_prefix and address_prefixes",
                    subnet.name
                ));
            }
        };
        for (sort, named) in [
            (Sort::SecurityGroup, &subnet.security_group),
            (Sort::RouteTable, &subnet.route_table),
            (Sort::NatGateway, &subnet.nat_gateway),
        ] {
            if let Some(named) = named {
                set(sort.member(), json!({"id": self.seeded_attachment(sort, named)?}));
            }
        }
        if !subnet.service_endpoints.is_empty() {
            let endpoints = subnet.service_endpoints.iter().map(|endpoint| match endpoint {
                SeedService::Name(service) => json!({"service": service}),
                SeedService::Whole(members) => Value::Object(members.clone()),
            });
            set("serviceEndpoints", endpoints.collect());
        }
        if !subnet.service_endpoint_policies.is_empty() {
            let policies = subnet.service_endpoint_policies.iter().map(|id| json!({"id": id}));
            set("serviceEndpointPolicies", policies.collect());
        }
        if !subnet.delegations.is_empty() {
            let delegations = subnet.delegations.iter().enumerate();
            let delegations = delegations.map(|(at, delegation)| match delegation {
                SeedService::Name(name) => json!({"name": at.to_string(), "properties": {"serviceName": name}}),
                SeedService::Whole(members) => Value::Object(members.clone()),
            });
            set("delegations", delegations.collect());
        }
        if let Some(access) = subnet.default_outbound_access {
            set("defaultOutboundAccess", access.into());
        }
        Ok(properties)
    }

    /// An id as it stands, or the id behind a name.
    fn seeded_attachment(&self, sort: Sort, named: &str) -> Result<String, String> {
        if named.starts_with('/') {
            return Ok(named.into());
        }
        let found = self
            .attachments
            .values()
            .find(|known| known.sort == sort && known.name.eq_ignore_ascii_case(named));
        found
            .map(|found| found.id.clone())
            .ok_or_else(|| format!("'{named}' is none of the seed's {}", sort.segment()))
    }
}

/// Where an object is to be.
struct Place<'a> {
    group: &'a str,
    name: &'a str,
    location: String,
}

impl<'a> Place<'a> {
    fn of(seed: &Seed, group: &'a str, name: &'a str, location: Option<&str>) -> Place<'a> {
        let location = normalized(location.unwrap_or(&seed.location));
        Place { group, name, location }
    }
}
