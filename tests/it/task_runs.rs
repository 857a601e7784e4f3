//! `data.acr_task_runs` under real Terraform, against the emulator.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{self, Options};

use crate::{
    agent_pool::{HEADER, World, options, registry, seed},
    conformance::core::Core,
    plugin_process::PluginProcess,
    sandbox::Version,
};

/// Six runs, the newest last here and first in answers.
fn history() -> Options {
    let run = |id: &str, more: Value| {
        let mut run = json!({"registry": "contosobuilds", "run_id": id});
        for (name, value) in more.as_object().unwrap() {
            run[name] = value.clone();
        }
        run
    };
    let runs = json!([
        run(
            "cf1",
            json!({"status": "Succeeded", "task": "nightly", "agent_pool_name": "builds", "images": ["app:1", "side:1"],
            "create_time": "2026-11-01T21:00:00Z"})
        ),
        run(
            "cf2",
            json!({"status": "Failed", "task": "nightly", "agent_pool_name": "builds", "create_time": "2026-11-02T21:00:00Z",
            "error_message": "failed during run, err: exit status 7"})
        ),
        run(
            "cf3",
            json!({"status": "Succeeded", "images": ["app:2"], "create_time": "2026-11-03T21:00:00Z"})
        ),
        run(
            "cf4",
            json!({"status": "Canceled", "task": "weekly", "agent_pool_name": "other", "created_seconds_ago": 7200,
            "started_seconds_ago": 7140, "finished_seconds_ago": 7080})
        ),
        run(
            "cf5",
            json!({"status": "Running", "task": "nightly", "agent_pool_name": "builds", "created_seconds_ago": 60,
            "started_seconds_ago": 50})
        ),
        run(
            "cf6",
            json!({"status": "Queued", "task": "nightly", "agent_pool_name": "builds", "created_seconds_ago": 30})
        ),
    ]);
    Options {
        seed: seed(json!({"runs": runs})),
        ..options()
    }
}

fn data(filter: &str) -> String {
    format!(
        "data \"acr_task_runs\" \"r\" {{\n  registry_id = \"{}\"\n{filter}\n}}\n",
        registry()
    )
}

fn read(world: &World, filter: &str, expression: &str) -> Value {
    let output = format!("output \"read\" {{\n  value = {expression}\n}}\n");
    world
        .sandbox
        .write("main.tf", &format!("{HEADER}\n{}\n{output}", data(filter)));
    world.apply();
    world.sandbox.plan_is_empty();
    world.sandbox.ok(&["output", "-json", "read"]).json()
}

#[test]
fn filters_order_and_limit() {
    let world = World::with(Version::Newest, history());
    for (filter, expected) in [
        ("", json!(["cf6", "cf5", "cf4", "cf3", "cf2", "cf1"])),
        ("  limit = 2", json!(["cf6", "cf5"])),
        (
            "  agent_pool_name = \"BUILDS\"\n  limit = 3",
            json!(["cf6", "cf5", "cf2"]),
        ),
        ("  task_name = \"weekly\"", json!(["cf4"])),
        ("  statuses = [\"Queued\", \"Running\"]", json!(["cf6", "cf5"])),
        ("  statuses = [\"Failed\"]\n  task_name = \"nightly\"", json!(["cf2"])),
        ("  output_image = \"app@sha256:\"", json!(["cf3", "cf1"])),
        ("  output_image = \"side\"", json!(["cf1"])),
        ("  run_id = \"cf3\"", json!(["cf3"])),
        ("  run_id = \"cf99\"", json!([])),
        (
            "  created_after = \"2026-11-02T21:00:00Z\"\n  created_before = \"2026-11-03T21:00:00Z\"",
            json!(["cf2"]),
        ),
        (
            "  created_before = \"2026-11-02T22:30:00+01:00\"",
            json!(["cf2", "cf1"]),
        ),
        ("  finished_before = \"2026-11-03T00:00:00Z\"", json!(["cf2", "cf1"])),
        ("  finished_after = \"2026-11-03T00:00:00Z\"", json!(["cf4", "cf3"])),
        ("  is_archived = true", json!([])),
    ] {
        assert_eq!(
            read(&world, filter, "data.acr_task_runs.r.runs[*].run_id"),
            expected,
            "{filter}"
        );
    }
}

#[test]
fn what_is_told_of_a_run() {
    let world = World::with(Version::Newest, history());
    let found = read(
        &world,
        "",
        "{ for run in data.acr_task_runs.r.runs : run.run_id => run }",
    );
    let pushed = found["cf1"]["output_images"].as_array().unwrap();
    assert_eq!(
        (&pushed[0]["registry"], &pushed[0]["repository"], &pushed[0]["tag"]),
        (&json!("contosobuilds.azurecr.io"), &json!("app"), &json!("1"))
    );
    assert!(
        pushed[0]["digest"].as_str().unwrap().starts_with("sha256:"),
        "{pushed:?}"
    );
    assert_eq!(pushed.len(), 2);
    let expected = json!({"id": format!("{}/runs/cf2", registry()), "status": "Failed", "run_type": "QuickRun", "task_name": "nightly",
        "agent_pool_name": "builds", "error_message": "failed during run, err: exit status 7", "output_images": [], "is_archived": false,
        "timer_trigger": null, "source_trigger": null, "base_image_trigger": null,
        "platform": {"os": "linux", "architecture": "amd64", "variant": null}});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&found["cf2"][name], value, "{name}");
    }
    assert_eq!(
        (&found["cf4"]["queued_seconds"], &found["cf4"]["duration_seconds"]),
        (&json!(60), &json!(60))
    );
    for (name, expected) in [
        ("started_at", Value::Null),
        ("finished_at", Value::Null),
        ("queued_seconds", Value::Null),
        ("duration_seconds", Value::Null),
        ("error_message", Value::Null),
    ] {
        assert_eq!(found["cf6"][name], expected, "{name}");
    }
    assert_eq!(found["cf3"]["agent_pool_name"], Value::Null);
}

#[test]
fn what_cannot_be_a_filter_is_refused_where_it_stands() {
    let world = World::with(Version::Newest, history());
    for (filter, says) in [
        ("  statuses = [\"queued\"]", "Did you mean \"Queued\"?"),
        ("  statuses = []", "No status lets no run through"),
        (
            "  created_after = \"yesterday\"",
            "\"yesterday\" is no time in RFC 3339",
        ),
        (
            "  created_after = \"2026-11-03T00:00:00Z\"\n  created_before = \"2026-11-02T00:00:00Z\"",
            "No time lies between created_after and created_before",
        ),
        ("  limit = 0", "0 is not a whole number from 1 to 1000"),
        ("  task_name = \"abcd\"", "5 to 50 letters"),
        ("  agent_pool_name = \"a b\"", "3 to 20 letters"),
        ("  output_image = \" \"", "Give an image or a part of its name"),
    ] {
        world.sandbox.write("main.tf", &format!("{HEADER}\n{}", data(filter)));
        world.sandbox.fails(&["validate"]).says(says);
    }
    let nowhere = data("").replace("contosobuilds", "nosuchregistry");
    world.sandbox.write("main.tf", &format!("{HEADER}\n{nowhere}"));
    world
        .sandbox
        .fails(&["plan"])
        .says("Listing the runs of registry \"nosuchregistry\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_source_keeps_every_rule() {
    let emulator = emulator::start_blocking(history()).unwrap();
    let environment = emulator.reader_environment();
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let process = PluginProcess::spawn(&variables);
    let mut core = Core::connect(process.provider_client().await, json!({})).await;
    for (config, expected) in [
        (json!({"registry_id": registry()}), 6),
        (
            json!({"registry_id": registry().to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions"), "agent_pool_name": "builds",
                "statuses": ["Queued", "Running"], "task_name": "nightly", "limit": 1, "created_after": "2026-11-01T00:00:00Z"}),
            1,
        ),
        (json!({"registry_id": registry(), "output_image": "nothing"}), 0),
    ] {
        let read = core.data("acr_task_runs", config.clone()).await;
        assert!(read.diagnostics.is_empty(), "{config}: {:?}", read.diagnostics);
        let runs = read.state.get("runs").elements().len();
        assert_eq!(runs, expected, "{config}");
    }
    core.expect_clean();
}
