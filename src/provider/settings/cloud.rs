//! Which Azure: a cloud by its name, or one of the user's description.

use crate::{
    azure::Cloud,
    framework::{Diagnostic, Field, Path},
};

use super::{EndpointModel, ProviderModel, gathered::Gatherer};

/// The clouds that `environment` may name.
pub(super) const ENVIRONMENTS: &[&str] = &["public", "usgovernment", "china", "custom"];

/// The cloud; `None` while an argument that decides it is unknown, or unusable.
pub(super) fn cloud(model: &ProviderModel, gatherer: &mut Gatherer) -> Option<Cloud> {
    let name = gatherer.text("environment", &model.environment, &["ARM_ENVIRONMENT"]);
    if model.environment.is_unknown() {
        return None;
    }
    let name = name.unwrap_or_else(|| "public".into());
    if name == "custom" {
        return custom(model, gatherer);
    }
    let known = Cloud::by_name(&name);
    if known.is_none() {
        let detail = format!(
            "\"{name}\" is not an Azure cloud. Supported are {}.",
            ENVIRONMENTS.join(", ")
        );
        let problem = Diagnostic::error("Unknown environment", detail).at_attribute("environment");
        gatherer.problems.push(problem);
    }
    known
}

fn custom(model: &ProviderModel, gatherer: &mut Gatherer) -> Option<Cloud> {
    let block = match &model.endpoint {
        Field::Known(block) => block.clone(),
        Field::Null => EndpointModel::default(),
        Field::Unknown => {
            gatherer.unknown.push("endpoint");
            return None;
        }
    };
    let before = gatherer.unknown.len();
    let mut member = |field, variable| gatherer.text("endpoint", field, &[variable]);
    let endpoint = member(&block.resource_manager_endpoint, "ARM_RESOURCE_MANAGER_ENDPOINT");
    let authority = member(
        &block.active_directory_authority_host,
        "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST",
    );
    let audience = member(&block.resource_manager_audience, "ARM_RESOURCE_MANAGER_AUDIENCE");
    if gatherer.unknown.len() > before {
        return None;
    }
    let at = |name: &str| Path::attribute("endpoint").then(name);
    let wanted = [
        ("resource_manager_endpoint", &endpoint, "ARM_RESOURCE_MANAGER_ENDPOINT"),
        (
            "active_directory_authority_host",
            &authority,
            "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST",
        ),
    ];
    for (name, value, variable) in wanted {
        if value.is_none() {
            let detail = format!(
                "environment = \"custom\" needs {name}. Set it in the `endpoint` block or in the environment variable {variable}."
            );
            gatherer
                .problems
                .push(Diagnostic::error("Endpoint not set", detail).at(at(name)));
        }
    }
    match Cloud::custom(&endpoint?, &authority?, audience.as_deref()) {
        Ok(cloud) => Some(cloud),
        Err(error) => {
            let problem = Diagnostic::error("Unusable endpoint", error.message.clone()).at(at(error.setting));
            gatherer.problems.push(problem);
            None
        }
    }
}
