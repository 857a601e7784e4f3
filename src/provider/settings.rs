//! The provider block: azurerm's and azapi's argument names, with the same environment variables behind them.

use std::{collections::BTreeMap, fmt};

use azure_core::credentials::Secret as AzureSecret;

use crate::{
    azure::{Cloud, CredentialSource},
    framework::{
        Diagnostic, Diagnostics, Field, Path, Type,
        model::Secret,
        schema::{Attribute, Block, NestedBlock, Schema},
        validators::Validator,
    },
    model,
};

use super::preflight::settings::{self as preflight, PreflightModel};

/// The clouds that `environment` may name.
const ENVIRONMENTS: &[&str] = &["public", "usgovernment", "china", "custom"];

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
        /// Application id of the service principal.
        pub client_id: String,
        /// Its secret.
        pub client_secret: Secret,
        /// Endpoints for `environment = "custom"`.
        pub endpoint: EndpointModel,
        /// Which cloud.
        pub environment: String,
        /// The checks before a pool is written.
        pub preflight: PreflightModel,
        /// Default subscription.
        pub subscription_id: String,
        /// Directory of the service principal.
        pub tenant_id: String,
    }
}

/// Environment variables, as an argument: tests give their own.
#[derive(Clone)]
pub struct Environment(BTreeMap<String, String>);

impl fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// No variables.
    #[must_use]
    pub fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// The given variables.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// A variable; one that is empty counts as unset, as everywhere in Terraform's world.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// What the provider block and the environment come to.
#[expect(clippy::large_enum_variant, reason = "made once for each Configure")]
pub enum Resolved {
    /// Everything needed is known.
    Ready {
        /// Which Azure.
        cloud: Cloud,
        /// Who we are.
        credential: CredentialSource,
    },
    /// Arguments that other resources determine and that are not known before apply.
    Unknown(Vec<&'static str>),
}

/// The schema of the provider block.
pub fn schema() -> Schema {
    let text = |name, description| Attribute::optional(name, Type::String, description);
    let endpoint = Block {
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
    };
    Schema::new(Block {
        attributes: vec![
            text("client_id", "The application (client) id of the service principal. From `ARM_CLIENT_ID` when not set."),
            Attribute::optional("client_secret", Type::String, "The client secret of the service principal. From `ARM_CLIENT_SECRET` when not set, which keeps it out of configurations.").sensitive(),
            text("environment", "The Azure cloud; `public` when not set. From `ARM_ENVIRONMENT` when not set.").check(Validator::one_of(ENVIRONMENTS)),
            text("subscription_id", "The default subscription. The ids in resources carry their own, which win. From `ARM_SUBSCRIPTION_ID` when not set."),
            text("tenant_id", "The directory (tenant) of the service principal. From `ARM_TENANT_ID` when not set."),
        ],
        blocks: vec![NestedBlock::single("endpoint", endpoint), preflight::block()],
        description: "Manages Azure Container Registry task agent pools: dedicated machines, managed by Azure, for building container images.",
    })
}

/// One argument: from the block, else from the environment, else missing.
enum Argument {
    Given(String),
    Missing,
    Unknown,
}

impl Argument {
    fn of(field: &Field<String>, environment: &Environment, variable: &str) -> Self {
        match field {
            Field::Known(value) if !value.is_empty() => Self::Given(value.clone()),
            Field::Unknown => Self::Unknown,
            Field::Known(_) | Field::Null => environment
                .get(variable)
                .map_or(Self::Missing, |value| Self::Given(value.to_owned())),
        }
    }

    fn given(self) -> Option<String> {
        match self {
            Self::Given(value) => Some(value),
            Self::Missing | Self::Unknown => None,
        }
    }
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
        diagnostics
    }

    /// Joins the block with the environment.
    ///
    /// # Errors
    /// One message for each argument that is missing or unusable, saying where it may be set.
    pub fn resolve(&self, environment: &Environment) -> Result<Resolved, Diagnostics> {
        let secret = self.client_secret.map(|secret| secret.0.clone());
        let wanted = [
            ("tenant_id", &self.tenant_id, "ARM_TENANT_ID"),
            ("client_id", &self.client_id, "ARM_CLIENT_ID"),
            ("client_secret", &secret, "ARM_CLIENT_SECRET"),
        ];
        let (mut unknown, mut missing, mut given) = (Vec::new(), Diagnostics::new(), Vec::new());
        for (name, field, variable) in wanted {
            match Argument::of(field, environment, variable) {
                Argument::Given(value) => given.push(value),
                Argument::Unknown => unknown.push(name),
                Argument::Missing => missing.push(
                    Diagnostic::error(
                        "No Azure credentials",
                        format!("{name} is not set. Set it in the provider block or in the environment variable {variable}. This version signs in as a service principal with a client secret."),
                    )
                    .at_attribute(name),
                ),
            }
        }
        let cloud = self.cloud(environment, &mut unknown);
        if missing.has_errors() {
            return Err(missing);
        }
        let cloud = cloud?;
        match (<[String; 3]>::try_from(given), cloud) {
            (Ok([tenant_id, client_id, secret]), Some(cloud)) if unknown.is_empty() => {
                let client_secret = AzureSecret::new(secret);
                Ok(Resolved::Ready {
                    cloud,
                    credential: CredentialSource::ClientSecret {
                        tenant_id,
                        client_id,
                        client_secret,
                    },
                })
            }
            _ => Ok(Resolved::Unknown(unknown)),
        }
    }

    /// The cloud; `None` while an argument that decides it is unknown.
    fn cloud(&self, environment: &Environment, unknown: &mut Vec<&'static str>) -> Result<Option<Cloud>, Diagnostics> {
        let name = match Argument::of(&self.environment, environment, "ARM_ENVIRONMENT") {
            Argument::Given(name) => name,
            Argument::Missing => "public".into(),
            Argument::Unknown => {
                unknown.push("environment");
                return Ok(None);
            }
        };
        if name != "custom" {
            let known = Cloud::by_name(&name).map(Some);
            return known.ok_or_else(|| {
                let detail = format!(
                    "\"{name}\" is not an Azure cloud. Supported are {}.",
                    ENVIRONMENTS.join(", ")
                );
                Diagnostic::error("Unknown environment", detail)
                    .at_attribute("environment")
                    .into()
            });
        }
        self.custom_cloud(environment, unknown)
    }

    fn custom_cloud(
        &self,
        environment: &Environment,
        unknown: &mut Vec<&'static str>,
    ) -> Result<Option<Cloud>, Diagnostics> {
        let block = match &self.endpoint {
            Field::Known(block) => block.clone(),
            Field::Null => EndpointModel::default(),
            Field::Unknown => {
                unknown.push("endpoint");
                return Ok(None);
            }
        };
        let endpoint = Argument::of(
            &block.resource_manager_endpoint,
            environment,
            "ARM_RESOURCE_MANAGER_ENDPOINT",
        );
        let authority = Argument::of(
            &block.active_directory_authority_host,
            environment,
            "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST",
        );
        let audience = Argument::of(
            &block.resource_manager_audience,
            environment,
            "ARM_RESOURCE_MANAGER_AUDIENCE",
        );
        if [&endpoint, &authority, &audience]
            .iter()
            .any(|argument| matches!(argument, Argument::Unknown))
        {
            unknown.push("endpoint");
            return Ok(None);
        }
        let at = |name: &str| Path::attribute("endpoint").then(name);
        let missing = |name: &str, variable: &str| {
            let detail = format!(
                "environment = \"custom\" needs {name}. Set it in the `endpoint` block or in the environment variable {variable}."
            );
            Diagnostics::from(Diagnostic::error("Endpoint not set", detail).at(at(name)))
        };
        let endpoint = endpoint
            .given()
            .ok_or_else(|| missing("resource_manager_endpoint", "ARM_RESOURCE_MANAGER_ENDPOINT"))?;
        let authority = authority
            .given()
            .ok_or_else(|| missing("active_directory_authority_host", "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"))?;
        Cloud::custom(&endpoint, &authority, audience.given().as_deref())
            .map(Some)
            .map_err(|error| {
                Diagnostic::error("Unusable endpoint", error.message.clone())
                    .at(at(error.setting))
                    .into()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    const PRINCIPAL: [(&str, &str); 3] = [
        ("ARM_TENANT_ID", "t"),
        ("ARM_CLIENT_ID", "c"),
        ("ARM_CLIENT_SECRET", "hush"),
    ];

    #[test]
    fn each_missing_argument_is_named_with_its_variable() {
        let Err(errors) = ProviderModel::default().resolve(&environment(&PRINCIPAL[..1])) else {
            panic!("resolved")
        };
        let at: Vec<_> = errors
            .0
            .iter()
            .map(|error| error.path.as_ref().unwrap().to_string())
            .collect();
        assert_eq!(at, ["client_id", "client_secret"]);
        assert!(errors.0[1].detail.contains("ARM_CLIENT_SECRET"));
    }

    #[test]
    fn an_unknown_argument_never_counts_as_empty() {
        let model = ProviderModel {
            client_secret: Field::Unknown,
            ..ProviderModel::default()
        };
        let Ok(Resolved::Unknown(names)) = model.resolve(&environment(&PRINCIPAL)) else {
            panic!("not unknown")
        };
        assert_eq!(names, ["client_secret"], "not even when the environment has a value");
    }

    #[test]
    fn clouds_come_from_block_or_environment() {
        let resolve = |model: &ProviderModel, more: &[(&str, &str)]| match model
            .resolve(&environment(&[&PRINCIPAL, more].concat()))
        {
            Ok(Resolved::Ready { cloud, .. }) => Ok(cloud.arm_endpoint().to_string()),
            Ok(Resolved::Unknown(names)) => Err(names.join(",")),
            Err(errors) => Err(errors.0[0].path.as_ref().unwrap().to_string()),
        };
        let model = ProviderModel::default();
        assert!(
            resolve(&model, &[])
                .unwrap()
                .starts_with("https://management.azure.com")
        );
        assert_eq!(
            resolve(&model, &[("ARM_ENVIRONMENT", "moon")]),
            Err("environment".into())
        );
        let custom = [
            ("ARM_ENVIRONMENT", "custom"),
            ("ARM_RESOURCE_MANAGER_ENDPOINT", "https://localhost:7"),
        ];
        assert_eq!(
            resolve(&model, &custom),
            Err("endpoint.active_directory_authority_host".into())
        );
        let complete = [
            &custom[..],
            &[("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", "https://localhost:7")],
        ]
        .concat();
        assert!(resolve(&model, &complete).unwrap().starts_with("https://localhost:7"));
        let plain = [
            &custom[..1],
            &[("ARM_RESOURCE_MANAGER_ENDPOINT", "http://localhost:7"), complete[2]],
        ]
        .concat();
        assert_eq!(
            resolve(&model, &plain),
            Err("endpoint.resource_manager_endpoint".into()),
            "HTTPS only"
        );
    }

    #[test]
    fn secrets_are_not_printed() {
        let model = ProviderModel {
            client_secret: Field::Known(Secret("hush".into())),
            ..ProviderModel::default()
        };
        let printed = format!("{model:?} {:?}", environment(&PRINCIPAL));
        assert!(
            !printed.contains("hush") && printed.contains("client_secret") && printed.contains("ARM_CLIENT_SECRET")
        );
    }
}
