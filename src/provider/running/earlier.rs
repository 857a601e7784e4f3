//! Which runs may be left over from an apply that did not come to its end.
//!
//! A provider that is killed leaves no state, so that the next apply runs again. A run has no mark of who started it: those
//! that could be ours are named, and none is taken for ours.
//!
//! What goes on is always named. What has ended is named for a while, and only if this apply does not replace a recorded run
//! of the same: whoever has a recorded run has not lost the one after it. The process that applies sees the recorded runs of
//! those objects only that it changes: a former run that is removed after its successor, or one of another resource of the same
//! task, cannot be told apart from a lost one.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    acr::{
        diagnosis::instant,
        run::{self, Run, RunId, RunRequest, Work},
    },
    framework::{Diagnostic, Diagnostics},
};

use super::{Order, Runner, cancel_command};

/// For how long after its end a run is of interest: somebody who finds an apply broken off applies again soon.
pub const RECENT: Duration = Duration::from_secs(15 * 60);

/// How long the answer to a request of this process may take to come.
const SETTLE: Duration = Duration::from_secs(1);

/// How many recent runs are looked through.
const LISTED_MAX: usize = 50;

/// How many are named; there may be more.
const NAMED_MAX: usize = 10;

impl Runner<'_> {
    /// A warning that names earlier runs of the same kind, if there are any. Not being able to look is no hindrance.
    pub(super) async fn earlier(&self, order: &Order<'_>, request: &RunRequest) -> Diagnostics {
        let registry = &order.subject.registry;
        let filter = run::Filter {
            agent_pool_name: request.agent_pool_name.as_deref(),
            task_name: request.task_name(),
            ..run::Filter::default()
        };
        let runs = match run::list(self.client, self.call, registry, &filter, LISTED_MAX).await {
            Ok(runs) => runs,
            Err(error) => {
                tracing::debug!(%error, "earlier runs cannot be listed");
                return Diagnostics::new();
            }
        };
        let now = OffsetDateTime::now_utc();
        let knows = |run: &Run| self.desk.knows(&RunId::new(registry.clone(), &run.run_id));
        let replaces = self.desk.replaces(registry, order.what);
        let mut left = suspects(&runs, request, now, knows, replaces);
        // One that goes on may have been asked for by this process right now, and its answer be on its way.
        if left.iter().any(|run| !run.has_ended()) && self.call.sleep(SETTLE).await.is_ok() {
            left = suspects(&runs, request, now, knows, replaces);
        }
        if left.is_empty() {
            return Diagnostics::new();
        }
        let active = left.iter().find(|run| !run.has_ended());
        let active = active.map(|run| RunId::new(registry.clone(), &run.run_id));
        warning(order, &left, active.as_ref()).into()
    }
}

/// Of runs, newest first, those that may be left over. What has ended before one that is known to be ours began was told of
/// by the apply that began that one. `replaces` says that this apply replaces a recorded run of the same.
#[must_use]
pub fn suspects<'a>(
    runs: &'a [Run],
    request: &RunRequest,
    now: OffsetDateTime,
    knows: impl Fn(&Run) -> bool,
    replaces: bool,
) -> Vec<&'a Run> {
    let (mut found, mut told) = (Vec::new(), replaces);
    for run in runs {
        if knows(run) {
            told |= is_like(run, request);
        } else if may_be_ours(run, request, now) && !(told && run.has_ended()) {
            found.push(run);
        }
    }
    found
}

/// Whether an apply like this one may have started the run: nothing else is recorded to have, and it goes on or has ended not
/// long ago. An ended build must have pushed one of the images that are asked for.
#[must_use]
pub fn may_be_ours(run: &Run, request: &RunRequest, now: OffsetDateTime) -> bool {
    if !is_like(run, request) {
        return false;
    }
    if !run.has_ended() {
        return true;
    }
    let ended = run.finish_time.as_deref().and_then(instant);
    let recent = ended.is_some_and(|ended| ended >= now - RECENT);
    recent && pushed_the_same(run, request)
}

/// Whether a run of the same task, or a build, that somebody asked for.
fn is_like(run: &Run, request: &RunRequest) -> bool {
    let triggered = run.timer_trigger.is_some() || run.source_trigger.is_some() || run.image_update_trigger.is_some();
    let same_kind = match request.task_name() {
        Some(task) => run.task.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(task)),
        None => run.task.is_none(),
    };
    !triggered && same_kind
}

fn pushed_the_same(run: &Run, request: &RunRequest) -> bool {
    let Work::DockerBuild(build) = &request.work else {
        return true;
    };
    let pushed = |wanted: &str| {
        run.output_images.iter().flatten().any(|image| {
            let (repository, tag) = (
                image.repository.as_deref().unwrap_or_default(),
                image.tag.as_deref().unwrap_or("latest"),
            );
            let name = format!("{repository}:{tag}");
            let full = image.registry.as_deref().map(|registry| format!("{registry}/{name}"));
            wanted.eq_ignore_ascii_case(&name) || full.is_some_and(|full| wanted.eq_ignore_ascii_case(&full))
        })
    };
    let wanted = |name: &String| {
        let untagged = !name.rsplit('/').next().unwrap_or_default().contains(':');
        if untagged {
            pushed(&format!("{name}:latest"))
        } else {
            pushed(name)
        }
    };
    build.image_names.iter().any(wanted)
}

/// Runs in a list: `  cf1: Running, created 2026-11-24T10:00:00Z`.
#[must_use]
pub fn listed(runs: &[&Run]) -> String {
    let line = |run: &&Run| match &run.create_time {
        Some(created) => format!("  {}: {}, created {created}", run.run_id, run.status),
        None => format!("  {}: {}", run.run_id, run.status),
    };
    let mut lines: Vec<String> = runs.iter().take(NAMED_MAX).map(line).collect();
    if runs.len() > NAMED_MAX {
        lines.push(format!("  and {} more", runs.len() - NAMED_MAX));
    }
    lines.join("\n")
}

/// `active` is one that goes on.
fn warning(order: &Order<'_>, suspects: &[&Run], active: Option<&RunId>) -> Diagnostic {
    let advice = match active {
        Some(run) => format!(" Cancel what should not go on, such as with: {}.", cancel_command(run)),
        None => String::new(),
    };
    let scaled = match order.options.scale {
        Some(_) => " What was broken off has not put its agent pool back either: look at its number of machines.",
        None => "",
    };
    Diagnostic::warning(
        format!("There are earlier runs of {}", order.what),
        format!(
            "This apply schedules another run. These go on or have ended within the last quarter of an hour, and nothing tells who started them: an apply that was broken off, somebody else, another resource of this configuration, or this resource itself before (create_before_destroy):\n\n{}\n\nNone of them is taken for this resource's.{advice}{scaled}",
            listed(suspects)
        ),
    )
}
