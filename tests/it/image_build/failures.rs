//! Builds that fail, are interrupted, or are killed: what is said, and what the next apply does.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use terraform_provider_acr::emulator::Options;

use super::{LOCAL, NAMES, build, configure, options, requests, scheduled, world, world_with};
use crate::{
    agent_pool::{World, registry},
    sandbox::{Run, Version},
};

/// How long an interrupted Terraform may take to end: far more than it needs.
const END: Duration = Duration::from_secs(60);

fn fails(world: &World) -> Run {
    world.sandbox.fails(&["apply", "-auto-approve"])
}

fn is_tainted(world: &World) -> bool {
    let state = world.sandbox.state();
    let resources = state["resources"].as_array().cloned().unwrap_or_default();
    let build = resources.iter().find(|it| it["type"] == "acr_image_build");
    build.is_some_and(|it| it["instances"][0]["status"] == "tainted")
}

/// The message of a failed apply as a user reads it, without what differs from run to run.
fn message(run: &Run) -> String {
    let output = run.output();
    let from = output
        .find("Error: ")
        .unwrap_or_else(|| panic!("there is no error in\n{run}"));
    let text = output[from..].split("\n---").next().unwrap_or_default();
    let mut lines = Vec::new();
    for line in text.lines() {
        // Terraform frames messages with bars where it prints to a terminal, and with nothing here.
        let mut line = line.trim_end().to_owned();
        let has_time = line
            .trim_start()
            .get(..5)
            .is_some_and(|it| it.starts_with("20") && it.ends_with('/'));
        if has_time {
            let begin = line.len() - line.trim_start().len();
            line.replace_range(begin..(begin + 19).min(line.len()), "TIME");
        }
        if let Some(at) = line.find(" after ")
            && line.trim_start().starts_with("Run ID")
        {
            line.replace_range(at + 7..(at + 9).min(line.len()), "Ns");
        }
        lines.push(line);
    }
    lines.join("\n").trim_end().to_owned()
}

/// Compares with a text that was read by a person; `UPDATE_EXPECT=1` writes it.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/fixtures/image_build/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, format!("{text}\n")).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected.trim_end(), "{name} differs from {path}");
}

#[test]
fn a_failing_step_shows_the_log() {
    for version in Version::both() {
        let world = world(version);
        world
            .sandbox
            .write("app/Dockerfile", "FROM scratch\nRUN echo before\nRUN exit 3\n");
        configure(
            &world,
            LOCAL,
            "  agent_pool_name = acr_agent_pool.p.name\n  image_names = [\"app:v1\"]",
        );
        let run = fails(&world);
        if version == Version::Newest {
            golden("failing_step", &message(&run));
        }
        assert!(is_tainted(&world), "{run}");
        assert_eq!(
            (build(&world)["status"].as_str(), build(&world)["run_id"].as_str()),
            (Some("Failed"), Some("cf1"))
        );
        // Mended, it is built anew.
        world.sandbox.write("app/Dockerfile", "FROM scratch\n");
        world.apply().says("1 added, 0 changed, 1 destroyed");
        world.sandbox.plan_is_empty();
    }
}

#[test]
fn a_missing_dockerfile_is_told_at_plan_or_by_the_run() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, &format!("{NAMES}\n  dockerfile = \"docker/Dockerfile\""));
    let run = world.sandbox.fails(&["plan"]);
    run.says("The Dockerfile cannot be read")
        .says("docker/Dockerfile")
        .says("relative to the context");
    // In a repository only the run can tell.
    let url = "url = \"https://github.com/contoso/app.git\"";
    configure(&world, url, &format!("{NAMES}\n  dockerfile = \"missing/Dockerfile\""));
    golden("missing_dockerfile", &message(&fails(&world)));
    configure(&world, "url = \"https://github.com/contoso/missing.git\"", NAMES);
    golden("missing_repository", &message(&fails(&world)));
}

#[test]
fn a_context_that_is_not_there_is_told_at_plan() {
    let world = world(Version::Newest);
    configure(&world, "path = \"nowhere\"", NAMES);
    world
        .sandbox
        .fails(&["plan"])
        .says("The build's context cannot be read")
        .says("nowhere");
    configure(&world, "path = \"app/Dockerfile\"", NAMES);
    world.sandbox.fails(&["plan"]).says("is not a folder");
    assert_eq!(scheduled(&world), 0);
}

#[test]
fn a_pool_at_zero_is_told_at_plan_and_refused_before_anything_is_uploaded() {
    let world = world(Version::Newest);
    let pool = format!(
        "resource \"acr_agent_pool\" \"p\" {{\n  name = \"builds\"\n  registry_id = \"{}\"\n  instance_count = 0\n}}\n",
        registry()
    );
    let arguments = format!("{NAMES}\n  agent_pool_name = \"builds\"");
    let build = super::configuration(LOCAL, &arguments);
    world.sandbox.write(
        "main.tf",
        &format!("{build}\n{pool}").replace(
            "  agent_pool_name = \"builds\"",
            "  agent_pool_name = acr_agent_pool.p.name",
        ),
    );
    world
        .sandbox
        .ok(&["plan"])
        .says("The agent pool has no machine")
        .says("Apply will be refused");
    fails(&world).says("is at zero").says("scale {");
    assert_eq!(
        (
            scheduled(&world),
            requests(&world, "POST", "/listBuildSourceUploadUrl").len()
        ),
        (0, 0)
    );
    let scaled = arguments.replace("\"builds\"", "acr_agent_pool.p.name") + "\n  scale {\n    instances = 1\n  }";
    world.sandbox.write(
        "main.tf",
        &format!(
            "{}\n{pool}",
            super::configuration(LOCAL, &scaled).replacen(&with_one_machine(), "", 1)
        ),
    );
    let plan = world.sandbox.ok(&["plan"]);
    let applied = world.apply();
    applied.says("1 added");
    for run in [plan, applied] {
        assert!(!run.output().contains("has no machine"), "the run scales it\n{run}");
    }
    world.sandbox.plan_is_empty();
}

#[test]
fn scaling_without_a_pool_is_refused_before_anything_is_planned() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, &format!("{NAMES}\n  scale {{\n    instances = 1\n  }}"));
    let run = world.sandbox.fails(&["validate"]);
    run.says("There is no agent pool to scale").says(":     instances = 1");
}

/// The pool that `configuration` writes before a build that names it.
fn with_one_machine() -> String {
    format!(
        "resource \"acr_agent_pool\" \"p\" {{\n  name = \"builds\"\n  registry_id = \"{}\"\n}}\n",
        registry()
    )
}

/// Waits until a run is under way; gives up where an interrupted Terraform would be given up, too.
#[track_caller]
fn until_scheduled(world: &World, runs: usize) {
    let begun = Instant::now();
    while scheduled(world) < runs {
        assert!(begun.elapsed() < END, "run {runs} was never asked for");
        thread::sleep(Duration::from_millis(20));
    }
    // The answer has to arrive, too.
    thread::sleep(Duration::from_millis(200));
}

#[test]
fn an_interrupt_cancels_the_run() {
    for version in Version::both() {
        let slow = Options {
            run_duration: Duration::from_secs(3_600),
            ..options()
        };
        let world = world_with(version, slow);
        configure(&world, LOCAL, NAMES);
        let running = world.sandbox.start(&["apply", "-auto-approve"]);
        until_scheduled(&world, 1);
        running.interrupt_group();
        let run = running.wait(END);
        assert_ne!(run.code, Some(0), "{run}");
        run.says("cf1").says("was cancelled");
        assert!(is_tainted(&world), "{run}");
        assert_eq!(build(&world)["status"], "Canceled");
        assert_eq!(requests(&world, "POST", "/runs/cf1/cancel").len(), 1);
    }
}

#[test]
fn a_killed_provider_is_followed_by_another_build_that_names_the_first() {
    for version in Version::both() {
        let slow = Options {
            run_duration: Duration::from_secs(3_600),
            ..options()
        };
        let world = world_with(version, slow);
        configure(&world, LOCAL, NAMES);
        let running = world.sandbox.start(&["apply", "-auto-approve"]);
        until_scheduled(&world, 1);
        running.kill_providers();
        let run = running.wait(END);
        assert_ne!(run.code, Some(0), "{run}");
        assert_eq!(build(&world), json!(null), "nothing is recorded as ours\n{run}");

        // The first run goes on; the second one is ours.
        let again = world.sandbox.start(&["apply", "-auto-approve"]);
        until_scheduled(&world, 2);
        world.emulator.advance(Duration::from_secs(2 * 3_600));
        let run = again.wait(END);
        assert_eq!(run.code, Some(0), "{run}");
        run.says("There are earlier runs of the build of app:v1")
            .says("  cf1: ");
        assert!(!run.output().contains("  cf2: "), "our own is none of them\n{run}");
        assert_eq!(build(&world)["run_id"], "cf2");
        world.sandbox.plan_is_empty();
    }
}

#[test]
fn a_lost_answer_is_not_repeated_and_nothing_is_taken_for_ours() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, NAMES);
    world.fault(json!({"match": {"method": "POST", "path_ends": "/scheduleRun"}, "times": 1, "applied": true, "action": {"reset": true}}));
    let run = fails(&world);
    run.says("a run may have begun all the same").says("  cf1: ");
    assert_eq!((scheduled(&world), build(&world)), (1, json!(null)));
    // The next apply says the same of it, and builds.
    world
        .apply()
        .says("There are earlier runs of the build of app:v1")
        .says("  cf1: ");
    assert_eq!((scheduled(&world), build(&world)["run_id"].as_str()), (2, Some("cf2")));
}

#[test]
fn an_upload_outlasts_passing_faults() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, NAMES);
    let blob = |times: u32, action: serde_json::Value| {
        let of = json!({"method": "PUT", "path_contains": "/tasks-source/"});
        serde_json::from_value(json!({"match": of, "times": times, "action": action})).unwrap()
    };
    let place = json!({"match": {"method": "POST", "path_contains": "/listBuildSourceUploadUrl"}, "times": 1, "action": {"respond": {"status": 503}}});
    world.emulator.set_faults(vec![
        serde_json::from_value(place).unwrap(),
        blob(1, json!({"reset": true})),
        blob(1, json!({"respond": {"status": 500}})),
        // The signature is refused: another place is asked for.
        blob(1, json!({"respond": {"status": 403}})),
    ]);
    world.apply().says("1 added");
    assert_eq!(world.emulator.faults_fired(), 4);
    assert_eq!(
        (scheduled(&world), build(&world)["status"].as_str()),
        (1, Some("Succeeded"))
    );
    let places = requests(&world, "POST", "/listBuildSourceUploadUrl");
    let mut ids: Vec<_> = places
        .iter()
        .filter(|it| it.status == Some(200))
        .map(|it| it.correlation_id.clone())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 2, "each place has a correlation id of its own");
}

#[test]
fn a_failed_upload_schedules_nothing() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, NAMES);
    world.fault(
        json!({"match": {"method": "POST", "path_contains": "/listBuildSourceUploadUrl"},
        "action": {"respond": {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no"}}}}}),
    );
    fails(&world)
        .says("Uploading the build's context")
        .says("AuthorizationFailed");
    assert_eq!(scheduled(&world), 0);
    assert_eq!(build(&world), json!(null));
}
