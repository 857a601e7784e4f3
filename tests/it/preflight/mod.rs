//! Preflight under real Terraform, against the emulator: what is said before a pool is written, and when.

mod checks;
mod conformance;
mod matrix;
mod quota;
mod reads;
mod remedy;
mod vectors;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Options, Seed};

use crate::{
    agent_pool::{GROUP, HEADER, World, options, registry, seed, subnet},
    sandbox::Version,
};

/// How long a refused create may wait for somebody to mend what is wrong.
const SHORT: &str = "  timeouts {\n    create = \"3s\"\n  }";

/// The end of a finding that refuses.
const REFUSED: &str = "Nothing was written.";

/// The end of a finding that would refuse, at plan.
const WOULD_REFUSE: &str = "Apply will be refused, before anything is written, unless this plan also mends it.";

fn group_id(name: &str) -> String {
    format!("{GROUP}/Microsoft.Network/networkSecurityGroups/{name}")
}

/// An outbound rule, as ARM spells it.
fn rule(access: &str, priority: u32, destination: &str) -> Value {
    json!({"name": format!("{access}-{destination}"), "properties": {"priority": priority, "direction": "Outbound",
        "access": access, "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*",
        "destinationAddressPrefix": destination, "destinationPortRange": "*"}})
}

/// A seed whose subnet has these members beside name and address range, with a security group `nsg` of these rules, and a
/// route table `rt` whose default route leads to an appliance at 10.9.9.9.
fn networked(subnet: Value, rules: Value) -> Seed {
    let mut own = json!({"name": "snet-agents", "address_prefix": "10.40.1.0/24"});
    for (name, value) in subnet.as_object().unwrap() {
        own[name] = value.clone();
    }
    seed(json!({
        "network_security_groups": [{"name": "nsg", "resource_group": "rg-builds", "security_rules": rules}],
        "route_tables": [{"name": "rt", "resource_group": "rg-builds", "routes": [{"name": "out", "properties":
            {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.9.9.9"}}]}],
        "virtual_networks": [{"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
                              "subnets": [own]}],
        "service_tags": {},
    }))
}

/// A seed whose subnet blocks the internet.
fn blocked() -> Seed {
    networked(json!({"security_group": "nsg"}), json!([rule("Deny", 200, "Internet")]))
}

fn world(seed: Seed) -> World {
    World::with(Version::Newest, Options { seed, ..options() })
}

/// `acr_agent_pool.p` with a provider whose preflight block is this.
fn configuration(preflight: &str, arguments: &str) -> String {
    let provider = format!("provider \"acr\" {{\n  preflight {{\n{preflight}\n  }}\n}}");
    let header = HEADER.replace("provider \"acr\" {}", &provider);
    format!(
        "{header}\nresource \"acr_agent_pool\" \"p\" {{\n  name        = \"builds\"\n  registry_id = \"{}\"\n{arguments}\n}}\n",
        registry()
    )
}

fn in_subnet() -> String {
    format!("  subnet_id = \"{}\"", subnet())
}

/// The requests whose path ends like this.
fn asked(world: &World, end: &str) -> usize {
    let end = end.to_ascii_lowercase();
    world
        .emulator
        .requests()
        .iter()
        .filter(|it| it.path.to_ascii_lowercase().ends_with(&end))
        .count()
}
