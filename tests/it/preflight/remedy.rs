//! What a finding says to paste, pasted: Terraform reads it, Azure takes it, and the network is in order.

use std::{collections::BTreeSet, fs};

use serde_json::{Map, Value, json};

use super::{group_id, networked, rule};
use crate::{
    agent_pool::{GROUP, HEADER, registry, subnet},
    emulator::lab::{Lab, NETWORKS},
    sandbox::{Run, Sandbox, Version},
};

/// The blocks that remedies name, and the collection of ARM that each becomes a member of.
const BLOCKS: [(&str, &str); 2] = [("security_rule", "securityRules"), ("route", "routes")];

const QUESTION: &str = r#"
data "acr_subnet_readiness" "it" {
  registry_id = "REGISTRY"
  subnet_id   = "SUBNET"
}

output "readiness" {
  value = data.acr_subnet_readiness.it
}
"#;

/// The requirements as Terraform shows them after an apply.
fn requirements(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.ok(&["apply", "-auto-approve"]);
    let answer = sandbox.ok(&["output", "-json", "readiness"]).json();
    answer["requirements"].as_array().unwrap().clone()
}

/// The bodies of the blocks of this name in a text, between the braces.
fn bodies<'a>(text: &'a str, block: &str) -> Vec<&'a str> {
    let begin = format!("\n{block} {{\n");
    let begun = text.split(&begin).skip(1);
    begun.map(|rest| rest.split_once("\n}").unwrap().0).collect()
}

/// `destination_port_range` as `destinationPortRange`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// A block as Terraform has read it, as ARM takes it.
fn arm(block: &Value) -> Value {
    let members = block.as_object().unwrap().iter().filter(|(name, _)| *name != "name");
    let properties: Map<String, Value> = members.map(|(name, value)| (camel(name), value.clone())).collect();
    json!({ "properties": properties })
}

/// A pool in the subnet, refused at plan by whatever speaks against it.
fn plan(sandbox: &Sandbox) -> Run {
    let strict = HEADER.replace(
        "provider \"acr\" {}",
        "provider \"acr\" {\n  preflight {\n    fail_at_plan = true\n  }\n}",
    );
    let (registry, subnet) = (registry(), subnet());
    sandbox.write(
        "main.tf",
        &format!(
            "{strict}\nresource \"acr_agent_pool\" \"p\" {{\n  name        = \"builds\"\n  registry_id = {registry:?}\n  subnet_id   = {subnet:?}\n}}\n"
        ),
    );
    sandbox.run(&["plan"])
}

/// Pastes each block of the remedies once, as a person would: Terraform reads it, and ARM gets it. Returns the kinds of blocks.
async fn paste(lab: &Lab, sandbox: &Sandbox, requirements: &[Value]) -> Vec<&'static str> {
    let remedies = requirements.iter().filter_map(|it| it["remedy"].as_str());
    let remedies: String = remedies.map(|remedy| format!("\n{remedy}\n")).collect();
    let parents = [group_id("nsg"), format!("{GROUP}/Microsoft.Network/routeTables/rt")];
    let mut pasted = Vec::new();
    for ((block, collection), parent) in BLOCKS.into_iter().zip(parents) {
        let bodies: BTreeSet<&str> = bodies(&remedies, block).into_iter().collect();
        if bodies.is_empty() {
            continue;
        }
        pasted.push(block);
        let whole: String = bodies.iter().map(|body| format!("{block} {{\n{body}\n}}\n")).collect();
        sandbox.write("blocks.tf", &whole);
        sandbox.ok(&["fmt", "-check", "blocks.tf"]);
        fs::remove_file(sandbox.path().join("blocks.tf")).unwrap();
        // A block without its name is an object, which Terraform reads without knowing the resource.
        let list: String = bodies.iter().map(|body| format!("{{\n{body}\n}},\n")).collect();
        sandbox.write("pasted.tf", &format!("output \"pasted\" {{\n  value = [{list}]\n}}\n"));
        sandbox.ok(&["apply", "-auto-approve"]);
        fs::remove_file(sandbox.path().join("pasted.tf")).unwrap();
        for read in sandbox.ok(&["output", "-json", "pasted"]).json().as_array().unwrap() {
            let name = read["name"].as_str().unwrap();
            let url = format!("{parent}/{collection}/{name}?api-version={NETWORKS}");
            let reply = lab.call("PUT", &url, Some(&arm(read).to_string())).await;
            assert!([200, 201].contains(&reply.status), "{url}: {}", reply.text);
        }
    }
    pasted
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_mends_the_network() {
    // A rule that lets nothing out, and a default route to an appliance that nobody vouches for.
    let seed = networked(
        json!({"security_group": "nsg", "route_table": "rt"}),
        json!([rule("Deny", 200, "Internet")]),
    );
    let lab = Lab::with(|options| options.seed = seed).await;
    let sandbox = Sandbox::new(Version::Newest).env(lab.emulator.environment());
    let refused = plan(&sandbox);
    assert_eq!(refused.code, Some(1), "{refused}");
    refused.says("The network blocks what the machines need");

    let question = QUESTION.replace("REGISTRY", &registry()).replace("SUBNET", &subnet());
    sandbox.write("main.tf", &format!("{HEADER}{question}"));
    let before = requirements(&sandbox);
    assert!(before.iter().any(|it| it["verdict"] == "blocked"), "{before:#?}");
    // What is only uncertain is mended after what blocks: first the rules, then the routes.
    for (block, _) in BLOCKS {
        assert!(
            paste(&lab, &sandbox, &requirements(&sandbox)).await.contains(&block),
            "no {block}"
        );
    }

    let after = requirements(&sandbox);
    assert_eq!(after.len(), before.len());
    for requirement in &after {
        assert_eq!(requirement["verdict"], "reachable", "{requirement:#}");
        assert_eq!(requirement["remedy"], Value::Null, "{requirement:#}");
    }
    let planned = plan(&sandbox);
    assert_eq!(planned.code, Some(0), "{planned}");
    assert!(!planned.output().contains("The network"), "{planned}");
}
