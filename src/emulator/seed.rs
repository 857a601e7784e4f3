//! The seed: what exists when the emulator starts, and after `/emulator/reset`. Networks have a page of their own.
//!
//! ```json
//! {
//!   "subscription_id": "11111111-2222-3333-4444-555555555555",
//!   "location": "eastus",
//!   "resource_groups": [{"name": "rg-builds"}],
//!   "registries": [{"name": "contosobuilds", "resource_group": "rg-builds", "sku": "Premium"}],
//!   "virtual_networks": [{"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
//!                         "subnets": [{"name": "snet-agents", "address_prefix": "10.40.1.0/24"}]}],
//!   "agent_pools": [{"registry": "contosobuilds", "name": "pool1", "tier": "S1", "count": 1}],
//!   "tasks": [{"registry": "contosobuilds", "name": "build", "agent_pool_name": "pool1",
//!              "properties": {"trigger": {"timerTriggers": [{"name": "nightly", "schedule": "0 1 * * *"}]}}}],
//!   "runs": [{"registry": "contosobuilds", "run_id": "cf1", "status": "Queued", "agent_pool_name": "pool1"}],
//!   "task_api_versions": ["2019-06-01-preview"],
//!   "assumptions": {"delete_end": "404"}
//! }
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::assumptions::Assumptions;
use super::seed_network::{
    SeedForeignSubscription, SeedNatGateway, SeedNetwork, SeedRouteTable, SeedSecurityGroup, SeedSubnet,
};

/// The documented default of the service: total vCPU of all standard pools of one registry.
pub(super) const STANDARD_VCPU_QUOTA: i64 = 16;
/// The documented default of the service: total vCPU of all isolated pools of one registry.
pub(super) const ISOLATED_VCPU_QUOTA: i64 = 0;
/// See [`Seed::dead_subnet_seconds`]: ten minutes, a guess of the right order.
const DEAD_SUBNET_SECONDS: u64 = 600;

/// What exists at the start. Every part has a default, and an unknown member is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// The only subscription that exists. A fixed fake id unless given.
    pub subscription_id: String,
    /// The tenant of the subscription. A fixed fake id unless given.
    pub tenant_id: String,
    /// Further tenants in which the principals can sign in: what `auxiliary_tenant_ids` may name.
    pub auxiliary_tenants: Vec<String>,
    /// The location of everything below that names none of its own.
    pub location: String,
    /// Resource groups.
    pub resource_groups: Vec<SeedGroup>,
    /// Registries.
    pub registries: Vec<SeedRegistry>,
    /// Network security groups.
    pub network_security_groups: Vec<SeedSecurityGroup>,
    /// Route tables.
    pub route_tables: Vec<SeedRouteTable>,
    /// NAT gateways.
    pub nat_gateways: Vec<SeedNatGateway>,
    /// Virtual networks with their subnets.
    pub virtual_networks: Vec<SeedNetwork>,
    /// Service tags with their addresses; a built-in table of documentation addresses when absent, none when empty.
    pub service_tags: Option<BTreeMap<String, Vec<String>>>,
    /// Subscriptions that exist elsewhere, with ARM's answer for them.
    pub foreign_subscriptions: Vec<SeedForeignSubscription>,
    /// Seconds on the emulator's clock until a dead subnet shows in its pools: from `Succeeded` to `Failed`, or how long a
    /// creation runs before it fails. Nobody has published the real time.
    pub dead_subnet_seconds: u64,
    /// Agent pools. Not checked against quota, SKU or region: a seed may start from trouble.
    pub agent_pools: Vec<SeedPool>,
    /// Tasks.
    pub tasks: Vec<SeedTask>,
    /// Runs of the past, and runs that stay as they are until they are changed from outside: those that are `Started` or
    /// `Running` occupy an instance of their pool all the same.
    pub runs: Vec<SeedRun>,
    /// The versions in which this cloud serves pools, tasks and runs; all that ever were when absent.
    pub task_api_versions: Option<Vec<String>>,
    /// The switches for what nobody has recorded.
    pub assumptions: Assumptions,
}

/// A resource group.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedGroup {
    /// Its name.
    pub name: String,
    /// Its location; the seed's when absent.
    pub location: Option<String>,
}

/// A registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedRegistry {
    /// Its name.
    pub name: String,
    /// The group that holds it.
    pub resource_group: String,
    /// Its location; the seed's when absent.
    pub location: Option<String>,
    /// `Basic`, `Standard` or `Premium` (the default).
    #[serde(default = "premium")]
    pub sku: String,
    /// Total vCPU for standard pools; 16 as documented.
    #[serde(default = "standard_quota")]
    pub standard_vcpu_quota: i64,
    /// Total vCPU for isolated pools; 0 as documented.
    #[serde(default = "isolated_quota")]
    pub isolated_vcpu_quota: i64,
    /// Settable properties as ARM spells them: `publicNetworkAccess`, `networkRuleSet`, `networkRuleBypassOptions`,
    /// `networkRuleBypassAllowedForTasks` and the others that a PUT may set.
    #[serde(default)]
    pub properties: Map<String, Value>,
    /// The private endpoints that `privateEndpointConnections` shows.
    #[serde(default)]
    pub private_endpoints: Vec<SeedPrivateEndpoint>,
}

/// A private endpoint as its registry shows it; nothing else of it exists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedPrivateEndpoint {
    /// The connection's name.
    pub name: String,
    /// ARM id of the private endpoint, in any subscription.
    pub private_endpoint_id: String,
    /// `Approved` (the default), `Pending`, `Rejected` or `Disconnected`.
    #[serde(default = "approved")]
    pub status: String,
}

/// An agent pool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedPool {
    /// The name of its registry.
    pub registry: String,
    /// Its name.
    pub name: String,
    /// `S1` (the default), `S2`, `S3` or `I6`.
    #[serde(default = "smallest_tier")]
    pub tier: String,
    /// Instances; 1 when absent.
    #[serde(default = "one")]
    pub count: i64,
    /// ARM id of its subnet.
    #[serde(default)]
    pub subnet_id: Option<String>,
    /// `Succeeded` (the default), `Failed`, `Creating` or `Updating`; the last two stay so until changed from outside.
    #[serde(default = "succeeded")]
    pub provisioning_state: String,
}

/// A task. Unless its properties say otherwise, its step is an encoded task that does nothing of interest.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedTask {
    /// The name of its registry.
    pub registry: String,
    /// Its name.
    pub name: String,
    /// The pool on which its runs execute.
    #[serde(default)]
    pub agent_pool_name: Option<String>,
    /// `properties` as ARM spells them, secrets among them; each replaces what a task has otherwise.
    #[serde(default)]
    pub properties: Map<String, Value>,
}

/// A run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedRun {
    /// The name of its registry.
    pub registry: String,
    /// Its id, such as `cf1`.
    pub run_id: String,
    /// `Queued`, `Started`, `Running`, `Succeeded`, `Failed`, `Canceled`, `Error` or `Timeout`.
    pub status: String,
    /// The pool on which it executes.
    #[serde(default)]
    pub agent_pool_name: Option<String>,
    /// The bare name of its task; absent for quick runs.
    #[serde(default)]
    pub task: Option<String>,
    /// RFC 3339; the emulator's start when absent.
    #[serde(default)]
    pub create_time: Option<String>,
    /// Seconds before the emulator's start, instead of `create_time`.
    #[serde(default)]
    pub created_seconds_ago: Option<u32>,
    /// Seconds before the emulator's start; as created when absent. Nothing starts that is `Queued`.
    #[serde(default)]
    pub started_seconds_ago: Option<u32>,
    /// Seconds before the emulator's start; as started when absent. Nothing finishes that is not over.
    #[serde(default)]
    pub finished_seconds_ago: Option<u32>,
    /// `runErrorMessage`; for runs that are `Failed` or `Error` that of a failed step when absent.
    #[serde(default)]
    pub error_message: Option<String>,
    /// The text of its log. A run that has started has one even when absent.
    #[serde(default)]
    pub log: Option<String>,
    /// The names of the images that it pushed.
    #[serde(default)]
    pub images: Vec<String>,
}

/// A seed that cannot be read.
#[derive(Debug)]
pub struct SeedError(String);

impl Seed {
    /// A seed with nothing in it but the fixed subscription and tenant.
    pub fn empty() -> Seed {
        Seed {
            subscription_id: "11111111-2222-3333-4444-555555555555".into(),
            tenant_id: "99999999-8888-7777-6666-555555555555".into(),
            auxiliary_tenants: Vec::new(),
            location: "eastus".into(),
            resource_groups: Vec::new(),
            registries: Vec::new(),
            network_security_groups: Vec::new(),
            route_tables: Vec::new(),
            nat_gateways: Vec::new(),
            virtual_networks: Vec::new(),
            service_tags: None,
            foreign_subscriptions: Vec::new(),
            dead_subnet_seconds: DEAD_SUBNET_SECONDS,
            agent_pools: Vec::new(),
            tasks: Vec::new(),
            runs: Vec::new(),
            task_api_versions: None,
            assumptions: Assumptions::default(),
        }
    }

    /// What is there when no seed is given: one Premium registry and one network, in East US.
    pub fn built_in() -> Seed {
        Seed {
            resource_groups: vec![SeedGroup {
                name: "rg-builds".into(),
                location: None,
            }],
            registries: vec![SeedRegistry::new("contosobuilds", "rg-builds")],
            virtual_networks: vec![SeedNetwork {
                subnets: vec![SeedSubnet::new("snet-agents", "10.40.1.0/24")],
                ..SeedNetwork::new("vnet-builds", "rg-builds", &["10.40.0.0/16"])
            }],
            ..Seed::empty()
        }
    }

    /// Reads a seed file's text.
    ///
    /// # Errors
    /// When it is no JSON, or has a member that the format does not know; the message has line and column.
    pub fn from_json(text: &str) -> Result<Seed, SeedError> {
        serde_json::from_str(text).map_err(|error| SeedError(error.to_string()))
    }
}

impl SeedRegistry {
    /// A Premium registry in the seed's location with the documented quotas.
    pub fn new(name: &str, resource_group: &str) -> SeedRegistry {
        SeedRegistry {
            name: name.into(),
            resource_group: resource_group.into(),
            location: None,
            sku: premium(),
            standard_vcpu_quota: STANDARD_VCPU_QUOTA,
            isolated_vcpu_quota: ISOLATED_VCPU_QUOTA,
            properties: Map::new(),
            private_endpoints: Vec::new(),
        }
    }
}

impl Default for Seed {
    /// Absent members of a seed file: nothing exists but the fixed subscription and tenant.
    fn default() -> Seed {
        Seed::empty()
    }
}

impl fmt::Debug for SeedTask {
    /// Without the properties, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SeedTask");
        shown.field("registry", &self.registry).field("name", &self.name);
        shown.finish_non_exhaustive()
    }
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading the seed: {}", self.0)
    }
}

impl std::error::Error for SeedError {}

fn premium() -> String {
    "Premium".into()
}

fn approved() -> String {
    "Approved".into()
}

fn succeeded() -> String {
    "Succeeded".into()
}

fn smallest_tier() -> String {
    "S1".into()
}

fn one() -> i64 {
    1
}

fn standard_quota() -> i64 {
    STANDARD_VCPU_QUOTA
}

fn isolated_quota() -> i64 {
    ISOLATED_VCPU_QUOTA
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_are_named() {
        let error =
            Seed::from_json(r#"{"registries":[{"name":"a","resource_group":"b","skew":"Basic"}]}"#).unwrap_err();
        assert!(error.to_string().contains("skew"), "{error}");
        assert!(Seed::from_json("{").is_err());
        let task = r#"{"tasks":[{"registry":"a","name":"b","properties":{"step":{"contextAccessToken":"hush"}}}]}"#;
        let seed = Seed::from_json(task).unwrap();
        assert!(!seed.tasks[0].properties.is_empty() && !format!("{seed:?}").contains("hush"));
        assert_eq!(Seed::from_json("{}").unwrap().location, "eastus");
    }
}
