//! Arguments that are wrong, null or not known yet.

use serde_json::{Value, json};

use super::{outputs, sandbox};

/// What is written, and what Terraform says of it. Where an argument is to blame, the message names it as the signature does.
const WRONG: &[(&str, &str)] = &[
    (
        r#"tier("S4")"#,
        r#"Invalid value for "name" parameter: there is no tier "S4"; known are S1, S2, S3, I6"#,
    ),
    (
        "tier(null)",
        r#"Invalid value for "name" parameter: argument must not be null"#,
    ),
    ("tier([])", r#"Invalid value for "name" parameter: string required"#),
    ("tier()", "Not enough function arguments"),
    (r#"tier("S1", "S2")"#, "Too many function arguments"),
    (
        r#"required_outbound_rules(99)"#,
        r#"Invalid value for "first_priority" parameter: The first priority 99 leaves no room"#,
    ),
    (
        r#"required_outbound_rules(100.5)"#,
        r#"Invalid value for "first_priority" parameter: a whole number is expected, 100.5 was given"#,
    ),
    (
        r#"required_outbound_rules("soon")"#,
        r#"Invalid value for "first_priority" parameter: a number is required"#,
    ),
    (
        r#"required_outbound_rules(200, "registry", "quay")"#,
        r#"Invalid value for "include" parameter: "quay" cannot be included; known are "registry", "mcr", "docker_hub", "nuget""#,
    ),
    (
        r#"required_outbound_rules(200, null)"#,
        r#"Invalid value for "include" parameter: argument must not be null"#,
    ),
    (
        "required_firewall_rules([])",
        r#"Invalid value for "source_addresses" parameter: a firewall rule needs the address prefixes"#,
    ),
    (
        r#"required_firewall_rules(["10.0.0.0/24", null])"#,
        r#"Invalid value for "source_addresses" parameter: at [1], a string is expected, null was given"#,
    ),
    (
        r#"required_routes("everything")"#,
        r#"Invalid value for "include" parameter: "everything" cannot be included"#,
    ),
    (
        r#"parse_agent_pool_id("builds")"#,
        r#"Invalid value for "id" parameter: an id begins with /subscriptions/"#,
    ),
    (
        r#"parse_task_id("/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds/tasks/x")"#,
        r#"Invalid value for "id" parameter: the task name `x` is not valid"#,
    ),
    (
        "check_outbound_rules(null, null)",
        r#"Invalid value for "rules" parameter: argument must not be null"#,
    ),
    (
        r#"check_outbound_rules("x", null)"#,
        r#"Invalid value for "rules" parameter: a list of rule objects is expected, a string was given"#,
    ),
    (
        r#"check_outbound_rules([{}, null], null)"#,
        r#"Invalid value for "rules" parameter: at [1], a rule object is expected, null was given"#,
    ),
    (
        r#"check_outbound_rules({ a = {} }, null)"#,
        r#"Invalid value for "rules" parameter: a list of rule objects is expected, a map was given; `values(…)` makes one of a map"#,
    ),
    (
        r#"check_outbound_rules([], 7)"#,
        r#"Invalid value for "routes" parameter: a list of route objects is expected, a number was given"#,
    ),
    (
        r#"check_outbound_rules([], ["x"])"#,
        r#"Invalid value for "routes" parameter: at [0], a route object is expected, a string was given"#,
    ),
    (
        r#"next_runs("0 0 * * 7", "2026-01-01T00:00:00Z", 3)"#,
        r#"Invalid value for "cron" parameter: field 5 (day of week) is "7": 7 is out of range: allowed are 0 to 6, and Sunday is 0"#,
    ),
    (
        r#"next_runs("0 0 * * *", "tomorrow", 3)"#,
        r#"Invalid value for "after" parameter: "tomorrow" is no time"#,
    ),
    (
        r#"next_runs("0 0 * * *", "2026-01-01T00:00:00Z", 1000)"#,
        r#"Invalid value for "n" parameter: 1000 is no whole number from 1 to 100"#,
    ),
    ("next_year()", "next_year"),
];

#[test]
fn wrong_arguments_are_pointed_at() {
    for (expression, says) in WRONG {
        let sandbox = sandbox(&format!("output \"x\" {{\n  value = provider::acr::{expression}\n}}\n"));
        let run = sandbox.fails(&["plan", "-json"]);
        let lines = run
            .stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let messages: Vec<Value> = lines.filter(|line| line["@level"] == "error").collect();
        let [message] = &messages[..] else {
            panic!("{expression}: {messages:?}")
        };
        let detail = format!(
            "{} {}",
            message["diagnostic"]["summary"], message["diagnostic"]["detail"]
        );
        let flat = |text: &str| text.replace("\\\"", "\"");
        assert!(flat(&detail).contains(says), "{expression}: {says}\n{}", flat(&detail));
        assert_eq!(message["diagnostic"]["range"]["filename"], "main.tf", "{expression}");
        assert!(!detail.contains(".."), "{expression}: {detail}");
    }
}

#[test]
fn what_is_not_known_yet_waits() {
    let sandbox = sandbox(
        r#"
resource "terraform_data" "late" {
  input = {
    tier     = "S2"
    priority = 300
    include  = "registry"
    prefix   = "Storage"
  }
}

locals {
  late = terraform_data.late.output
}

output "tier" {
  value = provider::acr::tier(local.late.tier)
}

output "rules" {
  value = provider::acr::required_outbound_rules(local.late.priority, local.late.include)
}

output "verdict" {
  value = provider::acr::check_outbound_rules([
    {
      name                       = "late"
      priority                   = 100
      direction                  = "Outbound"
      access                     = "Deny"
      protocol                   = "Tcp"
      destination_port_range     = "443"
      destination_address_prefix = local.late.prefix
    },
  ], null).verdict
}

output "known" {
  value = provider::acr::tier("S1").vcpu
}
"#,
    );
    sandbox.ok(&["plan", "-out=saved.plan"]);
    let plan = sandbox.show_json(Some("saved.plan"));
    let unknown = |name: &str| plan["output_changes"][name]["after_unknown"].clone();
    for name in ["tier", "rules", "verdict"] {
        assert_ne!(unknown(name), json!(false), "{name}: {plan}");
    }
    assert_eq!(
        (unknown("known"), &plan["output_changes"]["known"]["after"]),
        (json!(false), &json!(2))
    );
    let outputs = outputs(&sandbox);
    assert_eq!(outputs["tier"]["vcpu"], 4);
    assert_eq!(
        outputs["rules"][6]["destination_address_prefix"],
        "AzureContainerRegistry"
    );
    assert_eq!(outputs["verdict"], "blocked");
}

#[test]
fn sensitive_and_tracked_values_pass_through() {
    let sandbox = sandbox(
        "variable \"tier\" {\n  type      = string\n  default   = \"S3\"\n  sensitive = true\n}\n\noutput \"vcpu\" {\n  value     = provider::acr::tier(var.tier).vcpu\n  sensitive = true\n}\n",
    );
    assert_eq!(outputs(&sandbox), json!({"vcpu": 8}));
}
