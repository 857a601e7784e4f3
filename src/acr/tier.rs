//! What the tiers of agent pools are. A table, because no API tells.
//!
//! Source: Microsoft's documentation of ACR dedicated agent pools, as of 2026-08-20.

/// The tiers, smallest first.
pub const TIERS: [Tier; 4] = [
    Tier {
        name: "S1",
        vcpu: 2,
        memory_gb: 3,
        isolated: false,
    },
    Tier {
        name: "S2",
        vcpu: 4,
        memory_gb: 8,
        isolated: false,
    },
    Tier {
        name: "S3",
        vcpu: 8,
        memory_gb: 16,
        isolated: false,
    },
    Tier {
        name: "I6",
        vcpu: 64,
        memory_gb: 216,
        isolated: true,
    },
];

/// The tiers' names, smallest first.
pub const NAMES: [&str; TIERS.len()] = [TIERS[0].name, TIERS[1].name, TIERS[2].name, TIERS[3].name];

/// When the table was last compared with the documentation.
pub const TIERS_AS_OF: &str = "2026-08-20";

/// One tier, as one instance has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The name, in the upper case that the service wants.
    pub name: &'static str,
    /// Virtual CPUs of one instance.
    pub vcpu: i64,
    /// Memory of one instance, in gigabytes.
    pub memory_gb: i64,
    /// On hardware of its own; counted in a quota of its own, which is zero unless Microsoft raised it.
    pub isolated: bool,
}

/// The tier of that name, whatever its casing; `None` for one that is newer than the table.
pub fn tier(name: &str) -> Option<&'static Tier> {
    TIERS.iter().find(|tier| tier.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_found_in_any_casing() {
        assert_eq!(tier("s2").map(|tier| (tier.vcpu, tier.memory_gb)), Some((4, 8)));
        assert_eq!(
            tier("I6").map(|tier| (tier.vcpu, tier.memory_gb, tier.isolated)),
            Some((64, 216, true))
        );
        assert_eq!(tier("S4"), None);
    }
}
