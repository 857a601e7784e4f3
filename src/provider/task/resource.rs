//! `acr_task`. API versions 2025-03-01-preview and 2019-06-01-preview.

use std::{sync::Arc, time::Duration};

use crate::{
    acr::{
        TaskId,
        task::{self, Step, Task},
    },
    azure::{Call, Client},
    framework::{
        Diagnostic, Diagnostics, Field,
        resource::{Operation, Outcome, PlanRequest, RefinedPlan, Resource, Update},
        schema::Schema,
        timeouts::{Timeouts, effective},
    },
    provider::{Connection, agent_pool::notes::Notes, diagnose},
};

use super::{
    checks, importing,
    model::TaskModel,
    planning::{Planner, judged},
    schema::{self, TIMEOUTS},
    writing,
};

/// The resource type.
pub struct TaskResource {
    connection: Arc<Connection>,
    notes: Notes,
}

impl TaskResource {
    /// The resource type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            notes: Notes::default(),
        }
    }

    fn begin(
        &self,
        operation: &Operation,
        model: &TaskModel,
        of: impl Fn(&Timeouts) -> &Field<String>,
        default: Duration,
    ) -> Result<(Client, Call, TaskId), Diagnostic> {
        let limit = model.timeouts.known();
        let limit = limit.map_or(default, |timeouts| effective(of(timeouts), default));
        let call = Call::new(operation.cancel.clone(), limit);
        Ok((self.connection.client()?, call, known_id(model)?))
    }

    /// Preflight before the first write, where something changes that it judges.
    async fn gate(
        &self,
        client: &Client,
        call: &Call,
        before: Option<&TaskModel>,
        planned: &TaskModel,
    ) -> Result<(), Diagnostics> {
        match judged(before, planned) {
            Some(subject) => self.connection.preflight().runs_at_apply(client, call, &subject).await,
            None => Ok(()),
        }
    }
}

impl Resource for TaskResource {
    type Model = TaskModel;

    fn type_name(&self) -> &'static str {
        "acr_task"
    }

    fn schema(&self) -> Schema {
        schema::schema()
    }

    fn validate(&self, config: &TaskModel) -> Diagnostics {
        checks::check(config)
    }

    async fn refine_plan(&self, operation: &Operation, request: PlanRequest<TaskModel>) -> RefinedPlan<TaskModel> {
        let azure = self.connection.side_read(operation);
        Planner {
            azure: azure.as_ref(),
            notes: &self.notes,
            preflight: &self.connection.preflight(),
        }
        .refine(request)
        .await
    }

    async fn plan_destroy(&self, _operation: &Operation, prior: TaskModel) -> Diagnostics {
        if let Some(id) = prior.task_id() {
            self.connection.preflight().planned_tasks.will_go(&id);
        }
        Diagnostics::new()
    }

    async fn create(&self, operation: &Operation, planned: TaskModel, config: TaskModel) -> Outcome<TaskModel> {
        match self.begin(operation, &planned, |timeouts| &timeouts.create, TIMEOUTS.create) {
            Ok((client, call, id)) => match self.gate(&client, &call, None, &planned).await {
                Ok(()) => writing::create(&client, &call, &id, planned, &config).await,
                Err(refusal) => Outcome::failed(None, refusal),
            },
            Err(error) => Outcome::failed(None, error),
        }
    }

    async fn read(&self, operation: &Operation, state: TaskModel) -> Outcome<TaskModel> {
        let begun = self.begin(operation, &state, |timeouts| &timeouts.read, TIMEOUTS.read);
        let (client, call, id) = match begun {
            Ok(begun) => begun,
            Err(error) => return Outcome::failed(Some(state), error),
        };
        match task::get(&client, &call, &id).await {
            Ok(task) => match check_answer(&id, &task) {
                Ok(()) if importing::is_stub(&state) => importing::imported(&client, &call, &id, &state, &task).await,
                Ok(()) => Outcome::of(state.refreshed(&task)),
                Err(error) => Outcome::failed(Some(state), error),
            },
            Err(error) if error.is_gone() => Outcome::gone(),
            Err(error) => Outcome::failed(Some(state), diagnose::azure(&format!("reading {}", id.human()), &error)),
        }
    }

    async fn update(&self, operation: &Operation, change: Update<TaskModel>) -> Outcome<TaskModel> {
        if change.planned.is_sent_as(&change.prior) {
            // Only what is the provider's own has changed: nothing is written to Azure.
            return Outcome::of(change.planned);
        }
        match self.begin(operation, &change.planned, |timeouts| &timeouts.update, TIMEOUTS.update) {
            Ok((client, call, id)) => match self.gate(&client, &call, Some(&change.prior), &change.planned).await {
                Ok(()) => writing::update(&client, &call, &id, change).await,
                Err(refusal) => Outcome::failed(Some(change.prior), refusal),
            },
            Err(error) => Outcome::failed(Some(change.prior), error),
        }
    }

    async fn delete(&self, operation: &Operation, prior: TaskModel) -> Outcome<TaskModel> {
        match self.begin(operation, &prior, |timeouts| &timeouts.delete, TIMEOUTS.delete) {
            Ok((client, call, id)) => match task::delete(&client, &call, &id).await {
                Ok(()) => Outcome::gone(),
                Err(error) => Outcome::failed(
                    Some(prior),
                    diagnose::azure(&format!("deleting {}", id.human()), &error),
                ),
            },
            Err(error) => Outcome::failed(Some(prior), error),
        }
    }

    fn import(&self, id: &str) -> Result<TaskModel, Diagnostics> {
        importing::stub(id)
    }
}

fn known_id(model: &TaskModel) -> Result<TaskId, Diagnostic> {
    model.task_id().ok_or_else(|| {
        let show = |field: &Field<String>| field.text().map_or_else(|| "not set".to_owned(), |text| format!("\"{text}\""));
        let detail = format!(
            "The stored or planned task has registry_id {} and name {}, which name no task. If the state was edited by hand, restore it; else import the task anew.",
            show(&model.registry_id),
            show(&model.name),
        );
        Diagnostic::error("Unusable task id", detail)
    })
}

/// An answer that is a task, the one asked for, and whole. Half an answer must not be taken for drift, nor a step that is
/// newer than this version.
fn check_answer(id: &TaskId, task: &Task) -> Result<(), Diagnostic> {
    let is_system = task.properties.is_system_task == Some(true);
    let problem = if task.id.parse::<TaskId>().ok().as_ref() != Some(id) {
        format!("it is about \"{}\"", task.id)
    } else if task.properties.step == Some(Step::Unknown) {
        "the task has a kind of step that this version of the provider does not know".into()
    } else if task.properties.step.is_none() && !is_system {
        "the task has no step".into()
    } else if task.location.is_empty() {
        "the task has no location".into()
    } else {
        return Ok(());
    };
    Err(Diagnostic::error(
        format!("Unusable answer about {}", id.human()),
        format!(
            "Azure answered, but {problem}. Nothing is concluded from that and the state is left as it is. Try again; a proxy in between may also be the cause."
        ),
    ))
}
