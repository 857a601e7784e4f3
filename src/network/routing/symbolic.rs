//! Where traffic goes, by names alone.
//!
//! Surely known are: what a route for the tag, a part of it or `AzureCloud` takes from shorter prefixes, and what is left. Which of
//! `AzureCloud` and the tag's own route wins depends on prefixes (23 of `Storage` have longer ones of `AzureCloud` inside), so a
//! difference between them is unknown; and so is a public prefix longer than [`SHORTER_THAN_ANY_TAG`].

use super::{
    Address, Cause, EndpointShare, Kind, Relation, Route, Routing, SHORTER_THAN_ANY_TAG, Situation, Tag, V4Set, Way,
    by_prefix,
};

/// Ways that are sure, and ways that may be.
#[derive(Default)]
struct Ways {
    surely: Vec<Way>,
    perhaps: Vec<Way>,
}

/// Judges where traffic goes.
pub(super) fn judge(situation: &Situation<'_>) -> Routing {
    let named = Named::of(situation);
    let mut ways = Ways::default();
    let full = situation.endpoints.iter().find(|it| it.share == EndpointShare::Full);
    if let Some(endpoint) = full {
        let contradictions = named.rivals(situation, None);
        ways.perhaps.extend(
            contradictions
                .into_iter()
                .map(|route| contradiction(&endpoint.service, route)),
        );
        ways.surely.push(through(&endpoint.service));
        return Routing::new(ways.surely, ways.perhaps);
    }
    for endpoint in &situation.endpoints {
        let EndpointShare::Parts(parts) = &endpoint.share else {
            continue;
        };
        for part in parts {
            let contradictions = named.rivals(situation, Some(part));
            ways.perhaps.extend(
                contradictions
                    .into_iter()
                    .map(|route| contradiction(&endpoint.service, route)),
            );
            ways.surely.push(through(&endpoint.service));
        }
    }
    named.judge(situation, &mut ways);
    Routing::new(ways.surely, ways.perhaps)
}

fn through(service: &str) -> Way {
    Way {
        kind: Kind::Endpoint,
        cause: Cause::Endpoint(service.to_owned()),
    }
}

fn contradiction(service: &str, route: &Route) -> Way {
    Way {
        kind: Kind::Unknown,
        cause: Cause::Contradiction(service.to_owned(), route.clone()),
    }
}

/// Routes by what they hold of the wanted tag.
#[derive(Default)]
struct Named<'a> {
    whole: Vec<&'a Route>,
    /// `AzureCloud` where it holds everything.
    cloud: Vec<&'a Route>,
    /// `AzureCloud` where it holds a part.
    cloud_part: Vec<&'a Route>,
    parts: Vec<(&'a Tag, &'a Route)>,
    unknown: Vec<&'a Route>,
    /// Public prefixes that may be as long as the tag's.
    long: Vec<&'a Route>,
}

impl<'a> Named<'a> {
    fn of(situation: &Situation<'a>) -> Self {
        let mut named = Self::default();
        for route in situation.routes {
            let list = match &route.prefix {
                Address::Any | Address::V6 => continue,
                Address::Unreadable(_) => &mut named.unknown,
                Address::Net(net) if net.prefix_len() <= SHORTER_THAN_ANY_TAG => continue,
                Address::Net(net) if !V4Set::from(*net).meets(&V4Set::public()) => continue,
                Address::Net(_) => &mut named.long,
                // Azure refuses these in routes; who knows what they would do.
                Address::Tag(tag) if tag.is("VirtualNetwork") || tag.is("Internet") => &mut named.unknown,
                Address::Tag(tag) => match tag.relation(situation.wanted) {
                    Relation::Disjoint => continue,
                    Relation::Unknown => &mut named.unknown,
                    Relation::Covers if tag.is_azure_cloud() => &mut named.cloud,
                    Relation::Covers => &mut named.whole,
                    Relation::Partial if tag.is("AzureCloud") => &mut named.cloud_part,
                    Relation::Partial => {
                        named.parts.push((tag, route));
                        continue;
                    }
                },
            };
            list.push(route);
        }
        named
    }

    /// Routes that may be as long as an endpoint's prefixes and lead elsewhere; `part` narrows the endpoint.
    fn rivals(&self, situation: &Situation<'_>, part: Option<&Tag>) -> Vec<&'a Route> {
        let apart = |tag: &Tag| part.is_some_and(|part| !tag.within(part) && !part.within(tag));
        let parts = self
            .parts
            .iter()
            .filter(|(tag, _)| !apart(tag))
            .map(|(_, route)| *route);
        let lists = [&self.whole, &self.cloud, &self.cloud_part, &self.unknown, &self.long];
        let all = lists.into_iter().flatten().copied().chain(parts);
        all.filter(|route| situation.way(route).kind != Kind::Internet)
            .collect()
    }

    fn judge(&self, situation: &Situation<'_>, ways: &mut Ways) {
        let way = |route: &&Route| situation.way(route);
        ways.perhaps.extend(self.unknown.iter().map(way));
        ways.perhaps.extend(self.long.iter().map(way));
        let clouds = self.cloud.iter().chain(&self.cloud_part);
        let rest = if self.whole.is_empty() {
            &self.cloud
        } else {
            &self.whole
        };
        match &rest[..] {
            [] => {
                ways.surely.extend(self.cloud_part.first().map(way));
                ways.perhaps.extend(self.cloud_part.iter().skip(1).map(way));
                self.base(situation, ways);
            }
            [first, others @ ..] => {
                ways.surely.push(situation.way(first));
                ways.perhaps.extend(others.iter().map(way));
                ways.perhaps.extend(clouds.map(way));
            }
        }
        for (tag, route) in &self.parts {
            // A region of AzureCloud yields to the tag's own route for equal prefixes, and who knows for others.
            let same_region = |(other, _): &&(&Tag, &Route)| other.within(tag) && !other.is_azure_cloud();
            let yields = tag.is_azure_cloud() && (!rest.is_empty() || self.parts.iter().any(|it| same_region(&it)));
            let list = if yields { &mut ways.perhaps } else { &mut ways.surely };
            list.push(situation.way(route));
        }
    }

    /// What plain prefixes and the system make of everything that no tag names.
    fn base(&self, situation: &Situation<'_>, ways: &mut Ways) {
        let mut candidates = Vec::new();
        for route in situation.routes {
            if let Address::Net(net) = route.prefix {
                candidates.push((net, situation.way(route)));
            }
        }
        for net in situation.space {
            let way = Way {
                kind: Kind::Unknown,
                cause: Cause::OwnSpace(*net),
            };
            candidates.push((*net, way));
        }
        let all = by_prefix(&V4Set::public(), candidates.clone(), situation.default_way());
        candidates.retain(|(net, _)| net.prefix_len() <= SHORTER_THAN_ANY_TAG);
        let short = by_prefix(&V4Set::public(), candidates, situation.default_way());
        let same = |ways: &[(V4Set, Way)]| {
            ways.windows(2)
                .all(|it| it[0].1.kind.verdict() == it[1].1.kind.verdict())
        };
        let list = if same(&all) || same(&short) {
            &mut ways.surely
        } else {
            &mut ways.perhaps
        };
        let base = if same(&all) { &all } else { &short };
        list.extend(base.iter().map(|(_, way)| way.clone()));
        ways.perhaps.extend(all.into_iter().map(|(_, way)| way));
    }
}
