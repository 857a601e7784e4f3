//! When nobody answered the request for a run: it may have begun, and which one it is cannot be known.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    acr::run::{self, Run, RunId, RunRequest, ScheduleError},
    azure::Call,
    framework::Diagnostic,
    provider::diagnose,
};

use super::{Order, Runner, cancel_command, earlier::listed};

/// How long the runs of that time are looked for: the operation's own time may be over, or its user may have interrupted it.
const LOOK: Duration = Duration::from_secs(10);

impl Runner<'_> {
    /// What to say: the cause, and what the run could be.
    pub(super) async fn lost(&self, order: &Order<'_>, request: &RunRequest, error: &ScheduleError) -> Diagnostic {
        let registry = &order.subject.registry;
        let call = Call::new(CancellationToken::new(), LOOK);
        let found = run::candidates(self.client, &call, registry, request, error).await;
        let mut diagnostic = diagnose::azure(&format!("running {}", order.what), &error.error);
        let said = match &found {
            Ok(runs) => {
                let runs: Vec<&Run> = runs
                    .iter()
                    .filter(|run| !self.desk.knows(&RunId::new(registry.clone(), &run.run_id)))
                    .collect();
                told(
                    &runs,
                    runs.first()
                        .map(|run| RunId::new(registry.clone(), &run.run_id))
                        .as_ref(),
                )
            }
            Err(unread) => format!(
                "Runs of that time cannot be listed ({unread}): look for them in the registry before you apply again."
            ),
        };
        diagnostic.detail = format!("{error}.\n\n{said}");
        diagnostic
    }
}

/// What the runs that were found mean.
fn told(runs: &[&Run], first: Option<&RunId>) -> String {
    let Some(first) = first else {
        return "No run of that time is to be found, so that probably none began. Apply again.".into();
    };
    format!(
        "These runs were created at that time; one of them may be it, or somebody else's:\n\n{}\n\nNone is recorded in the state, and the next apply schedules another. Cancel what should not go on, with: {}.",
        listed(runs),
        cancel_command(first)
    )
}
