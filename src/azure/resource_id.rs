//! ARM ids: parsed once, compared as ARM compares them (casing does not matter), printed in canonical form.
//!
//! Names keep the casing they were given in; keywords and known types are printed as ARM documents them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Longest resource group name. Source: Azure's naming rules.
const RESOURCE_GROUP_MAX: usize = 90;

/// The id of any resource: subscription, resource group, provider and a chain of types and names.
#[derive(Clone, Debug, Eq)]
pub struct ResourceId {
    subscription_id: String,
    resource_group: String,
    provider: String,
    /// Type and name of each level, outermost first; never empty.
    segments: Vec<(String, String)>,
}

/// Why a text is not the id that was asked for: what is wrong and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId(String);

impl InvalidId {
    /// An error that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl ResourceId {
    /// Parses an id. Keywords (`subscriptions`, `resourceGroups`, `providers`) may have any casing.
    ///
    /// # Errors
    /// Says which segment is wrong and what was expected.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        check_whole(text)?;
        let rest = text
            .strip_prefix('/')
            .ok_or_else(|| refuse("an id begins with /subscriptions/"))?;
        let parts: Vec<&str> = rest.strip_suffix('/').unwrap_or(rest).split('/').collect();
        if let Some(at) = parts.iter().position(|part| part.is_empty()) {
            return Err(refuse(format!("segment {} is empty", at + 1)));
        }
        if let Some(dots) = parts.iter().find(|part| **part == "." || **part == "..") {
            return Err(refuse(format!("the segment `{dots}` is not allowed")));
        }
        expect_keyword(&parts, 0, "subscriptions", "/subscriptions/<id>/…")?;
        let subscription_id = checked(&parts, 1, "the subscription id", is_subscription, "a UUID")?;
        expect_keyword(
            &parts,
            2,
            "resourceGroups",
            "/subscriptions/<id>/resourceGroups/<name>/…",
        )?;
        let group_rule = "1 to 90 letters, digits, `_`, `-`, `.`, `(`, `)`, not ending with `.`";
        let resource_group = checked(&parts, 3, "the resource group", is_resource_group, group_rule)?;
        expect_keyword(
            &parts,
            4,
            "providers",
            "…/resourceGroups/<name>/providers/<namespace>/…",
        )?;
        let provider = checked(
            &parts,
            5,
            "the provider namespace",
            is_namespace,
            "a name such as Microsoft.Network",
        )?;
        let tail = &parts[6..];
        if tail.is_empty() {
            return Err(refuse(format!(
                "the id ends after `{provider}`; a type and a name are missing"
            )));
        }
        if !tail.len().is_multiple_of(2) {
            return Err(refuse(format!(
                "the type `{}` at the end has no name after it",
                tail[tail.len() - 1]
            )));
        }
        let segments = tail
            .chunks(2)
            .map(|pair| (pair[0].to_string(), pair[1].to_string()))
            .collect();
        Ok(Self {
            subscription_id,
            resource_group,
            provider,
            segments,
        })
    }

    /// An id from its parts. `segments` are types and names, outermost first.
    ///
    /// # Errors
    /// As [`ResourceId::parse`].
    pub fn new(
        subscription_id: &str,
        resource_group: &str,
        provider: &str,
        segments: &[(&str, &str)],
    ) -> Result<Self, InvalidId> {
        let mut text = format!("/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/{provider}");
        for (kind, name) in segments {
            text = format!("{text}/{kind}/{name}");
        }
        Self::parse(&text)
    }

    /// The subscription's id.
    pub fn subscription_id(&self) -> &str {
        &self.subscription_id
    }

    /// The resource group's name, as given.
    pub fn resource_group(&self) -> &str {
        &self.resource_group
    }

    /// The provider namespace: `Microsoft.Network`.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The innermost resource's name, as given.
    pub fn name(&self) -> &str {
        &self.segments[self.segments.len() - 1].1
    }

    /// The name at `level` (0 is the outermost), as given.
    pub fn name_at(&self, level: usize) -> Option<&str> {
        self.segments.get(level).map(|(_, name)| name.as_str())
    }

    /// The full type: `Microsoft.Network/virtualNetworks/subnets`.
    pub fn resource_type(&self) -> String {
        let types: Vec<&str> = self.segments.iter().map(|(kind, _)| kind.as_str()).collect();
        format!("{}/{}", self.provider, types.join("/"))
    }

    /// The id one level up, if this is a child resource.
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.segments.split_last()?;
        (!parents.is_empty()).then(|| Self {
            segments: parents.to_vec(),
            ..self.clone()
        })
    }

    /// The id of a child.
    ///
    /// # Errors
    /// When type or name cannot stand in an id.
    pub fn child(&self, kind: &str, name: &str) -> Result<Self, InvalidId> {
        Self::parse(&format!("{self}/{kind}/{name}"))
    }

    /// Whether this is an id of that provider and chain of types (casing does not matter).
    pub fn is(&self, provider: &str, types: &[&str]) -> bool {
        self.provider.eq_ignore_ascii_case(provider)
            && self.segments.len() == types.len()
            && self
                .segments
                .iter()
                .zip(types)
                .all(|((kind, _), want)| kind.eq_ignore_ascii_case(want))
    }

    /// This id with provider and types written as `provider` and `types` write them, if they are the same but for casing.
    pub fn canonical(mut self, provider: &str, types: &[&str]) -> Option<Self> {
        if !self.is(provider, types) {
            return None;
        }
        self.provider = provider.to_string();
        for ((kind, _), canonical) in self.segments.iter_mut().zip(types) {
            *kind = (*canonical).to_string();
        }
        Some(self)
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        folded(self) == folded(other)
    }
}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        folded(self).hash(state);
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subscription, group, provider) = (&self.subscription_id, &self.resource_group, &self.provider);
        write!(
            f,
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}"
        )?;
        self.segments
            .iter()
            .try_for_each(|(kind, name)| write!(f, "/{kind}/{name}"))
    }
}

impl FromStr for ResourceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidId {}

fn folded(id: &ResourceId) -> String {
    id.to_string().to_lowercase()
}

fn refuse(message: impl Into<String>) -> InvalidId {
    InvalidId(message.into())
}

fn check_whole(text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(refuse("the id is empty"));
    }
    if text.contains("://") {
        return Err(refuse(
            "this is a URL; an id is only its path, beginning with /subscriptions/",
        ));
    }
    match text
        .chars()
        .find(|c| matches!(c, '%' | '?' | '#' | '\\' | '"' | '<' | '>' | '&') || c.is_control())
    {
        Some('%') => Err(refuse("the id holds `%`; ids are written without percent-encoding")),
        Some('?') => Err(refuse("the id holds `?`; leave the query away")),
        Some(other) => Err(refuse(format!("the id holds {other:?}, which no id may"))),
        None if text.chars().any(char::is_whitespace) => {
            Err(refuse("the id holds a blank, which no id of these types may"))
        }
        None => Ok(()),
    }
}

fn expect_keyword(parts: &[&str], at: usize, keyword: &str, form: &str) -> Result<(), InvalidId> {
    match parts.get(at) {
        Some(part) if part.eq_ignore_ascii_case(keyword) => Ok(()),
        Some(part) => Err(refuse(format!(
            "segment `{part}` should be `{keyword}`: expected {form}"
        ))),
        None => Err(refuse(format!("the id ends before `{keyword}`: expected {form}"))),
    }
}

fn checked(parts: &[&str], at: usize, role: &str, valid: fn(&str) -> bool, rule: &str) -> Result<String, InvalidId> {
    match parts.get(at) {
        Some(part) if valid(part) => Ok((*part).to_string()),
        Some(part) => Err(refuse(format!("{role} `{part}` is not valid: expected {rule}"))),
        None => Err(refuse(format!("the id ends before {role}"))),
    }
}

fn is_subscription(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

fn is_resource_group(text: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '(' | ')');
    (1..=RESOURCE_GROUP_MAX).contains(&text.chars().count()) && text.chars().all(allowed) && !text.ends_with('.')
}

fn is_namespace(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::SubnetId;

    const SUB: &str = "5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b";

    fn subnet(tail: &str) -> String {
        format!("/subscriptions/{SUB}/resourceGroups/net-RG/providers/{tail}")
    }

    #[test]
    fn casing_of_keywords_is_mended_and_of_names_kept() {
        let text = format!(
            "/SUBSCRIPTIONS/{SUB}/resourcegroups/net-RG/Providers/microsoft.network/VirtualNetworks/Hub/subnets/Pools/"
        );
        let id = SubnetId::parse(&text).unwrap();
        assert_eq!(
            id.to_string(),
            subnet("Microsoft.Network/virtualNetworks/Hub/subnets/Pools")
        );
        assert_eq!(
            id.human(),
            "subnet \"Pools\" (virtual network \"Hub\", resource group \"net-RG\")"
        );
        assert_eq!(
            id.virtual_network_id().to_string(),
            subnet("Microsoft.Network/virtualNetworks/Hub")
        );
        assert_eq!(id, SubnetId::parse(&id.to_string().to_uppercase()).unwrap());
        assert_ne!(
            id,
            SubnetId::parse(&subnet("Microsoft.Network/virtualNetworks/Hub/subnets/Pools2")).unwrap()
        );
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let cases = [
            (String::new(), "empty"),
            ("pool".into(), "begins with /subscriptions/"),
            ("https://management.azure.com/subscriptions/x".into(), "this is a URL"),
            (
                format!("/subscription/{SUB}"),
                "segment `subscription` should be `subscriptions`",
            ),
            (
                "/subscriptions/abc/resourceGroups/g".into(),
                "the subscription id `abc` is not valid",
            ),
            (format!("/subscriptions/{SUB}"), "ends before `resourceGroups`"),
            (
                format!("/subscriptions/{SUB}/resourcegroup/g/providers/A.B/t/n"),
                "segment `resourcegroup` should be `resourceGroups`",
            ),
            (
                format!("/subscriptions/{SUB}/resourceGroups/g./providers/A.B/t/n"),
                "the resource group `g.`",
            ),
            (
                format!(
                    "/subscriptions/{SUB}/resourceGroups/{}/providers/A.B/t/n",
                    "g".repeat(91)
                ),
                "1 to 90",
            ),
            (subnet("Network/virtualNetworks/v"), "provider namespace `Network`"),
            (subnet("Microsoft.Network"), "a type and a name are missing"),
            (
                subnet("Microsoft.Network/virtualNetworks/v/subnets"),
                "`subnets` at the end has no name",
            ),
            (subnet("Microsoft.Network//virtualNetworks"), "segment 7 is empty"),
            (subnet("Microsoft.Network/virtualNetworks/.."), "`..` is not allowed"),
            (
                subnet("Microsoft.Network/virtualNetworks/v/subnets/a%2Fb"),
                "percent-encoding",
            ),
            (subnet("Microsoft.Network/virtualNetworks/v/subnets/a?x"), "query"),
            (subnet("Microsoft.Network/virtualNetworks/v/subnets/a b"), "blank"),
            (
                subnet("Microsoft.Network/virtualNetworks/v"),
                "a subnet id ends with /subnets/<name>",
            ),
            (
                subnet("Microsoft.ClassicNetwork/virtualNetworks/v/subnets/s"),
                "Microsoft.ClassicNetwork is not supported",
            ),
            (
                subnet("Microsoft.Network/routeTables/r"),
                "this is the id of a Microsoft.Network/routeTables",
            ),
            (
                subnet("Microsoft.Network/virtualNetworks/v/subnets/a(b"),
                "the subnet name `a(b`",
            ),
        ];
        for (text, want) in cases {
            let error = SubnetId::parse(&text).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
    }

    #[test]
    fn children_and_parents() {
        let id = ResourceId::new(SUB, "g", "Microsoft.Network", &[("virtualNetworks", "v")]).unwrap();
        let child = id.child("subnets", "s").unwrap();
        assert_eq!(child.resource_type(), "Microsoft.Network/virtualNetworks/subnets");
        assert_eq!(child.parent(), Some(id.clone()));
        assert_eq!(id.parent(), None);
        assert!(id.child("subnets", "../x").is_err());
    }
}
