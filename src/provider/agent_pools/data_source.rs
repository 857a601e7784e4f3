//! `data.acr_agent_pools`: all pools of a registry with used and remaining processors by kind.

use std::sync::Arc;

use crate::{
    acr::{
        agent_pool::{self, AgentPool},
        preview::{ISOLATED_VCPU_QUOTA, STANDARD_VCPU_QUOTA},
        registry::RegistryId,
        tier,
    },
    azure::Call,
    framework::{
        Diagnostic, Field, Type,
        data_source::DataSource,
        resource::{Operation, Outcome},
        schema::{Attribute, Block, Schema},
    },
    model,
    provider::{
        Connection,
        agent_pool::schema::{TIMEOUTS, registry_id_check},
        diagnose,
        preflight::quota,
    },
};

model! {
    /// One pool.
    pub struct PoolModel {
        /// ARM id.
        pub id: String,
        /// Machines.
        pub instance_count: i64,
        /// Name within the registry.
        pub name: String,
        /// ARM's provisioning state.
        pub provisioning_state: String,
        /// ARM id of the subnet.
        pub subnet_id: String,
        /// Size of one machine.
        pub tier: String,
        /// Processors of all machines.
        pub total_vcpu: i64,
    }
}

model! {
    /// The registry's pools and quota.
    pub struct AgentPoolsModel {
        /// Processors of isolated tiers that are left.
        pub isolated_vcpu_remaining: i64,
        /// Processors of isolated tiers in use.
        pub isolated_vcpu_used: i64,
        /// All pools, by name.
        pub pools: Vec<PoolModel>,
        /// ARM id of the registry.
        pub registry_id: String,
        /// Processors of standard tiers that are left.
        pub standard_vcpu_remaining: i64,
        /// Processors of standard tiers in use.
        pub standard_vcpu_used: i64,
    }
}

/// The data source type.
pub struct AgentPoolsDataSource {
    connection: Arc<Connection>,
}

impl AgentPoolsDataSource {
    /// The data source type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

impl DataSource for AgentPoolsDataSource {
    type Model = AgentPoolsModel;

    fn type_name(&self) -> &'static str {
        "acr_agent_pools"
    }

    fn schema(&self) -> Schema {
        schema()
    }

    async fn read(&self, operation: &Operation, config: AgentPoolsModel) -> Outcome<AgentPoolsModel> {
        let registry: RegistryId = match config.registry_id.text().unwrap_or_default().parse() {
            Ok(registry) => registry,
            Err(error) => {
                let error: crate::azure::InvalidId = error;
                return Outcome::failed(
                    None,
                    Diagnostic::error("Invalid id", error.to_string()).at_attribute("registry_id"),
                );
            }
        };
        let client = match self.connection.client() {
            Ok(client) => client,
            Err(error) => return Outcome::failed(None, error),
        };
        let call = Call::new(operation.cancel.clone(), TIMEOUTS.read);
        match agent_pool::list(&client, &call, &registry).await {
            Ok(pools) => {
                let settings = &self.connection.preflight().settings;
                let standard = settings.standard_vcpu_quota.unwrap_or(STANDARD_VCPU_QUOTA);
                let isolated = settings.isolated_vcpu_quota.unwrap_or(ISOLATED_VCPU_QUOTA);
                Outcome::of(filled(config, pools, standard, isolated))
            }
            Err(error) => {
                let doing = format!("listing the agent pools of {}", registry.human());
                Outcome::failed(None, diagnose::azure(&doing, &error))
            }
        }
    }
}

fn filled(config: AgentPoolsModel, mut pools: Vec<AgentPool>, standard: i64, isolated: i64) -> AgentPoolsModel {
    pools.sort_by_key(|pool| pool.name.to_ascii_lowercase());
    let used = |isolated| quota::usage(&pools, isolated).total();
    let (standard_used, isolated_used) = (used(false), used(true));
    let pool = |pool: &AgentPool| {
        let properties = &pool.properties;
        let vcpu = properties.tier.as_deref().and_then(tier::tier).map(|tier| tier.vcpu);
        PoolModel {
            id: Field::Known(pool.id.clone()),
            instance_count: properties.count.into(),
            name: Field::Known(pool.name.clone()),
            provisioning_state: properties.provisioning_state.clone().into(),
            subnet_id: properties.virtual_network_subnet_resource_id.clone().into(),
            tier: properties.tier.clone().into(),
            total_vcpu: vcpu
                .zip(properties.count)
                .map(|(vcpu, count)| vcpu.saturating_mul(count))
                .into(),
        }
    };
    AgentPoolsModel {
        isolated_vcpu_remaining: Field::Known((isolated - isolated_used).max(0)),
        isolated_vcpu_used: Field::Known(isolated_used),
        pools: Field::Known(pools.iter().map(pool).collect()),
        standard_vcpu_remaining: Field::Known((standard - standard_used).max(0)),
        standard_vcpu_used: Field::Known(standard_used),
        ..config
    }
}

fn schema() -> Schema {
    let text = |name: &str| (name.to_owned(), Type::String);
    let number = |name: &str| (name.to_owned(), Type::Number);
    let pool = Type::Object(
        [
            text("id"),
            number("instance_count"),
            text("name"),
            text("provisioning_state"),
            text("subnet_id"),
            text("tier"),
            number("total_vcpu"),
        ]
        .into(),
    );
    let computed = |name, description| Attribute::computed(name, Type::Number, description);
    Schema::new(Block {
        attributes: vec![
            Attribute::required("registry_id", Type::String, "The ARM id of the registry.").check(registry_id_check()),
            computed(
                "isolated_vcpu_remaining",
                "Processors of isolated tiers that are left of the quota: the one declared in the provider's `preflight` block, else the documented 0.",
            ),
            computed("isolated_vcpu_used", "Processors of isolated tiers in use."),
            Attribute::computed(
                "pools",
                Type::list(pool),
                "All pools, by name: `id`, `name`, `tier`, `instance_count`, `total_vcpu`, `subnet_id`, `provisioning_state`.",
            ),
            computed(
                "standard_vcpu_remaining",
                "Processors of standard tiers that are left of the quota: the one declared in the provider's `preflight` block, else the documented 16.",
            ),
            computed("standard_vcpu_used", "Processors of standard tiers in use."),
        ],
        blocks: Vec::new(),
        description: "All task agent pools of a registry, and what they leave of its quota.",
    })
}
