//! The verdict by names alone: rules in order, each covering the tag, a part of it, nothing, or nobody knows.

use super::{Filtering, SecurityGroupVerdict, SecurityRule, Tag, V4Set};
use super::{Reading, Rules, Senders, Share, Tally, Traffic, destinations, senders};
use crate::network::security_group::Match;

/// Judges the traffic by names.
pub(super) fn judge(rules: &Rules<'_>, traffic: &Traffic<'_>) -> Filtering {
    let (mut tally, decided) = walk(rules.admin, traffic);
    let group = match rules.group {
        Reading::Absent => (Tally::default(), SecurityGroupVerdict::Allowed),
        Reading::Unreadable => (Tally::default(), SecurityGroupVerdict::Unknown),
        Reading::Read(group) => {
            let (tally, _) = walk(&group.rules, traffic);
            let verdict = tally.verdict();
            (tally, verdict)
        }
    };
    let verdict = with_admin(&tally, decided, group.1);
    let leaves = !decided || !tally.pass.surely.is_empty() || !tally.pass.possibly.is_empty();
    if leaves {
        tally.allow.surely.extend(group.0.allow.surely);
        tally.allow.possibly.extend(group.0.allow.possibly);
        tally.deny.surely.extend(group.0.deny.surely);
        tally.deny.possibly.extend(group.0.deny.possibly);
    }
    tally.into_filtering(verdict, None)
}

/// What admin rules make of the group's verdict. A partial or possible match of theirs is unknown, unless both say the same.
fn with_admin(admin: &Tally<'_>, decided: bool, group: SecurityGroupVerdict) -> SecurityGroupVerdict {
    use SecurityGroupVerdict::{Allowed, Denied, Partial, Unknown};
    let mut outcomes = Vec::new();
    let mut add = |verdict, there: bool| {
        if there && !outcomes.contains(&verdict) {
            outcomes.push(verdict);
        }
    };
    add(Allowed, !admin.allow.surely.is_empty());
    add(Denied, !admin.deny.surely.is_empty());
    add(group, !decided || !admin.pass.surely.is_empty());
    // What may happen counts like what does: it can only blur.
    add(Allowed, !admin.allow.possibly.is_empty());
    add(Denied, !admin.deny.possibly.is_empty());
    add(group, !admin.pass.possibly.is_empty());
    match outcomes[..] {
        [one] => one,
        [Denied, Partial] | [Partial, Denied] => Partial,
        _ => Unknown,
    }
}

/// Notes what each rule does with what earlier ones left; true if nothing is left at the end.
fn walk<'a>(rules: &'a [SecurityRule], traffic: &Traffic<'_>) -> (Tally<'a>, bool) {
    let mut tally = Tally::default();
    let mut left = traffic.senders.clone();
    let mut taken: Vec<Tag> = Vec::new();
    for rule in rules {
        let matched = rule.matches_port(traffic.port);
        let share = Share::of(destinations(rule), traffic.wanted, &traffic.virtual_network);
        let from = senders(rule);
        let (sure, whole, perhaps) = meets(&from, left.as_ref());
        if matched == Match::No || share.is_empty() || !(sure || perhaps) {
            continue;
        }
        let fresh = share.parts.iter().any(|part| !taken.iter().any(|it| part.within(it)));
        if matched == Match::Maybe || !sure {
            if share.covers || share.unknown || fresh {
                tally.note(rule, false);
            }
            continue;
        }
        if share.covers {
            tally.note(rule, true);
            if whole {
                return (tally, true);
            }
            left = left.map(|left| left.minus(&from.some));
        } else {
            if fresh {
                tally.note(rule, true);
                if whole {
                    taken.extend(share.parts);
                }
            }
            if share.unknown {
                tally.note(rule, false);
            }
        }
        if perhaps && !whole {
            tally.note(rule, false);
        }
    }
    (tally, false)
}

/// Whether a rule's sources surely send some, surely send all, and perhaps send some more.
fn meets(from: &Senders, left: Option<&V4Set>) -> (bool, bool, bool) {
    match left {
        _ if from.all => (true, true, false),
        Some(left) => (from.some.meets(left), from.some.contains(left), from.perhaps),
        None => (false, false, from.perhaps || !from.some.is_empty()),
    }
}
