//! The sentences and remedies of typical situations, to be read by eye. This room touches no file, so the test prints what
//! the fixture should hold.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::network::{admin, judge, route, rule, subnet_with, tag_data};
use super::vectors::fixture;
use crate::network::reading::Reading;
use crate::network::subnet::Subnet;
use crate::network::{Finding, Network};

const EXPECTED: &str = include_str!("../../../tests/fixtures/network/explanations.txt");

/// What stands at the top of the file.
const HEADER: &str =
    "What is said about typical subnets. Written by the test `network::tests::explanations`, read by people.\n";

fn with_properties(mut network: Network, properties: Value) -> Network {
    network.subnet = Reading::Read(Subnet::from_arm(&json!({"name": "agents", "properties": properties})));
    network
}

/// A title, a network, and the requirements to print.
fn situations() -> Vec<(&'static str, Network, &'static [&'static str])> {
    let tunnel = || route("def", "0.0.0.0/0", "VirtualAppliance 10.0.100.4");
    let deny_all = || rule("DenyAllOut", 4096, "Deny", "*", "*");
    let endpoint = json!([{"service": "Microsoft.Storage", "locations": ["*"], "provisioningState": "Succeeded"}]);
    let private = |extra: Value| {
        let mut properties = json!({"addressPrefix": "10.0.1.0/27", "defaultOutboundAccess": false});
        properties
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        properties
    };
    let learned = |mut network: Network| {
        if let Reading::Read(own) = &mut network.virtual_network {
            own.may_learn_routes = true;
        }
        network
    };
    let trusting = |mut network: Network| {
        network.trusted_next_hops = vec!["10.0.100.4".to_owned()];
        network
    };
    let unreadable = |mut network: Network| {
        network.security_group = Reading::Unreadable;
        network.route_table = Reading::Unreadable;
        network
    };
    let exact = |mut network: Network| {
        network.tag_data = tag_data(&fixture()["fixture_service_tags"]);
        network
    };
    let managed = |mut network: Network| {
        network.admin_rules = admin(&[
            json!({"name": "no-internet", "properties": {"access": "Deny", "priority": 7, "direction": "Outbound",
            "protocol": "Any", "destinations": [{"addressPrefix": "Internet", "addressPrefixType": "ServiceTag"}]}}),
        ]);
        network
    };
    let storage: &[&str] = &["Storage:443"];
    let monitor: &[&str] = &["AzureMonitor:12000"];
    vec![
        ("Nothing filters, nothing routes", subnet_with(None, None), storage),
        (
            "Allowed by a rule",
            subnet_with(
                Some(vec![rule("AllowStorage", 110, "Allow", "Storage", "443"), deny_all()]),
                None,
            ),
            storage,
        ),
        (
            "Denied by a rule",
            subnet_with(Some(vec![deny_all()]), None),
            &["Storage:443", "EventHub:443"],
        ),
        (
            "Denied at the first priority",
            subnet_with(
                Some(vec![
                    rule("DenyInternet", 100, "Deny", "Internet", "*"),
                    rule("AllowStorage", 110, "Allow", "Storage", "443"),
                ]),
                None,
            ),
            &["Storage:443", "EventHub:443"],
        ),
        (
            "443 without 12000",
            subnet_with(
                Some(vec![rule("AllowCloud", 110, "Allow", "AzureCloud", "443"), deny_all()]),
                None,
            ),
            monitor,
        ),
        (
            "AzureCloud instead of Storage",
            subnet_with(
                Some(vec![rule("AllowCloud", 110, "Allow", "AzureCloud", "443"), deny_all()]),
                None,
            ),
            storage,
        ),
        (
            "Addresses without data",
            subnet_with(
                Some(vec![rule("AllowIps", 110, "Allow", "20.60.0.0/16", "443"), deny_all()]),
                None,
            ),
            storage,
        ),
        (
            "Addresses with data",
            exact(subnet_with(
                Some(vec![rule("AllowIps", 110, "Allow", "20.60.0.0/16", "443"), deny_all()]),
                None,
            )),
            storage,
        ),
        ("A security admin rule", managed(subnet_with(None, None)), storage),
        (
            "Behind an appliance",
            subnet_with(None, Some(vec![tunnel()])),
            &["Storage:443", "AzureMonitor:12000"],
        ),
        (
            "Behind an appliance that is trusted",
            trusting(subnet_with(None, Some(vec![tunnel()]))),
            storage,
        ),
        (
            "Routed nowhere",
            subnet_with(None, Some(vec![route("drop", "0.0.0.0/0", "None")])),
            storage,
        ),
        (
            "A part routed nowhere",
            subnet_with(None, Some(vec![route("drop", "Storage.EastUS", "None")])),
            storage,
        ),
        (
            "A gateway may announce routes",
            learned(subnet_with(None, None)),
            storage,
        ),
        (
            "Through a gateway",
            subnet_with(None, Some(vec![route("def", "0.0.0.0/0", "VirtualNetworkGateway")])),
            storage,
        ),
        ("Nothing could be read", unreadable(subnet_with(None, None)), storage),
        (
            "A private subnet",
            with_properties(subnet_with(None, None), private(json!({}))),
            storage,
        ),
        (
            "A private subnet with an endpoint",
            with_properties(subnet_with(None, None), private(json!({"serviceEndpoints": endpoint}))),
            storage,
        ),
        (
            "An endpoint policy",
            with_properties(
                subnet_with(None, None),
                json!({"serviceEndpoints": endpoint, "serviceEndpointPolicies": [{"id": "/x/p"}]}),
            ),
            storage,
        ),
        (
            "An endpoint against a route",
            with_properties(
                subnet_with(None, Some(vec![route("st", "Storage", "VirtualAppliance 10.0.100.4")])),
                json!({"serviceEndpoints": endpoint}),
            ),
            storage,
        ),
        (
            "Isolated under a forced tunnel",
            subnet_with(
                Some(vec![rule("Isolate", 200, "Deny", "VirtualNetwork", "*")]),
                Some(vec![tunnel()]),
            ),
            storage,
        ),
        (
            "Tag routes under the default rule",
            subnet_with(Some(vec![]), Some(vec![tunnel(), route("st", "Storage", "Internet")])),
            storage,
        ),
        (
            "Azure's DNS denied",
            subnet_with(Some(vec![rule("DenyDns", 100, "Deny", "AzurePlatformDNS", "*")]), None),
            &[],
        ),
    ]
}

fn say(text: &mut String, finding: &Finding) {
    writeln!(
        text,
        "{} by {}\n{}",
        finding.verdict, finding.decided_by, finding.explanation
    )
    .unwrap();
    if let Some(remedy) = finding.remedy() {
        writeln!(text, "-> {}", remedy.replace('\n', "\n   ").replace("\n   \n", "\n\n")).unwrap();
    }
}

#[test]
fn sentences_are_as_read_by_eye() {
    let mut text = HEADER.to_owned();
    for (title, network, wanted) in situations() {
        writeln!(text, "\n# {title}").unwrap();
        let readiness = judge(&network);
        for finding in &readiness.findings {
            let key = format!("{}:{}", finding.requirement.service_tag, finding.requirement.port);
            if wanted.contains(&key.as_str()) {
                say(&mut text, finding);
            }
        }
        for advisory in &readiness.advisories {
            writeln!(text, "({}) {advisory}", advisory.code()).unwrap();
        }
    }
    let different = text
        .lines()
        .zip(EXPECTED.lines())
        .find(|(actual, expected)| actual != expected);
    assert_eq!(
        text, EXPECTED,
        "\nfirst difference: {different:#?}\nthe whole text, to put into the file once read:\n{text}"
    );
}
