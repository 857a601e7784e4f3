//! `acr_task_run` under real Terraform, against the emulator: what runs, what fails and why, what is left.

mod conformance;
mod failures;
mod interrupted;
mod lifecycle;
mod lost;
mod queued;
mod scaling;
mod secrets;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use terraform_provider_acr::emulator::{JournalEntry, Options};

use crate::{
    agent_pool::{HEADER, World, options, registry, seed},
    sandbox::Version,
};

/// How long a run takes here, in real time, unless its steps sleep.
const RUN: Duration = Duration::from_millis(300);

/// How long a command may take to end: far more than it needs.
const END: Duration = Duration::from_secs(90);

fn task_id(name: &str) -> String {
    format!("{}/tasks/{name}", registry())
}

/// A task whose only step is this command.
fn task(name: &str, pool: Option<&str>, command: &str) -> Value {
    let steps = format!("version: v1.1.0\nsteps:\n  - cmd: {command}\n");
    json!({"registry": "contosobuilds", "name": name, "agent_pool_name": pool,
        "properties": {"step": {"type": "EncodedTask", "encodedTaskContent": STANDARD.encode(steps)}}})
}

fn pool(count: i64) -> Value {
    json!({"registry": "contosobuilds", "name": "builds", "tier": "S1", "count": count})
}

/// An emulator whose runs take [`RUN`], with these pools and tasks.
fn lab(pools: &[Value], tasks: &[Value]) -> Options {
    with(json!({"agent_pools": pools, "tasks": tasks}))
}

fn with(more: Value) -> Options {
    Options {
        seed: seed(more),
        run_duration: RUN,
        ..options()
    }
}

fn world(options: Options) -> World {
    World::with(Version::Newest, options)
}

/// A configuration of one run, `acr_task_run.r`, of this task.
fn run(task: &str, arguments: &str) -> String {
    format!(
        "{HEADER}\nresource \"acr_task_run\" \"r\" {{\n  task_id = \"{}\"\n{arguments}\n}}\n",
        task_id(task)
    )
}

impl World {
    fn run_is(&self, task: &str, arguments: &str) {
        self.sandbox.write("main.tf", &run(task, arguments));
    }

    /// The attributes of `acr_task_run.r` in the state.
    fn run(&self) -> Value {
        crate::agent_pool::attributes(&self.sandbox, "acr_task_run.r")
    }

    /// Requests to paths that hold `part`, as `METHOD status`.
    fn asked(&self, part: &str) -> Vec<String> {
        let asked = self
            .emulator
            .requests()
            .into_iter()
            .filter(|entry| entry.path.contains(part));
        asked
            .map(|entry: JournalEntry| format!("{} {}", entry.method, entry.status.unwrap_or_default()))
            .collect()
    }

    /// How many runs were scheduled.
    fn runs_scheduled(&self) -> usize {
        self.asked("/scheduleRun").len()
    }

    /// Waits until so many runs were scheduled.
    #[track_caller]
    fn until_scheduled(&self, number: usize) {
        self.until_asked("/scheduleRun", number);
    }

    /// Waits until so many requests went to paths that hold `part`.
    #[track_caller]
    fn until_asked(&self, part: &str, number: usize) {
        let begun = std::time::Instant::now();
        while self.asked(part).len() < number {
            assert!(
                begun.elapsed() < END,
                "{part} was never asked {number} times: {:?}",
                self.asked("/")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the state has its first resource marked as tainted.
    fn run_is_tainted(&self) -> bool {
        self.sandbox.state()["resources"][0]["instances"][0]["status"] == "tainted"
    }
}

/// A step, as ARM has it.
fn step(command: &str) -> Value {
    task("any", None, command)["properties"]["step"].clone()
}
