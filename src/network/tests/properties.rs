//! What must hold for every network, not only for those that somebody thought of.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};

use super::network::{admin, judge, subnet_with, tag_data};
use super::vectors::fixture;
use crate::network::tags::TagData;
use crate::network::{Finding, Network, RouteVerdict, SecurityGroupVerdict, Verdict};

/// Destinations of every kind: everything, the tags and parts of them, prefixes public and private, and what nobody knows.
const DESTINATIONS: [&str; 22] = [
    "*",
    "Internet",
    "VirtualNetwork",
    "Storage",
    "Storage.EastUS",
    "Storage.WestEurope",
    "AzureKeyVault",
    "AzureKeyVault.EastUS",
    "EventHub",
    "AzureActiveDirectory",
    "AzureActiveDirectory.ServiceEndpoint",
    "AzureActiveDirectoryDomainServices",
    "AzureMonitor",
    "AzureMonitor.Core",
    "AzureCloud",
    "AzureCloud.eastus",
    "Sql",
    "ContosoFutureTag",
    "20.60.0.0/16",
    "20.42.0.0/17",
    "10.0.0.0/8",
    "0.0.0.0/1",
];

/// Destinations that say by name alone what they hold, so that an equal rule behind them is surely never reached.
const PLAIN: [&str; 8] = [
    "*",
    "Internet",
    "Storage",
    "Storage.EastUS",
    "AzureKeyVault",
    "AzureMonitor",
    "AzureCloud",
    "AzureCloud.eastus",
];

const SOURCES: [&str; 5] = ["*", "VirtualNetwork", "10.0.1.0/25", "10.9.0.0/16", "Internet"];

const HOPS: [&str; 7] = [
    "Internet",
    "None",
    "VirtualAppliance",
    "VirtualNetworkGateway",
    "VnetLocal",
    "VirtualApplianceEcmp",
    "QuantumTunnel",
];

/// Networks for each property: enough for every pair of kinds to meet, few enough for a second or two.
const CASES: u32 = 200;

/// A rule without a priority.
fn rule() -> impl Strategy<Value = Value> {
    let ports = select(vec!["*", "443", "12000", "80", "400-500", "1-65535"]);
    let protocol = select(vec!["*", "Tcp", "Udp"]);
    (select(vec!["Allow", "Deny"]), select(&DESTINATIONS[..]), select(&SOURCES[..]), ports, protocol).prop_map(
        |(access, destination, source, ports, protocol)| {
            json!({"name": format!("{access}-{destination}"), "access": access, "direction": "Outbound", "protocol": protocol,
                "sourcePortRange": "*", "sourceAddressPrefix": source, "destinationAddressPrefix": destination,
                "destinationPortRange": ports})
        },
    )
}

/// Security admin rules with priorities twenty apart.
fn admins() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec((rule(), select(vec!["Allow", "AlwaysAllow", "Deny"])), 0..4).prop_map(|rules| {
        let at = |(place, (mut rule, access)): (usize, (Value, &str))| {
            rule["priority"] = json!(10 + 20 * place);
            rule["access"] = json!(access);
            rule
        };
        rules.into_iter().enumerate().map(at).collect()
    })
}

fn routes() -> impl Strategy<Value = Vec<Value>> {
    let prefixes: Vec<&str> = DESTINATIONS
        .iter()
        .copied()
        .filter(|it| !["*", "Internet", "VirtualNetwork"].contains(it))
        .collect();
    let prefixes = [&prefixes[..], &["0.0.0.0/0"][..]].concat();
    subsequence(prefixes, 0..5).prop_flat_map(|prefixes| {
        let count = prefixes.len();
        proptest::collection::vec(select(&HOPS[..]), count).prop_map(move |hops| {
            let route = |(prefix, hop): (&&str, &str)| {
                json!({"name": format!("r-{prefix}"), "properties": {"addressPrefix": prefix, "nextHopType": hop, "nextHopIpAddress": "10.0.9.4"}})
            };
            prefixes.iter().zip(hops).map(route).collect()
        })
    })
}

/// Rules with priorities twenty apart, routes, and addresses of tags or none.
fn parts() -> impl Strategy<Value = (Vec<Value>, Vec<Value>, bool)> {
    let rules = proptest::collection::vec(rule(), 0..7).prop_map(|rules| {
        let at = |(place, mut rule): (usize, Value)| {
            rule["priority"] = json!(110 + 20 * place);
            rule
        };
        rules.into_iter().enumerate().map(at).collect::<Vec<_>>()
    });
    (rules, routes(), any::<bool>())
}

fn network(rules: &[Value], routes: &[Value], exact: bool) -> Network {
    static DATA: LazyLock<Arc<TagData>> = LazyLock::new(|| tag_data(&fixture()["fixture_service_tags"]));
    Network {
        tag_data: if exact { DATA.clone() } else { Arc::default() },
        ..subnet_with(Some(rules.to_vec()), Some(routes.to_vec()))
    }
}

fn verdicts(network: &Network) -> Vec<(&'static str, String, String, String)> {
    let of = |it: Finding| {
        let (rules, routes) = (it.security_group_verdict.to_string(), it.route_verdict.to_string());
        (it.requirement.service_tag, it.verdict.to_string(), rules, routes)
    };
    judge(network).findings.into_iter().map(of).collect()
}

/// Changes the case of every text except names.
fn shout(value: &mut Value, loud: bool) {
    match value {
        Value::String(text) => *text = if loud { text.to_uppercase() } else { text.to_lowercase() },
        Value::Object(members) => members
            .iter_mut()
            .filter(|(key, _)| *key != "name")
            .for_each(|(_, it)| shout(it, loud)),
        Value::Array(items) => items.iter_mut().for_each(|it| shout(it, loud)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    /// One exception is in the rule by which verdicts combine: what rules leave unknown hides that a route drops a part.
    #[test]
    fn a_deny_never_improves_a_verdict((rules, routes, exact) in parts(), mut deny in rule(), at in 0_i64..8) {
        deny["access"] = json!("Deny");
        deny["priority"] = json!(105 + 20 * at);
        let before = judge(&network(&rules, &routes, exact));
        let after = judge(&network(&[&rules[..], &[deny]].concat(), &routes, exact));
        for (before, after) in before.findings.iter().zip(&after.findings) {
            let hidden = before.verdict == Verdict::Partial && before.route_verdict == RouteVerdict::Mixed
                && after.security_group_verdict == SecurityGroupVerdict::Unknown;
            prop_assert!(after.verdict >= before.verdict || hidden, "{} becomes {}", before.explanation, after.explanation);
            let rank = |it: SecurityGroupVerdict| ["allowed", "unknown", "partial", "denied"].iter().position(|word| *word == it.as_str());
            prop_assert!(rank(after.security_group_verdict) >= rank(before.security_group_verdict));
        }
    }

    #[test]
    fn neither_does_a_security_admin_rule_that_denies((rules, routes, exact) in parts(), admins in admins(), mut deny in rule(), at in 0_i64..4) {
        let mut network = network(&rules, &routes, exact);
        network.admin_rules = admin(&admins);
        let before = judge(&network);
        deny["access"] = json!("Deny");
        deny["priority"] = json!(5 + 20 * at);
        network.admin_rules = admin(&[&admins[..], &[deny]].concat());
        for (before, after) in before.findings.iter().zip(&judge(&network).findings) {
            let hidden = before.verdict == Verdict::Partial && after.security_group_verdict == SecurityGroupVerdict::Unknown;
            prop_assert!(after.verdict >= before.verdict || hidden, "{} becomes {}", before.explanation, after.explanation);
        }
    }

    #[test]
    fn what_is_behind_a_rule_for_everything_changes_nothing((mut rules, routes, exact) in parts(), mut late in rule(), allow in any::<bool>()) {
        rules.push(json!({"name": "all", "priority": 900, "access": if allow { "Allow" } else { "Deny" }, "direction": "Outbound",
            "protocol": "*", "sourcePortRange": "*", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}));
        let before = judge(&network(&rules, &routes, exact));
        late["priority"] = json!(901);
        rules.push(late);
        prop_assert_eq!(before.findings, judge(&network(&rules, &routes, exact)).findings);
    }

    #[test]
    fn an_equal_rule_behind_changes_nothing((mut rules, routes, exact) in parts(), mut early in rule(), plain in select(&PLAIN[..])) {
        early["sourceAddressPrefix"] = json!("*");
        early["destinationAddressPrefix"] = json!(plain);
        early["priority"] = json!(100);
        let mut late = early.clone();
        late["access"] = json!(if early["access"] == "Allow" { "Deny" } else { "Allow" });
        late["priority"] = json!(300);
        rules.push(early);
        let before = verdicts(&network(&rules, &routes, exact));
        rules.push(late);
        prop_assert_eq!(before, verdicts(&network(&rules, &routes, exact)));
    }

    #[test]
    fn the_order_of_arrays_means_nothing((mut rules, mut routes, exact) in parts(), swaps in proptest::collection::vec(any::<(Index, Index)>(), 4)) {
        let before = judge(&network(&rules, &routes, exact));
        for (a, b) in swaps {
            for list in [&mut rules, &mut routes] {
                if !list.is_empty() {
                    let (a, b) = (a.index(list.len()), b.index(list.len()));
                    list.swap(a, b);
                }
            }
        }
        prop_assert_eq!(before, judge(&network(&rules, &routes, exact)));
    }

    #[test]
    fn casing_means_nothing((rules, routes, exact) in parts(), loud in any::<bool>()) {
        let before = verdicts(&network(&rules, &routes, exact));
        let (mut rules, mut routes) = (Value::from(rules), Value::from(routes));
        shout(&mut rules, loud);
        shout(&mut routes, loud);
        let again = network(rules.as_array().unwrap(), routes.as_array().unwrap(), exact);
        prop_assert_eq!(before, verdicts(&again));
    }

    /// Addresses only make sharper: what names alone decide, addresses do not contradict.
    #[test]
    fn addresses_never_contradict_names((rules, routes, _) in parts()) {
        let symbolic = judge(&network(&rules, &routes, false));
        let exact = judge(&network(&rules, &routes, true));
        for (symbolic, exact) in symbolic.findings.iter().zip(&exact.findings) {
            let (names, addresses) = (symbolic.security_group_verdict.as_str(), exact.security_group_verdict.as_str());
            let opposite = [("allowed", "denied"), ("denied", "allowed"), ("allowed", "partial"), ("denied", "partial")];
            prop_assert!(!opposite.contains(&(names, addresses)), "{} / {}", symbolic.explanation, exact.explanation);
            let (names, addresses) = (symbolic.route_verdict.as_str(), exact.route_verdict.as_str());
            prop_assert!(names == addresses || names == "unknown" || names == "mixed" || addresses == "unknown",
                "{names} {addresses}: {} / {}", symbolic.explanation, exact.explanation);
        }
    }

    /// Whatever ARM sends, there is an answer.
    #[test]
    fn nothing_panics((rules, routes, exact) in parts(), odd in select(vec![json!(null), json!(7), json!("x"), json!([]), json!({}), json!([{}])]),
                      member in select(vec!["priority", "access", "direction", "protocol", "destinationPortRange", "destinationAddressPrefixes", "addressPrefix", "nextHopType"])) {
        let mut rules = rules;
        let mut routes = routes;
        for rule in &mut rules { rule[member] = odd.clone(); }
        for route in &mut routes { route["properties"][member] = odd.clone(); }
        prop_assert_eq!(judge(&network(&rules, &routes, exact)).findings.len(), 6);
    }
}
