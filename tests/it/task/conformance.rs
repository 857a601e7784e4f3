//! `acr_task` driven by the small Core over the real process: every answer keeps every rule that Terraform enforces, with
//! unknowns in every place that a configuration has.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{self, Emulator, Options};

use super::task_id;
use crate::{
    agent_pool::{options, registry, seed},
    conformance::{core::Core, json::unknown, rules::plan::Action},
    plugin_process::PluginProcess,
};

const TYPE: &str = "acr_task";

/// The emulator with a pool, a provider process that uses it, and its environment.
fn world() -> (Emulator, PluginProcess) {
    let emulator = emulator::start_blocking(Options {
        seed: seed(json!({"agent_pools": [{"registry": "contosobuilds", "name": "builds"}]})),
        ..options()
    })
    .unwrap();
    let environment = emulator.environment();
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let process = PluginProcess::spawn(&variables);
    (emulator, process)
}

async fn core(emulator: &Emulator, process: &PluginProcess) -> Core<tonic::transport::Channel> {
    let core = Core::connect(process.provider_client().await, json!({})).await;
    let secret = emulator
        .environment()
        .into_iter()
        .find(|(name, _)| name == "ARM_CLIENT_SECRET");
    core.keep_secret(&secret.unwrap().1);
    core
}

const USER: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ManagedIdentity/userAssignedIdentities/builder";

/// Everything at once, with plain secrets here and write-only ones there.
fn base() -> Value {
    json!({
        "name": "nightly", "registry_id": registry(), "agent_pool_name": "builds", "enabled": true, "is_system_task": false,
        "log_template": "acr/logs:{{.Run.ID}}", "tags": {"team": "build"}, "timeout_in_seconds": 1800,
        "platform": [{"os": "Linux", "architecture": "arm64", "variant": "v8"}],
        "docker_step": [{
            "dockerfile_path": "Dockerfile", "context_path": "https://github.com/contoso/app.git#main",
            "context_access_token_wo": "wo-context", "context_access_token_wo_version": 1,
            "image_names": ["app:{{.Run.ID}}"], "push_enabled": true, "cache_enabled": true, "target": "final",
            "arguments": {"OPEN": "plain"}, "secret_arguments": {"SHUT": "plain-secret"},
        }],
        "timer_trigger": [{"name": "t1", "schedule": "0 21 * * *", "enabled": true}, {"name": "t2", "schedule": "0 9 * * 1-5"}],
        "source_trigger": [{"name": "s1", "events": ["commit"], "source_type": "Github",
            "repository_url": "https://github.com/contoso/app", "branch": "main", "enabled": false,
            "authentication": [{"token_type": "PAT", "token_wo": "wo-trigger", "token_wo_version": 1, "refresh_token": "plain-renewal",
                "scope": "repo", "expire_in_seconds": 3600}]}],
        "base_image_trigger": [{"name": "base", "type": "Runtime", "enabled": true, "update_trigger_payload_type": "Default",
            "update_trigger_endpoint": "https://hooks.example/plain"}],
        "identity": [{"type": "SystemAssigned, UserAssigned", "identity_ids": [USER]}],
        "registry_credential": [{
            "source": [{"login_mode": "Default", "identity": "0f0e0d0c-0b0a-4908-8706-050403020100"}],
            "custom": [{"login_server": "other.example", "username": "me", "password_wo": "wo-password", "password_wo_version": 1}],
        }],
        "timeouts": {"create": "10m", "update": "10m"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_configuration_can_do() {
    let (emulator, process) = world();
    let mut core = core(&emulator, &process).await;
    for secret in ["wo-context", "wo-trigger", "wo-password"] {
        core.keep_secret(secret);
    }
    let variations = [
        ("/name", json!("weekly")),
        ("/registry_id", json!(registry().to_lowercase())),
        ("/agent_pool_name", json!("Builds")),
        ("/tags", json!({"team": "other", "more": "x"})),
        ("/docker_step/0/context_access_token_wo_version", json!(2)),
        ("/docker_step/0/secret_arguments", json!({"OTHER": "plain-secret"})),
        ("/docker_step/0/image_names", json!(["app:a", "app:b"])),
        ("/timer_trigger", json!([{"name": "t2", "schedule": "0 9 * * 1-5"}])),
        ("/source_trigger/0/authentication/0/token_wo_version", json!(2)),
        ("/identity", json!([{"type": "SystemAssigned"}])),
        ("/identity", json!([{"type": "UserAssigned", "identity_ids": [USER]}])),
        (
            "/registry_credential/0/custom",
            json!([{"login_server": "third.example", "username": "a", "password": "b"}]),
        ),
    ];
    core.exercise_keeping(TYPE, base(), &variations, &["/platform", "/docker_step"])
        .await;
    core.expect_clean();
    assert!(
        emulator.live_ids().iter().all(|id| !id.contains("/tasks/")),
        "something is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_kinds_of_steps() {
    let (emulator, process) = world();
    let mut core = core(&emulator, &process).await;
    let context = "https://github.com/contoso/app.git";
    let file = json!({
        "name": "from-file", "registry_id": registry(), "platform": [{"os": "Linux"}], "agent_setting": [{"cpu": 2}],
        "file_step": [{"task_file_path": "acr-task.yaml", "context_path": context, "context_access_token": "plain",
            "value_file_path": "values.yaml", "values": {"A": "1"}, "secret_values_wo": {"B": "wo-value"}, "secret_values_wo_version": 1}],
    });
    let encoded = json!({
        "name": "encoded", "registry_id": registry(), "platform": [{"os": "Linux"}],
        "encoded_step": [{"task_content": "version: v1.1.0\nsteps:\n  - cmd: bash echo hello\n", "value_content": "A: 1\n",
            "context_path": context, "context_access_token_wo": "wo-context", "context_access_token_wo_version": 1,
            "values": {"A": "1"}, "secret_values": {"B": "plain"}}],
    });
    let base64 = "dmVyc2lvbjogdjEuMS4wCnN0ZXBzOgogIC0gY21kOiBiYXNoIGVjaG8gaGVsbG8K";
    core.exercise_keeping(
        TYPE,
        file,
        &[("/file_step/0/secret_values_wo_version", json!(2))],
        &["/platform", "/file_step"],
    )
    .await;
    core.exercise_keeping(
        TYPE,
        encoded,
        &[("/encoded_step/0/task_content", json!(base64))],
        &["/platform", "/encoded_step"],
    )
    .await;
    let system =
        json!({"name": "quicktask", "registry_id": registry(), "is_system_task": true, "timeout_in_seconds": 600});
    core.exercise_keeping(TYPE, system, &[("/enabled", json!(false))], &["/is_system_task"])
        .await;
    core.expect_clean();
    assert!(
        emulator.live_ids().iter().all(|id| !id.contains("/tasks/")),
        "something is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_blocks_that_are_not_known() {
    let (emulator, process) = world();
    let core = core(&emulator, &process).await;
    let blocks = [
        "platform",
        "docker_step",
        "file_step",
        "encoded_step",
        "timer_trigger",
        "source_trigger",
        "base_image_trigger",
        "identity",
        "registry_credential",
        "agent_setting",
    ];
    let mut all = json!({"name": unknown(), "registry_id": unknown(), "is_system_task": unknown()});
    for block in blocks {
        all[block] = unknown();
    }
    let planned = core.resource(TYPE).plan(all).await;
    assert_eq!((planned.action, planned.errors()), (Action::Create, vec![]));
    let mut inside = base();
    inside["source_trigger"][0]["authentication"] = unknown();
    inside["registry_credential"][0]["custom"] = unknown();
    let planned = core.resource(TYPE).plan(inside.clone()).await;
    assert_eq!((planned.action, planned.errors()), (Action::Create, vec![]));
    let mut task = core.resource(TYPE);
    task.apply_after(inside, base()).await;
    assert!(task.state().get("id").text() == Some(&task_id("nightly")));
    task.destroy().await;
    core.expect_clean();
}
