//! `acr_task` under real Terraform, against the emulator.

mod conformance;
mod drift;
mod failures;
mod lifecycle;
mod plans;
mod pool_check;
mod pool_gone;

use serde_json::Value;
use terraform_provider_acr::emulator::JournalEntry;

use crate::agent_pool::{HEADER, World, attributes, registry};

pub(crate) const ADDRESS: &str = "acr_task.t";

pub(crate) fn task_id(name: &str) -> String {
    format!("{}/tasks/{name}", registry())
}

/// A configuration of one task, `acr_task.t`, with this body beside name and registry.
pub(crate) fn configuration(body: &str) -> String {
    named("nightly", body)
}

pub(crate) fn named(name: &str, body: &str) -> String {
    format!(
        "{HEADER}\nresource \"acr_task\" \"t\" {{\n  name = \"{name}\"\n  registry_id = \"{}\"\n{body}\n}}\n",
        registry()
    )
}

/// The smallest body: an encoded step on Linux.
pub(crate) const SMALLEST: &str = "
  platform {
    os = \"Linux\"
  }
  encoded_step {
    task_content = \"version: v1.1.0\\nsteps:\\n  - cmd: bash echo hello\\n\"
  }
";

/// The writes of tasks that Azure was asked for, as `METHOD status`.
pub(crate) fn writes(world: &World) -> Vec<String> {
    let is_write = |entry: &&JournalEntry| {
        ["PUT", "PATCH", "DELETE"].contains(&entry.method.as_str()) && entry.path.contains("/tasks/")
    };
    let told = |entry: &JournalEntry| format!("{} {}", entry.method, entry.status.unwrap_or_default());
    world.emulator.requests().iter().filter(is_write).map(told).collect()
}

/// The attributes of `acr_task.t` in the state.
pub(crate) fn task(world: &World) -> Value {
    attributes(&world.sandbox, ADDRESS)
}

/// The task `nightly` as the emulator keeps it, with its secrets.
pub(crate) fn kept(world: &World) -> Value {
    world.emulator.task_secrets(&task_id("nightly")).unwrap_or(Value::Null)
}

/// The names of the tasks that exist.
pub(crate) fn tasks(world: &World) -> Vec<String> {
    let ids = world.emulator.live_ids();
    let name = |id: &String| id.split_once("/tasks/").map(|(_, name)| name.to_owned());
    ids.iter().filter_map(name).collect()
}
