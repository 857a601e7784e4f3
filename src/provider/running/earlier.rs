//! Which runs may be left over from an apply that did not come to its end.
//!
//! A provider that is killed leaves no state, so that the next apply runs again. A run has no mark of who started it: those
//! that could be ours are named, and none is taken for ours.

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

/// How far back ended runs are of interest: somebody who finds an apply killed applies again soon.
pub const RECENT: Duration = Duration::from_secs(60 * 60);

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
        let suspects = suspects(&runs, request, now, knows);
        match suspects.first() {
            Some(first) => warning(order, &suspects, &RunId::new(registry.clone(), &first.run_id)).into(),
            None => Diagnostics::new(),
        }
    }
}

/// Of runs, newest first, those that may be left over. What has ended before one that is known to be ours began was told of
/// by the apply that began that one.
#[must_use]
pub fn suspects<'a>(
    runs: &'a [Run],
    request: &RunRequest,
    now: OffsetDateTime,
    knows: impl Fn(&Run) -> bool,
) -> Vec<&'a Run> {
    let (mut found, mut told) = (Vec::new(), false);
    for run in runs.iter().filter(|run| may_be_ours(run, request, now)) {
        if knows(run) {
            told = true;
        } else if !(told && run.has_ended()) {
            found.push(run);
        }
    }
    found
}

/// Whether an apply like this one may have started the run: nothing else is recorded to have, and it goes on or has ended not
/// long ago. An ended build must have pushed one of the images that are asked for.
#[must_use]
pub fn may_be_ours(run: &Run, request: &RunRequest, now: OffsetDateTime) -> bool {
    let triggered = run.timer_trigger.is_some() || run.source_trigger.is_some() || run.image_update_trigger.is_some();
    let same_kind = match request.task_name() {
        Some(task) => run.task.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(task)),
        None => run.task.is_none(),
    };
    if triggered || !same_kind {
        return false;
    }
    if !run.has_ended() {
        return true;
    }
    let created = run.create_time.as_deref().and_then(instant);
    let recent = created.is_some_and(|created| created >= now - RECENT);
    recent && pushed_the_same(run, request)
}

fn pushed_the_same(run: &Run, request: &RunRequest) -> bool {
    let Work::DockerBuild(build) = &request.work else {
        return true;
    };
    let pushed = run.output_images.iter().flatten().filter_map(|image| {
        let (repository, tag) = (image.repository.as_deref()?, image.tag.as_deref().unwrap_or("latest"));
        Some(format!("{repository}:{tag}"))
    });
    let pushed: Vec<String> = pushed.collect();
    let wanted = |name: &String| {
        let untagged = !name.rsplit('/').next().unwrap_or_default().contains(':');
        let name = if untagged {
            format!("{name}:latest")
        } else {
            name.clone()
        };
        pushed
            .iter()
            .any(|pushed| name == *pushed || name.ends_with(&format!("/{pushed}")))
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

fn warning(order: &Order<'_>, suspects: &[&Run], first: &RunId) -> Diagnostic {
    let active = suspects.iter().any(|run| !run.has_ended());
    let advice = if active {
        format!(" Cancel what should not go on, with: {}.", cancel_command(first))
    } else {
        String::new()
    };
    let scaled = match order.options.scale {
        Some(_) => " What was broken off has not put its agent pool back either: look at its number of machines.",
        None => "",
    };
    Diagnostic::warning(
        format!("There are earlier runs of {}", order.what),
        format!(
            "This apply schedules another run. These go on or were queued within the last hour, and nothing tells whether an apply that was broken off started them, or somebody else:\n\n{}\n\nNone of them is recorded as this resource's.{advice}{scaled}",
            listed(suspects)
        ),
    )
}
