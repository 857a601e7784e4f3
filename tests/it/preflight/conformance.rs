//! Preflight driven by the small Core: every answer keeps every rule that Terraform enforces.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{self, Emulator, Options};

use super::{blocked, networked, rule};
use crate::{
    agent_pool::{options, pool_id, registry, subnet},
    conformance::{core::Core, json::unknown},
    plugin_process::PluginProcess,
};

const TYPE: &str = "acr_agent_pool";

fn started(seed: emulator::Seed) -> (Emulator, PluginProcess) {
    started_with(seed, None)
}

/// An emulator and a provider process that uses it, with these variables besides.
pub(super) fn started_with(
    seed: emulator::Seed,
    variables: impl IntoIterator<Item = (String, String)>,
) -> (Emulator, PluginProcess) {
    let emulator = emulator::start_blocking(Options { seed, ..options() }).unwrap();
    let mut environment = emulator.environment();
    environment.extend(variables);
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let process = PluginProcess::spawn(&variables);
    (emulator, process)
}

fn pool() -> Value {
    json!({"name": "builds", "registry_id": registry(), "subnet_id": subnet(), "tier": "S1", "instance_count": 1,
        "timeouts": {"create": "2s"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_among_rules_keeps_every_rule() {
    let rules = json!([rule("Allow", 100, "AzureCloud"), rule("Deny", 200, "Internet")]);
    let (emulator, process) = started(networked(json!({"security_group": "nsg", "route_table": "rt"}), rules));
    let preflight = json!({"preflight": {"fail_at_plan": true, "quota": "error", "network": "warning", "standard_vcpu_quota": 32,
        "trusted_next_hops": ["10.9.9.9"]}});
    let mut core = Core::connect(process.provider_client().await, preflight).await;
    let mut base = pool();
    base["timeouts"] = json!({"create": "30m"});
    let variations = [
        ("/instance_count", json!(3)),
        ("/tier", json!("S2")),
        ("/name", json!("builds-2")),
    ];
    core.exercise(TYPE, base, &variations).await;
    core.expect_clean();
    assert!(emulator.live_ids().iter().all(|id| !id.contains("/agentPools/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_pool_leaves_nothing_and_keeps_every_rule() {
    let (emulator, process) = started(blocked());
    let core = Core::connect(
        process.provider_client().await,
        json!({"preflight": {"network": "error"}}),
    )
    .await;
    let mut object = core.resource(TYPE);
    let applied = object.apply(pool()).await;
    assert!(
        !applied.tainted && applied.errors()[0].contains("blocks"),
        "{applied:?}"
    );
    assert!(!emulator.live_ids().contains(&pool_id("builds")));
    core.expect_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_sources_keep_every_rule() {
    let (_emulator, process) = started(blocked());
    let mut core = Core::connect(
        process.provider_client().await,
        json!({"preflight": {"trusted_next_hops": unknown()}}),
    )
    .await;
    for (name, config) in [
        ("acr_subnet_readiness", json!({"registry_id": registry()})),
        (
            "acr_subnet_readiness",
            json!({"registry_id": registry(), "subnet_id": subnet().to_uppercase(), "tier": "I6",
            "instance_count": 300, "pool_name": "builds", "trusted_next_hops": ["10.9.9.9"]}),
        ),
        ("acr_agent_pools", json!({"registry_id": registry()})),
        ("acr_agent_pool_offering", json!({})),
    ] {
        let read = core.data(name, config.clone()).await;
        assert!(read.diagnostics.is_empty(), "{name} {config}: {:?}", read.diagnostics);
    }
    core.expect_clean();
}
