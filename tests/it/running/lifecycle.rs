//! A run that goes well: what is recorded, what runs anew and what does not.

use serde_json::{Value, json};

use super::{RUN, lab, pool, run, task, with, world};
use crate::{agent_pool::World, sandbox::Version};

#[test]
fn a_run_is_scheduled_once_waited_for_and_recorded() {
    for version in Version::both() {
        let world = World::with(
            version,
            lab(&[pool(1)], &[task("greets", Some("builds"), "bash echo hello")]),
        );
        world.run_is("greets", "  store_log_tail = true");
        let applied = world.apply();
        applied.says("1 added, 0 changed, 0 destroyed");
        let state = world.run();
        assert_eq!(
            (&state["run_id"], &state["status"]),
            (&json!("cf1"), &json!("Succeeded"))
        );
        assert_eq!(state["id"], format!("{}/runs/cf1", super::registry()));
        assert_eq!(
            (&state["error_message"], &state["output_images"]),
            (&Value::Null, &json!([]))
        );
        for time in ["created_at", "started_at", "finished_at"] {
            assert!(
                state[time].as_str().is_some_and(|text| text.contains('T')),
                "{time}: {state}"
            );
        }
        assert!(state["duration_seconds"].is_number(), "{state}");
        let log = state["log_tail"].as_str().unwrap();
        assert!(
            log.contains("hello") && log.contains("Run ID: cf1 was successful"),
            "{log}"
        );
        world.sandbox.plan_is_empty();

        // What is Terraform's own changes in place, and a log that is not to be stored goes.
        world.run_is(
            "greets",
            "  log_tail_lines = 3\n  fail_on = [\"Failed\"]\n  wait = false",
        );
        world.apply().says("0 added, 1 changed, 0 destroyed");
        assert_eq!(world.run()["log_tail"], Value::Null);
        assert_eq!(world.runs_scheduled(), 1);

        // What is the run's runs anew.
        world.run_is("greets", "  triggers = { sources = \"2\" }");
        let again = world.apply();
        again.says("1 added, 0 changed, 1 destroyed");
        assert!(
            !again.output().contains("earlier runs"),
            "the first run is known\n{again}"
        );
        assert_eq!((&world.run()["run_id"], world.runs_scheduled()), (&json!("cf2"), 2));
        world.sandbox.plan_is_empty();
        world.sandbox.ok(&["destroy", "-auto-approve"]);
        assert!(world.asked("/cancel").is_empty(), "nothing was left to cancel");
    }
}

#[test]
fn overrides_reach_the_run() {
    let world = world(lab(
        &[],
        &[task("greets", None, "bash echo \"{{.Values.who}} {{.Values.what}}\"")],
    ));
    let arguments = "  values = { who = \"world\" }\n  secret_values_wo = { what = \"hush-hush-hush\" }\n  secret_values_wo_version = 1\n  store_log_tail = true";
    world.run_is("greets", arguments);
    world.apply();
    let log = world.run()["log_tail"].as_str().unwrap().to_owned();
    assert!(log.contains("world ***") && !log.contains("hush-hush-hush"), "{log}");
    world.sandbox.plan_is_empty();
    world.run_is("greets", &arguments.replace("version = 1", "version = 2"));
    world.apply().says("1 added, 0 changed, 1 destroyed");
}

#[test]
fn pushed_images_are_told_with_their_digests() {
    let docker = json!({"registry": "contosobuilds", "name": "image", "properties": {"step": {"type": "Docker",
        "contextPath": "https://github.com/contoso/app.git", "dockerFilePath": "Dockerfile", "imageNames": ["app:{{.Run.ID}}"],
        "isPushEnabled": true}}});
    let world = world(lab(&[], &[docker]));
    world.run_is("image", "  target = \"release\"\n  arguments = { A = \"b\" }");
    world.apply();
    let images = world.run()["output_images"].clone();
    assert_eq!(
        (&images[0]["registry"], &images[0]["repository"], &images[0]["tag"]),
        (&json!("contosobuilds.azurecr.io"), &json!("app"), &json!("cf1"))
    );
    assert!(images[0]["digest"].as_str().unwrap().starts_with("sha256:"), "{images}");
}

#[test]
fn a_system_task_runs_too() {
    let quick = json!({"registry": "contosobuilds", "name": "quicktask", "properties": {"isSystemTask": true}});
    let world = world(lab(&[], &[quick]));
    world.run_is("quicktask", "");
    world.apply();
    assert_eq!(world.run()["status"], "Succeeded");
}

#[test]
fn a_run_that_nobody_waits_for_is_queued_and_refreshed() {
    let world = world(lab(&[], &[task("fails", None, "bash exit 1")]));
    world.run_is("fails", "  wait = false");
    world.apply();
    let state = world.run();
    assert!(
        ["Queued", "Started", "Running"].contains(&state["status"].as_str().unwrap()),
        "{state}"
    );
    assert_ne!(state["created_at"], Value::Null);
    std::thread::sleep(RUN * 3);
    let refreshed = world.sandbox.ok(&["apply", "-refresh-only", "-auto-approve"]);
    refreshed.says("Run \"cf1\" ended as Failed").says("failed during run");
    assert_eq!(world.run()["status"], "Failed");
    // It is told once, and runs anew only when it is asked to.
    let plan = world.sandbox.ok(&["plan", "-detailed-exitcode"]);
    assert!(!plan.output().contains("ended as Failed"), "{plan}");
    assert_eq!(world.runs_scheduled(), 1);
}

#[test]
fn an_expired_record_runs_nothing() {
    let world = world(lab(&[], &[task("greets", None, "bash echo hello")]));
    world.run_is("greets", "");
    world.apply();
    let before = world.run();
    let run = format!("{}/runs/cf1", super::registry());
    world
        .emulator
        .mutate(&run, terraform_provider_acr::emulator::Mutation::delete())
        .unwrap();
    world.sandbox.plan_is_empty();
    world.sandbox.ok(&["apply", "-refresh-only", "-auto-approve"]);
    assert_eq!((world.run(), world.runs_scheduled()), (before, 1));

    // Also when nobody saw the end.
    world.run_is("greets", "  triggers = { again = 1 }\n  wait = false");
    world.apply();
    let run = run.replace("cf1", world.run()["run_id"].as_str().unwrap());
    world
        .emulator
        .mutate(&run, terraform_provider_acr::emulator::Mutation::delete())
        .unwrap();
    let plan = world.sandbox.ok(&["plan", "-detailed-exitcode"]);
    plan.says("is not known");
    assert_eq!(world.runs_scheduled(), 2);
}

#[test]
fn destroying_cancels_what_has_not_ended() {
    for (refuses, says) in [(false, None), (true, Some("could not be cancelled"))] {
        let refused = if refuses { "refused_on_pools" } else { "accepted" };
        let world = world(with(
            json!({"agent_pools": [pool(1)], "assumptions": {"cancel_run": refused},
            "tasks": [task("sleeps", Some("builds"), "bash sleep 3000")]}),
        ));
        world.run_is("sleeps", "  wait = false");
        world.apply();
        let destroyed = world.sandbox.ok(&["destroy", "-auto-approve"]);
        if let Some(says) = says {
            destroyed.says(says).says("az acr task cancel-run");
        }
        assert_eq!(world.asked("/cancel").len(), 1);
    }
    let world = world(lab(&[], &[task("sleeps", None, "bash sleep 3000")]));
    world.run_is("sleeps", "  wait = false\n  cancel_on_interrupt = false");
    world.apply();
    world.sandbox.ok(&["destroy", "-auto-approve"]);
    assert!(world.asked("/cancel").is_empty());
}

#[test]
fn mistakes_are_found_before_anything_is_asked() {
    let world = world(lab(&[], &[task("greets", None, "bash echo hello")]));
    for (arguments, says) in [
        (
            "  fail_on = [\"Failure\"]",
            "\"Failure\" is no status of a run that has ended badly",
        ),
        ("  fail_on = [\"failed\"]", "Did you mean \"Failed\"?"),
        ("  log_tail_lines = -1", "not a whole number from 0 to 1000"),
        ("  file = \"\"", "Leave the argument out"),
        ("  context_path = \"../app\"", "Invalid context"),
        (
            "  context_path = \"https://me:hush@github.com/contoso/app.git\"",
            "Invalid context",
        ),
        ("  scale {\n    instances = 0\n  }", "A run needs a machine"),
        (
            "  wait = false\n  scale {\n    instances = 1\n  }",
            "Nobody puts the pool back",
        ),
        (
            "  values = { a = 1 }\n  secret_values_wo = { a = 2 }\n  secret_values_wo_version = 1",
            "\"a\" is in values and in",
        ),
        (
            "  secret_arguments_wo = { a = 2 }",
            "Write-only argument without a version",
        ),
        ("  timeouts {\n    create = \"1 hour\"\n  }", "Invalid duration"),
    ] {
        world.run_is("greets", arguments);
        world.sandbox.fails(&["validate"]).says(says);
    }
    world
        .sandbox
        .write("main.tf", &run("greets", "").replace("/tasks/", "/agentPools/"));
    world.sandbox.fails(&["validate"]).says("Invalid task id");
    assert!(world.asked("/").is_empty(), "{:?}", world.asked("/"));

    // A scale block needs a pool, and a run needs a task.
    world.run_is("greets", "  scale {\n    instances = 1\n  }");
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("There is no agent pool to scale");
    world.run_is("other", "");
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("The task does not exist");
    assert_eq!(world.runs_scheduled(), 0);
}
