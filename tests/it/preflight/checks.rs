//! Each check in each of its lives: passing, warning, refusing, not known yet, unreadable, capped and off.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Fault, Mutation, Seed};

use super::{REFUSED, SHORT, WOULD_REFUSE, blocked, configuration, group_id, in_subnet, networked, rule, world};
use crate::{
    agent_pool::{GROUP, World, pool_id, registry, seed, subnet},
    sandbox::Run,
};

/// Something wrong that one check finds.
struct Case {
    check: &'static str,
    seed: Seed,
    arguments: String,
    preflight: &'static str,
    says: &'static str,
}

fn case(check: &'static str, says: &'static str, seed: Seed, arguments: String) -> Case {
    Case {
        check,
        seed,
        arguments,
        preflight: "",
        says,
    }
}

/// A network of its own for the subnet.
pub(super) fn elsewhere(more: Value) -> Seed {
    let mut network = json!({"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
        "subnets": [{"name": "snet-agents", "address_prefix": "10.40.1.0/24"}]});
    for (name, value) in more.as_object().unwrap() {
        network[name] = value.clone();
    }
    seed(json!({"virtual_networks": [network]}))
}

pub(super) fn with_registry(more: Value) -> Seed {
    let mut own = json!({"name": "contosobuilds", "resource_group": "rg-builds"});
    for (name, value) in more.as_object().unwrap() {
        own[name] = value.clone();
    }
    seed(json!({"registries": [own]}))
}

/// What refuses at apply, by every check that can.
fn refusals() -> Vec<Case> {
    let declared = Case {
        preflight: "    standard_vcpu_quota = 2",
        ..case(
            "quota",
            "More than the registry's quota of standard vCPU",
            seed(json!({})),
            "  tier = \"S2\"".into(),
        )
    };
    vec![
        declared,
        case(
            "sku",
            "Registry of SKU Basic",
            with_registry(json!({"sku": "Basic"})),
            String::new(),
        ),
        case(
            "subnet",
            "The subnet does not exist",
            seed(json!({})),
            format!("  subnet_id = \"{}-gone\"", subnet()),
        ),
        case(
            "subnet",
            "The subnet is in another region",
            elsewhere(json!({"location": "westus2"})),
            in_subnet(),
        ),
        case(
            "subnet",
            "The subnet is too small",
            networked(json!({"address_prefix": "10.40.1.0/29"}), json!([])),
            format!("{}\n  instance_count = 4", in_subnet()),
        ),
        case(
            "network",
            "The network blocks what the machines need",
            blocked(),
            in_subnet(),
        ),
        case(
            "dns",
            "DNS servers that the machines cannot reach",
            elsewhere(json!({"dns_servers": ["172.17.0.10"]})),
            in_subnet(),
        ),
    ]
}

/// What only warns.
fn warnings() -> Vec<Case> {
    let partial = json!([rule("Allow", 100, "AzureCloud"), rule("Deny", 200, "Internet")]);
    let closed = || with_registry(json!({"properties": {"publicNetworkAccess": "Disabled"}}));
    vec![
        case(
            "quota",
            "More than the registry's quota of standard vCPU",
            seed(json!({})),
            "  tier = \"S3\"\n  instance_count = 3".into(),
        ),
        case(
            "quota",
            "More than the registry's quota of isolated vCPU",
            seed(json!({})),
            "  tier = \"I6\"".into(),
        ),
        case(
            "subnet",
            "The subnet is delegated",
            networked(json!({"delegations": ["Microsoft.Web/serverFarms"]}), json!([])),
            in_subnet(),
        ),
        case(
            "network",
            "The network may block what the machines need",
            networked(json!({"security_group": "nsg"}), partial),
            in_subnet(),
        ),
        case(
            "network",
            "The network may block what the machines need",
            networked(json!({"route_table": "rt"}), json!([])),
            in_subnet(),
        ),
        case(
            "private_registry",
            "The registry is closed to the pool's network",
            closed(),
            in_subnet(),
        ),
        case(
            "private_registry",
            "The registry is closed to the pool",
            closed(),
            String::new(),
        ),
    ]
}

impl Case {
    /// A world of its own, with the configuration written.
    fn world(&self, preflight: &str, variables: &[(&str, &str)]) -> World {
        let mut world = world(self.seed.clone());
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        world.sandbox = world.another().env(variables);
        let preflight = format!("{}\n{preflight}", self.preflight);
        world.sandbox.write(
            "main.tf",
            &configuration(&preflight, &format!("{}\n{SHORT}", self.arguments)),
        );
        world
    }

    fn is_told(&self, run: &Run) -> bool {
        run.output().contains(self.says)
    }

    /// Refused before any write, with what was found.
    fn is_refused(&self, world: &World) {
        world
            .sandbox
            .fails(&["apply", "-auto-approve"])
            .says(&format!("Error: {}", self.says))
            .says(REFUSED);
        assert_eq!(world.writes(), Vec::<String>::new(), "{}", self.says);
    }

    /// Applied as far as Azure lets it: preflight has not been in the way.
    fn is_written(&self, world: &World) -> Run {
        let run = world.sandbox.run(&["apply", "-auto-approve"]);
        assert!(world.writes().iter().any(|write| write.starts_with("PUT")), "{run}");
        assert!(!run.output().contains(REFUSED), "{run}");
        run
    }
}

#[test]
fn what_a_plan_may_mend_warns_and_then_refuses_before_any_write() {
    for case in refusals() {
        let world = case.world("", &[]);
        world
            .sandbox
            .ok(&["plan"])
            .says(&format!("Warning: {}", case.says))
            .says(WOULD_REFUSE);
        case.is_refused(&world);
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut seed = blocked();
    let wrong = json!({"registries": [{"name": "contosobuilds", "resource_group": "rg-builds", "sku": "Basic"}]});
    seed.registries = Seed::from_json(&wrong.to_string()).unwrap().registries;
    seed.virtual_networks[0].dns_servers = vec!["172.17.0.10".into()];
    let world = world(seed);
    world
        .sandbox
        .write("main.tf", &configuration("    fail_at_plan = true", &in_subnet()));
    let run = world.sandbox.fails(&["plan"]);
    run.says("Registry of SKU Basic")
        .says("The network blocks")
        .says("DNS servers that the machines cannot reach");
    assert_eq!(run.output().matches("Error:").count(), 3, "{run}");
}

#[test]
fn fail_at_plan_refuses_at_plan() {
    for case in refusals() {
        for (block, variables) in [
            ("    fail_at_plan = true", &[][..]),
            ("", &[("ACR_PREFLIGHT_FAIL_AT_PLAN", "true")]),
        ] {
            let world = case.world(block, variables);
            world
                .sandbox
                .fails(&["plan"])
                .says(&format!("Error: {}", case.says))
                .says(REFUSED);
        }
    }
}

#[test]
fn a_check_is_capped_and_switched_off_by_block_and_by_environment() {
    for case in refusals() {
        let variable = format!("ACR_PREFLIGHT_{}", case.check.to_uppercase());
        for (level, told) in [("warning", true), ("off", false)] {
            let block = format!("    {} = \"{level}\"", case.check);
            for (block, variables) in [(block.as_str(), &[][..]), ("", &[(variable.as_str(), level)])] {
                let world = case.world(block, variables);
                let run = case.is_written(&world);
                assert_eq!(case.is_told(&run), told, "{run}");
                assert!(!run.output().contains(WOULD_REFUSE), "{run}");
            }
        }
    }
}

#[test]
fn what_only_warns_never_refuses() {
    for case in warnings() {
        let world = case.world("    fail_at_plan = true", &[]);
        let run = case.is_written(&world);
        run.says(&format!("Warning: {}", case.says));
        let world = case.world(&format!("    {} = \"off\"", case.check), &[]);
        assert!(!case.is_told(&world.sandbox.ok(&["plan"])), "{}", case.says);
    }
}

#[test]
fn what_is_not_known_at_plan_is_judged_at_apply() {
    for mut case in refusals() {
        // Every argument of the pool waits for another resource.
        let late = "\n}\n\nresource \"terraform_data\" \"late\" {\n  input = ";
        let subnet_id = case
            .arguments
            .lines()
            .find_map(|line| line.trim().strip_prefix("subnet_id = ").map(str::to_owned));
        let size = case
            .arguments
            .lines()
            .find_map(|line| line.trim().strip_prefix("tier = ").map(str::to_owned));
        let (name, value) = subnet_id.map_or(("tier", size.unwrap_or("\"S1\"".into())), |id| ("subnet_id", id));
        let others = case.arguments.lines().filter(|line| !line.trim().starts_with(name));
        let others = others.collect::<Vec<_>>().join("\n");
        case.arguments = format!("{others}\n  {name} = terraform_data.late.output");
        let world = case.world("", &[]);
        let text = configuration(case.preflight, &format!("{}\n{SHORT}{late}{value}", case.arguments));
        world.sandbox.write("main.tf", &text);
        let run = world.sandbox.ok(&["plan"]);
        assert!(!case.is_told(&run), "{run}");
        case.is_refused(&world);
    }
}

#[test]
fn a_network_that_is_in_order_says_nothing() {
    let good = json!({"security_group": "nsg", "service_endpoints": ["Microsoft.KeyVault"]});
    let world = world(networked(good, json!([])));
    world
        .sandbox
        .write("main.tf", &configuration("    fail_at_plan = true", &in_subnet()));
    let run = world.apply();
    assert_eq!(
        run.output().matches("Warning:").count(),
        1,
        "only that of the override: {run}"
    );
}

#[test]
fn a_region_without_pools_fails_the_plan_unless_azure_cannot_be_asked() {
    let far = || with_registry(json!({"location": "uksouth"}));
    let case = case("region", "Region uksouth has no agent pools", far(), String::new());
    let world = case.world("", &[]);
    world
        .sandbox
        .fails(&["plan"])
        .says(&format!("Error: {}", case.says))
        .says("Azure itself lists");
    case.is_written(&case.world("    region = \"warning\"", &[]))
        .says(&format!("Warning: {}", case.says));
    let run = case.is_written(&case.world("", &[("ACR_PREFLIGHT_REGION", "off")]));
    assert!(!case.is_told(&run), "{run}");
    let blind = case.world("", &[]);
    forbid(&blind, "555555555555/providers/Microsoft.ContainerRegistry");
    let run = blind.sandbox.ok(&["plan"]);
    run.says(&format!("Warning: {}", case.says))
        .says("Azure cannot be asked");
}

/// Answers every read of such paths with 403.
fn forbid(world: &World, path: &str) {
    let fault: Fault = serde_json::from_value(json!({"match": {"method": "GET", "path_contains": path},
        "action": {"respond": {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "not allowed here"}}}}}))
    .unwrap();
    world.emulator.set_faults(vec![fault]);
}

#[test]
fn what_cannot_be_read_is_one_warning_with_id_and_action() {
    let table = format!("{GROUP}/Microsoft.Network/routeTables/rt");
    for (path, id, action) in [
        (
            "/subnets/snet-agents",
            subnet(),
            "Microsoft.Network/virtualNetworks/subnets/read",
        ),
        (
            "/networkSecurityGroups/nsg",
            group_id("nsg"),
            "Microsoft.Network/networkSecurityGroups/read",
        ),
        ("/routeTables/rt", table, "Microsoft.Network/routeTables/read"),
    ] {
        let everything = json!({"security_group": "nsg", "route_table": "rt"});
        let world = world(networked(everything, json!([rule("Allow", 100, "Internet")])));
        forbid(&world, path);
        let trusted = "    trusted_next_hops = [\"10.9.9.9\"]\n    fail_at_plan = true";
        world.sandbox.write("main.tf", &configuration(trusted, &in_subnet()));
        let run = world.sandbox.ok(&["apply", "-auto-approve"]);
        run.says("Warning: Preflight could not read").says(&id).says(action);
        assert_eq!(
            run.output().matches("Warning:").count(),
            2,
            "one, and the override's: {run}"
        );
        assert_eq!(world.pools(), ["builds"]);
    }
}

#[test]
fn two_objects_that_cannot_be_read_are_both_named() {
    let world = world(networked(
        json!({"security_group": "nsg", "route_table": "rt"}),
        json!([]),
    ));
    let one = |path: &str| {
        json!({"match": {"method": "GET", "path_contains": path}, "action": {"respond": {"status": 403,
        "body": {"error": {"code": "AuthorizationFailed", "message": "not allowed here"}}}}})
    };
    let both = json!([one("/networkSecurityGroups/nsg"), one("/routeTables/rt")]);
    world.emulator.set_faults(serde_json::from_value(both).unwrap());
    world.sandbox.write("main.tf", &configuration("", &in_subnet()));
    world
        .sandbox
        .ok(&["plan"])
        .says(&group_id("nsg"))
        .says("Microsoft.Network/routeTables/read");
}

#[test]
fn a_group_in_another_subscription_is_told_and_no_obstacle() {
    for answer in ["forbidden", "other_tenant", "not_found"] {
        let foreign = "22222222-2222-3333-4444-555555555555";
        let id = group_id("nsg").replace("11111111-2222-3333-4444-555555555555", foreign);
        let mut seed = networked(json!({"security_group": id}), json!([]));
        let more = json!({"foreign_subscriptions": [{"id": foreign, "answer": answer}]});
        seed.foreign_subscriptions = Seed::from_json(&more.to_string()).unwrap().foreign_subscriptions;
        let world = world(seed);
        world
            .sandbox
            .write("main.tf", &configuration("    fail_at_plan = true", &in_subnet()));
        let run = world.apply();
        run.says("Warning: Preflight could not read")
            .says(&id)
            .says("Microsoft.Network/networkSecurityGroups/read");
    }
}

#[test]
fn a_vouched_appliance_is_reachable() {
    let world = world(networked(json!({"route_table": "rt"}), json!([])));
    for trusted in ["    trusted_next_hops = [\"10.9.9.9\"]", ""] {
        world.sandbox.write("main.tf", &configuration(trusted, &in_subnet()));
        let told = world.sandbox.ok(&["plan"]).output().contains("The network may block");
        assert_eq!(told, trusted.is_empty());
    }
}

#[test]
fn rules_that_are_mended_between_plan_and_apply_let_it_pass() {
    let world = world(blocked());
    world.sandbox.write("main.tf", &configuration("", &in_subnet()));
    world.sandbox.ok(&["plan", "-out", "saved"]).says(WOULD_REFUSE);
    world
        .emulator
        .mutate(&group_id("nsg"), Mutation::set("securityRules", json!([])))
        .unwrap();
    world.sandbox.ok(&["apply", "saved"]);
    assert_eq!(world.pools(), ["builds"]);
    assert_eq!(world.writes()[0], "PUT 201");
}

#[test]
fn rules_that_are_mended_during_apply_are_waited_for() {
    let world = world(blocked());
    world.sandbox.write("main.tf", &configuration("", &in_subnet()));
    world.sandbox.ok(&["plan", "-out", "saved"]);
    let before = super::asked(&world, "/networkSecurityGroups/nsg");
    let mut running = world.sandbox.start(&["apply", "saved"]);
    running.until("acr_agent_pool.p: Creating...");
    // Read once and once more uncached: now the gate waits.
    while super::asked(&world, "/networkSecurityGroups/nsg") < before + 2 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(world.writes(), Vec::<String>::new());
    world
        .emulator
        .mutate(&group_id("nsg"), Mutation::set("securityRules", json!([])))
        .unwrap();
    let run = running.wait(crate::sandbox::COMMAND_TIMEOUT);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(world.pools(), ["builds"]);
    assert!(world.emulator.live_ids().contains(&pool_id("builds")), "{}", registry());
}
