//! What a plan of a task can tell: computed values that are known already, and what would keep its runs from working.
//!
//! Terraform plans again before it applies, and a value once known must not change. So nothing here depends on a clock, and
//! only what is certain is made known.

use crate::{
    acr::{agent_pool::AgentPoolId, registry::RegistryId, schedule::Schedule, task, task_yaml},
    azure::{Call, Client},
    framework::{
        Diagnostic, Diagnostics, Field, Path,
        resource::{PlanRequest, RefinedPlan},
    },
    provider::{
        agent_pool::notes::Notes,
        blocks,
        preflight::{Preflight, runs::RunSubject},
        registry_credential::{BLOCK, SYSTEM},
    },
};

use super::model::{Identity, TaskModel};

/// How many findings about a task file one warning lists.
const FINDINGS_TOLD: usize = 5;

/// What planning has at hand. `azure` is missing while the provider cannot be configured; then less is told.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    /// Client and frame for reads.
    pub azure: Option<&'a (Client, Call)>,
    /// What this process remembers.
    pub notes: &'a Notes,
    /// The checks before a task is written.
    pub preflight: &'a Preflight,
}

impl Planner<'_> {
    /// Refines the framework's plan.
    pub async fn refine(self, request: PlanRequest<TaskModel>) -> RefinedPlan<TaskModel> {
        let mut plan = request.clone().unchanged();
        let prior = request.prior.as_ref();
        let is_new = prior.is_none() || !plan.requires_replace.is_empty();
        if is_new {
            forget(&mut plan.planned);
            match self.location(&plan.planned).await {
                Ok(location) => plan.planned.location = location,
                // One outage is told once.
                Err(error) => {
                    plan.diagnostics.push(error);
                    return plan;
                }
            }
        } else if let Some(prior) = prior.filter(|prior| **prior != plan.planned) {
            remember(prior, &mut plan.planned);
        }
        if let Some(id) = plan.planned.task_id() {
            let pool = plan.planned.agent_pool_name.clone();
            self.preflight.planned_tasks.will_run_on(&id, pool);
        }
        // Under another name the task is another one, and this one goes.
        if let Some(old) = prior.and_then(TaskModel::task_id)
            && plan.planned.task_id().is_some_and(|new| new != old)
        {
            self.preflight.planned_tasks.will_go(&old);
        }
        if prior.is_none() {
            plan.diagnostics.extend(self.exists(&plan.planned).await);
        }
        let before = prior.filter(|_| !is_new);
        plan.diagnostics.extend(remarks(before, &plan.planned));
        if let Some((client, call)) = self.azure {
            plan.diagnostics
                .extend(self.check(client, call, before, &plan.planned).await);
        }
        plan
    }

    /// A task that is planned to be created and exists: apply would be refused. A tainted one looks like a create, too.
    async fn exists(self, planned: &TaskModel) -> Diagnostics {
        let (Some((client, call)), Some(id)) = (self.azure, planned.task_id()) else {
            return Diagnostics::new();
        };
        if task::get(client, call, &id).await.is_err() {
            return match self.preflight.lacks_registry(client, call, id.registry()).await {
                true => no_registry(id.registry()).into(),
                false => Diagnostics::new(),
            };
        }
        let human = id.human();
        let detail = format!(
            "Azure has this task. If this plan replaces it, because it is tainted, Azure deletes it before it creates the new one. If it is not in this Terraform's state, apply will be refused: import it with the id\n\n  {id}"
        );
        let summary = format!("{}{} exists now", human[..1].to_uppercase(), &human[1..]);
        Diagnostic::warning(summary, detail).at_attribute("name").into()
    }

    async fn location(self, planned: &TaskModel) -> Result<Field<String>, Diagnostic> {
        match planned.registry() {
            Some(id) => self.notes.look_up(self.azure, self.preflight, &id).await,
            None => Ok(Field::Unknown),
        }
    }

    async fn check(self, client: &Client, call: &Call, before: Option<&TaskModel>, planned: &TaskModel) -> Diagnostics {
        let mut found = Diagnostics::new();
        if let Some(subject) = judged(before, planned) {
            found.extend(self.preflight.runs_at_plan(client, call, &subject).await);
        }
        if before.is_none_or(|before| before.registry_credential != planned.registry_credential)
            && let Some(registry) = planned.registry()
        {
            found.extend(source_identity(client, call, &registry, planned).await);
        }
        found
    }
}

/// What preflight has to judge before the task is written; `None` when nothing is written, or nothing is known. The pool may
/// have gone or failed since the last write, so that each write asks for it, unless the task is switched off.
pub fn judged(before: Option<&TaskModel>, planned: &TaskModel) -> Option<RunSubject> {
    let subject = subject(planned)?;
    if concerns_runs(before, planned) {
        return Some(subject);
    }
    let is_written = before.is_none_or(|before| !planned.is_sent_as(before));
    let is_enabled = planned.enabled != Field::Known(false);
    (is_written && is_enabled && subject.pool.is_some()).then_some(RunSubject {
        system_identity: false,
        user_identity: false,
        ..subject
    })
}

/// Whether something changes that decides where runs go and who they are.
fn concerns_runs(before: Option<&TaskModel>, planned: &TaskModel) -> bool {
    let concerns = |task: &TaskModel| {
        (
            task.agent_pool_name.clone(),
            task.registry_credential.clone(),
            blocks::one(&task.identity).map(|identity| identity.kind.clone()),
        )
    };
    before.is_none_or(|before| concerns(before) != concerns(planned))
}

/// What preflight has to know of the task; `None` while its registry is unknown.
fn subject(planned: &TaskModel) -> Option<RunSubject> {
    let registry = planned.registry()?;
    let pool = planned.agent_pool_name.text();
    let identity = blocks::one(&planned.registry_credential).and_then(|it| it.own_identity(registry.name()));
    Some(RunSubject {
        pool: pool.and_then(|pool| AgentPoolId::new(registry.clone(), pool).ok()),
        system_identity: identity == Some(SYSTEM),
        user_identity: identity.is_some_and(|identity| identity != SYSTEM),
        identity_attribute: BLOCK,
        registry,
    })
}

/// The registry may yet be created by the same plan, so that this is no error.
fn no_registry(registry: &RegistryId) -> Diagnostic {
    let detail = format!(
        "Azure has no {}. If the same configuration creates it, take registry_id from that resource rather than as text, so that Terraform knows the order; if not, apply will fail.",
        registry.human()
    );
    Diagnostic::warning("The registry does not exist", detail).at_attribute("registry_id")
}

/// Clouds that do not serve the newest API version would drop the identity without a word.
async fn source_identity(client: &Client, call: &Call, registry: &RegistryId, planned: &TaskModel) -> Diagnostics {
    let source = blocks::one(&planned.registry_credential).and_then(|it| blocks::one(&it.source));
    if source.is_none_or(|source| source.identity.known().is_none()) {
        return Diagnostics::new();
    }
    match task::knows_source_identity(client, call, registry).await {
        Ok(true) => Diagnostics::new(),
        Ok(false) => no_source_identity().into(),
        Err(error) => {
            tracing::debug!(%error, "whether this cloud knows the identity of a source registry is left to the write");
            Diagnostics::new()
        }
    }
}

/// See [`source_identity`].
pub fn no_source_identity() -> Diagnostic {
    let at = Path::attribute(BLOCK).index(0).then("source").index(0).then("identity");
    let detail = "This cloud does not serve API version 2025-03-01-preview of registries/tasks, and older ones drop the identity without a word. Remove identity, or use a registry in a cloud that serves it.";
    Diagnostic::error("Identity of the source registry is not supported here", detail).at(at)
}

/// The task is new: Azure says what it is. An id that is unknown makes data sources wait for the task.
fn forget(planned: &mut TaskModel) {
    planned.id = Field::Unknown;
    planned.location = Field::Unknown;
    planned.creation_date = Field::Unknown;
    planned.base_image_dependencies = Field::Unknown;
    if let Field::Known(identities) = &mut planned.identity {
        for identity in identities {
            predict_identity(None, identity);
        }
    }
}

/// The task is changed in place: what the change does not touch stays.
fn remember(prior: &TaskModel, planned: &mut TaskModel) {
    let (before, after) = (prior.steps_as_sent(), planned.steps_as_sent());
    let same_step = before.docker_step == after.docker_step
        && before.file_step == after.file_step
        && before.encoded_step == after.encoded_step;
    planned.base_image_dependencies = match same_step {
        true => prior.base_image_dependencies.clone(),
        false => Field::Unknown,
    };
    let before = blocks::one(&prior.identity);
    if let Field::Known(identities) = &mut planned.identity {
        for identity in identities {
            predict_identity(before, identity);
        }
    }
}

/// The system-assigned identity is kept as long as there is one.
fn predict_identity(before: Option<&Identity>, identity: &mut Identity) {
    let has_one = |identity: &Identity| identity.kind.map(|kind| kind.contains("SystemAssigned"));
    let (principal, tenant) = match (before, has_one(identity)) {
        (_, Field::Known(false)) => (Field::Null, Field::Null),
        (Some(before), Field::Known(true)) if has_one(before) == Field::Known(true) => {
            (before.principal_id.clone(), before.tenant_id.clone())
        }
        _ => (Field::Unknown, Field::Unknown),
    };
    identity.principal_id = principal;
    identity.tenant_id = tenant;
}

/// What is allowed and hardly meant, where it is new.
fn remarks(before: Option<&TaskModel>, planned: &TaskModel) -> Diagnostics {
    let mut found = Diagnostics::new();
    let content =
        |task: &TaskModel| blocks::one(&task.encoded_step).and_then(|step| step.task_content.known().cloned());
    if let Some(new) = content(planned).filter(|new| before.and_then(content).as_ref() != Some(new)) {
        found.extend(task_file(&new));
    }
    for (index, timer) in blocks::all(&planned.timer_trigger).iter().enumerate() {
        let known = before.is_some_and(|before| {
            blocks::all(&before.timer_trigger)
                .iter()
                .any(|it| it.schedule == timer.schedule)
        });
        let schedule = timer.schedule.text().filter(|_| !known);
        let Some(Ok(schedule)) = schedule.map(Schedule::parse) else {
            continue;
        };
        let at = Path::attribute("timer_trigger").index(index).then("schedule");
        for remark in schedule.remarks() {
            found.push(Diagnostic::warning("Is this schedule meant?", remark).at(at.clone()));
        }
    }
    found
}

/// Azure takes any task file and then fails every run.
fn task_file(content: &str) -> Diagnostics {
    let findings = task_yaml::check(content);
    let mut told: Vec<String> = findings.iter().take(FINDINGS_TOLD).map(ToString::to_string).collect();
    if findings.len() > FINDINGS_TOLD {
        told.push(format!("and {} more", findings.len() - FINDINGS_TOLD));
    }
    let at = Path::attribute("encoded_step").index(0).then("task_content");
    let detail = format!(
        "Azure accepts any content and then fails every run. In the task file:\n\n  {}",
        told.join("\n  ")
    );
    match told.is_empty() {
        true => Diagnostics::new(),
        false => Diagnostic::warning("The task file cannot run", detail).at(at).into(),
    }
}
