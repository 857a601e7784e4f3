//! The smallest changes that mend a finding, as a sentence and, for rules and routes, as HCL to paste.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use super::address::Address;
use super::explanation::{Parts, rule_name, way_name};
use super::required_rules::{
    FirewallRule, OutboundRule, PRIORITIES, ServiceRoute, required_firewall_rules, service_route,
};
use super::routing::{Cause, Kind, SHORTER_THAN_ANY_TAG, Way};
use super::security_group::{Origin, SecurityGroup, SecurityRule};
use super::subnet::endpoint_for;
use super::verdict::{Decisive, RouteVerdict, SecurityGroupVerdict, Verdict};
use super::{Network, Reading};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Put this rule into the network security group of that name.
    AddRule {
        /// The rule; its priority is free and early enough.
        rule: OutboundRule,
        /// The group's name.
        group: String,
    },
    /// Give this rule another priority, because nothing fits before it.
    MoveRule {
        /// The rule's name.
        rule: String,
        /// Its priority now.
        from: i64,
        /// The highest one that is free.
        to: i64,
        /// The group's name.
        group: String,
    },
    /// Put this route into the route table of that name, or into a new one if there is none.
    AddRoute {
        /// The route.
        route: ServiceRoute,
        /// The table's name.
        table: Option<String>,
    },
    /// Let the appliance pass this as a network rule, vouch for the appliance, or lead the service past it.
    AllowOnAppliance {
        /// Addresses of the appliance.
        addresses: Vec<String>,
        /// What Azure Firewall needs; another appliance needs the like.
        rule: FirewallRule,
        /// What leads past it.
        route: ServiceRoute,
    },
    /// Anything else, as a sentence.
    Advice(String),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddRule { rule, group } => {
                let group = if group.is_empty() {
                    "the network security group"
                } else {
                    group
                };
                write!(f, "Add to {group}:\n\n{}", rule_block(rule))
            }
            Self::MoveRule { rule, from, to, group } => {
                let of = if group.is_empty() {
                    String::new()
                } else {
                    format!(" of {group}")
                };
                write!(
                    f,
                    "Change the priority of security rule \"{rule}\"{of} from {from} to {to}, after the rules that allow."
                )
            }
            Self::AddRoute { route, table } => {
                let table = table.as_deref().filter(|it| !it.is_empty());
                let table = table.map_or_else(
                    || "the subnet's route table (associate one if it has none)".to_owned(),
                    str::to_owned,
                );
                write!(f, "Add to {table}:\n\n{}", route_block(route))
            }
            Self::AllowOnAppliance { addresses, rule, route } => write!(
                f,
                "If {} is an Azure Firewall, let this through as a network rule (rules by name do not do):\n\n{}\n\nIf it does \
                 already, name its address in trusted_next_hops. Or lead the service past it:\n\n{}",
                if addresses.is_empty() {
                    "the appliance".to_owned()
                } else {
                    addresses.join(", ")
                },
                firewall_block(rule),
                route_block(route)
            ),
            Self::Advice(text) => f.write_str(text),
        }
    }
}

/// Priorities of outbound rules as the remedies so far leave them, so that all remedies of one evaluation go together.
#[derive(Clone, Debug, Default)]
pub(super) struct Priorities {
    used: BTreeSet<i64>,
    /// Rules that a remedy moves: from where to where. Priorities are unique, so they name a rule.
    moved: BTreeMap<i64, i64>,
}

impl Priorities {
    pub fn of(network: &Network) -> Self {
        let rules = network.security_group.read().map_or(&[][..], |it| &it.rules);
        Self {
            used: rules.iter().filter_map(|rule| rule.priority).collect(),
            moved: BTreeMap::new(),
        }
    }

    /// Where a rule stands once the remedies are done.
    fn now(&self, rule: &SecurityRule) -> Option<i64> {
        rule.priority.map(|it| *self.moved.get(&it).unwrap_or(&it))
    }

    /// The highest number that is free and comes before all of these rules; it is taken then.
    fn before(&mut self, rules: &[&SecurityRule]) -> Option<i64> {
        // A rule without a readable priority may come first; nothing surely precedes it, so it does not count.
        let first = rules.iter().filter_map(|rule| self.now(rule)).min().unwrap_or(i64::MAX);
        self.take(PRIORITIES.0..=PRIORITIES.1.min(first.saturating_sub(1)))
    }

    /// Moves the first of the rules behind everything; `None` if nothing is free there.
    fn move_back(&mut self, rules: &[&SecurityRule]) -> Option<()> {
        let from = rules
            .iter()
            .filter(|it| it.origin == Origin::Custom)
            .filter_map(|it| it.priority);
        let first = from.filter(|it| !self.moved.contains_key(it)).min()?;
        let to = self.take(first + 1..=PRIORITIES.1)?;
        self.used.remove(&first);
        self.moved.insert(first, to);
        Some(())
    }

    fn take(&mut self, range: RangeInclusive<i64>) -> Option<i64> {
        let free = range.rev().find(|it| !self.used.contains(it))?;
        self.used.insert(free);
        Some(free)
    }
}

/// What mends the finding.
pub(super) fn remedies(parts: &Parts<'_>, priorities: &mut Priorities) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    if parts.verdict == Verdict::Reachable {
        return remedies;
    }
    if parts.filtering.verdict != SecurityGroupVerdict::Allowed {
        remedies.extend(of_rules(parts, priorities));
    }
    let decisive = parts.decisive == Decisive::Routes;
    let mends =
        matches!(parts.routing.verdict, RouteVerdict::Blocked | RouteVerdict::Unknown) || parts.routing.drops_some();
    if decisive || mends {
        for remedy in of_routes(parts) {
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
    }
    remedies.extend(match parts.decisive {
        Decisive::Egress => {
            let endpoint = endpoint_for(&parts.requirement.tag());
            let or = endpoint.map_or_else(String::new, |it| format!(", or add the service endpoint {it} to it"));
            Some(Remedy::Advice(format!(
                "Associate a NAT gateway with the subnet (azurerm_subnet_nat_gateway_association){or}."
            )))
        }
        Decisive::EndpointPolicy => Some(Remedy::Advice(
            "Remove the service endpoint policy from the subnet, or give the pool a subnet without one.".to_owned(),
        )),
        Decisive::Rules | Decisive::Routes => None,
    });
    remedies
}

fn of_rules(parts: &Parts<'_>, priorities: &mut Priorities) -> Vec<Remedy> {
    let hostile: Vec<&SecurityRule> = parts
        .filtering
        .denying
        .iter()
        .chain(&parts.filtering.doubtful)
        .collect();
    let mut remedies = Vec::new();
    let (admin, group): (Vec<&SecurityRule>, Vec<&SecurityRule>) =
        hostile.into_iter().partition(|rule| rule.origin == Origin::Admin);
    if let Some(rule) = admin.first() {
        remedies.push(Remedy::Advice(format!(
            "Ask whoever runs Azure Virtual Network Manager to let TCP {} to {} pass before {}; no network security group can \
             override it.",
            parts.requirement.port,
            parts.requirement.service_tag,
            rule_name(rule, parts.network)
        )));
    }
    match &parts.network.security_group {
        Reading::Read(read) if !group.is_empty() => in_group(parts, read, &group, priorities, &mut remedies),
        Reading::Unreadable => remedies.push(Remedy::Advice(
            "Grant Microsoft.Network/networkSecurityGroups/read on the subnet's network security group.".to_owned(),
        )),
        _ => {}
    }
    remedies
}

/// A rule before the hostile ones; where nothing fits, those move first, which may be enough.
fn in_group(
    parts: &Parts<'_>,
    group: &SecurityGroup,
    hostile: &[&SecurityRule],
    priorities: &mut Priorities,
    remedies: &mut Vec<Remedy>,
) {
    let mut place = None;
    let is_first = |it: &&&SecurityRule| it.priority.is_some_and(|priority| priority == PRIORITIES.0);
    if !hostile
        .iter()
        .any(|it| is_first(&it) || priorities.moved.contains_key(&it.priority.unwrap_or_default()))
    {
        place = priorities.before(hostile);
    }
    while place.is_none() && !moved_suffices(parts, group, priorities) {
        place = priorities.before(hostile);
        if place.is_none() && priorities.move_back(hostile).is_none() {
            break;
        }
    }
    for rule in hostile {
        let moved = rule
            .priority
            .and_then(|from| Some((from, *priorities.moved.get(&from)?)));
        remedies.extend(moved.map(|(from, to)| Remedy::MoveRule {
            rule: rule.name.clone(),
            from,
            to,
            group: group.name.clone(),
        }));
    }
    if let Some(priority) = place {
        remedies.push(Remedy::AddRule {
            rule: OutboundRule::of(parts.requirement, parts.requirement.rule_name(), priority),
            group: group.name.clone(),
        });
    } else if remedies.is_empty() {
        remedies.push(Remedy::Advice(format!(
            "Make room before {} for a rule that allows TCP {} to {}: no priority is free.",
            rule_name(hostile[0], parts.network),
            parts.requirement.port,
            parts.requirement.service_tag
        )));
    }
}

/// Whether the group lets everything through once its rules are where the remedies put them.
fn moved_suffices(parts: &Parts<'_>, group: &SecurityGroup, priorities: &Priorities) -> bool {
    let mut moved = group.clone();
    for rule in &mut moved.rules {
        rule.priority = priorities.now(rule);
    }
    moved.rules.sort_by_key(|rule| rule.priority);
    (parts.refilter)(&moved) == SecurityGroupVerdict::Allowed
}

fn of_routes(parts: &Parts<'_>) -> Vec<Remedy> {
    let uncertain = parts.routing.verdict == RouteVerdict::Unknown;
    let ways = parts
        .routing
        .surely
        .iter()
        .chain(parts.routing.perhaps.iter().filter(|_| uncertain));
    let mut remedies: Vec<Remedy> = Vec::new();
    for way in ways {
        if let Some(remedy) = of_way(way, parts)
            && !remedies.contains(&remedy)
        {
            remedies.push(remedy);
        }
    }
    remedies
}

fn of_way(way: &Way, parts: &Parts<'_>) -> Option<Remedy> {
    let table = parts.network.route_table.read().map(|it| it.name.clone());
    let route = service_route(parts.requirement);
    let add = || {
        Some(Remedy::AddRoute {
            route: route.clone(),
            table: table.clone(),
        })
    };
    match (&way.cause, way.kind) {
        (_, Kind::Internet | Kind::Endpoint | Kind::Appliance { trusted: true }) => None,
        (Cause::Route(own), Kind::Appliance { .. }) => {
            let super::route_table::NextHop::Appliance(addresses) = &own.next_hop else {
                return None;
            };
            Some(on_appliance(parts, addresses, route))
        }
        (Cause::Route(own), _) if is_short(&own.prefix) => add(),
        (Cause::Learned, _) => add(),
        (Cause::Route(_) | Cause::Contradiction(..), _) => Some(Remedy::Advice(format!(
            "Let {} lead to Internet, or remove it.",
            way_name(way, parts.network)
                .split(" against ")
                .last()
                .unwrap_or_default()
        ))),
        (Cause::Unreadable, _) => Some(Remedy::Advice(
            "Grant Microsoft.Network/routeTables/read on the subnet's route table.".to_owned(),
        )),
        (Cause::OwnSpace(net), _) => Some(Remedy::Advice(format!(
            "Use private address space: {net} hides public addresses from the virtual network."
        ))),
        (Cause::System | Cause::Endpoint(_), _) => None,
    }
}

fn on_appliance(parts: &Parts<'_>, addresses: &[String], route: ServiceRoute) -> Remedy {
    let prefixes = parts.network.subnet.read().map_or(&[][..], |it| &it.prefixes);
    let sources: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
    let all = required_firewall_rules(&sources, &[]);
    let wanted = |it: &FirewallRule| it.destination_addresses == [parts.requirement.service_tag];
    let rule = all.into_iter().find(wanted).unwrap_or_else(|| FirewallRule {
        name: parts.requirement.rule_name(),
        protocols: vec!["TCP"],
        source_addresses: sources,
        destination_addresses: vec![parts.requirement.service_tag.to_owned()],
        destination_ports: vec![parts.requirement.port.to_string()],
        description: format!("ACR agent pools: {}", parts.requirement.purpose),
    });
    Remedy::AllowOnAppliance {
        addresses: addresses.to_vec(),
        rule,
        route,
    }
}

fn is_short(prefix: &Address) -> bool {
    match prefix {
        Address::Any => true,
        Address::Net(net) => net.prefix_len() <= SHORTER_THAN_ANY_TAG,
        _ => false,
    }
}

fn rule_block(rule: &OutboundRule) -> String {
    let priority = rule.priority.to_string();
    let text = |text: &str| format!("\"{text}\"");
    block(
        "security_rule",
        &[
            ("name", text(&rule.name)),
            ("priority", priority),
            ("direction", text(rule.direction)),
            ("access", text(rule.access)),
            ("protocol", text(rule.protocol)),
            ("source_port_range", text(rule.source_port_range)),
            ("destination_port_range", text(&rule.destination_port_range)),
            ("source_address_prefix", text(rule.source_address_prefix)),
            ("destination_address_prefix", text(&rule.destination_address_prefix)),
            ("description", text(&rule.description)),
        ],
    )
}

fn route_block(route: &ServiceRoute) -> String {
    let text = |text: &str| format!("\"{text}\"");
    block(
        "route",
        &[
            ("name", text(&route.name)),
            ("address_prefix", text(&route.address_prefix)),
            ("next_hop_type", text(route.next_hop_type)),
        ],
    )
}

fn firewall_block(rule: &FirewallRule) -> String {
    let list = |items: &[String]| {
        format!(
            "[{}]",
            items
                .iter()
                .map(|it| format!("\"{it}\""))
                .collect::<Vec<_>>()
                .join(", ")
        )
    };
    let protocols: Vec<String> = rule.protocols.iter().map(|it| (*it).to_owned()).collect();
    block(
        "rule",
        &[
            ("name", format!("\"{}\"", rule.name)),
            ("protocols", list(&protocols)),
            ("source_addresses", list(&rule.source_addresses)),
            ("destination_addresses", list(&rule.destination_addresses)),
            ("destination_ports", list(&rule.destination_ports)),
        ],
    )
}

/// A block as `terraform fmt` leaves it. No value here holds a quote or a template.
fn block(name: &str, attributes: &[(&str, String)]) -> String {
    let width = attributes.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines: String = attributes
        .iter()
        .map(|(name, value)| format!("  {name:width$} = {value}\n"))
        .collect();
    format!("{name} {{\n{lines}}}")
}
