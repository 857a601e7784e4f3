//! `data.acr_agent_pool_offering`: regions, live where Azure can be asked, tiers, quotas and firewall rules.

use std::sync::Arc;

use crate::{
    acr::{
        preview::{self, ISOLATED_VCPU_QUOTA, QUOTAS_AS_OF, REGIONS, REGIONS_AS_OF, STANDARD_VCPU_QUOTA},
        tier::{TIERS, Tier},
    },
    azure::Call,
    framework::{
        Field, Type,
        data_source::DataSource,
        resource::{Operation, Outcome},
        schema::{Attribute, Block, Schema},
    },
    model,
    network::{REQUIREMENTS, Requirement},
    provider::{Connection, connection::SIDE_READ_TIMEOUT, preflight::checks::offered_regions},
};

model! {
    /// One tier.
    pub struct TierModel {
        /// On hardware of its own.
        pub isolated: bool,
        /// Memory of one machine, GB.
        pub memory_gb: i64,
        /// Its name.
        pub name: String,
        /// Processors of one machine.
        pub vcpu: i64,
    }
}

model! {
    /// One thing that pools must reach.
    pub struct FirewallRuleModel {
        /// How much it matters.
        pub level: String,
        /// TCP port.
        pub port: i64,
        /// What it is for.
        pub purpose: String,
        /// Service tag.
        pub service_tag: String,
    }
}

model! {
    /// What Azure offers.
    pub struct OfferingModel {
        /// What pools must reach.
        pub firewall_rules: Vec<FirewallRuleModel>,
        /// Documented processors of isolated tiers for each registry.
        pub isolated_vcpu_quota: i64,
        /// When the documented quotas were last compared.
        pub quotas_as_of: String,
        /// Regions, as ids have them.
        pub regions: Vec<String>,
        /// When the documented regions were last compared; null when Azure was asked.
        pub regions_as_of: String,
        /// Who says so.
        pub regions_source: String,
        /// The SKU that registries need.
        pub required_sku: String,
        /// Documented processors of standard tiers for each registry.
        pub standard_vcpu_quota: i64,
        /// Whose view of Azure.
        pub subscription_id: String,
        /// All tiers.
        pub tiers: Vec<TierModel>,
    }
}

/// The data source type.
pub struct OfferingDataSource {
    connection: Arc<Connection>,
}

impl OfferingDataSource {
    /// The data source type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// The regions that Azure lists; `None` when it cannot be asked.
    async fn live_regions(&self, operation: &Operation, subscription_id: Option<&str>) -> Option<Vec<String>> {
        let client = self.connection.client().ok()?;
        let call = Call::new(operation.cancel.clone(), SIDE_READ_TIMEOUT);
        let metadata = self
            .connection
            .preflight()
            .metadata(&client, &call, subscription_id?)
            .await;
        offered_regions(&metadata)
    }
}

impl DataSource for OfferingDataSource {
    type Model = OfferingModel;

    fn type_name(&self) -> &'static str {
        "acr_agent_pool_offering"
    }

    fn schema(&self) -> Schema {
        schema()
    }

    async fn read(&self, operation: &Operation, config: OfferingModel) -> Outcome<OfferingModel> {
        let subscription = config
            .subscription_id
            .text()
            .map(str::to_owned)
            .or_else(|| self.connection.subscription_id());
        let live = self.live_regions(operation, subscription.as_deref()).await;
        let known = |text: &str| Field::Known(text.to_owned());
        let (mut regions, source, as_of) = match live {
            Some(regions) => (regions, "azure", Field::Null),
            None => (
                REGIONS.iter().map(|region| region.name.to_owned()).collect(),
                "documentation",
                known(REGIONS_AS_OF),
            ),
        };
        for region in &mut regions {
            *region = preview::normalized(region);
        }
        regions.sort();
        Outcome::of(OfferingModel {
            firewall_rules: Field::Known(REQUIREMENTS.iter().map(rule).collect()),
            isolated_vcpu_quota: Field::Known(ISOLATED_VCPU_QUOTA),
            quotas_as_of: known(QUOTAS_AS_OF),
            regions: Field::Known(regions),
            regions_as_of: as_of,
            regions_source: known(source),
            required_sku: known(preview::REQUIRED_SKU),
            standard_vcpu_quota: Field::Known(STANDARD_VCPU_QUOTA),
            tiers: Field::Known(TIERS.iter().map(tier).collect()),
            ..config
        })
    }
}

fn rule(requirement: &Requirement) -> FirewallRuleModel {
    FirewallRuleModel {
        level: Field::Known(requirement.level.as_str().to_owned()),
        port: Field::Known(i64::from(requirement.port)),
        purpose: Field::Known(requirement.purpose.to_owned()),
        service_tag: Field::Known(requirement.service_tag.to_owned()),
    }
}

fn tier(tier: &Tier) -> TierModel {
    TierModel {
        isolated: Field::Known(tier.isolated),
        memory_gb: Field::Known(tier.memory_gb),
        name: Field::Known(tier.name.to_owned()),
        vcpu: Field::Known(tier.vcpu),
    }
}

fn schema() -> Schema {
    let member = |name: &str, ty: Type| (name.to_owned(), ty);
    let tiers = Type::Object(
        [
            member("isolated", Type::Bool),
            member("memory_gb", Type::Number),
            member("name", Type::String),
            member("vcpu", Type::Number),
        ]
        .into(),
    );
    let rules = Type::Object(
        [
            member("level", Type::String),
            member("port", Type::Number),
            member("purpose", Type::String),
            member("service_tag", Type::String),
        ]
        .into(),
    );
    Schema::new(Block {
        attributes: vec![
            Attribute::optional(
                "subscription_id",
                Type::String,
                "The subscription whose view of Azure is asked for; the provider's when not set.",
            ),
            Attribute::computed(
                "firewall_rules",
                Type::list(rules),
                "What pools must reach over TCP: `service_tag`, `port`, `level` (`required`, `diagnostic`), `purpose`.",
            ),
            Attribute::computed(
                "isolated_vcpu_quota",
                Type::Number,
                "The documented processors of isolated tiers for each registry.",
            ),
            Attribute::computed(
                "quotas_as_of",
                Type::String,
                "When the documented quotas were last compared with the documentation.",
            ),
            Attribute::computed(
                "regions",
                Type::list(Type::String),
                "The regions that have agent pools, as `location` has them.",
            ),
            Attribute::computed(
                "regions_as_of",
                Type::String,
                "When the table of regions was last compared with the documentation; null when Azure was asked.",
            ),
            Attribute::computed(
                "regions_source",
                Type::String,
                "Who says so: `azure`, or `documentation` when Azure cannot be asked.",
            ),
            Attribute::computed("required_sku", Type::String, "The SKU that a registry needs."),
            Attribute::computed(
                "standard_vcpu_quota",
                Type::Number,
                "The documented processors of standard tiers for each registry.",
            ),
            Attribute::computed(
                "tiers",
                Type::list(tiers),
                "All tiers: `name`, `vcpu`, `memory_gb`, `isolated`.",
            ),
        ],
        blocks: Vec::new(),
        description: "Where task agent pools are offered, in which sizes, how many, and what they must reach.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acr::preview::OS;

    /// What Azure announced of agent pools, in one place.
    #[test]
    fn the_offer_as_announced() {
        for region in [
            "East US",
            "East US 2",
            "South Central US",
            "West US 2",
            "Central US",
            "USGov Arizona",
            "USGov Texas",
            "USGov Virginia",
            "West Europe",
            "North Europe",
            "Canada Central",
            "East Asia",
        ] {
            assert!(preview::region(region).is_some(), "{region}");
        }
        let tiers: Vec<_> = TIERS
            .iter()
            .map(|it| (it.name, it.vcpu, it.memory_gb, it.isolated))
            .collect();
        assert_eq!(
            tiers,
            [
                ("S1", 2, 3, false),
                ("S2", 4, 8, false),
                ("S3", 8, 16, false),
                ("I6", 64, 216, true)
            ]
        );
        let mut tags: Vec<_> = REQUIREMENTS
            .iter()
            .filter(|it| it.port == 443)
            .map(|it| it.service_tag)
            .collect();
        tags.sort_unstable();
        assert_eq!(
            tags,
            [
                "AzureActiveDirectory",
                "AzureKeyVault",
                "AzureMonitor",
                "EventHub",
                "Storage"
            ]
        );
        let others: Vec<_> = REQUIREMENTS
            .iter()
            .filter(|it| it.port != 443)
            .map(|it| (it.service_tag, it.port))
            .collect();
        assert_eq!(others, [("AzureMonitor", 12000)]);
        assert_eq!((STANDARD_VCPU_QUOTA, ISOLATED_VCPU_QUOTA), (16, 0));
        assert_eq!((preview::REQUIRED_SKU, OS), ("Premium", "Linux"));
    }
}
