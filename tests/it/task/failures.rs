//! Nothing is lost and nothing is left behind unseen: refusals, lost answers, tasks that vanish, and what nobody has recorded.

use std::time::Duration;

use serde_json::json;
use terraform_provider_acr::emulator::{Mutation, Options};

use super::{SMALLEST, configuration, kept, named, task, task_id, tasks, writes};
use crate::{
    agent_pool::{World, options, seed},
    sandbox::Version,
};

/// How long an interrupted Terraform may take to end: far more than it needs.
const END: Duration = Duration::from_secs(60);

const SECRET: &str = "
  registry_credential {
    custom {
      login_server = \"other.example\"
      username     = \"me\"
      password     = \"s3cr3t\"
    }
  }
";

fn is_tainted(world: &World) -> bool {
    world.sandbox.state()["resources"][0]["instances"][0]["status"] == "tainted"
}

#[test]
fn a_refused_write_leaves_what_there_was() {
    for version in Version::both() {
        let world = World::new(version);
        let refuse = json!({"match": {"method": "PUT", "path_contains": "/tasks/"}, "times": 1,
            "action": {"respond": {"status": 409, "body": {"error": {"code": "ProviderCall", "message": "Failed to create webhook"}}}}});
        world.fault(refuse.clone());
        world
            .sandbox
            .write("main.tf", &configuration(&format!("{SMALLEST}{SECRET}")));
        world
            .sandbox
            .fails(&["apply", "-auto-approve"])
            .says("Creating task \"nightly\"")
            .says("Failed to create webhook")
            .says("admin:repo_hook");
        assert_eq!(
            (world.sandbox.state()["resources"].clone(), tasks(&world)),
            (json!([]), vec![])
        );
        world.sandbox.ok(&["apply", "-auto-approve"]);
        world.sandbox.plan_is_empty();

        world.fault(refuse);
        world.sandbox.write(
            "main.tf",
            &configuration(&format!("{SMALLEST}{SECRET}\n  enabled = false\n")),
        );
        world
            .sandbox
            .fails(&["apply", "-auto-approve"])
            .says("Updating task \"nightly\"");
        assert!(!is_tainted(&world));
        assert_eq!(task(&world)["enabled"], true, "the state has what there was");
        world.sandbox.ok(&["apply", "-auto-approve"]).says("1 changed");
        world.sandbox.plan_is_empty();
        assert_eq!(
            kept(&world)["properties"]["credentials"]["customRegistries"]["other.example"]["password"]["value"],
            "s3cr3t"
        );
    }
}

#[test]
fn a_lost_answer_leaves_no_orphan_and_no_lost_change() {
    let put = json!({"method": "PUT", "path_contains": "/tasks/"});
    let world = World::new(Version::Newest);
    world.fault(json!({"match": put, "action": {"reset": true}, "applied": true}));
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();

    // The same of an update: the state has what Azure shows, and the next apply finds nothing to do.
    world.sandbox.write(
        "main.tf",
        &configuration(&format!("{SMALLEST}\n  timeout_in_seconds = 600\n")),
    );
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("Nobody knows whether Azure has accepted the change");
    assert_eq!(task(&world)["timeout_in_seconds"], 600);
    world.emulator.set_faults(Vec::new());
    world.sandbox.plan_is_empty();
    world.sandbox.ok(&["destroy", "-auto-approve"]);

    // A create that was never carried out leaves nothing.
    world.fault(json!({"match": put, "action": {"reset": true}}));
    let short = "  timeouts {\n    create = \"4s\"\n  }\n";
    world
        .sandbox
        .write("main.tf", &configuration(&format!("{SMALLEST}{short}")));
    world.sandbox.fails(&["apply", "-auto-approve"]);
    assert_eq!(
        (world.sandbox.state()["resources"].clone(), tasks(&world)),
        (json!([]), vec![])
    );

    // Nobody can tell: neither the PUT nor a look is answered. The state keeps what may exist.
    let blind = json!([
        {"match": {"method": "GET", "path_contains": "/tasks/", "skip": 3}, "action": {"reset": true}},
        {"match": put, "action": {"reset": true}, "applied": true},
    ]);
    world.emulator.set_faults(serde_json::from_value(blind).unwrap());
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("The task may exist");
    assert!(is_tainted(&world));
    world.emulator.set_faults(Vec::new());
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    assert_eq!(tasks(&world), ["nightly"]);
}

#[test]
fn a_task_whose_answer_was_lost_is_ours_also_when_azure_shows_a_setting_otherwise() {
    let world = World::new(Version::Newest);
    let content = "dmVyc2lvbjogdjEuMS4wCnN0ZXBzOgogIC0gY21kOiBiYXNoIGVjaG8gaGVsbG8K";
    let shown = json!({"id": task_id("nightly"), "name": "nightly", "location": "eastus", "properties": {"timeout": 900,
        "provisioningState": "Succeeded", "creationDate": "2026-01-01T00:00:00+00:00", "status": "Enabled", "isSystemTask": false,
        "platform": {"os": "Linux", "architecture": "amd64"}, "step": {"type": "EncodedTask", "encodedTaskContent": content}}});
    let faults = json!([
        {"match": {"method": "GET", "path_ends": "/tasks/nightly", "skip": 3}, "times": 1,
            "action": {"respond": {"status": 200, "headers": {"Content-Type": "application/json"}, "body": shown}}},
        {"match": {"method": "PUT", "path_contains": "/tasks/"}, "action": {"reset": true}, "applied": true},
    ]);
    world.emulator.set_faults(serde_json::from_value(faults).unwrap());
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world
        .sandbox
        .ok(&["apply", "-auto-approve"])
        .says("Azure shows something else than was sent")
        .says("timeout_in_seconds");
    assert!(!is_tainted(&world));
    world.emulator.set_faults(Vec::new());
    world.sandbox.plan_is_empty();
    assert_eq!(tasks(&world), ["nightly"]);
}

#[test]
fn an_interrupted_create_and_one_whose_time_is_over_stay_in_the_state() {
    for interrupt in [true, false] {
        let world = World::new(Version::Newest);
        // Azure does what it is asked for, and says so far too late.
        world.fault(
            json!({"match": {"method": "PUT", "path_contains": "/tasks/"}, "times": 1, "applied": true,
            "action": {"stall_seconds": 300.0}}),
        );
        let limit = if interrupt { "10m" } else { "3s" };
        let timeouts = format!("  timeouts {{\n    create = \"{limit}\"\n  }}\n");
        world
            .sandbox
            .write("main.tf", &configuration(&format!("{SMALLEST}{timeouts}")));
        let mut running = world.sandbox.start(&["apply", "-auto-approve"]);
        running.until("acr_task.t: Creating...");
        while tasks(&world).is_empty() {
            std::thread::sleep(Duration::from_millis(20));
        }
        if interrupt {
            running.interrupt_group();
        }
        let run = running.wait(END);
        assert_ne!(run.code, Some(0), "{run}");
        run.says("Azure has created the task all the same");
        assert!(is_tainted(&world), "{run}");
        assert_eq!(task(&world)["id"], task_id("nightly"));
        world
            .sandbox
            .ok(&["apply", "-auto-approve"])
            .says("1 added, 0 changed, 1 destroyed");
        world.sandbox.plan_is_empty();
    }
}

#[test]
fn a_task_that_vanished_since_the_plan_is_not_written_again() {
    let world = World::new(Version::Newest);
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world
        .sandbox
        .write("main.tf", &configuration(&format!("{SMALLEST}\n  enabled = false\n")));
    world.sandbox.ok(&["plan", "-out=saved.plan"]);
    let gone = Mutation {
        set: serde_json::Map::new(),
        delete: true,
    };
    world.emulator.mutate(&task_id("nightly"), gone).unwrap();
    world
        .sandbox
        .fails(&["apply", "saved.plan"])
        .says("deleted since the plan was made");
    assert_eq!(writes(&world), ["PUT 200"]);
    world.sandbox.ok(&["apply", "-auto-approve"]).says("1 added");
}

#[test]
fn a_deletion_that_fails_keeps_the_state() {
    let world = World::new(Version::Newest);
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.fault(
        json!({"match": {"method": "DELETE", "path_contains": "/tasks/"}, "times": 1,
        "action": {"respond": {"status": 409, "body": {"error": {"code": "ScopeLocked", "message": "locked"}}}}}),
    );
    world
        .sandbox
        .fails(&["destroy", "-auto-approve"])
        .says("Deleting task \"nightly\"")
        .says("A lock");
    assert_eq!(task(&world)["id"], task_id("nightly"));
    world.sandbox.ok(&["destroy", "-auto-approve"]);
    assert_eq!(tasks(&world), Vec::<String>::new());
}

#[test]
fn a_secret_that_azure_keeps_is_told() {
    let with_secrets = SMALLEST.replace(
        "  encoded_step {\n",
        "  encoded_step {\n    context_access_token = \"s3cr3t\"\n",
    ) + "  base_image_trigger {\n    name = \"base\"\n    type = \"Runtime\"\n    update_trigger_endpoint = \"https://s3cr3t.example\"\n  }\n";
    for (assumption, left) in [("wiped", false), ("kept", true)] {
        let seed = seed(json!({"assumptions": {"put_omitted_secrets": assumption}}));
        let world = World::with(Version::Newest, Options { seed, ..options() });
        world.sandbox.write("main.tf", &configuration(&with_secrets));
        world.sandbox.ok(&["apply", "-auto-approve"]);
        let without = with_secrets
            .replace("    context_access_token = \"s3cr3t\"\n", "")
            .replace("    update_trigger_endpoint = \"https://s3cr3t.example\"\n", "");
        world.sandbox.write("main.tf", &configuration(&without));
        let run = world.sandbox.ok(&["apply", "-auto-approve"]);
        if left {
            run.says("Removed secrets are still in task \"nightly\"")
                .says("context_access_token, base_image_trigger: update_trigger_endpoint")
                .says("-replace=ADDRESS");
        }
        assert_eq!(run.output().contains("Removed secrets"), left, "{run}");
        assert_eq!(
            kept(&world)["properties"]["step"]["contextAccessToken"].is_string(),
            left
        );
        world.sandbox.plan_is_empty();
    }
}

#[test]
fn either_way_of_what_nobody_has_recorded() {
    for (assumptions, pool, cpu) in [
        (
            json!({"put_omitted_secrets": "wiped", "pool_with_cpu": "refused"}),
            true,
            2,
        ),
        (json!({"put_omitted_secrets": "kept", "id_casing": "recased"}), false, 2),
    ] {
        let more =
            json!({"assumptions": assumptions, "agent_pools": [{"registry": "contosobuilds", "name": "builds"}]});
        let world = World::with(
            Version::Newest,
            Options {
                seed: seed(more),
                ..options()
            },
        );
        let own = if pool {
            "  agent_pool_name = \"builds\"\n".to_owned()
        } else {
            format!("  agent_setting {{\n    cpu = {cpu}\n  }}\n")
        };
        for more in ["", "  enabled = false\n"] {
            world
                .sandbox
                .write("main.tf", &configuration(&format!("{SMALLEST}{SECRET}{own}{more}")));
            world.sandbox.ok(&["apply", "-auto-approve"]);
            world.sandbox.plan_is_empty();
            let kept = kept(&world);
            assert_eq!(
                kept["properties"]["credentials"]["customRegistries"]["other.example"]["password"]["value"],
                "s3cr3t"
            );
        }
        // A secret that is removed is gone, where a PUT takes away what it leaves out.
        world.sandbox.write("main.tf", &configuration(SMALLEST));
        world.sandbox.ok(&["apply", "-auto-approve"]);
        world.sandbox.plan_is_empty();
        assert!(
            kept(&world)["properties"].get("credentials").is_none(),
            "{}",
            kept(&world)
        );
    }
    let encrypted = json!({"assumptions": {"system_task_registry": "encrypted"}});
    let world = World::with(
        Version::Newest,
        Options {
            seed: seed(encrypted),
            ..options()
        },
    );
    world
        .sandbox
        .write("main.tf", &named("quicktask", "  is_system_task = true\n"));
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("customer-managed key");
}
