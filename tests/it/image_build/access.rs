//! Registries that let in only who is named: ABAC mode, private base images, other people's repositories.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Options;

use super::{LOCAL, NAMES, configure, options, requests, world, world_with};
use crate::{agent_pool::seed, sandbox::Version};

const WARNING: &str = "The run has no identity to log in with";

fn abac() -> Options {
    let registries = json!([{"name": "contosobuilds", "resource_group": "rg-builds", "sku": "Premium",
        "properties": {"roleAssignmentMode": "AbacRepositoryPermissions"}}]);
    Options {
        seed: seed(json!({"registries": registries})),
        ..options()
    }
}

/// The credentials of the only run that was asked for.
fn credentials(asked: &Value) -> &Value {
    &asked["credentials"]
}

#[test]
fn a_registry_in_abac_mode_needs_an_identity() {
    for version in Version::both() {
        let world = world_with(version, abac());
        configure(&world, LOCAL, NAMES);
        let plan = world.sandbox.ok(&["plan"]);
        plan.says(WARNING)
            .says("identity = \"[caller]\"")
            .says("AbacRepositoryPermissions");
        let caller = "  registry_credential {\n    source {\n      identity = \"[caller]\"\n    }\n  }";
        configure(&world, LOCAL, &format!("{NAMES}\n{caller}"));
        let applied = world.apply();
        assert!(!applied.output().contains(WARNING), "{applied}");
        let asked = requests(&world, "POST", "/scheduleRun")[0]
            .request_body
            .clone()
            .unwrap();
        assert_eq!(credentials(&asked)["sourceRegistry"], json!({"identity": "[caller]"}));
        world.sandbox.plan_is_empty();
    }
}

#[test]
fn other_registries_are_not_warned_about() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, NAMES);
    let plan = world.sandbox.ok(&["plan"]);
    assert!(!plan.output().contains(WARNING), "{plan}");
}

#[test]
fn whoever_may_only_read_can_plan() {
    let mut world = world(Version::Newest);
    configure(&world, LOCAL, NAMES);
    world.apply();
    let state = std::fs::read_to_string(world.sandbox.path().join("terraform.tfstate")).unwrap();
    world.sandbox = crate::sandbox::Sandbox::new(Version::Newest).env(world.emulator.reader_environment());
    world.sandbox.write("app/Dockerfile", super::DOCKERFILE);
    world.sandbox.write("app/app.txt", "one");
    world.sandbox.write("terraform.tfstate", &state);
    configure(&world, LOCAL, NAMES);
    world.sandbox.plan_is_empty();
    world.sandbox.write("app/app.txt", "two");
    let plan = world.sandbox.ok(&["plan"]);
    plan.says("1 to add, 0 to change, 1 to destroy");
    // The one about development overrides is Terraform's own.
    assert_eq!(plan.output().matches("Warning:").count(), 1, "{plan}");
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("AuthorizationFailed")
        .says("listBuildSourceUploadUrl");
}

#[test]
fn private_base_images_have_their_credentials() {
    let world = world(Version::Newest);
    let custom = "  registry_credential {\n    custom {\n      login_server = \"base.azurecr.io\"\n      username = \"puller\"\n      password_wo = \"pull-pass-1\"\n      password_wo_version = 1\n    }\n  }";
    configure(&world, LOCAL, &format!("{NAMES}\n{custom}"));
    world.apply();
    let asked = requests(&world, "POST", "/scheduleRun")[0]
        .request_body
        .clone()
        .unwrap();
    let server = &credentials(&asked)["customRegistries"]["base.azurecr.io"];
    assert_eq!(server["userName"]["type"], "Opaque", "{asked}");
    assert!(
        server["password"].is_object() || server["password"].is_string(),
        "{asked}"
    );
    let state = world.sandbox.state().to_string();
    assert!(state.contains("puller") && !state.contains("pull-pass-1"));
    // Another password is used by the next build, and builds nothing itself.
    configure(
        &world,
        LOCAL,
        &format!("{NAMES}\n{}", custom.replace("version = 1", "version = 2")),
    );
    world.apply().says("0 added, 1 changed, 0 destroyed");
    world.sandbox.plan_is_empty();
    assert_eq!(super::scheduled(&world), 1);
}

#[test]
fn a_registry_that_does_not_exist_is_told_at_plan() {
    let world = world(Version::Newest);
    let elsewhere = |id: &str| {
        let text = super::configuration(LOCAL, NAMES).replace(&crate::agent_pool::registry(), id);
        world.sandbox.write("main.tf", &text);
    };
    let missing = crate::agent_pool::registry().replace("contosobuilds", "contosomissing");
    elsewhere(&missing);
    let plan = world.sandbox.ok(&["plan"]);
    plan.says("The registry does not exist")
        .says("contosomissing")
        .says("1 to add");
    world.sandbox.fails(&["apply", "-auto-approve"]).says("contosomissing");
    elsewhere(&crate::agent_pool::registry());
    let plan = world.sandbox.ok(&["plan"]);
    assert!(!plan.output().contains("does not exist"), "{plan}");
}

#[test]
fn a_build_has_no_system_assigned_identity() {
    let world = world(Version::Newest);
    let source = "  registry_credential {\n    source {\n      identity = \"[system]\"\n    }\n  }";
    configure(&world, LOCAL, &format!("{NAMES}\n{source}"));
    world.sandbox.fails(&["validate"]).says("a build has none");
}
