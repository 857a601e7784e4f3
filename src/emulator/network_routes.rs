//! The ways into `Microsoft.Network`.

use super::answer::Answer;
use super::arm::{Call, unserved};
use super::attachments::Sort;
use super::refusals::Refusal;
use super::store::Store;

/// Answers a request below a group; `lower` and `names` are what follows the namespace.
pub(super) fn in_group(
    store: &mut Store,
    call: &Call,
    group: &str,
    lower: &[&str],
    names: &[&str],
) -> Result<Answer, Refusal> {
    if let Some(sort) = lower.first().and_then(|segment| Sort::of_segment(segment)) {
        return attachment(store, call, group, sort, &lower[1..], &names[1..]);
    }
    let base = format!("{group}/providers/Microsoft.Network/virtualNetworks");
    let network = names.get(1).map(|name| format!("{base}/{name}")).unwrap_or_default();
    let subnet = names
        .get(3)
        .map(|name| format!("{network}/subnets/{name}"))
        .unwrap_or_default();
    match (call.method, lower) {
        ("GET", ["virtualnetworks"]) => Ok(store.list_networks(group)),
        ("GET", ["virtualnetworks", _]) => store.get_network(&network),
        ("PUT", ["virtualnetworks", name]) => store.put_network(call, group, names.get(1).unwrap_or(name)),
        ("DELETE", ["virtualnetworks", _]) => store.delete_network(&network),
        ("POST", ["virtualnetworks", _, "listnetworkmanagereffectivesecurityadminrules"]) => {
            store.security_admin_rules(call, &network)
        }
        ("GET", ["virtualnetworks", _, "subnets"]) => store.list_subnets(&network),
        ("GET", ["virtualnetworks", _, "subnets", _]) => store.get_subnet(&subnet),
        ("PUT", ["virtualnetworks", _, "subnets", name]) => {
            store.put_subnet(call, &network, names.get(3).unwrap_or(name))
        }
        ("DELETE", ["virtualnetworks", _, "subnets", _]) => store.delete_subnet(&subnet),
        _ => Err(unserved(call)),
    }
}

/// Answers a request below the subscription; `lower` and `names` are what follows the namespace.
pub(super) fn in_subscription(store: &Store, call: &Call, lower: &[&str], names: &[&str]) -> Result<Answer, Refusal> {
    let subscription = format!("/subscriptions/{}", store.subscription_id);
    match (call.method, lower) {
        ("GET", ["virtualnetworks"]) => Ok(store.list_networks(&subscription)),
        ("GET", ["locations", location, "servicetags"]) => {
            store.list_service_tags(call, names.get(1).unwrap_or(location))
        }
        ("GET", [segment]) => match Sort::of_segment(segment) {
            Some(sort) => Ok(store.list_attachments(sort, "")),
            None => Err(unserved(call)),
        },
        _ => Err(unserved(call)),
    }
}

/// `lower` and `names` are what follows the sort's segment.
fn attachment(
    store: &mut Store,
    call: &Call,
    group: &str,
    sort: Sort,
    lower: &[&str],
    names: &[&str],
) -> Result<Answer, Refusal> {
    let [name, ..] = names else {
        return match call.method {
            "GET" => Ok(store.list_attachments(sort, &format!("{group}/"))),
            _ => Err(unserved(call)),
        };
    };
    let id = format!("{group}/providers/Microsoft.Network/{}/{name}", sort.segment());
    let child = names.get(2).copied().unwrap_or_default();
    let of_sort = |segment: &str| sort.children().is_some_and(|known| known.eq_ignore_ascii_case(segment));
    match (call.method, lower) {
        ("GET", [_]) => store.get_attachment(&id),
        ("PUT", [_]) => store.put_attachment(call, group, sort, name),
        ("DELETE", [_]) => store.delete_attachment(&id),
        ("GET", [_, "defaultsecurityrules"]) if sort == Sort::SecurityGroup => store.default_rules(&id, None),
        ("GET", [_, "defaultsecurityrules", _]) if sort == Sort::SecurityGroup => store.default_rules(&id, Some(child)),
        ("GET", [_, segment]) if of_sort(segment) => store.list_children(&id),
        ("GET", [_, segment, _]) if of_sort(segment) => store.get_child(&id, child),
        ("PUT", [_, segment, _]) if of_sort(segment) => store.put_child(call, &id, child),
        ("DELETE", [_, segment, _]) if of_sort(segment) => Ok(store.delete_child(&id, child)),
        _ => Err(unserved(call)),
    }
}
