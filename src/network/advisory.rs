//! What is worth knowing beside the verdicts: brittle rules, blocked DNS, unconfirmed reports.

use std::fmt;

use super::address::{Address, V4Set};
use super::security_group::{Access, Origin, SecurityRule, Selector};
use super::verdict::Decisive;
use super::{Judged, Network, Reading, Requirement, SecurityGroupVerdict};

/// The address of Azure's own DNS, as a service tag.
const AZURE_DNS_TAG: &str = "AzurePlatformDNS";

/// The priority of the default rule that lets everything out to the internet.
const ALLOW_INTERNET_PRIORITY: i64 = 65_001;

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// One thing worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advisory {
    /// A rule denies Azure's DNS while the network uses it, so that agents resolve no names.
    AzureDnsBlocked {
        /// The rule's name.
        rule: String,
    },
    /// Rules allow a service by its addresses, which change weekly.
    IpPinnedAllow {
        /// The rule's name.
        rule: String,
    },
    /// The subnet is private and shows no egress.
    PrivateSubnetNoExplicitEgress,
    /// A service endpoint policy may keep the service's storage accounts out.
    ServiceEndpointPolicyOnStorage,
    /// A service-tag route is there and only the default rule allows its service: one report says that the default rule does not
    /// cover such destinations. Unconfirmed, so the verdict does not count it.
    DefaultAllowWithTagRoute {
        /// The service tag.
        service_tag: String,
    },
    /// Security admin rules could not be read; they would come before the network security group.
    AdminRulesUnreadable,
    /// The subnet is delegated to another service; no delegation is documented for agent pools.
    ForeignDelegation {
        /// The service.
        service: String,
    },
}

impl Advisory {
    /// A word for policies to look for.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AzureDnsBlocked { .. } => "azure_dns_blocked",
            Self::IpPinnedAllow { .. } => "ip_pinned_allow",
            Self::PrivateSubnetNoExplicitEgress => "private_subnet_no_explicit_egress",
            Self::ServiceEndpointPolicyOnStorage => "service_endpoint_policy_on_storage",
            Self::DefaultAllowWithTagRoute { .. } => "default_allow_with_tag_route",
            Self::AdminRulesUnreadable => "security_admin_rules_unreadable",
            Self::ForeignDelegation { .. } => "foreign_delegation",
        }
    }
}

impl fmt::Display for Advisory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AzureDnsBlocked { rule } => write!(
                f,
                "Security rule \"{rule}\" denies {AZURE_DNS_TAG} and the virtual network uses Azure's DNS: agents resolve no names. \
                 Remove the rule or set custom DNS servers."
            ),
            Self::IpPinnedAllow { rule } => write!(
                f,
                "Security rule \"{rule}\" allows addresses instead of service tags; those of Azure's services change weekly. Use the \
                 service tags."
            ),
            Self::PrivateSubnetNoExplicitEgress => f.write_str(
                "The subnet is private (no default outbound access) and shows no NAT gateway. Whether the service gives agents \
                 egress of their own is not documented; associate a NAT gateway.",
            ),
            Self::ServiceEndpointPolicyOnStorage => f.write_str(
                "A service endpoint policy is on a subnet with the storage endpoint. Such policies are not for subnets with managed \
                 services; remove it.",
            ),
            Self::DefaultAllowWithTagRoute { service_tag } => write!(
                f,
                "Only the default rule AllowInternetOutBound allows {service_tag}, which a service-tag route carries. One report says \
                 that the rule does not cover such destinations; a rule for {service_tag} settles it."
            ),
            Self::AdminRulesUnreadable => f.write_str(
                "Security admin rules were not readable; a deny among them would come before the network security group. Grant \
                 Microsoft.Network/virtualNetworks/listNetworkManagerEffectiveSecurityAdminRules/action to see them.",
            ),
            Self::ForeignDelegation { service } => write!(
                f,
                "The subnet is delegated to {service}. No delegation is documented for agent pools, so creating one there probably \
                 fails; use a subnet without."
            ),
        }
    }
}

/// Everything worth knowing, in a fixed order.
pub(super) fn advise(network: &Network, judged: &[Judged]) -> Vec<Advisory> {
    let mut advisories = Vec::new();
    if let Reading::Read(group) = &network.security_group {
        let custom_dns = network
            .virtual_network
            .read()
            .is_some_and(|it| !it.dns_servers.is_empty());
        let blocks = group
            .rules
            .iter()
            .find(|rule| rule.access == Access::Deny && names(rule, AZURE_DNS_TAG));
        if let Some(rule) = blocks.filter(|rule| !custom_dns && dns_port(rule)) {
            advisories.push(Advisory::AzureDnsBlocked {
                rule: rule.name.clone(),
            });
        }
        for rule in group.rules.iter().filter(|rule| is_pinned(rule, judged)) {
            advisories.push(Advisory::IpPinnedAllow {
                rule: rule.name.clone(),
            });
        }
    }
    if judged.iter().any(|it| it.decisive == Decisive::Egress) {
        advisories.push(Advisory::PrivateSubnetNoExplicitEgress);
    }
    if network.has_storage_policy() {
        advisories.push(Advisory::ServiceEndpointPolicyOnStorage);
    }
    for Judged {
        requirement, filtering, ..
    } in judged
    {
        let by_default =
            |rule: &SecurityRule| rule.origin == Origin::Default && rule.priority == Some(ALLOW_INTERNET_PRIORITY);
        let advisory = Advisory::DefaultAllowWithTagRoute {
            service_tag: requirement.service_tag.to_owned(),
        };
        let only_default =
            filtering.verdict == SecurityGroupVerdict::Allowed && filtering.allowing.iter().any(by_default);
        if only_default && has_tag_route(network, requirement) && !advisories.contains(&advisory) {
            advisories.push(advisory);
        }
    }
    if network.admin_rules.is_unreadable() {
        advisories.push(Advisory::AdminRulesUnreadable);
    }
    for service in network.subnet.read().map_or(&[][..], |it| &it.delegations) {
        advisories.push(Advisory::ForeignDelegation {
            service: service.clone(),
        });
    }
    advisories
}

fn names(rule: &SecurityRule, tag: &str) -> bool {
    let Selector::Addresses(addresses) = &rule.destinations else {
        return false;
    };
    addresses
        .iter()
        .any(|it| matches!(it, Address::Tag(own) if own.is(tag)))
}

/// Rules for UDP are not kept, so a rule for UDP alone goes unseen; agents ask over both.
fn dns_port(rule: &SecurityRule) -> bool {
    rule.matches_port(DNS_PORT) != super::security_group::Match::No
}

/// Whether an allow is by public addresses and had a say.
fn is_pinned(rule: &SecurityRule, judged: &[Judged]) -> bool {
    let Selector::Addresses(addresses) = &rule.destinations else {
        return false;
    };
    let public = |it: &Address| matches!(it, Address::Net(net) if V4Set::from(*net).meets(&V4Set::public()));
    let had_a_say = judged
        .iter()
        .map(|it| &it.filtering)
        .any(|it| it.allowing.contains(rule) || it.doubtful.contains(rule));
    rule.access == Access::Allow && rule.origin == Origin::Custom && addresses.iter().any(public) && had_a_say
}

fn has_tag_route(network: &Network, requirement: &Requirement) -> bool {
    let wanted = requirement.tag();
    let routes = network.route_table.read().map_or(&[][..], |it| &it.routes);
    routes.iter().any(
        |route| matches!(&route.prefix, Address::Tag(tag) if tag.relation(&wanted) != super::tags::Relation::Disjoint),
    )
}
