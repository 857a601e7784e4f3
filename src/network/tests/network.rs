//! Networks for tests, in the words of ARM's answers.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::network::reading::Reading;
use crate::network::route_table::RouteTable;
use crate::network::security_group::{SecurityGroup, security_admin_rules};
use crate::network::subnet::{Subnet, VirtualNetwork};
use crate::network::tags::TagData;
use crate::network::{Network, REQUIREMENTS, Readiness, evaluate};

/// A service tag's addresses, as the service tags API answers.
pub fn tag_data(tags: &Value) -> Arc<TagData> {
    let tags = tags.as_object().unwrap();
    let value = |(name, prefixes): (&String, &Value)| json!({"name": name, "id": name, "properties": {"addressPrefixes": prefixes}});
    Arc::new(TagData::from_arm([
        &json!({"values": tags.iter().map(value).collect::<Vec<_>>()}),
    ]))
}

/// What a body stands for: `null` for none, `{"$error": 403}` for one that cannot be read.
pub fn reading<T>(body: &Value, read: impl Fn(&Value) -> T) -> Reading<T> {
    match body {
        Value::Null => Reading::Absent,
        body if body.get("$error").is_some() => Reading::Unreadable,
        body => Reading::Read(read(body)),
    }
}

/// A subnet in East US with these custom rules and routes, each as `[name, …]` written out by [`rule`] and [`route`].
pub fn subnet_with(rules: Option<Vec<Value>>, routes: Option<Vec<Value>>) -> Network {
    Network {
        subnet: Reading::Read(Subnet::from_arm(
            &json!({"name": "agents", "properties": {"addressPrefix": "10.0.1.0/24"}}),
        )),
        virtual_network: Reading::Read(VirtualNetwork::from_arm(
            &json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}),
        )),
        security_group: rules.map_or(Reading::Absent, |rules| {
            Reading::Read(SecurityGroup::from_rules("nsg1", &rules, &[]))
        }),
        route_table: routes.map_or(Reading::Absent, |routes| {
            Reading::Read(RouteTable::from_routes("rt1", &routes))
        }),
        pool_region: "eastus".to_owned(),
        ..Network::default()
    }
}

/// An outbound rule for every source and protocol; ports `*` or a list.
pub fn rule(name: &str, priority: i64, access: &str, destination: &str, ports: &str) -> Value {
    json!({"name": name, "properties": {"priority": priority, "access": access, "direction": "Outbound", "protocol": "*",
        "sourcePortRange": "*", "sourceAddressPrefix": "*", "destinationAddressPrefix": destination, "destinationPortRange": ports}})
}

/// A route; the address of an appliance may follow its type after a space.
pub fn route(name: &str, prefix: &str, next_hop: &str) -> Value {
    let (kind, address) = next_hop.split_once(' ').unwrap_or((next_hop, ""));
    json!({"name": name, "properties": {"addressPrefix": prefix, "nextHopType": kind, "nextHopIpAddress": address}})
}

/// Security admin rules in the shape of the list operation.
pub fn admin(rules: &[Value]) -> Reading<Vec<crate::network::security_group::SecurityRule>> {
    Reading::Read(security_admin_rules(rules))
}

/// Judges everything that agents need.
pub fn judge(network: &Network) -> Readiness {
    evaluate(network, &REQUIREMENTS)
}
