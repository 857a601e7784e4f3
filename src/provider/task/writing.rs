//! Writing a task: always the whole of it. Every way out of a create that Azure may have accepted returns state.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    acr::{
        TaskId,
        condition::Condition,
        registry,
        task::{self, Task},
    },
    azure::{Call, Client, Error},
    framework::{
        Diagnostic, Field, Model,
        resource::{Outcome, Update},
    },
    provider::{blocks, diagnose},
};

use super::{convert::new_task, leftovers, model::TaskModel, planning::no_source_identity};

/// How often a task is looked at that Azure is still at work on. All writes that were ever recorded were done at once.
const BUSY_POLL: Duration = Duration::from_secs(2);

/// How long one last look may take after a write has ended badly, when its own time may be over already.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// What the provider computes: no setting that Azure could have changed.
const COMPUTED: [&str; 4] = ["base_image_dependencies", "creation_date", "id", "location"];

/// What tells a task that was written without an answer from one that somebody else wrote at the same moment.
const WHOSE: [&str; 4] = ["docker_step", "encoded_step", "file_step", "is_system_task"];

/// Creates the task; one of that name is never adopted.
pub async fn create(
    client: &Client,
    call: &Call,
    id: &TaskId,
    planned: TaskModel,
    config: &TaskModel,
) -> Outcome<TaskModel> {
    let doing = format!("creating {}", id.human());
    match task::get(client, call, id).await {
        Err(error) if error.is_gone() => {}
        Err(error) => return Outcome::failed(None, diagnose::azure(&doing, &error)),
        Ok(_) => return Outcome::failed(None, exists_already(id)),
    }
    let location = match &planned.location {
        Field::Known(location) => location.clone(),
        Field::Null | Field::Unknown => match registry::get(client, call, id.registry()).await {
            Ok(registry) => registry.location,
            Err(error) => {
                let diagnostic = diagnose::azure(&doing, &error).at_attribute("registry_id");
                return Outcome::failed(None, diagnostic);
            }
        },
    };
    let planned = TaskModel {
        id: Field::Known(id.to_string()),
        ..planned
    };
    let body = new_task(&planned.with_write_only(config), location, false);
    match task::put(client, call, id, &body).await {
        Ok(task) => at_rest(client, call, id, &planned, task, &doing).await,
        Err(error) if error.may_have_been_accepted() => after_unclear_create(client, id, planned, &doing, &error).await,
        Err(error) => Outcome::failed(None, refused(&doing, &error, &planned)),
    }
}

/// Changes the task by writing it anew.
pub async fn update(client: &Client, call: &Call, id: &TaskId, change: Update<TaskModel>) -> Outcome<TaskModel> {
    let Update { prior, planned, config } = change;
    let doing = format!("updating {}", id.human());
    let current = match task::get(client, call, id).await {
        Ok(current) => current,
        Err(error) => {
            let mut diagnostic = diagnose::azure(&doing, &error);
            if error.is_gone() {
                diagnostic.detail.push_str("\n\nThe task has been deleted since the plan was made, not by this Terraform. Plan again to create it anew.");
            }
            return Outcome::failed(Some(prior), diagnostic);
        }
    };
    // Of what Azure has only the place is taken, which no configuration tells, and whether there is an identity to take away.
    let body = new_task(
        &planned.with_write_only(&config),
        current.location,
        current.identity.is_some(),
    );
    match task::put(client, call, id, &body).await {
        Ok(task) => {
            let outcome = at_rest(client, call, id, &planned, task, &doing).await;
            match leftovers::look(client, call, id, &prior, &body).await {
                Some(warning) => outcome.with(warning),
                None => outcome,
            }
        }
        Err(error) if error.may_have_been_accepted() => {
            let mut diagnostic = diagnose::azure(&doing, &error);
            diagnostic.detail.push_str("\n\nNobody knows whether Azure has accepted the change. The state has what Azure shows now, with the former secrets; plan again, and what is missing is sent again.");
            let state = match last_look(client, id).await {
                Ok(task) => prior.refreshed(&task),
                Err(_) => prior,
            };
            Outcome::failed(Some(state), diagnostic)
        }
        Err(error) => Outcome::failed(Some(prior), refused(&doing, &error, &planned)),
    }
}

/// A refusal. Of a cloud that lacks the API version which only the source registry's identity needs, it says so.
fn refused(doing: &str, error: &Error, planned: &TaskModel) -> Diagnostic {
    let source = blocks::one(&planned.registry_credential).and_then(|it| blocks::one(&it.source));
    let names_identity = source.is_some_and(|source| source.identity.known().is_some());
    match names_identity && error.refuses_version() {
        true => no_source_identity(),
        false => diagnose::azure(doing, error),
    }
}

/// A write that Azure has accepted, once Azure is done with it.
async fn at_rest(
    client: &Client,
    call: &Call,
    id: &TaskId,
    planned: &TaskModel,
    mut task: Task,
    doing: &str,
) -> Outcome<TaskModel> {
    loop {
        let state = task.properties.provisioning_state.as_deref();
        if state.is_none_or(|state| Condition::of(Some(state)) != Condition::Busy) {
            return settled(id, planned, &task, doing);
        }
        tracing::info!(task = %id, ?state, "waiting for Azure to be done with the task");
        let again = match call.sleep(BUSY_POLL).await {
            Ok(()) => task::get(client, call, id).await,
            Err(interruption) => Err(call.interrupted(interruption, None)),
        };
        match again {
            Ok(again) => task = again,
            Err(error) => {
                let mut diagnostic = diagnose::azure(doing, &error);
                diagnostic.detail.push_str(
                    "\n\nAzure has accepted the task and was still at work on it. The state has what was asked for.",
                );
                return Outcome::failed(Some(completed(planned, &task)), diagnostic);
            }
        }
    }
}

/// The state after a write: what was planned, with what only Azure knows. A setting that Azure shows otherwise is told, and
/// left to the next plan: Terraform takes no other value from an apply.
fn settled(id: &TaskId, planned: &TaskModel, task: &Task, doing: &str) -> Outcome<TaskModel> {
    let state = completed(planned, task);
    if Condition::of(task.properties.provisioning_state.as_deref()) == Condition::Failed {
        let detail = "Azure reports the task as Failed and does not say why. Plan again; if it stays so, delete the task and create it anew.";
        let summary = format!("Unexpected result of {doing}");
        return Outcome::failed(Some(state), Diagnostic::error(summary, detail));
    }
    let different = differences(&state, &state.refreshed(task));
    let outcome = Outcome::of(state);
    if different.is_empty() {
        return outcome;
    }
    let detail = format!(
        "Azure has accepted the {}, and shows otherwise than was sent: {}. Somebody else may have changed it meanwhile. The next plan shows the difference.",
        id.human(),
        different.join(", ")
    );
    outcome.with(Diagnostic::warning("Azure shows something else than was sent", detail))
}

/// The plan with what only Azure knows.
fn completed(planned: &TaskModel, task: &Task) -> TaskModel {
    let fresh = planned.refreshed(task);
    let mut state = planned.clone();
    state.id = known_or(&planned.id, fresh.id);
    state.location = known_or(&planned.location, fresh.location);
    state.creation_date = known_or(&planned.creation_date, fresh.creation_date);
    state.base_image_dependencies = known_or(&planned.base_image_dependencies, fresh.base_image_dependencies);
    let found = blocks::one(&fresh.identity).cloned().unwrap_or_default();
    if let Field::Known(identities) = &mut state.identity {
        for identity in identities {
            identity.principal_id = known_or(&identity.principal_id, found.principal_id.clone());
            identity.tenant_id = known_or(&identity.tenant_id, found.tenant_id.clone());
        }
    }
    state
}

fn known_or<T: Clone>(planned: &Field<T>, found: Field<T>) -> Field<T> {
    match planned {
        Field::Unknown => found,
        planned => planned.clone(),
    }
}

/// The settings in which two states of a task differ.
fn differences(a: &TaskModel, b: &TaskModel) -> Vec<&'static str> {
    let (a, b) = (a.to_value(), b.to_value());
    let names = TaskModel::NAMES.iter().copied();
    names
        .filter(|name| !COMPUTED.contains(name) && a.member(name) != b.member(name))
        .collect()
}

/// One look at the task when its operation's own time may be over: short, and not ended by the interrupt that ended it.
async fn last_look(client: &Client, id: &TaskId) -> Result<Task, Error> {
    task::get(client, &Call::new(CancellationToken::new(), LAST_LOOK), id).await
}

/// Nobody answered the create clearly: the task is looked for. There was none a moment ago, so one that is now what was
/// asked for is ours.
async fn after_unclear_create(
    client: &Client,
    id: &TaskId,
    planned: TaskModel,
    doing: &str,
    error: &Error,
) -> Outcome<TaskModel> {
    match last_look(client, id).await {
        Ok(task) => {
            let state = completed(&planned, &task);
            // Settings that Azure shows otherwise are told below; what the task runs says whose it is.
            let different = differences(&state, &state.refreshed(&task));
            if different.iter().any(|name| WHOSE.contains(name)) {
                return Outcome::failed(None, exists_already(id));
            }
            if error.is_interruption() {
                let mut diagnostic = diagnose::azure(doing, error);
                diagnostic.detail.push_str("\n\nAzure has created the task all the same. It is kept in the state as tainted: the next apply replaces it.");
                return Outcome::failed(Some(state), diagnostic);
            }
            settled(id, &planned, &task, doing)
        }
        Err(look) if look.is_gone() => Outcome::failed(None, diagnose::azure(doing, error)),
        // State that turns out empty is refreshed away; an orphan is not.
        Err(_) => {
            let mut diagnostic = diagnose::azure(doing, error);
            diagnostic.detail.push_str("\n\nThe task may exist. It is kept in the state as tainted: the next plan looks, and replaces or forgets it.");
            Outcome::failed(Some(planned), diagnostic)
        }
    }
}

fn exists_already(id: &TaskId) -> Diagnostic {
    let human = id.human();
    Diagnostic::error(
        format!("{}{} exists already", human[..1].to_uppercase(), &human[1..]),
        format!(
            "Azure has a task of this name. It is not adopted, because Terraform might then delete what somebody else uses.\n\nIf this resource is being replaced with create_before_destroy, give the new task another name: two tasks cannot share one.\n\nOtherwise, to manage the existing task here, add this block with the address of your resource, and apply again:\n\n  import {{\n    to = acr_task.ADDRESS\n    id = \"{id}\"\n  }}"
        ),
    )
    .at_attribute("name")
}
