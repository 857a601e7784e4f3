//! `scale`: a pool at zero is given machines for a run and put back, whatever comes of the run.

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Mutation, Options};

use super::{END, lab, pool, task, with, world};
use crate::agent_pool::{World, configuration, pool_id, registry};

const SCALE: &str = "  scale {\n    instances = 1\n  }";

/// The counts that the pool was asked to have.
fn counts(world: &World) -> Vec<i64> {
    let patches = world
        .emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.method == "PATCH" && entry.status == Some(201));
    let count = |body: Option<Value>| body.and_then(|body| body["properties"]["count"].as_i64());
    patches.filter_map(|entry| count(entry.request_body)).collect()
}

fn tasks() -> [Value; 3] {
    [
        task("greets", Some("builds"), "bash echo hello"),
        task("fails", Some("builds"), "bash exit 1"),
        task("sleeps", Some("builds"), "bash sleep 3000"),
    ]
}

#[test]
fn a_pool_at_zero_is_scaled_for_the_run_and_its_own_resource_sees_nothing() {
    let world = world(lab(&[pool(0)], &tasks()));
    let import = format!(
        "import {{\n  to = acr_agent_pool.p\n  id = \"{}\"\n}}\n",
        pool_id("builds")
    );
    let own = configuration(&registry(), "  instance_count = 0") + &import;
    world.sandbox.write("main.tf", &own);
    world.apply().says("1 imported");
    let task_run = super::run("greets", SCALE).replace(crate::agent_pool::HEADER, "");
    world.sandbox.write("main.tf", &format!("{own}{task_run}"));
    let plan = world.sandbox.ok(&["plan"]);
    assert!(!plan.output().contains("has no machine"), "{plan}");
    world.apply().says("1 added, 0 changed, 0 destroyed");
    assert_eq!(
        (counts(&world), &world.run()["status"]),
        (vec![1, 0], &json!("Succeeded"))
    );
    let refreshed = world.sandbox.ok(&["plan", "-refresh-only", "-detailed-exitcode"]);
    assert_eq!(refreshed.code, Some(0), "{refreshed}");
    world.sandbox.plan_is_empty();
}

#[test]
fn it_is_put_back_after_a_failure_too() {
    let world = world(lab(&[pool(0)], &tasks()));
    world.run_is("fails", SCALE);
    world.sandbox.fails(&["apply", "-auto-approve"]).says("ended as Failed");
    assert_eq!(counts(&world), [1, 0]);
}

#[test]
fn it_is_put_back_after_an_interrupt_too() {
    let world = world(lab(&[pool(0)], &tasks()));
    world.run_is("sleeps", SCALE);
    let running = world.sandbox.start(&["apply", "-auto-approve"]);
    world.until_scheduled(1);
    world.until_asked("/runs/cf1", 2);
    running.interrupt_group();
    let run = running.wait(END);
    assert_ne!(run.code, Some(0), "{run}");
    run.says("was cancelled: it ended as Canceled");
    assert_eq!(counts(&world), [1, 0], "{run}");
}

#[test]
fn it_is_put_back_when_nothing_was_scheduled() {
    let world = world(lab(&[pool(0)], &tasks()));
    world.fault(
        json!({"match": {"path_contains": "/scheduleRun"}, "action": {"respond": {"status": 403,
        "body": {"error": {"code": "AuthorizationFailed", "message": "no"}}}}}),
    );
    world.run_is("greets", SCALE);
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("AuthorizationFailed");
    assert_eq!(counts(&world), [1, 0]);
}

#[test]
fn a_pool_that_has_machines_is_left_alone() {
    let world = world(lab(&[pool(2)], &tasks()));
    world.run_is("greets", SCALE);
    world.apply();
    assert_eq!(counts(&world), Vec::<i64>::new());
    world.run_is(
        "greets",
        "  triggers = { n = 1 }\n  scale {\n    instances = 3\n    restore   = false\n  }",
    );
    world.apply();
    assert_eq!(counts(&world), [3], "and a pool that is not to be restored is not");
}

#[test]
fn whoever_else_uses_the_pool_keeps_it() {
    // Another run.
    let queued = json!({"registry": "contosobuilds", "run_id": "cf9", "status": "Queued", "agent_pool_name": "builds"});
    let first = world(with(
        json!({"agent_pools": [pool(0)], "tasks": tasks(), "runs": [queued]}),
    ));
    first.run_is("greets", SCALE);
    first
        .apply()
        .says("Agent pool \"builds\" is not put back")
        .says("was scaled from 0 machines to 1 machine for the run and is left as it is, because these runs are on it: cf9 (Queued)")
        .says("az acr agentpool update --registry contosobuilds --name builds --count 0");
    assert_eq!(counts(&first), [1]);

    // Another number.
    let second = world(lab(&[pool(0)], &tasks()));
    second.run_is("sleeps", SCALE);
    let running = second.sandbox.start(&["apply", "-auto-approve"]);
    second.until_scheduled(1);
    second.set("builds", "count", json!(4));
    let run = format!("{}/runs/cf1", registry());
    second
        .emulator
        .mutate(&run, Mutation::set("status", "Succeeded"))
        .unwrap();
    let ended = running.wait(END);
    assert_eq!(ended.code, Some(0), "{ended}");
    ended.says("its number of machines is 4 now: somebody else has changed it");
    assert_eq!(counts(&second), [1]);

    // A run of our own that cannot be cancelled.
    let third = world(with(
        json!({"agent_pools": [pool(0)], "tasks": tasks(), "assumptions": {"cancel_run": "refused_on_pools"}}),
    ));
    third.run_is("sleeps", &format!("{SCALE}\n  timeouts {{\n    create = \"6s\"\n  }}"));
    let ended = third.sandbox.fails(&["apply", "-auto-approve"]);
    ended
        .says("could not be cancelled")
        .says("is not put back")
        .says("these runs are on it: cf1 (Running)");
}

#[test]
fn runs_of_one_apply_share_the_machines() {
    let world = world(lab(&[pool(0)], &[task("sleeps", Some("builds"), "bash sleep 1")]));
    let one = super::run("sleeps", &format!("  for_each = toset([\"a\", \"b\", \"c\"])\n{SCALE}"));
    world.sandbox.write("main.tf", &one);
    let run = world.apply();
    run.says("3 added");
    assert!(!run.output().contains("Warning: Agent pool"), "{run}");
    assert_eq!((counts(&world), world.runs_scheduled()), (vec![1, 0], 3), "{run}");
}

#[test]
fn what_the_quota_forbids_is_refused_before_anything_is_written() {
    let world = world(lab(&[pool(0)], &tasks()));
    let sandbox = world
        .another()
        .env([("ACR_PREFLIGHT_QUOTA".to_owned(), "error".to_owned())]);
    sandbox.write(
        "main.tf",
        &super::run(
            "greets",
            "  scale {\n    instances = 9\n  }\n  timeouts {\n    create = \"6s\"\n  }",
        ),
    );
    // Apply reads again while there is time whether the quota is freed.
    let run = sandbox.fails(&["apply", "-auto-approve"]);
    run.says("16").says("vCPU");
    assert_eq!((counts(&world), world.runs_scheduled()), (Vec::new(), 0));
}

#[test]
fn after_a_kill_the_next_refresh_reports_what_is_left() {
    let world = world(Options {
        ..lab(&[pool(0)], &tasks())
    });
    let import = format!(
        "import {{\n  to = acr_agent_pool.p\n  id = \"{}\"\n}}\n",
        pool_id("builds")
    );
    let own = configuration(&registry(), "  instance_count = 0") + &import;
    world.sandbox.write("main.tf", &own);
    world.apply();
    let task_run = super::run("sleeps", SCALE).replace(crate::agent_pool::HEADER, "");
    world.sandbox.write("main.tf", &format!("{own}{task_run}"));
    let running = world.sandbox.start(&["apply", "-auto-approve"]);
    world.until_scheduled(1);
    running.kill();
    running.wait(END);
    let plan = world.sandbox.ok(&["plan", "-lock=false"]);
    plan.says("instance_count = 1 -> 0");
    // Also without a resource of its own the pool is not forgotten.
    let sandbox = world.another();
    sandbox.write(
        "main.tf",
        &super::run("sleeps", &format!("{SCALE}\n  timeouts {{\n    create = \"4s\"\n  }}")),
    );
    sandbox
        .fails(&["apply", "-auto-approve"])
        .says("There are earlier runs")
        .says("look at its number of machines");
}

#[test]
fn an_interrupt_while_azure_is_scaling_says_what_is_left() {
    let world = world(Options {
        provisioning: Duration::from_secs(3_600),
        ..lab(&[pool(0)], &tasks())
    });
    world.run_is("greets", SCALE);
    let running = world.sandbox.start(&["apply", "-auto-approve"]);
    let begun = std::time::Instant::now();
    while counts(&world).is_empty() {
        assert!(begun.elapsed() < END, "the pool was never scaled");
        std::thread::sleep(Duration::from_millis(20));
    }
    running.interrupt_group();
    let run = running.wait(END);
    assert_ne!(run.code, Some(0), "{run}");
    run.says("Scaling agent pool \"builds\"")
        .says("is not put back")
        .says("because Azure is still scaling it");
    assert_eq!((world.runs_scheduled(), world.run()), (0, Value::Null));
}

#[test]
fn a_cancelled_run_that_takes_a_moment_to_end_is_waited_for_before_the_pool_is_put_back() {
    let world = world(lab(&[pool(0)], &tasks()));
    world.run_is("sleeps", SCALE);
    let running = world.sandbox.start(&["apply", "-auto-approve"]);
    world.until_scheduled(1);
    world.until_asked("/runs/cf1", 2);
    let dying = json!({"name": "cf1", "properties": {"runId": "cf1", "status": "Running", "agentPoolName": "builds"}});
    let shown = |part: &str, body: Value, times: u32| {
        let fault = json!({"match": {"method": "GET", "path_ends": part}, "times": times,
            "action": {"respond": {"status": 200, "body": body}}});
        serde_json::from_value(fault).unwrap()
    };
    world.emulator.set_faults(vec![
        shown("/runs/cf1", dying.clone(), 2),
        shown("/runs", json!({"value": [dying]}), 3),
    ]);
    running.interrupt_group();
    let run = running.wait(END);
    assert_ne!(run.code, Some(0), "{run}");
    assert_eq!(counts(&world), [1, 0], "{run}");
    assert!(!run.output().contains("is not put back"), "{run}");
}

#[test]
fn a_scaling_that_never_reached_azure_leaves_nothing_to_put_back() {
    let world = world(lab(&[pool(0)], &tasks()));
    world.fault(json!({"match": {"method": "PATCH"}, "action": {"reset": true}}));
    world.run_is("greets", SCALE);
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("Scaling agent pool \"builds\"");
    assert!(!run.output().contains("is not put back"), "{run}");
    assert_eq!((counts(&world), world.runs_scheduled()), (Vec::new(), 0));
}

#[test]
fn a_pool_whose_number_of_machines_is_not_told_is_not_scaled() {
    let world = world(lab(&[pool(3)], &tasks()));
    let body = json!({"id": pool_id("builds"), "name": "builds",
        "properties": {"provisioningState": "Succeeded", "tier": "S1"}});
    world.fault(json!({"match": {"method": "GET", "path_ends": "/agentPools/builds"},
        "action": {"respond": {"status": 200, "body": body}}}));
    world.run_is("greets", SCALE);
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("Azure does not say how many machines it has")
        .says("Nothing was scheduled");
    assert_eq!((counts(&world), world.runs_scheduled()), (Vec::new(), 0));
}
