//! Cases of our own for what the vectors do not hold. Each names its verdicts as `rules/routes/overall`.

use serde_json::{Value, json};

use super::network::{admin, judge, route, rule, subnet_with, tag_data};
use super::vectors::fixture;
use crate::network::reading::Reading;
use crate::network::subnet::{Subnet, VirtualNetwork};
use crate::network::{Network, Readiness, Summary};

const TUNNEL: (&str, &str, &str) = ("def", "0.0.0.0/0", "VirtualAppliance 10.0.100.4");

type RuleRow = (&'static str, i64, &'static str, &'static str, &'static str);
type RouteRow = (&'static str, &'static str, &'static str);
/// `Tag`, `Tag:port` or `*`, and `rules/routes/overall`.
type Expected = &'static [(&'static str, &'static str)];

fn rules(rows: &[RuleRow]) -> Vec<Value> {
    rows.iter()
        .map(|(name, priority, access, to, ports)| rule(name, *priority, access, to, ports))
        .collect()
}

fn routes(rows: &[RouteRow]) -> Vec<Value> {
    rows.iter()
        .map(|(name, prefix, hop)| route(name, prefix, hop))
        .collect()
}

/// Adds properties to the subnet.
fn with_subnet(mut network: Network, properties: Value) -> Network {
    let mut body = json!({"name": "agents", "properties": {"addressPrefix": "10.0.1.0/24"}});
    body["properties"]
        .as_object_mut()
        .unwrap()
        .extend(properties.as_object().unwrap().clone());
    network.subnet = Reading::Read(Subnet::from_arm(&body));
    network
}

fn endpoints(services: &[&str]) -> Value {
    let one = |it: &&str| json!({"service": it, "locations": ["*"], "provisioningState": "Succeeded"});
    json!({"serviceEndpoints": services.iter().map(one).collect::<Vec<_>>()})
}

fn all_endpoints() -> Value {
    endpoints(&[
        "Microsoft.KeyVault",
        "Microsoft.EventHub",
        "Microsoft.Storage",
        "Microsoft.AzureActiveDirectory",
    ])
}

fn check(name: &str, readiness: &Readiness, expected: Expected) {
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
fn both(name: &str, network: &Network, symbolic: Expected, exact: Expected) {
    check(&format!("{name} by names"), &judge(network), symbolic);
    let data = tag_data(&fixture()["fixture_service_tags"]);
    let network = Network {
        tag_data: data,
        ..network.clone()
    };
    check(&format!("{name} with addresses"), &judge(&network), exact);
}

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
fn user_defined_routes() {
    let all = |verdicts: &'static str| -> Vec<(&'static str, &'static str)> { vec![("*", verdicts)] };
    let direct = || all("allowed/direct/reachable");
    let storage = |verdicts: &'static str, rest: &'static str| vec![("Storage", verdicts), ("*", rest)];
    let halves = |a, b| vec![("a", "0.0.0.0/1", a), ("b", "128.0.0.0/1", b)];
    type Row = Vec<(&'static str, &'static str)>;
    let table: Vec<(&str, Vec<RouteRow>, Row, Row)> = vec![
        (
            "a gateway",
            vec![("r", "0.0.0.0/0", "VirtualNetworkGateway")],
            all("allowed/gateway/depends"),
            all("allowed/gateway/depends"),
        ),
        (
            "VnetLocal",
            vec![("r", "0.0.0.0/0", "VNetLocal")],
            all("allowed/unknown/unknown"),
            all("allowed/unknown/unknown"),
        ),
        (
            "equal-cost appliances",
            vec![("r", "0.0.0.0/0", "VirtualApplianceEcmp")],
            all("allowed/appliance/depends"),
            all("allowed/appliance/depends"),
        ),
        (
            "two halves",
            halves("VirtualAppliance 10.0.9.4", "VirtualAppliance 10.0.9.5"),
            all("allowed/appliance/depends"),
            all("allowed/appliance/depends"),
        ),
        (
            "a half",
            vec![("a", "128.0.0.0/1", "None")],
            all("allowed/unknown/unknown"),
            direct(),
        ),
        (
            "private space",
            vec![
                ("r", "10.0.0.0/8", "VirtualAppliance 10.0.9.4"),
                ("q", "192.168.0.0/16", "None"),
            ],
            direct(),
            direct(),
        ),
        ("IPv6", vec![("r", "::/0", "None")], direct(), direct()),
        (
            "another service",
            vec![("r", "Sql", "None"), ("q", "AzureMonitor.WestEurope", "Internet")],
            direct(),
            direct(),
        ),
        (
            "a public prefix",
            vec![("r", "20.60.0.0/16", "VirtualAppliance 10.0.9.4")],
            all("allowed/unknown/unknown"),
            storage("allowed/mixed/depends", "allowed/direct/reachable"),
        ),
        (
            "a public prefix that changes nothing",
            vec![("r", "20.60.0.0/16", "Internet")],
            direct(),
            direct(),
        ),
        (
            "AzureCloud past the appliance",
            vec![TUNNEL, ("r", "AzureCloud", "Internet")],
            vec![
                ("Storage", "allowed/mixed/depends"),
                ("AzureActiveDirectory", "allowed/mixed/depends"),
                ("*", "allowed/direct/reachable"),
            ],
            vec![
                ("Storage", "allowed/mixed/depends"),
                ("AzureActiveDirectory", "allowed/mixed/depends"),
                ("*", "allowed/direct/reachable"),
            ],
        ),
        (
            "one region past the appliance",
            vec![TUNNEL, ("r", "Storage.EastUS", "Internet")],
            storage("allowed/mixed/depends", "allowed/appliance/depends"),
            storage("allowed/mixed/depends", "allowed/appliance/depends"),
        ),
        (
            "a region beats its tag",
            vec![("r", "Storage", "Internet"), ("q", "Storage.EastUS", "None")],
            storage("allowed/mixed/partial", "allowed/direct/reachable"),
            storage("allowed/mixed/partial", "allowed/direct/reachable"),
        ),
        (
            "a tag nobody knows",
            vec![("r", "ContosoFutureTag", "None")],
            all("allowed/unknown/unknown"),
            all("allowed/unknown/unknown"),
        ),
        (
            "no prefix",
            vec![("r", "", "None")],
            all("allowed/unknown/unknown"),
            all("allowed/unknown/unknown"),
        ),
        (
            "dropped here, led away there",
            halves("None", "VirtualAppliance 10.0.9.4"),
            all("allowed/unknown/unknown"),
            vec![("*", "allowed/blocked/blocked")],
        ),
    ];
    for (name, rows, symbolic, exact) in table {
        let network = subnet_with(None, Some(routes(&rows)));
        both(name, &network, symbolic.leak(), exact.leak());
    }
}

#[test]
fn endpoints_and_egress() {
    let dropped = subnet_with(None, Some(routes(&[("r", "0.0.0.0/0", "None")])));
    let expected: Expected = &[
        ("AzureMonitor", "allowed/blocked/blocked"),
        ("AzureActiveDirectory", "allowed/mixed/partial"),
        ("*", "allowed/direct/reachable"),
    ];
    both(
        "endpoints beat a shorter route",
        &with_subnet(dropped, all_endpoints()),
        expected,
        expected,
    );

    let plain = || subnet_with(None, None);
    let mut policy = endpoints(&["Microsoft.KeyVault"]);
    policy["serviceEndpointPolicies"] = json!([{"id": "/x/p"}]);
    let reachable: Expected = &[("*", "allowed/direct/reachable")];
    both(
        "a policy without the storage endpoint",
        &with_subnet(plain(), policy),
        reachable,
        reachable,
    );

    let mut network = with_subnet(plain(), endpoints(&["Microsoft.Storage.Global"]));
    network.replica_regions = vec!["West Europe".to_owned()];
    network.route_table = subnet_with(None, Some(routes(&[TUNNEL]))).route_table;
    let expected: Expected = &[
        ("*", "allowed/appliance/depends"),
        ("Storage", "allowed/direct/reachable"),
    ];
    both("the global endpoint reaches replicas", &network, expected, expected);

    let cloud = subnet_with(None, Some(routes(&[("r", "AzureCloud", "VirtualAppliance 10.0.9.4")])));
    let symbolic: Expected = &[
        ("AzureMonitor", "allowed/appliance/depends"),
        ("AzureActiveDirectory", "allowed/unknown/unknown"),
        ("*", "allowed/unknown/unknown"),
    ];
    let exact: Expected = &[
        ("AzureMonitor", "allowed/appliance/depends"),
        // The fixture's endpoint prefixes are longer than those of AzureCloud around them, so the endpoint wins for its part.
        ("AzureActiveDirectory", "allowed/mixed/depends"),
        ("AzureKeyVault", "allowed/direct/reachable"),
        ("EventHub", "allowed/direct/reachable"),
        ("Storage", "allowed/unknown/unknown"),
    ];
    both(
        "an endpoint against AzureCloud",
        &with_subnet(cloud, all_endpoints()),
        symbolic,
        exact,
    );

    let mut learned = with_subnet(plain(), endpoints(&["Microsoft.KeyVault"]));
    learned.virtual_network = Reading::Read(VirtualNetwork {
        may_learn_routes: true,
        ..VirtualNetwork::default()
    });
    let expected: Expected = &[
        ("*", "allowed/unknown/unknown"),
        ("AzureKeyVault", "allowed/direct/reachable"),
    ];
    both("a gateway may announce a default route", &learned, expected, expected);
    learned.virtual_network = Reading::Unreadable;
    both("an unreadable network may have a gateway", &learned, expected, expected);

    let mut public = plain();
    let space = json!({"properties": {"addressSpace": {"addressPrefixes": ["20.60.0.0/16"]}}});
    public.virtual_network = Reading::Read(VirtualNetwork::from_arm(&space));
    let exact: Expected = &[
        ("*", "allowed/direct/reachable"),
        ("Storage", "allowed/unknown/unknown"),
    ];
    both(
        "public space of one's own",
        &public,
        &[("*", "allowed/unknown/unknown")],
        exact,
    );
}

#[test]
fn appliances_that_the_user_vouches_for() {
    let mut network = subnet_with(Some(vec![]), Some(routes(&[TUNNEL])));
    network.trusted_next_hops = vec!["10.0.100.5".to_owned()];
    let depends: Expected = &[("*", "allowed/appliance/depends")];
    both("another address", &network, depends, depends);
    network.trusted_next_hops.push("10.0.100.4".to_owned());
    let reachable: Expected = &[("*", "allowed/appliance/reachable")];
    both("this address", &network, reachable, reachable);
    assert!(
        judge(&network).findings[0]
            .decided_by
            .starts_with("trusted next hop of route \"def\"")
    );
    assert!(judge(&network).is_ready());
    let private = with_subnet(network, json!({"defaultOutboundAccess": false}));
    both("a private subnet behind it", &private, reachable, reachable);
    let rows = [TUNNEL, ("r", "Storage.EastUS", "Internet")];
    let mixed = Network {
        route_table: subnet_with(None, Some(routes(&rows))).route_table,
        ..private
    };
    let expected: Expected = &[
        ("*", "allowed/appliance/reachable"),
        ("Storage", "allowed/mixed/unknown"),
    ];
    both("a part without egress", &mixed, expected, expected);
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
