//! `data.acr_subnet_readiness`: every finding of preflight and every verdict of the network, for `check` blocks and policies.

use std::sync::Arc;

use crate::{
    acr::{agent_pool::AgentPoolId, registry::RegistryId, tier},
    azure::{Call, Client, SubnetId},
    framework::{
        Diagnostic, Field, Type,
        data_source::DataSource,
        resource::{Operation, Outcome},
        schema::{Attribute, Block, Schema},
        validators::Validator,
    },
    model,
    network::{self, Network, REQUIREMENTS, Readiness, Reading, Verdict},
    provider::{
        Connection,
        agent_pool::schema::{TIMEOUTS, count_check, id_check, name_check, registry_id_check},
        preflight::{
            checks,
            facts::{Change, Facts, Subject},
            finding::Finding,
            quota::{PlannedPool, PlannedPools},
        },
    },
};

/// The name of the pool that is asked about when none is given: what is not there yet has no name.
const UNNAMED: &str = "new-pool";

model! {
    /// One requirement and what became of it.
    pub struct RequirementModel {
        /// What decided.
        pub decided_by: String,
        /// What happens and why.
        pub explanation: String,
        /// How much it matters.
        pub level: String,
        /// TCP port.
        pub port: i64,
        /// The smallest change that mends it.
        pub remedy: String,
        /// What the routes make of it.
        pub route_verdict: String,
        /// What the rules make of it.
        pub security_group_verdict: String,
        /// Service tag.
        pub service_tag: String,
        /// Whether machines reach it.
        pub verdict: String,
    }
}

model! {
    /// One finding.
    pub struct FindingModel {
        /// Which check.
        pub check: String,
        /// What was found, and what mends it.
        pub detail: String,
        /// How bad it is.
        pub level: String,
        /// A few words.
        pub summary: String,
    }
}

model! {
    /// The question and its answer.
    pub struct SubnetReadinessModel {
        /// Whether something required is surely out of reach.
        pub blocked: bool,
        /// Every finding.
        pub findings: Vec<FindingModel>,
        /// Machines asked about.
        pub instance_count: i64,
        /// A pool whose own use does not count.
        pub pool_name: String,
        /// Whether everything required is surely within reach.
        pub ready: bool,
        /// ARM id of the registry.
        pub registry_id: String,
        /// Every requirement.
        pub requirements: Vec<RequirementModel>,
        /// ARM id of the subnet.
        pub subnet_id: String,
        /// Tier asked about.
        pub tier: String,
        /// Appliances that the user vouches for.
        pub trusted_next_hops: Vec<String>,
        /// The worst verdict.
        pub verdict: String,
    }
}

/// The data source type.
pub struct SubnetReadinessDataSource {
    connection: Arc<Connection>,
}

impl SubnetReadinessDataSource {
    /// The data source type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    async fn answer(
        &self,
        client: &Client,
        call: &Call,
        config: SubnetReadinessModel,
    ) -> Result<SubnetReadinessModel, Diagnostic> {
        let subject = subject(&config)?;
        let preflight = self.connection.preflight();
        let mut settings = preflight.settings.clone();
        if let Field::Known(hops) = &config.trusted_next_hops {
            settings.trusted_next_hops.clone_from(hops);
        }
        let facts = preflight.facts(client, call, &subject, &settings).await;
        let planned = PlannedPools::default();
        planned.will_be(
            &subject.pool,
            PlannedPool {
                tier: subject.tier.clone(),
                count: subject.count,
                is_new: true,
                in_subnet: subject.subnet.is_some(),
            },
        );
        let findings = checks::run(&subject, &facts, &settings, &planned);
        Ok(filled(config, readiness(&facts).as_ref(), &findings))
    }
}

impl DataSource for SubnetReadinessDataSource {
    type Model = SubnetReadinessModel;

    fn type_name(&self) -> &'static str {
        "acr_subnet_readiness"
    }

    fn schema(&self) -> Schema {
        schema()
    }

    async fn read(&self, operation: &Operation, config: SubnetReadinessModel) -> Outcome<SubnetReadinessModel> {
        let client = match self.connection.client() {
            Ok(client) => client,
            Err(error) => return Outcome::failed(None, error),
        };
        let call = Call::new(operation.cancel.clone(), TIMEOUTS.read);
        match self.answer(&client, &call, config).await {
            Ok(answer) => Outcome::of(answer),
            Err(error) => Outcome::failed(None, error),
        }
    }
}

fn subject(config: &SubnetReadinessModel) -> Result<Subject, Diagnostic> {
    let invalid = |error: crate::azure::InvalidId, attribute: &str| {
        Diagnostic::error("Invalid id", error.to_string()).at_attribute(attribute)
    };
    let registry: RegistryId = config
        .registry_id
        .text()
        .unwrap_or_default()
        .parse()
        .map_err(|error| invalid(error, "registry_id"))?;
    let name = config.pool_name.text().unwrap_or(UNNAMED);
    let pool = AgentPoolId::new(registry, name).map_err(|error| invalid(error, "pool_name"))?;
    let subnet = config.subnet_id.text().map(str::parse::<SubnetId>).transpose();
    Ok(Subject {
        pool,
        tier: config.tier.text().unwrap_or_default().to_owned(),
        count: config.instance_count.known().copied().unwrap_or(0),
        subnet: subnet.map_err(|error| invalid(error, "subnet_id"))?,
        change: Change::Create,
    })
}

/// What the network makes of each requirement; `None` for a pool without a subnet, which has none of the user's in its way.
/// Of a subnet that cannot be read everything is unknown.
fn readiness(facts: &Facts) -> Option<Readiness> {
    let network = facts.network.as_ref()?;
    Some(network.readiness.clone().unwrap_or_else(|| {
        let unknown = Network {
            subnet: Reading::Unreadable,
            virtual_network: Reading::Unreadable,
            security_group: Reading::Unreadable,
            route_table: Reading::Unreadable,
            admin_rules: Reading::Unreadable,
            ..Network::default()
        };
        network::evaluate(&unknown, &REQUIREMENTS)
    }))
}

fn filled(config: SubnetReadinessModel, readiness: Option<&Readiness>, findings: &[Finding]) -> SubnetReadinessModel {
    let known = |text: &str| Field::Known(text.to_owned());
    let requirements = readiness
        .map_or(&[][..], |it| &it.findings[..])
        .iter()
        .map(|it| RequirementModel {
            decided_by: known(&it.decided_by),
            explanation: known(&it.explanation),
            level: known(it.requirement.level.as_str()),
            port: Field::Known(i64::from(it.requirement.port)),
            remedy: it.remedy().into(),
            route_verdict: known(it.route_verdict.as_str()),
            security_group_verdict: known(it.security_group_verdict.as_str()),
            service_tag: known(it.requirement.service_tag),
            verdict: known(it.verdict.as_str()),
        });
    let findings = findings.iter().map(|it| FindingModel {
        check: known(it.check.name()),
        detail: known(&it.detail),
        level: known(it.level.as_str()),
        summary: known(&it.summary),
    });
    SubnetReadinessModel {
        blocked: Field::Known(readiness.is_some_and(Readiness::is_blocked)),
        findings: Field::Known(findings.collect()),
        ready: Field::Known(readiness.is_none_or(Readiness::is_ready)),
        requirements: Field::Known(requirements.collect()),
        verdict: known(readiness.map_or(Verdict::Reachable, Readiness::verdict).as_str()),
        ..config
    }
}

/// A list of objects whose members are these.
fn objects(members: &[(&str, Type)]) -> Type {
    Type::list(Type::Object(
        members
            .iter()
            .map(|(name, ty)| ((*name).to_owned(), ty.clone()))
            .collect(),
    ))
}

fn schema() -> Schema {
    let text = |name: &'static str| (name, Type::String);
    let requirements = objects(&[
        text("decided_by"),
        text("explanation"),
        text("level"),
        ("port", Type::Number),
        text("remedy"),
        text("route_verdict"),
        text("security_group_verdict"),
        text("service_tag"),
        text("verdict"),
    ]);
    let findings = objects(&[text("check"), text("detail"), text("level"), text("summary")]);
    Schema::new(Block {
        attributes: vec![
            Attribute::required(
                "registry_id",
                Type::String,
                "The ARM id of the registry that the pool would belong to.",
            )
            .check(registry_id_check()),
            Attribute::optional(
                "instance_count",
                Type::Number,
                "How many machines the pool would have: for its addresses and, with `tier`, its quota.",
            )
            .check(count_check()),
            Attribute::optional(
                "pool_name",
                Type::String,
                "The pool that is asked about, if it may exist already: what it uses itself does not count.",
            )
            .check(name_check()),
            Attribute::optional(
                "subnet_id",
                Type::String,
                "The ARM id of the subnet; without it the pool would run in a network of Azure's.",
            )
            .check(id_check::<SubnetId>("the ARM id of a subnet", "Invalid subnet id")),
            Attribute::optional("tier", Type::String, "The tier that the pool would have.")
                .check(Validator::one_of(&tier::NAMES)),
            Attribute::optional(
                "trusted_next_hops",
                Type::list(Type::String),
                "Addresses of virtual appliances that you vouch for; the provider's when not set.",
            ),
            Attribute::computed(
                "blocked",
                Type::Bool,
                "Whether something that a pool cannot do without is certainly out of reach. Gate on `!blocked`: what is unknown is not blocked.",
            ),
            Attribute::computed(
                "findings",
                findings,
                "Everything that preflight finds: `check`, `level` (`error`, `warning`, `notice`), `summary`, `detail`.",
            ),
            Attribute::computed(
                "ready",
                Type::Bool,
                "Whether every requirement is certainly within reach.",
            ),
            Attribute::computed(
                "requirements",
                requirements,
                "What a pool must reach: `service_tag`, `port`, `level` (`required`, `diagnostic`), `verdict`, `security_group_verdict`, `route_verdict`, `decided_by`, `explanation`, `remedy`.",
            ),
            Attribute::computed(
                "verdict",
                Type::String,
                "The worst verdict: `reachable`, `depends`, `unknown`, `partial` or `blocked`.",
            ),
        ],
        blocks: Vec::new(),
        description: "Whether a task agent pool would work in a subnet: its security rules, routes, addresses and DNS, and its registry's SKU, region and quota.",
    })
}

/// Kept beside the schema so that both name the same members.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{Model, Path, Value};

    #[test]
    fn an_answer_fits_its_schema() {
        let config = SubnetReadinessModel {
            registry_id: Field::Known("r".into()),
            ..SubnetReadinessModel::default()
        };
        let unknown = network::evaluate(
            &Network {
                security_group: Reading::Unreadable,
                ..Network::default()
            },
            &REQUIREMENTS,
        );
        let answer = filled(config, Some(&unknown), &[]);
        assert_eq!(
            (&answer.ready, &answer.blocked),
            (&Field::Known(false), &Field::Known(false))
        );
        let value = answer.to_value();
        let bytes = crate::framework::msgpack::encode(&schema().ty(), &value);
        let back = crate::framework::msgpack::decode(&schema().ty(), &bytes).unwrap();
        assert_eq!(SubnetReadinessModel::from_value(&back, &Path::root()).unwrap(), answer);
        assert!(matches!(value.member("requirements"), Value::List(all) if all.len() == REQUIREMENTS.len()));
    }

    #[test]
    fn without_a_subnet_nothing_is_in_the_way() {
        let answer = filled(SubnetReadinessModel::default(), None, &[]);
        assert_eq!(
            (answer.ready, answer.verdict),
            (Field::Known(true), Field::Known("reachable".into()))
        );
    }
}
