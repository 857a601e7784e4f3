//! What a principal may not do is told, never taken for an answer; and nothing but a clear answer empties a state.

use serde_json::json;
use terraform_provider_acr::emulator::Options;

use super::{World, configuration, options, pool_id, registry, seed, subnet};
use crate::sandbox::{Sandbox, Version};

#[test]
fn a_reader_can_plan_and_refresh_everything() {
    let run = json!({"registry": "contosobuilds", "run_id": "cf1", "status": "Running", "agent_pool_name": "builds"});
    let seed = seed(json!({"runs": [run]}));
    let world = World::with(Version::Newest, Options { seed, ..options() });
    let data = "\ndata \"acr_agent_pool\" \"p\" {\n  id = acr_agent_pool.p.id\n}\n\noutput \"status\" {\n  value = data.acr_agent_pool.p\n}\n";
    let write =
        |sandbox: &Sandbox, arguments: &str| sandbox.write("main.tf", &(configuration(&registry(), arguments) + data));
    write(&world.sandbox, &format!("  subnet_id = \"{}\"", subnet()));
    world.apply();

    let reader = Sandbox::new(Version::Newest).env(world.emulator.reader_environment());
    let state = std::fs::read_to_string(world.sandbox.path().join("terraform.tfstate")).unwrap();
    reader.write("terraform.tfstate", &state);
    write(&reader, &format!("  subnet_id = \"{}\"", subnet()));
    reader.ok(&["apply", "-refresh-only", "-auto-approve"]);
    let status = &reader.ok(&["output", "-json", "status"]).json();
    assert_eq!(
        (&status["queued_runs"], &status["running_runs"]),
        (&json!(null), &json!(1)),
        "an action it may not call is null"
    );
    let said = reader.ok(&["plan"]).output();
    // Terraform itself warns of the development override.
    assert_eq!(said.matches("Warning:").count(), 1, "without a warning of ours: {said}");

    // Scaling, replacing, destroying and creating can be planned, and applying them is refused with what to grant.
    for arguments in ["  instance_count = 0", "  tier = \"S2\""] {
        write(&reader, arguments);
        reader.ok(&["plan"]);
    }
    reader.ok(&["plan", "-destroy"]);
    write(
        &reader,
        &format!("  instance_count = 2\n  subnet_id = \"{}\"", subnet()),
    );
    let run = reader.fails(&["apply", "-auto-approve"]);
    run.says("AuthorizationFailed")
        .says("/write")
        .says("Container Registry Tasks Contributor");
    assert_eq!(world.pools(), ["builds"]);
}

#[test]
fn a_state_pointed_at_another_subscription_is_never_emptied() {
    for version in Version::both() {
        let world = World::new(version);
        world.configure("");
        world.apply();
        let foreign = world.another();
        let path = world.sandbox.path().join("terraform.tfstate");
        let state = std::fs::read_to_string(path)
            .unwrap()
            .replace("11111111-2222", "22222222-1111");
        foreign.write("terraform.tfstate", &state);
        let registry = registry().replace("11111111-2222", "22222222-1111");
        foreign.write("main.tf", &configuration(&registry, ""));
        let before = foreign.state();
        for command in [
            &["plan"][..],
            &["apply", "-auto-approve"],
            &["apply", "-refresh-only", "-auto-approve"],
            &["destroy", "-auto-approve"],
        ] {
            foreign.fails(command).says("SubscriptionNotFound");
            assert_eq!(foreign.state(), before, "{command:?}");
        }
    }
}

#[test]
fn only_arms_own_not_found_empties_a_state() {
    let world = World::new(Version::Newest);
    world.configure("");
    world.apply();
    let body = |code: &str| json!({"error": {"code": code, "message": "x"}});
    for (status, answer, text) in [
        (404, body("SubscriptionNotFound"), "SubscriptionNotFound"),
        (404, body("InvalidResourceType"), "InvalidResourceType"),
        (
            404,
            json!("<html><title>Not here</title></html>"),
            "does not come from Azure Resource Manager",
        ),
        (404, json!(null), "does not come from Azure Resource Manager"),
        (403, body("AuthorizationFailed"), "AuthorizationFailed"),
        (400, body("BadRequest"), "BadRequest"),
    ] {
        world.fault(json!({"match": {"method": "GET", "path_contains": "/agentPools/"}, "action": {"respond": {"status": status, "body": answer}}}));
        world.sandbox.fails(&["plan"]).says(text);
        assert_eq!(world.pool()["id"], pool_id("builds"));
    }
    for code in [
        "ResourceNotFound",
        "ResourceGroupNotFound",
        "ParentResourceNotFound",
        "EntityNotFound",
    ] {
        world.fault(json!({"match": {"method": "GET", "path_contains": "/agentPools/"}, "action": {"respond": {"status": 404, "body": body(code)}}}));
        world.sandbox.ok(&["plan"]).says("1 to add, 0 to change, 0 to destroy");
    }
}

#[test]
fn not_being_allowed_to_read_the_subnet_is_a_warning_after_the_delete() {
    let world = World::new(Version::Newest);
    let sandbox = Sandbox::new(Version::Newest).env(world.emulator.no_subnet_read_environment());
    sandbox.write(
        "main.tf",
        &configuration(&registry(), &format!("  subnet_id = \"{}\"", subnet())),
    );
    sandbox.ok(&["apply", "-auto-approve"]);
    let run = sandbox.ok(&["destroy", "-auto-approve"]);
    run.says("Microsoft.Network/virtualNetworks/subnets/read")
        .says("1 destroyed");
    assert_eq!(world.pools(), Vec::<String>::new());
}

#[test]
fn a_wrong_secret_is_told_in_entras_words_with_advice() {
    let world = World::new(Version::Newest);
    let wrong = ("ARM_CLIENT_SECRET".to_owned(), "not-the-secret-7d1f".to_owned());
    let sandbox = Sandbox::new(Version::Newest).env(world.emulator.environment().into_iter().chain([wrong]));
    sandbox.write("main.tf", &configuration(&registry(), ""));
    let run = sandbox.fails(&["apply", "-auto-approve"]);
    run.says("AADSTS7000215").says("not its id");
    assert!(!run.output().contains("not-the-secret-7d1f"), "{run}");
}
