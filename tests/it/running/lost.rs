//! Answers that are lost and providers that are killed: no run is taken for ours, and those that could be are named.

use std::time::Duration;

use serde_json::{Value, json};

use super::{END, lab, pool, task, world};

#[test]
fn a_lost_answer_names_what_it_could_have_been() {
    let tasks = [
        task("greets", None, "bash echo hello"),
        task("other", None, "bash sleep 3000"),
    ];
    let world = world(lab(&[], &tasks));
    world.run_is("other", "  wait = false");
    world.apply();
    let sandbox = world.another();
    world.fault(
        json!({"match": {"path_contains": "/scheduleRun"}, "times": 1, "applied": true, "action": {"reset": true}}),
    );
    sandbox.write("main.tf", &super::run("greets", ""));
    let run = sandbox.fails(&["apply", "-auto-approve"]);
    run.says("Running task \"greets\"")
        .says("and not repeated, because a run may have begun all the same")
        .says("one of them may be it, or somebody else's: cf2: ")
        .says("None is recorded in the state")
        .says("az acr task cancel-run --registry contosobuilds --run-id cf2");
    assert!(
        !run.output().contains("cf1"),
        "another task's run is no candidate\n{run}"
    );
    assert_eq!(world.runs_scheduled(), 2, "the request was not repeated");
    assert_eq!(crate::agent_pool::attributes(&sandbox, "acr_task_run.r"), Value::Null);

    // The next apply runs again, and says what it cannot tell apart.
    let again = sandbox.ok(&["apply", "-auto-approve"]);
    again.says("There are earlier runs of task \"greets\"").says("cf2: ");
    assert_eq!(
        crate::agent_pool::attributes(&sandbox, "acr_task_run.r")["run_id"],
        "cf3"
    );
}

#[test]
fn a_request_that_was_never_carried_out_leaves_no_candidate() {
    let world = world(lab(&[], &[task("greets", None, "bash echo hello")]));
    world.fault(json!({"match": {"path_contains": "/scheduleRun"}, "times": 1, "action": {"reset": true}}));
    world.run_is("greets", "");
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("No run of that time is to be found, so that probably none began");
    let again = world.apply();
    assert!(!again.output().contains("earlier runs"), "{again}");
    assert_eq!(world.run()["run_id"], "cf1");
}

#[test]
fn after_a_kill_the_next_apply_runs_again_and_names_the_run() {
    let world = world(lab(&[pool(2)], &[task("sleeps", Some("builds"), "bash sleep 2")]));
    world.run_is("sleeps", "");
    let running = world.sandbox.start(&["apply", "-auto-approve"]);
    world.until_scheduled(1);
    running.kill();
    running.wait(END);
    assert_eq!(world.run(), Value::Null);
    let run = world.sandbox.ok(&["apply", "-auto-approve", "-lock=false"]);
    run.says("There are earlier runs of task \"sleeps\"")
        .says("cf1: ")
        .says("None of them is taken for this resource's");
    assert_eq!(
        (world.run()["run_id"].clone(), world.runs_scheduled()),
        (json!("cf2"), 2)
    );
    world.sandbox.plan_is_empty();
}

#[test]
fn a_killed_provider_is_no_different() {
    let world = world(lab(&[], &[task("sleeps", None, "bash sleep 2")]));
    world.run_is("sleeps", "");
    let running = world.sandbox.start(&["apply", "-auto-approve"]);
    world.until_scheduled(1);
    std::thread::sleep(Duration::from_millis(100));
    running.kill_providers();
    let run = running.wait(END);
    assert_ne!(run.code, Some(0), "{run}");
    world.apply().says("There are earlier runs of task \"sleeps\"");
    assert_eq!(world.runs_scheduled(), 2);
}

#[test]
fn runs_of_one_apply_are_no_strangers_to_each_other() {
    let world = world(lab(&[], &[task("greets", None, "bash echo hello")]));
    let first = super::run("greets", "");
    let second = "resource \"acr_task_run\" \"s\" {\n  task_id    = acr_task_run.r.task_id\n  depends_on = [acr_task_run.r]\n}\n";
    world.sandbox.write("main.tf", &format!("{first}{second}"));
    let run = world.apply();
    assert!(!run.output().contains("earlier runs"), "{run}");
    assert_eq!(world.runs_scheduled(), 2);
}

#[test]
fn running_again_within_the_hour_warns_of_nothing() {
    let world = world(lab(&[], &[task("greets", None, "bash echo hello")]));
    let two = |number: u32| {
        let only_one =
            format!("  for_each = toset([\"a\", \"b\"])\n  triggers = {{ n = each.key == \"a\" ? {number} : 0 }}");
        super::run("greets", &only_one)
    };
    for number in 0..3 {
        world.sandbox.write("main.tf", &two(number));
        let run = world.apply();
        assert!(
            !run.output().contains("earlier runs"),
            "only a runs again: {number}\n{run}"
        );
    }
    assert_eq!(world.runs_scheduled(), 4);
}
