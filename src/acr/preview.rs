//! Where agent pools are offered, and how many a registry may have: dated tables, for when Azure cannot be asked.
//!
//! Agent pools are a preview feature. Source: the history of Microsoft's documentation of ACR dedicated agent pools, last changed
//! on 2026-08-14. The live list is the provider metadata's `locations` of `registries/agentPools`; it has been seen to differ from
//! the documentation ([`UNDOCUMENTED_REGIONS`]), so that a region missing in the table is a reason to warn, never to refuse.

/// When the table of regions was last compared with the documentation.
pub const REGIONS_AS_OF: &str = "2026-08-14";

/// When the quotas were last compared with the documentation.
pub const QUOTAS_AS_OF: &str = "2026-08-14";

/// Virtual CPUs that all standard pools of one registry may have together, unless Microsoft's support raised it. The documentation
/// (2020-08-21 to 2026-08-14): "the default total vCPU (core) quota is 16 for all standard agent pools". No API tells.
pub const STANDARD_VCPU_QUOTA: i64 = 16;

/// Virtual CPUs that all isolated pools of one registry may have together, unless support raised it: none. Same source.
pub const ISOLATED_VCPU_QUOTA: i64 = 0;

/// The only tier of registries that has agent pools.
pub const REQUIRED_SKU: &str = "Premium";

/// The only operating system of agents.
pub const OS: &str = "Linux";

/// The regions as documented, in the order in which they came.
pub const REGIONS: [Region; 18] = [
    Region::new("eastus", "East US", "2020-04-14"),
    Region::new("eastus2", "East US 2", "2020-04-14"),
    Region::new("southcentralus", "South Central US", "2020-04-14"),
    Region::new("westus2", "West US 2", "2020-04-14"),
    Region::new("centralus", "Central US", "2020-09-10"),
    Region::new("usgovarizona", "USGov Arizona", "2020-09-10"),
    Region::new("usgovtexas", "USGov Texas", "2020-09-10"),
    Region::new("usgovvirginia", "USGov Virginia", "2020-09-10"),
    Region::new("westeurope", "West Europe", "2021-03-29"),
    Region::new("canadacentral", "Canada Central", "2021-03-29"),
    Region::new("northeurope", "North Europe", "2021-04-11"),
    Region::new("eastasia", "East Asia", "2021-08-14"),
    Region::new("switzerlandnorth", "Switzerland North", "2024-04-05"),
    Region::new("jioindiawest", "Jio India West", "2025-12-25"),
    Region::new("jioindiacentral", "Jio India Central", "2025-12-25"),
    Region::new("swedencentral", "Sweden Central", "2026-01-07"),
    Region::new("westus3", "West US 3", "2026-08-14"),
    Region::new("germanywestcentral", "Germany West Central", "2026-08-14"),
];

/// Regions that Azure Resource Manager listed in an error of 2025-04 although the documentation never did.
pub const UNDOCUMENTED_REGIONS: [&str; 2] = ["australiaeast", "francecentral"];

/// One region that offers agent pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The name in ids and in `location`.
    pub name: &'static str,
    /// The name for people.
    pub display_name: &'static str,
    /// When the documentation first listed it. North Europe was gone from 2021-04-20 to 2021-06-09.
    pub since: &'static str,
}

impl Region {
    const fn new(name: &'static str, display_name: &'static str, since: &'static str) -> Self {
        Self {
            name,
            display_name,
            since,
        }
    }
}

/// The documented region of that name, be it the short one or the one for people, in any casing.
pub fn region(name: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| is_same_region(region.name, name))
}

/// Whether two names mean one region: Azure compares them without case and spaces.
pub fn is_same_region(one: &str, other: &str) -> bool {
    normalized(one) == normalized(other)
}

/// A region's name as ids have it: lower case, without spaces.
pub fn normalized(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twelve_regions_first_announced_are_there() {
        let first = [
            "East US",
            "EAST US 2",
            "southcentralus",
            "West US 2",
            "CentralUS",
            "USGov Arizona",
            "usgovtexas",
            "USGov Virginia",
            "West Europe",
            "Canada Central",
            "northeurope",
            "East Asia",
        ];
        for name in first {
            assert!(region(name).is_some(), "{name}");
        }
        let documented: Vec<&str> = REGIONS[..first.len()].iter().map(|it| it.name).collect();
        assert_eq!(documented, first.map(normalized));
    }

    #[test]
    fn names_fit_and_dates_ascend() {
        assert!(REGIONS.iter().all(|it| normalized(it.display_name) == it.name));
        assert!(REGIONS.is_sorted_by_key(|it| it.since));
        assert_eq!(REGIONS.last().map(|it| it.since), Some(REGIONS_AS_OF));
        assert_eq!(region("uksouth"), None);
        assert!(UNDOCUMENTED_REGIONS.iter().all(|it| region(it).is_none()));
    }

    #[test]
    fn quotas_hold_what_the_documentation_says() {
        let fits = |name: &str, count: i64| {
            let tier = crate::acr::tier::tier(name).unwrap();
            let quota = if tier.isolated {
                ISOLATED_VCPU_QUOTA
            } else {
                STANDARD_VCPU_QUOTA
            };
            tier.vcpu * count <= quota
        };
        assert!(fits("S1", 8) && fits("S2", 4) && fits("S3", 2));
        assert!(!fits("S1", 9) && !fits("S2", 5) && !fits("S3", 3) && !fits("I6", 1));
    }
}
