//! Provider-defined functions as users call them, with real Terraform. Nothing here configures a provider or starts an emulator.

mod arguments;
mod vectors;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, Version};

const REQUIRED: &str =
    "terraform {\n  required_providers {\n    acr = {\n      source = \"agentpools/acr\"\n    }\n  }\n}\n";

/// A folder whose configuration is this; functions need a Terraform that has them.
fn sandbox(configuration: &str) -> Sandbox {
    let sandbox = Sandbox::new(Version::Newest);
    sandbox.write("versions.tf", REQUIRED);
    sandbox.write("main.tf", configuration);
    sandbox
}

/// The values of all outputs after an apply, after which nothing is left to do.
fn outputs(sandbox: &Sandbox) -> Value {
    sandbox.ok(&["apply", "-auto-approve"]);
    sandbox.plan_is_empty();
    let outputs = sandbox.ok(&["output", "-json"]).json();
    let values = outputs.as_object().unwrap().iter();
    values
        .map(|(name, output)| (name.clone(), output["value"].clone()))
        .collect()
}

/// The outputs of a function's example.
fn example(function: &str) -> Value {
    let path = format!(
        "{}/examples/functions/{function}/function.tf",
        env!("CARGO_MANIFEST_DIR")
    );
    outputs(&sandbox(&std::fs::read_to_string(path).unwrap()))
}

#[test]
fn examples_give_what_they_say() {
    assert_eq!(example("tier"), json!({"total_vcpu": 16}));
    let registry = REGISTRY;
    let expected = json!({"pool_id": format!("{registry}/agentPools/builds"), "registry_id": registry,
        "names": "builds of contosobuilds in rg-builds"});
    assert_eq!(example("parse_agent_pool_id"), expected);
    assert_eq!(
        example("parse_task_id"),
        json!({"registry_id": registry, "task": "nightly"})
    );
    let rules = &example("required_outbound_rules")["security_rules"];
    assert_eq!(
        (rules.as_array().unwrap().len(), &rules[8]["priority"]),
        (9, &json!(280))
    );
    let expected = json!({"name": "AllowAcrStorage", "priority": 210, "direction": "Outbound", "access": "Allow", "protocol": "Tcp",
        "source_port_range": "*", "source_address_prefix": "VirtualNetwork", "destination_port_range": "443",
        "destination_address_prefix": "Storage", "description": rules[1]["description"]});
    assert!(
        rules[1]["description"]
            .as_str()
            .unwrap()
            .starts_with("ACR agent pools: ")
    );
    assert_eq!(rules[1], expected);
    let rules = &example("required_firewall_rules")["network_rules"];
    assert_eq!(rules.as_array().unwrap().len(), 6);
    assert_eq!(
        (
            &rules[4]["destination_addresses"],
            &rules[4]["destination_ports"],
            &rules[4]["source_addresses"]
        ),
        (
            &json!(["AzureMonitor"]),
            &json!(["443", "12000"]),
            &json!(["10.0.1.0/24"])
        )
    );
    let routes = &example("required_routes")["routes"];
    assert_eq!(routes.as_array().unwrap().len(), 8);
    assert_eq!(
        routes[1],
        json!({"name": "AcrStorage", "address_prefix": "Storage", "next_hop_type": "Internet"})
    );
    let nights = json!(["2026-01-01T21:00:00Z", "2026-01-02T21:00:00Z", "2026-01-05T21:00:00Z"]);
    assert_eq!(example("next_runs"), json!({ "next_builds": nights }));
    assert_eq!(example("check_outbound_rules")["rules"].as_array().unwrap().len(), 7);
}

/// A module that makes rules and refuses to go on with rules that would not do.
const MODULE: &str = r#"
variable "rules" {
  type = any
}

variable "routes" {
  type    = any
  default = null
}

locals {
  readiness = provider::acr::check_outbound_rules(var.rules, var.routes)
}

resource "terraform_data" "security_group" {
  input = var.rules

  lifecycle {
    precondition {
      condition     = !local.readiness.blocked
      error_message = join("\n", [for it in local.readiness.requirements : "${it.explanation} ${it.remedy}" if it.verdict == "blocked"])
    }
  }
}

output "readiness" {
  value = local.readiness
}
"#;

/// Calls the module; a rule that denies everything is at this priority.
fn module(deny_priority: i64, routes: &str) -> Sandbox {
    let sandbox = sandbox(&format!(
        r#"
module "agents" {{
  source = "./agents"
  rules = concat(provider::acr::required_outbound_rules(200, "registry", "mcr", "docker_hub", "nuget"), [
    {{
      name                       = "DenyAll"
      priority                   = {deny_priority}
      direction                  = "Outbound"
      access                     = "Deny"
      protocol                   = "*"
      source_port_range          = "*"
      source_address_prefix      = "*"
      destination_port_range     = "*"
      destination_address_prefix = "*"
      description                = null
    }},
  ])
  routes = {routes}
}}

output "readiness" {{
  value = module.agents.readiness
}}
"#
    ));
    sandbox.write("agents/versions.tf", REQUIRED);
    sandbox.write("agents/main.tf", MODULE);
    // Installs the module and nothing else: the provider is found without.
    sandbox.ok(&["get"]);
    sandbox
}

#[test]
fn a_module_goes_on_with_rules_that_do() {
    let past = r#"concat(
    [{ name = "default", address_prefix = "0.0.0.0/0", next_hop_type = "VirtualAppliance", next_hop_in_ip_address = "10.0.0.4" }],
    [for route in provider::acr::required_routes() : merge(route, { next_hop_in_ip_address = null })],
  )"#;
    for routes in ["null", "[]", past] {
        let readiness = &outputs(&module(4096, routes))["readiness"];
        assert_eq!(
            (&readiness["ready"], &readiness["blocked"], &readiness["verdict"]),
            (&json!(true), &json!(false), &json!("reachable")),
            "{routes}: {readiness}"
        );
        let requirements = readiness["requirements"].as_array().unwrap();
        assert!(
            requirements
                .iter()
                .all(|it| it["verdict"] == "reachable" && it["remedy"].is_null())
        );
    }
}

#[test]
fn a_module_goes_on_before_an_appliance_and_says_so() {
    let routes = r#"[{ name = "default", address_prefix = "0.0.0.0/0", next_hop_type = "VirtualAppliance", next_hop_in_ip_address = "10.0.0.4" }]"#;
    let readiness = &outputs(&module(4096, routes))["readiness"];
    assert_eq!(
        (&readiness["ready"], &readiness["blocked"], &readiness["verdict"]),
        (&json!(false), &json!(false), &json!("depends"))
    );
    let first = &readiness["requirements"][0];
    assert_eq!(
        (&first["security_group_verdict"], &first["route_verdict"]),
        (&json!("allowed"), &json!("appliance"))
    );
    assert!(first["remedy"].as_str().unwrap().contains("10.0.0.4"), "{first}");
}

#[test]
fn a_module_refuses_rules_that_do_not_do() {
    let sandbox = module(150, "null");
    sandbox
        .fails(&["plan"])
        .says("Resource precondition failed")
        .says("Agents cannot reach Storage on TCP 443: security rule \"DenyAll\" (priority 150) denies it");
    let state = sandbox.run(&["show"]);
    assert!(!state.output().contains("terraform_data"), "{state}");
}

#[test]
fn pasted_remedies_mend_the_rules() {
    let deny = "{ name = \"DenyAll\", priority = 150, direction = \"Outbound\", access = \"Deny\", protocol = \"*\" }";
    let route = "{ name = \"default\", address_prefix = \"0.0.0.0/0\", next_hop_type = \"None\" }";
    let checked = |rules: &[String], routes: &[String]| {
        let configuration = format!(
            "output \"readiness\" {{\n  value = provider::acr::check_outbound_rules([{}], [{}])\n}}\n",
            rules.join(", "),
            routes.join(", ")
        );
        outputs(&sandbox(&configuration))["readiness"].clone()
    };
    let (mut rules, mut routes) = (vec![deny.to_owned()], vec![route.to_owned()]);
    let before = checked(&rules, &routes);
    assert_eq!(before["verdict"], "blocked");
    for requirement in before["requirements"].as_array().unwrap() {
        let remedy = requirement["remedy"].as_str().unwrap();
        // A block without its name is an object.
        for (block, list) in [("security_rule {", &mut rules), ("route {", &mut routes)] {
            let (_, body) = remedy
                .split_once(block)
                .unwrap_or_else(|| panic!("no {block} in {remedy}"));
            let object = format!("{{{}}}", body.split_once("\n}").unwrap().0.to_owned() + "\n");
            if !list.contains(&object) {
                list.push(object);
            }
        }
    }
    let after = checked(&rules, &routes);
    assert_eq!(after["ready"], true, "{after}");
}

#[test]
fn older_terraform_is_not_troubled() {
    let sandbox = Sandbox::new(Version::Oldest);
    sandbox.write("versions.tf", REQUIRED);
    sandbox.write(
        "main.tf",
        "resource \"acr_agent_pool\" \"builds\" {\n  name        = \"builds\"\n  registry_id = \"x\"\n}\n",
    );
    sandbox.fails(&["validate"]).says("registry_id");
    sandbox.write("main.tf", &format!("resource \"acr_agent_pool\" \"builds\" {{\n  name        = \"builds\"\n  registry_id = \"{REGISTRY}\"\n}}\n"));
    sandbox.ok(&["validate"]).says("The configuration is valid");
}

const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds";
