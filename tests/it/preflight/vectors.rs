//! The network vectors through the whole provider: one configuration, one apply, every verdict of every requirement.

use serde_json::{Map, Value, json};
use terraform_provider_acr::emulator::{Fault, Options, Seed};

use crate::{
    agent_pool::{GROUP, HEADER, World, options, registry, seed},
    sandbox::Version,
};

const VECTORS: &str = include_str!("../../fixtures/network/vectors.json");

/// How many vectors there are; a truncated file must not pass.
const COUNT: usize = 68;

/// A subscription whose objects nobody here may read.
const FORBIDDEN: &str = "22222222-2222-3333-4444-555555555555";

/// A registry with replicas in the regions of the only vector that names any.
const REPLICATED: &str = "contosoreplicas";

const CONFIGURATION: &str = r#"
data "acr_subnet_readiness" "case" {
  for_each    = jsondecode(file("cases.json"))
  registry_id = each.value.registry_id
  subnet_id   = each.value.subnet_id
}

output "answers" {
  value = data.acr_subnet_readiness.case
}
"#;

fn vectors() -> Vec<Value> {
    let fixture: Value = serde_json::from_str(VECTORS).unwrap();
    let vectors = fixture["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), COUNT);
    vectors
}

fn service_tags() -> Value {
    let fixture: Value = serde_json::from_str(VECTORS).unwrap();
    fixture["fixture_service_tags"].clone()
}

fn id(vector: &Value) -> &str {
    vector["id"].as_str().unwrap()
}

/// All vectors as one seed: a network each, with its security group and route table where it has one.
fn networks(service_tags: Value) -> Seed {
    let (mut groups, mut tables, mut networks) = (Vec::new(), Vec::new(), Vec::new());
    for vector in vectors() {
        let id = id(&vector);
        let mut own = subnet(&vector);
        for (member, body, name, list) in [
            (
                "security_group",
                &vector["nsg"],
                format!("nsg-{id}"),
                "networkSecurityGroups",
            ),
            ("route_table", &vector["route_table"], format!("rt-{id}"), "routeTables"),
        ] {
            if body.get("$error").is_some() {
                let group = GROUP.replace("11111111-2222-3333-4444-555555555555", FORBIDDEN);
                own[member] = json!(format!("{group}/Microsoft.Network/{list}/{name}"));
            } else if !body.is_null() {
                own[member] = json!(name);
            }
        }
        if own["security_group"] == json!(format!("nsg-{id}")) {
            let rules = &vector["nsg"]["properties"]["securityRules"];
            groups.push(json!({"name": format!("nsg-{id}"), "resource_group": "rg-builds", "security_rules": rules}));
        }
        if own["route_table"] == json!(format!("rt-{id}")) {
            let properties = &vector["route_table"]["properties"];
            let off = properties["disableBgpRoutePropagation"].as_bool().unwrap_or_default();
            tables.push(
                json!({"name": format!("rt-{id}"), "resource_group": "rg-builds", "routes": properties["routes"],
                "disable_bgp_route_propagation": off}),
            );
        }
        networks.push(network(&vector, own));
    }
    let registry = |name: &str| json!({"name": name, "resource_group": "rg-builds"});
    seed(json!({
        "registries": [registry("contosobuilds"), registry(REPLICATED)],
        "network_security_groups": groups, "route_tables": tables, "virtual_networks": networks, "service_tags": service_tags,
        "foreign_subscriptions": [{"id": FORBIDDEN, "answer": "forbidden"}],
    }))
}

/// The subnet of a vector, but for its rules and routes.
fn subnet(vector: &Value) -> Value {
    let body = &vector["subnet"]["properties"];
    let mut subnet = json!({"name": "snet"});
    let mut set = |name: &str, value: &Value| {
        if !value.is_null() {
            subnet[name] = value.clone();
        }
    };
    set("address_prefix", &body["addressPrefix"]);
    set("address_prefixes", &body["addressPrefixes"]);
    set("nat_gateway", &body["natGateway"]["id"]);
    set("service_endpoints", &body["serviceEndpoints"]);
    set("delegations", &body["delegations"]);
    set("default_outbound_access", &body["defaultOutboundAccess"]);
    let policies = body["serviceEndpointPolicies"].as_array();
    let policies: Vec<&Value> = policies.into_iter().flatten().map(|policy| &policy["id"]).collect();
    set("service_endpoint_policies", &json!(policies));
    subnet
}

fn network(vector: &Value, subnet: Value) -> Value {
    let summary = &vector["vnet"];
    let mut subnets = vec![subnet];
    if summary["gateway_hint"] == "bgp-possible" {
        subnets.push(json!({"name": "GatewaySubnet", "address_prefix": "10.0.255.0/27"}));
    }
    let servers = summary["dhcpOptions"].get("dnsServers").cloned().unwrap_or(json!([]));
    let rules = vector.get("security_admin_rules").cloned().unwrap_or(json!([]));
    json!({"name": format!("vnet-{}", id(vector)), "resource_group": "rg-builds", "location": summary["location"],
        "address_space": summary["addressSpace"], "dns_servers": servers, "security_admin_rules": rules, "subnets": subnets})
}

/// Every case's answer, by its id, of one apply.
fn answers(world: &World) -> Map<String, Value> {
    let case = |vector: &Value| {
        let subnet = format!(
            "{GROUP}/Microsoft.Network/virtualNetworks/vnet-{}/subnets/snet",
            id(vector)
        );
        let replicated = !vector["registry_replica_regions"].is_null();
        let registry = if replicated {
            registry().replace("contosobuilds", REPLICATED)
        } else {
            registry()
        };
        json!({"registry_id": registry, "subnet_id": subnet})
    };
    let cases: Map<String, Value> = vectors().iter().map(|it| (id(it).to_owned(), case(it))).collect();
    world.sandbox.write("cases.json", &json!(cases).to_string());
    world.sandbox.write("main.tf", &format!("{HEADER}{CONFIGURATION}"));
    world.apply();
    let answers = world.sandbox.ok(&["output", "-json", "answers"]).json();
    answers.as_object().unwrap().clone()
}

/// Replicas, which the emulator does not serve: those that the vectors name for one registry, none for the other.
fn replications() -> Vec<Fault> {
    let named: Vec<Value> = vectors()
        .iter()
        .flat_map(|it| it["registry_replica_regions"].as_array().cloned())
        .flatten()
        .collect();
    let of = |registry: &str, regions: &[Value]| {
        let listed: Vec<Value> = regions
            .iter()
            .map(|region| json!({"name": region, "location": region}))
            .collect();
        let fault = json!({"match": {"method": "GET", "path_contains": format!("{registry}/replications")},
            "action": {"respond": {"status": 200, "body": {"value": listed}}}});
        serde_json::from_value(fault).unwrap()
    };
    vec![of(REPLICATED, &named), of("contosobuilds", &[])]
}

/// An expectation by `Tag:port`, by `Tag`, or for everything else.
fn expected<'a>(map: &'a Value, tag: &str, port: i64) -> &'a str {
    let key = format!("{tag}:{port}");
    let value = map.get(&key).or_else(|| map.get(tag)).or_else(|| map.get("*"));
    value
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no expectation for {key} in {map}"))
}

/// Every difference between a vector's expectation and the answer.
fn differences(vector: &Value, expectation: &Value, answer: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: String, actual: &Value, wanted: Value| {
        if *actual != wanted {
            differences.push(format!(
                "{} {what}: {actual}, should be {wanted} ({})",
                id(vector),
                vector["title"]
            ));
        }
    };
    let requirements = answer["requirements"].as_array().unwrap();
    compare("requirements".into(), &json!(requirements.len()), json!(6));
    let (mut blocked, mut ready) = (false, true);
    for requirement in requirements {
        let (tag, port) = (
            requirement["service_tag"].as_str().unwrap(),
            requirement["port"].as_i64().unwrap(),
        );
        for (part, attribute) in [
            ("nsg", "security_group_verdict"),
            ("route", "route_verdict"),
            ("overall", "verdict"),
        ] {
            let wanted = expected(&expectation[part], tag, port);
            compare(
                format!("{tag}:{port} {attribute}"),
                &requirement[attribute],
                json!(wanted),
            );
        }
        let overall = expected(&expectation["overall"], tag, port);
        // Documented: pools may run without Azure Monitor.
        blocked |= overall == "blocked" && tag != "AzureMonitor";
        ready &= overall == "reachable";
    }
    compare("blocked".into(), &answer["blocked"], json!(blocked));
    compare("ready".into(), &answer["ready"], json!(ready));
    let findings = answer["findings"].as_array().unwrap();
    let has = |check: &str, summary: &str| {
        json!(
            findings
                .iter()
                .any(|it| it["check"] == check && it["summary"] == summary)
        )
    };
    for code in vector["advisories"].as_array().into_iter().flatten() {
        let summary = format!("Network: {}", code.as_str().unwrap());
        compare(summary.clone(), &has("network", &summary), json!(true));
    }
    let checks = &vector["expected_checks"];
    for (check, summary, wanted) in [
        (
            "subnet",
            "The subnet is in another region",
            checks["vnet_region_matches_pool"] == json!(false),
        ),
        (
            "subnet",
            "The subnet is delegated",
            checks["subnet_has_foreign_delegation"] == json!(true),
        ),
        (
            "dns",
            "DNS servers that the machines cannot reach",
            checks["dns_conflicts_docker_bridge"] == json!(true),
        ),
    ] {
        compare(summary.into(), &has(check, summary), json!(wanted));
    }
    differences
}

fn hold(service_tags: Value, mode: &str) {
    let world = World::with(
        Version::Newest,
        Options {
            seed: networks(service_tags),
            ..options()
        },
    );
    world.emulator.set_faults(replications());
    let answers = answers(&world);
    assert_eq!(answers.len(), COUNT);
    let mut failures = Vec::new();
    for vector in vectors() {
        let expectation = vector["expected"].get(mode).unwrap_or(&vector["expected"]["symbolic"]);
        failures.extend(differences(&vector, expectation, &answers[id(&vector)]));
    }
    assert!(
        failures.is_empty(),
        "{} differences, {mode}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn every_vector_holds_with_the_addresses_of_service_tags() {
    hold(service_tags(), "with_tag_data");
}

#[test]
fn every_vector_holds_by_the_names_of_service_tags_alone() {
    hold(json!({}), "symbolic");
}
