//! Registries in ABAC mode: a run that names no identity to log in with gets no token for a repository, and only its log says so.

use crate::{
    acr::registry::{API_VERSION, RegistryId},
    azure::{Call, Client},
    framework::Diagnostics,
    provider::preflight::{
        Preflight,
        checks::about_registry,
        facts::text,
        finding::{Finding, Level, Stage},
        reads::Read,
        settings::Check,
    },
};

use super::newest;

/// The mode in which permissions may be limited to repositories.
const ABAC: &str = "AbacRepositoryPermissions";

impl Preflight {
    /// Whether Azure answers that there is no such registry; not when nobody could read it.
    pub async fn is_without_registry(&self, client: &Client, call: &Call, registry: &RegistryId) -> bool {
        let path = registry.to_string();
        self.reads.get(client, call, &path, API_VERSION).await == Read::Missing
    }

    /// What to say at plan of runs that name no identity to log in to their own registry with; nothing for a registry whose
    /// mode nobody could read. `identity` is the value to set at `attribute`.
    pub async fn runs_without_identity(
        &self,
        client: &Client,
        call: &Call,
        registry: &RegistryId,
        attribute: &'static str,
        identity: &str,
    ) -> Diagnostics {
        let read = newest(client, call, &self.reads, registry).await;
        let mode = read.body().map(|body| text(body, "/properties/roleAssignmentMode"));
        if !mode.is_some_and(|mode| mode.eq_ignore_ascii_case(ABAC)) {
            return Diagnostics::new();
        }
        let finding = Finding {
            attribute,
            ..about_registry(
                Check::PrivateRegistry,
                Level::Warning,
                true,
                "The run has no identity to log in with".to_owned(),
                format!(
                    "The {} is in ABAC mode ({ABAC}): runs pull from it and push to it only as an identity that they name, and this one names none. It would fail, and only its log would say so. Add\n\n  registry_credential {{\n    source {{\n      identity = \"{identity}\"\n    }}\n  }}\n\nand give that identity the role Container Registry Repository Writer (or Reader, for base images).",
                    registry.human()
                ),
            )
        };
        self.told([finding].iter(), Stage::Plan)
    }
}
