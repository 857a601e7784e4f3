//! The data sources `acr_task` and `acr_tasks` under real Terraform, against the emulator.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{self, Options, Seed};

use crate::{
    agent_pool::{HEADER, World, options, registry, seed},
    conformance::core::Core,
    plugin_process::PluginProcess,
    sandbox::Version,
};

/// What must never be seen.
const SECRET: &str = "s3cr3t";

/// A task with everything in it.
fn docker() -> Value {
    json!({"status": "Enabled", "platform": {"os": "Linux", "architecture": "amd64"}, "timeout": 1800,
        "step": {"type": "Docker", "contextPath": "https://github.com/contoso/app.git#main:src", "contextAccessToken": SECRET,
            "imageNames": ["app:{{.Run.ID}}"], "isPushEnabled": true, "noCache": true, "dockerFilePath": "Dockerfile",
            "target": "final", "arguments": [{"name": "OPEN", "value": "plain", "isSecret": false},
                                             {"name": "SHUT", "value": SECRET, "isSecret": true}]},
        "trigger": {
            "timerTriggers": [{"name": "yearly", "schedule": "0 0 1 1 *", "status": "Enabled"},
                              {"name": "off", "schedule": "0 21 * * *", "status": "Disabled"},
                              {"name": "never", "schedule": "0 0 31 2 *", "status": "Enabled"}],
            "sourceTriggers": [{"name": "push", "sourceTriggerEvents": ["commit"], "status": "Disabled", "sourceRepository":
                {"sourceControlType": "Github", "repositoryUrl": "https://github.com/contoso/app", "branch": "main",
                 "sourceControlAuthProperties": {"tokenType": "PAT", "token": SECRET}}}],
            "baseImageTrigger": {"baseImageTriggerType": "Runtime", "name": "base", "status": "Enabled",
                "updateTriggerEndpoint": format!("https://{SECRET}.example/"), "updateTriggerPayloadType": "Default"}},
        "credentials": {"sourceRegistry": {"loginMode": "Default", "identity": "[system]"}, "customRegistries":
            {"other.example": {"userName": {"type": "Opaque", "value": SECRET}, "password": {"type": "Opaque", "value": SECRET}}}},
        "logTemplate": "acr/logs:{{.Run.ID}}", "isSystemTask": false})
}

/// `steps: [{cmd: bash}]` and a line break, in base64.
const ENCODED: &str = "c3RlcHM6IFt7Y21kOiBiYXNofV0K";

/// Three tasks, two of them on the pool `builds`, in two casings.
fn tasks() -> Seed {
    let encoded = json!({"status": "Disabled", "step": {"type": "EncodedTask", "encodedTaskContent": ENCODED,
        "values": [{"name": "A", "value": "b"}]},
        "trigger": {"timerTriggers": [{"name": "nightly", "schedule": "0 21 * * *", "status": "Enabled"}]}});
    let file = json!({"step": {"type": "FileTask", "taskFilePath": "acr-task.yaml", "contextPath": "oci://contoso.example/source:v1"}});
    let task = |name: &str, pool: Option<&str>, properties: Value| json!({"registry": "contosobuilds", "name": name, "agent_pool_name": pool, "properties": properties});
    seed(json!({"tasks": [
        task("weekly", Some("builds"), encoded),
        task("Nightly", Some("Builds"), docker()),
        task("other", None, file),
    ]}))
}

fn world() -> World {
    World::with(
        Version::Newest,
        Options {
            seed: tasks(),
            ..options()
        },
    )
}

fn task_id(name: &str) -> String {
    format!("{}/tasks/{name}", registry())
}

/// What an expression over these data sources is after an apply.
fn read(world: &World, data: &str, expression: &str) -> Value {
    let text = format!("{HEADER}\n{data}\n\noutput \"read\" {{\n  value = {expression}\n}}\n");
    world.sandbox.write("main.tf", &text);
    let run = world.apply();
    assert!(!run.output().contains(SECRET), "{run}");
    world.sandbox.plan_is_empty();
    world.sandbox.ok(&["output", "-json", "read"]).json()
}

fn one(world: &World, arguments: &str) -> Value {
    read(
        world,
        &format!("data \"acr_task\" \"t\" {{\n{arguments}\n}}"),
        "data.acr_task.t",
    )
}

#[test]
fn everything_that_arm_tells_of_a_task() {
    let world = world();
    let found = one(&world, &format!("  id = \"{}\"", task_id("Nightly")));
    let expected = json!({
        "agent_pool_name": "Builds", "enabled": true, "timeout_in_seconds": 1800, "is_system_task": false,
        "log_template": "acr/logs:{{.Run.ID}}", "name": "Nightly", "location": "eastus", "provisioning_state": "Succeeded",
        "registry_name": "contosobuilds", "resource_group_name": "rg-builds", "registry_id": registry(), "id": task_id("Nightly"),
        "platform": {"os": "Linux", "architecture": "amd64", "variant": null}, "tags": {},
        "docker_step": {"arguments": {"OPEN": "plain"}, "secret_argument_names": ["SHUT"], "cache_enabled": false,
            "push_enabled": true, "context_path": "https://github.com/contoso/app.git#main:src", "dockerfile_path": "Dockerfile",
            "image_names": ["app:{{.Run.ID}}"], "target": "final"},
        "file_step": null, "encoded_step": null, "agent_setting": {"cpu": 2}, "identity": null, "base_image_dependencies": [],
        "base_image_trigger": {"enabled": true, "name": "base", "type": "Runtime", "update_trigger_payload_type": "Default"},
        "source_trigger": [{"branch": "main", "enabled": false, "events": ["commit"], "name": "push",
            "repository_url": "https://github.com/contoso/app", "source_type": "Github"}],
        "timer_trigger": [{"enabled": true, "name": "yearly", "schedule": "0 0 1 1 *"},
            {"enabled": false, "name": "off", "schedule": "0 21 * * *"},
            {"enabled": true, "name": "never", "schedule": "0 0 31 2 *"}],
        "registry_credential": {"custom_login_servers": ["other.example"], "source": {"login_mode": "Default", "identity": "[system]"}},
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&found[name], value, "{name}");
    }
    let runs = &found["next_runs"];
    assert_eq!((&runs["off"], &runs["never"]), (&json!([]), &json!([])));
    let years: Vec<i32> = runs["yearly"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            run.as_str()
                .unwrap()
                .strip_suffix("-01-01T00:00:00Z")
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    assert_eq!(years, [years[0], years[0] + 1, years[0] + 2]);
    let now = time::OffsetDateTime::now_utc().year();
    assert!(years[0] == now + 1 || years[0] == now, "{years:?} after {now}");
}

#[test]
fn a_task_by_name_and_the_other_kinds_of_steps() {
    let world = world();
    let by_name = |name: &str| format!("  registry_id = \"{}\"\n  name = \"{name}\"", registry().to_uppercase());
    let found = one(&world, &by_name("weekly"));
    assert_eq!(
        found["encoded_step"],
        json!({"context_path": null, "secret_value_names": [], "task_content": "steps: [{cmd: bash}]\n", "value_content": null,
            "values": {"A": "b"}})
    );
    assert_eq!(
        (&found["enabled"], &found["next_runs"]["nightly"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(found["registry_id"], json!(registry().to_uppercase()));
    let found = one(&world, &by_name("other"));
    assert_eq!(
        found["file_step"],
        json!({"context_path": "oci://contoso.example/source:v1", "secret_value_names": [], "task_file_path": "acr-task.yaml",
            "value_file_path": null, "values": {}})
    );
    assert_eq!(found["agent_pool_name"], Value::Null);
}

#[test]
fn tasks_of_a_registry_and_of_a_pool() {
    let world = world();
    for (filter, expected) in [
        ("", json!(["Nightly", "other", "weekly"])),
        ("  agent_pool_name = \"BUILDS\"", json!(["Nightly", "weekly"])),
        ("  agent_pool_name = \"nobodys\"", json!([])),
    ] {
        let data = format!(
            "data \"acr_tasks\" \"all\" {{\n  registry_id = \"{}\"\n{filter}\n}}",
            registry()
        );
        assert_eq!(
            read(&world, &data, "data.acr_tasks.all.tasks[*].name"),
            expected,
            "{filter}"
        );
    }
    let data = format!("data \"acr_tasks\" \"all\" {{\n  registry_id = \"{}\"\n}}", registry());
    let first = read(&world, &data, "data.acr_tasks.all.tasks[0]");
    let id = task_id("Nightly");
    let expected = json!({"id": id, "name": "Nightly", "agent_pool_name": "Builds", "enabled": true, "step_type": "Docker",
        "is_system_task": false, "timeout_in_seconds": 1800, "provisioning_state": "Succeeded", "creation_date": first["creation_date"]});
    assert_eq!(first, expected);
}

#[test]
fn what_is_no_task_is_said() {
    let world = world();
    let fails = |data: &str, says: &str| {
        world.sandbox.write("main.tf", &format!("{HEADER}\n{data}\n"));
        world.sandbox.fails(&["plan"]).says(says);
    };
    let gone = format!("data \"acr_task\" \"t\" {{\n  id = \"{}\"\n}}", task_id("gone-by-now"));
    fails(&gone, "Reading task \"gone-by-now\"");
    fails(
        "data \"acr_task\" \"t\" {\n}",
        "Give either id, or registry_id and name.",
    );
    let both = format!(
        "data \"acr_task\" \"t\" {{\n  id = \"{}\"\n  name = \"Nightly\"\n}}",
        task_id("Nightly")
    );
    fails(&both, "Task named twice");
    let short = format!(
        "data \"acr_task\" \"t\" {{\n  registry_id = \"{}\"\n  name = \"abcd\"\n}}",
        registry()
    );
    fails(&short, "5 to 50 letters");
    fails(
        "data \"acr_tasks\" \"t\" {\n  registry_id = \"contosobuilds\"\n}",
        "Invalid registry id",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_sources_keep_every_rule() {
    let emulator = emulator::start_blocking(Options {
        seed: tasks(),
        ..options()
    })
    .unwrap();
    let environment = emulator.environment();
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let process = PluginProcess::spawn(&variables);
    let mut core = Core::connect(process.provider_client().await, json!({})).await;
    for (name, config) in [
        ("acr_task", json!({"id": task_id("nightly").to_uppercase()})),
        ("acr_task", json!({"registry_id": registry(), "name": "weekly"})),
        ("acr_task", json!({"registry_id": registry(), "name": "other"})),
        ("acr_tasks", json!({"registry_id": registry()})),
        (
            "acr_tasks",
            json!({"registry_id": registry(), "agent_pool_name": "builds"}),
        ),
    ] {
        let read = core.data(name, config.clone()).await;
        assert!(read.diagnostics.is_empty(), "{name} {config}: {:?}", read.diagnostics);
    }
    core.expect_clean();
}
