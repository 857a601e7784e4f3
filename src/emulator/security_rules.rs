//! The rules of a network security group: their shape, what a write refuses, and the six that are always there.

use serde_json::{Map, Value, json};

use super::attachments::{Child, etag};
use super::json::Json;
use super::refusals::Refusal;

/// The priorities that a caller may give, as documented.
const PRIORITIES: std::ops::RangeInclusive<i64> = 100..=4096;
/// The protocols that a rule may name.
const PROTOCOLS: [&str; 6] = ["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"];
/// The members that come back as they were sent, and only when they were sent.
const GIVEN: [&str; 9] = [
    "description",
    "protocol",
    "sourcePortRange",
    "destinationPortRange",
    "sourceAddressPrefix",
    "destinationAddressPrefix",
    "access",
    "priority",
    "direction",
];
/// The members that always come back, empty when they were not sent.
const LISTS: [&str; 4] = [
    "sourcePortRanges",
    "destinationPortRanges",
    "sourceAddressPrefixes",
    "destinationAddressPrefixes",
];
/// Lists that come back only when they were sent.
const GROUPS: [&str; 2] = [
    "sourceApplicationSecurityGroups",
    "destinationApplicationSecurityGroups",
];

/// The rules that every group has: name, what it is for (our words), source, destination, access, priority, direction.
const DEFAULTS: [(&str, &str, &str, &str, &str, i64, &str); 6] = [
    (
        "AllowVnetInBound",
        "From the virtual network",
        "VirtualNetwork",
        "VirtualNetwork",
        "Allow",
        65000,
        "Inbound",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "From the load balancer",
        "AzureLoadBalancer",
        "*",
        "Allow",
        65001,
        "Inbound",
    ),
    (
        "DenyAllInBound",
        "Everything else from outside",
        "*",
        "*",
        "Deny",
        65500,
        "Inbound",
    ),
    (
        "AllowVnetOutBound",
        "To the virtual network",
        "VirtualNetwork",
        "VirtualNetwork",
        "Allow",
        65000,
        "Outbound",
    ),
    (
        "AllowInternetOutBound",
        "To the internet",
        "*",
        "Internet",
        "Allow",
        65001,
        "Outbound",
    ),
    (
        "DenyAllOutBound",
        "Everything else to outside",
        "*",
        "*",
        "Deny",
        65500,
        "Outbound",
    ),
];

/// A rule as every answer shows it. `segment` is `securityRules` or `defaultSecurityRules`.
pub(super) fn to_json(group: &str, segment: &'static str, rule: &Child) -> Json {
    let mut properties = vec![("provisioningState", Json::from("Succeeded"))];
    let given = |name: &str| {
        rule.properties
            .get(name)
            .filter(|value| !value.is_null())
            .cloned()
            .map(Json::from)
    };
    properties.extend(GIVEN.iter().filter_map(|name| Some((*name, given(name)?))));
    properties.extend(
        LISTS
            .iter()
            .map(|name| (*name, given(name).unwrap_or_else(|| Json::Array(Vec::new())))),
    );
    properties.extend(GROUPS.iter().filter_map(|name| Some((*name, given(name)?))));
    Json::object([
        ("name", (&rule.name).into()),
        ("id", format!("{group}/{segment}/{}", rule.name).into()),
        ("etag", etag(rule.revision).into()),
        (
            "type",
            format!("Microsoft.Network/networkSecurityGroups/{segment}").into(),
        ),
        ("properties", Json::Object(properties)),
    ])
}

/// The six rules that every group has.
pub(super) fn defaults_json(group: &str, revision: u64) -> Vec<Json> {
    let rules = DEFAULTS.map(|(name, text, source, destination, access, priority, direction)| {
        let properties = json!({
            "description": text,
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination,
            "access": access,
            "priority": priority,
            "direction": direction,
        });
        let rule = Child {
            name: name.into(),
            properties: properties.as_object().cloned().unwrap_or_default(),
            revision,
        };
        to_json(group, "defaultSecurityRules", &rule)
    });
    rules.into()
}

/// Where among the six a name stands.
pub(super) fn default_named(name: &str) -> Option<usize> {
    DEFAULTS.iter().position(|rule| rule.0.eq_ignore_ascii_case(name))
}

/// Refuses a rule that the service would not take beside the others.
pub(super) fn check(rule: &Child, others: &[Child]) -> Result<(), Refusal> {
    let text = |name: &str| text(&rule.properties, name);
    for (member, allowed) in [
        ("protocol", &PROTOCOLS[..]),
        ("access", &["Allow", "Deny"]),
        ("direction", &["Inbound", "Outbound"]),
    ] {
        let value = text(member);
        if !allowed.iter().any(|known| known.eq_ignore_ascii_case(value)) {
            let message = format!("The member '{member}' of rule '{}' cannot be '{value}'.", rule.name);
            return Err(Refusal::network(400, "InvalidRequestFormat", message));
        }
    }
    let priority = priority(rule);
    if !priority.is_some_and(|priority| PRIORITIES.contains(&priority)) {
        let message = format!(
            "Rule '{}' needs a priority from {} to {}.",
            rule.name,
            PRIORITIES.start(),
            PRIORITIES.end()
        );
        return Err(Refusal::network(400, "SecurityRuleInvalidPriority", message));
    }
    if rule.name.is_empty() || others.iter().any(|other| other.name.eq_ignore_ascii_case(&rule.name)) {
        let message = format!("The rule name '{}' is empty or given twice.", rule.name);
        return Err(Refusal::network(400, "InvalidRequestFormat", message));
    }
    let direction = text("direction");
    let clash = others.iter().find(|other| {
        let there = self::text(&other.properties, "direction");
        there.eq_ignore_ascii_case(direction) && self::priority(other) == priority
    });
    match clash {
        None => Ok(()),
        Some(other) => {
            let message = format!(
                "Rules {} and {} share one priority and direction.",
                other.name, rule.name
            );
            Err(Refusal::network(400, "SecurityRuleConflict", message))
        }
    }
}

fn text<'a>(properties: &'a Map<String, Value>, name: &str) -> &'a str {
    properties.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn priority(rule: &Child) -> Option<i64> {
    rule.properties.get("priority").and_then(Value::as_i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, priority: i64, direction: &str, protocol: &str) -> Child {
        let body = json!({"name": name, "properties": {"priority": priority, "direction": direction,
            "protocol": protocol, "access": "Allow"}});
        Child::read(&body, 1)
    }

    #[test]
    fn writes_that_the_service_would_not_take() {
        let others = [rule("one", 100, "Outbound", "Tcp")];
        for (candidate, good) in [
            (rule("two", 101, "Outbound", "Tcp"), true),
            (rule("two", 100, "Inbound", "tcp"), true),
            (rule("two", 100, "outbound", "*"), false),
            (rule("ONE", 101, "Outbound", "*"), false),
            (rule("", 101, "Outbound", "*"), false),
            (rule("two", 99, "Outbound", "*"), false),
            (rule("two", 4096, "Outbound", "*"), true),
            (rule("two", 4097, "Outbound", "*"), false),
            (rule("two", 101, "Sideways", "*"), false),
            (rule("two", 101, "Outbound", "Smoke"), false),
        ] {
            assert_eq!(check(&candidate, &others).is_ok(), good, "{candidate:?}");
        }
    }
}
