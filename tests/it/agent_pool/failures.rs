//! Nothing is lost and nothing is left behind unseen: interrupts, failures half-way, killed providers, lost answers.

use std::time::Duration;

use serde_json::json;
use terraform_provider_acr::emulator::Options;

use super::{World, configuration, options, pool_id, registry, seed, subnet};
use crate::sandbox::Version;

/// How long an interrupted Terraform may take to end: far more than it needs.
const END: Duration = Duration::from_secs(60);

#[test]
fn an_interrupted_create_stays_in_the_state_and_the_next_apply_mends_it() {
    for version in Version::both() {
        let hour = Duration::from_secs(3_600);
        let world = World::with(
            version,
            Options {
                provisioning: hour,
                ..options()
            },
        );
        world.configure("");
        let mut running = world.sandbox.start(&["apply", "-auto-approve"]);
        running.until("acr_agent_pool.p: Creating...");
        let accepted = || world.writes().contains(&"PUT 201".to_owned());
        while !accepted() {
            std::thread::sleep(Duration::from_millis(20));
        }
        running.interrupt_group();
        let run = running.wait(END);
        assert_ne!(run.code, Some(0), "{run}");
        run.says("Azure has accepted the pool and goes on creating it");
        assert!(world.is_tainted(), "{run}");
        assert_eq!(world.pool()["id"], pool_id("builds"));
        assert_eq!(world.pool()["provisioning_state"], "Creating");

        // The interrupted create comes to its end, and the tainted pool is replaced.
        world.emulator.advance(hour);
        let mut mending = world.sandbox.start(&["apply", "-auto-approve"]);
        mending.until("Destroying...");
        while world.writes().iter().filter(|write| write.starts_with("PUT")).count() < 2 {
            world.emulator.advance(hour);
            std::thread::sleep(Duration::from_millis(100));
        }
        world.emulator.advance(hour);
        let run = mending.wait(END * 2);
        assert_eq!(run.code, Some(0), "{run}");
        world.sandbox.plan_is_empty();
    }
}

#[test]
fn a_create_that_azure_fails_half_way_is_tainted_and_mended() {
    for (assumption, reason) in [("arm_error", "ImagePullFailed"), ("bare_status", "Failed")] {
        for version in Version::both() {
            let seed = seed(json!({"assumptions": {"failed_create_body": assumption}}));
            let world = World::with(version, Options { seed, ..options() });
            world.fault(
                json!({"match": {"method": "PUT", "path_contains": "/agentPools/"}, "times": 1,
                "action": {"fail_operation": {"code": "ImagePullFailed", "message": "the machines did not start"}}}),
            );
            world.configure("");
            let run = world.sandbox.fails(&["apply", "-auto-approve"]);
            run.says("Creating agent pool \"builds\"")
                .says(reason)
                .says("kept in the state as tainted");
            assert!(world.is_tainted(), "{run}");
            assert_eq!(world.pool()["provisioning_state"], "Failed");
            world.apply().says("1 added, 0 changed, 1 destroyed");
            world.sandbox.plan_is_empty();
            world.destroy();
        }
    }
}

#[test]
fn a_pool_left_by_a_killed_provider_is_refused_with_a_block_that_imports_it() {
    let hour = Duration::from_secs(3_600);
    let world = World::with(
        Version::Newest,
        Options {
            provisioning: hour,
            ..options()
        },
    );
    world.configure("");
    let mut running = world.sandbox.start(&["apply", "-auto-approve"]);
    running.until("acr_agent_pool.p: Creating...");
    while world.writes() != ["PUT 201"] {
        std::thread::sleep(Duration::from_millis(20));
    }
    running.kill();
    running.wait(END);
    world.emulator.advance(hour);
    assert_eq!(world.pools(), ["builds"]);

    let run = world.sandbox.fails(&["apply", "-auto-approve", "-lock=false"]);
    run.says("exists already");
    // The block as printed, with the address filled in, is all that it takes.
    let clean: String = run
        .output()
        .lines()
        .map(|line| line.trim_start_matches(['│', ' ']).trim_end().to_owned() + "\n")
        .collect();
    let begin = clean.find("import {").expect("the message holds an import block");
    let block = &clean[begin..=begin + clean[begin..].find('}').unwrap()];
    let block = block.replace("acr_agent_pool.ADDRESS", "acr_agent_pool.p");
    world
        .sandbox
        .write("main.tf", &(configuration(&registry(), "") + "\n" + &block + "\n"));
    world
        .sandbox
        .ok(&["apply", "-auto-approve", "-lock=false"])
        .says("1 imported, 0 added, 0 changed");
    world.sandbox.plan_is_empty();
}

#[test]
fn an_existing_pool_is_never_adopted() {
    let seed =
        seed(json!({"agent_pools": [{"registry": "contosobuilds", "name": "builds", "tier": "S3", "count": 2}]}));
    let world = World::with(Version::Newest, Options { seed, ..options() });
    world.configure("");
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("exists already")
        .says(&pool_id("builds"));
    assert_eq!(world.writes(), Vec::<String>::new(), "nothing was written");
}

#[test]
fn a_lost_answer_to_the_create_leaves_no_orphan() {
    let put = json!({"method": "PUT", "path_contains": "/agentPools/"});
    // Every answer to the PUT is lost, which was carried out: the pool is looked for, found and waited for.
    let world = World::new(Version::Newest);
    world.fault(json!({"match": put, "action": {"reset": true}, "applied": true}));
    world.configure("");
    world.apply();
    world.sandbox.plan_is_empty();
    world.emulator.set_faults(Vec::new());
    world.destroy();

    // One lost answer, and a service that refuses the repeated PUT: the same.
    let conflict = json!({"assumptions": {"put_existing_pool": "conflict"}});
    let world = World::with(
        Version::Newest,
        Options {
            seed: seed(conflict),
            ..options()
        },
    );
    world.fault(json!({"match": put, "times": 1, "action": {"reset": true}, "applied": true}));
    world.configure("");
    world.apply();
    world.sandbox.plan_is_empty();
    world.destroy();

    // Nobody can tell: neither the PUT nor a look is answered. The state keeps what may exist.
    let blind = json!([
        {"match": {"method": "GET", "path_contains": "/agentPools/", "skip": 1}, "action": {"reset": true}},
        {"match": put, "action": {"reset": true}, "applied": true},
    ]);
    world.emulator.set_faults(serde_json::from_value(blind).unwrap());
    world.configure("  timeouts {\n    create = \"6s\"\n  }");
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("The pool may exist");
    assert!(world.is_tainted(), "{run}");
    world.emulator.set_faults(Vec::new());
    world.apply();
    world.sandbox.plan_is_empty();
    world.destroy();
}

#[test]
fn a_pool_that_is_still_being_deleted_is_waited_for() {
    let deleting = json!({"agent_pools": [{"registry": "contosobuilds", "name": "builds", "tier": "S1", "count": 1}]});
    let world = World::with(
        Version::Newest,
        Options {
            seed: seed(deleting),
            ..options()
        },
    );
    world.set("builds", "provisioningState", json!("Deleting"));
    world.configure("  timeouts {\n    create = \"2s\"\n  }");
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("is still being deleted")
        .says("Apply again when it is gone");
    world.configure("");
    let running = world.sandbox.start(&["apply", "-auto-approve"]);
    while !world
        .emulator
        .requests()
        .iter()
        .rev()
        .take(1)
        .any(|entry| entry.path.ends_with("/agentPools/builds"))
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    world.remove("builds");
    let run = running.wait(END);
    assert_eq!(run.code, Some(0), "{run}");
    world.destroy();
}

#[test]
fn refusals_are_told_and_leave_nothing() {
    let more = json!({
        "registries": [{"name": "contosobuilds", "resource_group": "rg-builds", "sku": "Premium"},
                       {"name": "basicregistry", "resource_group": "rg-builds", "sku": "Basic"},
                       {"name": "farregistry", "resource_group": "rg-builds", "sku": "Premium", "location": "uksouth"}],
    });
    // Preflight would say most of this earlier: here Azure is to say it.
    let seed = seed(more);
    let mut world = World::with(Version::Newest, Options { seed, ..options() });
    let checks = ["SKU", "REGION", "QUOTA", "SUBNET"].map(|check| (format!("ACR_PREFLIGHT_{check}"), "off".to_owned()));
    world.sandbox = world.another().env(checks);
    let other = |name: &str| registry().replace("contosobuilds", name);
    for (registry, arguments, text) in [
        (other("basicregistry"), String::new(), "Premium"),
        (
            other("farregistry"),
            String::new(),
            "LocationNotAvailableForResourceType",
        ),
        (other("nosuchregistry"), String::new(), "NotFound"),
        (registry(), "  tier = \"S3\"\n  instance_count = 3".into(), "uota"),
        (registry(), "  tier = \"I6\"".into(), "uota"),
        (registry(), format!("  subnet_id = \"{}-gone\"", subnet()), "ubnet"),
    ] {
        world.sandbox.write("main.tf", &configuration(&registry, &arguments));
        let run = world.sandbox.fails(&["apply", "-auto-approve"]);
        run.says("Creating agent pool").says(text);
        assert_eq!(world.pools(), Vec::<String>::new(), "{run}");
        assert!(
            world.sandbox.state()["resources"].as_array().is_none_or(Vec::is_empty),
            "{run}"
        );
    }
}

#[test]
fn a_scale_that_azure_fails_or_that_takes_too_long_leaves_the_truth() {
    let world = World::new(Version::Newest);
    world.configure("");
    world.apply();
    world.fault(json!({"match": {"method": "PATCH"}, "times": 1, "action": {"hang_operation": true}}));
    world.configure("  instance_count = 2\n\n  timeouts {\n    update = \"3s\"\n  }");
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("Scaling agent pool \"builds\"")
        .says("Azure has accepted the new instance_count");
    assert!(!world.is_tainted());
    assert_eq!(
        (&world.pool()["instance_count"], &world.pool()["provisioning_state"]),
        (&json!(2), &json!("Updating"))
    );
}

#[test]
fn a_delete_that_does_not_end_keeps_the_state() {
    let world = World::new(Version::Newest);
    world.configure("  timeouts {\n    delete = \"3s\"\n  }");
    world.apply();
    world.fault(json!({"match": {"method": "DELETE"}, "times": 1, "action": {"hang_operation": true}}));
    world
        .sandbox
        .fails(&["destroy", "-auto-approve"])
        .says("Deleting agent pool \"builds\"");
    assert_eq!(world.pool()["id"], pool_id("builds"));
}
