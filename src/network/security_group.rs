//! Network security groups and security admin rules, as typed outbound rules in the order of evaluation.
//!
//! Semantics: Microsoft's network security group overview (2025-07-15). Lower priority numbers come first and the first match
//! decides; the order of the array means nothing; the three default rules are always there, whether the answer shows them or not.

use serde_json::{Value, json};

use super::address::Address;
use super::reading::{last_segment, list, number, properties, text, texts};

/// Priority of the last default rule, which denies everything.
const DENY_ALL_PRIORITY: i64 = 65_500;

/// What clients use as source port: a rule limited to other source ports never matches. Inferred, not documented.
const EPHEMERAL_PORTS: (u16, u16) = (1_024, u16::MAX);

/// A network security group: its outbound rules, default rules included, in the order of evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its name, for messages.
    pub name: String,
    /// Outbound rules in the order of evaluation.
    pub rules: Vec<SecurityRule>,
}

impl SecurityGroup {
    /// Reads the answer of a GET; never fails: what is odd becomes a rule that may match.
    pub fn from_arm(body: &Value) -> Self {
        let id = text(body, "id").unwrap_or_default();
        let name = text(body, "name").unwrap_or_else(|| last_segment(&id).to_owned());
        let custom = list(properties(body), "securityRules");
        Self::from_rules(&name, custom, list(properties(body), "defaultSecurityRules"))
    }

    /// Rules as ARM or as an `azurerm` configuration spells them, `defaults` completed.
    pub fn from_rules(name: &str, custom: &[Value], defaults: &[Value]) -> Self {
        let read = |value: &Value, origin: Origin| SecurityRule::from_arm(value, origin);
        let mut rules: Vec<SecurityRule> = custom.iter().filter_map(|it| read(it, Origin::Custom)).collect();
        let mut own: Vec<SecurityRule> = defaults.iter().filter_map(|it| read(it, Origin::Default)).collect();
        for rule in standard_rules().iter().filter_map(|it| read(it, Origin::Default)) {
            if !own.iter().any(|it| it.priority == rule.priority) {
                own.push(rule);
            }
        }
        rules.append(&mut own);
        in_order(&mut rules);
        Self {
            name: name.to_owned(),
            rules,
        }
    }
}

/// The security admin rules of Azure Virtual Network Manager that apply to the virtual network: outbound, in the order of
/// evaluation. They come before every security group.
pub fn security_admin_rules(items: &[Value]) -> Vec<SecurityRule> {
    let mut rules: Vec<SecurityRule> = items
        .iter()
        .filter_map(|it| SecurityRule::from_arm(it, Origin::Admin))
        .collect();
    in_order(&mut rules);
    rules
}

/// A rule without a priority may come first; equal priorities, which Azure refuses, are at least ordered always alike.
fn in_order(rules: &mut [SecurityRule]) {
    rules.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
}

/// The outbound rules that every group has.
fn standard_rules() -> [Value; 3] {
    let rule = |name: &str, priority: i64, access: &str, from: &str, to: &str| {
        json!({"name": name, "priority": priority, "access": access, "direction": "Outbound", "protocol": "*",
            "sourcePortRange": "*", "destinationPortRange": "*", "sourceAddressPrefix": from, "destinationAddressPrefix": to})
    };
    [
        rule("AllowVnetOutBound", 65_000, "Allow", "VirtualNetwork", "VirtualNetwork"),
        rule("AllowInternetOutBound", 65_001, "Allow", "*", "Internet"),
        rule("DenyAllOutBound", DENY_ALL_PRIORITY, "Deny", "*", "*"),
    ]
}

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Somebody wrote it into the group.
    Custom,
    /// Every group has it.
    Default,
    /// Azure Virtual Network Manager puts it before the group.
    Admin,
}

/// What a rule does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Lets it through; of an admin rule: leaves it to the security group.
    Allow,
    /// Of an admin rule: lets it through whatever the security group says.
    AlwaysAllow,
    /// Drops it.
    Deny,
    /// Something that this version does not know.
    Unreadable,
}

/// Whether something matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// Surely.
    Yes,
    /// Surely not.
    No,
    /// It may.
    Maybe,
}

/// Whose traffic, or where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Any of these.
    Addresses(Vec<Address>),
    /// Members of application security groups. The network interfaces of a pool live in a subscription of Microsoft's and can be
    /// in none, so this never matches.
    ApplicationSecurityGroups,
}

/// One outbound rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityRule {
    /// Its name, for messages.
    pub name: String,
    /// Lower comes first. `None` if unreadable.
    pub priority: Option<i64>,
    /// What it does.
    pub access: Access,
    /// Where it comes from.
    pub origin: Origin,
    /// Whose traffic.
    pub sources: Selector,
    /// Where to.
    pub destinations: Selector,
    /// Whether TCP from a client's port matches protocol, direction and source ports.
    applies: Match,
    ports: Ports,
}

impl SecurityRule {
    /// `None` for a rule that surely is not about outbound TCP.
    fn from_arm(value: &Value, origin: Origin) -> Option<Self> {
        let body = properties(value);
        let direction = match text(body, "direction").map(|it| it.to_ascii_lowercase()).as_deref() {
            Some("outbound") => Match::Yes,
            Some("inbound") => Match::No,
            _ => Match::Maybe,
        };
        let priority = number(body, "priority");
        let source_ports = Ports::read(&texts(body, "sourcePortRange", "sourcePortRanges"));
        let known = if priority.is_some() { Match::Yes } else { Match::Maybe };
        let applies = [direction, tcp(body), source_ports.clients(), known];
        if applies.contains(&Match::No) {
            return None;
        }
        let applies = if applies.contains(&Match::Maybe) {
            Match::Maybe
        } else {
            Match::Yes
        };
        let fallback = || text(value, "id").map(|id| last_segment(&id).to_owned());
        Some(Self {
            name: text(value, "name")
                .or_else(fallback)
                .unwrap_or_else(|| "(without name)".to_owned()),
            priority,
            access: access(body, origin),
            origin,
            sources: selector(
                body,
                ["sourceAddressPrefix", "sourceAddressPrefixes", "sources"],
                "sourceApplicationSecurityGroups",
            ),
            destinations: selector(
                body,
                ["destinationAddressPrefix", "destinationAddressPrefixes", "destinations"],
                "destinationApplicationSecurityGroups",
            ),
            applies,
            ports: Ports::read(&texts(body, "destinationPortRange", "destinationPortRanges")),
        })
    }

    /// Whether TCP to this port is what the rule is about, addresses aside.
    pub fn matches_port(&self, port: u16) -> Match {
        match (self.applies, self.ports.holds(port, port)) {
            (_, Match::No) | (Match::No, _) => Match::No,
            (Match::Yes, Match::Yes) => Match::Yes,
            _ => Match::Maybe,
        }
    }
}

fn access(body: &Value, origin: Origin) -> Access {
    match text(body, "access").map(|it| it.to_ascii_lowercase()).as_deref() {
        Some("allow") => Access::Allow,
        Some("alwaysallow") if origin == Origin::Admin => Access::AlwaysAllow,
        Some("deny") => Access::Deny,
        _ => Access::Unreadable,
    }
}

/// The enum has other spellings in effective rules (`All`) and in admin rules (`Any`). A missing protocol is assumed to be any.
fn tcp(body: &Value) -> Match {
    match text(body, "protocol").map(|it| it.to_ascii_lowercase()).as_deref() {
        None | Some("*" | "tcp" | "any" | "all" | "6") => Match::Yes,
        Some("udp" | "icmp" | "icmpv6" | "esp" | "ah") => Match::No,
        Some(_) => Match::Maybe,
    }
}

/// Names are: singular, plural, and the list of objects that admin rules have instead.
fn selector(body: &Value, [singular, plural, objects]: [&str; 3], groups: &str) -> Selector {
    let groups = !list(body, groups).is_empty() || !list(body, &groups.replace("Groups", "GroupIds")).is_empty();
    let prefixes = texts(body, singular, plural);
    if groups && prefixes.is_empty() {
        return Selector::ApplicationSecurityGroups;
    }
    let mut addresses: Vec<Address> = prefixes.iter().map(|it| Address::parse(it)).collect();
    for object in list(body, objects) {
        let network_group = text(object, "addressPrefixType").is_some_and(|it| it.eq_ignore_ascii_case("NetworkGroup"));
        addresses.push(match text(object, "addressPrefix") {
            Some(prefix) if !network_group => Address::parse(&prefix),
            other => Address::Unreadable(other.unwrap_or_default()),
        });
    }
    // Nothing at all is assumed to be everything, the careful reading of a deny.
    if addresses.is_empty() {
        addresses.push(Address::Any);
    }
    Selector::Addresses(addresses)
}

/// Port ranges, inclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ports {
    ranges: Vec<(u16, u16)>,
    unreadable: bool,
}

impl Ports {
    /// Reads `443`, `400-500` and `*`; no text at all is every port.
    fn read(texts: &[String]) -> Self {
        let mut ports = Self {
            ranges: Vec::new(),
            unreadable: false,
        };
        if texts.is_empty() {
            ports.ranges.push((0, u16::MAX));
        }
        for text in texts {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            match (first.trim().parse(), last.trim().parse()) {
                _ if text == "*" || text.eq_ignore_ascii_case("any") => ports.ranges.push((0, u16::MAX)),
                (Ok(first), Ok(last)) => ports.ranges.push((first, last)),
                _ => ports.unreadable = true,
            }
        }
        ports.ranges.sort_unstable();
        ports
    }

    /// Whether all of these ports are in it, none, or neither for sure.
    fn holds(&self, first: u16, last: u16) -> Match {
        let mut next = u32::from(first);
        for (from, to) in &self.ranges {
            if u32::from(*from) <= next {
                next = next.max(u32::from(*to) + 1);
            }
        }
        let touched = self.ranges.iter().any(|(from, to)| *from <= last && first <= *to);
        if next > u32::from(last) {
            Match::Yes
        } else if touched || self.unreadable {
            Match::Maybe
        } else {
            Match::No
        }
    }

    fn clients(&self) -> Match {
        self.holds(EPHEMERAL_PORTS.0, EPHEMERAL_PORTS.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_in_every_spelling() {
        for (texts, port, expected) in [
            (vec![], 443, Match::Yes),
            (vec!["*"], 443, Match::Yes),
            (vec!["443"], 443, Match::Yes),
            (vec!["443"], 12_000, Match::No),
            (vec!["80", "400-500", "11990-12010"], 12_000, Match::Yes),
            (vec!["1-1024"], 12_000, Match::No),
            (vec!["https"], 443, Match::Maybe),
            (vec!["https", "443"], 443, Match::Yes),
            (vec!["99999"], 443, Match::Maybe),
        ] {
            let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
            assert_eq!(Ports::read(&texts).holds(port, port), expected, "{texts:?} {port}");
        }
        for (text, expected) in [
            ("1024-65535", Match::Yes),
            ("443", Match::No),
            ("443-2000", Match::Maybe),
            ("*", Match::Yes),
        ] {
            assert_eq!(Ports::read(&[text.to_owned()]).clients(), expected, "{text}");
        }
        let split = ["1024-30000".to_owned(), "30001-65535".to_owned()];
        assert_eq!(Ports::read(&split).clients(), Match::Yes);
    }

    #[test]
    fn default_rules_are_always_there_and_order_is_by_priority() {
        let body = json!({"id": "/x/networkSecurityGroups/nsg1", "properties": {"securityRules": [
            {"name": "b", "properties": {"priority": 200, "direction": "outbound", "access": "ALLOW"}},
            {"name": "a", "properties": {"priority": 100, "direction": "Outbound", "access": "Audit", "protocol": "tcp"}},
            {"name": "in", "properties": {"priority": 50, "direction": "Inbound", "access": "Deny"}},
            {"name": "udp", "properties": {"priority": 60, "direction": "Outbound", "access": "Deny", "protocol": "UDP"}},
            {"name": "odd", "properties": {}}, 7]}});
        let group = SecurityGroup::from_arm(&body);
        let names: Vec<&str> = group.rules.iter().map(|rule| rule.name.as_str()).collect();
        let expected = [
            "(without name)",
            "odd",
            "a",
            "b",
            "AllowVnetOutBound",
            "AllowInternetOutBound",
            "DenyAllOutBound",
        ];
        assert_eq!((group.name.as_str(), names), ("nsg1", expected.to_vec()));
        assert_eq!(group.rules[1].matches_port(443), Match::Maybe);
        assert_eq!(group.rules[2].access, Access::Unreadable);
    }

    #[test]
    fn selectors() {
        let read = |value: Value| selector(&value, ["a", "as", "objects"], "sourceApplicationSecurityGroups");
        let groups = json!({"a": "", "sourceApplicationSecurityGroups": [{"id": "/x/asg1"}]});
        assert_eq!(read(groups), Selector::ApplicationSecurityGroups);
        assert_eq!(read(json!({})), Selector::Addresses(vec![Address::Any]));
        assert_eq!(
            read(json!({"a": null, "as": ["::/0"]})),
            Selector::Addresses(vec![Address::V6])
        );
        let group = json!({"objects": [{"addressPrefix": "/x/networkGroups/g", "addressPrefixType": "NetworkGroup"}]});
        assert!(matches!(read(group), Selector::Addresses(it) if matches!(it[0], Address::Unreadable(_))));
    }
}
