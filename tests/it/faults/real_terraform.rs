//! A handful of positions under real Terraform, with the waits that users have.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{self, Emulator, Fault, Options};

use super::life::registry;
use crate::sandbox::{Sandbox, Version};

fn world(fault: Value) -> (Emulator, Sandbox) {
    let options = Options {
        provisioning: Duration::from_millis(300),
        retry_after: Duration::from_secs(1),
        ..Options::default()
    };
    let emulator = emulator::start_blocking(options).unwrap();
    emulator.set_faults(vec![serde_json::from_value::<Fault>(fault).unwrap()]);
    let sandbox = Sandbox::new(Version::Newest).env(emulator.environment());
    (emulator, sandbox)
}

fn configure(sandbox: &Sandbox, arguments: &str) {
    let registry = registry();
    sandbox.write("main.tf", &format!("terraform {{\n  required_providers {{\n    acr = {{\n      source = \"agentpools/acr\"\n    }}\n  }}\n}}\n\nprovider \"acr\" {{}}\n\nresource \"acr_agent_pool\" \"p\" {{\n  name        = \"builds\"\n  registry_id = \"{registry}\"\n{arguments}\n}}\n"));
}

fn pools(emulator: &Emulator) -> usize {
    emulator
        .live_ids()
        .iter()
        .filter(|id| id.contains("/agentPools/"))
        .count()
}

#[test]
fn a_life_under_a_fault_is_a_life() {
    let busy = json!({"respond": {"status": 429, "headers": {"Retry-After": "2"}}});
    let faults = [
        json!({"match": {"path_contains": "/token"}, "times": 1, "action": {"reset": true}}),
        json!({"match": {"method": "PUT"}, "times": 1, "applied": true, "action": {"reset": true}}),
        // As long as the issue of a stalled connection usually is, and shorter than the provider is patient.
        json!({"match": {"method": "PUT"}, "times": 1, "applied": true, "action": {"stall_seconds": 30.0}}),
        json!({"match": {"method": "PATCH"}, "times": 1, "applied": true, "action": {"truncate": true}}),
        json!({"match": {"path_contains": "/operationStatuses/"}, "times": 2, "action": busy}),
        json!({"match": {"method": "DELETE"}, "times": 1, "applied": true, "action": {"respond": {"status": 503}}}),
    ];
    thread::scope(|scope| {
        for fault in faults {
            scope.spawn(move || {
                let (emulator, sandbox) = world(fault.clone());
                for count in [1, 2] {
                    configure(&sandbox, &format!("  instance_count = {count}"));
                    sandbox.ok(&["apply", "-auto-approve"]);
                    sandbox.plan_is_empty();
                    assert_eq!(pools(&emulator), 1, "{fault}");
                }
                sandbox.ok(&["destroy", "-auto-approve"]);
                assert_eq!(pools(&emulator), 0, "{fault}");
            });
        }
    });
}

/// The same as with an hour and two minutes, which the unit tests have at a paused clock.
#[test]
fn a_service_that_asks_for_more_time_than_there_is_is_named_and_nothing_is_lost() {
    let fault = json!({"match": {"path_contains": "/operationStatuses/"},
        "action": {"respond": {"status": 429, "headers": {"Retry-After": "3600"}}}});
    let (emulator, sandbox) = world(fault);
    configure(&sandbox, "  timeouts {\n    create = \"6s\"\n  }");
    let begun = Instant::now();
    let run = sandbox.fails(&["apply", "-auto-approve"]);
    assert!(begun.elapsed() >= Duration::from_secs(6), "{run}");
    run.says("the service asked to wait 60m 0s before the next attempt")
        .says("Azure throttles this subscription")
        .says("kept in the state as tainted");
    emulator.set_faults(Vec::new());
    sandbox
        .ok(&["apply", "-auto-approve"])
        .says("1 added, 0 changed, 1 destroyed");
    sandbox.plan_is_empty();
    sandbox.ok(&["destroy", "-auto-approve"]);
}
