//! What becomes of a task when its configuration changes, under real Terraform, judged by what the emulator has stored.

mod azurerm;
mod drift;
mod nightly;
mod odd_answers;
mod pairing;
mod refusals;
mod row;
mod rows_registries;
mod rows_steps;
mod rows_top;
mod rows_triggers;
mod secrets;
mod table;
mod together;
mod write_only;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Emulator, Options};

use crate::{
    agent_pool::{World, options, registry, seed},
    sandbox::Version,
};

/// The ARM id of a task.
fn task_id(name: &str) -> String {
    format!("{}/tasks/{name}", registry())
}

/// A task as Azure has it, secrets among it; null when there is none.
fn stored(emulator: &Emulator, name: &str) -> Value {
    emulator.task_secrets(&task_id(name)).unwrap_or_default()
}

/// Two pools, ready to run tasks, beside what the emulator always has.
fn world(assumptions: &Value) -> World {
    let pools =
        json!([{"registry": "contosobuilds", "name": "pool-a"}, {"registry": "contosobuilds", "name": "pool-b"}]);
    let seed = seed(json!({"agent_pools": pools, "assumptions": assumptions}));
    World::with(Version::Newest, Options { seed, ..options() })
}
