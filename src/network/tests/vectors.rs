//! Our vectors: networks with hand-derived verdicts, by names alone and with addresses.

use std::sync::Arc;

use serde_json::{Value, json};

use super::network::{judge, reading, tag_data};
use crate::network::reading::Reading;
use crate::network::route_table::RouteTable;
use crate::network::security_group::{Origin, SecurityGroup, security_admin_rules};
use crate::network::subnet::{Subnet, VirtualNetwork};
use crate::network::{KNOWN_TAGS, Network, REQUIREMENTS, Remedy, SecurityGroupVerdict};

const VECTORS: &str = include_str!("../../../tests/fixtures/network/vectors.json");

/// How many vectors there are; a truncated file must not pass.
const COUNT: usize = 68;

pub fn fixture() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

pub fn networks() -> Vec<(String, Network)> {
    let vectors = fixture()["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), COUNT);
    vectors
        .iter()
        .map(|it| (it["id"].as_str().unwrap().to_owned(), network(it)))
        .collect()
}

/// A vector's bodies are trimmed: the network's as a summary, the default rules by a word.
fn network(vector: &Value) -> Network {
    let mut group = vector["nsg"].clone();
    if group["properties"]["defaultSecurityRules"] == json!("@standard") {
        group["properties"]["defaultSecurityRules"] = fixture()["standard_default_outbound_rules"].clone();
    }
    let summary = &vector["vnet"];
    let gateway = summary["gateway_hint"] == json!("bgp-possible");
    let subnets = if gateway {
        json!([{"name": "GatewaySubnet"}])
    } else {
        json!([])
    };
    let properties = json!({"addressSpace": {"addressPrefixes": summary["addressSpace"]}, "subnets": subnets,
        "dhcpOptions": summary.get("dhcpOptions").or(vector.get("dhcpOptions"))});
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Network {
        subnet: reading(&vector["subnet"], Subnet::from_arm),
        virtual_network: Reading::Read(VirtualNetwork::from_arm(
            &json!({"location": summary["location"], "properties": properties}),
        )),
        security_group: reading(&group, SecurityGroup::from_arm),
        route_table: reading(&vector["route_table"], RouteTable::from_arm),
        admin_rules: reading(&vector["security_admin_rules"], |it| {
            security_admin_rules(it.as_array().unwrap())
        }),
        tag_data: Arc::default(),
        pool_region: text(&vector["pool_region"]),
        replica_regions: vector["registry_replica_regions"]
            .as_array()
            .map(|it| it.iter().map(text).collect())
            .unwrap_or_default(),
        trusted_next_hops: Vec::new(),
    }
}

/// An expectation by `Tag:port`, by `Tag`, or for everything else.
fn expected<'a>(map: &'a Value, tag: &str, port: u16) -> &'a str {
    let key = format!("{tag}:{port}");
    let value = map.get(&key).or_else(|| map.get(tag)).or_else(|| map.get("*"));
    value
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no expectation for {key} in {map}"))
}

/// Every difference of one vector in one mode.
fn differences(vector: &Value, network: &Network, expectation: &Value) -> Vec<String> {
    let readiness = judge(network);
    let mut differences = Vec::new();
    let mut compare = |what: String, actual: String, wanted: String| {
        if actual != wanted {
            differences.push(format!("{what}: {actual}, should be {wanted}"));
        }
    };
    for finding in &readiness.findings {
        let (tag, port) = (finding.requirement.service_tag, finding.requirement.port);
        for (part, actual) in [
            ("nsg", finding.security_group_verdict.as_str()),
            ("route", finding.route_verdict.as_str()),
            ("overall", finding.verdict.as_str()),
        ] {
            let wanted = expected(&expectation[part], tag, port);
            compare(format!("{tag}:{port} {part}"), actual.to_owned(), wanted.to_owned());
        }
        if let Some(wanted) = expectation["pool_region_ok"].get(format!("{tag}:{port}")) {
            let actual = finding.pool_region_reachable;
            compare(
                format!("{tag}:{port} pool region"),
                format!("{actual:?}"),
                format!("{:?}", wanted.as_bool()),
            );
        }
    }
    compare(
        "summary".to_owned(),
        readiness.summary(false).to_string(),
        expectation["summary"].as_str().unwrap().to_owned(),
    );
    for code in vector["advisories"].as_array().into_iter().flatten() {
        let found = readiness.advisories.iter().any(|it| it.code() == code);
        compare(format!("advisory {code}"), found.to_string(), true.to_string());
    }
    differences
}

#[test]
fn every_vector_holds_in_both_modes() {
    let fixture = fixture();
    let data = tag_data(&fixture["fixture_service_tags"]);
    let mut failures = Vec::new();
    for (vector, (id, mut network)) in fixture["vectors"].as_array().unwrap().iter().zip(networks()) {
        let symbolic = &vector["expected"]["symbolic"];
        let exact = vector["expected"].get("with_tag_data").unwrap_or(symbolic);
        for (mode, tags, expectation) in [
            ("symbolic", Arc::default(), symbolic),
            ("with tag data", data.clone(), exact),
        ] {
            network.tag_data = tags;
            for difference in differences(vector, &network, expectation) {
                failures.push(format!("{id} {mode} {difference} ({})", vector["title"]));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} differences:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn checks_of_the_subnet_itself_hold() {
    let fixture = fixture();
    for (vector, (id, network)) in fixture["vectors"].as_array().unwrap().iter().zip(networks()) {
        let own = network.virtual_network.read().unwrap();
        let delegated = !network.subnet.read().unwrap().delegations.is_empty();
        let checks = &vector["expected_checks"];
        let of = |name: &str, usual: bool| checks.get(name).and_then(Value::as_bool).unwrap_or(usual);
        assert_eq!(
            own.is_in(&network.pool_region),
            of("vnet_region_matches_pool", true),
            "{id}"
        );
        assert_eq!(
            !own.dns_conflicts().is_empty(),
            of("dns_conflicts_docker_bridge", false),
            "{id}"
        );
        assert_eq!(delegated, of("subnet_has_foreign_delegation", false), "{id}");
    }
}

#[test]
fn tables_are_those_of_the_fixture() {
    let fixture = fixture();
    let known: Vec<&str> = fixture["known_tags"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(known, KNOWN_TAGS);
    let rows: Vec<Value> = REQUIREMENTS
        .iter()
        .map(|it| {
            json!({"tag": it.service_tag, "port": it.port, "protocol": "Tcp", "direction": "Outbound", "source": "VirtualNetwork",
                "level": it.level.as_str()})
        })
        .collect();
    assert_eq!(Value::from(rows), fixture["requirements"]);
}

/// The remedies of all findings together leave nothing that the group's rules deny or doubt.
#[test]
fn remedies_mend_what_rules_break() {
    let mut mended = 0;
    for (id, mut network) in networks() {
        let remedies: Vec<Remedy> = judge(&network)
            .findings
            .into_iter()
            .flat_map(|it| it.remedies)
            .collect();
        let Reading::Read(group) = &network.security_group else {
            continue;
        };
        let fixed = with(&remedies, group);
        let unique = fixed.rules.windows(2).all(|pair| pair[0].priority != pair[1].priority);
        assert!(unique, "{id}: two rules with one priority");
        mended += usize::from(fixed != *group);
        network.security_group = Reading::Read(fixed);
        for finding in judge(&network).findings {
            assert_eq!(
                finding.security_group_verdict,
                SecurityGroupVerdict::Allowed,
                "{id} {finding:#?} {remedies:#?}"
            );
        }
    }
    assert!(mended > 10, "only {mended} vectors had something to mend");
}

/// A group after what remedies say was done to it.
pub fn with(remedies: &[Remedy], group: &SecurityGroup) -> SecurityGroup {
    let mut rules: Vec<Value> = Vec::new();
    let mut fixed = group.clone();
    for remedy in remedies {
        match remedy {
            Remedy::AddRule { rule, .. } => rules.push(json!({"name": rule.name, "priority": rule.priority,
                "direction": rule.direction, "access": rule.access, "protocol": rule.protocol,
                "source_port_range": rule.source_port_range, "destination_port_range": rule.destination_port_range,
                "source_address_prefix": rule.source_address_prefix,
                "destination_address_prefix": rule.destination_address_prefix})),
            Remedy::MoveRule { rule, to, .. } => {
                for own in fixed.rules.iter_mut().filter(|it| it.name == *rule) {
                    own.priority = Some(*to);
                }
            }
            _ => {}
        }
    }
    let added = SecurityGroup::from_rules(&group.name, &rules, &[]);
    fixed
        .rules
        .extend(added.rules.into_iter().filter(|it| it.origin == Origin::Custom));
    fixed.rules.sort_by_key(|it| it.priority);
    fixed
}
