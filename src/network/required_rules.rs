//! The rules and routes that let agents reach what they need, as data with `azurerm`'s names.

use std::fmt;

use super::requirements::{Include, Requirement, with_includes};

/// First and last priority of a custom rule in a network security group.
pub const PRIORITIES: (i64, i64) = (100, 4_096);

/// Distance between the priorities of required rules, so that others fit between.
const PRIORITY_STEP: i64 = 10;

/// Routes with a service tag that one route table may hold (documented).
pub const TAG_ROUTES_MAX: usize = 25;

/// A rule of a network security group, with `azurerm`'s names: it drops into a `dynamic "security_rule"` block as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundRule {
    /// Its name.
    pub name: String,
    /// Its priority; lower comes first.
    pub priority: i64,
    /// `Outbound`.
    pub direction: &'static str,
    /// `Allow`.
    pub access: &'static str,
    /// `Tcp`.
    pub protocol: &'static str,
    /// `*`.
    pub source_port_range: &'static str,
    /// The port, as text.
    pub destination_port_range: String,
    /// `VirtualNetwork`.
    pub source_address_prefix: &'static str,
    /// The service tag.
    pub destination_address_prefix: String,
    /// What it is for; at most 140 characters.
    pub description: String,
}

impl OutboundRule {
    /// The rule that lets one requirement through.
    pub fn of(requirement: &Requirement, name: String, priority: i64) -> Self {
        Self {
            name,
            priority,
            direction: "Outbound",
            access: "Allow",
            protocol: "Tcp",
            source_port_range: "*",
            destination_port_range: requirement.port.to_string(),
            source_address_prefix: "VirtualNetwork",
            destination_address_prefix: requirement.service_tag.to_owned(),
            description: format!("ACR agent pools: {}", requirement.purpose),
        }
    }
}

/// A *network* rule of Azure Firewall, with `azurerm`'s names. Rules by name do not do: with application rules alone six of six
/// pools failed to start (reported from the field).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallRule {
    /// Its name.
    pub name: String,
    /// `TCP`.
    pub protocols: Vec<&'static str>,
    /// Prefixes of the pools' subnets.
    pub source_addresses: Vec<String>,
    /// The service tag.
    pub destination_addresses: Vec<String>,
    /// Its ports, as text.
    pub destination_ports: Vec<String>,
    /// What it is for.
    pub description: String,
}

/// A route that leads a service tag past an appliance, with `azurerm`'s names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRoute {
    /// Its name.
    pub name: String,
    /// The service tag.
    pub address_prefix: String,
    /// `Internet`: to Azure's services over Azure's own network.
    pub next_hop_type: &'static str,
}

/// Why no rules can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// The first priority that was asked for.
    pub first_priority: i64,
    /// The highest that would do.
    pub highest: i64,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, (lowest, last)) = (self.first_priority, PRIORITIES);
        write!(
            f,
            "The first priority {first} leaves no room: priorities are {lowest} to {last} and these rules are {PRIORITY_STEP} \
             apart, so the first is {lowest} to {}.",
            self.highest
        )
    }
}

impl std::error::Error for NoRoom {}

/// The rules that a network security group needs, from `first_priority` on, ten apart.
///
/// # Errors
/// [`NoRoom`] if a priority would be none of [`PRIORITIES`].
pub fn required_outbound_rules(first_priority: i64, include: &[Include]) -> Result<Vec<OutboundRule>, NoRoom> {
    let mut requirements: Vec<(String, Requirement)> = Vec::new();
    let beyond = include
        .iter()
        .filter_map(|it| it.beyond_tags().map(|requirement| (*it, requirement)));
    for requirement in with_includes(include) {
        requirements.push((requirement.rule_name(), requirement));
    }
    for (include, requirement) in beyond {
        let name = format!("AllowAcr{include:?}");
        if !requirements.iter().any(|(other, _)| *other == name) {
            requirements.push((name, requirement));
        }
    }
    let steps = requirements.len().saturating_sub(1) as i64;
    let highest = PRIORITIES.1 - steps * PRIORITY_STEP;
    if !(PRIORITIES.0..=highest).contains(&first_priority) {
        return Err(NoRoom {
            first_priority,
            highest,
        });
    }
    let priorities = (0..).map(|step| first_priority + step * PRIORITY_STEP);
    Ok(requirements
        .into_iter()
        .zip(priorities)
        .map(|((name, requirement), priority)| OutboundRule::of(&requirement, name, priority))
        .collect())
}

/// The network rules that Azure Firewall needs, one a service tag.
pub fn required_firewall_rules(source_addresses: &[String], include: &[Include]) -> Vec<FirewallRule> {
    let mut rules: Vec<FirewallRule> = Vec::new();
    for requirement in with_includes(include) {
        let port = requirement.port.to_string();
        match rules
            .iter_mut()
            .find(|it| it.destination_addresses == [requirement.service_tag])
        {
            Some(rule) => rule.destination_ports.push(port),
            None => rules.push(FirewallRule {
                name: requirement.rule_name(),
                protocols: vec!["TCP"],
                source_addresses: source_addresses.to_vec(),
                destination_addresses: vec![requirement.service_tag.to_owned()],
                destination_ports: vec![port],
                description: format!("ACR agent pools: {}", requirement.purpose),
            }),
        }
    }
    rules
}

/// The routes that lead what agents need past an appliance.
pub fn required_routes(include: &[Include]) -> Vec<ServiceRoute> {
    let mut routes: Vec<ServiceRoute> = Vec::new();
    for requirement in with_includes(include) {
        if !routes.iter().any(|it| it.address_prefix == requirement.service_tag) {
            routes.push(service_route(&requirement));
        }
    }
    routes
}

/// The route for one requirement.
pub fn service_route(requirement: &Requirement) -> ServiceRoute {
    ServiceRoute {
        name: format!("Acr{}", requirement.service_tag.replace('.', "")),
        address_prefix: requirement.service_tag.to_owned(),
        next_hop_type: "Internet",
    }
}

#[cfg(test)]
mod tests {
    use super::super::requirements::INCLUDES;
    use super::*;

    #[test]
    fn five_firewall_rules_as_documented() {
        let rules = required_firewall_rules(&["10.0.1.0/24".to_owned()], &[]);
        let table: Vec<(&str, String)> = rules
            .iter()
            .map(|rule| (rule.destination_addresses[0].as_str(), rule.destination_ports.join(",")))
            .collect();
        let expected = [
            ("AzureKeyVault", "443"),
            ("Storage", "443"),
            ("EventHub", "443"),
            ("AzureActiveDirectory", "443"),
            ("AzureMonitor", "443,12000"),
        ];
        assert_eq!(table, expected.map(|(tag, ports)| (tag, ports.to_owned())));
        assert_eq!(rules[0].source_addresses, ["10.0.1.0/24"]);
    }

    #[test]
    fn rules_have_room_names_and_short_descriptions() {
        let all: Vec<Include> = INCLUDES.iter().map(|(_, include)| *include).collect();
        let rules = required_outbound_rules(100, &[&all[..], &all[..]].concat()).unwrap();
        let mut names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(
            rules.last().map(|rule| rule.priority),
            Some(100 + 10 * (rules.len() as i64 - 1))
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 6 + 3 + 2);
        assert!(rules.iter().all(|rule| rule.description.len() <= 140));
        assert!(required_outbound_rules(4_046, &[]).is_ok());
        let refused = required_outbound_rules(4_047, &[]).unwrap_err().to_string();
        assert!(refused.contains("so the first is 100 to 4046"), "{refused}");
        assert!(required_outbound_rules(99, &[]).is_err());
        assert!(required_outbound_rules(i64::MAX, &[]).is_err());
    }

    #[test]
    fn routes_are_one_a_tag_and_fit_a_table() {
        let routes = required_routes(&[Include::Registry, Include::Mcr, Include::DockerHub]);
        let tags: Vec<&str> = routes.iter().map(|route| route.address_prefix.as_str()).collect();
        let expected = [
            "AzureKeyVault",
            "Storage",
            "EventHub",
            "AzureActiveDirectory",
            "AzureMonitor",
        ];
        assert_eq!(tags[..5], expected);
        assert_eq!(
            tags[5..],
            [
                "AzureContainerRegistry",
                "MicrosoftContainerRegistry",
                "AzureFrontDoor.FirstParty"
            ]
        );
        assert!(tags.len() <= TAG_ROUTES_MAX);
    }
}
