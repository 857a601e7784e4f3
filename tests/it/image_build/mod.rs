//! `acr_image_build` under real Terraform, against the emulator.

mod access;
mod conformance;
mod failures;
mod lifecycle;
mod secrets;
mod sources;

use std::time::Duration;

use serde_json::Value;
use terraform_provider_acr::emulator::{JournalEntry, Options};

use crate::{
    agent_pool::{HEADER, World, attributes, registry},
    sandbox::Version,
};

/// The resource in all these tests.
const BUILD: &str = "acr_image_build.app";

/// How long a run takes, in real time: long enough to be seen under way.
const RUN: Duration = Duration::from_millis(300);

const DOCKERFILE: &str = "FROM scratch\nRUN echo hello\nCOPY app.txt /\n";

fn options() -> Options {
    Options {
        run_duration: RUN,
        ..crate::agent_pool::options()
    }
}

/// An emulator, a Terraform, and a small context in `app/`.
fn world(version: Version) -> World {
    world_with(version, options())
}

fn world_with(version: Version, options: Options) -> World {
    let world = World::with(version, options);
    world.sandbox.write("app/Dockerfile", DOCKERFILE);
    world.sandbox.write("app/app.txt", "one");
    world
}

/// A build of `context` with these arguments beside the registry, and before it a pool `builds` if it names one.
fn configuration(context: &str, arguments: &str) -> String {
    let pool = match arguments.contains("acr_agent_pool.p.name") {
        true => format!(
            "resource \"acr_agent_pool\" \"p\" {{\n  name = \"builds\"\n  registry_id = \"{}\"\n}}\n",
            registry()
        ),
        false => String::new(),
    };
    format!(
        "{HEADER}\n{pool}\nresource \"acr_image_build\" \"app\" {{\n  registry_id = \"{}\"\n  context {{\n    {context}\n  }}\n{arguments}\n}}\n",
        registry()
    )
}

const LOCAL: &str = "path = \"app\"";
const NAMES: &str = "  image_names = [\"app:v1\"]";

fn configure(world: &World, context: &str, arguments: &str) {
    world.sandbox.write("main.tf", &configuration(context, arguments));
}

/// The attributes of the build in the state.
fn build(world: &World) -> Value {
    attributes(&world.sandbox, BUILD)
}

/// The requests of one kind that Azure was sent.
fn requests(world: &World, method: &str, part: &str) -> Vec<JournalEntry> {
    let all = world.emulator.requests().into_iter();
    all.filter(|entry| entry.method == method && entry.path.contains(part))
        .collect()
}

/// How many runs Azure was asked for.
fn scheduled(world: &World) -> usize {
    requests(world, "POST", "/scheduleRun").len()
}
