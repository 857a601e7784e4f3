//! How little is asked: each object once, and nothing about a pool that stays as it is.

use serde_json::json;

use super::{asked, configuration, in_subnet, networked, world};
use crate::agent_pool::{HEADER, World, registry, subnet};

fn network_reads(world: &World) -> usize {
    world
        .emulator
        .requests()
        .iter()
        .filter(|it| it.path.contains("/Microsoft.Network/"))
        .count()
}

fn group_world() -> World {
    world(networked(json!({"security_group": "nsg"}), json!([])))
}

#[test]
fn five_pools_in_one_subnet_read_each_object_once() {
    let world = group_world();
    let mut text = HEADER.to_owned();
    for at in 1..=5 {
        text += &format!(
            "\nresource \"acr_agent_pool\" \"p{at}\" {{\n  name = \"pool{at}\"\n  registry_id = \"{}\"\n  subnet_id = \"{}\"\n}}\n",
            registry(),
            subnet()
        );
    }
    world.sandbox.write("main.tf", &text);
    world.sandbox.ok(&["plan"]);
    let told: Vec<String> = world
        .emulator
        .requests()
        .iter()
        .map(|it| format!("{} {}", it.method, it.path))
        .collect();
    for end in [
        "/subnets/snet-agents",
        "/virtualNetworks/vnet-builds",
        "/networkSecurityGroups/nsg",
        "/listNetworkManagerEffectiveSecurityAdminRules",
        "/agentPools",
        "555555555555/providers/Microsoft.ContainerRegistry",
    ] {
        assert_eq!(asked(&world, end), 1, "{end}: {told:#?}");
    }
}

/// Beside the registry and the pools themselves, which planning asks for by itself, past preflight's memory.
#[test]
fn a_hundred_pools_in_one_subnet_read_each_object_once_too() {
    let world = group_world();
    let pool = format!("  registry_id = \"{}\"\n  subnet_id = \"{}\"\n", registry(), subnet());
    let text = format!(
        "{HEADER}\nresource \"acr_agent_pool\" \"p\" {{\n  count = 100\n  name = \"pool${{count.index}}\"\n{pool}}}\n"
    );
    world.sandbox.write("main.tf", &text);
    world.sandbox.ok(&["plan"]);
    let is_planning = |path: &str| path.ends_with("/registries/contosobuilds") || path.contains("/agentPools/");
    let requests = world.emulator.requests();
    let others = requests
        .iter()
        .filter(|it| it.path.starts_with("/subscriptions/") && !is_planning(&it.path))
        .count();
    assert!(others <= 6, "{others} reads");
}

#[test]
fn what_does_not_change_is_not_checked_and_what_grows_is_only_counted() {
    let world = group_world();
    world.sandbox.write("main.tf", &configuration("", &in_subnet()));
    world.apply();
    let reads = network_reads(&world);
    world.sandbox.plan_is_empty();
    assert_eq!(network_reads(&world), reads, "nothing changes");

    let count = |count: u32| format!("{}\n  instance_count = {count}", in_subnet());
    world.sandbox.write("main.tf", &configuration("", &count(3)));
    let (groups, subnets, pools) = (
        asked(&world, "/nsg"),
        asked(&world, "/snet-agents"),
        asked(&world, "/agentPools"),
    );
    world.sandbox.ok(&["plan"]);
    assert_eq!(
        asked(&world, "/nsg"),
        groups,
        "a pool that grows is in its network already"
    );
    assert_eq!(
        (asked(&world, "/snet-agents"), asked(&world, "/agentPools")),
        (subnets + 1, pools + 1)
    );
    world.apply();

    let reads = network_reads(&world);
    world.sandbox.write("main.tf", &configuration("", &count(1)));
    world.sandbox.ok(&["plan"]);
    assert_eq!(network_reads(&world), reads, "a pool that shrinks needs nothing");

    world
        .sandbox
        .write("main.tf", &configuration("", &format!("{}\n  tier = \"S2\"", count(3))));
    let groups = asked(&world, "/nsg");
    world.sandbox.ok(&["plan"]);
    assert_eq!(asked(&world, "/nsg"), groups + 1, "a replacement is a new pool");
}

#[test]
fn many_pools_in_one_subnet_cost_few_reads() {
    let World { emulator, sandbox } = group_world();
    let cost = |count: usize| {
        let text = format!(
            "{HEADER}\nresource \"acr_agent_pool\" \"p\" {{\n  count       = {count}\n  name        = \"pool-${{count.index}}\"\n  registry_id = \"{}\"\n  subnet_id   = \"{}\"\n}}\n",
            registry(),
            subnet()
        );
        sandbox.write("main.tf", &text);
        emulator.clear_requests();
        sandbox.ok(&["plan"]);
        let reads = emulator.requests();
        reads.iter().filter(|entry| !entry.path.ends_with("/token")).count()
    };
    let (one, hundred) = (cost(1), cost(100));
    println!("reads of a plan: {one} for one pool, {hundred} for a hundred");
    assert!(one <= 8, "{one} reads for one pool in a subnet");
    assert!(hundred <= 12, "{hundred} reads for a hundred pools in a subnet");
}
