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
async fn everything_that_a_probe_can_come_to() {
    let (emulator, process) = world();
    let core = core(&emulator, &process).await;
    let schedule = |action: Value| -> Vec<Fault> {
        let fault = json!({"match": {"path_contains": "/scheduleRun"}, "action": action});
        vec![serde_json::from_value(fault).unwrap()]
    };
    let failing = || schedule(json!({"fail_operation": {"code": "Broken", "message": "exit status 3"}}));
    let denied = || {
        schedule(
            json!({"respond": {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no"}}}}),
        )
    };
    let with = |count: i64, on_failure: &str| {
        let mut config = base();
        config["instance_count"] = json!(count);
        config["readiness_probe"]["on_failure"] = json!(on_failure);
        config
    };
    let mut pool = core.resource(TYPE);
    pool.apply(with(0, "error")).await;

    // A scale-out that does not prove itself fails, and is owed a probe until it does.
    emulator.set_faults(failing());
    let applied = pool.apply(with(2, "error")).await;
    assert!(
        !applied.tainted && applied.errors()[0].contains("exit status 3"),
        "{applied:?}"
    );
    assert_eq!(pool.state().get("readiness").text(), Some("failed"));
    assert_eq!(pool.plan(with(2, "error")).await.action, Action::Update);
    assert!(!pool.apply(with(2, "error")).await.errors().is_empty());
    emulator.set_faults(denied());
    assert!(
        !pool.apply(with(2, "error")).await.errors().is_empty(),
        "what was promised"
    );
    assert_eq!(pool.state().get("readiness").text(), Some("failed"));
    // Whoever is content with a warning is left alone.
    assert!(pool.apply(with(2, "warn")).await.errors().is_empty());
    assert_eq!(pool.plan(with(2, "warn")).await.action, Action::NoOp);
    // The probe is owed again, and a change of size makes up for it as well.
    emulator.set_faults(Vec::new());
    assert!(pool.apply(with(3, "error")).await.errors().is_empty());
    assert_eq!(pool.state().get("readiness").text(), Some("passed"));
    assert_eq!(pool.plan(with(3, "error")).await.action, Action::NoOp);

    // From zero, with a warning for a failure and for a refusal.
    for (faults, readiness) in [(failing(), "failed"), (denied(), "unknown")] {
        pool.apply(with(0, "warn")).await;
        emulator.set_faults(faults);
        let applied = pool.apply(with(1, "warn")).await;
        assert!(
            applied.errors().is_empty() && !applied.diagnostics.is_empty(),
            "{applied:?}"
        );
        assert_eq!(pool.state().get("readiness").text(), Some(readiness));
        assert_eq!(pool.plan(with(1, "warn")).await.action, Action::NoOp);
    }

    // A creation that does not prove itself is tainted, and replaced.
    let mut other = core.resource(TYPE);
    let mut config = with(1, "error");
    config["name"] = json!("other");
    emulator.set_faults(failing());
    assert!(other.apply(config.clone()).await.tainted);
    emulator.set_faults(Vec::new());
    assert!(other.apply(config).await.errors().is_empty());
    assert!(!other.is_tainted());
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
