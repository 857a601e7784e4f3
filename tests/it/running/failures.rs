//! Each way in which a run fails, with the whole message: run id, cause, log tail, what is left and what to do.

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{self, Emulator, Mutation, Options};

use super::{lab, pool, registry, task, task_id, with, world};
use crate::{conformance::core::Core, plugin_process::PluginProcess};

const TYPE: &str = "acr_task_run";

/// Applies one run of `task` in an emulator like this, with `meanwhile` beside it; the errors, with times and durations out.
async fn errors(options: Options, task: &str, more: Value, meanwhile: impl AsyncFnOnce(&Emulator)) -> String {
    let emulator = emulator::start_blocking(options).unwrap();
    let environment = emulator.environment();
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let process = PluginProcess::spawn(&[&variables[..], &[("ACR_PREFLIGHT_POOL", Some("warning"))]].concat());
    let core = Core::connect(process.provider_client().await, json!({})).await;
    let mut config = json!({"task_id": task_id(task)});
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    let mut run = core.resource(TYPE);
    let (applied, ()) = tokio::join!(run.apply(config), meanwhile(&emulator));
    core.expect_clean();
    assert!(applied.tainted, "{applied:?}");
    timeless(&applied.errors().join("\n---\n"))
}

/// The text without the times that log lines begin with, and without correlation ids.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        let bare = line.trim_start();
        let stamped = bare.len() > 20 && bare.as_bytes()[4] == b'/' && bare.as_bytes()[7] == b'/';
        match stamped {
            true => format!("{}TIME {}", &line[..line.len() - bare.len()], &bare[20..]),
            false => line.to_owned(),
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Waits until the run `cf1` is seen to be running.
async fn until_running(emulator: &Emulator) {
    let started = |emulator: &Emulator| {
        let looks = emulator.requests();
        looks
            .iter()
            .filter(|entry| entry.method == "HEAD" && entry.status == Some(200))
            .count()
            > 0
    };
    let begun = std::time::Instant::now();
    while !started(emulator) {
        assert!(begun.elapsed() < super::END, "no log was ever read");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn set_status(emulator: &Emulator, status: &str) {
    let run = format!("{}/runs/cf1", registry());
    emulator.mutate(&run, Mutation::set("status", status)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails() {
    let fails = task("fails", Some("builds"), "bash echo building && echo boom && exit 3");
    let said = errors(
        lab(&[pool(1)], &[fails]),
        "fails",
        json!({"log_tail_lines": 4}),
        async |_| {},
    )
    .await;
    assert_eq!(said, "Running task \"fails\" (registry \"contosobuilds\", resource group \"rg-builds\"): Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") ended as Failed: failed during run, err: exit status 1.

The last 4 lines of its log:

  building
  boom
  Step ID: acb_step_0 failed with exit code 3
  Run ID: cf1 failed after 0s. Error: failed during run, err: exit status 1

The whole log: az acr task logs --registry contosobuilds --run-id cf1

The run is kept in the state as tainted: the next apply runs again.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long() {
    let mut sleeps = task("sleeps", None, "bash echo waiting && sleep 3000");
    sleeps["properties"]["timeout"] = json!(300);
    let said = errors(
        lab(&[], &[sleeps]),
        "sleeps",
        json!({"log_tail_lines": 2}),
        async |emulator| {
            until_running(emulator).await;
            emulator.advance(Duration::from_secs(400));
        },
    )
    .await;
    assert_eq!(said, "Running task \"sleeps\" (registry \"contosobuilds\", resource group \"rg-builds\"): Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") ended as Timeout: it took longer than it may (timeout_in_seconds).

The last 2 lines of its log:

  TIME Executing step ID: acb_step_0. Timeout(sec): 600, Working directory: '', Network: ''
  Run ID: cf1 timed out after 5m0s

The whole log: az acr task logs --registry contosobuilds --run-id cf1

The run is kept in the state as tainted: the next apply runs again.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_somebody_cancels() {
    let sleeps = task("sleeps", None, "bash echo waiting && sleep 3000");
    let said = errors(
        lab(&[], &[sleeps]),
        "sleeps",
        json!({"log_tail_lines": 0}),
        async |emulator| {
            until_running(emulator).await;
            set_status(emulator, "Canceled");
        },
    )
    .await;
    assert_eq!(said, "Running task \"sleeps\" (registry \"contosobuilds\", resource group \"rg-builds\"): Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") ended as Canceled: somebody cancelled it.

The whole log: az acr task logs --registry contosobuilds --run-id cf1

The run is kept in the state as tainted: the next apply runs again.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_pool_is_deleted() {
    let sleeps = task("sleeps", Some("builds"), "bash echo waiting && sleep 3000");
    let said = errors(
        lab(&[pool(1)], &[sleeps]),
        "sleeps",
        json!({"log_tail_lines": 1}),
        async |emulator| {
            until_running(emulator).await;
            let pool = format!("{}/agentPools/builds", registry());
            emulator.mutate(&pool, Mutation::delete()).unwrap();
        },
    )
    .await;
    // How long it ran depends on this machine.
    let (before, after) = said.split_once(" failed after ").unwrap();
    let after = &after[after.find('.').unwrap()..];
    let said = format!("{before} failed after SOME TIME{after}");
    assert_eq!(said, "Running task \"sleeps\" (registry \"contosobuilds\", resource group \"rg-builds\"): Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") ended as Error: the agent pool of this run was deleted.

The last line of its log:

  Run ID: cf1 failed after SOME TIME. Error: the agent pool of this run was deleted

The whole log: az acr task logs --registry contosobuilds --run-id cf1

The run is kept in the state as tainted: the next apply runs again.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_log_cannot_be_read() {
    let fails = task("fails", None, "bash exit 1");
    let fault = json!([{"match": {"path_contains": "/listLogSasUrl"}, "action": {"respond": {"status": 403,
        "body": {"error": {"code": "AuthorizationFailed", "message": "no logs for you"}}}}}]);
    let options = Options {
        faults: serde_json::from_value(fault).unwrap(),
        ..lab(&[], &[fails])
    };
    let said = errors(options, "fails", json!({}), async |_| {}).await;
    let said = said.split("(correlation id").next().unwrap().to_owned();
    assert_eq!(said, "Running task \"fails\" (registry \"contosobuilds\", resource group \"rg-builds\"): Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") ended as Failed: failed during run, err: exit status 1.

The log of run \"cf1\" cannot be read: POST /subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds/runs/cf1/listLogSasUrl: HTTP 403: AuthorizationFailed: no logs for you ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_keeps_its_own_runs_out() {
    let seed = json!({"tasks": [task("greets", None, "bash echo hello")], "registries": [{"name": "contosobuilds",
        "resource_group": "rg-builds", "sku": "Premium", "properties": {"publicNetworkAccess": "Disabled"}}]});
    let said = errors(with(seed), "greets", json!({"log_tail_lines": 1}), async |_| {}).await;
    assert_eq!(said, "Running task \"greets\" (registry \"contosobuilds\", resource group \"rg-builds\"): Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") ended as Failed: failed to get ACR refresh token, exchange API response code: 403 Forbidden.

The last line of its log:

  Run ID: cf1 failed after 0s. Error: failed to get ACR refresh token, exchange API response code: 403 Forbidden

The registry's network rules keep the run out. Let it run on an agent pool in a subnet that the registry accepts; or, for a task with a system-assigned identity, set networkRuleBypassAllowedForTasks to true on the registry.

The whole log: az acr task logs --registry contosobuilds --run-id cf1

The run is kept in the state as tainted: the next apply runs again.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_its_time_leaves_behind() {
    let sleeps = task("sleeps", None, "bash echo waiting && sleep 3000");
    let more = json!({"log_tail_lines": 0, "timeouts": {"create": "3s"}});
    let said = errors(lab(&[], &[sleeps]), "sleeps", more, async |_| {}).await;
    assert_eq!(said, "Running task \"sleeps\" (registry \"contosobuilds\", resource group \"rg-builds\"): the time allowed is over (waited 3s)

The time for this operation is over; raise it in the resource's timeouts block if Azure needs longer.

Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") was cancelled: it ended as Canceled.

The run is kept in the state as tainted: the next apply runs again.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_never_starts() {
    let greets = task("greets", Some("builds"), "bash echo hello");
    let more = json!({"timeouts": {"create": "3s"}});
    let said = errors(lab(&[pool(0)], &[greets]), "greets", more, async |_| {}).await;
    assert_eq!(
        said,
        "Running task \"greets\" (registry \"contosobuilds\", resource group \"rg-builds\"): the time allowed is over (waited 3s)

The time for this operation is over; raise it in the resource's timeouts block if Azure needs longer.

Why it is queued: The pool has no machine (instance_count is 0), so that runs stay queued. Raise instance_count.

Run \"cf1\" (registry \"contosobuilds\", resource group \"rg-builds\") was cancelled: it ended as Canceled.

The run is kept in the state as tainted: the next apply runs again."
    );
}

#[test]
fn what_azure_does_not_document_makes_no_difference() {
    let mut disabled = task("greets", Some("builds"), "bash echo hello");
    disabled["properties"]["status"] = json!("Disabled");
    let assumed = json!({"disabled_task": "runs", "task_run_pool": "overrides", "lost_pool": "all_canceled",
        "unknown_pool": "queued", "patch_same_count": "noop", "id_casing": "recased"});
    let tasks = [disabled, task("sleeps", Some("builds"), "bash sleep 3000")];
    let world = world(with(
        json!({"agent_pools": [pool(0)], "tasks": tasks, "assumptions": assumed}),
    ));
    world.run_is("greets", "  scale {\n    instances = 1\n  }");
    world.apply();
    assert_eq!(world.run()["status"], "Succeeded");
    world.sandbox.plan_is_empty();

    // A pool that takes its runs with it.
    world.set("builds", "count", json!(1));
    let sandbox = world.another();
    sandbox.write("main.tf", &super::run("sleeps", ""));
    let running = sandbox.start(&["apply", "-auto-approve"]);
    world.until_scheduled(2);
    world.until_asked("/runs/cf2", 2);
    world.remove("builds");
    let run = running.wait(super::END);
    assert_ne!(run.code, Some(0), "{run}");
    run.says("Run \"cf2\"").says("ended as Canceled");
}

#[test]
fn a_failed_run_is_tainted_and_the_next_apply_runs_again() {
    let world = world(lab(&[], &[task("fails", None, "bash exit 1")]));
    world.run_is("fails", "");
    world.sandbox.fails(&["apply", "-auto-approve"]).says("ended as Failed");
    assert!(world.run_is_tainted());
    assert_eq!(world.run()["status"], "Failed");
    world
        .emulator
        .mutate(
            &task_id("fails"),
            Mutation::set("step", super::step("bash echo mended")),
        )
        .unwrap();
    let run = world.apply();
    run.says("1 added, 0 changed, 1 destroyed");
    assert!(!run.output().contains("earlier runs"), "{run}");
    assert_eq!(
        (&world.run()["status"], world.runs_scheduled()),
        (&json!("Succeeded"), 2)
    );
    world.sandbox.plan_is_empty();
}

#[test]
fn a_bad_end_that_is_not_in_fail_on_warns() {
    let world = world(lab(&[], &[task("fails", None, "bash echo boom && exit 1")]));
    world.run_is("fails", "  fail_on = [\"Error\", \"Timeout\"]");
    let run = world.apply();
    run.says("Warning: Running task \"fails\"")
        .says("boom")
        .says("Failed is not in fail_on");
    assert_eq!(world.run()["status"], "Failed");
    world.sandbox.plan_is_empty();
}

#[test]
fn a_success_without_a_readable_log_warns() {
    let world = world(lab(&[], &[task("greets", None, "bash echo hello")]));
    world.fault(
        json!({"match": {"path_contains": "/listLogSasUrl"}, "action": {"respond": {"status": 404,
        "body": {"error": {"code": "EntityNotFound", "message": "no log"}}}}}),
    );
    world.run_is("greets", "");
    world
        .apply()
        .says("is not all there")
        .says("The run itself has succeeded");
    assert_eq!(world.run()["status"], "Succeeded");
}

#[test]
fn what_azure_refuses_is_told_and_leaves_nothing() {
    let mut disabled = task("greets", None, "bash echo hello");
    disabled["properties"]["status"] = json!("Disabled");
    let world = world(lab(&[], &[disabled]));
    world.run_is("greets", "");
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("Running task \"greets\"")
        .says("TaskDisabled");
    assert_eq!(world.run(), Value::Null);
}
