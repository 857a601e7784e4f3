//! Running something and seeing it through: what `acr_task_run` and `acr_image_build` have in common.
//!
//! A resource adds the fragments of [`schema`] to its own schema, the fields that [`crate::run_model!`] names to its model,
//! and hands an [`Order`] to [`Runner::perform`], which does everything from the checks before the first write to putting a
//! pool back:
//!
//! 1. [`mod@gate`]: preflight, and whether the pool has a machine at all. Nothing is written before.
//! 2. The request is made; for a local context that uploads it.
//! 3. [`earlier`]: which runs may be left over from an apply that did not come to its end.
//! 4. [`scale`]: machines for the run, where they are asked for.
//! 5. The run is asked for, once. If the answer is lost no run is taken for ours ([`lost`]).
//! 6. [`waiting`]: the log is followed, a run that stays queued is explained within seconds, an interrupt cancels it.
//! 7. [`ended`]: what is to be said of how it ended.
//! 8. [`scale`]: the pool is put back, whatever happened.

pub mod desk;
pub mod earlier;
pub mod ended;
pub mod gate;
pub mod lost;
pub mod model;
pub mod scale;
pub mod schema;
pub mod stored;
pub mod waiting;

#[cfg(test)]
mod tests;

use std::{fmt, future::Future};

use crate::{
    acr::{
        agent_pool::AgentPoolId,
        log::{self, Log},
        run::{self, Observer, Run, RunId, RunRequest, Secret},
    },
    azure::{Call, Client},
    framework::{Diagnostic, Diagnostics},
    provider::{
        diagnose,
        preflight::{Preflight, runs::RunSubject},
    },
};

pub use desk::Desk;
pub use model::{ImageModel, Options, RunModel, Scale, ScaleModel};

/// What a run is carried out with.
#[derive(Clone, Copy)]
pub struct Runner<'a> {
    /// The client.
    pub client: &'a Client,
    /// The operation's frame: its deadline is the run's, scaling included.
    pub call: &'a Call,
    /// The checks.
    pub preflight: &'a Preflight,
    /// What this process knows of its own runs and of the pools that it has scaled.
    pub desk: &'a Desk,
    /// Who is told of progress besides the log.
    pub observer: &'a dyn Observer,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// For messages, such as `task "nightly" (registry "r", resource group "g")`.
    pub what: &'a str,
    /// What preflight has to know; its pool, if any, is the one that the run goes to.
    pub subject: &'a RunSubject,
    /// What the user wants of the run.
    pub options: &'a Options,
    /// The argument that findings of preflight point at, for a resource without `agent_pool_name` and `registry_id`.
    pub attribute: Option<&'static str>,
}

/// A run that has begun, as far as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: RunId,
    /// The run as it was last seen.
    pub run: Run,
    /// What was read of its log; empty when nobody waited.
    pub log: Log,
}

/// What became of an order.
#[derive(Clone, Debug)]
pub struct Performed {
    /// The run; `None` when none is known to be ours. With errors beside it a resource hands over its state all the same, so
    /// that Terraform keeps the run as tainted.
    pub record: Option<Record>,
    /// What there is to say.
    pub diagnostics: Diagnostics,
    /// Whether the run has ended or is about to: the service may go on showing it for a moment.
    is_ending: bool,
}

impl Performed {
    /// Nothing has begun.
    fn refused(why: impl Into<Diagnostics>) -> Self {
        Self {
            record: None,
            diagnostics: why.into(),
            is_ending: false,
        }
    }
}

impl Runner<'_> {
    /// Runs what is ordered. `request` is awaited after the checks have passed and before anything is scheduled or scaled:
    /// an upload belongs into it. The steps are boxed: together they are more than the stack of a thread may hold.
    pub async fn perform(
        self,
        order: &Order<'_>,
        request: impl Future<Output = Result<RunRequest, Diagnostics>> + Send,
    ) -> Performed {
        if let Err(refusal) = Box::pin(self.gate(order)).await {
            return Performed::refused(refusal);
        }
        let request = match request.await {
            Ok(request) => request,
            Err(why) => return Performed::refused(why),
        };
        let mut told = Box::pin(self.earlier(order, &request)).await;
        let mut performed = match (&order.options.scale, &order.subject.pool) {
            (Some(scale), Some(pool)) => Box::pin(self.scaled(order, &request, *scale, pool)).await,
            _ => Box::pin(self.schedule_and_wait(order, &request)).await,
        };
        told.extend(performed.diagnostics);
        performed.diagnostics = told;
        performed
    }

    /// Runs between a scaling and its end.
    async fn scaled(&self, order: &Order<'_>, request: &RunRequest, scale: Scale, pool: &AgentPoolId) -> Performed {
        let lease = self.desk.hold(pool);
        let mut performed = match Box::pin(self.raise(&lease, scale)).await {
            Ok(()) => Box::pin(self.schedule_and_wait(order, request)).await,
            Err(why) => Performed::refused(why),
        };
        let ending = performed.record.as_ref().filter(|_| performed.is_ending);
        let ending = ending.map(|record| record.id.clone());
        performed
            .diagnostics
            .extend(Box::pin(self.put_back(lease, ending.as_ref())).await);
        performed
    }

    async fn schedule_and_wait(&self, order: &Order<'_>, request: &RunRequest) -> Performed {
        let registry = &order.subject.registry;
        let scheduled = match run::schedule(self.client, self.call, registry, request).await {
            Ok(run) => run,
            Err(error) if error.may_have_started() => {
                return Performed::refused(Box::pin(self.lost(order, request, &error)).await);
            }
            Err(refused) => {
                return Performed::refused(diagnose::azure(&format!("running {}", order.what), &refused.error));
            }
        };
        let id = RunId::new(registry.clone(), &scheduled.run_id);
        self.desk.is_known(&id);
        tracing::info!("run \"{}\" of {} is scheduled", id.run_id(), order.what);
        if !order.options.wait {
            // The answer has no times yet. Without a look the next refresh brings them.
            let seen = run::get(self.client, self.call, &id).await;
            return Performed {
                record: Some(Record {
                    id,
                    run: masked(seen.unwrap_or(scheduled), &request.secrets()),
                    log: Log::default(),
                }),
                diagnostics: Diagnostics::new(),
                is_ending: false,
            };
        }
        Box::pin(self.see_through(order, id, scheduled, &request.secrets())).await
    }
}

impl fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("call", self.call)
            .finish_non_exhaustive()
    }
}

/// The run without what its request keeps secret: the service may repeat it in the reason.
fn masked(run: Run, secrets: &[Secret]) -> Run {
    Run {
        run_error_message: run.run_error_message.map(|text| log::mask(&text, secrets)),
        ..run
    }
}

/// `run "cf1"`, and where: for messages.
fn human(id: &RunId) -> String {
    let registry = id.registry();
    let (name, group) = (registry.name(), registry.resource_group());
    format!(
        "run \"{}\" (registry \"{name}\", resource group \"{group}\")",
        id.run_id()
    )
}

/// The command that cancels a run, for people.
fn cancel_command(id: &RunId) -> String {
    let (registry, run) = (id.registry().name(), id.run_id());
    format!("az acr task cancel-run --registry {registry} --run-id {run}")
}

/// The command that shows a run's log, for people.
fn log_command(id: &RunId) -> String {
    let (registry, run) = (id.registry().name(), id.run_id());
    format!("az acr task logs --registry {registry} --run-id {run}")
}

/// An error about running something.
fn failed(what: &str, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error(format!("Running {what}"), detail)
}
