//! `drain_timeout`: runs are let end before their pool goes, and nothing is written while one is left.

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Mutation, Options};

use super::{World, no_storage, options, registry, ruled, seed, unguarded};
use crate::sandbox::{Run, Version};

/// How long an interrupted Terraform may take to end: far more than it needs, and far less than it would wait.
const END: Duration = Duration::from_secs(60);

/// Longer than any test.
const LONG: &str = "  drain_timeout = \"2h\"";

/// Over before anything changes by itself.
const SHORT: &str = "  drain_timeout = \"2s\"";

/// A world with these runs on the pool `builds`, which stay as they are until they are changed from outside.
fn world(version: Version, runs: &[(&str, &str)]) -> World {
    let runs: Vec<Value> = runs
        .iter()
        .map(|(id, status)| json!({"registry": "contosobuilds", "run_id": id, "status": status, "agent_pool_name": "builds"}))
        .collect();
    let seed = seed(json!({"runs": runs}));
    let mut world = World::with(version, Options { seed, ..options() });
    world.sandbox = world.sandbox.env([("TF_LOG_PROVIDER".to_owned(), "INFO".to_owned())]);
    world
}

impl World {
    fn end_run(&self, id: &str) {
        let set = [("status".to_owned(), json!("Succeeded"))].into_iter().collect();
        let run = format!("{}/runs/{id}", registry());
        self.emulator.mutate(&run, Mutation { set, delete: false }).unwrap();
    }

    /// A command that drains in vain: it fails at the argument, names what is left, and writes nothing.
    fn is_kept_up(&self, command: &[&str], named: &str) -> Run {
        self.emulator.clear_requests();
        let before = self.sandbox.state();
        let run = self.sandbox.fails(command);
        run.says("Draining agent pool \"builds\"")
            .says(named)
            .says("Nothing was written, and the pool is as it was.")
            .says("az acr task cancel-run --registry contosobuilds --run-id ID");
        assert_eq!(self.writes(), Vec::<String>::new(), "{run}");
        assert_eq!(self.sandbox.state()["resources"], before["resources"], "{run}");
        run
    }
}

#[test]
fn a_destroy_waits_for_the_runs_and_tells_in_the_log_what_for() {
    for version in Version::both() {
        let world = world(version, &[("cf1", "Running"), ("cf2", "Queued")]);
        world.configure(LONG);
        world.apply();
        world.emulator.clear_requests();
        let mut running = world.sandbox.start(&["destroy", "-auto-approve"]);
        running.until("draining, 1 running (cf1), 1 queued (cf2)");
        world.end_run("cf2");
        running.until("draining, 1 running (cf1),");
        assert_eq!(world.writes(), Vec::<String>::new());
        world.end_run("cf1");
        let run = running.wait(END * 2);
        assert_eq!(run.code, Some(0), "{run}");
        run.says("Destroying agent pool \"builds\"")
            .says("1 run queued, 1 run running. Apply waits up to 2h (drain_timeout)");
        assert_eq!(
            (world.writes(), world.pools()),
            (vec!["DELETE 202".to_owned()], Vec::new())
        );
    }
}

#[test]
fn at_the_deadline_nothing_is_written_and_the_runs_are_named() {
    let world = world(
        Version::Newest,
        &[("cf1", "Running"), ("cf2", "Started"), ("cf3", "Queued")],
    );
    let with = |more: &str| world.configure(&format!("{SHORT}\n{more}"));
    with("  instance_count = 3");
    world.apply();
    let left = "2 running (cf2, cf1), 1 queued (cf3)";
    let destroyed = world.is_kept_up(&["destroy", "-auto-approve"], left);
    destroyed
        .says("have not ended within 2s (drain_timeout)")
        .says("A destroy or replacement uses the value in the state");

    with("  instance_count = 3\n  tier = \"S2\"");
    let replaced = world.is_kept_up(&["apply", "-auto-approve"], left);
    replaced.says("Apply waits up to 2s (drain_timeout) for the runs that can still start to end");

    with("  instance_count = 1");
    let scaled = world.is_kept_up(&["apply", "-auto-approve"], left);
    assert!(!scaled.output().contains("uses the value in the state"), "{scaled}");

    // Growing waits for nobody.
    with("  instance_count = 4");
    world.apply();
    assert_eq!(world.writes(), ["PATCH 201"]);
    for id in ["cf1", "cf2", "cf3"] {
        world.end_run(id);
    }
    with("  instance_count = 1");
    world.apply();
    world.sandbox.plan_is_empty();
    world.destroy();
}

#[test]
fn an_interrupt_ends_the_wait_and_keeps_the_state() {
    for version in Version::both() {
        let world = world(version, &[("cf1", "Running")]);
        world.configure(&format!("{LONG}\n  instance_count = 2"));
        world.apply();
        world.emulator.clear_requests();
        world.configure(&format!("{LONG}\n  instance_count = 1"));
        for command in [&["apply", "-auto-approve"], &["destroy", "-auto-approve"]] {
            let mut running = world.sandbox.start(command);
            running.until("draining, 1 running (cf1)");
            running.interrupt_group();
            let run = running.wait(END);
            assert_ne!(run.code, Some(0), "{run}");
            run.says("You interrupted the wait for the runs on the pool: 1 running (cf1).");
            assert_eq!(world.writes(), Vec::<String>::new(), "{run}");
            assert_eq!(
                (&world.pool()["instance_count"], world.is_tainted()),
                (&json!(2), false),
                "{run}"
            );
        }
    }
}

#[test]
fn the_value_in_the_state_counts_and_changing_it_writes_nothing() {
    let world = world(Version::Newest, &[("cf1", "Running")]);
    world.configure(SHORT);
    world.apply();
    world.sandbox.plan_is_empty();
    world.emulator.clear_requests();
    // The configuration is without it already; a destroy does not know that.
    world.configure("");
    world.is_kept_up(&["destroy", "-auto-approve"], "1 running (cf1)");
    world.apply().says("0 added, 1 changed, 0 destroyed");
    world.sandbox.plan_is_empty();
    assert_eq!(world.writes(), Vec::<String>::new());
    let run = world.sandbox.ok(&["destroy", "-auto-approve"]);
    run.says("They are lost with it.");
    assert_eq!(world.writes(), ["DELETE 202"]);

    world.configure("  drain_timeout = \"soon\"");
    world.sandbox.fails(&["validate"]).says("\"soon\" is not a duration");
}

#[test]
fn runs_that_can_never_start_hold_nobody_up() {
    // Without a machine, on a pool that has failed, and in a subnet that blocks what its machines need.
    for (member, value) in [("count", json!(0)), ("provisioningState", json!("Failed"))] {
        let world = world(Version::Newest, &[("cf1", "Queued")]);
        world.configure(SHORT);
        world.apply();
        world.is_kept_up(&["destroy", "-auto-approve"], "1 queued (cf1)");
        world.set("builds", member, value);
        let run = world.sandbox.ok(&["destroy", "-auto-approve"]);
        run.says("queued runs can never start and are not waited for");
        assert_eq!(world.pools(), Vec::<String>::new(), "{member}");
    }

    let runs = json!([{"registry": "contosobuilds", "run_id": "cf1", "status": "Queued", "agent_pool_name": "builds"}]);
    let world = World::with(
        Version::Newest,
        Options {
            seed: ruled(&json!([no_storage()]), json!({"runs": runs})),
            ..options()
        },
    );
    world.sandbox.write("main.tf", &unguarded(LONG));
    world.apply();
    let run = world.sandbox.ok(&["destroy", "-auto-approve"]);
    run.says("Storage on port 443");
    assert_eq!(world.pools(), Vec::<String>::new());
}

#[test]
fn runs_that_may_not_be_seen_are_not_run_over() {
    let world = world(Version::Newest, &[("cf1", "Running")]);
    world.configure(LONG);
    world.apply();
    let denied = json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
    world.fault(
        json!({"match": {"method": "GET", "path_contains": "/contosobuilds/runs"},
        "action": {"respond": {"status": 403, "body": denied}}}),
    );
    world.emulator.clear_requests();
    world
        .sandbox
        .fails(&["destroy", "-auto-approve"])
        .says("Draining agent pool \"builds\"")
        .says("Microsoft.ContainerRegistry/registries/runs/read")
        .says("Nothing was written.");
    assert_eq!(world.writes(), Vec::<String>::new());

    // A pool that is gone has no runs to wait for.
    world.remove("builds");
    world.sandbox.ok(&["destroy", "-auto-approve", "-refresh=false"]);
}
