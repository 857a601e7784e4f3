//! Whether security admin rules and the network security group let traffic through.
//!
//! Two ways to the same verdict: [`symbolic`] knows only how tags relate, [`exact`] knows their addresses.

mod exact;
mod symbolic;

use super::Network;
use super::address::{Address, V4Set};
use super::reading::Reading;
use super::route_table::NextHop;
use super::security_group::{Access, SecurityGroup, SecurityRule, Selector};
use super::tags::{Relation, Tag, TagData};
use super::verdict::SecurityGroupVerdict;

/// What is judged: TCP from anywhere in the subnet to a tag on a port.
pub(super) struct Traffic<'a> {
    /// The service tag.
    pub wanted: &'a Tag,
    /// The port.
    pub port: u16,
    /// Who sends; `None` if the subnet's prefixes are not known.
    pub senders: Option<V4Set>,
    /// What the tag `VirtualNetwork` holds.
    pub virtual_network: VirtualNetworkTag,
    /// Addresses of tags, as far as known.
    pub data: &'a TagData,
    /// The pool's part of the tag.
    pub home: Tag,
}

/// The rules, admin rules first.
pub(super) struct Rules<'a> {
    pub admin: &'a [SecurityRule],
    pub group: &'a Reading<SecurityGroup>,
}

/// What the rules do with the traffic, and which of them did it.
#[derive(Clone, Debug)]
pub(super) struct Filtering {
    pub verdict: SecurityGroupVerdict,
    /// Rules that surely let some through.
    pub allowing: Vec<SecurityRule>,
    /// Rules that surely drop some.
    pub denying: Vec<SecurityRule>,
    /// Rules that may do either.
    pub doubtful: Vec<SecurityRule>,
    /// Whether the pool's own region is let through in full; known only with addresses.
    pub home_allowed: Option<bool>,
}

/// Which rules surely or possibly do what.
#[derive(Clone, Debug, Default)]
struct Tally<'a> {
    allow: Evidence<'a>,
    deny: Evidence<'a>,
    /// Admin rules that leave it to the security group.
    pass: Evidence<'a>,
}

#[derive(Clone, Debug, Default)]
struct Evidence<'a> {
    surely: Vec<&'a SecurityRule>,
    possibly: Vec<&'a SecurityRule>,
}

impl<'a> Tally<'a> {
    fn note(&mut self, rule: &'a SecurityRule, sure: bool) {
        use super::security_group::Origin::Admin;
        let evidence = match (rule.access, rule.origin) {
            (Access::Deny, _) => &mut self.deny,
            (Access::Allow, Admin) => &mut self.pass,
            (Access::Allow | Access::AlwaysAllow, _) => &mut self.allow,
            (Access::Unreadable, _) => {
                self.allow.possibly.push(rule);
                self.deny.possibly.push(rule);
                return;
            }
        };
        let list = if sure {
            &mut evidence.surely
        } else {
            &mut evidence.possibly
        };
        if list.last() != Some(&rule) {
            list.push(rule);
        }
    }

    /// The rule of the facts: both surely is partial; one surely is that one, unless the other is possible.
    fn verdict(&self) -> SecurityGroupVerdict {
        let state = |it: &Evidence<'_>| (!it.surely.is_empty(), !it.possibly.is_empty());
        match (state(&self.allow), state(&self.deny)) {
            ((true, _), (true, _)) => SecurityGroupVerdict::Partial,
            ((true, _), (false, false)) => SecurityGroupVerdict::Allowed,
            ((false, false), (true, _)) => SecurityGroupVerdict::Denied,
            _ => SecurityGroupVerdict::Unknown,
        }
    }

    fn into_filtering(self, verdict: SecurityGroupVerdict, home_allowed: Option<bool>) -> Filtering {
        let own = |rules: Vec<&SecurityRule>| rules.into_iter().cloned().collect::<Vec<_>>();
        let mut doubtful = own(self.deny.possibly);
        doubtful.extend(own(self.allow.possibly));
        doubtful.extend(own(self.pass.possibly));
        Filtering {
            verdict,
            allowing: own(self.allow.surely),
            denying: own(self.deny.surely),
            doubtful,
            home_allowed,
        }
    }
}

/// Judges the traffic, exactly where the wanted tag's addresses and the senders are known.
pub(super) fn judge(rules: &Rules<'_>, traffic: &Traffic<'_>) -> Filtering {
    match (traffic.data.addresses(traffic.wanted), &traffic.senders) {
        (Some(wanted), Some(senders)) => exact::judge(rules, traffic, &wanted, senders),
        _ => symbolic::judge(rules, traffic),
    }
}

/// Whether a rule's sources send the traffic: surely these, and perhaps more.
struct Senders {
    all: bool,
    some: V4Set,
    perhaps: bool,
}

fn senders(rule: &SecurityRule) -> Senders {
    let mut senders = Senders {
        all: false,
        some: V4Set::default(),
        perhaps: false,
    };
    let Selector::Addresses(addresses) = &rule.sources else {
        return senders;
    };
    let mut nets = Vec::new();
    for address in addresses {
        match address {
            Address::Any => senders.all = true,
            Address::Tag(tag) if tag.is("VirtualNetwork") => senders.all = true,
            Address::Net(net) => nets.push(*net),
            // Rules see the private address before translation, which no public tag holds.
            Address::Tag(tag) => senders.perhaps |= !tag.is_known(),
            Address::V6 => {}
            Address::Unreadable(_) => senders.perhaps = true,
        }
    }
    senders.some = nets.into_iter().collect();
    senders
}

/// What the tag `VirtualNetwork` stands for on this subnet, beyond private space.
///
/// Documented: the network's space, connected space, and "address prefixes used on user-defined routes", which "might also contain
/// default routes". Taken as sure for routes to an appliance (reported), as possible for other next hops and learned routes.
#[derive(Clone, Debug, Default)]
pub(super) struct VirtualNetworkTag {
    surely: Vec<Address>,
    perhaps: Vec<Address>,
}

impl VirtualNetworkTag {
    pub fn of(network: &Network) -> Self {
        let mut tag = Self::default();
        if let Some(virtual_network) = network.virtual_network.read() {
            tag.surely
                .extend(virtual_network.space.iter().copied().map(Address::Net));
        }
        if let Some(table) = network.route_table.read() {
            for route in &table.routes {
                let list = match route.next_hop {
                    NextHop::Appliance(_) => &mut tag.surely,
                    _ => &mut tag.perhaps,
                };
                list.push(route.prefix.clone());
            }
        }
        if network.route_table.is_unreadable() || network.may_learn_default_route() {
            tag.perhaps.push(Address::Any);
        }
        tag
    }
}

/// How much of a wanted tag some prefixes hold, by name.
#[derive(Debug, Default)]
struct Share {
    covers: bool,
    parts: Vec<Tag>,
    unknown: bool,
}

impl Share {
    fn of(addresses: &[Address], wanted: &Tag, virtual_network: &VirtualNetworkTag) -> Self {
        let mut share = Self::default();
        let mut nets = Vec::new();
        for address in addresses {
            match address {
                Address::Any => share.covers = true,
                Address::Net(net) => nets.push(*net),
                Address::V6 => {}
                Address::Unreadable(_) => share.unknown = true,
                Address::Tag(tag) if tag.is("VirtualNetwork") => {
                    let nothing = VirtualNetworkTag::default();
                    let sure = Self::of(&virtual_network.surely, wanted, &nothing);
                    let perhaps = Self::of(&virtual_network.perhaps, wanted, &nothing);
                    share.covers |= sure.covers;
                    share.parts.extend(sure.parts);
                    share.unknown |= sure.unknown || !perhaps.is_empty();
                }
                Address::Tag(tag) => match tag.relation(wanted) {
                    Relation::Covers => share.covers = true,
                    Relation::Partial => share.parts.push(tag.clone()),
                    Relation::Unknown => share.unknown = true,
                    Relation::Disjoint => {}
                },
            }
        }
        let nets: V4Set = nets.into_iter().collect();
        share.covers |= nets.contains(&V4Set::public());
        share.unknown |= nets.meets(&V4Set::public());
        share.unknown &= !share.covers;
        share
    }

    fn is_empty(&self) -> bool {
        !self.covers && self.parts.is_empty() && !self.unknown
    }
}

fn destinations(rule: &SecurityRule) -> &[Address] {
    match &rule.destinations {
        Selector::Addresses(addresses) => addresses,
        Selector::ApplicationSecurityGroups => &[],
    }
}
