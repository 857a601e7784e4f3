//! An interrupt ends the wait within a second, cancels the run where the service allows it, and says what goes on.

use serde_json::json;
use terraform_provider_acr::emulator::Mutation;

use super::{END, pool, task, with, world};
use crate::agent_pool::{World, registry};

fn interrupted(assumption: &str, arguments: &str) -> (World, crate::sandbox::Run) {
    let world = world(with(
        json!({"agent_pools": [pool(1)], "assumptions": {"cancel_run": assumption},
        "tasks": [task("sleeps", Some("builds"), "bash sleep 3000")]}),
    ));
    world.run_is("sleeps", arguments);
    let mut running = world.sandbox.start(&["apply", "-auto-approve"]);
    running.until("acr_task_run.r: Creating...");
    world.until_scheduled(1);
    world.until_asked("/runs/cf1", 2);
    running.interrupt_group();
    let run = running.wait(END);
    assert_ne!(run.code, Some(0), "{run}");
    assert!(world.run_is_tainted(), "{run}");
    run.says("Running task \"sleeps\"")
        .says("the operation was cancelled")
        .says("kept in the state as tainted");
    (world, run)
}

#[test]
fn the_run_is_cancelled() {
    let (world, run) = interrupted("accepted", "");
    run.says(
        "Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") was cancelled: it ended as Canceled.",
    );
    assert_eq!(world.run()["status"], "Canceled");
    assert_eq!(world.asked("/cancel"), ["POST 200"]);
    // The next apply runs again, and the first run is known to be over.
    world.run_is("sleeps", "  wait = false");
    let again = world.apply();
    again.says("1 added, 0 changed, 1 destroyed");
    assert!(!again.output().contains("earlier runs"), "{again}");
}

#[test]
fn a_run_that_cannot_be_cancelled_goes_on_and_is_told() {
    let (world, run) = interrupted("refused_on_pools", "");
    run.says("goes on, last seen as Running: it could not be cancelled")
        .says("To try again: az acr task cancel-run --registry contosobuilds --run-id cf1");
    assert_eq!(world.run()["status"], "Running");
}

#[test]
fn a_run_that_is_not_to_be_cancelled_goes_on() {
    let (world, run) = interrupted("accepted", "  cancel_on_interrupt = false");
    run.says("goes on, last seen as ")
        .says("To cancel it: az acr task cancel-run");
    assert!(world.asked("/cancel").is_empty());
    assert_eq!(world.run()["run_id"], "cf1");
}

#[test]
fn a_run_that_ends_before_it_can_be_cancelled_is_judged_by_its_end() {
    for (status, fails) in [("Succeeded", false), ("Failed", true)] {
        let world = world(with(json!({"tasks": [task("sleeps", None, "bash sleep 3000")]})));
        world.run_is("sleeps", "");
        let running = world.sandbox.start(&["apply", "-auto-approve"]);
        world.until_scheduled(1);
        world.until_asked("/runs/cf1", 2);
        world.fault(json!({"match": {"path_ends": "/cancel"}, "times": 1, "action": {"stall_seconds": 2.0}}));
        running.interrupt_group();
        let begun = std::time::Instant::now();
        while world.emulator.faults_fired() == 0 {
            assert!(begun.elapsed() < END, "nobody cancelled the run");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let id = format!("{}/runs/cf1", registry());
        world.emulator.mutate(&id, Mutation::set("status", status)).unwrap();
        let run = running.wait(END);
        assert_eq!(world.asked("/cancel"), ["POST 409"]);
        assert!(!run.output().contains("could not be cancelled"), "{run}");
        assert_eq!(
            (world.run()["status"].as_str(), world.run_is_tainted()),
            (Some(status), fails),
            "{run}"
        );
        if fails {
            run.says("ended as Failed");
        } else {
            world.sandbox.plan_is_empty();
        }
    }
}
