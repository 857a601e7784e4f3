//! The verdict with addresses: every rule takes its part of what earlier ones left, sender by sender.

use super::{Filtering, SecurityGroupVerdict, SecurityRule, Tag, V4Set};
use super::{Reading, Rules, Senders, Tally, Traffic, VirtualNetworkTag, destinations, senders};
use crate::network::address::Address;
use crate::network::security_group::{Access, Match, Origin};
use crate::network::tags::{Relation, TagData};

/// Senders, and what no rule has decided yet about their traffic.
#[derive(Clone)]
struct Piece {
    senders: V4Set,
    destinations: V4Set,
    /// Parts of the tag whose addresses are not known and that an earlier rule took by name.
    taken: Vec<Tag>,
}

/// Judges the traffic by addresses; `wanted` are those of the wanted tag.
pub(super) fn judge(rules: &Rules<'_>, traffic: &Traffic<'_>, wanted: &V4Set, from: &V4Set) -> Filtering {
    let mut walk = Walk {
        traffic,
        wanted,
        tally: Tally::default(),
        dropped: V4Set::default(),
        passed: Vec::new(),
    };
    let whole = Piece {
        senders: from.clone(),
        destinations: wanted.clone(),
        taken: Vec::new(),
    };
    let mut left = walk.through(rules.admin, vec![whole]);
    left.append(&mut walk.passed);
    let untouched = !left.is_empty();
    let mut verdict = None;
    match rules.group {
        Reading::Absent if untouched => {
            // Nothing filters what is left: the same as an allow that no rule gives.
            let doubt = !walk.tally.deny.possibly.is_empty();
            verdict = Some(match (walk.tally.deny.surely.is_empty(), doubt) {
                (true, false) => SecurityGroupVerdict::Allowed,
                (true, true) => SecurityGroupVerdict::Unknown,
                (false, _) => SecurityGroupVerdict::Partial,
            });
        }
        Reading::Unreadable if untouched => verdict = Some(SecurityGroupVerdict::Unknown),
        Reading::Absent | Reading::Unreadable => {}
        Reading::Read(group) => {
            walk.through(&group.rules, left);
        }
    }
    let verdict = verdict.unwrap_or_else(|| walk.tally.verdict());
    let home = traffic.data.addresses(&traffic.home);
    let sure = walk.tally.deny.possibly.is_empty() && verdict != SecurityGroupVerdict::Unknown;
    let home_allowed = home.map(|home| sure && !home.meets(&walk.dropped));
    walk.tally.into_filtering(verdict, home_allowed)
}

struct Walk<'a, 't> {
    traffic: &'t Traffic<'t>,
    wanted: &'t V4Set,
    tally: Tally<'a>,
    dropped: V4Set,
    /// What admin rules leave to the security group.
    passed: Vec<Piece>,
}

impl<'a> Walk<'a, '_> {
    /// What the rules leave undecided.
    fn through(&mut self, rules: &'a [SecurityRule], mut pieces: Vec<Piece>) -> Vec<Piece> {
        for rule in rules {
            let matched = rule.matches_port(self.traffic.port);
            if matched == Match::No || pieces.is_empty() {
                continue;
            }
            let from = senders(rule);
            let held = Held::of(destinations(rule), self.traffic);
            pieces = pieces
                .into_iter()
                .flat_map(|piece| self.apply(rule, piece, &from, &held, matched))
                .collect();
        }
        pieces
    }

    /// Takes the rule's part out of a piece; what remains is up to two pieces.
    fn apply(
        &mut self,
        rule: &'a SecurityRule,
        piece: Piece,
        from: &Senders,
        held: &Held,
        matched: Match,
    ) -> Vec<Piece> {
        let inside = if from.all {
            piece.senders.clone()
        } else {
            piece.senders.and(&from.some)
        };
        let taken = piece.destinations.and(&held.surely);
        let fresh: Vec<Tag> = held
            .parts
            .iter()
            .filter(|part| !piece.taken.iter().any(|it| part.within(it)))
            .cloned()
            .collect();
        let perhaps = held.unknown || held.perhaps.meets(&piece.destinations) || !fresh.is_empty();
        if matched == Match::Maybe || inside.is_empty() {
            let sends = !inside.is_empty() || from.perhaps;
            if sends && (perhaps || !taken.is_empty()) {
                self.doubt(rule);
            }
            return vec![piece];
        }
        let mut marked = piece.taken.clone();
        // A part known by name alone is surely there only while nothing was taken away.
        if !fresh.is_empty() && piece.destinations == *self.wanted {
            self.tally.note(rule, true);
            if rule.access == Access::Deny {
                self.dropped = self.dropped.or(self.wanted);
            }
            marked.extend(fresh);
        } else if perhaps {
            self.doubt(rule);
        }
        if from.perhaps && !piece.senders.minus(&inside).is_empty() {
            self.doubt(rule);
        }
        if taken.is_empty() {
            return vec![Piece { taken: marked, ..piece }];
        }
        if rule.access == Access::Unreadable {
            self.doubt(rule);
            return vec![piece];
        }
        self.tally.note(rule, true);
        match (rule.access, rule.origin) {
            (Access::Deny, _) => self.dropped = self.dropped.or(&taken),
            (Access::Allow, Origin::Admin) => self.passed.push(Piece {
                senders: inside.clone(),
                destinations: taken.clone(),
                taken: piece.taken.clone(),
            }),
            _ => {}
        }
        let outside = Piece {
            senders: piece.senders.minus(&inside),
            ..piece.clone()
        };
        let rest = Piece {
            senders: inside,
            destinations: piece.destinations.minus(&taken),
            taken: marked,
        };
        let is_left = |piece: &Piece| !piece.senders.is_empty() && !piece.destinations.is_empty();
        [outside, rest].into_iter().filter(is_left).collect()
    }

    /// A rule that may match. One that may hand over to the security group may shield from what follows, so it may do either.
    fn doubt(&mut self, rule: &'a SecurityRule) {
        self.tally.note(rule, false);
        if rule.origin == Origin::Admin && rule.access == Access::Allow {
            self.tally.allow.possibly.push(rule);
            self.tally.deny.possibly.push(rule);
        }
    }
}

/// The addresses that prefixes hold.
#[derive(Default)]
struct Held {
    surely: V4Set,
    perhaps: V4Set,
    /// Parts of the wanted tag whose addresses are not known.
    parts: Vec<Tag>,
    /// Whether there is something that may hold anything.
    unknown: bool,
}

impl Held {
    fn of(addresses: &[Address], traffic: &Traffic<'_>) -> Self {
        let mut held = Self::default();
        held.add(addresses, traffic.wanted, traffic.data, Some(&traffic.virtual_network));
        held
    }

    fn add(&mut self, addresses: &[Address], wanted: &Tag, data: &TagData, network: Option<&VirtualNetworkTag>) {
        for address in addresses {
            match address {
                Address::Any => self.surely = V4Set::all(),
                Address::Net(net) => self.surely = self.surely.or(&V4Set::from(*net)),
                Address::V6 => {}
                Address::Unreadable(_) => self.unknown = true,
                Address::Tag(tag) if tag.is("VirtualNetwork") => {
                    let Some(network) = network else { continue };
                    self.add(&network.surely, wanted, data, None);
                    let mut perhaps = Self::default();
                    perhaps.add(&network.perhaps, wanted, data, None);
                    self.perhaps = self.perhaps.or(&perhaps.surely).or(&perhaps.perhaps);
                    self.unknown |= perhaps.unknown || !perhaps.parts.is_empty();
                }
                Address::Tag(tag) => match (data.addresses(tag), tag.relation(wanted)) {
                    (Some(addresses), relation) if relation != Relation::Covers || !tag.is("Internet") => {
                        self.surely = self.surely.or(&addresses);
                    }
                    (_, Relation::Covers) => self.surely = V4Set::all(),
                    (_, Relation::Partial) => self.parts.push(tag.clone()),
                    (_, Relation::Unknown) => self.unknown = true,
                    (_, Relation::Disjoint) => {}
                },
            }
        }
    }
}
