//! The subnet of a pool and its virtual network: addresses, service endpoints, egress, delegation, DNS.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::address::{V4Set, parse_net};
use super::reading::{flag, last_segment, list, member, properties, text, texts};
use super::tags::{Tag, region_key};

/// Addresses that Azure keeps of every subnet: network, gateway, two for DNS, broadcast.
pub const RESERVED_ADDRESSES: u64 = 5;

/// The bridge of the container engine on agents. The service's documentation (2025-06-02): custom DNS servers must not be in it.
pub const CONTAINER_BRIDGE: &str = "172.17.0.0/16";

/// Which tag a service endpoint carries. There is none for Azure Monitor; that of Entra ID carries only a
/// part (29 % of the tag's IPv4 addresses on 2026-06-26).
const ENDPOINT_TAGS: [(&str, &str); 6] = [
    ("Microsoft.KeyVault", "AzureKeyVault"),
    ("Microsoft.EventHub", "EventHub"),
    ("Microsoft.Storage", "Storage"),
    ("Microsoft.Storage.Global", "Storage"),
    ("Microsoft.AzureActiveDirectory", "AzureActiveDirectory.ServiceEndpoint"),
    ("Microsoft.ContainerRegistry", "AzureContainerRegistry"),
];

/// The service endpoint that carries a tag as a whole.
pub(super) fn endpoint_for(wanted: &Tag) -> Option<&'static str> {
    ENDPOINT_TAGS
        .iter()
        .find(|(_, tag)| wanted.is(tag))
        .map(|(service, _)| *service)
}

/// A subnet, as far as reaching services goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// Its name, for messages.
    pub name: String,
    /// IPv4 prefixes; empty if none could be read.
    pub prefixes: Vec<Ipv4Net>,
    /// Endpoints that are provisioned.
    pub service_endpoints: Vec<ServiceEndpoint>,
    /// Whether service endpoint policies are attached.
    pub has_endpoint_policies: bool,
    /// Whether a NAT gateway gives explicit egress.
    pub has_nat_gateway: bool,
    /// Whether it is private: without default outbound access. Since API version 2025-07-01 that is the default of new networks.
    pub is_private: bool,
    /// Services that the subnet is delegated to, such as `Microsoft.Web/serverFarms`.
    pub delegations: Vec<String>,
}

impl Subnet {
    /// Reads the answer of a GET; never fails.
    pub fn from_arm(body: &Value) -> Self {
        let properties = properties(body);
        let id = text(body, "id").unwrap_or_default();
        let delegation = |it: &Value| text(super::reading::properties(it), "serviceName");
        Self {
            name: text(body, "name").unwrap_or_else(|| last_segment(&id).to_owned()),
            prefixes: texts(properties, "addressPrefix", "addressPrefixes")
                .iter()
                .filter_map(|it| parse_net(it))
                .collect(),
            service_endpoints: list(properties, "serviceEndpoints")
                .iter()
                .filter_map(ServiceEndpoint::from_arm)
                .collect(),
            has_endpoint_policies: !list(properties, "serviceEndpointPolicies").is_empty(),
            has_nat_gateway: member(properties, "natGateway").is_some(),
            is_private: flag(properties, "defaultOutboundAccess") == Some(false),
            delegations: list(properties, "delegations").iter().filter_map(delegation).collect(),
        }
    }

    /// All of its IPv4 addresses, `None` if they could not be read.
    pub fn addresses(&self) -> Option<V4Set> {
        (!self.prefixes.is_empty()).then(|| self.prefixes.iter().copied().collect())
    }

    /// How many machines the subnet holds when empty. Reserved addresses are counted once for each prefix, an assumption.
    pub fn capacity(&self) -> u64 {
        let hosts = |net: &Ipv4Net| (1_u64 << (32 - net.prefix_len())).saturating_sub(RESERVED_ADDRESSES);
        self.prefixes.iter().map(hosts).sum()
    }
}

/// A provisioned service endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEndpoint {
    /// Its service, as it was written.
    pub service: String,
    /// Regions it is for; empty if the answer names none.
    pub locations: Vec<String>,
}

/// How much of a service an endpoint carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointShare {
    /// All that the pool needs of it.
    Full,
    /// These tags only.
    Parts(Vec<Tag>),
}

impl ServiceEndpoint {
    fn from_arm(value: &Value) -> Option<Self> {
        let provisioned = text(value, "provisioningState").is_some_and(|it| it.eq_ignore_ascii_case("Succeeded"));
        Some(Self {
            service: text(value, "service").filter(|_| provisioned)?,
            locations: texts(value, "location", "locations"),
        })
    }

    /// What of `wanted` the endpoint carries for a registry in these regions (the pool's first); `None` if nothing.
    pub fn share(&self, wanted: &Tag, regions: &[String]) -> Option<EndpointShare> {
        let service = self.service.to_ascii_lowercase();
        let carried = Tag::parse(
            ENDPOINT_TAGS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(&service))?
                .1,
        );
        if carried != *wanted {
            let part = wanted.is("AzureActiveDirectory") && carried.name().starts_with("AzureActiveDirectory.");
            return part.then(|| EndpointShare::Parts(vec![carried]));
        }
        let global = service.ends_with(".global") || self.locations.iter().any(|it| it == "*");
        let holds = |region: &String| self.locations.iter().any(|it| region_key(it) == region_key(region));
        // Without a list the endpoint is for the network's own region at least, which is the pool's.
        let home_alone =
            self.locations.is_empty() && regions.windows(2).all(|it| region_key(&it[0]) == region_key(&it[1]));
        if global || home_alone || !self.locations.is_empty() && regions.iter().all(holds) {
            return Some(EndpointShare::Full);
        }
        let homes = if self.locations.is_empty() {
            &regions[..1]
        } else {
            &self.locations[..]
        };
        Some(EndpointShare::Parts(
            homes.iter().map(|it| wanted.in_region(it)).collect(),
        ))
    }
}

/// A virtual network, as far as reaching services goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualNetwork {
    /// ARM's location.
    pub location: String,
    /// IPv4 space of the network and of its peers.
    pub space: Vec<Ipv4Net>,
    /// Custom DNS servers; empty means Azure's own.
    pub dns_servers: Vec<String>,
    /// Whether a gateway, its own or a peer's, may announce routes, such as a default route that no GET shows.
    pub may_learn_routes: bool,
}

impl VirtualNetwork {
    /// Reads the answer of a GET; never fails.
    pub fn from_arm(body: &Value) -> Self {
        let properties = properties(body);
        let nets = |object: &Value, name: &str| -> Vec<Ipv4Net> {
            let space = member(object, name);
            let prefixes = space
                .map(|it| texts(it, "addressPrefix", "addressPrefixes"))
                .unwrap_or_default();
            prefixes.iter().filter_map(|it| parse_net(it)).collect()
        };
        let mut space = nets(properties, "addressSpace");
        let mut may_learn_routes = list(properties, "subnets").iter().any(is_gateway_subnet);
        for peering in list(properties, "virtualNetworkPeerings")
            .iter()
            .map(super::reading::properties)
        {
            may_learn_routes |= flag(peering, "useRemoteGateways").unwrap_or(false);
            space.extend(nets(peering, "remoteVirtualNetworkAddressSpace"));
            space.extend(nets(peering, "remoteAddressSpace"));
        }
        let dns = member(properties, "dhcpOptions");
        Self {
            location: text(body, "location").unwrap_or_default(),
            space,
            dns_servers: dns.map(|it| texts(it, "dnsServer", "dnsServers")).unwrap_or_default(),
            may_learn_routes,
        }
    }

    /// Whether it is in that region. A scale set has to be in its network's region and agents run in the registry's: inferred.
    pub fn is_in(&self, region: &str) -> bool {
        region_key(&self.location) == region_key(region)
    }

    /// Custom DNS servers that agents cannot ask, because their container engine uses the same range.
    pub fn dns_conflicts(&self) -> Vec<Ipv4Addr> {
        let Some(bridge) = parse_net(CONTAINER_BRIDGE) else {
            return Vec::new();
        };
        let servers = self.dns_servers.iter().filter_map(|it| it.parse().ok());
        servers.filter(|it| bridge.contains(it)).collect()
    }
}

/// Whether a gateway may be in there: the subnet's name is fixed, and an explicitly empty list of users means that there is none.
fn is_gateway_subnet(subnet: &Value) -> bool {
    let name = text(subnet, "name").or_else(|| text(subnet, "id").map(|id| last_segment(&id).to_owned()));
    let users = member(properties(subnet), "ipConfigurations").and_then(Value::as_array);
    name.is_some_and(|it| it.eq_ignore_ascii_case("GatewaySubnet")) && users.is_none_or(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn endpoints_carry_what_their_regions_say() {
        let share = |service: &str, locations: &[&str], wanted: &str, regions: &[&str]| {
            let endpoint = ServiceEndpoint {
                service: service.to_owned(),
                locations: locations.iter().map(|it| (*it).to_owned()).collect(),
            };
            let regions: Vec<String> = regions.iter().map(|it| (*it).to_owned()).collect();
            endpoint.share(&Tag::parse(wanted), &regions)
        };
        let full = Some(EndpointShare::Full);
        let part = |names: &[&str]| Some(EndpointShare::Parts(names.iter().map(|it| Tag::parse(it)).collect()));
        assert_eq!(share("Microsoft.KeyVault", &["*"], "AzureKeyVault", &["eastus"]), full);
        assert_eq!(
            share("microsoft.storage", &["eastus", "westus"], "Storage", &["East US"]),
            full
        );
        assert_eq!(
            share("Microsoft.Storage.Global", &[], "Storage", &["eastus", "uksouth"]),
            full
        );
        assert_eq!(share("Microsoft.Storage", &[], "Storage", &["eastus"]), full);
        assert_eq!(
            share("Microsoft.Storage", &[], "Storage", &["eastus", "uksouth"]),
            part(&["Storage.eastus"])
        );
        assert_eq!(
            share("Microsoft.Storage", &["uksouth"], "Storage", &["eastus"]),
            part(&["Storage.uksouth"])
        );
        let entra = part(&["AzureActiveDirectory.ServiceEndpoint"]);
        assert_eq!(
            share(
                "Microsoft.AzureActiveDirectory",
                &["*"],
                "AzureActiveDirectory",
                &["eastus"]
            ),
            entra
        );
        assert_eq!(share("Microsoft.KeyVault", &["*"], "Storage", &["eastus"]), None);
        assert_eq!(share("Microsoft.Insights", &["*"], "AzureMonitor", &["eastus"]), None);
    }

    #[test]
    fn networks_are_read_whatever_is_missing() {
        assert_eq!(VirtualNetwork::from_arm(&json!([])), VirtualNetwork::default());
        let network = VirtualNetwork::from_arm(&json!({"location": "East US", "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16", "fd00::/48"]}, "dhcpOptions": {"dnsServers": ["172.17.0.10", "10.0.0.4"]},
            "subnets": [{"name": "GatewaySubnet", "properties": {"ipConfigurations": []}}],
            "virtualNetworkPeerings": [{"properties": {"remoteAddressSpace": {"addressPrefixes": ["10.9.0.0/16"]}, "useRemoteGateways": null}}]}}));
        assert!(network.is_in("eastus") && !network.may_learn_routes);
        assert_eq!(
            (network.space.len(), network.dns_conflicts()),
            (2, vec![Ipv4Addr::new(172, 17, 0, 10)])
        );
        for body in [
            json!({"properties": {"subnets": [{"name": "gatewaysubnet"}]}}),
            json!({"properties": {"virtualNetworkPeerings": [{"properties": {"useRemoteGateways": true}}]}}),
        ] {
            assert!(VirtualNetwork::from_arm(&body).may_learn_routes, "{body}");
        }
    }

    #[test]
    fn subnets_are_read_whatever_is_missing() {
        assert_eq!(Subnet::from_arm(&json!(null)), Subnet::default());
        let subnet = Subnet::from_arm(
            &json!({"id": "/x/subnets/agents", "properties": {"addressPrefix": "10.0.1.0/27",
            "addressPrefixes": ["10.0.2.0/28", "fd00::/64"], "natGateway": null, "defaultOutboundAccess": false,
            "serviceEndpoints": [{"service": "Microsoft.KeyVault", "provisioningState": "Failed"}, {}],
            "delegations": [{"properties": {"serviceName": "Microsoft.Web/serverFarms"}}]}}),
        );
        assert_eq!((subnet.name.as_str(), subnet.capacity()), ("agents", 27 + 11));
        assert!(subnet.is_private && !subnet.has_nat_gateway && subnet.service_endpoints.is_empty());
        assert_eq!(subnet.delegations, ["Microsoft.Web/serverFarms"]);
    }
}
