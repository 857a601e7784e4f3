//! Tokens that end before the work does.

use std::time::{Duration, Instant};

use terraform_provider_acr::emulator::Options;

use super::{World, options};
use crate::sandbox::COMMAND_TIMEOUT;

/// Shorter than azure_identity's five minutes before the end: each request then finds a token that wants renewal.
const SHORT: Duration = Duration::from_secs(240);

fn with_pool(world: &World) {
    let header = std::fs::read_to_string(world.sandbox.path().join("main.tf")).unwrap();
    let header = header.split("data \"acr_agent_pool\"").next().unwrap();
    let registry = format!(
        "/subscriptions/{}/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds",
        world.emulator.subscription_id()
    );
    let pool = format!("resource \"acr_agent_pool\" \"p\" {{\n  name = \"more\"\n  registry_id = \"{registry}\"\n}}\n");
    world.sandbox.write("main.tf", &format!("{header}{pool}"));
}

fn short_lived() -> World {
    World::with(Options {
        token_lifetime: SHORT,
        provisioning: Duration::from_secs(3),
        ..options()
    })
}

#[test]
fn a_long_wait_renews_its_token() {
    let world = short_lived().with_secret();
    with_pool(&world);
    world.sandbox.ok(&["apply", "-auto-approve"]);
    let signed_in = world.sign_ins().len();
    assert!(signed_in > 2, "the wait should have asked again and again: {signed_in}");
    assert!(
        world.reads().iter().all(|read| !read.contains(" 401 ")),
        "{:?}",
        world.reads()
    );
}

#[test]
fn a_token_file_is_read_at_each_renewal() {
    let world = short_lived();
    with_pool(&world);
    world.emulator.trust_subject("rotating");
    let file = world.file("token.txt", &world.emulator.federated_token("rotating"));
    let world = world.env(&[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN_FILE_PATH", &file)]);
    let running = world.sandbox.start(&["apply", "-auto-approve"]);
    let begun = Instant::now();
    while !world.reads().iter().any(|read| read.starts_with("PUT 2")) {
        assert!(begun.elapsed() < COMMAND_TIMEOUT, "the pool was never asked for");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The old token is worth nothing from here on; whoever keeps it fails.
    let fresh = world.emulator.federated_token("rotating-in");
    world.emulator.trust_subject("rotating-in");
    std::fs::write(&file, fresh).unwrap();
    world.emulator.distrust_subject("rotating");
    let before = world.sign_ins().len();
    let run = running.wait(COMMAND_TIMEOUT);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(world.sign_ins().len() > before);
    assert!(
        world
            .sign_ins()
            .iter()
            .all(|line| line.contains(" 200 federated token "))
    );
}
