//! Can a pool in this subnet reach what it needs? Pure; cannot fail; always explains itself. Owns the required rules.
//!
//! [`Network`] is what was read, [`evaluate`] judges it: a [`Finding`] for each requirement and [`Advisory`]s about the rest. What
//! could not be read is *unknown*, a value and never an error. Sources and dates of every rule stand beside its code.
//!
//! * [`address`], [`tags`]: prefixes, service tags, and their addresses where known.
//! * [`security_group`], [`route_table`], [`subnet`]: what ARM answers, as typed facts.
//! * [`requirements`]: what agents need; [`required_rules`]: the rules and routes that give it.
//! * `filter`, `routing`: the verdict of the rules and of the routes; [`verdict`] combines them.
//! * [`explanation`], [`remedy`], [`advisory`]: what is said about it.
//!
//! Not seen, because Azure shows it to nobody: a group on the network interfaces, which are Microsoft's; what a gateway announces;
//! what an appliance does.

pub mod address;
pub mod advisory;
pub mod explanation;
mod filter;
pub mod reading;
pub mod remedy;
pub mod required_rules;
pub mod requirements;
pub mod route_table;
mod routing;
pub mod security_group;
pub mod subnet;
mod tag_names;
pub mod tags;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use advisory::Advisory;
pub use reading::Reading;
pub use remedy::Remedy;
pub use requirements::{Level, REQUIREMENTS, Requirement};
pub use tag_names::{KNOWN_TAGS, KNOWN_TAGS_AS_OF};
pub use verdict::{RouteVerdict, SecurityGroupVerdict, Summary, Verdict};

use std::sync::Arc;

use serde_json::Value;

use explanation::{Parts, explain};
use filter::{Filtering, Rules, Traffic, VirtualNetworkTag};
use remedy::Priorities;
use route_table::RouteTable;
use security_group::{SecurityGroup, SecurityRule};
use subnet::{Subnet, VirtualNetwork};
use tags::TagData;
use verdict::{Circumstances, Decisive, combine};

/// What was read about the subnet of a pool. [`Reading::Absent`] stands for what the subnet does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The subnet. Absent: nothing special is assumed of it, as when rules are checked before anything exists.
    pub subnet: Reading<Subnet>,
    /// The virtual network. Absent: one without gateway and peers is assumed.
    pub virtual_network: Reading<VirtualNetwork>,
    /// The subnet's network security group.
    pub security_group: Reading<SecurityGroup>,
    /// The subnet's route table.
    pub route_table: Reading<RouteTable>,
    /// Security admin rules of the virtual network, outbound and in order ([`security_group::security_admin_rules`]).
    pub admin_rules: Reading<Vec<SecurityRule>>,
    /// Addresses of service tags, as far as they were read; shared, because a cloud has a hundred thousand.
    pub tag_data: Arc<TagData>,
    /// The region of the pool, which is its registry's.
    pub pool_region: String,
    /// Regions that the registry replicates to; the pool's own need not be among them.
    pub replica_regions: Vec<String>,
    /// Addresses of appliances that the user vouches for: they let through what agents need.
    pub trusted_next_hops: Vec<String>,
}

impl Network {
    /// A network that exists only as a configuration: the rules and, if any, the routes, as ARM or `azurerm` spells them. Nothing
    /// else is assumed; in particular there is no gateway, and rules for some sources may or may not match.
    pub fn of_configuration(rules: &[Value], routes: Option<&[Value]>) -> Self {
        Self {
            security_group: Reading::Read(SecurityGroup::from_rules("", rules, &[])),
            route_table: routes.map_or(Reading::Absent, |routes| {
                Reading::Read(RouteTable::from_routes("", routes))
            }),
            ..Self::default()
        }
    }

    /// Whether a gateway may announce a default route that no GET shows: one is there, its routes are not kept out, and no
    /// user-defined default route beats it. Unknown by policy: Azure shows learned routes only on a network interface.
    fn may_learn_default_route(&self) -> bool {
        let learns = match &self.virtual_network {
            Reading::Absent => false,
            Reading::Unreadable => true,
            Reading::Read(network) => network.may_learn_routes,
        };
        let table = self.route_table.read();
        let kept_out = table.is_some_and(|it| it.gateway_routes_disabled);
        let beaten = table.is_some_and(|it| it.routes.iter().any(|route| route.prefix == address::Address::Any));
        learns && !kept_out && !beaten
    }

    /// The pool's region and every other that the registry is in.
    fn regions(&self) -> Vec<String> {
        let mut regions = vec![self.pool_region.clone()];
        regions.extend(self.replica_regions.iter().cloned());
        regions
    }

    /// Whether what leaves the subnet by itself has no visible way out.
    fn lacks_egress(&self) -> bool {
        self.subnet
            .read()
            .is_some_and(|it| it.is_private && !it.has_nat_gateway)
    }

    /// Whether an endpoint policy may keep the service's own storage accounts out. Documented: not for subnets with managed
    /// services; only listed accounts are reachable.
    fn has_storage_policy(&self) -> bool {
        let is_storage = |service: &str| service.to_ascii_lowercase().starts_with("microsoft.storage");
        self.subnet.read().is_some_and(|subnet| {
            subnet.has_endpoint_policies && subnet.service_endpoints.iter().any(|it| is_storage(&it.service))
        })
    }
}

/// What was found about one requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is required.
    pub requirement: Requirement,
    /// Whether agents reach it.
    pub verdict: Verdict,
    /// What the rules make of it.
    pub security_group_verdict: SecurityGroupVerdict,
    /// What the routes make of it.
    pub route_verdict: RouteVerdict,
    /// The rule, route or default that decided.
    pub decided_by: String,
    /// One sentence: what happens and why.
    pub explanation: String,
    /// The smallest changes that mend it; none if it is reachable.
    pub remedies: Vec<Remedy>,
    /// Of a partial verdict with known addresses: whether all of the service's addresses in the pool's region are reachable,
    /// so that the pool may well work.
    pub pool_region_reachable: Option<bool>,
}

impl Finding {
    /// How much it matters. Diagnostics are never worse than a warning; with `monitor_dispensable` neither is Azure Monitor,
    /// without which pools may appear to operate normally (documented).
    pub fn summary(&self, monitor_dispensable: bool) -> Summary {
        let capped =
            self.requirement.level == Level::Diagnostic || monitor_dispensable && self.requirement.is_dispensable();
        let summary = Summary::from(self.verdict);
        if capped && summary > Summary::Pass {
            Summary::Warn
        } else {
            summary
        }
    }

    /// The remedies as one text, `None` if there is nothing to mend.
    pub fn remedy(&self) -> Option<String> {
        let texts: Vec<String> = self.remedies.iter().map(ToString::to_string).collect();
        (!texts.is_empty()).then(|| texts.join("\n\n"))
    }
}

/// What was found about a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// One finding for each requirement, in the order of the requirements.
    pub findings: Vec<Finding>,
    /// What else is worth knowing.
    pub advisories: Vec<Advisory>,
}

impl Readiness {
    /// Whether every requirement is surely reachable.
    pub fn is_ready(&self) -> bool {
        self.findings.iter().all(|it| it.verdict == Verdict::Reachable)
    }

    /// Whether something that pools do not run without is surely out of reach. In part is not enough: what is needed may be in
    /// the other part.
    pub fn is_blocked(&self) -> bool {
        let blocked = |it: &Finding| it.verdict == Verdict::Blocked && !it.requirement.is_dispensable();
        self.findings.iter().any(blocked)
    }

    /// The worst verdict of all.
    pub fn verdict(&self) -> Verdict {
        self.findings
            .iter()
            .map(|it| it.verdict)
            .max()
            .unwrap_or(Verdict::Reachable)
    }

    /// The worst finding, by how much it matters ([`Finding::summary`]).
    pub fn summary(&self, monitor_dispensable: bool) -> Summary {
        let summaries = self.findings.iter().map(|it| it.summary(monitor_dispensable));
        summaries.max().unwrap_or(Summary::Pass)
    }
}

/// Judges whether agents in the subnet reach all of `requirements` (usually [`REQUIREMENTS`]).
pub fn evaluate(network: &Network, requirements: &[Requirement]) -> Readiness {
    let mut priorities = Priorities::of(network);
    let mut findings = Vec::new();
    let mut judged: Vec<Judged> = Vec::new();
    for requirement in requirements {
        let (finding, how) = judge(network, *requirement, &mut priorities);
        findings.push(finding);
        judged.push(how);
    }
    Readiness {
        advisories: advisory::advise(network, &judged),
        findings,
    }
}

/// How a finding came about.
struct Judged {
    requirement: Requirement,
    filtering: Filtering,
    decisive: Decisive,
}

fn judge(network: &Network, requirement: Requirement, priorities: &mut Priorities) -> (Finding, Judged) {
    let wanted = requirement.tag();
    let home = wanted.in_region(&network.pool_region);
    let unreadable = Reading::Unreadable;
    let traffic = Traffic {
        wanted: &wanted,
        port: requirement.port,
        senders: network.subnet.read().and_then(Subnet::addresses),
        virtual_network: VirtualNetworkTag::of(network),
        data: &network.tag_data,
        home: home.clone(),
    };
    let rules = Rules {
        admin: network.admin_rules.read().map_or(&[][..], Vec::as_slice),
        group: if network.subnet.is_unreadable() {
            &unreadable
        } else {
            &network.security_group
        },
    };
    let filtering = filter::judge(&rules, &traffic);
    let routing = routing::judge(network, &wanted, &home);
    let circumstances = Circumstances {
        drops_some: routing.drops_some(),
        depends: routing.depends(),
        lacks_egress: network.lacks_egress() && routing.needs_egress(),
        policy: wanted.is("Storage") && network.has_storage_policy(),
    };
    let (verdict, decisive) = combine(filtering.verdict, routing.verdict, circumstances);
    let parts = Parts {
        network,
        requirement: &requirement,
        filtering: &filtering,
        routing: &routing,
        verdict,
        decisive,
        refilter: &|group| {
            let group = Reading::Read(group.clone());
            let rules = Rules {
                admin: rules.admin,
                group: &group,
            };
            filter::judge(&rules, &traffic).verdict
        },
    };
    let (decided_by, explanation) = explain(&parts);
    let home_reached = || Some(filtering.home_allowed? && routing.home_direct?);
    let finding = Finding {
        requirement,
        verdict,
        security_group_verdict: filtering.verdict,
        route_verdict: routing.verdict,
        decided_by,
        explanation,
        remedies: remedy::remedies(&parts, priorities),
        pool_region_reachable: if verdict == Verdict::Partial {
            home_reached()
        } else {
            None
        },
    };
    let judged = Judged {
        requirement,
        filtering,
        decisive,
    };
    (finding, judged)
}
