//! `acr_task_run`. API version 2025-03-01-preview.

use std::{sync::Arc, time::Duration};

use crate::{
    acr::{
        TaskId,
        agent_pool::AgentPoolId,
        run::{RunId, wait::Unobserved},
        task::{self, Task},
    },
    azure::{Call, Client},
    framework::{
        Diagnostic, Diagnostics, Field,
        resource::{Operation, Outcome, PlanRequest, RefinedPlan, Resource, Update},
        schema::Schema,
        timeouts::{Timeouts, effective},
    },
    provider::{
        Connection, diagnose,
        preflight::{Preflight, runs::RunSubject},
        running::{
            Order, RunModel, Runner,
            schema::{TIMEOUTS, create_limit},
            stored,
        },
    },
};

use super::{TaskRunModel, request, schema};

/// The resource type.
pub struct TaskRunResource {
    connection: Arc<Connection>,
}

impl TaskRunResource {
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

    /// The stored run; it belongs to this configuration, so that no later run takes it for a stray one.
    fn stored(&self, model: &TaskRunModel) -> Option<RunId> {
        let id = RunId::new(model.task()?.registry().clone(), model.run_id.text()?);
        self.connection.desk().is_known(&id);
        Some(id)
    }

    /// What preflight has to say of a run that is planned. A task that does not exist yet has nothing to be looked at.
    async fn checks(&self, operation: &Operation, planned: &TaskRunModel) -> Diagnostics {
        let (Some((client, call)), Some(id)) = (self.connection.side_read(operation), planned.task()) else {
            return Diagnostics::new();
        };
        let mut task = match task::get(&client, &call, &id).await {
            Ok(task) => task,
            Err(error) => {
                tracing::debug!(%error, task = %id, "the task cannot be read at plan");
                return Diagnostics::new();
            }
        };
        // The same plan may move the task to another pool.
        if let Some(pool) = self.connection.preflight().planned_tasks.pool_of(&id) {
            task.properties.agent_pool_name = pool.known().cloned();
        }
        let (subject, options) = (subject(&id, &task), planned.options());
        let order = Order {
            what: &id.human(),
            subject: &subject,
            options: &options,
            attribute: Some("task_id"),
        };
        order.at_plan(&client, &call, &self.connection.preflight()).await
    }

    async fn run(
        &self,
        client: &Client,
        call: &Call,
        model: TaskRunModel,
        config: &TaskRunModel,
    ) -> Outcome<TaskRunModel> {
        let id = match known_id(&model) {
            Ok(id) => id,
            Err(error) => return Outcome::failed(None, error),
        };
        let task = match task::get(client, call, &id).await {
            Ok(task) => task,
            Err(error) => return Outcome::failed(None, unreadable(&id, &error)),
        };
        // How long its runs may take is the task's to say.
        let call = &Call {
            correlation_id: call.correlation_id.clone(),
            ..Call::new(
                call.cancel.clone(),
                create_limit(&model.timeouts, task.properties.timeout),
            )
        };
        let (subject, options, preflight) = (subject(&id, &task), model.options(), self.connection.preflight());
        let order = Order {
            what: &id.human(),
            subject: &subject,
            options: &options,
            attribute: Some("task_id"),
        };
        let request = request::request(&id, &model.with_secrets(config));
        let runner = self.runner(client, call, &preflight);
        let performed = Box::pin(runner.perform(&order, async { Ok(request) })).await;
        let state = performed.record.map(|record| {
            let mut state = model;
            state.record(&record);
            state
        });
        Outcome {
            state,
            diagnostics: performed.diagnostics,
        }
    }
}

impl Resource for TaskRunResource {
    type Model = TaskRunModel;

    fn type_name(&self) -> &'static str {
        "acr_task_run"
    }

    fn schema(&self) -> Schema {
        schema::schema()
    }

    fn validate(&self, config: &TaskRunModel) -> Diagnostics {
        config.check()
    }

    async fn refine_plan(
        &self,
        operation: &Operation,
        request: PlanRequest<TaskRunModel>,
    ) -> RefinedPlan<TaskRunModel> {
        let prior = request.prior.clone();
        let mut plan = request.unchanged();
        if let Some(prior) = &prior {
            self.stored(prior);
        }
        let kept = prior.as_ref().filter(|_| plan.requires_replace.is_empty());
        plan.planned = plan.planned.predicted(kept);
        if kept.is_none() {
            plan.diagnostics.extend(self.checks(operation, &plan.planned).await);
        }
        plan
    }

    async fn create(
        &self,
        operation: &Operation,
        planned: TaskRunModel,
        config: TaskRunModel,
    ) -> Outcome<TaskRunModel> {
        let limit = create_limit(&planned.timeouts, None);
        match self.begin(operation, limit) {
            Ok((client, call)) => self.run(&client, &call, planned, &config).await,
            Err(error) => Outcome::failed(None, error),
        }
    }

    async fn read(&self, operation: &Operation, state: TaskRunModel) -> Outcome<TaskRunModel> {
        let Some(id) = self.stored(&state) else {
            return Outcome::of(state);
        };
        // A run that has ended never changes, and its record expires.
        if !stored::is_active(&state.status) {
            return Outcome::of(state);
        }
        let limit = timeout(&state, |timeouts| &timeouts.read, TIMEOUTS.read);
        let (client, call) = match self.begin(operation, limit) {
            Ok(begun) => begun,
            Err(error) => return Outcome::failed(Some(state), error),
        };
        match stored::look(&client, &call, &id).await {
            Ok((run, diagnostics)) => {
                let mut state = state;
                if let Some(run) = run {
                    state.refresh(&run);
                }
                Outcome {
                    state: Some(state),
                    diagnostics,
                }
            }
            Err(error) => Outcome::failed(Some(state), error),
        }
    }

    async fn update(&self, _operation: &Operation, change: Update<TaskRunModel>) -> Outcome<TaskRunModel> {
        // Whatever is about the run itself replaces it; the rest is Terraform's own.
        self.stored(&change.prior);
        Outcome::of(change.planned)
    }

    async fn delete(&self, operation: &Operation, prior: TaskRunModel) -> Outcome<TaskRunModel> {
        let stored = self.stored(&prior);
        if let (Some(_), Some(task)) = (&stored, prior.task()) {
            self.connection.desk().is_removed(task.registry(), &task.human());
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

/// The user's timeout for one kind of operation, else the default.
fn timeout(model: &TaskRunModel, of: impl Fn(&Timeouts) -> &Field<String>, default: Duration) -> Duration {
    model
        .timeouts
        .known()
        .map_or(default, |timeouts| effective(of(timeouts), default))
}

/// What preflight has to know: the task's pool and its identities.
fn subject(id: &TaskId, task: &Task) -> RunSubject {
    let kind = task.identity.as_ref().and_then(|identity| identity.kind.as_deref());
    let has = |word: &str| kind.is_some_and(|kind| kind.to_ascii_lowercase().contains(word));
    let pool = task.properties.agent_pool_name.as_deref();
    RunSubject {
        registry: id.registry().clone(),
        pool: pool.and_then(|name| AgentPoolId::new(id.registry().clone(), name).ok()),
        system_identity: has("systemassigned"),
        user_identity: has("userassigned"),
        identity_attribute: "task_id",
    }
}

fn known_id(model: &TaskRunModel) -> Result<TaskId, Diagnostic> {
    model.task().ok_or_else(|| {
        let detail = "The planned task_id is not known, so that nothing can be run. Plan again; if that does not help, please report it.";
        Diagnostic::error("Incomplete plan", detail).at_attribute("task_id")
    })
}

fn unreadable(id: &TaskId, error: &crate::azure::Error) -> Diagnostic {
    if error.is_gone() {
        let detail = format!(
            "There is no {}, so that nothing was scheduled. If the same configuration creates it, take task_id from that resource rather than as text, so that Terraform knows the order.",
            id.human()
        );
        return Diagnostic::error("The task does not exist", detail).at_attribute("task_id");
    }
    diagnose::azure(&format!("reading {}", id.human()), error).at_attribute("task_id")
}
