//! Service tags: how one relates to another without knowing addresses, and the addresses once they are known.
//!
//! No address list is shipped: they change weekly. What is shipped is what was measured about how tags overlap, on the public
//! file of 2026-06-26 (IPv4): `AzureCloud` holds all of `AzureKeyVault`, `EventHub` and `AzureMonitor`, but only 87.4 % of
//! `Storage` and 86.4 % of `AzureActiveDirectory`; the five are disjoint from each other and from every other base tag.

use std::collections::HashMap;
use std::fmt;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::address::V4Set;
use super::reading::{list, member, properties, text};
use super::tag_names::KNOWN_TAGS;

/// When the relations were measured.
pub const TAG_RELATIONS_AS_OF: &str = "2026-06-26";

/// Tags all of whose IPv4 addresses `AzureCloud` holds.
const INSIDE_AZURE_CLOUD: [&str; 3] = ["azurekeyvault", "eventhub", "azuremonitor"];

/// Tags of which `AzureCloud` holds a part.
const PARTLY_IN_AZURE_CLOUD: [&str; 2] = ["storage", "azureactivedirectory"];

/// Tags without a public address.
const WITHOUT_PUBLIC_ADDRESSES: [&str; 4] = [
    "azureloadbalancer",
    "azureplatformdns",
    "azureplatformimds",
    "azureplatformlkm",
];

/// The regions whose `AzureCloud` tag, and whose `region` in the file, is spelled otherwise than ARM spells them.
const REGION_SPELLINGS: [(&str, &str); 10] = [
    ("centralfrance", "francecentral"),
    ("southfrance", "francesouth"),
    ("germanywc", "germanywestcentral"),
    ("germanyn", "germanynorth"),
    ("norwaye", "norwayeast"),
    ("norwayw", "norwaywest"),
    ("switzerlandn", "switzerlandnorth"),
    ("switzerlandw", "switzerlandwest"),
    ("brazilse", "brazilsoutheast"),
    ("chilec", "chilecentral"),
];

/// A region's name as ARM compares it: lower case, no spaces, one spelling.
pub fn region_key(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase();
    let known = REGION_SPELLINGS.iter().find(|(spelling, _)| *spelling == plain);
    known.map_or(plain, |(_, region)| (*region).to_owned())
}

/// A service tag, compared without case: `Storage`, `Storage.EastUS`, `AzureMonitor.Core`.
#[derive(Clone, Debug)]
pub struct Tag {
    name: String,
    base: String,
    suffix: Option<String>,
}

impl Tag {
    /// Any name; whether it is known shows in [`Tag::relation`].
    pub fn parse(name: &str) -> Self {
        let (base, suffix) = name
            .split_once('.')
            .map_or((name, None), |(base, suffix)| (base, Some(suffix)));
        Self {
            name: name.to_owned(),
            base: base.to_ascii_lowercase(),
            suffix: suffix.filter(|it| !it.is_empty()).map(region_key),
        }
    }

    /// As it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag's part in one region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self::parse(&format!("{}.{}", self.name, region_key(region)))
    }

    /// Whether it is this tag as a whole, whatever the casing.
    pub fn is(&self, base: &str) -> bool {
        self.suffix.is_none() && self.base.eq_ignore_ascii_case(base)
    }

    /// Whether it is `AzureCloud` or a region of it.
    pub fn is_azure_cloud(&self) -> bool {
        self.base == "azurecloud"
    }

    /// Whether the name is in the table, so that it surely stands for public addresses or for none.
    pub fn is_known(&self) -> bool {
        let base = self.base.as_str();
        self.is("Internet")
            || WITHOUT_PUBLIC_ADDRESSES.contains(&base)
            || KNOWN_TAGS.iter().any(|known| known.eq_ignore_ascii_case(base))
    }

    /// What is inside a name: the base, and the part of it.
    fn key(&self) -> String {
        let suffix = self.suffix.as_ref();
        suffix.map_or_else(|| self.base.clone(), |suffix| format!("{}.{suffix}", self.base))
    }

    /// How much of `wanted` lies in this tag, by name alone. `VirtualNetwork` depends on routes and is not judged here.
    pub fn relation(&self, wanted: &Self) -> Relation {
        let measured = wanted.suffix.is_none()
            && [&INSIDE_AZURE_CLOUD[..], &PARTLY_IN_AZURE_CLOUD[..]]
                .concat()
                .contains(&wanted.base.as_str());
        if self == wanted || self.is("Internet") {
            return Relation::Covers;
        }
        if self.base == wanted.base {
            return match (&self.suffix, &wanted.suffix) {
                (None, _) => Relation::Covers,
                (Some(_), None) => Relation::Partial,
                (Some(_), Some(_)) => Relation::Unknown,
            };
        }
        if WITHOUT_PUBLIC_ADDRESSES.contains(&self.base.as_str()) {
            return Relation::Disjoint;
        }
        if self.is_azure_cloud() {
            return match self.suffix {
                // Measured: no address of it is in AzureCloud.
                _ if *wanted == Self::parse("AzureFrontDoor.FirstParty") => Relation::Disjoint,
                _ if !measured => Relation::Unknown,
                None if INSIDE_AZURE_CLOUD.contains(&wanted.base.as_str()) => Relation::Covers,
                _ => Relation::Partial,
            };
        }
        if self.is("AzureActiveDirectoryDomainServices") && wanted.is("AzureActiveDirectory") {
            return Relation::Partial;
        }
        if measured && KNOWN_TAGS.iter().any(|known| known.eq_ignore_ascii_case(&self.base)) {
            return Relation::Disjoint;
        }
        Relation::Unknown
    }

    /// Whether this part of a tag surely lies in that one: `Storage.EastUS` in `AzureCloud.eastus` in `AzureCloud`.
    pub fn within(&self, other: &Self) -> bool {
        // Entra ID has no regional tags, and `AzureCloud` lacks a part of it.
        let regional = self.suffix.is_some() && self.base != "azureactivedirectory";
        self == other || regional && other.is_azure_cloud() && (other.suffix.is_none() || other.suffix == self.suffix)
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.base == other.base && self.suffix == other.suffix
    }
}

impl Eq for Tag {}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// How much of what is wanted a prefix holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Everything.
    Covers,
    /// Some of it, surely, and surely not all.
    Partial,
    /// Nothing.
    Disjoint,
    /// Nobody can tell without addresses.
    Unknown,
}

/// The IPv4 prefixes of service tags, as far as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagData {
    prefixes: HashMap<String, Vec<Ipv4Net>>,
}

impl TagData {
    /// Reads answers of the service tags API (`values[]`), page after page, or the downloaded file. What is unreadable in it is
    /// left out with its tag: a tag that is half known would pass for a smaller one.
    pub fn from_arm<'a>(pages: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut data = Self::default();
        for value in pages.into_iter().flat_map(|page| list(page, "values")) {
            let prefixes = list(properties(value), "addressPrefixes");
            let Some(name) = text(value, "name").or_else(|| text(value, "id")) else {
                continue;
            };
            let parsed: Option<Vec<Option<Ipv4Net>>> =
                prefixes.iter().map(|it| it.as_str().and_then(version_4)).collect();
            let known = member(properties(value), "addressPrefixes").is_some();
            let nets: Vec<Ipv4Net> = parsed.unwrap_or_default().into_iter().flatten().collect();
            // An empty list tells nothing either; IPv6 alone is no address of an agent.
            if known && !nets.is_empty() {
                data.prefixes.insert(Tag::parse(&name).key(), nets);
            }
        }
        data
    }

    /// Whether no tag is known.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// A tag's prefixes, `None` if they are not known.
    pub fn prefixes(&self, tag: &Tag) -> Option<&[Ipv4Net]> {
        self.prefixes.get(&tag.key()).map(Vec::as_slice)
    }

    /// A tag's addresses, `None` if they are not known.
    pub fn addresses(&self, tag: &Tag) -> Option<V4Set> {
        self.prefixes(tag).map(|nets| nets.iter().copied().collect())
    }
}

/// `Some(None)` for IPv6, `None` for what is no prefix.
fn version_4(prefix: &str) -> Option<Option<Ipv4Net>> {
    match super::address::Address::parse(prefix) {
        super::address::Address::Net(net) => Some(Some(net)),
        super::address::Address::V6 => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn relations_as_measured() {
        for (rule, wanted, expected) in [
            ("storage", "Storage", Relation::Covers),
            ("Internet", "Storage", Relation::Covers),
            ("AzureCloud", "AzureKeyVault", Relation::Covers),
            ("AzureCloud", "EventHub", Relation::Covers),
            ("azurecloud", "AzureMonitor", Relation::Covers),
            ("AzureCloud", "Storage", Relation::Partial),
            ("AzureCloud", "AzureActiveDirectory", Relation::Partial),
            ("AzureCloud.eastus", "AzureKeyVault", Relation::Partial),
            ("Storage.WestEurope", "Storage", Relation::Partial),
            ("AzureMonitor.Core", "AzureMonitor", Relation::Partial),
            (
                "AzureActiveDirectory.ServiceEndpoint",
                "AzureActiveDirectory",
                Relation::Partial,
            ),
            (
                "AzureActiveDirectoryDomainServices",
                "AzureActiveDirectory",
                Relation::Partial,
            ),
            ("AzureActiveDirectoryDomainServices", "Storage", Relation::Disjoint),
            ("Sql.EastUS", "Storage", Relation::Disjoint),
            ("AzureLoadBalancer", "Storage", Relation::Disjoint),
            ("AzurePlatformIMDS", "AzureContainerRegistry", Relation::Disjoint),
            ("ContosoFutureTag", "Storage", Relation::Unknown),
            ("Sql", "AzureContainerRegistry", Relation::Unknown),
            ("AzureCloud", "AzureContainerRegistry", Relation::Unknown),
            ("AzureCloud", "AzureFrontDoor.FirstParty", Relation::Disjoint),
        ] {
            assert_eq!(
                Tag::parse(rule).relation(&Tag::parse(wanted)),
                expected,
                "{rule} to {wanted}"
            );
        }
    }

    #[test]
    fn parts_lie_in_parts() {
        let within = |a: &str, b: &str| Tag::parse(a).within(&Tag::parse(b));
        assert!(within("Storage.EastUS", "AzureCloud.eastus") && within("Storage.EastUS", "AzureCloud"));
        assert!(within("Storage.GermanyWestCentral", "AzureCloud.germanywc"));
        assert!(within("AzureCloud.eastus", "AzureCloud") && within("AzureCloud", "azurecloud"));
        assert!(!within("Storage.EastUS", "AzureCloud.westus") && !within("AzureCloud.eastus", "Storage.EastUS"));
        assert!(!within("AzureActiveDirectory.ServiceEndpoint", "AzureCloud"));
    }

    #[test]
    fn data_is_read_from_pages_and_a_half_read_tag_is_not_known() {
        let pages = [
            json!({"values": [{"name": "Storage", "properties": {"addressPrefixes": ["20.60.0.0/16", "2603::/40"]}}]}),
            json!({"values": [{"name": "AzureCloud.germanywc", "properties": {"addressPrefixes": ["20.52.0.0/16"]}},
                              {"name": "Broken", "properties": {"addressPrefixes": ["20.60.0.0/16", "?"]}},
                              {"name": "Null", "properties": {"addressPrefixes": null}}, 7]}),
        ];
        let data = TagData::from_arm(&pages);
        assert_eq!(data.prefixes(&Tag::parse("STORAGE")).map(<[_]>::len), Some(1));
        assert!(data.prefixes(&Tag::parse("AzureCloud.GermanyWestCentral")).is_some());
        assert_eq!(data.prefixes(&Tag::parse("Broken")), None);
        assert_eq!(data.prefixes(&Tag::parse("Null")), None);
    }
}
