//! What security groups and security admin rules let through, and what is said of it all.

use serde_json::{Value, json};

use super::super::network::{admin, judge, rule, subnet_with, tag_data};
use super::super::vectors::fixture;
use super::{Expected, RuleRow, both, routes, rules};
use crate::network::reading::Reading;
use crate::network::{Network, Summary};

#[test]
fn security_groups() {
    let tags = [
        "AzureKeyVault",
        "Storage",
        "EventHub",
        "AzureActiveDirectory",
        "AzureMonitor",
    ];
    let mut five: Vec<RuleRow> = Vec::new();
    for (place, tag) in (0..).zip(tags) {
        five.push(("A", 200 + place, "Allow", tag, "443"));
    }
    five.push(("D", 4096, "Deny", "*", "*"));
    let table: &[(&str, Vec<RuleRow>, Expected)] = &[
        (
            "443 alone is not enough for diagnostics",
            five.clone(),
            &[
                ("*", "allowed/direct/reachable"),
                ("AzureMonitor:12000", "denied/direct/blocked"),
            ],
        ),
        (
            "AzureCloud lacks a part of storage and of Entra ID",
            vec![
                ("A", 100, "Allow", "AzureCloud", "*"),
                ("D", 4000, "Deny", "Internet", "*"),
            ],
            &[
                ("*", "allowed/direct/reachable"),
                ("Storage", "partial/direct/partial"),
                ("AzureActiveDirectory", "partial/direct/partial"),
            ],
        ),
        (
            "the virtual network alone is no way out",
            vec![
                ("A", 100, "Allow", "VirtualNetwork", "*"),
                ("D", 200, "Deny", "Internet", "*"),
            ],
            &[("*", "denied/direct/blocked")],
        ),
        (
            "another region",
            vec![
                ("A", 100, "Allow", "Storage.WestEurope", "*"),
                ("D", 200, "Deny", "Storage", "*"),
            ],
            &[("*", "allowed/direct/reachable"), ("Storage", "partial/direct/partial")],
        ),
        (
            "a deny inside what is allowed already",
            vec![
                ("A", 100, "Allow", "AzureCloud", "443"),
                ("D", 200, "Deny", "Storage.EastUS", "*"),
            ],
            &[("*", "allowed/direct/reachable")],
        ),
        (
            "IPv6 is another matter",
            vec![("D", 100, "Deny", "::/0", "*")],
            &[("*", "allowed/direct/reachable")],
        ),
        (
            "the load balancer is no service",
            vec![("D", 100, "Deny", "AzureLoadBalancer", "*")],
            &[("*", "allowed/direct/reachable")],
        ),
        (
            "a part of Entra ID",
            vec![("D", 100, "Deny", "AzureActiveDirectoryDomainServices", "*")],
            &[
                ("*", "allowed/direct/reachable"),
                ("AzureActiveDirectory", "partial/direct/partial"),
            ],
        ),
        (
            "the core of Azure Monitor",
            vec![
                ("A", 100, "Allow", "AzureMonitor.Core", "*"),
                ("D", 200, "Deny", "*", "*"),
            ],
            &[
                ("*", "denied/direct/blocked"),
                ("AzureMonitor", "partial/direct/partial"),
            ],
        ),
        (
            "nonsense may match",
            vec![("D", 100, "Deny", "10.0.0.0/99", "*")],
            &[("*", "unknown/direct/unknown")],
        ),
        (
            "an allow that may match saves nothing",
            vec![
                ("A", 100, "Allow", "ContosoFutureTag", "*"),
                ("D", 200, "Deny", "*", "*"),
            ],
            &[("*", "unknown/direct/unknown")],
        ),
    ];
    for (name, rows, expected) in table {
        both(name, &subnet_with(Some(rules(rows)), None), expected, expected);
    }
}

#[test]
fn sources_ports_and_application_groups() {
    let table: [(&str, Value, &str); 8] = [
        (
            "half of the subnet",
            json!({"sourceAddressPrefix": "10.0.1.0/25"}),
            "partial",
        ),
        (
            "both halves",
            json!({"sourceAddressPrefix": "", "sourceAddressPrefixes": ["10.0.1.0/25", "10.0.1.128/25"]}),
            "denied",
        ),
        (
            "somebody else's subnet",
            json!({"sourceAddressPrefix": "10.0.9.0/24"}),
            "allowed",
        ),
        (
            "a source that nobody knows",
            json!({"sourceAddressPrefix": "ContosoFutureTag"}),
            "unknown",
        ),
        (
            "some of the clients' ports",
            json!({"sourcePortRange": "443-2000"}),
            "unknown",
        ),
        (
            "members of a group as destination",
            json!({"destinationAddressPrefix": null, "destinationApplicationSecurityGroups": [{"id": "/x/asg"}]}),
            "allowed",
        ),
        ("a protocol that nobody knows", json!({"protocol": "Quic"}), "unknown"),
        (
            "no addresses and ports at all",
            json!({"destinationAddressPrefix": null, "destinationPortRange": "", "protocol": null}),
            "denied",
        ),
    ];
    for (name, change, expected) in table {
        let mut deny = rule("D", 100, "Deny", "Internet", "*");
        deny["properties"]
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let network = subnet_with(Some(vec![deny]), None);
        for data in [json!({}), fixture()["fixture_service_tags"].clone()] {
            let network = Network {
                tag_data: tag_data(&data),
                ..network.clone()
            };
            for finding in judge(&network).findings {
                assert_eq!(
                    finding.security_group_verdict.as_str(),
                    expected,
                    "{name}: {}",
                    finding.explanation
                );
            }
        }
    }
}

#[test]
fn the_tag_virtual_network_depends_on_routes() {
    let deny = || Some(rules(&[("D", 100, "Deny", "VirtualNetwork", "*")]));
    let unknown: Expected = &[("*", "unknown/direct/unknown")];
    let to_internet = subnet_with(deny(), Some(routes(&[("r", "0.0.0.0/0", "Internet")])));
    both("a default route to the internet", &to_internet, unknown, unknown);
    let halves = subnet_with(
        deny(),
        Some(routes(&[
            ("a", "0.0.0.0/1", "VirtualAppliance 10.0.9.4"),
            ("b", "128.0.0.0/1", "VirtualAppliance 10.0.9.4"),
        ])),
    );
    both(
        "two halves to an appliance",
        &halves,
        &[("*", "denied/appliance/blocked")],
        &[("*", "denied/appliance/blocked")],
    );
    let one = subnet_with(
        deny(),
        Some(routes(&[("r", "AzureKeyVault", "VirtualAppliance 10.0.9.4")])),
    );
    let expected: Expected = &[
        ("*", "allowed/direct/reachable"),
        ("AzureKeyVault", "denied/appliance/blocked"),
    ];
    both("one service to an appliance", &one, expected, expected);
    let mut unread = subnet_with(deny(), None);
    unread.route_table = Reading::Unreadable;
    both(
        "an unreadable table",
        &unread,
        &[("*", "unknown/unknown/unknown")],
        &[("*", "unknown/unknown/unknown")],
    );
}

#[test]
fn security_admin_rules_come_first() {
    let one = |access: &str, priority: i64, to: &str, kind: &str| {
        json!({"kind": "Custom", "name": format!("{access}-{to}"), "properties": {"access": access, "priority": priority, "direction": "Outbound",
            "protocol": "Any", "sources": [], "destinations": [{"addressPrefix": to, "addressPrefixType": kind}],
            "sourcePortRanges": ["0-65535"], "destinationPortRanges": []}})
    };
    let tag = "ServiceTag";
    let network = |items: &[Value], custom: &[RuleRow]| Network {
        admin_rules: admin(items),
        ..subnet_with(Some(rules(custom)), None)
    };
    let denied: Expected = &[("*", "denied/direct/blocked")];
    let allowed: Expected = &[("*", "allowed/direct/reachable")];
    let storage_unknown: Expected = &[("*", "allowed/direct/reachable"), ("Storage", "unknown/direct/unknown")];
    let storage_partial: Expected = &[("*", "allowed/direct/reachable"), ("Storage", "partial/direct/partial")];
    both(
        "a deny is final",
        &network(&[one("Deny", 9, "Internet", tag)], &[("A", 100, "Allow", "*", "*")]),
        denied,
        denied,
    );
    let handed_on = network(
        &[one("Allow", 1, "Internet", tag), one("Deny", 9, "Internet", tag)],
        &[],
    );
    both("an allow before a deny hands on", &handed_on, allowed, allowed);
    both(
        "a deny of a part",
        &network(&[one("Deny", 9, "Storage.EastUS", tag)], &[]),
        storage_unknown,
        storage_partial,
    );
    let agree = network(&[one("AlwaysAllow", 9, "Storage.EastUS", tag)], &[]);
    both("an allow of a part that is allowed anyway", &agree, allowed, allowed);
    let group = network(&[one("Deny", 9, "/x/networkGroups/g", "NetworkGroup")], &[]);
    both(
        "a network group may hold anything",
        &group,
        &[("*", "unknown/direct/unknown")],
        &[("*", "unknown/direct/unknown")],
    );
    let mut no_group = network(&[one("Deny", 9, "Storage", tag)], &[]);
    no_group.security_group = Reading::Absent;
    let expected: Expected = &[("*", "allowed/direct/reachable"), ("Storage", "denied/direct/blocked")];
    both("without a security group", &no_group, expected, expected);
    no_group.security_group = Reading::Unreadable;
    let expected: Expected = &[("*", "unknown/direct/unknown"), ("Storage", "denied/direct/blocked")];
    both("before an unreadable security group", &no_group, expected, expected);
    no_group.security_group = Reading::Absent;
    no_group.admin_rules = Reading::Unreadable;
    both("unreadable admin rules are advice alone", &no_group, allowed, allowed);
    assert_eq!(judge(&no_group).advisories[0].code(), "security_admin_rules_unreadable");
}

#[test]
fn nothing_read_is_unknown_and_nothing_there_is_reachable() {
    let unread = Network {
        subnet: Reading::Unreadable,
        virtual_network: Reading::Unreadable,
        ..Network::default()
    };
    both(
        "nothing read",
        &unread,
        &[("*", "unknown/unknown/unknown")],
        &[("*", "unknown/unknown/unknown")],
    );
    let nothing = Network::default();
    both(
        "nothing there",
        &nothing,
        &[("*", "allowed/direct/reachable")],
        &[("*", "allowed/direct/reachable")],
    );
}

#[test]
fn azure_monitor_is_dispensable() {
    let network = subnet_with(Some(rules(&[("D", 100, "Deny", "AzureMonitor", "*")])), None);
    let readiness = judge(&network);
    assert_eq!(
        (readiness.summary(false), readiness.summary(true)),
        (Summary::Fail, Summary::Warn)
    );
    assert!(!readiness.is_blocked() && !readiness.is_ready());
    let storage = judge(&subnet_with(Some(rules(&[("D", 100, "Deny", "Storage", "*")])), None));
    assert!(storage.is_blocked());
}

#[test]
fn addresses_tell_whether_the_pool_region_is_reached() {
    let mut network = subnet_with(
        Some(rules(&[
            ("A", 100, "Allow", "Storage.EastUS", "443"),
            ("D", 200, "Deny", "*", "*"),
        ])),
        None,
    );
    network.tag_data = tag_data(&fixture()["fixture_service_tags"]);
    let storage = |network: &Network| judge(network).findings[1].clone();
    assert_eq!(storage(&network).pool_region_reachable, Some(true));
    network.pool_region = "West Europe".to_owned();
    assert_eq!(storage(&network).pool_region_reachable, Some(false));
    network.pool_region = "nowhere".to_owned();
    assert_eq!(storage(&network).pool_region_reachable, None);
}
