//! Route tables: user-defined routes and what their next hops mean for traffic to a public service.

use std::fmt;

use serde_json::Value;

use super::address::Address;
use super::reading::{flag, last_segment, list, member, properties, text, texts};

/// A route table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    /// Its name, for messages.
    pub name: String,
    /// Its routes, ordered by prefix: the order of the array means nothing, and so what is said must not depend on it.
    pub routes: Vec<Route>,
    /// Whether routes of a virtual network gateway are kept out.
    pub gateway_routes_disabled: bool,
}

impl RouteTable {
    /// Reads the answer of a GET; never fails.
    pub fn from_arm(body: &Value) -> Self {
        let id = text(body, "id").unwrap_or_default();
        Self {
            name: text(body, "name").unwrap_or_else(|| last_segment(&id).to_owned()),
            routes: in_order(list(properties(body), "routes")),
            gateway_routes_disabled: flag(properties(body), "disableBgpRoutePropagation").unwrap_or(false),
        }
    }

    /// Routes as ARM or as an `azurerm` configuration spells them.
    pub fn from_routes(name: &str, routes: &[Value]) -> Self {
        Self {
            name: name.to_owned(),
            routes: in_order(routes),
            gateway_routes_disabled: false,
        }
    }
}

fn in_order(routes: &[Value]) -> Vec<Route> {
    let mut routes: Vec<Route> = routes.iter().map(Route::from_arm).collect();
    routes.sort_by_key(|route| (route.prefix_text.to_ascii_lowercase(), route.name.clone()));
    routes
}

/// One user-defined route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name, for messages.
    pub name: String,
    /// Where to: a prefix or a service tag.
    pub prefix: Address,
    /// As it was written.
    pub prefix_text: String,
    /// Through what.
    pub next_hop: NextHop,
}

impl Route {
    fn from_arm(value: &Value) -> Self {
        let body = properties(value);
        let prefix_text = text(body, "addressPrefix").unwrap_or_default();
        Self {
            name: text(value, "name").unwrap_or_else(|| "(without name)".to_owned()),
            prefix: Address::parse(&prefix_text),
            prefix_text,
            next_hop: NextHop::from_arm(body),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route \"{}\" ({} to {})", self.name, self.prefix_text, self.next_hop)
    }
}

/// Where a route sends traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// Straight out; for Azure's services over Azure's own network.
    Internet,
    /// Through appliances at these addresses (several with `VirtualApplianceEcmp`).
    Appliance(Vec<String>),
    /// Through a VPN or ExpressRoute gateway.
    Gateway,
    /// Nowhere: it is dropped.
    Nowhere,
    /// Into the virtual network, which no public address is part of.
    VirtualNetwork,
    /// Something that this version does not know.
    Unreadable(String),
}

impl NextHop {
    fn from_arm(body: &Value) -> Self {
        let kind = text(body, "nextHopType").unwrap_or_default();
        match kind.to_ascii_lowercase().as_str() {
            "internet" => Self::Internet,
            "virtualappliance" | "virtualapplianceecmp" => {
                // ARM's member, azurerm's member, and the list that equal-cost routes have.
                let mut addresses = texts(body, "nextHopIpAddress", "nextHopIpAddresses");
                addresses.extend(text(body, "nextHopInIpAddress"));
                if let Some(hop) = member(body, "nextHop") {
                    addresses.extend(texts(hop, "nextHopIpAddress", "nextHopIpAddresses"));
                }
                Self::Appliance(addresses)
            }
            "virtualnetworkgateway" => Self::Gateway,
            "none" => Self::Nowhere,
            "vnetlocal" => Self::VirtualNetwork,
            _ => Self::Unreadable(kind),
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internet => f.write_str("Internet"),
            Self::Appliance(addresses) if addresses.is_empty() => f.write_str("a virtual appliance"),
            Self::Appliance(addresses) => write!(f, "virtual appliance {}", addresses.join(", ")),
            Self::Gateway => f.write_str("the virtual network gateway"),
            Self::Nowhere => f.write_str("None"),
            Self::VirtualNetwork => f.write_str("VnetLocal"),
            Self::Unreadable(text) if text.is_empty() => f.write_str("an unknown next hop"),
            Self::Unreadable(text) => write!(f, "the unknown next hop type \"{text}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn next_hops_in_every_spelling() {
        for (body, expected) in [
            (json!({"nextHopType": "internet"}), NextHop::Internet),
            (json!({"nextHopType": "VNetLocal"}), NextHop::VirtualNetwork),
            (json!({"nextHopType": "NONE"}), NextHop::Nowhere),
            (json!({"next_hop_type": "VirtualNetworkGateway"}), NextHop::Gateway),
            (
                json!({"next_hop_type": "VirtualAppliance", "next_hop_in_ip_address": "10.0.0.4"}),
                NextHop::Appliance(vec!["10.0.0.4".to_owned()]),
            ),
            (
                json!({"nextHopType": "VirtualApplianceEcmp", "nextHop": {"nextHopIpAddresses": ["10.0.0.4", "10.0.0.5"]}}),
                NextHop::Appliance(vec!["10.0.0.4".to_owned(), "10.0.0.5".to_owned()]),
            ),
            (
                json!({"nextHopType": "QuantumTunnel"}),
                NextHop::Unreadable("QuantumTunnel".to_owned()),
            ),
            (json!({"nextHopType": null}), NextHop::Unreadable(String::new())),
        ] {
            assert_eq!(NextHop::from_arm(&body), expected, "{body}");
        }
    }

    #[test]
    fn tables_are_read_whatever_is_missing() {
        assert_eq!(RouteTable::from_arm(&json!(null)), RouteTable::default());
        let body = json!({"name": "rt1", "properties": {"disableBgpRoutePropagation": true, "routes": [{"name": "r", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "None"}}]}});
        let table = RouteTable::from_arm(&body);
        assert!(table.gateway_routes_disabled);
        assert_eq!(table.routes[0].to_string(), "route \"r\" (0.0.0.0/0 to None)");
    }
}
