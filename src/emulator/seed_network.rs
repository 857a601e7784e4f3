//! The seed's words for networks, and for what lies in other subscriptions.
//!
//! ```json
//! {
//!   "network_security_groups": [{"name": "nsg-agents", "resource_group": "rg-builds", "security_rules": [
//!     {"name": "deny-internet", "properties": {"priority": 200, "direction": "Outbound", "access": "Deny", "protocol": "*",
//!      "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "Internet", "destinationPortRange": "*"}}]}],
//!   "route_tables": [{"name": "rt-agents", "resource_group": "rg-builds", "routes": [
//!     {"name": "default", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}}]}],
//!   "nat_gateways": [{"name": "ng-agents", "resource_group": "rg-builds"}],
//!   "virtual_networks": [{"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
//!     "dns_servers": ["10.40.0.4"], "security_admin_rules": [],
//!     "subnets": [{"name": "snet-agents", "address_prefix": "10.40.1.0/24", "security_group": "nsg-agents",
//!                  "route_table": "rt-agents", "nat_gateway": "ng-agents", "service_endpoints": ["Microsoft.Storage"],
//!                  "delegations": [], "default_outbound_access": false, "dead": true}]}],
//!   "dead_subnet_seconds": 600,
//!   "service_tags": {"Storage": ["198.51.100.0/24"]},
//!   "foreign_subscriptions": [{"id": "22222222-2222-3333-4444-555555555555", "answer": "forbidden"}]
//! }
//! ```
//!
//! Rules, routes, peerings and security-admin rules are written as ARM spells them. A seed is not checked as a write is:
//! it may start from trouble, such as an id that leads nowhere or a next hop that nobody knows.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A virtual network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedNetwork {
    /// Its name.
    pub name: String,
    /// The group that holds it.
    pub resource_group: String,
    /// Its location; the seed's when absent.
    #[serde(default)]
    pub location: Option<String>,
    /// Its address ranges in CIDR notation.
    pub address_space: Vec<String>,
    /// Its own DNS servers; Azure's when empty.
    #[serde(default)]
    pub dns_servers: Vec<String>,
    /// Peerings, as ARM spells them.
    #[serde(default)]
    pub peerings: Vec<Value>,
    /// What a network manager imposes, as `listNetworkManagerEffectiveSecurityAdminRules` lists it.
    #[serde(default)]
    pub security_admin_rules: Vec<Value>,
    /// Its subnets.
    #[serde(default)]
    pub subnets: Vec<SeedSubnet>,
}

/// A subnet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedSubnet {
    /// Its name.
    pub name: String,
    /// Its address range in CIDR notation.
    #[serde(default)]
    pub address_prefix: String,
    /// Its address ranges, where it has several; then `address_prefix` stays away.
    #[serde(default)]
    pub address_prefixes: Vec<String>,
    /// The name of a security group of the seed, or any ARM id.
    #[serde(default)]
    pub security_group: Option<String>,
    /// The name of a route table of the seed, or any ARM id.
    #[serde(default)]
    pub route_table: Option<String>,
    /// The name of a NAT gateway of the seed, or any ARM id.
    #[serde(default)]
    pub nat_gateway: Option<String>,
    /// Service endpoints.
    #[serde(default)]
    pub service_endpoints: Vec<SeedService>,
    /// ARM ids of service endpoint policies. Nothing serves these.
    #[serde(default)]
    pub service_endpoint_policies: Vec<String>,
    /// Services to which it is delegated, such as `Microsoft.ContainerInstance/containerGroups`.
    #[serde(default)]
    pub delegations: Vec<SeedService>,
    /// `defaultOutboundAccess`; absent from answers when absent here.
    #[serde(default)]
    pub default_outbound_access: Option<bool>,
    /// Declares that pools in it never reach what they need.
    #[serde(default)]
    pub dead: bool,
}

/// A service endpoint or a delegation: the service alone, or the whole entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum SeedService {
    /// The service, such as `Microsoft.Storage`; everything else is filled in as the service does it.
    Name(String),
    /// As ARM spells it: `service`, `locations` and `provisioningState` of an endpoint, `name` and `properties` of a
    /// delegation.
    Whole(Map<String, Value>),
}

/// A network security group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedSecurityGroup {
    /// Its name.
    pub name: String,
    /// The group that holds it.
    pub resource_group: String,
    /// Its location; the seed's when absent.
    #[serde(default)]
    pub location: Option<String>,
    /// Its own rules, `{"name", "properties"}` as ARM spells them. The six default rules are always there.
    #[serde(default)]
    pub security_rules: Vec<Value>,
}

/// A route table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedRouteTable {
    /// Its name.
    pub name: String,
    /// The group that holds it.
    pub resource_group: String,
    /// Its location; the seed's when absent.
    #[serde(default)]
    pub location: Option<String>,
    /// `disableBgpRoutePropagation`.
    #[serde(default)]
    pub disable_bgp_route_propagation: bool,
    /// Its routes, `{"name", "properties"}` as ARM spells them.
    #[serde(default)]
    pub routes: Vec<Value>,
}

/// A NAT gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedNatGateway {
    /// Its name.
    pub name: String,
    /// The group that holds it.
    pub resource_group: String,
    /// Its location; the seed's when absent.
    #[serde(default)]
    pub location: Option<String>,
}

/// A subscription that exists elsewhere. Any other than these and the emulator's own is `SubscriptionNotFound`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedForeignSubscription {
    /// Its id.
    pub id: String,
    /// What every request to it is answered with.
    pub answer: ForeignAnswer,
}

/// What ARM says about a subscription that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignAnswer {
    /// 403 `AuthorizationFailed`: in our tenant, without rights.
    Forbidden,
    /// 401 `InvalidAuthenticationTokenTenant`: in another tenant.
    OtherTenant,
    /// 404 `SubscriptionNotFound`, as for any subscription that the seed does not name.
    NotFound,
}

impl SeedNetwork {
    /// A network without subnets, in the seed's location.
    pub fn new(name: &str, resource_group: &str, address_space: &[&str]) -> SeedNetwork {
        SeedNetwork {
            name: name.into(),
            resource_group: resource_group.into(),
            address_space: address_space.iter().map(|range| range.to_string()).collect(),
            ..SeedNetwork::default()
        }
    }
}

impl SeedSubnet {
    /// A subnet that names nothing.
    pub fn new(name: &str, address_prefix: &str) -> SeedSubnet {
        SeedSubnet {
            name: name.into(),
            address_prefix: address_prefix.into(),
            ..SeedSubnet::default()
        }
    }
}
