//! `data.acr_agent_pool`: what keeps runs waiting, in one word and in sentences.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Options, Seed};

use super::{HEADER, World, no_storage, options, pool_id, ruled, subnet};
use crate::sandbox::Version;

const DATA: &str = "\noutput \"status\" {\n  value = data.acr_agent_pool.p\n}\n";

fn run(id: &str, status: &str, seconds_ago: u32) -> Value {
    json!({"registry": "contosobuilds", "run_id": id, "status": status, "agent_pool_name": "builds", "created_seconds_ago": seconds_ago})
}

/// A seed with the pool `builds` and these runs on it. The pool's subnet is dead if `rules` block what it needs.
fn seeded(pool: &Value, rules: &Value, runs: &Value) -> Seed {
    let mut own = json!({"registry": "contosobuilds", "name": "builds", "tier": "S1", "count": 1});
    for (name, value) in pool.as_object().unwrap() {
        own[name] = value.clone();
    }
    ruled(rules, json!({"agent_pools": [own], "runs": runs}))
}

/// The status under a provider block with these contents, read without a warning.
fn status(seed: Seed, provider: &str) -> Value {
    let world = World::with(Version::Newest, Options { seed, ..options() });
    read(&world, provider)
}

fn read(world: &World, provider: &str) -> Value {
    let header = HEADER.replace("provider \"acr\" {}", &format!("provider \"acr\" {{\n{provider}\n}}"));
    let data = format!(
        "data \"acr_agent_pool\" \"p\" {{\n  id = \"{}\"\n}}\n{DATA}",
        pool_id("builds")
    );
    world.sandbox.write("main.tf", &format!("{header}\n{data}"));
    let said = world.apply().output();
    // Terraform itself warns of the development override.
    assert_eq!(said.matches("Warning:").count(), 1, "without a warning of ours: {said}");
    world.sandbox.ok(&["output", "-json", "status"]).json()
}

/// The reasons as one text.
fn reasons(status: &Value) -> String {
    let reasons = status["health_reasons"].as_array().unwrap();
    reasons
        .iter()
        .map(|reason| reason.as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_dead_subnet_stalls_the_pool_and_the_blocked_requirement_is_named() {
    let in_subnet = json!({"subnet_id": subnet()});
    let runs = json!([run("cf1", "Queued", 90), run("cf2", "Queued", 30)]);
    let found = status(seeded(&in_subnet, &json!([no_storage()]), &runs), "");
    assert_eq!(
        (&found["health"], &found["accepting_runs"], &found["readiness"]),
        (&json!("stalled"), &json!(false), &json!("failed"))
    );
    assert_eq!((&found["queued_runs"], &found["running_runs"]), (&json!(2), &json!(0)));
    let oldest = found["oldest_queued_seconds"].as_i64().unwrap();
    assert!((90..600).contains(&oldest), "{found}");
    let told = reasons(&found);
    assert!(told.contains("Storage on port 443"), "{told}");
    assert!(
        !told.contains("AzureKeyVault on port 443"),
        "only what is blocked: {told}"
    );
    assert!(told.contains("data.acr_subnet_readiness"), "{told}");

    // A run that runs has reached what it needs, whatever the rules seem to say.
    let runs = json!([run("cf1", "Running", 90), run("cf2", "Queued", 30)]);
    let found = status(seeded(&in_subnet, &json!([no_storage()]), &runs), "");
    assert_eq!(found["health"], "ready");
    assert!(reasons(&found).contains("only machine is busy"), "{found}");

    // Whoever has switched the check off is not told its verdict.
    let runs = json!([run("cf1", "Queued", 30)]);
    let off = "  preflight {\n    network = \"off\"\n  }";
    let found = status(seeded(&in_subnet, &json!([no_storage()]), &runs), off);
    assert_eq!((&found["health"], reasons(&found).as_str()), (&json!("ready"), ""));
}

#[test]
fn a_long_wait_beside_a_free_machine_is_a_stall_too() {
    let runs = json!([run("cf1", "Queued", 900)]);
    let found = status(seeded(&json!({}), &json!([]), &runs), "");
    assert_eq!(
        (&found["health"], &found["accepting_runs"]),
        (&json!("stalled"), &json!(false))
    );
    let told = reasons(&found);
    assert!(
        told.contains("queued for 15 minutes although a machine is free"),
        "{told}"
    );
}

#[test]
fn busy_machines_no_machine_and_a_failed_pool() {
    let runs = json!([
        run("cf1", "Running", 60),
        run("cf2", "Started", 50),
        run("cf3", "Queued", 900)
    ]);
    let found = status(seeded(&json!({"count": 2}), &json!([]), &runs), "");
    assert_eq!(
        (&found["health"], &found["accepting_runs"]),
        (&json!("ready"), &json!(true))
    );
    let told = reasons(&found);
    assert!(
        told.contains("2 machines are all busy: 2 runs are running and 1 is waiting"),
        "{told}"
    );

    let runs = json!([run("cf3", "Queued", 900)]);
    let found = status(seeded(&json!({"count": 0}), &json!([]), &runs), "");
    assert_eq!(
        (&found["health"], &found["accepting_runs"], &found["queued_runs"]),
        (&json!("scaled_to_zero"), &json!(true), &json!(1))
    );
    assert!(reasons(&found).contains("Raise instance_count."), "{found}");

    let failed = json!({"provisioning_state": "Failed", "subnet_id": subnet()});
    let found = status(seeded(&failed, &json!([no_storage()]), &runs), "");
    assert_eq!(
        (&found["health"], &found["accepting_runs"], &found["readiness"]),
        (&json!("failed"), &json!(false), &json!("failed"))
    );
    assert!(
        reasons(&found).contains("Storage on port 443"),
        "the usual cause: {found}"
    );
}

#[test]
fn a_run_that_has_succeeded_since_the_pool_was_created_proves_it() {
    // The seeded pool is as old as the emulator; what ran before it ran on a former pool of its name.
    let runs = json!([run("cf1", "Succeeded", 60)]);
    let world = World::with(
        Version::Newest,
        Options {
            seed: seeded(&json!({}), &json!([]), &runs),
            run_duration: std::time::Duration::from_millis(100),
            ..options()
        },
    );
    let found = read(&world, "");
    assert_eq!(
        (&found["readiness"], &found["health"]),
        (&json!("unknown"), &json!("ready"))
    );
    assert_eq!(found["oldest_queued_seconds"], Value::Null);

    let tried = Options {
        seed: seeded(&json!({}), &json!([]), &json!([run("cf9", "Succeeded", 0)])),
        ..options()
    };
    let found = read(&World::with(Version::Newest, tried), "");
    assert_eq!(found["readiness"], "passed");
}

#[test]
fn what_may_not_be_read_is_null_and_no_warning() {
    let runs = json!([run("cf1", "Queued", 900)]);
    let world = World::with(
        Version::Newest,
        Options {
            seed: seeded(&json!({}), &json!([]), &runs),
            ..options()
        },
    );
    let denied = json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
    let deny =
        |path: &str| json!({"match": {"path_contains": path}, "action": {"respond": {"status": 403, "body": denied}}});
    let faults = json!([deny("/listQueueStatus"), deny("/contosobuilds/runs")]);
    world.emulator.set_faults(serde_json::from_value(faults).unwrap());
    let found = read(&world, "");
    for name in ["queued_runs", "running_runs", "oldest_queued_seconds"] {
        assert_eq!(found[name], Value::Null, "{name}");
    }
    assert_eq!(
        (&found["health"], reasons(&found).as_str(), &found["readiness"]),
        (&json!("ready"), "", &json!("unknown"))
    );
}
