//! `readiness_probe`: a pool counts as ready when something has really run on it.

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Options, Seed};

use super::{HEADER, World, change, no_storage, options, registry, ruled, seed, unguarded};
use crate::sandbox::Version;

/// How long an interrupted Terraform may take to end.
const END: Duration = Duration::from_secs(60);

fn quick(seed: Seed) -> Options {
    Options {
        seed,
        run_duration: Duration::from_millis(200),
        ..options()
    }
}

/// A probe with these arguments.
fn probe(arguments: &str) -> String {
    format!("\n  readiness_probe {{\n    {arguments}\n  }}")
}

/// A world whose subnet keeps machines from Azure's storage; runs on pools in it stay queued.
fn dead(cancel_run: &str) -> World {
    let seed = ruled(
        &json!([no_storage()]),
        json!({"assumptions": {"cancel_run": cancel_run}}),
    );
    World::with(Version::Newest, quick(seed))
}

impl World {
    /// How often a run was asked for.
    fn times_scheduled(&self) -> usize {
        let is_schedule = |path: &str| path.ends_with("/scheduleRun");
        self.emulator
            .requests()
            .iter()
            .filter(|it| is_schedule(&it.path))
            .count()
    }

    /// The runs of the registry, newest first, as the data source tells them.
    fn runs(&self) -> Vec<Value> {
        let other = self.another();
        let data = format!(
            "data \"acr_task_runs\" \"r\" {{\n  registry_id = \"{}\"\n}}\n\noutput \"runs\" {{\n  value = data.acr_task_runs.r.runs\n}}\n",
            registry()
        );
        other.write("main.tf", &format!("{HEADER}\n{data}"));
        other.ok(&["apply", "-auto-approve"]);
        other
            .ok(&["output", "-json", "runs"])
            .json()
            .as_array()
            .unwrap()
            .clone()
    }
}

#[test]
fn a_pool_proves_itself_after_create_and_after_zero() {
    for version in Version::both() {
        let world = World::with(version, quick(seed(json!({}))));
        let with = |count: u32| world.configure(&format!("  instance_count = {count}{}", probe("")));
        with(2);
        let plan = world.sandbox.ok(&["plan", "-out=saved.plan"]);
        plan.says("+ readiness = (known after apply)");
        world.sandbox.ok(&["apply", "saved.plan"]);
        world.sandbox.plan_is_empty();
        let pool = world.pool();
        assert_eq!(pool["readiness"], "passed");
        assert_eq!(pool["readiness_probe"], json!({"on_failure": "warn", "timeout": "10m"}));
        assert_eq!(world.times_scheduled(), 1);

        // Neither more machines nor none are a reason to probe; the first after none are.
        for (count, scheduled) in [(3, 1), (0, 1), (1, 2)] {
            with(count);
            world.apply();
            world.sandbox.plan_is_empty();
            assert_eq!(
                (world.times_scheduled(), &world.pool()["readiness"]),
                (scheduled, &json!("passed"))
            );
        }
        let runs = world.runs();
        assert_eq!(runs.len(), 2);
        assert_eq!(
            (&runs[0]["status"], &runs[0]["agent_pool_name"]),
            (&json!("Succeeded"), &json!("builds"))
        );
        world.destroy();
    }
}

#[test]
fn a_probe_that_is_added_later_probes_nothing_and_writes_nothing() {
    let world = World::with(Version::Newest, quick(seed(json!({}))));
    world.configure("");
    world.apply();
    assert_eq!(world.pool()["readiness"], "unknown");
    world.emulator.clear_requests();
    for arguments in [
        probe("on_failure = \"error\""),
        probe("on_failure = \"error\"\n    timeout = \"5m\""),
        String::new(),
    ] {
        world.configure(&arguments);
        world.apply().says("0 added, 1 changed, 0 destroyed");
        world.sandbox.plan_is_empty();
    }
    assert_eq!((world.writes(), world.times_scheduled()), (Vec::new(), 0));
    assert_eq!(world.pool()["readiness"], "unknown");
    for (wrong, says) in [
        ("on_failure = \"Warn\"", "Did you mean \"warn\"?"),
        ("timeout = \"soon\"", "\"soon\" is not a duration"),
    ] {
        world.configure(&probe(wrong));
        world.sandbox.fails(&["validate"]).says(says);
    }

    // At zero there is nothing to probe.
    world.configure(&format!("  instance_count = 0{}", probe("on_failure = \"error\"")));
    world.apply();
    world.sandbox.plan_is_empty();
    assert_eq!(world.times_scheduled(), 0);
    world.destroy();
}

#[test]
fn in_a_dead_subnet_the_probe_fails_and_says_which_requirement_is_blocked() {
    let world = dead("accepted");
    world.sandbox.write("main.tf", &unguarded(&probe("timeout = \"2s\"")));
    let run = world.apply();
    run.says("Probing the readiness of agent pool \"builds\"")
        .says("was still Queued when the time of the probe was over")
        .says("Why it is queued:")
        .says("Storage on port 443")
        .says("Azure has been asked to cancel the run, and has accepted that.")
        .says("The pool is kept, and its readiness is \"failed\".");
    assert_eq!(
        (&world.pool()["readiness"], world.is_tainted()),
        (&json!("failed"), false)
    );
    // It has been told; nothing is planned because of it.
    world.sandbox.plan_is_empty();
    assert_eq!(world.runs()[0]["status"], "Canceled");
    world.destroy();

    // A created pool that must prove itself and does not is tainted, and replaced.
    let world = dead("refused_on_pools");
    let must_pass = probe("timeout = \"2s\"\n    on_failure = \"error\"");
    world.sandbox.write("main.tf", &unguarded(&must_pass));
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("Storage on port 443")
        .says("The run could not be cancelled")
        .says("az acr task cancel-run --registry contosobuilds --run-id")
        .says("kept in the state as tainted: the next apply replaces it");
    assert!(world.is_tainted(), "{run}");
    assert_eq!(world.pool()["readiness"], "failed");
    world.sandbox.ok(&["plan"]).says("1 to add, 0 to change, 1 to destroy");
    world.destroy();
}

#[test]
fn a_scale_out_whose_probe_fails_is_probed_again_until_it_passes() {
    for version in Version::both() {
        let world = World::with(version, quick(seed(json!({}))));
        let with = |count: u32| {
            let probe = probe("timeout = \"5s\"\n    on_failure = \"error\"");
            world.configure(&format!("  instance_count = {count}{probe}"));
        };
        with(0);
        world.apply();
        with(2);
        let failing = json!({"match": {"path_contains": "/scheduleRun"},
            "action": {"fail_operation": {"code": "Broken", "message": "failed during run, err: exit status 3"}}});
        world.fault(failing);
        let run = world.sandbox.fails(&["apply", "-auto-approve"]);
        run.says("found a machine and ended as Failed: failed during run, err: exit status 3")
            .says("The end of its log:")
            .says("the next apply probes it again");
        assert!(!world.is_tainted(), "{run}");
        let pool = world.pool();
        assert_eq!(
            (&pool["instance_count"], &pool["readiness"]),
            (&json!(2), &json!("failed"))
        );

        // Once more in vain, without a write to the pool.
        world.emulator.clear_requests();
        world
            .sandbox
            .ok(&["plan", "-out=saved.plan"])
            .says("\"failed\" -> \"passed\"");
        let planned = change(&world.sandbox.show_json(Some("saved.plan")), "acr_agent_pool.p");
        assert_eq!(
            (&planned["actions"], &planned["after"]["readiness"]),
            (&json!(["update"]), &json!("passed"))
        );
        world.sandbox.fails(&["apply", "saved.plan"]).says("exit status 3");
        assert_eq!((world.writes(), world.times_scheduled()), (Vec::new(), 1));
        assert_eq!(world.pool()["readiness"], "failed");

        // What was promised cannot be kept by somebody who may not probe.
        let denied = json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
        world.fault(
            json!({"match": {"path_contains": "/scheduleRun"}, "action": {"respond": {"status": 403, "body": denied}}}),
        );
        world
            .sandbox
            .fails(&["apply", "-auto-approve"])
            .says("The last probe has failed and is to be repeated. This principal may not schedule runs");

        world.emulator.set_faults(Vec::new());
        world.apply().says("0 added, 1 changed, 0 destroyed");
        world.sandbox.plan_is_empty();
        assert_eq!(world.pool()["readiness"], "passed");
        assert_eq!(world.writes(), Vec::<String>::new());
        world.destroy();
    }
}

#[test]
fn whoever_may_not_schedule_is_only_warned() {
    let world = World::with(Version::Newest, quick(seed(json!({}))));
    let denied = json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
    world.fault(
        json!({"match": {"path_contains": "/scheduleRun"}, "action": {"respond": {"status": 403, "body": denied}}}),
    );
    world.configure(&probe("on_failure = \"error\""));
    let run = world.apply();
    run.says("Warning: Probing the readiness of agent pool \"builds\"")
        .says("Microsoft.ContainerRegistry/registries/scheduleRun/action");
    assert_eq!(
        (&world.pool()["readiness"], world.is_tainted()),
        (&json!("unknown"), false)
    );
    world.sandbox.plan_is_empty();
}

#[test]
fn a_lost_answer_names_what_the_run_may_be_and_takes_none_for_it() {
    let world = World::with(Version::Newest, quick(seed(json!({}))));
    world.fault(json!({"match": {"path_contains": "/scheduleRun"}, "action": {"reset": true}, "applied": true}));
    world.configure(&probe(""));
    let run = world.apply();
    run.says("Whether its run began is not known.")
        .says("It may be one of these, or they are somebody else's: cf1.");
    assert_eq!(
        (world.times_scheduled(), &world.pool()["readiness"]),
        (1, &json!("failed"))
    );
}

#[test]
fn an_interrupted_probe_keeps_the_pool_and_cancels_its_run() {
    let world = World::with(
        Version::Newest,
        Options {
            run_duration: Duration::from_secs(3_600),
            ..options()
        },
    );
    world.configure(&probe("timeout = \"1h\""));
    let mut running = world.sandbox.start(&["apply", "-auto-approve"]);
    running.until("acr_agent_pool.p: Creating...");
    while world.times_scheduled() == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    running.interrupt_group();
    let run = running.wait(END);
    run.says("You interrupted it while run \"cf1\" was")
        .says("Azure has been asked to cancel the run, and has accepted that.");
    assert_eq!(
        (&world.pool()["readiness"], world.is_tainted()),
        (&json!("unknown"), false),
        "{run}"
    );
    world.sandbox.plan_is_empty();
    world.destroy();
}

#[test]
fn an_interrupted_scale_out_is_owed_its_probe() {
    let hour = Duration::from_secs(3_600);
    let world = World::with(
        Version::Newest,
        Options {
            provisioning: hour,
            run_duration: Duration::from_millis(200),
            seed: seed(
                json!({"agent_pools": [{"registry": "contosobuilds", "name": "builds", "tier": "S1", "count": 0}]}),
            ),
            ..options()
        },
    );
    let with = |count: u32| {
        world.configure(&format!(
            "  instance_count = {count}{}",
            probe("on_failure = \"error\"")
        ))
    };
    with(0);
    world
        .sandbox
        .ok(&["import", "acr_agent_pool.p", &super::pool_id("builds")]);
    world.apply();
    with(1);
    let mut running = world.sandbox.start(&["apply", "-auto-approve"]);
    running.until("acr_agent_pool.p: Modifying...");
    while world.writes() != ["PATCH 201"] {
        std::thread::sleep(Duration::from_millis(20));
    }
    running.interrupt_group();
    let run = running.wait(END);
    assert_ne!(run.code, Some(0), "{run}");
    assert_eq!(
        (world.times_scheduled(), &world.pool()["readiness"]),
        (0, &json!("failed")),
        "{run}"
    );
    world.emulator.advance(hour);
    world.apply();
    world.sandbox.plan_is_empty();
    assert_eq!(
        (world.times_scheduled(), &world.pool()["readiness"]),
        (1, &json!("passed"))
    );
    assert_eq!(world.writes(), ["PATCH 201"], "the pool itself was written once");
}
