//! Ids of subnets: `Microsoft.Network/virtualNetworks/subnets`.

use std::fmt;
use std::str::FromStr;

use super::resource_id::{InvalidId, ResourceId};

/// Longest name of a virtual network or subnet. Source: Azure's naming rules.
const NETWORK_NAME_MAX: usize = 80;

const NETWORK: &str = "Microsoft.Network";
const SUBNET_TYPES: [&str; 2] = ["virtualNetworks", "subnets"];

/// The id of a subnet: `…/providers/Microsoft.Network/virtualNetworks/<vnet>/subnets/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubnetId(ResourceId);

impl SubnetId {
    /// Parses a subnet's id.
    ///
    /// # Errors
    /// Says what the id is instead, if it is one of another kind.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let id = ResourceId::parse(text)?;
        let kind = id.resource_type();
        if id.provider().eq_ignore_ascii_case("Microsoft.ClassicNetwork") {
            return Err(InvalidId::new(
                "Microsoft.ClassicNetwork is not supported; use a subnet of a Microsoft.Network virtual network",
            ));
        }
        if id.is(NETWORK, &SUBNET_TYPES[..1]) {
            return Err(InvalidId::new(
                "this is a virtual network id; a subnet id ends with /subnets/<name>",
            ));
        }
        let id = id.canonical(NETWORK, &SUBNET_TYPES).ok_or_else(|| {
            InvalidId::new(format!(
                "this is the id of a {kind}; expected one of a Microsoft.Network/virtualNetworks/subnets"
            ))
        })?;
        for (level, role) in [(0, "virtual network"), (1, "subnet")] {
            let name = id.name_at(level).unwrap_or_default();
            if !is_network_name(name) {
                return Err(InvalidId::new(format!(
                    "the {role} name `{name}` is not valid: expected 1 to {NETWORK_NAME_MAX} letters, digits, `_`, `-`, `.`"
                )));
            }
        }
        Ok(Self(id))
    }

    /// The id as any resource's.
    pub fn as_resource_id(&self) -> &ResourceId {
        &self.0
    }

    /// The subnet's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The virtual network's name.
    pub fn virtual_network(&self) -> &str {
        self.0.name_at(0).unwrap_or_default()
    }

    /// The virtual network's id.
    pub fn virtual_network_id(&self) -> ResourceId {
        self.0.parent().expect("a subnet id has two levels")
    }

    /// For messages: `subnet "s" (virtual network "v", resource group "g")`.
    pub fn human(&self) -> String {
        let (subnet, network, group) = (self.name(), self.virtual_network(), self.0.resource_group());
        format!("subnet \"{subnet}\" (virtual network \"{network}\", resource group \"{group}\")")
    }
}

impl fmt::Display for SubnetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SubnetId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

fn is_network_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=NETWORK_NAME_MAX).contains(&text.len()) && text.chars().all(allowed)
}
