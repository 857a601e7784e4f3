//! A build from plan to destroy.

use serde_json::{Value, json};

use super::{BUILD, LOCAL, NAMES, build, configure, requests, scheduled, world};
use crate::{agent_pool::change, sandbox::Version};

#[test]
fn a_local_context_is_built_on_the_pool() {
    for version in Version::both() {
        let world = world(version);
        let arguments = "  agent_pool_name = acr_agent_pool.p.name\n  image_names = [\"app:v1\", \"team/app\"]\n  store_log_tail = true";
        configure(&world, LOCAL, arguments);
        world.sandbox.ok(&["plan", "-out", "saved"]);
        let planned = change(&world.sandbox.show_json(Some("saved")), BUILD);
        let hash = planned["after"]["source_hash"].clone();
        assert_eq!(hash.as_str().map(str::len), Some(64), "known at plan: {planned}");
        assert_eq!(planned["after_unknown"]["image_digests"], true);
        let applied = world.sandbox.ok(&["apply", "saved"]);
        applied.says("2 added");
        // The one about development overrides is Terraform's own.
        assert_eq!(applied.output().matches("Warning:").count(), 1, "{applied}");

        let built = build(&world);
        assert_eq!((&built["status"], &built["source_hash"]), (&json!("Succeeded"), &hash));
        assert_eq!(
            (&built["run_id"], &built["error_message"]),
            (&json!("cf1"), &Value::Null)
        );
        let digest = |name: &str| built["image_digests"][name].as_str().unwrap_or_default().to_owned();
        assert!(
            digest("app:v1").starts_with("sha256:") && digest("team/app").starts_with("sha256:"),
            "{built}"
        );
        assert_eq!(built["output_images"].as_array().unwrap().len(), 2);
        let log = built["log_tail"].as_str().unwrap();
        assert!(
            log.contains("Step 2/3 : RUN echo hello") && log.contains("was successful"),
            "{log}"
        );

        // What was asked for, and how it got there.
        let asked = requests(&world, "POST", "/scheduleRun")[0]
            .request_body
            .clone()
            .unwrap();
        assert_eq!(
            (
                &asked["agentPoolName"],
                &asked["dockerFilePath"],
                &asked["isPushEnabled"]
            ),
            (&json!("builds"), &json!("Dockerfile"), &json!(true))
        );
        assert_eq!(asked["platform"], json!({"os": "Linux", "architecture": "amd64"}));
        let places = requests(&world, "POST", "/listBuildSourceUploadUrl");
        let correlation = places[0].correlation_id.clone().unwrap();
        assert!(
            asked["sourceLocation"].as_str().unwrap().contains(&correlation),
            "{asked}"
        );
        assert_ne!(
            requests(&world, "POST", "/scheduleRun")[0].correlation_id,
            Some(correlation)
        );

        world.sandbox.plan_is_empty();
        let images = world.emulator.live_ids();
        let destroyed = world.sandbox.ok(&["destroy", "-auto-approve"]);
        destroyed.says("2 destroyed");
        assert_eq!(scheduled(&world), 1, "destroying runs nothing");
        assert!(images.len() > world.emulator.live_ids().len(), "the pool is gone");
    }
}

#[test]
fn a_git_repository_is_built_where_it_is() {
    for version in Version::both() {
        let world = world(version);
        let url = "https://github.com/contoso/app.git#main:src";
        configure(
            &world,
            &format!("url = {url:?}"),
            "  agent_pool_name = acr_agent_pool.p.name\n  image_names = [\"app:{{.Run.ID}}\"]",
        );
        world.apply().says("2 added");
        let built = build(&world);
        assert_eq!(
            (&built["status"], &built["source_hash"]),
            (&json!("Succeeded"), &Value::Null)
        );
        assert!(built["image_digests"]["app:cf1"].is_string(), "{built}");
        assert_eq!(requests(&world, "POST", "/listBuildSourceUploadUrl").len(), 0);
        let asked = requests(&world, "POST", "/scheduleRun")[0]
            .request_body
            .clone()
            .unwrap();
        assert_eq!(asked["sourceLocation"], url);
        world.sandbox.plan_is_empty();
        world.destroy();
    }
}

#[test]
fn what_only_terraform_keeps_changes_in_place() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, NAMES);
    world.apply();
    let before = build(&world);
    for more in [
        "log_tail_lines = 3",
        "timeout_in_seconds = 600",
        "store_log_tail = true",
        "wait = false",
        "fail_on = []",
    ] {
        configure(&world, LOCAL, &format!("{NAMES}\n  {more}"));
        world.apply().says("0 added, 1 changed, 0 destroyed");
        world.sandbox.plan_is_empty();
    }
    let after = build(&world);
    for kept in [
        "run_id",
        "status",
        "error_message",
        "image_digests",
        "output_images",
        "finished_at",
        "log_tail",
    ] {
        assert_eq!(before[kept], after[kept], "{kept}");
    }
    assert_eq!(scheduled(&world), 1);
}

#[test]
fn a_build_whose_record_has_expired_stays() {
    let world = world(Version::Newest);
    configure(&world, LOCAL, NAMES);
    world.apply();
    let before = build(&world);
    let run = format!("{}/runs/cf1", crate::agent_pool::registry());
    world
        .emulator
        .mutate(&run, terraform_provider_acr::emulator::Mutation::delete())
        .unwrap();
    world.sandbox.ok(&["apply", "-refresh-only", "-auto-approve"]);
    assert_eq!(build(&world), before);
    world.sandbox.plan_is_empty();
    assert_eq!(scheduled(&world), 1);
    world.destroy();
}

#[test]
fn destroying_cancels_what_nobody_waits_for() {
    let world = super::world_with(Version::Newest, slow());
    for (more, cancels) in [("", 1), ("\n  cancel_on_interrupt = false", 1)] {
        configure(&world, LOCAL, &format!("{NAMES}\n  wait = false{more}"));
        world.apply().says("1 added");
        world.destroy();
        assert_eq!(requests(&world, "POST", "/cancel").len(), cancels, "{more}");
    }
}

#[test]
fn without_waiting_the_run_is_recorded_and_followed_by_refreshes() {
    let world = super::world_with(Version::Newest, slow());
    configure(&world, LOCAL, &format!("{NAMES}\n  wait = false"));
    world.apply().says("1 added");
    assert_eq!(build(&world)["status"], "Queued");
    world.emulator.advance(slow().run_duration * 2);
    world.sandbox.ok(&["apply", "-refresh-only", "-auto-approve"]);
    let built = build(&world);
    assert_eq!(built["status"], "Succeeded");
    assert!(built["image_digests"]["app:v1"].is_string(), "{built}");
    world.sandbox.plan_is_empty();
}

/// Runs that go on for longer than any test.
fn slow() -> terraform_provider_acr::emulator::Options {
    terraform_provider_acr::emulator::Options {
        run_duration: std::time::Duration::from_secs(3_600),
        ..super::options()
    }
}

#[test]
fn replacing_cancels_what_nobody_waits_for() {
    for version in Version::both() {
        let world = super::world_with(version, slow());
        configure(&world, LOCAL, &format!("{NAMES}\n  wait = false"));
        world.apply().says("1 added");
        world.sandbox.write("app/app.txt", "two");
        world.apply().says("1 added, 0 changed, 1 destroyed");
        assert_eq!(requests(&world, "POST", "/runs/cf1/cancel").len(), 1);
        assert_eq!((scheduled(&world), build(&world)["run_id"].as_str()), (2, Some("cf2")));
        world.sandbox.plan_is_empty();
        world.destroy();
        assert_eq!(requests(&world, "POST", "/runs/cf2/cancel").len(), 1);
    }
}

#[test]
fn a_build_that_nobody_waited_for_and_that_failed_is_told_by_a_refresh() {
    for version in Version::both() {
        let world = super::world_with(version, slow());
        world.sandbox.write("app/Dockerfile", "FROM scratch\nRUN exit 3\n");
        configure(&world, LOCAL, &format!("{NAMES}\n  wait = false"));
        world.apply().says("1 added");
        world.emulator.advance(slow().run_duration * 2);
        world
            .sandbox
            .ok(&["apply", "-refresh-only", "-auto-approve"])
            .says("Run \"cf1\" ended as Failed")
            .says("use -replace");
        assert_eq!(build(&world)["status"], "Failed");
        world.sandbox.plan_is_empty();
        world
            .sandbox
            .ok(&["apply", "-replace", BUILD, "-auto-approve"])
            .says("1 added, 0 changed, 1 destroyed");
        assert_eq!(requests(&world, "POST", "/cancel").len(), 0, "it had ended");
    }
}

#[test]
fn a_build_whose_folder_is_gone_can_be_destroyed() {
    for version in Version::both() {
        let world = world(version);
        configure(&world, LOCAL, NAMES);
        world.apply().says("1 added");
        std::fs::remove_dir_all(world.sandbox.path().join("app")).unwrap();
        let plan = world.sandbox.ok(&["plan"]);
        plan.says("The build's context is not there any more")
            .says("No changes");
        // What has changed as well would be built, and cannot be.
        configure(&world, LOCAL, "  image_names = [\"app:v2\"]");
        for refused in [&["plan"][..], &["destroy", "-auto-approve"]] {
            world
                .sandbox
                .fails(refused)
                .says("The build's context cannot be read")
                .says("terraform destroy -refresh=false");
        }
        if version == Version::Oldest {
            configure(&world, LOCAL, NAMES);
            world.sandbox.ok(&["destroy", "-auto-approve"]).says("1 destroyed");
        } else {
            world
                .sandbox
                .ok(&["destroy", "-refresh=false", "-auto-approve"])
                .says("1 destroyed");
        }
        assert_eq!((scheduled(&world), build(&world)), (1, Value::Null));
    }
}
