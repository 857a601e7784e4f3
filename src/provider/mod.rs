//! What the user sees: the provider block, and the list of everything offered.

pub mod agent_pool;
pub mod agent_pool_offering;
pub mod agent_pools;
pub mod blocks;
pub mod connection;
pub mod diagnose;
pub mod functions;
pub mod image_build;
pub mod preflight;
pub mod registry_credential;
pub mod running;
pub mod secrets;
mod settings;
mod sign_in_advice;
pub mod subnet_readiness;
pub mod task;
pub mod task_run;
pub mod task_runs;
pub mod tasks;
pub mod why_queued;

use std::sync::Arc;

use crate::azure::Wire;
use crate::framework::{
    Diagnostics, Model, Path, Value,
    data_source::DynDataSource,
    function::Function,
    provider::{Host, Provider},
    resource::{BoxFuture, DynResource},
    schema::Schema,
};

pub use connection::Connection;
pub use settings::{Environment, ProviderModel};

/// The provider's name in configuration.
pub const NAME: &str = "acr";

/// The provider's address in registries.
pub const SOURCE_ADDRESS: &str = "registry.terraform.io/agentpools/acr";

/// The provider: its connection to Azure and everything that uses it.
pub struct AcrProvider {
    connection: Arc<Connection>,
    environment: Environment,
    resources: Vec<Box<dyn DynResource>>,
    data_sources: Vec<Box<dyn DynDataSource>>,
    functions: Vec<Box<dyn Function>>,
}

impl AcrProvider {
    /// An unconfigured provider that reads missing arguments from `environment`.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self::over(environment, Wire::default())
    }

    /// The same over another wire than the one that all users get.
    #[must_use]
    pub fn over(environment: Environment, wire: Wire) -> Self {
        let connection = Arc::new(Connection::over(wire));
        Self {
            resources: vec![
                Box::new(agent_pool::resource::AgentPoolResource::new(connection.clone())),
                Box::new(image_build::resource::ImageBuildResource::new(connection.clone())),
                Box::new(task::resource::TaskResource::new(connection.clone())),
                Box::new(task_run::resource::TaskRunResource::new(connection.clone())),
            ],
            data_sources: vec![
                Box::new(agent_pool::data_source::AgentPoolDataSource::new(connection.clone())),
                Box::new(agent_pool_offering::data_source::OfferingDataSource::new(
                    connection.clone(),
                )),
                Box::new(agent_pools::data_source::AgentPoolsDataSource::new(connection.clone())),
                Box::new(subnet_readiness::data_source::SubnetReadinessDataSource::new(
                    connection.clone(),
                )),
                Box::new(task::data_source::TaskDataSource::new(
                    connection.clone(),
                    time::OffsetDateTime::now_utc,
                )),
                Box::new(task_runs::data_source::TaskRunsDataSource::new(connection.clone())),
                Box::new(tasks::data_source::TasksDataSource::new(connection.clone())),
            ],
            functions: functions::all(),
            connection,
            environment,
        }
    }
}

impl Provider for AcrProvider {
    fn schema(&self) -> Schema {
        settings::schema()
    }

    fn resources(&self) -> &[Box<dyn DynResource>] {
        &self.resources
    }

    fn data_sources(&self) -> &[Box<dyn DynDataSource>] {
        &self.data_sources
    }

    fn functions(&self) -> &[Box<dyn Function>] {
        &self.functions
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        match ProviderModel::from_value(config, &Path::root()) {
            Ok(model) => model.validate(),
            Err(mismatch) => crate::framework::Diagnostic::from(mismatch).into(),
        }
    }

    fn configure<'a>(&'a self, config: Value, host: Host) -> BoxFuture<'a, Diagnostics> {
        Box::pin(async move {
            match ProviderModel::from_value(&config, &Path::root()) {
                Ok(model) => self.connection.configure(&model, &self.environment, &host),
                Err(mismatch) => crate::framework::Diagnostic::from(mismatch).into(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_schemas_name_the_same_attributes() {
        let provider = AcrProvider::new(Environment::empty());
        let names = |schema: &Schema| {
            let attributes = schema.block.attributes.iter().map(|attribute| attribute.name);
            let mut names: Vec<_> = attributes
                .chain(schema.block.blocks.iter().map(|block| block.name))
                .collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(&provider.schema()), ProviderModel::NAMES);
        for resource in provider.resources() {
            assert_eq!(
                names(&resource.schema()),
                resource.model_names(),
                "{}",
                resource.type_name()
            );
        }
        for source in provider.data_sources() {
            assert_eq!(names(&source.schema()), source.model_names(), "{}", source.type_name());
        }
    }
}
