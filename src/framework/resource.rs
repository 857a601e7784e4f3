//! What a managed resource implements, and the untyped face under which the framework keeps it.
//!
//! Operations return an [`Outcome`]: what state is left *and* what there is to say. A create that fails half-way must
//! still hand over its state, or Terraform forgets an object that exists.

use std::{future::Future, pin::Pin};

use tokio_util::sync::CancellationToken;

use super::{Diagnostic, Diagnostics, Model, Path, Value, model::Mismatch, schema::Schema};

/// A boxed future; boxing happens in the blanket implementation below and nowhere else.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What every operation is given besides its values.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    /// Tripped when the user interrupts: end soon and return the best known state.
    pub cancel: CancellationToken,
}

/// What an operation left behind.
#[derive(Clone, Debug)]
pub struct Outcome<T> {
    /// The state to keep; `None` when there is no object.
    pub state: Option<T>,
    /// What there is to say.
    pub diagnostics: Diagnostics,
}

/// A plan to refine: computed values that are known already, reasons for replacement, warnings.
#[derive(Clone, Debug)]
pub struct PlanRequest<M> {
    /// The state before; `None` when the object is to be created (also as the second half of a replacement).
    pub prior: Option<M>,
    /// What the user wrote.
    pub config: M,
    /// The framework's plan.
    pub planned: M,
    /// Attributes that cannot change in place but are planned to.
    pub requires_replace: Vec<Path>,
}

/// A refined plan.
#[derive(Clone, Debug)]
pub struct RefinedPlan<M> {
    /// The plan.
    pub planned: M,
    /// Attributes that cannot change in place but are planned to.
    pub requires_replace: Vec<Path>,
    /// What the reviewer should know.
    pub diagnostics: Diagnostics,
}

/// A change to apply in place.
#[derive(Clone, Debug)]
pub struct Update<M> {
    /// The state before.
    pub prior: M,
    /// What was planned.
    pub planned: M,
    /// What the user wrote, with write-only values.
    pub config: M,
}

/// A managed resource type.
pub trait Resource: Send + Sync + 'static {
    /// The typed object.
    type Model: Model;

    /// The type's name in configuration.
    fn type_name(&self) -> &'static str;

    /// The type's schema.
    fn schema(&self) -> Schema;

    /// Checks that concern several attributes at once; single values are checked by the schema. Values may be unknown.
    fn validate(&self, _config: &Self::Model) -> Diagnostics {
        Diagnostics::new()
    }

    /// Makes known in the plan what can be known. Must be deterministic: Terraform plans again before it applies, and a
    /// value once known must not change. May read from Azure, never write.
    fn refine_plan(
        &self,
        _operation: &Operation,
        request: PlanRequest<Self::Model>,
    ) -> impl Future<Output = RefinedPlan<Self::Model>> + Send {
        async move { request.unchanged() }
    }

    /// What to say when the object is planned to be destroyed.
    fn plan_destroy(&self, _operation: &Operation, _prior: Self::Model) -> impl Future<Output = Diagnostics> + Send {
        async { Diagnostics::new() }
    }

    /// Creates the object. If it may exist afterwards, the outcome has state, whatever else went wrong.
    fn create(
        &self,
        operation: &Operation,
        planned: Self::Model,
        config: Self::Model,
    ) -> impl Future<Output = Outcome<Self::Model>> + Send;

    /// Refreshes the object. No state without an error means that it is certainly gone.
    fn read(&self, operation: &Operation, state: Self::Model) -> impl Future<Output = Outcome<Self::Model>> + Send;

    /// Changes the object in place; the outcome has what is really set. Without an implementation every attribute must
    /// be one that replaces.
    fn update(
        &self,
        _operation: &Operation,
        change: Update<Self::Model>,
    ) -> impl Future<Output = Outcome<Self::Model>> + Send {
        let bug = Diagnostic::bug(format!(
            "An update of {} was planned, but the type has none.",
            self.type_name()
        ));
        async move { Outcome::failed(Some(change.prior), bug) }
    }

    /// Deletes the object and returns when it is gone; the outcome has state if it may not be.
    fn delete(&self, operation: &Operation, prior: Self::Model) -> impl Future<Output = Outcome<Self::Model>> + Send;

    /// The stub from which a read fills in an imported object.
    ///
    /// # Errors
    /// An id that is none of this type's.
    fn import(&self, _id: &str) -> Result<Self::Model, Diagnostics> {
        Err(Diagnostic::error(
            "Import is not supported",
            format!("{} cannot be imported.", self.type_name()),
        )
        .into())
    }

    /// Brings state JSON of an older schema version to the current one. State of the current version never comes here.
    ///
    /// # Errors
    /// A version that never existed.
    fn upgrade(&self, version: i64, _state_json: &str) -> Result<Self::Model, Diagnostics> {
        let detail = format!("No version {version} of {} was ever released.", self.type_name());
        Err(Diagnostic::error("Unknown state version", detail).into())
    }
}

/// A [`Resource`] on untyped values.
pub trait DynResource: Send + Sync {
    /// See [`Resource::type_name`].
    fn type_name(&self) -> &'static str;
    /// See [`Resource::schema`].
    fn schema(&self) -> Schema;
    /// The model's attribute and block names, to compare with the schema.
    fn model_names(&self) -> &'static [&'static str];
    /// See [`Resource::validate`].
    fn validate(&self, config: &Value) -> Diagnostics;
    /// See [`Resource::refine_plan`].
    fn refine_plan<'a>(
        &'a self,
        operation: &'a Operation,
        request: PlanRequest<Value>,
    ) -> BoxFuture<'a, RefinedPlan<Value>>;
    /// See [`Resource::plan_destroy`].
    fn plan_destroy<'a>(&'a self, operation: &'a Operation, prior: Value) -> BoxFuture<'a, Diagnostics>;
    /// See [`Resource::create`].
    fn create<'a>(&'a self, operation: &'a Operation, planned: Value, config: Value) -> BoxFuture<'a, Outcome<Value>>;
    /// See [`Resource::read`].
    fn read<'a>(&'a self, operation: &'a Operation, state: Value) -> BoxFuture<'a, Outcome<Value>>;
    /// See [`Resource::update`].
    fn update<'a>(&'a self, operation: &'a Operation, change: Update<Value>) -> BoxFuture<'a, Outcome<Value>>;
    /// See [`Resource::delete`].
    fn delete<'a>(&'a self, operation: &'a Operation, prior: Value) -> BoxFuture<'a, Outcome<Value>>;
    /// See [`Resource::import`].
    ///
    /// # Errors
    /// An id that is none of this type's.
    fn import(&self, id: &str) -> Result<Value, Diagnostics>;
    /// See [`Resource::upgrade`].
    ///
    /// # Errors
    /// A version that never existed.
    fn upgrade(&self, version: i64, state_json: &str) -> Result<Value, Diagnostics>;
}

impl<T> Outcome<T> {
    /// All went well.
    pub fn of(state: T) -> Self {
        Self {
            state: Some(state),
            diagnostics: Diagnostics::new(),
        }
    }

    /// There is no object.
    #[must_use]
    pub fn gone() -> Self {
        Self {
            state: None,
            diagnostics: Diagnostics::new(),
        }
    }

    /// Something went wrong; `state` is what is left.
    pub fn failed(state: Option<T>, why: impl Into<Diagnostics>) -> Self {
        Self {
            state,
            diagnostics: why.into(),
        }
    }

    /// The same outcome with one more message.
    #[must_use]
    pub fn with(mut self, diagnostic: Diagnostic) -> Self {
        self.diagnostics.push(diagnostic);
        self
    }

    fn map<U>(self, convert: impl FnOnce(T) -> U) -> Outcome<U> {
        Outcome {
            state: self.state.map(convert),
            diagnostics: self.diagnostics,
        }
    }
}

impl<M> PlanRequest<M> {
    /// The framework's plan as it is.
    pub fn unchanged(self) -> RefinedPlan<M> {
        RefinedPlan {
            planned: self.planned,
            requires_replace: self.requires_replace,
            diagnostics: Diagnostics::new(),
        }
    }
}

impl From<Mismatch> for Diagnostic {
    fn from(mismatch: Mismatch) -> Self {
        Diagnostic::error("Unsuitable value", format!("{}.", mismatch.problem)).at(mismatch.path)
    }
}

fn model<M: Model>(value: &Value) -> Result<M, Diagnostic> {
    M::from_value(value, &Path::root()).map_err(Diagnostic::from)
}

impl<R: Resource> DynResource for R {
    fn type_name(&self) -> &'static str {
        Resource::type_name(self)
    }

    fn schema(&self) -> Schema {
        Resource::schema(self)
    }

    fn model_names(&self) -> &'static [&'static str] {
        R::Model::NAMES
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        match model(config) {
            Ok(config) => Resource::validate(self, &config),
            Err(error) => error.into(),
        }
    }

    fn refine_plan<'a>(
        &'a self,
        operation: &'a Operation,
        request: PlanRequest<Value>,
    ) -> BoxFuture<'a, RefinedPlan<Value>> {
        let typed = || {
            let prior = request.prior.as_ref().map(model).transpose()?;
            let (config, planned) = (model(&request.config)?, model(&request.planned)?);
            Ok(PlanRequest {
                prior,
                config,
                planned,
                requires_replace: request.requires_replace.clone(),
            })
        };
        let typed: Result<PlanRequest<R::Model>, Diagnostic> = typed();
        Box::pin(async move {
            match typed {
                Ok(typed) => {
                    let refined = Resource::refine_plan(self, operation, typed).await;
                    RefinedPlan {
                        planned: refined.planned.to_value(),
                        requires_replace: refined.requires_replace,
                        diagnostics: refined.diagnostics,
                    }
                }
                Err(error) => RefinedPlan {
                    diagnostics: error.into(),
                    ..request.unchanged()
                },
            }
        })
    }

    fn plan_destroy<'a>(&'a self, operation: &'a Operation, prior: Value) -> BoxFuture<'a, Diagnostics> {
        Box::pin(async move {
            match model(&prior) {
                Ok(prior) => Resource::plan_destroy(self, operation, prior).await,
                Err(error) => error.into(),
            }
        })
    }

    fn create<'a>(&'a self, operation: &'a Operation, planned: Value, config: Value) -> BoxFuture<'a, Outcome<Value>> {
        Box::pin(async move {
            match (model(&planned), model(&config)) {
                (Ok(planned), Ok(config)) => Resource::create(self, operation, planned, config)
                    .await
                    .map(|state| state.to_value()),
                (Err(error), _) | (_, Err(error)) => Outcome::failed(None, error),
            }
        })
    }

    fn read<'a>(&'a self, operation: &'a Operation, state: Value) -> BoxFuture<'a, Outcome<Value>> {
        Box::pin(async move {
            match model(&state) {
                Ok(model) => Resource::read(self, operation, model)
                    .await
                    .map(|state| state.to_value()),
                Err(error) => Outcome::failed(Some(state), error),
            }
        })
    }

    fn update<'a>(&'a self, operation: &'a Operation, change: Update<Value>) -> BoxFuture<'a, Outcome<Value>> {
        Box::pin(async move {
            match (model(&change.prior), model(&change.planned), model(&change.config)) {
                (Ok(prior), Ok(planned), Ok(config)) => {
                    let change = Update { prior, planned, config };
                    Resource::update(self, operation, change)
                        .await
                        .map(|state| state.to_value())
                }
                (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => Outcome::failed(Some(change.prior), error),
            }
        })
    }

    fn delete<'a>(&'a self, operation: &'a Operation, prior: Value) -> BoxFuture<'a, Outcome<Value>> {
        Box::pin(async move {
            match model(&prior) {
                Ok(model) => Resource::delete(self, operation, model)
                    .await
                    .map(|state| state.to_value()),
                Err(error) => Outcome::failed(Some(prior), error),
            }
        })
    }

    fn import(&self, id: &str) -> Result<Value, Diagnostics> {
        Resource::import(self, id).map(|stub| stub.to_value())
    }

    fn upgrade(&self, version: i64, state_json: &str) -> Result<Value, Diagnostics> {
        Resource::upgrade(self, version, state_json).map(|state| state.to_value())
    }
}
