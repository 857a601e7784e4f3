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

#[test]
fn a_plan_that_cannot_read_for_a_passing_reason_fails_instead_of_knowing_less() {
    let world = World::new(Version::Newest);
    world.configure("");
    world.apply();
    world.configure("  tier = \"S2\"");
    world.sandbox.ok(&["plan", "-out=saved.plan"]);
    // Between plan and apply the registry becomes unreadable: the region is known from the pool, and nothing is lost.
    let body = json!({"error": {"code": "AuthorizationFailed", "message": "not allowed"}});
    world.emulator.set_faults(registry_faults(403, &body));
    world.sandbox.ok(&["apply", "saved.plan"]);
    assert_eq!(
        (world.pools(), &world.pool()["tier"]),
        (vec!["builds".to_owned()], &json!("S2"))
    );

    // A principal that may not read the registry can plan, and create with an open region.
    world.destroy();
    world.configure("");
    world.emulator.set_faults(registry_faults(403, &body));
    let (plan, _) = plan(&world);
    assert_eq!(
        change(&plan, "acr_agent_pool.p")["after_unknown"],
        json!({"id": true, "location": true})
    );
    // What is no answer at all fails the plan, at the attribute.
    world.emulator.set_faults(registry_faults(
        400,
        &json!({"error": {"code": "BadRequest", "message": "odd"}}),
    ));
    world
        .sandbox
        .fails(&["plan"])
        .says("Reading registry \"contosobuilds\"")
        .says("BadRequest");
}

/// Every read of a registry itself is answered so; reads of its pools are not touched.
fn registry_faults(status: u16, body: &Value) -> Vec<terraform_provider_acr::emulator::Fault> {
    let faults = json!([
        {"match": {"method": "GET", "path_contains": "/agentPools"}, "action": {"stall_seconds": 0}},
        {"match": {"method": "GET", "path_contains": "/registries/"}, "action": {"respond": {"status": status, "body": body}}},
    ]);
    serde_json::from_value(faults).unwrap()
}

#[test]
fn unknown_arguments_of_a_pool_that_is_not_well() {
    let world = World::new(Version::Newest);
    let text = |trigger: i64, flag: &str| {
        format!(
            "{HEADER}\nresource \"terraform_data\" \"t\" {{\n  triggers_replace = {trigger}\n  input            = {{ count = 1, flag = true }}\n}}\n\nresource \"acr_agent_pool\" \"p\" {{\n  name                = \"builds\"\n  registry_id         = \"{}\"\n  instance_count      = terraform_data.t.output.count\n  replace_when_failed = {flag}\n}}\n",
            registry()
        )
    };
    world.sandbox.write("main.tf", &text(1, "false"));
    world.apply();
    for (trigger, state) in [(2, "Updating"), (3, "Failed")] {
        world.set("builds", "provisioningState", json!(state));
        world.sandbox.write("main.tf", &text(trigger, "false"));
        world.apply();
        assert_eq!(world.pool()["provisioning_state"], state);
        world.sandbox.plan_is_empty();
    }
    world.sandbox.write("main.tf", &text(4, "terraform_data.t.output.flag"));
    world
        .sandbox
        .fails(&["plan"])
        .says("replace_when_failed is not known yet");
}

#[test]
fn a_pool_that_exists_where_one_is_to_be_created_is_told() {
    let queued = json!({"registry": "contosobuilds", "run_id": "cf1", "status": "Queued", "agent_pool_name": "builds"});
    let world = World::with(
        Version::Newest,
        Options {
            seed: seed(json!({"runs": [queued]})),
            ..options()
        },
    );
    world.configure("");
    let created = world.apply().output();
    assert!(!created.contains("exists now"), "{created}");
    world.sandbox.ok(&["taint", "acr_agent_pool.p"]);
    world
        .sandbox
        .ok(&["plan"])
        .says("exists now")
        .says("Now on the pool: 1 run queued");
    world.sandbox.ok(&["untaint", "acr_agent_pool.p"]);
    // A replacement that the provider announces itself is not announced twice.
    world.configure("  tier = \"S2\"");
    let run = world.sandbox.ok(&["plan"]);
    run.says("cannot change in place");
    assert!(!run.output().contains("exists now"), "{run}");
    // The state is lost: the plan says already that apply will be refused.
    let lost = world.another();
    lost.write("main.tf", &configuration(&registry(), ""));
    lost.ok(&["plan"])
        .says("apply will be refused")
        .says(&pool_id("builds"));
}

#[test]
fn a_plan_that_only_creates_fails_on_a_wrong_secret_or_subscription() {
    let world = World::new(Version::Newest);
    let wrong = ("ARM_CLIENT_SECRET".to_owned(), "wrong-secret".to_owned());
    let sandbox =
        crate::sandbox::Sandbox::new(Version::Newest).env(world.emulator.environment().into_iter().chain([wrong]));
    sandbox.write("main.tf", &configuration(&registry(), ""));
    sandbox.fails(&["plan"]).says("AADSTS7000215");
    world.sandbox.write(
        "main.tf",
        &configuration(&registry().replace("11111111", "99999999"), ""),
    );
    world.sandbox.fails(&["plan"]).says("SubscriptionNotFound");
}
