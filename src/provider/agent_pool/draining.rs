//! Draining: before a pool is destroyed, replaced or scaled in, the runs on it are let end. Writes nothing.
//!
//! Runs that can never start hold nobody up: those that are queued on a pool that has failed, has no machine, or cannot
//! reach what its machines need.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    acr::{
        agent_pool::AgentPoolId,
        condition::Condition,
        diagnosis::{ActiveRun, Cause, Diagnosis},
        run::{Run, wait::spoken},
    },
    azure::{Call, Client, Error, poll::poll_wait},
    framework::{Diagnostic, Field, duration},
    provider::{
        diagnose,
        preflight::Preflight,
        why_queued::{Observed, RUNS_ACTION},
    },
};

use super::AgentPoolModel;

/// How many runs a message names.
const NAMED_MAX: usize = 20;

/// What the pool is drained for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It is destroyed, or replaced.
    Delete,
    /// It loses machines.
    ScaleIn,
}

/// What one look at the pool's runs comes to.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Nothing will run there any more.
    Idle,
    /// Runs that run or wait.
    Busy(Load),
}

/// Runs on the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Load {
    /// Ids of the runs that have a machine.
    running: Vec<String>,
    /// Ids of the runs that wait for one.
    queued: Vec<String>,
    /// How many more wait, by the service's count, than it lists.
    unlisted: i64,
}

/// The time to wait for runs, if there is one.
pub fn timeout(model: &AgentPoolModel) -> Option<Duration> {
    match &model.drain_timeout {
        Field::Known(text) => duration::parse(text).ok(),
        Field::Null | Field::Unknown => None,
    }
}

/// Waits until no run that can still start is queued or running, at most for `timeout`.
///
/// # Errors
/// Runs that are still there in the end, an interrupt, and runs that cannot be seen. Nothing has been written then.
pub async fn drain(
    client: &Client,
    cancel: &CancellationToken,
    preflight: &Preflight,
    id: &AgentPoolId,
    timeout: Duration,
    before: Before,
) -> Result<(), Diagnostic> {
    let call = Call::new(cancel.clone(), timeout);
    let (mut looks, mut last) = (0, None);
    loop {
        let observed = Observed::look(client, &call, &call, id).await;
        match look(client, &call, preflight, id, observed).await {
            Ok(Seen::Idle) => return Ok(()),
            Ok(Seen::Busy(load)) => {
                let (name, waited) = (id.name(), spoken(call.elapsed()));
                tracing::info!("agent pool \"{name}\": draining, {}, {waited}", load.told());
                last = Some(Ok(load));
            }
            Err(error) if error.is_forbidden() => return Err(blind(id, &error, before)),
            // What was seen before says more than the end of the wait.
            Err(error) if error.is_interruption() && last.is_some() => {}
            Err(error) => {
                tracing::debug!(%error, pool = %id, "the runs on the pool cannot be seen");
                last = Some(Err(error));
            }
        }
        looks += 1;
        if call.sleep(poll_wait(looks, None, client.pace())).await.is_err() {
            let interrupted = cancel.is_cancelled();
            return Err(undrained(id, last.as_ref(), timeout, interrupted, before));
        }
    }
}

/// Judges one look. The network and the registry's quota are read only where runs wait and none runs.
async fn look(
    client: &Client,
    call: &Call,
    preflight: &Preflight,
    id: &AgentPoolId,
    observed: Observed,
) -> Result<Seen, Error> {
    if observed.pool.as_ref().is_err_and(Error::is_gone) {
        return Ok(Seen::Idle);
    }
    let load = match &observed.active {
        Ok(runs) => Load::of(runs, observed.queued.as_ref().ok().copied()),
        Err(error) => return Err(error.clone()),
    };
    if load.is_empty() {
        return Ok(Seen::Idle);
    }
    let (state, count) = match &observed.pool {
        Ok(pool) => (pool.properties.provisioning_state.clone(), pool.properties.count),
        // A pool that cannot be seen may do anything.
        Err(_) => return Ok(Seen::Busy(load)),
    };
    let explained = match load.running.is_empty() {
        true => Some(observed.explain(client, call, preflight, id, None).await.diagnosis),
        false => None,
    };
    let starts = can_start(state.as_deref(), count, explained.as_ref());
    if !starts && load.queued.len() + usize::try_from(load.unlisted).unwrap_or_default() > 0 {
        let why = explained
            .iter()
            .flat_map(|it| &it.reasons)
            .map(|it| it.explanation.as_str());
        let (name, why) = (id.name(), why.collect::<Vec<_>>().join(" "));
        tracing::info!("agent pool \"{name}\": queued runs can never start and are not waited for: {why}");
    }
    Ok(load.seen(starts))
}

/// Whether a run that is queued now may start without anybody doing something to the pool. In doubt it may.
fn can_start(state: Option<&str>, count: Option<i64>, diagnosis: Option<&Diagnosis>) -> bool {
    let lost = matches!(Condition::of(state), Condition::Failed | Condition::Deleting);
    let blocked = diagnosis.is_some_and(|it| it.reasons.iter().any(|reason| reason.cause == Cause::NetworkBlocked));
    !lost && !blocked && count != Some(0)
}

impl Load {
    fn of(runs: &[Run], counted: Option<i64>) -> Self {
        let (queued, running): (Vec<ActiveRun>, Vec<ActiveRun>) =
            runs.iter().map(ActiveRun::from).partition(|run| run.queued);
        let ids = |runs: Vec<ActiveRun>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
        let (queued, running) = (ids(queued), ids(running));
        let listed = i64::try_from(queued.len()).unwrap_or(i64::MAX);
        Self {
            unlisted: counted.map_or(0, |counted| counted.saturating_sub(listed).max(0)),
            running,
            queued,
        }
    }

    fn is_empty(&self) -> bool {
        self.running.is_empty() && self.queued.is_empty() && self.unlisted == 0
    }

    /// What is to be waited for.
    fn seen(mut self, queued_can_start: bool) -> Seen {
        if !queued_can_start {
            self.queued.clear();
            self.unlisted = 0;
        }
        match self.is_empty() {
            true => Seen::Idle,
            false => Seen::Busy(self),
        }
    }

    /// `1 running (cf1), 3 queued (cf2, cf3 and 1 more)`.
    fn told(&self) -> String {
        let part = |ids: &[String], more: i64, what: &str| {
            let hidden = i64::try_from(ids.len().saturating_sub(NAMED_MAX)).unwrap_or(i64::MAX);
            let (hidden, all) = (
                hidden.saturating_add(more),
                i64::try_from(ids.len()).unwrap_or(i64::MAX).saturating_add(more),
            );
            let mut names = ids[..ids.len().min(NAMED_MAX)].join(", ");
            match (names.is_empty(), hidden) {
                (_, 0) => {}
                (true, _) => names = "not listed by the service".into(),
                (false, hidden) => names.push_str(&format!(" and {hidden} more")),
            }
            (all > 0).then(|| format!("{all} {what} ({names})"))
        };
        let parts = [
            part(&self.running, 0, "running"),
            part(&self.queued, self.unlisted, "queued"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn summary(id: &AgentPoolId) -> String {
    format!("Draining {}", id.human())
}

/// Where the user changes the time: a destroy knows the state only.
fn advice(before: Before) -> &'static str {
    match before {
        Before::Delete => {
            "To wait longer, raise drain_timeout; to lose what is on the pool, remove it. A destroy or replacement uses the value in the state: apply the changed argument first, by itself."
        }
        Before::ScaleIn => "To wait longer, raise drain_timeout; to scale in whatever is on the pool, remove it.",
    }
}

fn undrained(
    id: &AgentPoolId,
    last: Option<&Result<Load, Error>>,
    timeout: Duration,
    interrupted: bool,
    before: Before,
) -> Diagnostic {
    let ended = if interrupted {
        "You interrupted the wait for the runs on the pool".to_owned()
    } else {
        format!(
            "The runs on the pool have not ended within {} (drain_timeout)",
            spoken(timeout)
        )
    };
    let seen = match last {
        Some(Ok(load)) => format!(": {}.", load.told()),
        Some(Err(error)) => format!(". They could not be seen in the end: {error}."),
        None => ".".to_owned(),
    };
    let command = format!("az acr task cancel-run --registry {} --run-id ID", id.registry().name());
    let advice = advice(before);
    Diagnostic::error(
        summary(id),
        format!(
            "{ended}{seen} Nothing was written, and the pool is as it was.\n\nApply again when they have ended, or cancel them with: {command}. {advice}"
        ),
    )
    .at_attribute("drain_timeout")
}

/// This principal may not see the runs that it is told to wait for.
fn blind(id: &AgentPoolId, error: &Error, before: Before) -> Diagnostic {
    let mut diagnostic = diagnose::azure("listing runs", error);
    diagnostic.summary = summary(id);
    diagnostic.detail.push_str(&format!(
        "\n\ndrain_timeout is set, so that runs on the pool are waited for, which needs the action {RUNS_ACTION}. Nothing was written. {}",
        advice(before)
    ));
    diagnostic.at_attribute("drain_timeout")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, status: &str) -> Run {
        Run {
            run_id: id.into(),
            status: status.into(),
            ..Run::default()
        }
    }

    #[test]
    fn what_is_waited_for() {
        let runs = [run("cf3", "Queued"), run("cf2", "Started"), run("cf1", "Running")];
        let load = Load::of(&runs, Some(2));
        assert_eq!(load.told(), "2 running (cf2, cf1), 2 queued (cf3 and 1 more)");
        let running_only = Load {
            queued: Vec::new(),
            unlisted: 0,
            ..load.clone()
        };
        assert_eq!(load.clone().seen(true), Seen::Busy(load.clone()));
        assert_eq!(
            load.seen(false),
            Seen::Busy(running_only),
            "what runs is waited for all the same"
        );

        let waiting = Load::of(&[run("cf3", "Queued")], None);
        assert_eq!(waiting.clone().seen(true), Seen::Busy(waiting.clone()));
        assert_eq!(waiting.seen(false), Seen::Idle);
        assert_eq!(Load::of(&[], Some(0)).seen(true), Seen::Idle);
        assert_eq!(Load::of(&[], Some(1)).told(), "1 queued (not listed by the service)");
    }

    #[test]
    fn many_runs_are_counted_and_not_all_named() {
        let runs: Vec<Run> = (1..=25).map(|number| run(&format!("cf{number}"), "Queued")).collect();
        let told = Load::of(&runs, Some(30)).told();
        assert!(told.starts_with("30 queued (cf1, cf2, "), "{told}");
        assert!(told.ends_with("cf20 and 10 more)"), "{told}");
    }

    #[test]
    fn queued_runs_that_can_never_start() {
        for (state, count, starts) in [
            (Some("Succeeded"), Some(1), true),
            (Some("Updating"), Some(1), true),
            (Some("Canceled"), Some(1), true),
            (None, None, true),
            (Some("Succeeded"), Some(0), false),
            (Some("Failed"), Some(1), false),
            (Some("Deleting"), Some(1), false),
        ] {
            assert_eq!(can_start(state, count, None), starts, "{state:?} {count:?}");
        }
    }

    #[test]
    fn only_a_certain_block_keeps_runs_from_starting() {
        use crate::acr::diagnosis::{Health, Reason};
        let because = |cause| Diagnosis {
            health: Health::Stalled,
            reasons: vec![Reason {
                cause,
                explanation: String::new(),
                remedy: String::new(),
            }],
            accepting_runs: false,
            oldest_queued: None,
        };
        for (cause, starts) in [
            (Cause::NetworkBlocked, false),
            (Cause::Unexplained, true),
            (Cause::AllBusy, true),
            (Cause::Quota, true),
        ] {
            let diagnosis = because(cause);
            assert_eq!(
                can_start(Some("Succeeded"), Some(1), Some(&diagnosis)),
                starts,
                "{cause:?}"
            );
        }
    }
}
