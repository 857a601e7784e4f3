//! One quota for all pools of a registry, as they will be when the plan is done.

use serde_json::{Value, json};

use super::{REFUSED, conformance::started_with, world};
use crate::{
    agent_pool::{HEADER, World, pool_id, registry, seed},
    conformance::core::Core,
};

/// Pools by name, tier and count, under a provider with this block.
fn pools(world: &World, preflight: &str, pools: &[(&str, &str, u32)]) {
    let provider = format!("provider \"acr\" {{\n  preflight {{\n{preflight}\n  }}\n}}");
    let mut text = HEADER.replace("provider \"acr\" {}", &provider);
    for (name, tier, count) in pools {
        text += &format!(
            "\nresource \"acr_agent_pool\" \"{name}\" {{\n  name = \"{name}\"\n  registry_id = \"{}\"\n  tier = \"{tier}\"\n  instance_count = {count}\n  timeouts {{\n    create = \"3s\"\n    update = \"3s\"\n  }}\n}}\n",
            registry()
        );
    }
    world.sandbox.write("main.tf", &text);
}

const SUMMARY: &str = "More than the registry's quota of standard vCPU";

#[test]
fn pools_of_one_plan_share_the_quota() {
    let world = world(seed(json!({})));
    pools(&world, "", &[("large", "S2", 4), ("small", "S1", 1)]);
    world
        .sandbox
        .ok(&["plan"])
        .says(&format!("Warning: {SUMMARY}"))
        .says("use 18 vCPU (large 16, small 2)");
    pools(
        &world,
        "    quota = \"error\"\n    fail_at_plan = true",
        &[("large", "S2", 4), ("small", "S1", 1)],
    );
    world.sandbox.fails(&["plan"]).says(&format!("Error: {SUMMARY}"));
    pools(
        &world,
        "    standard_vcpu_quota = 16",
        &[("large", "S2", 4), ("small", "S1", 1)],
    );
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says(&format!("Error: {SUMMARY}"))
        .says("preflight declares 16")
        .says(REFUSED);
    pools(
        &world,
        "    standard_vcpu_quota = 18",
        &[("large", "S2", 4), ("small", "S1", 1)],
    );
    quiet(&world);
    pools(&world, "", &[("large", "S2", 4)]);
    quiet(&world);
}

fn quiet(world: &World) {
    let run = world.sandbox.ok(&["plan"]);
    assert!(!run.output().contains(SUMMARY), "{run}");
}

fn existing(pools: &[(&str, &str, u32)]) -> Value {
    let pools = pools
        .iter()
        .map(|(name, tier, count)| json!({"registry": "contosobuilds", "name": name, "tier": tier, "count": count}));
    json!({"agent_pools": pools.collect::<Vec<_>>()})
}

#[test]
fn what_is_in_use_already_has_been_granted() {
    // 24 are in use: scaling one pool down and another up by as much is no news, and one more is.
    let world = world(seed(existing(&[("huge", "S3", 3)])));
    pools(&world, "    standard_vcpu_quota = 16", &[("next", "S1", 1)]);
    world
        .sandbox
        .ok(&["plan"])
        .says(&format!("Warning: {SUMMARY}"))
        .says("use 26 vCPU (huge 24, next 2)")
        .says("24");
    pools(&world, "    standard_vcpu_quota = 26", &[("next", "S1", 1)]);
    quiet(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_is_a_quota_that_azure_has_raised() {
    // 24 are in use and 16 declared: as long as the plan needs no more than 24, nobody has to ask for more.
    for (tier, count, total) in [("S1", 1, 18), ("S2", 2, 24), ("S1", 5, 26)] {
        let (_emulator, process) = started_with(seed(existing(&[("huge", "S3", 3)])), None);
        let block = json!({"preflight": {"standard_vcpu_quota": 16}});
        let mut core = Core::connect(process.provider_client().await, block).await;
        let pool = |name: &str, tier: &str, count: u32| json!({"name": name, "registry_id": registry(), "tier": tier, "instance_count": count});
        let mut huge = core.import("acr_agent_pool", &pool_id("huge")).await.unwrap();
        let shrunk = huge.plan(pool("huge", "S3", 2)).await;
        assert!(shrunk.diagnostics.is_empty(), "{:?}", shrunk.diagnostics);
        let told = core
            .resource("acr_agent_pool")
            .plan(pool("next", tier, count))
            .await
            .diagnostics;
        assert_eq!(told.iter().any(|it| it.summary == SUMMARY), total > 24, "{told:?}");
        core.expect_clean();
    }
}

#[test]
fn what_the_plan_destroys_or_replaces_does_not_count() {
    let world = world(seed(json!({})));
    pools(&world, "", &[("old", "S2", 4)]);
    world.apply();
    // Under another tier: the old machines are gone before the new ones come.
    pools(&world, "    quota = \"error\"", &[("old", "S3", 2)]);
    world.apply();
    pools(
        &world,
        "    quota = \"error\"\n    fail_at_plan = true",
        &[("new", "S3", 2)],
    );
    let run = world.sandbox.run(&["plan"]);
    assert!(
        !run.output().contains("(new 16, old 16)"),
        "the pool that is destroyed does not count: {run}"
    );
}
