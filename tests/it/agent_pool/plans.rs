//! What a plan tells: everything that can be known, why a pool is replaced, and nothing that is noise.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Options;

use super::{HEADER, World, change, configuration, options, pool_id, registry, seed, subnet};
use crate::sandbox::Version;

/// Plans, and returns the plan as JSON with what was printed.
fn plan(world: &World) -> (Value, String) {
    let run = world.sandbox.ok(&["plan", "-out=saved.plan"]);
    (world.sandbox.show_json(Some("saved.plan")), run.output())
}

#[test]
fn a_create_leaves_nothing_open_but_the_id() {
    let world = World::new(Version::Newest);
    world.configure("  tier = \"S3\"\n  instance_count = 2");
    let (plan, _) = plan(&world);
    let change = change(&plan, "acr_agent_pool.p");
    assert_eq!(change["after_unknown"], json!({"id": true}));
    let after = &change["after"];
    assert_eq!(
        (&after["total_vcpu"], &after["total_memory_gb"]),
        (&json!(16), &json!(32))
    );
    assert_eq!(
        (&after["location"], &after["registry_name"]),
        (&json!("eastus"), &json!("contosobuilds"))
    );
    assert_eq!(after["provisioning_state"], "Succeeded");
}

#[test]
fn scaling_shows_what_changes_and_only_that() {
    let world = World::new(Version::Newest);
    world.configure("  tier = \"S2\"\n  instance_count = 1");
    world.apply();
    world.configure("  tier = \"S2\"\n  instance_count = 4");
    let (plan, text) = plan(&world);
    let change = change(&plan, "acr_agent_pool.p");
    assert_eq!(change["actions"], json!(["update"]));
    assert_eq!(change["after_unknown"], json!({}));
    let (before, after) = (
        change["before"].as_object().unwrap(),
        change["after"].as_object().unwrap(),
    );
    let changed: Vec<_> = before
        .iter()
        .filter(|(name, value)| after[*name] != **value)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(changed, ["instance_count", "total_memory_gb", "total_vcpu"]);
    assert!(text.contains("total_vcpu") && text.contains("4 -> 16"), "{text}");
    world.destroy();
}

#[test]
fn a_replacement_says_why_and_what_is_lost() {
    let run = |id: &str, status: &str| json!({"registry": "contosobuilds", "run_id": id, "status": status, "agent_pool_name": "builds"});
    let seed = seed(
        json!({"runs": [run("cf1", "Running"), run("cf2", "Queued"), run("cf3", "Queued"), run("cf4", "Succeeded")]}),
    );
    let world = World::with(Version::Newest, Options { seed, ..options() });
    world.configure("");
    world.apply();
    world.configure(&format!("  tier = \"S2\"\n  subnet_id = \"{}\"", subnet()));
    let (plan, _) = plan(&world);
    let change = change(&plan, "acr_agent_pool.p");
    assert_eq!(change["actions"], json!(["delete", "create"]));
    assert_eq!(change["replace_paths"], json!([["subnet_id"], ["tier"]]));
    assert_eq!(change["after_unknown"], json!({"id": true}));
    world
        .sandbox
        .ok(&["plan"])
        .says("subnet_id none -> /subscriptions/")
        .says("tier S1 -> S2 cannot change in place")
        .says("Now on the pool: 2 runs queued, 1 run running.");
    world
        .sandbox
        .ok(&["plan", "-destroy"])
        .says("2 runs queued, 1 run running. They are lost with it.");
}

#[test]
fn scaling_to_zero_names_the_tasks_that_will_wait() {
    let task = |name: &str, pool: Value| json!({"registry": "contosobuilds", "name": name, "agent_pool_name": pool});
    let seed = seed(
        json!({"tasks": [task("nightly", json!("BUILDS")), task("elsewhere", json!("other")), task("shared", json!(null))]}),
    );
    let world = World::with(Version::Newest, Options { seed, ..options() });
    world.configure("");
    let run = world.apply();
    assert!(
        !run.output().contains("without a machine"),
        "one machine is enough: {run}"
    );
    world.configure("  instance_count = 0");
    let run = world.apply();
    run.says("Tasks are left without a machine")
        .says("These tasks name the pool: nightly.");
    let again = world.sandbox.ok(&["plan"]).output();
    assert!(
        !again.contains("without a machine"),
        "said once, when it changes: {again}"
    );
}

#[test]
fn casing_never_shows() {
    let world = World::new(Version::Newest);
    world.configure(&format!("  subnet_id = \"{}\"", subnet()));
    world.apply();
    let upper = |id: &str| id.to_uppercase();
    world.sandbox.write(
        "main.tf",
        &configuration(&upper(&registry()), &format!("  subnet_id = \"{}\"", upper(&subnet()))),
    );
    world.sandbox.plan_is_empty();
    world.sandbox.write(
        "main.tf",
        &configuration(&registry(), &format!("  subnet_id = \"{}\"", subnet())).replace("\"builds\"", "\"Builds\""),
    );
    world.sandbox.plan_is_empty();
    // Scaling under another spelling still works, and is one write.
    world.emulator.clear_requests();
    world.sandbox.write(
        "main.tf",
        &configuration(
            &registry().to_lowercase(),
            &format!("  subnet_id = \"{}\"\n  instance_count = 2", upper(&subnet())),
        ),
    );
    world.apply();
    world.sandbox.plan_is_empty();
    assert_eq!(world.writes(), ["PATCH 201"]);
    world.destroy();
}

#[test]
fn values_known_only_after_apply_are_waited_for() {
    let world = World::new(Version::Newest);
    let unknown = |count: i64, tier: &str| {
        format!(
            "{HEADER}\nresource \"terraform_data\" \"input\" {{\n  input = {{ count = {count}, tier = \"{tier}\", name = \"builds\", registry = \"{}\" }}\n}}\n\nresource \"acr_agent_pool\" \"p\" {{\n  name           = terraform_data.input.output.name\n  registry_id    = terraform_data.input.output.registry\n  instance_count = terraform_data.input.output.count\n  tier           = terraform_data.input.output.tier\n}}\n",
            registry()
        )
    };
    world.sandbox.write("main.tf", &unknown(1, "S1"));
    world.apply();
    world.sandbox.plan_is_empty();
    world.sandbox.write("main.tf", &unknown(3, "S2"));
    world.apply();
    world.sandbox.plan_is_empty();
    assert_eq!(
        (&world.pool()["instance_count"], &world.pool()["total_vcpu"]),
        (&json!(3), &json!(12))
    );
    world.destroy();
}

#[test]
fn a_provider_block_that_is_not_known_yet_is_not_taken_as_empty() {
    let world = World::new(Version::Newest);
    let text = configuration(&registry(), "").replace(
        "provider \"acr\" {}",
        "resource \"terraform_data\" \"secret\" {\n  input = \"x\"\n}\n\nprovider \"acr\" {\n  client_secret = terraform_data.secret.output\n}",
    );
    world.sandbox.write("main.tf", &text);
    let (plan, _) = plan(&world);
    let unknown = &change(&plan, "acr_agent_pool.p")["after_unknown"];
    assert_eq!(
        unknown,
        &json!({"id": true, "location": true}),
        "the registry could not be read"
    );
    assert!(
        world.emulator.requests().is_empty(),
        "nothing was asked with the credential of the environment"
    );
    // A pool in the state has to be refreshed, which is impossible and said.
    world.configure("");
    world.apply();
    world.sandbox.write("main.tf", &text);
    world
        .sandbox
        .fails(&["plan"])
        .says("Provider configuration not known yet")
        .says("client_secret");
    assert_eq!(world.pool()["id"], pool_id("builds"), "the state is what it was");
}

#[test]
fn create_before_destroy_never_ends_with_an_empty_azure() {
    for version in Version::both() {
        let world = World::new(version);
        let before = "\n\n  lifecycle {\n    create_before_destroy = true\n  }";
        world.configure(before);
        world.apply();
        // The same name cannot be created beside itself: it is refused, and the old pool stays.
        world.configure(&format!("  tier = \"S2\"{before}"));
        world
            .sandbox
            .fails(&["apply", "-auto-approve"])
            .says("exists already")
            .says("create_before_destroy");
        assert_eq!(world.pools(), ["builds"]);
        world.configure(before);
        world.sandbox.plan_is_empty();
        // Another name works.
        let renamed =
            configuration(&registry(), &format!("  tier = \"S2\"{before}")).replace("\"builds\"", "\"builds-2\"");
        world.sandbox.write("main.tf", &renamed);
        world.apply();
        assert_eq!(world.pools(), ["builds-2"]);
        world.destroy();
    }
}
