//! When a write-only value is sent: with every update, and by itself when its version changes. And how an ephemeral token,
//! as of a vault, gets into a task.

use serde_json::json;

use super::{
    secrets::{Form, all_there, configuration, planted, search, variable},
    world,
};
use crate::agent_pool::World;

const DAILY: &str = "0 21 * * *";
const TAGS: &str = "  tags = { team = \"planted-openly\" }\n";

#[test]
fn a_write_only_value_is_sent_when_its_version_changes_or_anything_else_does() {
    let World { emulator, sandbox } = world(&json!({}));
    let world = World {
        emulator,
        sandbox: sandbox.env(variable(1)),
    };
    world
        .sandbox
        .write("main.tf", &configuration(Form::WriteOnly, 1, DAILY, TAGS));
    world.apply();
    all_there(&world, 1, "create");

    // Other values alone are seen by nobody.
    let World { emulator, sandbox } = world;
    let world = World {
        emulator,
        sandbox: sandbox.env(variable(2)),
    };
    world.sandbox.plan_is_empty();
    world.apply();
    all_there(&world, 1, "other values with the same versions");

    // With other versions they are sent, and nothing of them shows.
    world
        .sandbox
        .write("main.tf", &configuration(Form::WriteOnly, 2, DAILY, TAGS));
    let plan = world.sandbox.ok(&["plan", "-out=plan"]);
    plan.says("0 to add, 3 to change, 0 to destroy");
    search("the plan", &world.sandbox.show_json(Some("plan")).to_string());
    world.apply();
    all_there(&world, 2, "other versions");
    world.sandbox.plan_is_empty();

    // Every update sends the whole task, so whatever changes takes them along.
    let World { emulator, sandbox } = world;
    let world = World {
        emulator,
        sandbox: sandbox.env(variable(1)),
    };
    let more = format!("{TAGS}  timeout_in_seconds = 600\n");
    world
        .sandbox
        .write("main.tf", &configuration(Form::WriteOnly, 2, DAILY, &more));
    world.apply();
    all_there(&world, 1, "an update of something else");
    world.sandbox.plan_is_empty();
}

#[test]
fn a_secret_changes_its_form_without_being_lost() {
    let World { emulator, sandbox } = world(&json!({}));
    let world = World {
        emulator,
        sandbox: sandbox.env(variable(1)),
    };
    let state = || std::fs::read_to_string(world.sandbox.path().join("terraform.tfstate")).unwrap();
    world
        .sandbox
        .write("main.tf", &configuration(Form::Plain, 1, DAILY, TAGS));
    world.apply();
    assert!(
        planted(1).values().all(|secret| state().contains(secret)),
        "plain ones are in the state"
    );
    world
        .sandbox
        .write("main.tf", &configuration(Form::WriteOnly, 1, DAILY, TAGS));
    world.apply().says("0 added, 3 changed, 0 destroyed");
    all_there(&world, 1, "the change to the write-only form");
    search("the state", &state());
    world.sandbox.plan_is_empty();
    world
        .sandbox
        .write("main.tf", &configuration(Form::Plain, 1, DAILY, TAGS));
    world.apply();
    all_there(&world, 1, "the change back");
    world.sandbox.plan_is_empty();
}
