//! `data.acr_agent_pool` under real Terraform: status is an answer, not an error.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Options;

use super::{HEADER, World, options, pool_id, registry, seed};
use crate::sandbox::Version;

/// All of the status but the time that a run has waited, which is another one in each plan.
const AT_REST: &str =
    "{ for name, value in data.acr_agent_pool.p : name => value if name != \"oldest_queued_seconds\" }";

fn data(arguments: &str) -> String {
    format!(
        "{HEADER}\ndata \"acr_agent_pool\" \"p\" {{\n{arguments}\n}}\n\noutput \"status\" {{\n  value = {AT_REST}\n}}\n"
    )
}

fn world() -> World {
    let run = |id: &str, status: &str| json!({"registry": "contosobuilds", "run_id": id, "status": status, "agent_pool_name": "builds"});
    let seed = seed(json!({
        "agent_pools": [{"registry": "contosobuilds", "name": "builds", "tier": "S2", "count": 3}],
        "runs": [run("cf1", "Running"), run("cf2", "Queued"), run("cf3", "Started")],
    }));
    World::with(Version::Newest, Options { seed, ..options() })
}

fn status(world: &World) -> Value {
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.ok(&["output", "-json", "status"]).json()
}

#[test]
fn configuration_state_and_queue() {
    let world = world();
    let by_name = format!("  registry_id = \"{}\"\n  name = \"builds\"", registry());
    for arguments in [format!("  id = \"{}\"", pool_id("builds")), by_name] {
        world.sandbox.write("main.tf", &data(&arguments));
        let status = status(&world);
        assert_eq!(
            (&status["health"], &status["health_reasons"]),
            (&json!("ready"), &json!([]))
        );
        assert_eq!(
            (&status["queued_runs"], &status["running_runs"]),
            (&json!(1), &json!(2))
        );
        assert_eq!(
            (&status["tier"], &status["total_vcpu"], &status["location"]),
            (&json!("S2"), &json!(12), &json!("eastus"))
        );
        assert_eq!(
            (&status["id"], &status["name"]),
            (&json!(pool_id("builds")), &json!("builds"))
        );
        world.sandbox.plan_is_empty();
    }
}

#[test]
fn an_unhealthy_pool_is_an_answer_and_a_missing_one_an_error() {
    let world = world();
    world.sandbox.write(
        "main.tf",
        &data(&format!("  id = \"{}\"", pool_id("builds").to_uppercase())),
    );
    for (member, value, health, accepting) in [
        ("provisioningState", json!("Failed"), "failed", false),
        ("provisioningState", json!("Updating"), "provisioning", true),
        ("provisioningState", json!("Succeeded"), "ready", true),
        ("count", json!(0), "scaled_to_zero", true),
    ] {
        world.set("builds", member, value);
        let status = status(&world);
        assert_eq!(
            (&status["health"], &status["accepting_runs"]),
            (&json!(health), &json!(accepting))
        );
        assert_eq!(
            status["health_reasons"].as_array().unwrap().is_empty(),
            health == "ready"
        );
    }
    world.remove("builds");
    world
        .sandbox
        .fails(&["plan"])
        .says("Reading agent pool \"BUILDS\"")
        .says("NotFound");
}
