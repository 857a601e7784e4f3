//! The routes of a route table: their shape and what a write refuses.

use serde_json::Value;

use super::attachments::{Child, etag};
use super::json::Json;
use super::refusals::Refusal;

/// Where a route may lead. The last one came with version 2026-03-01.
const NEXT_HOPS: [&str; 6] = [
    "VirtualNetworkGateway",
    "VnetLocal",
    "Internet",
    "VirtualAppliance",
    "None",
    "VirtualApplianceEcmp",
];
/// The members that come back as they were sent, and only when they were sent.
const GIVEN: [&str; 4] = ["addressPrefix", "nextHopType", "nextHopIpAddress", "nextHop"];

/// A route as every answer shows it.
pub(super) fn to_json(table: &str, route: &Child) -> Json {
    let mut properties = vec![("provisioningState", Json::from("Succeeded"))];
    let given = |name: &str| route.properties.get(name).filter(|value| !value.is_null()).cloned();
    properties.extend(GIVEN.iter().filter_map(|name| Some((*name, Json::from(given(name)?)))));
    let overridden = given("hasBgpOverride").unwrap_or(Value::Bool(false));
    properties.push(("hasBgpOverride", overridden.into()));
    Json::object([
        ("name", (&route.name).into()),
        ("id", format!("{table}/routes/{}", route.name).into()),
        ("etag", etag(route.revision).into()),
        ("properties", Json::Object(properties)),
        ("type", "Microsoft.Network/routeTables/routes".into()),
    ])
}

/// Refuses a route that the service would not take beside the others.
pub(super) fn check(route: &Child, others: &[Child]) -> Result<(), Refusal> {
    let text = |name: &str| {
        route
            .properties
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let hop = text("nextHopType").unwrap_or_default();
    let appliance = hop.eq_ignore_ascii_case("VirtualAppliance");
    let problem = if route.name.is_empty() {
        "has no name"
    } else if others.iter().any(|other| other.name.eq_ignore_ascii_case(&route.name)) {
        "is there twice"
    } else if text("addressPrefix").is_none() {
        "has no address prefix"
    } else if !NEXT_HOPS.iter().any(|known| known.eq_ignore_ascii_case(hop)) {
        "has an unknown next hop type"
    } else if appliance && text("nextHopIpAddress").is_none() {
        "leads to an appliance without an address"
    } else if !appliance && text("nextHopIpAddress").is_some() {
        "has an appliance's address but leads to none"
    } else {
        return Ok(());
    };
    Err(Refusal::network(
        400,
        "InvalidRequestFormat",
        format!("Route '{}' {problem}.", route.name),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_that_the_service_would_not_take() {
        for (properties, good) in [
            (json!({"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}), true),
            (json!({"addressPrefix": "Storage", "nextHopType": "none"}), true),
            (
                json!({"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.0.4"}),
                true,
            ),
            (
                json!({"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance"}),
                false,
            ),
            (
                json!({"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet", "nextHopIpAddress": "10.0.0.4"}),
                false,
            ),
            (json!({"addressPrefix": "0.0.0.0/0", "nextHopType": "Tunnel"}), false),
            (json!({"nextHopType": "Internet"}), false),
        ] {
            let route = Child::read(&json!({"name": "one", "properties": properties}), 1);
            assert_eq!(check(&route, &[]).is_ok(), good, "{route:?}");
            assert!(check(&route, &[Child::read(&json!({"name": "ONE"}), 1)]).is_err());
        }
    }
}
