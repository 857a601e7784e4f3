//! What a data source implements, and its untyped face.

use std::future::Future;

use super::{
    Diagnostics, Model, Path, Value,
    resource::{BoxFuture, Operation, Outcome},
    schema::Schema,
};

/// A data source type.
pub trait DataSource: Send + Sync + 'static {
    /// The typed object.
    type Model: Model;

    /// The type's name in configuration.
    fn type_name(&self) -> &'static str;

    /// The type's schema.
    fn schema(&self) -> Schema;

    /// Checks that concern several attributes at once. Values may be unknown.
    fn validate(&self, _config: &Self::Model) -> Diagnostics {
        Diagnostics::new()
    }

    /// Reads. The outcome repeats what the user wrote and fills in the rest; no state needs an error.
    fn read(&self, operation: &Operation, config: Self::Model) -> impl Future<Output = Outcome<Self::Model>> + Send;
}

/// A [`DataSource`] on untyped values.
pub trait DynDataSource: Send + Sync {
    /// See [`DataSource::type_name`].
    fn type_name(&self) -> &'static str;
    /// See [`DataSource::schema`].
    fn schema(&self) -> Schema;
    /// The model's attribute and block names, to compare with the schema.
    fn model_names(&self) -> &'static [&'static str];
    /// See [`DataSource::validate`].
    fn validate(&self, config: &Value) -> Diagnostics;
    /// See [`DataSource::read`].
    fn read<'a>(&'a self, operation: &'a Operation, config: Value) -> BoxFuture<'a, Outcome<Value>>;
}

impl<D: DataSource> DynDataSource for D {
    fn type_name(&self) -> &'static str {
        DataSource::type_name(self)
    }

    fn schema(&self) -> Schema {
        DataSource::schema(self)
    }

    fn model_names(&self) -> &'static [&'static str] {
        D::Model::NAMES
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        match D::Model::from_value(config, &Path::root()) {
            Ok(config) => DataSource::validate(self, &config),
            Err(error) => super::Diagnostic::from(error).into(),
        }
    }

    fn read<'a>(&'a self, operation: &'a Operation, config: Value) -> BoxFuture<'a, Outcome<Value>> {
        Box::pin(async move {
            match D::Model::from_value(&config, &Path::root()) {
                Ok(model) => {
                    let outcome = DataSource::read(self, operation, model).await;
                    Outcome {
                        state: outcome.state.map(|state| state.to_value()),
                        diagnostics: outcome.diagnostics,
                    }
                }
                Err(error) => Outcome::failed(None, super::Diagnostic::from(error)),
            }
        })
    }
}
