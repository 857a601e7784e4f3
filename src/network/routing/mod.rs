//! Where routes send traffic to a service tag.
//!
//! The longest prefix wins; of equal prefixes a user-defined route beats what a gateway announces, which beats the system's routes.
//! A service tag in a route stands for its prefixes. Service endpoints add their service's prefixes and so beat every shorter route.
//! Whether they also beat an equal or longer user-defined route is contradictory: the documentation says so, three field reports
//! say the opposite. Where that decides, the verdict is unknown, except that a route to the internet is direct either way.

mod exact;
mod symbolic;

use ipnet::Ipv4Net;

use super::Network;
use super::address::{Address, V4Set};
use super::route_table::{NextHop, Route};
use super::subnet::EndpointShare;
use super::tags::{Relation, Tag, TagData};
use super::verdict::RouteVerdict;

/// Prefixes up to this length are shorter than any prefix of a service tag: no registry gives anyone more than a /8.
pub(super) const SHORTER_THAN_ANY_TAG: u8 = 7;

/// What a way out is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Straight out, which needs egress on the subnet.
    Internet,
    /// Through a service endpoint, which needs none.
    Endpoint,
    /// Through appliances, all of which the user vouches for or not.
    Appliance { trusted: bool },
    /// Through a gateway to another network.
    Gateway,
    /// Nowhere.
    Blocked,
    /// Nobody can tell.
    Unknown,
}

impl Kind {
    fn verdict(self) -> RouteVerdict {
        match self {
            Self::Internet | Self::Endpoint => RouteVerdict::Direct,
            Self::Appliance { .. } => RouteVerdict::Appliance,
            Self::Gateway => RouteVerdict::Gateway,
            Self::Blocked => RouteVerdict::Blocked,
            Self::Unknown => RouteVerdict::Unknown,
        }
    }
}

/// Why traffic goes that way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The system's route to the internet.
    System,
    /// A user-defined route.
    Route(Route),
    /// A service endpoint.
    Endpoint(String),
    /// An endpoint and a route that contradict each other.
    Contradiction(String, Route),
    /// A gateway may announce a default route that no GET shows.
    Learned,
    /// The network's own space, public though it is.
    OwnSpace(Ipv4Net),
    /// The route table could not be read.
    Unreadable,
}

/// A way that some of the traffic takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub kind: Kind,
    pub cause: Cause,
}

/// Where the traffic goes.
#[derive(Clone, Debug)]
pub(super) struct Routing {
    pub verdict: RouteVerdict,
    /// Ways that some traffic surely takes.
    pub surely: Vec<Way>,
    /// Ways that some may take.
    pub perhaps: Vec<Way>,
    /// Whether all of the pool's own region goes straight out; known only with addresses.
    pub home_direct: Option<bool>,
}

impl Routing {
    fn new(surely: Vec<Way>, perhaps: Vec<Way>) -> Self {
        let mut kinds: Vec<RouteVerdict> = Vec::new();
        for way in &surely {
            if !kinds.contains(&way.kind.verdict()) {
                kinds.push(way.kind.verdict());
            }
        }
        let doubt = perhaps.iter().any(|way| !kinds.contains(&way.kind.verdict()));
        let verdict = match kinds[..] {
            [] => RouteVerdict::Unknown,
            _ if kinds.contains(&RouteVerdict::Unknown) => RouteVerdict::Unknown,
            // Some is dropped and some is not, whatever else is true.
            [_, _, ..] if kinds.contains(&RouteVerdict::Blocked) => RouteVerdict::Mixed,
            _ if doubt => RouteVerdict::Unknown,
            [one] => one,
            _ => RouteVerdict::Mixed,
        };
        Self {
            verdict,
            surely,
            perhaps,
            home_direct: None,
        }
    }

    /// Whether some traffic is surely dropped.
    pub fn drops_some(&self) -> bool {
        self.surely.iter().any(|way| way.kind == Kind::Blocked)
    }

    /// Whether somebody else decides about some of it: an appliance that nobody vouches for, or a gateway.
    pub fn depends(&self) -> bool {
        let elsewhere = |way: &&Way| matches!(way.kind, Kind::Appliance { trusted: false } | Kind::Gateway);
        self.surely.iter().chain(&self.perhaps).any(|way| elsewhere(&way))
    }

    /// Whether some of it needs egress on the subnet itself.
    pub fn needs_egress(&self) -> bool {
        self.surely
            .iter()
            .chain(&self.perhaps)
            .any(|way| way.kind == Kind::Internet)
    }
}

/// An endpoint that carries the wanted tag or a part of it.
struct Endpoint {
    service: String,
    share: EndpointShare,
}

/// Everything that decides about one tag.
struct Situation<'a> {
    wanted: &'a Tag,
    home: &'a Tag,
    data: &'a TagData,
    /// Routes with an IPv4 prefix or a tag that may hold the wanted one.
    routes: &'a [Route],
    trusted: &'a [String],
    endpoints: Vec<Endpoint>,
    /// What the default route is when no user-defined one replaces it.
    default: Way,
    /// The network's space, which the system routes inside.
    space: &'a [Ipv4Net],
}

impl Situation<'_> {
    fn way(&self, route: &Route) -> Way {
        let trusts = |addresses: &[String]| {
            let vouched = |address: &String| self.trusted.iter().any(|it| it.trim() == address);
            !addresses.is_empty() && addresses.iter().all(vouched)
        };
        let kind = match &route.next_hop {
            NextHop::Internet => Kind::Internet,
            NextHop::Appliance(addresses) => Kind::Appliance {
                trusted: trusts(addresses),
            },
            NextHop::Gateway => Kind::Gateway,
            NextHop::Nowhere => Kind::Blocked,
            NextHop::VirtualNetwork | NextHop::Unreadable(_) => Kind::Unknown,
        };
        Way {
            kind,
            cause: Cause::Route(route.clone()),
        }
    }

    /// The way of the whole prefix of length zero.
    fn default_way(&self) -> Way {
        let explicit = self.routes.iter().find(|it| it.prefix == Address::Any);
        explicit.map_or_else(|| self.default.clone(), |route| self.way(route))
    }
}

/// Judges where traffic to a tag goes.
pub(super) fn judge(network: &Network, wanted: &Tag, home: &Tag) -> Routing {
    let unreadable = network.route_table.is_unreadable() || network.subnet.is_unreadable();
    if unreadable {
        let way = Way {
            kind: Kind::Unknown,
            cause: Cause::Unreadable,
        };
        return Routing::new(vec![way], Vec::new());
    }
    let learned = network.may_learn_default_route();
    let regions = network.regions();
    let mut endpoints = Vec::new();
    for endpoint in network.subnet.read().map_or(&[][..], |it| &it.service_endpoints) {
        if let Some(share) = endpoint.share(wanted, &regions) {
            let service = endpoint.service.clone();
            endpoints.push(Endpoint { service, share });
        }
    }
    let situation = Situation {
        wanted,
        home,
        data: &network.tag_data,
        routes: network.route_table.read().map_or(&[][..], |it| &it.routes),
        trusted: &network.trusted_next_hops,
        endpoints,
        default: Way {
            kind: if learned { Kind::Unknown } else { Kind::Internet },
            cause: if learned { Cause::Learned } else { Cause::System },
        },
        space: network.virtual_network.read().map_or(&[][..], |it| &it.space),
    };
    exact::judge(&situation).unwrap_or_else(|| symbolic::judge(&situation))
}

/// Longest prefix first, over some addresses: which way each part takes. At the end the default takes what is left.
fn by_prefix(addresses: &V4Set, mut candidates: Vec<(Ipv4Net, Way)>, default: Way) -> Vec<(V4Set, Way)> {
    // A stable sort: of equal prefixes the earlier candidate wins.
    candidates.sort_by_key(|(net, _)| std::cmp::Reverse(net.prefix_len()));
    let mut left = addresses.clone();
    let mut ways = Vec::new();
    for (net, way) in candidates {
        let matched = left.and(&V4Set::from(net));
        if !matched.is_empty() {
            left = left.minus(&matched);
            ways.push((matched, way));
        }
    }
    if !left.is_empty() {
        ways.push((left, default));
    }
    ways
}
