//! IPv4 addresses as sets, and one address prefix of a rule or a route as ARM spells it.
//!
//! Agents of a pool speak IPv4, so an IPv6 prefix never matches. What cannot be read is a value of its own: it may match.

use ipnet::{Ipv4Net, Ipv6Net};

use super::tags::Tag;

/// IPv4 space that no service tag contains (measured on the public file of 2026-06-26: private space; the rest is never
/// routed on the internet). A list of prefixes that covers everything else covers every tag.
const NEVER_PUBLIC: [&str; 9] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// A set of IPv4 addresses: disjoint inclusive ranges, ascending, never touching.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct V4Set(Vec<(u32, u32)>);

impl V4Set {
    /// Every IPv4 address.
    pub fn all() -> Self {
        Self(vec![(0, u32::MAX)])
    }

    /// What may be the address of a public service.
    pub fn public() -> Self {
        Self::all().minus(&NEVER_PUBLIC.iter().filter_map(|text| text.parse().ok()).collect())
    }

    /// The set of any ranges, in any order, overlapping or not.
    pub fn of_ranges(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(previous) if u64::from(first) <= u64::from(previous.1) + 1 => previous.1 = previous.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// Whether there is no address in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self::of_ranges([&self.0[..], &other.0[..]].concat())
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                both.push((first, last));
            }
            if a.1 < b.1 {
                left.next();
            } else {
                right.next();
            }
        }
        Self(both)
    }

    /// What is in this one alone.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut gaps = Vec::with_capacity(other.0.len() + 1);
        let mut next = Some(0);
        for (first, last) in &other.0 {
            if let Some(start) = next
                && start < *first
            {
                gaps.push((start, first - 1));
            }
            next = last.checked_add(1);
        }
        if let Some(start) = next {
            gaps.push((start, u32::MAX));
        }
        self.and(&Self(gaps))
    }

    /// Whether the two share an address.
    pub fn meets(&self, other: &Self) -> bool {
        !self.and(other).is_empty()
    }

    /// Whether everything in `other` is in this one too.
    pub fn contains(&self, other: &Self) -> bool {
        other.minus(self).is_empty()
    }
}

impl From<Ipv4Net> for V4Set {
    fn from(net: Ipv4Net) -> Self {
        Self(vec![(net.network().to_bits(), net.broadcast().to_bits())])
    }
}

impl FromIterator<Ipv4Net> for V4Set {
    fn from_iter<I: IntoIterator<Item = Ipv4Net>>(nets: I) -> Self {
        let range = |net: Ipv4Net| (net.network().to_bits(), net.broadcast().to_bits());
        Self::of_ranges(nets.into_iter().map(range).collect())
    }
}

/// One address prefix of a rule or a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `*`, or the prefix of length zero.
    Any,
    /// An IPv4 prefix or a single address; host bits are dropped.
    Net(Ipv4Net),
    /// An IPv6 prefix or address, which IPv4 traffic never meets.
    V6,
    /// A service tag, known or not.
    Tag(Tag),
    /// Something else: it may mean anything.
    Unreadable(String),
}

impl Address {
    /// Reads one prefix; never fails.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if text == "*" || text.eq_ignore_ascii_case("any") {
            return Self::Any;
        }
        if let Some(net) = parse_net(text) {
            return if net.prefix_len() == 0 {
                Self::Any
            } else {
                Self::Net(net)
            };
        }
        if text.parse::<Ipv6Net>().is_ok() || text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Self::V6;
        }
        let named = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if named {
            Self::Tag(Tag::parse(text))
        } else {
            Self::Unreadable(text.to_owned())
        }
    }
}

/// An IPv4 prefix or a single address.
pub fn parse_net(text: &str) -> Option<Ipv4Net> {
    let single = || text.parse::<std::net::Ipv4Addr>().ok().map(Ipv4Net::from);
    text.parse::<Ipv4Net>().ok().map(|net| net.trunc()).or_else(single)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(nets: &[&str]) -> V4Set {
        nets.iter().map(|net| parse_net(net).unwrap()).collect()
    }

    #[test]
    fn prefixes_in_every_spelling() {
        for (text, expected) in [
            ("*", Address::Any),
            (" 0.0.0.0/0 ", Address::Any),
            ("10.0.1.5/24", Address::Net("10.0.1.0/24".parse().unwrap())),
            ("10.0.1.5", Address::Net("10.0.1.5/32".parse().unwrap())),
            ("::/0", Address::V6),
            ("fd00::1", Address::V6),
            ("Storage.EastUS", Address::Tag(Tag::parse("storage.eastus"))),
            ("10.0.0.0/33", Address::Unreadable("10.0.0.0/33".to_owned())),
            ("10.0.0.1-10.0.0.9", Address::Unreadable("10.0.0.1-10.0.0.9".to_owned())),
        ] {
            assert_eq!(Address::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn halves_make_a_whole() {
        assert_eq!(set(&["128.0.0.0/1", "0.0.0.0/1"]), V4Set::all());
        assert!(set(&["0.0.0.0/1"]).minus(&V4Set::all()).is_empty());
        assert!(V4Set::all().contains(&V4Set::public()) && !V4Set::public().contains(&V4Set::all()));
        assert!(!V4Set::public().meets(&set(&["10.1.0.0/16", "192.168.0.0/24"])));
        assert!(V4Set::public().contains(&set(&["20.60.0.0/16", "168.63.129.16"])));
    }

    proptest! {
        #[test]
        fn sets_behave_as_sets(a in ranges(), b in ranges()) {
            prop_assert_eq!(a.minus(&b).or(&a.and(&b)), a.clone());
            prop_assert!(!a.minus(&b).meets(&b));
            prop_assert_eq!(a.or(&b), b.or(&a));
            prop_assert!(a.or(&b).contains(&a));
            prop_assert_eq!(a.and(&b), b.and(&a));
        }
    }

    /// Small numbers, so that ranges overlap and touch; and the last address, where overflow lurks.
    fn ranges() -> impl Strategy<Value = V4Set> {
        let edge = prop_oneof![0_u32..40, Just(u32::MAX), Just(u32::MAX - 1)];
        proptest::collection::vec((edge.clone(), edge).prop_map(|(a, b)| (a.min(b), a.max(b))), 0..6)
            .prop_map(V4Set::of_ranges)
    }
}
