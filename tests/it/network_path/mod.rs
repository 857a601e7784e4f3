//! What lies between the provider and Azure - names, certificates, proxies, clouds, tokens - and what is logged of it, with
//! the real provider under real Terraform.

mod broken;
mod clouds;
mod logs;
mod panics;
mod proxy;
mod secrets;
mod tokens;

use std::time::Duration;

use terraform_provider_acr::emulator::{self, Emulator, JournalEntry, Options};

use crate::sandbox::{Sandbox, Version};

const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds";

fn options() -> Options {
    Options {
        provisioning: Duration::from_millis(300),
        retry_after: Duration::from_secs(1),
        ..Options::default()
    }
}

/// An emulator and a Terraform that uses it, with more or other variables.
fn world(options: Options, variables: &[(&str, &str)]) -> (Emulator, Sandbox) {
    let emulator = emulator::start_blocking(options).unwrap();
    let more = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let sandbox = Sandbox::new(Version::Newest).env(emulator.environment()).env(more);
    (emulator, sandbox)
}

/// Writes a configuration of one pool with these arguments beside name and registry.
fn configure(sandbox: &Sandbox, arguments: &str) {
    let text = format!(
        "terraform {{\n  required_providers {{\n    acr = {{\n      source = \"agentpools/acr\"\n    }}\n  }}\n}}\n\nprovider \"acr\" {{}}\n\nresource \"acr_agent_pool\" \"p\" {{\n  name        = \"builds\"\n  registry_id = \"{REGISTRY}\"\n{arguments}\n}}\n"
    );
    sandbox.write("main.tf", &text);
}

/// Create, scale, replace, destroy.
fn live(sandbox: &Sandbox) -> Vec<crate::sandbox::Run> {
    let mut runs = Vec::new();
    for arguments in ["", "  instance_count = 2", "  instance_count = 2\n  tier = \"S2\""] {
        configure(sandbox, arguments);
        runs.push(sandbox.ok(&["apply", "-auto-approve"]));
        sandbox.plan_is_empty();
    }
    runs.push(sandbox.ok(&["destroy", "-auto-approve"]));
    runs
}

/// The requests to ARM, without those for tokens.
fn to_arm(emulator: &Emulator) -> Vec<JournalEntry> {
    let requests = emulator.requests().into_iter();
    requests
        .filter(|entry| entry.path.starts_with("/subscriptions/"))
        .collect()
}
