//! What is said about a verdict: who decided, and one sentence for the person who runs the network.

use super::filter::Filtering;
use super::routing::{Cause, Kind, Routing, Way};
use super::security_group::{Origin, SecurityGroup, SecurityRule};
use super::verdict::{Decisive, Verdict};
use super::{Network, Reading, Requirement, SecurityGroupVerdict};

/// How many rules or routes a sentence names before it counts the rest.
const NAMED_MAX: usize = 2;

/// Everything that a sentence may speak of.
pub(super) struct Parts<'a> {
    pub network: &'a Network,
    pub requirement: &'a Requirement,
    pub filtering: &'a Filtering,
    pub routing: &'a Routing,
    pub verdict: Verdict,
    pub decisive: Decisive,
    /// What the same traffic meets in another security group.
    pub refilter: &'a dyn Fn(&SecurityGroup) -> SecurityGroupVerdict,
}

/// Who decided, and the sentence.
pub(super) fn explain(parts: &Parts<'_>) -> (String, String) {
    let goal = format!("{} on TCP {}", parts.requirement.service_tag, parts.requirement.port);
    let (decided_by, reason) = match parts.decisive {
        Decisive::Rules => by_rules(parts),
        Decisive::Routes => by_routes(parts),
        Decisive::EndpointPolicy => (
            "service endpoint policy of the subnet".to_owned(),
            "a service endpoint policy lets only listed accounts through, and the service's own storage accounts are in \
             subscriptions of Microsoft's"
                .to_owned(),
        ),
        Decisive::Egress => (
            "private subnet without NAT gateway".to_owned(),
            "the subnet is private (no default outbound access) and has no NAT gateway, so traffic that no service endpoint \
             carries probably finds no way out"
                .to_owned(),
        ),
    };
    let sentence = match parts.verdict {
        Verdict::Reachable => format!("Agents reach {goal}: {reason}."),
        Verdict::Depends => format!("Whether agents reach {goal} is decided elsewhere: {reason}."),
        Verdict::Unknown => format!("Whether agents reach {goal} is unknown: {reason}."),
        Verdict::Partial => format!("Agents reach only a part of {goal}: {reason}."),
        Verdict::Blocked => format!("Agents cannot reach {goal}: {reason}."),
    };
    (decided_by, sentence)
}

fn by_rules(parts: &Parts<'_>) -> (String, String) {
    let filtering = parts.filtering;
    let name = |rules: &[SecurityRule]| joined(rules.iter().map(|rule| rule_name(rule, parts.network)));
    let (allowing, denying, doubtful) = (
        name(&filtering.allowing),
        name(&filtering.denying),
        name(&filtering.doubtful),
    );
    let unread = parts.network.security_group.is_unreadable() || parts.network.subnet.is_unreadable();
    match parts.verdict {
        Verdict::Reachable => reachable(parts, allowing),
        Verdict::Blocked => {
            let reason = format!(
                "{denying} {} it before any rule allows it",
                verb(&filtering.denying, "denies", "deny")
            );
            (denying, reason)
        }
        Verdict::Partial if filtering.allowing.is_empty() => {
            let reason = format!("{denying} {} a part of it", verb(&filtering.denying, "denies", "deny"));
            (denying, reason)
        }
        Verdict::Partial => {
            let reason = format!(
                "{allowing} {} a part of it and {denying} {} the rest",
                verb(&filtering.allowing, "allows", "allow"),
                verb(&filtering.denying, "denies", "deny")
            );
            (denying, reason)
        }
        _ if filtering.doubtful.is_empty() && unread => {
            let routes = parts.routing.surely.iter().any(|way| way.cause == Cause::Unreadable);
            let what = if routes {
                "network security group and routes"
            } else {
                "network security group"
            };
            (
                format!("unreadable {what}"),
                format!("the subnet's {what} could not be read"),
            )
        }
        _ if filtering.doubtful.is_empty() => {
            let all = joined(
                filtering
                    .allowing
                    .iter()
                    .chain(&filtering.denying)
                    .map(|it| rule_name(it, parts.network)),
            );
            let reason = format!("{all} may or may not match all of it");
            (all, reason)
        }
        _ => {
            let missing = if parts.network.tag_data.is_empty() {
                "; the addresses of service tags, which were not read, may tell"
            } else {
                ""
            };
            let reason = format!("{doubtful} may match some of it{missing}");
            (doubtful, reason)
        }
    }
}

fn reachable(parts: &Parts<'_>, allowing: String) -> (String, String) {
    let filter = match (&parts.network.security_group, allowing.is_empty()) {
        (_, false) => format!("{allowing} {} it", verb(&parts.filtering.allowing, "allows", "allow")),
        (Reading::Absent, true) => "no network security group filters the subnet".to_owned(),
        (_, true) => "nothing denies it".to_owned(),
    };
    let trusted: Vec<&Way> = parts
        .routing
        .surely
        .iter()
        .filter(|it| matches!(it.kind, Kind::Appliance { .. }))
        .collect();
    let way = joined(parts.routing.surely.iter().map(|way| way_out(way, parts.network)));
    let decided_by = match (&trusted[..], allowing.is_empty()) {
        ([first, ..], _) => format!("trusted next hop of {}", way_name(first, parts.network)),
        ([], false) => allowing,
        ([], true) => "no network security group".to_owned(),
    };
    (decided_by, format!("{filter}, and it leaves {way}"))
}

fn way_out(way: &Way, network: &Network) -> String {
    match (&way.cause, way.kind) {
        (Cause::Endpoint(service), _) => format!("through service endpoint {service}"),
        (Cause::System, _) => "directly".to_owned(),
        (_, Kind::Appliance { .. }) => format!("through an appliance that you trust, by {}", way_name(way, network)),
        _ => format!("directly by {}", way_name(way, network)),
    }
}

fn by_routes(parts: &Parts<'_>) -> (String, String) {
    let routing = parts.routing;
    let named = |wanted: &dyn Fn(&Way) -> bool| {
        let ways: Vec<&Way> = routing
            .surely
            .iter()
            .chain(&routing.perhaps)
            .filter(|it| wanted(it))
            .collect();
        let kinds: Vec<Kind> = ways.iter().map(|it| it.kind).collect();
        (joined(ways.iter().map(|way| way_name(way, parts.network))), kinds)
    };
    let mixed = routing.verdict.as_str() == "mixed";
    let it = if mixed { "a part of it" } else { "it" };
    match parts.verdict {
        Verdict::Blocked | Verdict::Partial => {
            let (ways, _) = named(&|way| way.kind == Kind::Blocked);
            let reason = format!("{ways} drops {it}");
            (ways, reason)
        }
        Verdict::Depends => {
            let (ways, kinds) = named(&|way| matches!(way.kind, Kind::Appliance { trusted: false } | Kind::Gateway));
            let beyond = match &kinds[..] {
                [Kind::Gateway, ..] => "the network behind the gateway has to let it out",
                _ => "the appliance has to let it through",
            };
            let reason = format!("{ways} takes {it} away, and {beyond}");
            (ways, reason)
        }
        _ => {
            let (mut ways, kinds) = named(&|way| way.kind == Kind::Unknown);
            if kinds.is_empty() {
                ways = named(&|_| true).0;
            }
            let reason = unknown_route(routing, &ways);
            (ways, reason)
        }
    }
}

fn unknown_route(routing: &Routing, ways: &str) -> String {
    let causes = || routing.surely.iter().chain(&routing.perhaps).map(|way| &way.cause);
    if causes().any(|it| matches!(it, Cause::Unreadable)) {
        return "the subnet's routes could not be read".to_owned();
    }
    if let Some((service, route)) = causes().find_map(|it| match it {
        Cause::Contradiction(service, route) => Some((service, route)),
        _ => None,
    }) {
        return format!("which of service endpoint {service} and {route} wins is reported both ways");
    }
    if causes().any(|it| matches!(it, Cause::Learned)) {
        return "the virtual network's gateway may announce a default route, which Azure shows nowhere that can be read".to_owned();
    }
    if routing.surely.iter().any(|way| way.kind == Kind::Unknown) {
        return format!("where {ways} leads is not known");
    }
    format!("which of these takes it cannot be told without addresses: {ways}")
}

/// A rule, as messages name it.
pub(super) fn rule_name(rule: &SecurityRule, network: &Network) -> String {
    let group = network.security_group.read().map_or("", |it| it.name.as_str());
    let of = if group.is_empty() {
        String::new()
    } else {
        format!(" of {group}")
    };
    let priority = rule
        .priority
        .map_or_else(|| "unreadable".to_owned(), |it| it.to_string());
    match rule.origin {
        Origin::Custom => format!("security rule \"{}\" (priority {priority}){of}", rule.name),
        Origin::Default => format!("default rule {} (priority {priority}){of}", rule.name),
        Origin::Admin => format!("security admin rule \"{}\" (priority {priority})", rule.name),
    }
}

/// A way, as messages name it.
pub(super) fn way_name(way: &Way, network: &Network) -> String {
    let table = network.route_table.read().map_or("", |it| it.name.as_str());
    let of = if table.is_empty() {
        String::new()
    } else {
        format!(" of {table}")
    };
    match &way.cause {
        Cause::System => "system route to the internet".to_owned(),
        Cause::Route(route) => format!("{route}{of}"),
        Cause::Endpoint(service) => format!("service endpoint {service}"),
        Cause::Contradiction(service, route) => format!("service endpoint {service} against {route}{of}"),
        Cause::Learned => "default route that a gateway may announce".to_owned(),
        Cause::OwnSpace(net) => format!("the virtual network's own space {net}"),
        Cause::Unreadable => "unreadable route table".to_owned(),
    }
}

fn verb<'a>(rules: &[SecurityRule], one: &'a str, many: &'a str) -> &'a str {
    if rules.len() > 1 { many } else { one }
}

/// Names in a sentence, each once.
fn joined(names: impl Iterator<Item = String>) -> String {
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    match unique.len() {
        0..=NAMED_MAX => unique.join(" and "),
        all => format!("{} and {} more", unique[..NAMED_MAX].join(", "), all - NAMED_MAX),
    }
}
