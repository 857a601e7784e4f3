//! Cases of our own for what the vectors do not hold. Each names its verdicts as `rules/routes/overall`.

mod routes;
mod rules;

use serde_json::{Value, json};

use super::network::{judge, route, rule, tag_data};
use super::vectors::fixture;
use crate::network::reading::Reading;
use crate::network::subnet::Subnet;
use crate::network::{Network, Readiness};

pub(super) const TUNNEL: (&str, &str, &str) = ("def", "0.0.0.0/0", "VirtualAppliance 10.0.100.4");

pub(super) type RuleRow = (&'static str, i64, &'static str, &'static str, &'static str);
pub(super) type RouteRow = (&'static str, &'static str, &'static str);
/// `Tag`, `Tag:port` or `*`, and `rules/routes/overall`.
pub(super) type Expected = &'static [(&'static str, &'static str)];

pub(super) fn rules(rows: &[RuleRow]) -> Vec<Value> {
    rows.iter()
        .map(|(name, priority, access, to, ports)| rule(name, *priority, access, to, ports))
        .collect()
}

pub(super) fn routes(rows: &[RouteRow]) -> Vec<Value> {
    rows.iter()
        .map(|(name, prefix, hop)| route(name, prefix, hop))
        .collect()
}

/// Adds properties to the subnet.
pub(super) fn with_subnet(mut network: Network, properties: Value) -> Network {
    let mut body = json!({"name": "agents", "properties": {"addressPrefix": "10.0.1.0/24"}});
    body["properties"]
        .as_object_mut()
        .unwrap()
        .extend(properties.as_object().unwrap().clone());
    network.subnet = Reading::Read(Subnet::from_arm(&body));
    network
}

pub(super) fn endpoints(services: &[&str]) -> Value {
    let one = |it: &&str| json!({"service": it, "locations": ["*"], "provisioningState": "Succeeded"});
    json!({"serviceEndpoints": services.iter().map(one).collect::<Vec<_>>()})
}

pub(super) fn all_endpoints() -> Value {
    endpoints(&[
        "Microsoft.KeyVault",
        "Microsoft.EventHub",
        "Microsoft.Storage",
        "Microsoft.AzureActiveDirectory",
    ])
}

pub(super) fn check(name: &str, readiness: &Readiness, expected: Expected) {
    for finding in &readiness.findings {
        let (tag, port) = (finding.requirement.service_tag, finding.requirement.port);
        let key = format!("{tag}:{port}");
        let find = |wanted: &str| {
            expected
                .iter()
                .find(|(key, _)| *key == wanted)
                .map(|(_, verdicts)| *verdicts)
        };
        let wanted = find(&key).or_else(|| find(tag)).or_else(|| find("*")).unwrap();
        let actual = format!(
            "{}/{}/{}",
            finding.security_group_verdict, finding.route_verdict, finding.verdict
        );
        assert_eq!(actual, wanted, "{name}: {key}: {}", finding.explanation);
    }
}

/// Judges by names, then with the fixture's addresses.
pub(super) fn both(name: &str, network: &Network, symbolic: Expected, exact: Expected) {
    check(&format!("{name} by names"), &judge(network), symbolic);
    let data = tag_data(&fixture()["fixture_service_tags"]);
    let network = Network {
        tag_data: data,
        ..network.clone()
    };
    check(&format!("{name} with addresses"), &judge(&network), exact);
}
