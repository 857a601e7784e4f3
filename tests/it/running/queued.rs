//! Why is it queued? A run that waits explains itself within seconds, and not at the end of its time.

use std::time::Instant;

use serde_json::json;
use terraform_provider_acr::emulator::Mutation;

use super::{END, lab, pool, task, with, world};
use crate::agent_pool::{configuration, pool_id, registry};

#[test]
fn a_pool_at_zero_is_told_at_plan_and_refused_at_apply_before_anything_is_scheduled() {
    let world = world(lab(&[pool(0)], &[task("greets", Some("builds"), "bash echo hello")]));
    world.run_is("greets", "");
    world
        .sandbox
        .ok(&["plan"])
        .says("The agent pool has no machine")
        .says("Apply will be refused, before anything is scheduled");
    let strict = world
        .another()
        .env([("ACR_PREFLIGHT_FAIL_AT_PLAN".to_owned(), "true".to_owned())]);
    strict.write("main.tf", &super::run("greets", ""));
    strict
        .fails(&["plan"])
        .says("The agent pool has no machine")
        .says("Nothing was written");
    let begun = Instant::now();
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("is at zero, so that a run would stay queued")
        .says("Nothing was scheduled")
        .says("scale { instances = 1 }")
        .says("ACR_PREFLIGHT_POOL=warning");
    assert_eq!(world.runs_scheduled(), 0);
    // Far from the 90 minutes that a run may take: what is held here is that nobody waits for them.
    assert!(begun.elapsed() < END, "{run}");
}

#[test]
fn a_pool_at_zero_that_somebody_else_scales_is_waited_for_and_explained_meanwhile() {
    let world = world(lab(&[pool(0)], &[task("greets", Some("builds"), "bash echo hello")]));
    let sandbox = world.another().env(
        [("ACR_PREFLIGHT_POOL", "warning"), ("TF_LOG_PROVIDER", "INFO")].map(|(n, v)| (n.to_owned(), v.to_owned())),
    );
    sandbox.write("main.tf", &super::run("greets", ""));
    let mut running = sandbox.start(&["apply", "-auto-approve"]);
    running.until("is queued. Why it is queued: The pool has no machine (instance_count is 0)");
    world.set("builds", "count", json!(1));
    let run = running.wait(END);
    assert_eq!(run.code, Some(0), "{run}");
    run.says("[WARN]").says("| hello");
}

#[test]
fn a_run_that_never_starts_ends_with_the_reason_and_is_cancelled() {
    let world = world(lab(&[pool(0)], &[task("greets", Some("builds"), "bash echo hello")]));
    let sandbox = world
        .another()
        .env([("ACR_PREFLIGHT_POOL".to_owned(), "warning".to_owned())]);
    sandbox.write(
        "main.tf",
        &super::run("greets", "  timeouts {\n    create = \"8s\"\n  }"),
    );
    let run = sandbox.fails(&["apply", "-auto-approve"]);
    run.says("Why it is queued: The pool has no machine (instance_count is 0), so that runs stay queued.")
        .says("Run \"cf1\" (registry \"contosobuilds\"")
        .says("was cancelled: it ended as Canceled")
        .says("kept in the state as tainted");
    let state = crate::agent_pool::attributes(&sandbox, "acr_task_run.r");
    assert_eq!(
        (&state["status"], &state["started_at"]),
        (&json!("Canceled"), &json!(null))
    );
}

#[test]
fn a_busy_pool_is_waited_for() {
    let running = json!({"registry": "contosobuilds", "run_id": "cf1", "status": "Running", "agent_pool_name": "builds",
        "created_seconds_ago": 60, "started_seconds_ago": 50});
    let world = world(with(json!({"agent_pools": [pool(1)], "runs": [running],
        "tasks": [task("greets", Some("builds"), "bash echo hello")]})));
    let sandbox = world.another().env([("TF_LOG_PROVIDER".to_owned(), "INFO".to_owned())]);
    sandbox.write("main.tf", &super::run("greets", ""));
    let mut apply = sandbox.start(&["apply", "-auto-approve"]);
    apply.until("The pool's only machine is busy: 1 run is running and this one is number 1 of 1 in the queue");
    world
        .emulator
        .mutate(
            &format!("{}/runs/cf1", registry()),
            Mutation::set("status", "Succeeded"),
        )
        .unwrap();
    let run = apply.wait(END);
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn a_pool_that_fails_meanwhile_ends_the_wait() {
    let world = world(lab(&[pool(1)], &[task("greets", Some("builds"), "bash echo hello")]));
    world.emulator.set_frozen(true);
    world.run_is("greets", "");
    let apply = world.sandbox.start(&["apply", "-auto-approve"]);
    world.until_scheduled(1);
    world.set("builds", "provisioningState", json!("Failed"));
    world.emulator.set_frozen(false);
    let run = apply.wait(END);
    assert_ne!(run.code, Some(0), "{run}");
    run.says("its agent pool will not take it")
        .says("Azure reports the pool as Failed and gives no reason")
        .says("was cancelled");
    assert!(world.run_is_tainted());
}

#[test]
fn a_pool_that_is_gone_or_failed_is_refused_before_anything_is_scheduled() {
    let mut failed = pool(1);
    failed["provisioning_state"] = json!("Failed");
    let tasks = [
        task("greets", Some("builds"), "bash echo hello"),
        task("other", Some("nowhere"), "bash echo hello"),
    ];
    let world = world(lab(&[failed], &tasks));
    world.run_is("greets", "");
    world
        .sandbox
        .ok(&["plan"])
        .says("The agent pool has failed")
        .says("Apply will be refused");
    let sandbox = world
        .another()
        .env([("ACR_PREFLIGHT_FAIL_AT_PLAN".to_owned(), "true".to_owned())]);
    sandbox.write("main.tf", &super::run("other", ""));
    sandbox
        .fails(&["plan"])
        .says("The agent pool does not exist")
        .says("Nothing was written");
    assert_eq!(world.runs_scheduled(), 0);
}

#[test]
fn a_pool_of_the_same_plan_is_no_reason_to_refuse() {
    let world = world(lab(&[pool(0)], &[task("greets", Some("builds"), "bash echo hello")]));
    let import = format!(
        "import {{\n  to = acr_agent_pool.p\n  id = \"{}\"\n}}\n",
        pool_id("builds")
    );
    let pool = configuration(&registry(), "  instance_count = 1");
    let task_run = super::run("greets", "").replace(crate::agent_pool::HEADER, "");
    // Nothing connects the two: they are applied side by side.
    world.sandbox.write("main.tf", &format!("{pool}{import}{task_run}"));
    world.apply().says("1 imported, 1 added, 1 changed");
    world.sandbox.plan_is_empty();
}
