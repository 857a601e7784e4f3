//! Serves a provider: the sequence of steps behind each request, on framework values. The protocol room only translates.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{
    Diagnostic, Diagnostics, Path, Value,
    data_source::DynDataSource,
    function::{Arguments, Function, FunctionError, Signature},
    json::{self, Extra},
    plan,
    provider::{Host, Provider},
    resource::{DynResource, Operation, Outcome, PlanRequest, RefinedPlan, Update},
    schema::{Block, Nesting},
    validators,
};

/// A provider and what concerns all its running operations.
pub struct Service<P: ?Sized = dyn Provider> {
    cancel: Mutex<CancellationToken>,
    /// The provider.
    pub provider: P,
}

/// A planned change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// Null when the object is to be created.
    pub prior: Value,
    /// Null when the object is to be destroyed.
    pub planned: Value,
    /// What the user wrote; null when the object is to be destroyed.
    pub config: Value,
}

impl<P: Provider> Service<P> {
    /// A service of `provider`.
    pub fn new(provider: P) -> Arc<Self> {
        Arc::new(Self {
            cancel: Mutex::default(),
            provider,
        })
    }
}

impl Service {
    /// Ends running operations early. A later [`Service::configure`] starts afresh, as long-lived processes need.
    pub fn stop(&self) {
        self.cancel.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    fn operation(&self) -> Operation {
        let cancel = self.cancel.lock().unwrap_or_else(PoisonError::into_inner);
        Operation { cancel: cancel.clone() }
    }

    /// The resource type of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn resource(&self, type_name: &str) -> Result<&dyn DynResource, Diagnostic> {
        let found = self
            .provider
            .resources()
            .iter()
            .find(|resource| resource.type_name() == type_name);
        found
            .map(AsRef::as_ref)
            .ok_or_else(|| unknown_type("resource", type_name))
    }

    /// The data source type of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn data_source(&self, type_name: &str) -> Result<&dyn DynDataSource, Diagnostic> {
        let found = self
            .provider
            .data_sources()
            .iter()
            .find(|source| source.type_name() == type_name);
        found
            .map(AsRef::as_ref)
            .ok_or_else(|| unknown_type("data source", type_name))
    }

    /// The function of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn function(&self, name: &str) -> Result<&dyn Function, FunctionError> {
        let found = self
            .provider
            .functions()
            .iter()
            .find(|function| function.name() == name);
        found
            .map(AsRef::as_ref)
            .ok_or_else(|| FunctionError::new(format!("this provider offers no function \"{name}\"")))
    }

    /// Calls a function, whose signature is given along.
    ///
    /// # Errors
    /// Arguments that do not fit the signature, and what the function refuses.
    pub fn call(
        &self,
        function: &dyn Function,
        signature: &Signature,
        arguments: Vec<Value>,
    ) -> Result<Value, FunctionError> {
        function.call(&Arguments::of(signature, arguments)?)
    }

    /// Validates the provider block.
    pub fn validate_provider(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = validators::validate(&self.provider.schema().block, config);
        diagnostics.extend(self.provider.validate(config));
        diagnostics
    }

    /// Configures the provider.
    pub async fn configure(&self, config: Value, host: Host) -> Diagnostics {
        *self.cancel.lock().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
        self.provider.configure(config, host).await
    }

    /// Validates a resource's configuration.
    pub fn validate_resource(
        &self,
        resource: &dyn DynResource,
        config: &Value,
        write_only_allowed: bool,
    ) -> Diagnostics {
        let schema = resource.schema();
        let mut diagnostics = validators::validate(&schema.block, config);
        if !write_only_allowed {
            refuse_write_only(&schema.block, config, &Path::root(), &mut diagnostics);
        }
        // A single value that is wrong already would only be reported twice.
        if !diagnostics.has_errors() {
            diagnostics.extend(resource.validate(config));
        }
        diagnostics
    }

    /// Validates a data source's configuration.
    pub fn validate_data_source(&self, source: &dyn DynDataSource, config: &Value) -> Diagnostics {
        let mut diagnostics = validators::validate(&source.schema().block, config);
        if !diagnostics.has_errors() {
            diagnostics.extend(source.validate(config));
        }
        diagnostics
    }

    /// Brings stored state to the current schema. Never calls Azure.
    ///
    /// # Errors
    /// State that no version of the schema could have written.
    pub fn upgrade(&self, resource: &dyn DynResource, version: i64, state_json: &str) -> Result<Value, Diagnostics> {
        let schema = resource.schema();
        if version != schema.version {
            return resource.upgrade(version, state_json);
        }
        // Same version: attributes removed since are dropped, attributes added since are null.
        let unreadable = |problem: &str| {
            let detail = format!(
                "The stored state of {} cannot be read: {problem}.",
                resource.type_name()
            );
            Diagnostic::error("Unreadable state", detail)
        };
        let state = json::decode(&schema.ty(), state_json, Extra::Drop)
            .map_err(|error| unreadable(&error.problem).at(error.path))?;
        match blocks_never_null(&schema.block, state) {
            // Nothing is stored for an object that does not exist.
            Value::Null => Err(unreadable("an object is expected, null was stored").into()),
            state => Ok(state),
        }
    }

    /// Refreshes one object.
    pub async fn read(&self, resource: &dyn DynResource, state: Value) -> Outcome<Value> {
        resource.read(&self.operation(), state).await
    }

    /// Plans one object.
    pub async fn plan(
        &self,
        resource: &dyn DynResource,
        prior: Value,
        proposed: &Value,
        config: Value,
    ) -> RefinedPlan<Value> {
        let operation = self.operation();
        let plan = plan::plan(&resource.schema().block, &prior, proposed, &config);
        if plan.planned.is_null() {
            let diagnostics = if prior.is_null() {
                Diagnostics::new()
            } else {
                resource.plan_destroy(&operation, prior).await
            };
            return RefinedPlan {
                planned: Value::Null,
                requires_replace: Vec::new(),
                diagnostics,
            };
        }
        let request = PlanRequest {
            prior: (!prior.is_null()).then_some(prior),
            config,
            planned: plan.planned,
            requires_replace: plan.requires_replace,
        };
        let mut refined = resource.refine_plan(&operation, request).await;
        refined.requires_replace.sort();
        refined.requires_replace.dedup();
        refined
    }

    /// Creates, updates or deletes one object.
    pub async fn apply(&self, resource: &dyn DynResource, change: Change) -> Outcome<Value> {
        let operation = self.operation();
        let Change { prior, planned, config } = change;
        if planned.is_null() {
            let mut outcome = resource.delete(&operation, prior.clone()).await;
            // An error without state would make Core forget an object that may exist.
            if outcome.state.is_none() && outcome.diagnostics.has_errors() {
                outcome.state = Some(prior);
            }
            return outcome;
        }
        let mut outcome = if prior.is_null() {
            resource.create(&operation, planned, config).await
        } else {
            let update = Update {
                prior: prior.clone(),
                planned,
                config,
            };
            let mut outcome = resource.update(&operation, update).await;
            outcome.state.get_or_insert(prior);
            outcome
        };
        match &outcome.state {
            Some(state) if !state.is_wholly_known() => {
                let clean = state.with_unknown_as_null();
                // With an error this is a partial state, in which null is the truth; without, a value was forgotten.
                if !outcome.diagnostics.has_errors() {
                    let what = format!(
                        "{} was applied, but some of its values are still unknown.",
                        resource.type_name()
                    );
                    outcome.diagnostics.push(Diagnostic::bug(what));
                }
                outcome.state = Some(clean);
            }
            None if !outcome.diagnostics.has_errors() => {
                let what = format!(
                    "{} was applied, but returned no state. The object may exist.",
                    resource.type_name()
                );
                outcome.diagnostics.push(Diagnostic::bug(what));
            }
            _ => {}
        }
        outcome
    }

    /// Reads a data source.
    pub async fn read_data_source(&self, source: &dyn DynDataSource, config: Value) -> Outcome<Value> {
        source.read(&self.operation(), config).await
    }
}

fn unknown_type(kind: &str, type_name: &str) -> Diagnostic {
    Diagnostic::error(
        format!("Unknown {kind}"),
        format!("This provider offers no {kind} of type \"{type_name}\"."),
    )
}

/// Older Cores would store write-only values or fail on them with a message about this provider's inconsistency.
fn refuse_write_only(block: &Block, config: &Value, path: &Path, diagnostics: &mut Diagnostics) {
    for attribute in block.attributes.iter().filter(|attribute| attribute.write_only) {
        if !config.member(attribute.name).is_null() {
            let detail = "This version of Terraform cannot keep a value out of its state. Use 1.11 or newer, or the plain argument.";
            diagnostics
                .push(Diagnostic::error("Write-only argument not supported", detail).at(path.then(attribute.name)));
        }
    }
    for nested in &block.blocks {
        let below = path.then(nested.name);
        match config.member(nested.name) {
            object @ Value::Map(_) => refuse_write_only(&nested.block, object, &below, diagnostics),
            Value::List(objects) => {
                for (index, object) in objects.iter().enumerate() {
                    refuse_write_only(&nested.block, object, &below.index(index), diagnostics);
                }
            }
            _ => {}
        }
    }
}

/// Core wants absent list and set blocks as empty collections; hand-written or old state may have null.
fn blocks_never_null(block: &Block, state: Value) -> Value {
    let Value::Map(mut members) = state else { return state };
    for nested in &block.blocks {
        let Some(value) = members.remove(nested.name) else {
            continue;
        };
        let value = match (value, nested.nesting) {
            (Value::Null, _) => nested.none(),
            (Value::List(objects), _) => Value::List(
                objects
                    .into_iter()
                    .map(|object| blocks_never_null(&nested.block, object))
                    .collect(),
            ),
            (object, Nesting::Single) => blocks_never_null(&nested.block, object),
            (other, _) => other,
        };
        members.insert(nested.name.to_owned(), value);
    }
    Value::Map(members)
}
