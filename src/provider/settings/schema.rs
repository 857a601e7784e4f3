//! The schema of the provider block.

use super::super::preflight::settings as preflight;
use crate::framework::{
    Type,
    schema::{Attribute, Block, NestedBlock, Schema},
    validators::{Problem, Validator},
};

use super::{cloud::ENVIRONMENTS, is_partner_id};

/// The schema of the provider block.
pub fn schema() -> Schema {
    Schema::new(Block {
        attributes: attributes(),
        blocks: vec![NestedBlock::single("endpoint", endpoint()), preflight::block()],
        description: "Manages Azure Container Registry task agent pools: dedicated machines, managed by Azure, for building container images.",
    })
}

fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute::optional(name, Type::String, description)
}

fn flag(name: &'static str, description: &'static str) -> Attribute {
    Attribute::optional(name, Type::Bool, description)
}

fn attributes() -> Vec<Attribute> {
    vec![
        text("ado_pipeline_service_connection_id", "The id of the Azure Pipelines service connection to sign in as, with `use_oidc`. From `ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID` or `ARM_OIDC_AZURE_SERVICE_CONNECTION_ID` when not set."),
        Attribute::optional("auxiliary_tenant_ids", Type::list(Type::String), "Up to three further directories (tenants) that requests may reach into. From `ARM_AUXILIARY_TENANT_IDS`, separated by semicolons, when not set."),
        text("client_certificate", "A client certificate with its private key, PKCS#12 or PEM, in base64. From `ARM_CLIENT_CERTIFICATE` when not set.").sensitive(),
        text("client_certificate_password", "What the client certificate is encrypted with. From `ARM_CLIENT_CERTIFICATE_PASSWORD` when not set.").sensitive(),
        text("client_certificate_path", "A file with a client certificate and its private key, PKCS#12 or PEM. From `ARM_CLIENT_CERTIFICATE_PATH` when not set."),
        text("client_id", "The application (client) id of the service principal, or of a user-assigned managed identity. From `ARM_CLIENT_ID` when not set."),
        text("client_id_file_path", "A file that holds the client id. From `ARM_CLIENT_ID_FILE_PATH` when not set."),
        text("client_secret", "The client secret of the service principal. From `ARM_CLIENT_SECRET` when not set, which keeps it out of configurations.").sensitive(),
        text("client_secret_file_path", "A file that holds the client secret. From `ARM_CLIENT_SECRET_FILE_PATH` when not set."),
        flag("disable_correlation_request_id", "Sends no `x-ms-correlation-request-id`. From `ARM_DISABLE_CORRELATION_REQUEST_ID` when not set."),
        text("environment", "The Azure cloud; `public` when not set. From `ARM_ENVIRONMENT` when not set.").check(Validator::one_of(ENVIRONMENTS)),
        text("oidc_request_token", "The bearer token for `oidc_request_url`. From `ARM_OIDC_REQUEST_TOKEN`, `ACTIONS_ID_TOKEN_REQUEST_TOKEN` or `SYSTEM_ACCESSTOKEN` when not set.").sensitive(),
        text("oidc_request_url", "Where a CI system issues tokens to the running job. From `ARM_OIDC_REQUEST_URL`, `ACTIONS_ID_TOKEN_REQUEST_URL` or `SYSTEM_OIDCREQUESTURI` when not set."),
        text("oidc_token", "A token of an issuer that the application trusts. From `ARM_OIDC_TOKEN` when not set.").sensitive(),
        text("oidc_token_file_path", "A file that holds such a token, read again at each refresh. From `ARM_OIDC_TOKEN_FILE_PATH` when not set."),
        text("partner_id", "The id by which Microsoft attributes usage to a partner; sent in the user agent. From `ARM_PARTNER_ID` when not set.").check(partner_id()),
        text("subscription_id", "The default subscription. The ids in resources carry their own, which win. From `ARM_SUBSCRIPTION_ID` when not set."),
        text("tenant_id", "The directory (tenant) of the principal. From `ARM_TENANT_ID` when not set."),
        flag("use_aks_workload_identity", "Signs in with the workload identity of an AKS pod. From `ARM_USE_AKS_WORKLOAD_IDENTITY` when not set."),
        flag("use_cli", "Whether the Azure CLI may be asked when nothing else applies; `true` when not set. From `ARM_USE_CLI` when not set."),
        flag("use_msi", "Signs in with the managed identity of the machine or app. From `ARM_USE_MSI` when not set."),
        flag("use_oidc", "Signs in with a token of another issuer (OpenID Connect). From `ARM_USE_OIDC` when not set."),
    ]
}

fn partner_id() -> Validator {
    Validator::text("a UUID", |text| {
        if is_partner_id(text) {
            return Ok(());
        }
        Err(Problem {
            summary: "Unusable partner_id".into(),
            detail: format!("\"{text}\" is no UUID such as 00000000-0000-0000-0000-000000000000."),
        })
    })
}

fn endpoint() -> Block {
    Block {
        attributes: vec![
            text(
                "active_directory_authority_host",
                "The base URL of Microsoft Entra ID. From `ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST` when not set.",
            ),
            text(
                "resource_manager_audience",
                "The audience of tokens for the resource manager; its endpoint when not set. From `ARM_RESOURCE_MANAGER_AUDIENCE` when not set.",
            ),
            text(
                "resource_manager_endpoint",
                "The base URL of Azure Resource Manager. From `ARM_RESOURCE_MANAGER_ENDPOINT` when not set.",
            ),
        ],
        blocks: Vec::new(),
        description: "The endpoints of a cloud that has no name of its own. With `environment = \"custom\"` only.",
    }
}
