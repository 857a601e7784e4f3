//! Which runs an earlier apply may have left.

use serde_json::json;
use time::macros::datetime;

use super::REGISTRY;
use crate::{
    acr::run::{
        Run, RunRequest, Work,
        request::{DockerBuild, Frame, Overrides, Platform, TaskRun},
    },
    provider::running::earlier::{listed, may_be_ours, suspects},
};

fn task() -> RunRequest {
    RunRequest::new(Work::Task(TaskRun {
        task_id: format!("{REGISTRY}/tasks/nightly"),
        overrides: Overrides::default(),
    }))
}

fn build(images: &[&str]) -> RunRequest {
    RunRequest::new(Work::DockerBuild(DockerBuild {
        image_names: images.iter().map(|name| (*name).to_owned()).collect(),
        is_push_enabled: true,
        no_cache: false,
        docker_file_path: "Dockerfile".into(),
        target: None,
        arguments: Vec::new(),
        frame: Frame {
            timeout: None,
            platform: Platform::default(),
            agent_configuration: None,
            source_location: None,
            credentials: None,
        },
    }))
}

#[test]
fn earlier_runs_that_an_apply_may_have_left() {
    let now = datetime!(2026-11-24 10:00:00 UTC);
    let image = json!([{"repository": "app", "tag": "v1"}]);
    let (nightly, app, other) = (task(), build(&["app:v1"]), build(&["builds.azurecr.io/app:v2"]));
    let (soon, long_ago) = ("2026-11-24T09:50:00Z", "2026-11-24T09:40:00Z");
    let own = json!([{"registry": "builds.azurecr.io", "repository": "app", "tag": "v1"}]);
    let (full, foreign) = (
        build(&["Builds.azurecr.io/app:v1"]),
        build(&["other.azurecr.io/app:v1"]),
    );
    for (run, request, suspect) in [
        (
            json!({"status": "Running", "task": "Nightly", "createTime": long_ago}),
            &nightly,
            true,
        ),
        (json!({"status": "Queued", "task": "nightly"}), &nightly, true),
        (json!({"status": "Running", "task": "weekly"}), &nightly, false),
        (json!({"status": "Running"}), &nightly, false),
        (
            json!({"status": "Running", "task": "nightly", "timerTrigger": {"timerTriggerName": "t"}}),
            &nightly,
            false,
        ),
        (
            json!({"status": "Failed", "task": "nightly", "createTime": long_ago, "finishTime": soon}),
            &nightly,
            true,
        ),
        (
            json!({"status": "Failed", "task": "nightly", "createTime": long_ago, "finishTime": long_ago}),
            &nightly,
            false,
        ),
        (json!({"status": "Failed", "task": "nightly"}), &nightly, false),
        (json!({"status": "Running"}), &app, true),
        (json!({"status": "Running", "task": "nightly"}), &app, false),
        (
            json!({"status": "Succeeded", "finishTime": soon, "outputImages": image}),
            &app,
            true,
        ),
        (
            json!({"status": "Succeeded", "finishTime": soon, "outputImages": image}),
            &other,
            false,
        ),
        (json!({"status": "Failed", "finishTime": soon}), &app, false),
        (
            json!({"status": "Succeeded", "finishTime": soon, "outputImages": own}),
            &app,
            true,
        ),
        (
            json!({"status": "Succeeded", "finishTime": soon, "outputImages": own}),
            &full,
            true,
        ),
        (
            json!({"status": "Succeeded", "finishTime": soon, "outputImages": own}),
            &foreign,
            false,
        ),
    ] {
        let seen: Run = serde_json::from_value(run.clone()).unwrap();
        assert_eq!(may_be_ours(&seen, request, now), suspect, "{run}");
    }
}

#[test]
fn what_an_earlier_apply_has_told_is_not_told_again() {
    let now = datetime!(2026-11-24 10:00:00 UTC);
    let run = |id: &str, status: &str| -> Run {
        let images = (status == "Succeeded").then(|| json!([{"repository": "app", "tag": "latest"}]));
        let run = json!({"runId": id, "status": status, "finishTime": "2026-11-24T09:50:00Z", "outputImages": images});
        serde_json::from_value(run).unwrap()
    };
    let runs = [
        run("cf6", "Succeeded"),
        run("cf5", "Failed"),
        run("cf4", "Succeeded"),
        run("cf3", "Succeeded"),
        run("cf2", "Running"),
    ];
    let ids = |ours: &str, replaces: bool| -> Vec<String> {
        let found = suspects(&runs, &build(&["app"]), now, |run| run.run_id == ours, replaces);
        found.iter().map(|run| run.run_id.clone()).collect()
    };
    assert_eq!(ids("none", false), ["cf6", "cf4", "cf3", "cf2"]);
    assert_eq!(ids("cf4", false), ["cf6", "cf2"]);
    // A build that failed has pushed nothing, and its apply has told of what was before it all the same.
    assert_eq!(ids("cf5", false), ["cf6", "cf2"]);
    // What has a recorded run was not broken off: nothing that has ended is left over from it.
    assert_eq!(ids("none", true), ["cf2"]);
}

#[test]
fn lists_of_runs_end_somewhere() {
    let run = |number: usize| Run {
        run_id: format!("cf{number}"),
        status: "Queued".into(),
        create_time: (number == 1).then(|| "2026-11-24T10:00:00Z".into()),
        ..Run::default()
    };
    let runs: Vec<Run> = (1..=12).map(run).collect();
    let text = listed(&runs.iter().collect::<Vec<_>>());
    assert!(
        text.starts_with("  cf1: Queued, created 2026-11-24T10:00:00Z\n  cf2: Queued\n"),
        "{text}"
    );
    assert!(text.ends_with("  cf10: Queued\n  and 2 more"), "{text}");
}
