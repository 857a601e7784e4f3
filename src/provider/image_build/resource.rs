//! `acr_image_build`. API version 2025-03-01-preview.
//!
//! A build has no object in Azure but its run, whose record expires. So a refresh that finds no record keeps the state, and
//! a destroy leaves the images where they are.

use std::{sync::Arc, time::Duration};

use crate::{
    acr::run::{RunId, wait::Unobserved},
    azure::{Call, Client},
    framework::{
        Diagnostic, Diagnostics, Field,
        resource::{Operation, Outcome, PlanRequest, RefinedPlan, Resource, Update},
        schema::Schema,
        timeouts::{Timeouts, effective},
    },
    provider::{
        Connection,
        preflight::{Preflight, runs::RunSubject},
        running::{
            Order, RunModel, Runner,
            schema::{TIMEOUTS, create_limit},
            stored,
        },
    },
};

use super::{ImageBuildModel, image_names, planning::Planner, request, schema, validation};

/// The resource type.
pub struct ImageBuildResource {
    connection: Arc<Connection>,
}

impl ImageBuildResource {
    /// The resource type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    fn begin(&self, operation: &Operation, timeout: Duration) -> Result<(Client, Call), Diagnostic> {
        Ok((self.connection.client()?, Call::new(operation.cancel.clone(), timeout)))
    }

    fn runner<'a>(&'a self, client: &'a Client, call: &'a Call, preflight: &'a Preflight) -> Runner<'a> {
        Runner {
            client,
            call,
            preflight,
            desk: self.connection.desk(),
            observer: &Unobserved,
        }
    }

    /// The stored run; it belongs to this configuration, so that no later build takes it for a stray one.
    fn stored(&self, model: &ImageBuildModel) -> Option<RunId> {
        let id = RunId::new(model.registry()?, model.run_id.text()?);
        self.connection.desk().is_known(&id);
        Some(id)
    }

    /// Builds what is planned.
    async fn build(
        &self,
        client: &Client,
        call: &Call,
        subject: &RunSubject,
        mut planned: ImageBuildModel,
        config: &ImageBuildModel,
    ) -> Outcome<ImageBuildModel> {
        let (options, what) = (planned.options(), what(&planned));
        let order = Order {
            what: &what,
            subject,
            options: &options,
            attribute: None,
        };
        let preflight = self.connection.preflight();
        let runner = self.runner(client, call, &preflight);
        let registry = &subject.registry;
        let request = request::prepare(client, call, registry, &planned, config);
        // On the heap, as everything below makes a large future.
        let performed = Box::pin(runner.perform(&order, Box::pin(request))).await;
        let Some(record) = performed.record else {
            return Outcome::failed(None, performed.diagnostics);
        };
        planned.record(&record);
        planned.image_digests = Field::Known(image_names::digests(&planned.image_names, &record.run));
        Outcome {
            state: Some(planned),
            diagnostics: performed.diagnostics,
        }
    }
}

/// What is built, for messages.
pub(super) fn what(planned: &ImageBuildModel) -> String {
    let names = planned.image_names.known().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(Field::text).collect();
    match names.is_empty() {
        true => "the build of an image without a name".to_owned(),
        false => format!("the build of {}", names.join(", ")),
    }
}

/// The user's timeout for one kind of operation, else the default.
fn timeout(model: &ImageBuildModel, of: impl Fn(&Timeouts) -> &Field<String>, default: Duration) -> Duration {
    model
        .timeouts
        .known()
        .map_or(default, |timeouts| effective(of(timeouts), default))
}

impl Resource for ImageBuildResource {
    type Model = ImageBuildModel;

    fn type_name(&self) -> &'static str {
        "acr_image_build"
    }

    fn schema(&self) -> Schema {
        schema::schema()
    }

    fn validate(&self, config: &ImageBuildModel) -> Diagnostics {
        validation::validate(config)
    }

    async fn refine_plan(
        &self,
        operation: &Operation,
        request: PlanRequest<ImageBuildModel>,
    ) -> RefinedPlan<ImageBuildModel> {
        if let Some(prior) = &request.prior {
            self.stored(prior);
        }
        let azure = self.connection.side_read(operation);
        Planner {
            azure: azure.as_ref(),
            preflight: &self.connection.preflight(),
            cancel: &operation.cancel,
        }
        .refine(request)
        .await
    }

    async fn create(
        &self,
        operation: &Operation,
        planned: ImageBuildModel,
        config: ImageBuildModel,
    ) -> Outcome<ImageBuildModel> {
        let limit = create_limit(&planned.timeouts, planned.timeout_in_seconds.known().copied());
        let begun = self
            .begin(operation, limit)
            .and_then(|(client, call)| Ok((client, call, planned.subject().ok_or_else(no_registry)?)));
        match begun {
            Ok((client, call, subject)) => self.build(&client, &call, &subject, planned, &config).await,
            Err(error) => Outcome::failed(None, error),
        }
    }

    async fn read(&self, operation: &Operation, mut state: ImageBuildModel) -> Outcome<ImageBuildModel> {
        let Some(id) = self.stored(&state).filter(|_| stored::is_active(&state.status)) else {
            return Outcome::of(state);
        };
        let limit = timeout(&state, |timeouts| &timeouts.read, TIMEOUTS.read);
        let (client, call) = match self.begin(operation, limit) {
            Ok(begun) => begun,
            Err(error) => return Outcome::failed(Some(state), error),
        };
        match stored::look(&client, &call, &id).await {
            Ok((run, diagnostics)) => {
                if let Some(run) = run {
                    state.refresh(&run);
                    state.image_digests = Field::Known(image_names::digests(&state.image_names, &run));
                }
                Outcome {
                    state: Some(state),
                    diagnostics,
                }
            }
            Err(error) => Outcome::failed(Some(state), error),
        }
    }

    /// Nothing that reaches Azure changes in place.
    async fn update(&self, _: &Operation, change: Update<ImageBuildModel>) -> Outcome<ImageBuildModel> {
        self.stored(&change.prior);
        Outcome::of(change.planned)
    }

    async fn delete(&self, operation: &Operation, prior: ImageBuildModel) -> Outcome<ImageBuildModel> {
        let stored = self.stored(&prior);
        if let Some(id) = &stored {
            self.connection.desk().is_removed(id.registry(), &what(&prior));
        }
        let stored = stored.filter(|_| stored::is_active(&prior.status));
        let Some(id) = stored.filter(|_| prior.options().cancel_on_interrupt) else {
            return Outcome::gone();
        };
        let limit = timeout(&prior, |timeouts| &timeouts.delete, TIMEOUTS.delete);
        let (client, call) = match self.begin(operation, limit) {
            Ok(begun) => begun,
            Err(error) => return Outcome::failed(Some(prior), error),
        };
        let preflight = self.connection.preflight();
        match self.runner(&client, &call, &preflight).give_up(&id).await {
            Ok(diagnostics) => Outcome {
                state: None,
                diagnostics,
            },
            Err(error) => Outcome::failed(Some(prior), error),
        }
    }
}

fn no_registry() -> Diagnostic {
    let detail = "The planned registry_id or agent_pool_name is not known or names none, so that nothing can be built. Plan again; if that does not help, please report it.";
    Diagnostic::error("Incomplete plan", detail).at_attribute("registry_id")
}
