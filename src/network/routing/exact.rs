//! Where traffic goes, with addresses: the longest prefix, address by address.

use std::collections::BTreeMap;

use super::{Address, Cause, EndpointShare, Kind, Relation, Route, Routing, Situation, Tag, V4Set, Way};
use crate::network::address::Address::{Any, Net};

/// Order among user-defined routes with the same prefix (documented): a plain prefix, then a part of a tag, a tag, a part of
/// `AzureCloud`, `AzureCloud`. Endpoints come after all of them here, because a contradiction is noted with the route.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Plain,
    TagPart,
    Tag,
    CloudPart,
    Cloud,
    Endpoint,
    System,
}

/// All prefixes of one length and rank with one way.
struct Candidate {
    addresses: V4Set,
    way: Way,
    endpoint: bool,
}

/// By descending length, then rank, then order of appearance.
type Candidates = BTreeMap<(std::cmp::Reverse<u8>, Rank, usize), Candidate>;

/// Judges where traffic goes; `None` if the addresses of something that matters are not known.
pub(super) fn judge(situation: &Situation<'_>) -> Option<Routing> {
    let wanted = situation.data.addresses(situation.wanted)?;
    let (candidates, endpoint_lengths) = candidates(situation)?;
    let mut left = wanted.clone();
    let mut ways: Vec<(V4Set, Way)> = Vec::new();
    for ((length, ..), candidate) in candidates {
        let matched = left.and(&candidate.addresses);
        if matched.is_empty() {
            continue;
        }
        left = left.minus(&matched);
        let Cause::Route(route) = &candidate.way.cause else {
            ways.push((matched, candidate.way));
            continue;
        };
        // The part for which an endpoint has a prefix that is no longer than the route's.
        let mut rest = matched;
        for (service, lengths) in &endpoint_lengths {
            let rival: V4Set = lengths
                .iter()
                .filter(|(it, _)| **it <= length.0)
                .fold(V4Set::default(), |all, (_, set)| all.or(set));
            let both = rest.and(&rival);
            if !both.is_empty() && !candidate.endpoint {
                rest = rest.minus(&both);
                ways.push((both, beside_endpoint(&candidate.way, service, route)));
            }
        }
        if !rest.is_empty() {
            ways.push((rest, candidate.way));
        }
    }
    if !left.is_empty() {
        ways.push((left, situation.default_way()));
    }
    let home = situation.data.addresses(situation.home);
    let elsewhere = |(set, way): &(V4Set, Way), home: &V4Set| {
        let direct = matches!(way.kind, Kind::Internet | Kind::Endpoint);
        !direct && set.meets(home)
    };
    let home_direct = home.map(|home| !ways.iter().any(|it| elsewhere(it, &home)));
    let mut surely: Vec<Way> = Vec::new();
    for (_, way) in ways {
        if !surely.contains(&way) {
            surely.push(way);
        }
    }
    let mut routing = Routing::new(surely, Vec::new());
    routing.home_direct = home_direct;
    Some(routing)
}

/// A route to the internet beside an endpoint is direct either way; any other contradicts it.
fn beside_endpoint(way: &Way, service: &str, route: &Route) -> Way {
    if way.kind == Kind::Internet {
        return Way {
            kind: Kind::Endpoint,
            cause: Cause::Endpoint(service.to_owned()),
        };
    }
    Way {
        kind: Kind::Unknown,
        cause: Cause::Contradiction(service.to_owned(), route.clone()),
    }
}

/// Prefixes by length, for each service with an endpoint.
type EndpointLengths = Vec<(String, BTreeMap<u8, V4Set>)>;

fn candidates(situation: &Situation<'_>) -> Option<(Candidates, EndpointLengths)> {
    let mut candidates = Candidates::new();
    let mut order = 0;
    let mut add = |rank: Rank, nets: &[ipnet::Ipv4Net], way: &Way| {
        let mut lengths: BTreeMap<u8, Vec<ipnet::Ipv4Net>> = BTreeMap::new();
        for net in nets {
            lengths.entry(net.prefix_len()).or_default().push(*net);
        }
        order += 1;
        let mut sets = BTreeMap::new();
        for (length, nets) in lengths {
            let addresses: V4Set = nets.into_iter().collect();
            sets.insert(length, addresses.clone());
            let candidate = Candidate {
                addresses,
                way: way.clone(),
                endpoint: rank == Rank::Endpoint,
            };
            candidates.insert((std::cmp::Reverse(length), rank, order), candidate);
        }
        sets
    };
    for route in situation.routes {
        let way = situation.way(route);
        match &route.prefix {
            Any | Address::V6 => {}
            Net(net) => drop(add(Rank::Plain, &[*net], &way)),
            Address::Unreadable(_) => return None,
            Address::Tag(tag) => match situation.data.prefixes(tag) {
                Some(prefixes) => drop(add(rank(tag), prefixes, &way)),
                None if tag.relation(situation.wanted) == Relation::Disjoint => {}
                None => return None,
            },
        }
    }
    for net in situation.space {
        let way = Way {
            kind: Kind::Unknown,
            cause: Cause::OwnSpace(*net),
        };
        add(Rank::System, &[*net], &way);
    }
    let mut endpoint_lengths = Vec::new();
    for endpoint in &situation.endpoints {
        let tags = match &endpoint.share {
            EndpointShare::Full => std::slice::from_ref(situation.wanted),
            EndpointShare::Parts(parts) => parts,
        };
        let way = Way {
            kind: Kind::Endpoint,
            cause: Cause::Endpoint(endpoint.service.clone()),
        };
        for tag in tags {
            let sets = add(Rank::Endpoint, situation.data.prefixes(tag)?, &way);
            endpoint_lengths.push((endpoint.service.clone(), sets));
        }
    }
    Some((candidates, endpoint_lengths))
}

fn rank(tag: &Tag) -> Rank {
    let whole = !tag.name().contains('.');
    match (tag.is_azure_cloud(), whole) {
        (false, false) => Rank::TagPart,
        (false, true) => Rank::Tag,
        (true, false) => Rank::CloudPart,
        (true, true) => Rank::Cloud,
    }
}
