//! The provider block: azurerm's and azapi's argument names, with the same environment variables behind them.
//!
//! * [`environment`]: the variables.
//! * [`schema`]: the block's schema.
//! * [`gathered`]: single arguments, from block or environment.
//! * [`cloud`]: which Azure.
//! * [`sign_in`]: which way to sign in.

mod cloud;
mod environment;
mod gathered;
mod schema;
mod sign_in;

use crate::{
    azure::{Cloud, CredentialSource, credential::AUXILIARY_TENANTS_MAX},
    framework::{Diagnostic, Diagnostics, Field, model::Secret},
    model,
};

use super::preflight::settings::PreflightModel;

use gathered::Gatherer;
use sign_in::{Choice, Given, Workload};

pub use environment::Environment;
pub use schema::schema;

/// What the command of the Azure CLI may be called, on any system.
const AZ_COMMANDS: &[&str] = &["az", "az.cmd", "az.exe", "az.bat"];

model! {
    /// The endpoints of a cloud that this version does not know by name.
    pub struct EndpointModel {
        /// Base URL of Entra ID.
        pub active_directory_authority_host: String,
        /// The audience of tokens for the resource manager.
        pub resource_manager_audience: String,
        /// Base URL of the resource manager.
        pub resource_manager_endpoint: String,
    }
}

model! {
    /// The provider block.
    pub struct ProviderModel {
        /// Azure Pipelines' service connection.
        pub ado_pipeline_service_connection_id: String,
        /// Further directories.
        pub auxiliary_tenant_ids: Vec<String>,
        /// A client certificate with its key, in base64.
        pub client_certificate: Secret,
        /// What it is encrypted with.
        pub client_certificate_password: Secret,
        /// A file with a client certificate and its key.
        pub client_certificate_path: String,
        /// Application id of the principal.
        pub client_id: String,
        /// A file that holds it.
        pub client_id_file_path: String,
        /// The service principal's secret.
        pub client_secret: Secret,
        /// A file that holds it.
        pub client_secret_file_path: String,
        /// Whether no correlation id is sent.
        pub disable_correlation_request_id: bool,
        /// Endpoints for `environment = "custom"`.
        pub endpoint: EndpointModel,
        /// Which cloud.
        pub environment: String,
        /// The bearer token for `oidc_request_url`.
        pub oidc_request_token: Secret,
        /// Where a CI system issues tokens.
        pub oidc_request_url: String,
        /// A token of another issuer.
        pub oidc_token: Secret,
        /// A file that holds one.
        pub oidc_token_file_path: String,
        /// Microsoft's id of a partner.
        pub partner_id: String,
        /// The checks before a pool is written.
        pub preflight: PreflightModel,
        /// Default subscription.
        pub subscription_id: String,
        /// Directory of the principal.
        pub tenant_id: String,
        /// Whether AKS's workload identity is used.
        pub use_aks_workload_identity: bool,
        /// Whether the Azure CLI may be used.
        pub use_cli: bool,
        /// Whether a managed identity is used.
        pub use_msi: bool,
        /// Whether tokens of another issuer are used.
        pub use_oidc: bool,
    }
}

/// What the provider block and the environment come to.
pub enum Resolved {
    /// Everything needed is known.
    Ready(Box<Ready>),
    /// Arguments that other resources determine and that are not known before apply.
    Unknown(Vec<&'static str>),
}

/// All that a client needs.
pub struct Ready {
    /// Which Azure.
    pub cloud: Cloud,
    /// Who we are.
    pub credential: CredentialSource,
    /// The ways to sign in that come before this one, each with why it did not apply.
    pub passed_over: Vec<String>,
    /// Further directories.
    pub auxiliary_tenant_ids: Vec<String>,
    /// Microsoft's id of a partner.
    pub partner_id: Option<String>,
    /// Whether correlation ids are sent.
    pub send_correlation_id: bool,
    /// What the user should know although it works.
    pub warnings: Diagnostics,
}

/// Whether a text may be a `partner_id`.
fn is_partner_id(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

impl ProviderModel {
    /// Checks that concern several arguments.
    #[must_use]
    pub fn validate(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        let named = self.environment.text().filter(|name| *name != "custom");
        if let (Some(name), Field::Known(_)) = (named, &self.endpoint) {
            let detail = format!(
                "The cloud \"{name}\" has its own endpoints, which an `endpoint` block would contradict. Remove the block, or set environment = \"custom\"."
            );
            diagnostics
                .push(Diagnostic::error("Endpoint without a custom environment", detail).at_attribute("endpoint"));
        }
        if let Field::Known(tenants) = &self.auxiliary_tenant_ids {
            diagnostics.extend(auxiliary_problems(tenants));
        }
        diagnostics
    }

    /// Joins the block with the environment. Reads the files that hold a client id or secret; reaches no network.
    ///
    /// # Errors
    /// One message for each argument that is unusable; one for all ways to sign in when none of them applies.
    pub fn resolve(&self, environment: &Environment) -> Result<Resolved, Diagnostics> {
        let mut gatherer = Gatherer::new(environment);
        let cloud = cloud::cloud(self, &mut gatherer);
        let given = self.given(&mut gatherer);
        let auxiliary = gatherer.list(
            "auxiliary_tenant_ids",
            &self.auxiliary_tenant_ids,
            "ARM_AUXILIARY_TENANT_IDS",
        );
        gatherer.problems.extend(auxiliary_problems(&auxiliary));
        let partner_id = gatherer.text("partner_id", &self.partner_id, &["ARM_PARTNER_ID"]);
        if let Some(text) = partner_id.as_ref().filter(|text| !is_partner_id(text)) {
            let detail = format!("\"{text}\" is no UUID such as 00000000-0000-0000-0000-000000000000.");
            let problem = Diagnostic::error("Unusable partner_id", detail).at_attribute("partner_id");
            gatherer.problems.push(problem);
        }
        let silent = gatherer.flag(
            "disable_correlation_request_id",
            &self.disable_correlation_request_id,
            "ARM_DISABLE_CORRELATION_REQUEST_ID",
            false,
        );
        if gatherer.problems.has_errors() {
            return Err(gatherer.problems);
        }
        let Some(cloud) = cloud.filter(|_| gatherer.unknown.is_empty()) else {
            return Ok(Resolved::Unknown(gatherer.unknown));
        };
        let choice = sign_in::choose(sign_in::candidates(&given)).map_err(no_credentials)?;
        let warnings = warnings(&choice, &auxiliary);
        Ok(Resolved::Ready(Box::new(Ready {
            cloud,
            credential: choice.source,
            passed_over: choice.passed_over,
            auxiliary_tenant_ids: auxiliary,
            partner_id,
            send_correlation_id: !silent,
            warnings,
        })))
    }

    fn given(&self, gatherer: &mut Gatherer) -> Given {
        let tenant_id = gatherer.text("tenant_id", &self.tenant_id, &["ARM_TENANT_ID"]);
        let client_id = gatherer.text("client_id", &self.client_id, &["ARM_CLIENT_ID"]);
        let client_id_file = gatherer.text(
            "client_id_file_path",
            &self.client_id_file_path,
            &["ARM_CLIENT_ID_FILE_PATH"],
        );
        let client_id = gatherer.or_file("client_id", client_id, client_id_file);
        let secret = self.client_secret.map(|secret| secret.0.clone());
        let secret = gatherer.text("client_secret", &secret, &["ARM_CLIENT_SECRET"]);
        let secret_file = gatherer.text(
            "client_secret_file_path",
            &self.client_secret_file_path,
            &["ARM_CLIENT_SECRET_FILE_PATH"],
        );
        let secret = gatherer.or_file("client_secret", secret, secret_file);
        let environment = gatherer.environment();
        let variable = |name: &str| environment.get(name).map(str::to_owned);
        Given {
            tenant_id,
            client_id,
            client_secret: secret.map(Into::into),
            client_certificate: gatherer.secret(
                "client_certificate",
                &self.client_certificate,
                &["ARM_CLIENT_CERTIFICATE"],
            ),
            client_certificate_path: gatherer.text(
                "client_certificate_path",
                &self.client_certificate_path,
                &["ARM_CLIENT_CERTIFICATE_PATH"],
            ),
            client_certificate_password: gatherer.secret(
                "client_certificate_password",
                &self.client_certificate_password,
                &["ARM_CLIENT_CERTIFICATE_PASSWORD"],
            ),
            use_oidc: gatherer.flag("use_oidc", &self.use_oidc, "ARM_USE_OIDC", false),
            oidc_token: gatherer.secret("oidc_token", &self.oidc_token, &["ARM_OIDC_TOKEN"]),
            oidc_token_file_path: gatherer.text(
                "oidc_token_file_path",
                &self.oidc_token_file_path,
                &["ARM_OIDC_TOKEN_FILE_PATH"],
            ),
            oidc_request_url: gatherer.text(
                "oidc_request_url",
                &self.oidc_request_url,
                &[
                    "ARM_OIDC_REQUEST_URL",
                    "ACTIONS_ID_TOKEN_REQUEST_URL",
                    "SYSTEM_OIDCREQUESTURI",
                ],
            ),
            oidc_request_token: gatherer.secret(
                "oidc_request_token",
                &self.oidc_request_token,
                &[
                    "ARM_OIDC_REQUEST_TOKEN",
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                    "SYSTEM_ACCESSTOKEN",
                ],
            ),
            ado_pipeline_service_connection_id: gatherer.text(
                "ado_pipeline_service_connection_id",
                &self.ado_pipeline_service_connection_id,
                &[
                    "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID",
                    "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
                ],
            ),
            use_aks_workload_identity: gatherer.flag(
                "use_aks_workload_identity",
                &self.use_aks_workload_identity,
                "ARM_USE_AKS_WORKLOAD_IDENTITY",
                false,
            ),
            workload: Workload {
                tenant_id: variable("AZURE_TENANT_ID"),
                client_id: variable("AZURE_CLIENT_ID"),
                token_file: variable("AZURE_FEDERATED_TOKEN_FILE"),
            },
            use_msi: gatherer.flag("use_msi", &self.use_msi, "ARM_USE_MSI", false),
            use_cli: gatherer.flag("use_cli", &self.use_cli, "ARM_USE_CLI", true),
            has_az: environment.has_command(AZ_COMMANDS),
        }
    }
}

fn auxiliary_problems(tenants: &[String]) -> Diagnostics {
    let mut problems = Diagnostics::new();
    let mut complain = |detail: String| {
        problems.push(Diagnostic::error("Unusable auxiliary_tenant_ids", detail).at_attribute("auxiliary_tenant_ids"));
    };
    if tenants.len() > AUXILIARY_TENANTS_MAX {
        complain(format!(
            "{} auxiliary tenants are given; Azure Resource Manager takes {AUXILIARY_TENANTS_MAX} at most.",
            tenants.len()
        ));
    }
    let plain = |tenant: &&String| {
        !tenant.is_empty()
            && tenant
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
    };
    for tenant in tenants.iter().filter(|tenant| !plain(tenant)) {
        complain(format!(
            "\"{tenant}\" is neither a tenant's id nor one of its domain names."
        ));
    }
    problems
}

/// The one message when nothing works.
fn no_credentials(reasons: Vec<String>) -> Diagnostics {
    let mut detail = String::from("No way to sign in to Azure applies. In the order in which they are looked at:\n\n");
    for (index, reason) in reasons.iter().enumerate() {
        detail.push_str(&format!("  {}. {reason}\n", index + 1));
    }
    detail.push_str("\nSet what one of them needs, in the provider block or in the environment.");
    Diagnostic::error("No Azure credentials", detail).into()
}

fn warnings(choice: &Choice, auxiliary: &[String]) -> Diagnostics {
    let mut warnings = Diagnostics::new();
    let name = choice.source.name();
    if !choice.incomplete.is_empty() {
        let mut detail = format!("The provider signs in with {name}, because what comes first is incomplete:\n\n");
        for reason in &choice.incomplete {
            detail.push_str(&format!("  {reason}\n"));
        }
        detail.push_str("\nComplete it, or remove it if it is not meant.");
        warnings.push(Diagnostic::warning("Incomplete credentials passed over", detail));
    }
    let elsewhere = auxiliary
        .first()
        .is_some_and(|tenant| choice.source.in_tenant(tenant).is_none());
    if elsewhere {
        let detail =
            format!("A {name} exists in its own tenant only: requests carry no tokens of auxiliary_tenant_ids.");
        warnings.push(
            Diagnostic::warning("Auxiliary tenants are out of reach", detail).at_attribute("auxiliary_tenant_ids"),
        );
    }
    warnings
}

#[cfg(test)]
mod tests;
