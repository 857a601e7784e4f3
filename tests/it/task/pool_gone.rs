//! A task whose pool goes, with the same plan or behind Terraform's back.

use super::{SMALLEST, configuration, writes};
use crate::{
    agent_pool::{World, registry},
    sandbox::Version,
};

fn pool() -> String {
    format!(
        "\nresource \"acr_agent_pool\" \"builds\" {{\n  name = \"builds\"\n  registry_id = \"{}\"\n}}\n",
        registry()
    )
}

fn task(arguments: &str) -> String {
    configuration(&format!(
        "{arguments}{SMALLEST}  timeouts {{\n    update = \"3s\"\n  }}\n"
    ))
}

const ON_POOL: &str = "  agent_pool_name = \"builds\"\n";

/// A world with a pool and a task on it.
fn world() -> World {
    let world = World::new(Version::Newest);
    let together = task("  agent_pool_name = acr_agent_pool.builds.name\n") + &pool();
    world.sandbox.write("main.tf", &together);
    world.apply();
    world
}

#[test]
fn destroying_a_pool_names_the_tasks_that_stay_on_it() {
    const SAYS: &str = "which tasks name";
    let world = world();
    world.sandbox.write("main.tf", &task(ON_POOL));
    world
        .sandbox
        .ok(&["plan"])
        .says("Destroying agent pool \"builds\"")
        .says(SAYS)
        .says("also after this plan: nightly.");
    // A task that this plan moves away or destroys is none of them.
    let moved = task("");
    let none = moved.split("\nresource").next().unwrap().to_owned();
    for text in [moved, none] {
        world.sandbox.write("main.tf", &text);
        let planned = world.sandbox.ok(&["plan"]);
        planned.says(" to destroy.").says("acr_agent_pool.builds");
        assert!(!planned.output().contains(SAYS), "{planned}");
    }
    let destroyed = world.sandbox.ok(&["plan", "-destroy"]);
    assert!(!destroyed.output().contains(SAYS), "{destroyed}");
}

#[test]
fn each_write_of_a_task_asks_for_its_pool() {
    let mut world = world();
    world.remove("builds");
    // Nothing changes: nothing is said.
    world.sandbox.write("main.tf", &task(ON_POOL));
    world.sandbox.ok(&["state", "rm", "acr_agent_pool.builds"]);
    world.sandbox.plan_is_empty();
    // What is the provider's own alone is not written either.
    world
        .sandbox
        .write("main.tf", &task(&format!("{ON_POOL}  tags = {{}}\n")));
    let planned = world.sandbox.ok(&["plan"]);
    assert!(!planned.output().contains("does not exist"), "{planned}");

    let changed = task(&format!("{ON_POOL}  timeout_in_seconds = 600\n"));
    world.sandbox.write("main.tf", &changed);
    world.sandbox.ok(&["plan"]).says("The agent pool does not exist");
    let before = writes(&world);
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("The agent pool does not exist");
    assert_eq!(writes(&world), before);
    // A task that is switched off starts no runs: that can be done before its pool is back.
    world
        .sandbox
        .write("main.tf", &task(&format!("{ON_POOL}  enabled = false\n")));
    world.apply();
    world
        .sandbox
        .write("main.tf", &task(&format!("{ON_POOL}  enabled = true\n")));
    world.sandbox = world
        .sandbox
        .env([("ACR_PREFLIGHT_FAIL_AT_PLAN".to_owned(), "true".to_owned())]);
    world.sandbox.fails(&["plan"]).says("The agent pool does not exist");
}
