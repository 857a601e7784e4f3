//! `acr_agent_pool` driven by the small Core over the real process and its mutual TLS: every answer keeps every rule that
//! Terraform enforces, also those that a given Terraform does not check.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{self, Emulator, Fault, Mutation, Options};

use super::{options, pool_id, registry, subnet};
use crate::{
    conformance::{core::Core, json::unknown, rules::plan::Action},
    plugin_process::PluginProcess,
};

const TYPE: &str = "acr_agent_pool";

/// The emulator, a provider process that uses it, and its environment.
fn world() -> (Emulator, PluginProcess) {
    let emulator = emulator::start_blocking(Options {
        run_duration: std::time::Duration::from_millis(100),
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

fn base() -> Value {
    json!({
        "name": "builds", "registry_id": registry(), "subnet_id": subnet(), "tier": "S1", "instance_count": 1,
        "replace_when_failed": false, "timeouts": {"create": "30m", "delete": "30m"}, "drain_timeout": "30m",
        "readiness_probe": {"timeout": "5m", "on_failure": "error"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_configuration_can_do() {
    let (emulator, process) = world();
    let mut core = core(&emulator, &process).await;
    let variations = [
        ("/instance_count", json!(3)),
        ("/instance_count", json!(0)),
        ("/tier", json!("S2")),
        ("/name", json!("builds-2")),
        ("/subnet_id", json!(subnet().to_uppercase())),
        ("/registry_id", json!(registry().to_lowercase())),
        ("/replace_when_failed", json!(true)),
        ("/timeouts", json!({"update": "1h"})),
        ("/drain_timeout", json!("1h30m")),
        ("/readiness_probe", json!({})),
        ("/readiness_probe/on_failure", json!("warn")),
        ("/readiness_probe/timeout", Value::Null),
    ];
    core.exercise(TYPE, base(), &variations).await;
    core.expect_clean();
    assert!(
        emulator.live_ids().iter().all(|id| !id.contains("/agentPools/")),
        "something is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_happens_outside() {
    let (emulator, process) = world();
    let core = core(&emulator, &process).await;
    let mut pool = core.resource(TYPE);
    pool.apply(base()).await;
    for (member, value) in [
        ("count", json!(4)),
        ("provisioningState", json!("Updating")),
        ("tier", json!("S3")),
    ] {
        let set = [(member.to_owned(), value)].into_iter().collect();
        emulator
            .mutate(&pool_id("builds"), Mutation { set, delete: false })
            .unwrap();
        pool.changed_outside();
        assert!(pool.refresh().await.drifted, "{member}");
    }
    let set = [("provisioningState".to_owned(), json!("Failed"))]
        .into_iter()
        .collect();
    emulator
        .mutate(&pool_id("builds"), Mutation { set, delete: false })
        .unwrap();
    pool.changed_outside();
    let mut replacing = base();
    replacing["replace_when_failed"] = json!(true);
    let planned = pool.plan(replacing.clone()).await;
    assert!(
        planned.replaces.iter().any(|path| path.contains("provisioning_state")),
        "{planned:?}"
    );
    pool.changed_outside();
    pool.apply(replacing.clone()).await;
    assert_eq!(pool.plan(replacing.clone()).await.action, Action::NoOp);
    emulator
        .mutate(
            &pool_id("builds"),
            Mutation {
                set: Default::default(),
                delete: true,
            },
        )
        .unwrap();
    pool.changed_outside();
    assert!(pool.refresh().await.gone);
    core.expect_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_fails_half_way() {
    let (emulator, process) = world();
    let core = core(&emulator, &process).await;
    let fail = |method: &str| -> Fault {
        serde_json::from_value(
            json!({"match": {"method": method, "path_contains": "/agentPools/"}, "times": 1,
            "action": {"fail_operation": {"code": "Broken", "message": "on purpose"}}}),
        )
        .unwrap()
    };
    let mut pool = core.resource(TYPE);
    emulator.set_faults(vec![fail("PUT")]);
    let applied = pool.apply(base()).await;
    assert!(applied.tainted && applied.errors()[0].contains("Broken"), "{applied:?}");
    pool.changed_outside();
    let mended = pool.apply(base()).await;
    assert!(mended.errors().is_empty(), "{mended:?}");

    let mut larger = base();
    larger["instance_count"] = json!(2);
    emulator.set_faults(vec![fail("PATCH")]);
    let applied = pool.apply(larger.clone()).await;
    assert!(applied.errors()[0].contains("Broken"), "{applied:?}");

    // What is refused at once leaves nothing.
    let mut other = core.resource(TYPE);
    let mut huge = base();
    huge["name"] = json!("huge");
    huge["tier"] = json!("I6");
    let refused = other.apply(huge).await;
    assert!(!refused.tainted && !refused.errors().is_empty(), "{refused:?}");
    core.expect_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_source_waits_for_what_is_unknown() {
    let (emulator, process) = world();
    let mut core = core(&emulator, &process).await;
    core.resource(TYPE).apply(base()).await;
    let read = core.data(TYPE, json!({"id": pool_id("builds")})).await;
    assert!(read.diagnostics.is_empty(), "{:?}", read.diagnostics);
    let read = core
        .data(TYPE, json!({"registry_id": registry(), "name": "builds"}))
        .await;
    assert_eq!(read.state.get("health").text(), Some("ready"));
    core.expect_clean();
    let planned = core
        .resource(TYPE)
        .plan(json!({"name": unknown(), "registry_id": unknown()}))
        .await;
    assert_eq!(planned.action, Action::Create);
    core.expect_clean();
}
