//! `check_outbound_rules` against the vectors of hand-derived verdicts, in one apply of real Terraform.
//!
//! A function sees rules and routes and nothing else, so only those vectors count in which nothing else decides.

use serde_json::{Map, Value, json};

use super::{outputs, sandbox};

const VECTORS: &str = include_str!("../../fixtures/network/vectors.json");

/// Vectors in which rules and routes alone decide; another number means that the filter or the file is wrong.
const COUNT: usize = 46;

/// Whether the verdict hangs on anything that the function is not told.
fn decides_alone(vector: &Value) -> bool {
    let subnet = vector["subnet"]["properties"].clone();
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let plain = ["serviceEndpoints", "serviceEndpointPolicies", "natGateway"]
        .iter()
        .all(|name| is_empty(&subnet[*name]))
        && subnet["defaultOutboundAccess"] != json!(false);
    let readable = ["nsg", "route_table", "subnet"]
        .iter()
        .all(|name| vector[*name].get("$error").is_none());
    // Which senders a rule is about can be told of a subnet that is there; rules by name are about all.
    let rules = vector["nsg"]["properties"]["securityRules"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let by_prefix = |rule: &Value| {
        let properties = &rule["properties"];
        let one = properties["sourceAddressPrefix"].as_str().unwrap_or_default();
        one.starts_with(|c: char| c.is_ascii_digit()) || !is_empty(&properties["sourceAddressPrefixes"])
    };
    plain
        && readable
        && is_empty(&vector["security_admin_rules"])
        && vector["vnet"]["gateway_hint"] != "bgp-possible"
        && !rules.iter().any(by_prefix)
}

/// `destinationPortRange` as `destination_port_range`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// A rule or route as `azurerm` spells it.
fn flat(item: &Value) -> Value {
    let mut members = Map::from_iter([("name".to_owned(), item["name"].clone())]);
    for (name, value) in item["properties"].as_object().into_iter().flatten() {
        let (name, value) = match name.as_str() {
            "sourceApplicationSecurityGroups" | "destinationApplicationSecurityGroups" => {
                let ids = value.as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
                (format!("{}_ids", snake(name).trim_end_matches('s')), Value::Array(ids))
            }
            "nextHopIpAddress" => ("next_hop_in_ip_address".to_owned(), value.clone()),
            _ => (snake(name), value.clone()),
        };
        members.insert(name, value);
    }
    Value::Object(members)
}

fn expected<'a>(map: &'a Value, requirement: &Value) -> &'a Value {
    let tag = requirement["service_tag"].as_str().unwrap();
    let key = format!("{tag}:{}", requirement["port"]);
    let of = map.get(&key).or_else(|| map.get(tag)).or_else(|| map.get("*"));
    of.unwrap_or_else(|| panic!("no expectation for {key} in {map}"))
}

#[test]
fn rules_and_routes_are_judged_as_by_hand() {
    let fixture: Value = serde_json::from_str(VECTORS).unwrap();
    let vectors: Vec<&Value> = fixture["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| decides_alone(it))
        .collect();
    assert_eq!(vectors.len(), COUNT);
    let list = |value: &Value| -> Vec<Value> { value.as_array().into_iter().flatten().map(flat).collect() };
    let cases: Map<String, Value> = vectors
        .iter()
        .map(|vector| {
            let routes = match &vector["route_table"] {
                Value::Null => Value::Null,
                table => Value::Array(list(&table["properties"]["routes"])),
            };
            let rules = list(&vector["nsg"]["properties"]["securityRules"]);
            (
                vector["id"].as_str().unwrap().to_owned(),
                json!({"rules": rules, "routes": routes}),
            )
        })
        .collect();
    let sandbox = sandbox(
        "output \"verdicts\" {\n  value = { for id, case in local.cases : id => provider::acr::check_outbound_rules(case.rules, case.routes) }\n}\n",
    );
    sandbox.write("cases.tf.json", &json!({"locals": {"cases": cases}}).to_string());
    let verdicts = &outputs(&sandbox)["verdicts"];
    let mut differences = Vec::new();
    for vector in vectors {
        let id = vector["id"].as_str().unwrap();
        let symbolic = &vector["expected"]["symbolic"];
        for requirement in verdicts[id]["requirements"].as_array().unwrap() {
            for (member, part) in [
                ("security_group_verdict", "nsg"),
                ("route_verdict", "route"),
                ("verdict", "overall"),
            ] {
                let wanted = expected(&symbolic[part], requirement);
                if requirement[member] != *wanted {
                    differences.push(format!(
                        "{id} {}:{} {member}: {}, should be {wanted}",
                        requirement["service_tag"], requirement["port"], requirement[member]
                    ));
                }
            }
        }
        let all = verdicts[id]["requirements"].as_array().unwrap();
        assert_eq!(
            verdicts[id]["ready"],
            json!(all.iter().all(|it| it["verdict"] == "reachable")),
            "{id}"
        );
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
