//! `acr_image_build` driven by the small Core: every answer keeps every rule that Terraform enforces.

use serde_json::json;
use terraform_provider_acr::emulator;

use crate::{
    agent_pool::registry,
    conformance::{core::Core, json::unknown, rules::plan::Action},
    plugin_process::PluginProcess,
};

const TYPE: &str = "acr_image_build";

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_configuration_can_do() {
    let emulator = emulator::start_blocking(super::options()).unwrap();
    let environment = emulator.environment();
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let process = PluginProcess::spawn(&variables);
    let mut core = Core::connect(process.provider_client().await, json!({})).await;
    core.keep_secret("hush-hush");
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(root.path().join("Dockerfile"), "FROM scratch AS final\n").unwrap();
    std::fs::write(root.path().join("Other"), "FROM scratch\n").unwrap();
    std::fs::write(other.path().join("Dockerfile"), "FROM scratch\nRUN echo other\n").unwrap();
    let url = "https://github.com/contoso/app.git#main";
    let base = json!({
        "registry_id": registry(),
        "context": {"path": root.path().to_str().unwrap()},
        "dockerfile": "Dockerfile",
        "image_names": ["app:v1", "team/app"],
        "build_args": {"A": "1"},
        "platform": "linux/amd64",
        "triggers": {"base": "sha256:1"},
        "registry_credential": [{
            "source": [{"identity": "[caller]", "login_mode": "Default"}],
            "custom": [{"login_server": "base.azurecr.io", "username": "me", "password_wo": "hush-hush", "password_wo_version": 1}],
        }],
        "fail_on": ["Failed"],
        "store_log_tail": true,
        "timeouts": {"create": "30m"},
    });
    let variations = [
        ("/context/path", json!(other.path().to_str().unwrap())),
        (
            "/context",
            json!({"url": url, "token_wo": "hush-hush", "token_wo_version": 1}),
        ),
        ("/dockerfile", json!("Other")),
        ("/image_names", json!(["app:{{.Run.ID}}"])),
        ("/push", json!(false)),
        ("/no_cache", json!(true)),
        ("/platform", json!("Linux/AMD64")),
        ("/platform", json!("linux/arm64")),
        ("/registry_id", json!(registry().to_uppercase())),
        ("/triggers", json!({"base": "sha256:2"})),
        ("/target", json!("final")),
        ("/timeout_in_seconds", json!(600)),
        ("/wait", json!(false)),
        ("/store_log_tail", json!(false)),
        ("/log_tail_lines", json!(3)),
        ("/cancel_on_interrupt", json!(false)),
    ];
    core.exercise(TYPE, base.clone(), &variations).await;
    core.expect_clean();

    // The two go together, so that neither is left out alone.
    let mut secret = base.clone();
    let mut build = core.resource(TYPE);
    for version in [1, 2] {
        secret["secret_build_args_wo"] = json!({"B": "hush-hush"});
        secret["secret_build_args_wo_version"] = json!(version);
        let applied = build.apply(secret.clone()).await;
        assert!(applied.errors().is_empty(), "{applied:?}");
        assert_eq!(build.plan(secret.clone()).await.action, Action::NoOp);
    }
    core.expect_clean();

    // Nothing but a registry that is not known yet either.
    let planned = core
        .resource(TYPE)
        .plan(
            json!({"registry_id": unknown(), "context": {"path": unknown(), "url": unknown()},
            "agent_pool_name": unknown(), "scale": {"instances": unknown(), "restore": unknown()}, "wait": unknown()}),
        )
        .await;
    assert_eq!(planned.action, Action::Create);
    core.expect_clean();
}
