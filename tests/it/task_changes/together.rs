//! What belongs together is applied together, in one go and without `-target`: a pool and its tasks, and what mends the
//! network for them.

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Mutation, Options};

use super::stored;
use crate::{
    agent_pool::{GROUP, HEADER, World, options, registry, seed, subnet},
    sandbox::{COMMAND_TIMEOUT, Version},
};

/// A pool, with more arguments, and a task that runs there. Whatever can be found wrong is wrong at plan already.
fn pool_and_task(preflight: &str, pool: &str) -> String {
    let header = HEADER.replace(
        "provider \"acr\" {}",
        &format!("provider \"acr\" {{\n  preflight {{\n{preflight}  }}\n}}"),
    );
    format!(
        "{header}\nresource \"acr_agent_pool\" \"p\" {{\n  name        = \"builds\"\n  registry_id = \"{registry}\"\n{pool}\n}}\n\nresource \"acr_task\" \"t\" {{\n  name            = \"build-app\"\n  registry_id     = \"{registry}\"\n  agent_pool_name = acr_agent_pool.p.name\n\n  platform {{\n    os = \"Linux\"\n  }}\n\n  encoded_step {{\n    task_content = \"version: v1.1.0\\nsteps:\\n  - cmd: bash echo hello\\n\"\n  }}\n}}\n",
        registry = registry()
    )
}

#[test]
fn a_pool_and_its_task_are_made_in_one_go() {
    for version in Version::both() {
        let world = World::new(version);
        world
            .sandbox
            .write("main.tf", &pool_and_task("    fail_at_plan = true\n", ""));
        let run = world.apply();
        run.says("2 added, 0 changed, 0 destroyed");
        // The one that Terraform prints by itself, because of where it finds the provider here.
        assert_eq!(run.output().matches("Warning: ").count(), 1, "{run}");
        assert_eq!(
            stored(&world.emulator, "build-app")["properties"]["agentPoolName"],
            "builds"
        );
        world.sandbox.plan_is_empty();
        world.sandbox.ok(&["destroy", "-auto-approve"]);
        assert_eq!(stored(&world.emulator, "build-app"), Value::Null);
        assert_eq!(world.pools(), Vec::<String>::new());
    }
}

fn group_id() -> String {
    format!("{GROUP}/Microsoft.Network/networkSecurityGroups/nsg")
}

/// A world whose subnet lets nothing out.
fn blocked() -> World {
    let deny = json!({"name": "deny", "properties": {"priority": 200, "direction": "Outbound", "access": "Deny",
        "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}});
    let seed = seed(json!({
        "network_security_groups": [{"name": "nsg", "resource_group": "rg-builds", "security_rules": [deny]}],
        "virtual_networks": [{"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
            "subnets": [{"name": "snet-agents", "address_prefix": "10.40.1.0/24", "security_group": "nsg"}]}],
    }));
    World::with(Version::Newest, Options { seed, ..options() })
}

/// What mends the rules in the same apply: it says that it is at work, and is done when the test has changed them.
const MENDING: &str = "
resource \"terraform_data\" \"rules\" {
  provisioner \"local-exec\" {
    command = \"touch started; until [ -e mended ]; do sleep 0.05; done\"
  }
}
";

#[test]
fn what_mends_the_network_the_pool_and_the_task_are_applied_in_one_go() {
    let world = blocked();
    let pool = format!(
        "  subnet_id   = \"{}\"\n  depends_on  = [terraform_data.rules]",
        subnet()
    );
    world.sandbox.write("main.tf", &(pool_and_task("", &pool) + MENDING));
    let plan = world.sandbox.ok(&["plan", "-out=plan"]);
    plan.says("The network blocks what the machines need")
        .says("unless this plan also mends it");

    let running = world.sandbox.start(&["apply", "plan"]);
    while !world.sandbox.path().join("started").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(world.writes(), Vec::<String>::new(), "the pool waits for the rules");
    world
        .emulator
        .mutate(&group_id(), Mutation::set("securityRules", json!([])))
        .unwrap();
    world.sandbox.write("mended", "");
    let run = running.wait(COMMAND_TIMEOUT);
    assert_eq!(run.code, Some(0), "{run}");
    run.says("3 added, 0 changed, 0 destroyed");
    assert_eq!(world.pools(), ["builds"]);
    assert_eq!(
        stored(&world.emulator, "build-app")["properties"]["agentPoolName"],
        "builds"
    );
    world.sandbox.plan_is_empty();
}

/// The same configuration in a network that nobody mends: nothing is written, neither pool nor task.
#[test]
fn without_the_mending_nothing_is_written() {
    let world = blocked();
    let short = "\n  timeouts {\n    create = \"3s\"\n  }";
    let pool = format!("  subnet_id   = \"{}\"{short}", subnet());
    world.sandbox.write("main.tf", &pool_and_task("", &pool));
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("The network blocks what the machines need");
    assert_eq!(world.writes(), Vec::<String>::new());
    assert_eq!(stored(&world.emulator, "build-app"), Value::Null);
}
