//! Machines for a run: a pool is given some before, and its former number back afterwards.
//!
//! It is put back only if that takes nothing from anybody: the number must still be ours, and no run may be queued or running
//! on the pool. Runs of one process that share a pool scale it once, and the last of them puts it back.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    acr::{
        agent_pool::{self, Accepted, AgentPool, AgentPoolId},
        condition::Condition,
        run::{self, RunId},
    },
    azure::{Call, Error},
    framework::{Diagnostic, Diagnostics},
    provider::{
        agent_pool::waiting::{Conflicts, Other, is_conflict, log_progress},
        diagnose,
        preflight::facts::{Change, Subject},
    },
};

use super::{
    Runner, Scale,
    desk::{Changed, Lease},
};

/// How long the looks that put a pool back may take, and again the write, when the run's own time is over or the user has
/// interrupted it.
const PUT_BACK: Duration = Duration::from_secs(30);

/// How many runs on the pool are looked at: one is enough to leave it alone.
const RUNS_LISTED_MAX: usize = 10;

impl Runner<'_> {
    /// Gives the pool as many machines as the run wants, and waits for them. Whatever comes of it, the lease is to be given
    /// to [`Runner::put_back`].
    ///
    /// # Errors
    /// What preflight or Azure refuses, and a wait that was ended.
    pub(super) async fn raise(&self, lease: &Lease, scale: Scale) -> Result<(), Diagnostics> {
        let id = &lease.pool;
        let failed = |error: &Error| {
            Diagnostics::from(diagnose::azure(&format!("scaling {}", id.human()), error).at_attribute("scale"))
        };
        let mut changed = match self.call.guard(lease.held.changed.lock()).await {
            Ok(changed) => changed,
            Err(by) => return Err(failed(&self.call.interrupted(by, None))),
        };
        let pool = self.settled(id).await.map_err(|error| failed(&error))?;
        let Some(count) = pool.properties.count else {
            return Err(number_unknown(id).into());
        };
        if count >= scale.instances {
            tracing::info!(
                "agent pool \"{}\" has {count} machines, which is enough for the run",
                id.name()
            );
            if let Some(changed) = changed.as_mut() {
                changed.restore &= scale.restore;
            }
            return Ok(());
        }
        Box::pin(self.check_room(id, &pool, scale.instances)).await?;
        tracing::info!(
            "scaling agent pool \"{}\" from {count} to {} machines for the run",
            id.name(),
            scale.instances
        );
        let ours = Changed {
            before: changed.map_or(count, |changed| changed.before),
            ours: scale.instances,
            restore: scale.restore && changed.is_none_or(|changed| changed.restore),
        };
        let accepted = match self.ask(self.call, id, scale.instances).await {
            Ok(accepted) => accepted,
            Err(error) => {
                if error.may_have_been_accepted() {
                    *changed = Some(ours);
                }
                return Err(failed(&error));
            }
        };
        *changed = Some(ours);
        self.preflight.forget();
        let progress = log_progress(id);
        let written = agent_pool::wait_written(self.client, self.call, &accepted, Some(&progress)).await;
        let pool = written.map_err(|failure| failed(&failure.error))?;
        if pool.has_failed() {
            let detail = "Azure reports the scaling as done and the pool as Failed, without a reason. Replace the pool: terraform apply -replace=ADDRESS.";
            return Err(Diagnostic::error(format!("Scaling {}", id.human()), detail)
                .at_attribute("scale")
                .into());
        }
        Ok(())
    }

    /// Gives the pool its former number of machines back, if it is this run's matter and takes nothing from anybody. `ending`
    /// is this run, if it has ended or is about to: it is no reason to leave the pool.
    pub(super) async fn put_back(&self, lease: Lease, ending: Option<&RunId>) -> Diagnostics {
        let id = lease.pool.clone();
        let theirs = || {
            tracing::info!("agent pool \"{}\" is put back by the last run that uses it", id.name());
            Diagnostics::new()
        };
        let Some(held) = lease.release() else {
            return theirs();
        };
        let mut changed = held.changed.lock().await;
        // Somebody may have come before the lock was had, and counts on the machines.
        if held.is_claimed() {
            return theirs();
        }
        let Some(changed) = changed.take() else {
            return Diagnostics::new();
        };
        if !changed.restore {
            tracing::info!("agent pool \"{}\" keeps its {} machines", id.name(), changed.ours);
            return Diagnostics::new();
        }
        match Box::pin(self.restore(&id, changed, ending)).await {
            Ok(()) => Diagnostics::new(),
            Err(why) => left(&id, changed, &why).into(),
        }
    }

    async fn restore(&self, id: &AgentPoolId, changed: Changed, ending: Option<&RunId>) -> Result<(), String> {
        let own = || Call {
            correlation_id: self.call.correlation_id.clone(),
            ..Call::new(CancellationToken::new(), PUT_BACK)
        };
        let call = own();
        let pool = agent_pool::get(self.client, &call, id).await;
        let pool = pool.map_err(|error| format!("it cannot be read: {error}"))?;
        if pool.properties.count == Some(changed.before) {
            // The scaling never reached Azure, or somebody has put the pool back already.
            return Ok(());
        }
        if pool.properties.count != Some(changed.ours) {
            let now = pool
                .properties
                .count
                .map_or_else(|| "unknown".to_owned(), |count| count.to_string());
            return Err(format!(
                "its number of machines is {now} now: somebody else has changed it"
            ));
        }
        let over = self.call.cancel.is_cancelled() || self.call.remaining().is_zero();
        if over && Condition::of(pool.properties.provisioning_state.as_deref()) == Condition::Busy {
            // It takes Azure minutes, and nobody waits any more.
            return Err("Azure is still scaling it, and changes nothing else of it meanwhile".into());
        }
        self.idle(&call, id, ending).await?;
        tracing::info!(
            "putting agent pool \"{}\" back to {} machines",
            id.name(),
            changed.before
        );
        let accepted = self
            .ask(&own(), id, changed.before)
            .await
            .map_err(|error| format!("Azure does not change it: {error}"))?;
        self.preflight.forget();
        // In the run's own time: Azure goes on without anybody waiting.
        let progress = log_progress(id);
        match agent_pool::wait_written(self.client, self.call, &accepted, Some(&progress)).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.error.is_interruption() => {
                tracing::info!("Azure goes on putting agent pool \"{}\" back", id.name());
                Ok(())
            }
            Err(failure) => Err(format!("putting it back failed: {}", failure.error)),
        }
    }

    /// Waits, within the time of `call`, for as long as nothing but the run that is ending is on the pool.
    async fn idle(&self, call: &Call, id: &AgentPoolId, ending: Option<&RunId>) -> Result<(), String> {
        let busy = run::Filter {
            agent_pool_name: Some(id.name()),
            statuses: &run::ACTIVE,
            ..run::Filter::default()
        };
        loop {
            let (runs, queued) = tokio::join!(
                run::list(self.client, call, id.registry(), &busy, RUNS_LISTED_MAX),
                agent_pool::queue_status(self.client, call, id),
            );
            let runs = runs.map_err(|error| format!("it cannot be told whether runs are on it: {error}"))?;
            let others = runs
                .iter()
                .any(|run| ending.is_none_or(|ending| !run.run_id.eq_ignore_ascii_case(ending.run_id())));
            let queued = queued.ok().filter(|queued| *queued > 0);
            if runs.is_empty() && queued.is_none() {
                return Ok(());
            }
            // A cancelled run is shown for a moment, and the queue may be counted with it.
            let may_pass = ending.is_some() && !others;
            if may_pass && call.sleep(self.client.pace().poll_min).await.is_ok() {
                continue;
            }
            if runs.is_empty() {
                return Err(format!("{} more runs are queued on it", queued.unwrap_or_default()));
            }
            let named: Vec<String> = runs
                .iter()
                .map(|run| format!("{} ({})", run.run_id, run.status))
                .collect();
            return Err(format!("these runs are on it: {}", named.join(", ")));
        }
    }

    /// The pool, once no other operation runs on it.
    async fn settled(&self, id: &AgentPoolId) -> Result<AgentPool, Error> {
        let pool = agent_pool::get(self.client, self.call, id).await?;
        match Condition::of(pool.properties.provisioning_state.as_deref()) {
            Condition::Busy => {
                let progress = log_progress(id);
                let settled = agent_pool::wait_settled(self.client, self.call, id, Some(&progress)).await;
                settled.map_err(|failure| failure.error)
            }
            _ => Ok(pool),
        }
    }

    /// Whether the registry has processors for that many machines.
    async fn check_room(&self, id: &AgentPoolId, pool: &AgentPool, count: i64) -> Result<(), Diagnostics> {
        let Some(tier) = pool.properties.tier.clone() else {
            return Ok(());
        };
        let subnet = pool.properties.virtual_network_subnet_resource_id.as_deref();
        let subject = Subject {
            pool: id.clone(),
            tier,
            count,
            subnet: subnet.and_then(|subnet| subnet.parse().ok()),
            change: Change::ScaleOut,
        };
        let checked = Box::pin(self.preflight.at_apply(self.client, self.call, &subject)).await;
        checked.map_err(|refusal| super::gate::pointing_at("scale", refusal))
    }

    /// Asks for another number of machines, after other operations on the pool have ended.
    async fn ask(&self, call: &Call, id: &AgentPoolId, count: i64) -> Result<Accepted, Error> {
        let mut conflicts = Conflicts::default();
        loop {
            match agent_pool::scale(self.client, call, id, count).await {
                Err(error) if is_conflict(&error) => {
                    if conflicts.other_operation(self.client, call, id).await != Other::Ended {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
        }
    }
}

/// A pool whose former number nobody knows could not be put back.
fn number_unknown(id: &AgentPoolId) -> Diagnostic {
    let detail = "Azure does not say how many machines it has, so that it could not be put back. Nothing was scheduled. Look at the pool, or remove the scale block.";
    Diagnostic::error(format!("Scaling {}", id.human()), detail).at_attribute("scale")
}

fn left(id: &AgentPoolId, changed: Changed, why: &str) -> Diagnostic {
    let machines = |count: i64| match count {
        1 => "1 machine".to_owned(),
        count => format!("{count} machines"),
    };
    Diagnostic::warning(
        format!("Agent pool \"{}\" is not put back", id.name()),
        format!(
            "The {} was scaled from {} to {} for the run and is left as it is, because {why}.\n\nIf an acr_agent_pool resource manages it, the next plan shows the difference. Otherwise, when it is idle: az acr agentpool update --registry {} --name {} --count {}",
            id.human(),
            machines(changed.before),
            machines(changed.ours),
            id.registry().name(),
            id.name(),
            changed.before,
        ),
    )
    .at_attribute("scale")
}
