//! Whether machines in the subnet reach what they need: verdicts of the network room as findings.

use crate::network::{Finding as Reachability, Verdict, subnet::VirtualNetwork};

use super::{
    super::{
        facts::NetworkFacts,
        finding::{Finding, Level},
        settings::Check,
    },
    about_subnet, unreadable,
};

/// What machines in the subnet do not certainly reach.
pub(super) fn reachability(network: &NetworkFacts) -> Vec<Finding> {
    let mut found: Vec<Finding> = network
        .unreadable
        .iter()
        .map(|(id, why)| unreadable(Check::Network, "subnet_id", id, action_for(id), why))
        .collect();
    let Some(readiness) = &network.readiness else {
        return found;
    };
    let is_blocked = |it: &&Reachability| it.verdict == Verdict::Blocked && !it.requirement.is_dispensable();
    let (blocked, others): (Vec<&Reachability>, Vec<&Reachability>) = readiness
        .findings
        .iter()
        .filter(|it| it.verdict != Verdict::Reachable)
        .partition(is_blocked);
    let human = network.id.human();
    if !blocked.is_empty() {
        let tags: Vec<String> = blocked.iter().map(|it| target(it)).collect();
        let detail = format!(
            "Machines in {human} cannot reach {}, without which a pool is created and never runs anything, or fails after some ten minutes.\n\n{}",
            tags.join(", "),
            told(&blocked)
        );
        found.push(about_subnet(
            Check::Network,
            Level::Error,
            "The network blocks what the machines need".into(),
            detail,
        ));
    }
    // What is unknown because something could not be read has been told above.
    let unexplained = |it: &&&Reachability| it.verdict != Verdict::Unknown || network.unreadable.is_empty();
    let others: Vec<&Reachability> = others.iter().filter(unexplained).copied().collect();
    if !others.is_empty() {
        let tags: Vec<String> = others
            .iter()
            .map(|it| format!("{} ({})", target(it), it.verdict))
            .collect();
        let dispensable = others.iter().all(|it| it.requirement.is_dispensable());
        let comfort = if dispensable {
            " Azure's documentation says that pools may appear to operate normally without."
        } else {
            ""
        };
        let detail = format!(
            "Machines in {human} may not reach {}.{comfort}\n\n{}",
            tags.join(", "),
            told(&others)
        );
        found.push(about_subnet(
            Check::Network,
            Level::Warning,
            "The network may block what the machines need".into(),
            detail,
        ));
    }
    found.extend(readiness.advisories.iter().map(|advisory| {
        about_subnet(
            Check::Network,
            Level::Notice,
            format!("Network: {}", advisory.code()),
            advisory.to_string(),
        )
    }));
    found
}

fn target(finding: &Reachability) -> String {
    format!(
        "{} on port {}",
        finding.requirement.service_tag, finding.requirement.port
    )
}

/// Each explanation, and each distinct remedy once.
fn told(findings: &[&Reachability]) -> String {
    let mut parts: Vec<String> = findings.iter().map(|it| format!("* {}", it.explanation)).collect();
    for remedy in findings.iter().filter_map(|it| it.remedy()) {
        if !parts.contains(&remedy) {
            parts.push(remedy);
        }
    }
    parts.join("\n\n")
}

/// The action that reading a network object takes.
fn action_for(id: &str) -> &'static str {
    let id = id.to_ascii_lowercase();
    if id.contains("/networksecuritygroups/") {
        "Microsoft.Network/networkSecurityGroups/read"
    } else if id.contains("/routetables/") {
        "Microsoft.Network/routeTables/read"
    } else if id.ends_with("/replications") {
        "Microsoft.ContainerRegistry/registries/replications/read"
    } else {
        "Microsoft.Network/virtualNetworks/read"
    }
}

/// Custom DNS servers that machines cannot ask.
pub(super) fn dns(network: &NetworkFacts) -> Option<Finding> {
    let parent = VirtualNetwork::from_arm(network.virtual_network.body()?);
    let conflicts = parent.dns_conflicts();
    if conflicts.is_empty() {
        return None;
    }
    let listed: Vec<String> = conflicts.iter().map(ToString::to_string).collect();
    let detail = format!(
        "The virtual network of {} names the DNS servers {}, which are in 172.17.0.0/16. The machines use that range for their containers and cannot reach servers in it. Use servers outside of it.",
        network.id.human(),
        listed.join(", ")
    );
    Some(about_subnet(
        Check::Dns,
        Level::Error,
        "DNS servers that the machines cannot reach".into(),
        detail,
    ))
}
