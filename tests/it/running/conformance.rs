//! `acr_task_run` driven by the small Core over the real process: every answer keeps every rule that Terraform enforces.

use serde_json::json;
use terraform_provider_acr::emulator::{self, Mutation};

use super::{lab, pool, registry, task, task_id};
use crate::{
    conformance::{core::Core, json::unknown, rules::plan::Action},
    plugin_process::PluginProcess,
};

const TYPE: &str = "acr_task_run";

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_configuration_can_do() {
    let tasks = [
        task("greets", Some("builds"), "bash echo hello"),
        task("other", None, "bash echo other"),
    ];
    let emulator = emulator::start_blocking(lab(&[pool(1)], &tasks)).unwrap();
    let environment = emulator.environment();
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let process = PluginProcess::spawn(&variables);
    let mut core = Core::connect(process.provider_client().await, json!({})).await;
    core.keep_secret("hush-hush-hush");
    let base = json!({
        "task_id": task_id("greets"), "triggers": {"a": "1"}, "arguments": {"a": "1"}, "values": {"b": "2"},
        "target": "t", "file": "f", "context_path": "https://github.com/contoso/app.git", "wait": true,
        "fail_on": ["Failed"], "cancel_on_interrupt": true, "log_tail_lines": 10, "store_log_tail": true,
        "scale": {"instances": 1, "restore": true}, "timeouts": {"create": "30m", "delete": "5m"},
    });
    let variations = [
        (
            "/task_id",
            json!(
                task_id("other")
                    .to_uppercase()
                    .replace("/SUBSCRIPTIONS", "/subscriptions")
            ),
        ),
        ("/triggers", json!({"a": "2", "b": null})),
        ("/arguments", json!({})),
        ("/log_tail_lines", json!(0)),
        ("/store_log_tail", json!(false)),
        ("/fail_on", json!([])),
        ("/values", json!({"b": "2", "c": null})),
        ("/scale/restore", json!(false)),
        ("/timeouts", json!({"update": "1h"})),
    ];
    // Only a run on a pool can scale it.
    let base_without_scale = {
        let mut base = base.clone();
        base["scale"] = json!(null);
        base
    };
    core.exercise(TYPE, base_without_scale, &variations[..7]).await;
    core.exercise(TYPE, base.clone(), &variations[1..]).await;

    // A write-only argument and its version go together, so that neither can be left out alone.
    let mut run = core.resource(TYPE);
    for version in 1..=2 {
        let mut secret = base.clone();
        secret["secret_values_wo"] = json!({"c": "hush-hush-hush"});
        secret["secret_values_wo_version"] = json!(version);
        run.apply(secret.clone()).await;
        assert_eq!(run.plan(secret).await.action, Action::NoOp);
    }
    let mut later = base;
    later["secret_arguments_wo"] = json!({"d": unknown()});
    later["secret_arguments_wo_version"] = unknown();
    assert_eq!(run.plan(later).await.action, Action::Replace);
    core.expect_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_happens_outside() {
    let emulator = emulator::start_blocking(lab(&[], &[task("sleeps", None, "bash sleep 3000")])).unwrap();
    let environment = emulator.environment();
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let process = PluginProcess::spawn(&variables);
    let core = Core::connect(process.provider_client().await, json!({})).await;
    let config = json!({"task_id": task_id("sleeps"), "wait": false});
    let mut run = core.resource(TYPE);
    run.apply(config.clone()).await;
    let id = format!("{}/runs/cf1", registry());
    for status in ["Running", "Failed"] {
        emulator.mutate(&id, Mutation::set("status", status)).unwrap();
        run.changed_outside();
        run.refresh().await;
    }
    assert_eq!(run.plan(config.clone()).await.action, Action::NoOp);
    emulator.mutate(&id, Mutation::delete()).unwrap();
    run.changed_outside();
    assert!(!run.refresh().await.gone, "a run that has been stays");
    let waiting = run.plan(json!({"task_id": unknown(), "wait": false})).await;
    assert_eq!(waiting.action, Action::Replace, "{waiting:?}");
    core.expect_clean();
}
