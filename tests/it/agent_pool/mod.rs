//! `acr_agent_pool` under real Terraform, against the emulator.

mod conformance;
mod data_source;
mod draining;
mod drift;
mod failures;
mod lifecycle;
mod permissions;
mod plans;
mod probing;
mod status;

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{self, Emulator, Fault, JournalEntry, Mutation, Options, Seed};

use crate::sandbox::{Sandbox, Version};

pub(crate) const GROUP: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers";

/// How long the emulator's operations take here, in real time: long enough to be seen under way, short enough to wait for.
pub(crate) const PROVISIONING: Duration = Duration::from_millis(300);

pub(crate) fn registry() -> String {
    format!("{GROUP}/Microsoft.ContainerRegistry/registries/contosobuilds")
}

pub(crate) fn subnet() -> String {
    format!("{GROUP}/Microsoft.Network/virtualNetworks/vnet-builds/subnets/snet-agents")
}

pub(crate) fn pool_id(name: &str) -> String {
    format!("{}/agentPools/{name}", registry())
}

/// An emulator and a Terraform that uses it.
pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) sandbox: Sandbox,
}

pub(crate) fn options() -> Options {
    Options {
        provisioning: PROVISIONING,
        retry_after: Duration::from_secs(1),
        ..Options::default()
    }
}

/// The built-in seed with more in it.
pub(crate) fn seed(more: Value) -> Seed {
    let mut seed = json!({
        "location": "eastus",
        "resource_groups": [{"name": "rg-builds"}],
        "registries": [{"name": "contosobuilds", "resource_group": "rg-builds", "sku": "Premium"}],
        "virtual_networks": [{"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
                              "subnets": [{"name": "snet-agents", "address_prefix": "10.40.1.0/24"}]}],
    });
    for (name, value) in more.as_object().unwrap() {
        seed[name] = value.clone();
    }
    Seed::from_json(&seed.to_string()).unwrap()
}

/// A rule that keeps machines from Azure's storage.
fn no_storage() -> Value {
    json!({"name": "no-storage", "properties": {"priority": 200, "direction": "Outbound", "access": "Deny", "protocol": "*",
        "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "Storage", "destinationPortRange": "*"}})
}

/// A seed whose subnet has these rules, and is dead if there are any, with more in it.
fn ruled(rules: &Value, more: Value) -> Seed {
    let dead = !rules.as_array().unwrap().is_empty();
    let mut all = json!({
        "network_security_groups": [{"name": "nsg", "resource_group": "rg-builds", "security_rules": rules}],
        "virtual_networks": [{"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
            "subnets": [{"name": "snet-agents", "address_prefix": "10.40.1.0/24", "security_group": "nsg", "dead": dead}]}],
        "service_tags": {},
    });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    seed(all)
}

/// `acr_agent_pool.p` in the subnet, with preflight's verdict on the network only a warning.
fn unguarded(arguments: &str) -> String {
    let warned = "provider \"acr\" {\n  preflight {\n    network = \"warning\"\n  }\n}";
    let pool = configuration(&registry(), &format!("  subnet_id = \"{}\"\n{arguments}", subnet()));
    pool.replace("provider \"acr\" {}", warned)
}

impl World {
    pub(crate) fn new(version: Version) -> Self {
        Self::with(version, options())
    }

    pub(crate) fn with(version: Version, options: Options) -> Self {
        let emulator = emulator::start_blocking(options).unwrap();
        let sandbox = Sandbox::new(version).env(emulator.environment());
        Self { emulator, sandbox }
    }

    /// A second Terraform, with its own state, on the same emulator.
    pub(crate) fn another(&self) -> Sandbox {
        Sandbox::new(self.sandbox.version()).env(self.emulator.environment())
    }

    /// Writes a configuration of one pool, `acr_agent_pool.p`, with these arguments beside name and registry.
    fn configure(&self, arguments: &str) {
        self.sandbox.write("main.tf", &configuration(&registry(), arguments));
    }

    pub(crate) fn apply(&self) -> crate::sandbox::Run {
        self.sandbox.ok(&["apply", "-auto-approve"])
    }

    /// The attributes of `acr_agent_pool.p` in the state.
    fn pool(&self) -> Value {
        attributes(&self.sandbox, "acr_agent_pool.p")
    }

    /// Whether the state has `acr_agent_pool.p` marked as tainted.
    fn is_tainted(&self) -> bool {
        self.sandbox.state()["resources"][0]["instances"][0]["status"] == "tainted"
    }

    /// The writes that Azure was asked for, as `METHOD status`.
    pub(crate) fn writes(&self) -> Vec<String> {
        let is_write = |entry: &&JournalEntry| {
            ["PUT", "PATCH", "DELETE"].contains(&entry.method.as_str()) && entry.path.contains("/agentPools/")
        };
        let told = |entry: &JournalEntry| format!("{} {}", entry.method, entry.status.unwrap_or_default());
        self.emulator.requests().iter().filter(is_write).map(told).collect()
    }

    /// The names of the pools that exist.
    pub(crate) fn pools(&self) -> Vec<String> {
        let pools = self.emulator.live_ids();
        let name = |id: &String| id.split_once("/agentPools/").map(|(_, name)| name.to_owned());
        pools.iter().filter_map(name).collect()
    }

    /// Changes a pool behind Terraform's back.
    pub(crate) fn set(&self, name: &str, member: &str, value: Value) {
        let set = [(member.to_owned(), value)].into_iter().collect();
        self.emulator
            .mutate(&pool_id(name), Mutation { set, delete: false })
            .unwrap();
    }

    /// Removes a pool behind Terraform's back.
    pub(crate) fn remove(&self, name: &str) {
        self.emulator
            .mutate(
                &pool_id(name),
                Mutation {
                    set: serde_json::Map::new(),
                    delete: true,
                },
            )
            .unwrap();
    }

    pub(crate) fn fault(&self, fault: Value) {
        let fault: Fault = serde_json::from_value(fault).unwrap();
        self.emulator.set_faults(vec![fault]);
    }

    /// Destroys everything and asks the emulator whether that is so.
    pub(crate) fn destroy(&self) {
        self.sandbox.ok(&["destroy", "-auto-approve"]);
        assert_eq!(self.pools(), Vec::<String>::new());
    }
}

pub(crate) const HEADER: &str = "terraform {
  required_providers {
    acr = {
      source = \"agentpools/acr\"
    }
  }
}

provider \"acr\" {}
";

pub(crate) fn configuration(registry: &str, arguments: &str) -> String {
    format!(
        "{HEADER}\nresource \"acr_agent_pool\" \"p\" {{\n  name = \"builds\"\n  registry_id = \"{registry}\"\n{arguments}\n}}\n"
    )
}

/// The attributes of a resource in the state; null when it is not there.
pub(crate) fn attributes(sandbox: &Sandbox, address: &str) -> Value {
    let shown = sandbox.show_json(None);
    let resources = shown["values"]["root_module"]["resources"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    resources
        .iter()
        .find(|r| r["address"] == address)
        .map_or(Value::Null, |r| r["values"].clone())
}

/// The planned change of a resource in a saved plan.
pub(crate) fn change(plan: &Value, address: &str) -> Value {
    let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
    changes
        .iter()
        .find(|r| r["address"] == address)
        .map_or(Value::Null, |r| r["change"].clone())
}
