//! What agents of a pool must reach, as dated tables.
//!
//! Source: the firewall table of Microsoft's documentation of dedicated agent pools (`tasks-agent-pools.md`, last changed
//! 2026-08-14): outbound TCP from `VirtualNetwork` to five service tags. Port 12000 of Azure Monitor was added on 2024-06-12 for
//! diagnostics; without Azure Monitor the pool "can't emit diagnostic logs but may appear to still operate normally".

use super::tags::Tag;

/// When the tables were last compared with the documentation.
pub const REQUIREMENTS_AS_OF: &str = "2026-08-14";

/// What agents need.
pub const REQUIREMENTS: [Requirement; 6] = [
    Requirement::new("AzureKeyVault", HTTPS, Level::Required, SERVICE),
    Requirement::new("Storage", HTTPS, Level::Required, SERVICE),
    Requirement::new("EventHub", HTTPS, Level::Required, SERVICE),
    Requirement::new("AzureActiveDirectory", HTTPS, Level::Required, SERVICE),
    Requirement::new(
        MONITOR,
        HTTPS,
        Level::Required,
        "diagnostic logs; pools may appear to run without",
    ),
    Requirement::new(
        MONITOR,
        DIAGNOSTICS,
        Level::Diagnostic,
        "the port of Azure Monitor for diagnostics",
    ),
];

/// All that the documentation says of most of them.
const SERVICE: &str = "required by the service";

/// The port of nearly everything.
const HTTPS: u16 = 443;

/// The port of Azure Monitor's diagnostics.
const DIAGNOSTICS: u16 = 12_000;

/// The tag without which pools may appear to operate normally (documented).
const MONITOR: &str = "AzureMonitor";

/// Service endpoints that the documentation names as the tighter alternative; rules are needed all the same. That of the registry
/// only if the registry has no private endpoint. There is none for Azure Monitor.
pub const SERVICE_ENDPOINTS: [&str; 5] = [
    "Microsoft.AzureActiveDirectory",
    "Microsoft.ContainerRegistry",
    "Microsoft.EventHub",
    "Microsoft.KeyVault",
    "Microsoft.Storage",
];

/// How much a requirement matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The service's table says it must be reachable.
    Required,
    /// Only diagnostics need it.
    Diagnostic,
}

impl Level {
    /// As it is spelled in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Diagnostic => "diagnostic",
        }
    }
}

/// One thing that agents must reach, over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// The service tag.
    pub service_tag: &'static str,
    /// The TCP port.
    pub port: u16,
    /// How much it matters.
    pub level: Level,
    /// What it is needed for, as far as the documentation says.
    pub purpose: &'static str,
}

impl Requirement {
    const fn new(service_tag: &'static str, port: u16, level: Level, purpose: &'static str) -> Self {
        Self {
            service_tag,
            port,
            level,
            purpose,
        }
    }

    /// Whether pools run without it, so that its lack is never worse than a warning.
    pub fn is_dispensable(&self) -> bool {
        self.service_tag == MONITOR || self.level == Level::Diagnostic
    }

    /// The tag, to compare with those of rules.
    pub fn tag(&self) -> Tag {
        Tag::parse(self.service_tag)
    }

    /// A name for a rule or a route that is about it.
    pub fn rule_name(&self) -> String {
        let port = if self.port == HTTPS {
            String::new()
        } else {
            self.port.to_string()
        };
        format!("AllowAcr{}{port}", self.service_tag.replace('.', ""))
    }
}

/// What a build may need beside what agents need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Include {
    /// The registry itself, unless it has a private endpoint. Inferred: the documentation's table lacks it.
    Registry,
    /// Microsoft's registry of base images, `mcr.microsoft.com`.
    Mcr,
    /// Docker Hub. No service tag reaches it.
    DockerHub,
    /// NuGet's gallery. No service tag is known to reach it.
    Nuget,
}

/// Every word for an [`Include`].
pub const INCLUDES: [(&str, Include); 4] = [
    ("registry", Include::Registry),
    ("mcr", Include::Mcr),
    ("docker_hub", Include::DockerHub),
    ("nuget", Include::Nuget),
];

impl Include {
    /// The include of that name.
    pub fn parse(name: &str) -> Option<Self> {
        INCLUDES
            .iter()
            .find(|(word, _)| *word == name)
            .map(|(_, include)| *include)
    }

    /// What it adds, as far as service tags reach.
    pub fn requirements(self) -> &'static [Requirement] {
        const REGISTRY: [Requirement; 1] = [Requirement::new(
            "AzureContainerRegistry",
            HTTPS,
            Level::Required,
            "pulls from and pushes to the registry",
        )];
        // The front door serves the layers; measured: none of its addresses is in AzureCloud.
        const MCR: [Requirement; 2] = [
            Requirement::new(
                "MicrosoftContainerRegistry",
                HTTPS,
                Level::Required,
                "base images of mcr.microsoft.com",
            ),
            Requirement::new(
                "AzureFrontDoor.FirstParty",
                HTTPS,
                Level::Required,
                "layers of mcr.microsoft.com",
            ),
        ];
        match self {
            Self::Registry => &REGISTRY,
            Self::Mcr => &MCR,
            Self::DockerHub | Self::Nuget => &[],
        }
    }

    /// What no narrower service tag than `Internet` reaches. A security group can let it through; a firewall needs rules by
    /// name for it (`application` rules), and a route past an appliance would lead everything past it.
    pub fn beyond_tags(self) -> Option<Requirement> {
        let internet = |purpose| Requirement::new("Internet", HTTPS, Level::Required, purpose);
        match self {
            Self::Registry | Self::Mcr => None,
            Self::DockerHub => Some(internet("images of Docker Hub, which has no service tag")),
            Self::Nuget => Some(internet("packages of nuget.org, which has no service tag")),
        }
    }
}

/// What agents need and what the includes add, each once.
pub(super) fn with_includes(include: &[Include]) -> Vec<Requirement> {
    let mut all = REQUIREMENTS.to_vec();
    for requirement in include.iter().flat_map(|it| it.requirements()) {
        if !all.contains(requirement) {
            all.push(*requirement);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_includes() {
        assert_eq!(Include::parse("mcr"), Some(Include::Mcr));
        assert_eq!(Include::parse("quay"), None);
    }
}
