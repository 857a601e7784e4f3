//! Waiting for what Azure does with a pool, and reading what it has come to.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    acr::agent_pool::{self, AgentPool, AgentPoolId},
    azure::{Call, Client, Error, call::Interruption, operation::OperationError},
    framework::{Diagnostic, Field, resource::Outcome},
};

use super::{AgentPoolModel, Condition};

/// How often a pool is looked at that somebody else is deleting. Azure needs minutes.
const GONE_POLL: Duration = Duration::from_secs(5);

/// How often a write is tried again that was refused although nothing runs on the pool any more.
const REFUSED_AT_REST_MAX: u32 = 3;

/// How long one last look may take after an operation has ended badly, when its own time may be over already.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// How an operation of somebody else's on the pool has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// It has ended, well or badly, or the pool is gone: another attempt will tell.
    Ended,
    /// None runs.
    None,
    /// The pool has failed or cannot be looked at: another attempt is pointless.
    Failed,
    /// It still ran when the time was over or the user interrupted.
    StillRuns,
}

/// Tells of each look at a running operation, in the log.
pub fn log_progress(id: &AgentPoolId) -> impl Fn(&str, Duration) + Send + Sync + use<> {
    let name = id.name().to_owned();
    move |status, elapsed| {
        let (minutes, seconds) = (elapsed.as_secs() / 60, elapsed.as_secs() % 60);
        tracing::info!("agent pool \"{name}\": {status}, {minutes}m{seconds:02}s");
    }
}

/// Azure refuses a write while another operation runs on the pool, and for ever once the pool has failed.
pub fn is_conflict(error: &Error) -> bool {
    error.code() == Some("RegistryStatusConflict")
}

/// Waits for other operations on the pool, be they somebody else's or an attempt of ours whose answer was lost.
#[derive(Debug, Default)]
pub struct Conflicts {
    refused_at_rest: u32,
}

impl Conflicts {
    /// Waits until no other operation runs on the pool. One that had ended between the refusal and this look counts as
    /// ended, so many times.
    pub async fn other_operation(&mut self, client: &Client, call: &Call, id: &AgentPoolId) -> Other {
        let other = other_operation(client, call, id).await;
        if other == Other::None && self.refused_at_rest < REFUSED_AT_REST_MAX {
            self.refused_at_rest += 1;
            if call.sleep(client.pace().poll_min).await.is_ok() {
                return Other::Ended;
            }
        }
        other
    }
}

async fn other_operation(client: &Client, call: &Call, id: &AgentPoolId) -> Other {
    let state = match agent_pool::get(client, call, id).await {
        Ok(pool) => pool.properties.provisioning_state,
        Err(error) if error.is_gone() => return Other::Ended,
        Err(_) => return Other::Failed,
    };
    match Condition::of(state.as_deref()) {
        Condition::Failed => Other::Failed,
        Condition::Settled | Condition::Canceled => Other::None,
        Condition::Deleting => match await_gone(client, call, id).await {
            Ok(()) => Other::Ended,
            Err(_) => Other::StillRuns,
        },
        Condition::Busy => {
            tracing::info!(pool = %id, "waiting for another operation on the pool to end");
            match agent_pool::wait_settled(client, call, id, Some(&log_progress(id))).await {
                Ok(_) => Other::Ended,
                Err(failure) if failure.error.is_interruption() => Other::StillRuns,
                // Its failure, or the pool's disappearance, is an end as well; what it means is for the next attempt to say.
                Err(_) => Other::Ended,
            }
        }
    }
}

/// Waits until a pool that is being deleted is gone.
///
/// # Errors
/// Why it was not seen to go.
pub async fn await_gone(client: &Client, call: &Call, id: &AgentPoolId) -> Result<(), String> {
    loop {
        match agent_pool::get(client, call, id).await {
            Err(error) if error.is_gone() => return Ok(()),
            Ok(_) => tracing::info!(pool = %id, "waiting for the pool to be gone"),
            Err(error) => return Err(error.to_string()),
        }
        call.sleep(GONE_POLL)
            .await
            .map_err(|interruption| why(interruption).to_owned())?;
    }
}

/// An interruption in words.
pub fn why(interruption: Interruption) -> &'static str {
    match interruption {
        Interruption::Cancelled => "you interrupted the wait",
        Interruption::Deadline => "the time to wait is over",
    }
}

/// One look at the pool when its operation's own time may be over: short, and not ended by the interrupt that ended it.
pub async fn last_look(client: &Client, id: &AgentPoolId) -> Result<AgentPool, Error> {
    agent_pool::get(client, &Call::new(CancellationToken::new(), LAST_LOOK), id).await
}

/// What is known of the pool when an accepted write did not end well.
pub fn last_seen(planned: &AgentPoolModel, failure: &OperationError, accepted: Option<AgentPool>) -> AgentPoolModel {
    match failure.resource.as_ref().and_then(agent_pool::read).or(accepted) {
        Some(pool) => planned.refreshed(&pool),
        None => AgentPoolModel {
            provisioning_state: Field::Null,
            ..planned.clone()
        },
    }
}

/// The state after an operation that Azure reports as done. Terraform wants what was planned; what differs is an error
/// with the truth in the state.
pub fn settled(id: &AgentPoolId, planned: &AgentPoolModel, pool: &AgentPool, doing: &str) -> Outcome<AgentPoolModel> {
    let fresh = planned.refreshed(pool);
    let unexpected = |fresh: AgentPoolModel, detail: String| {
        let summary = format!("Unexpected result of {doing} {}", id.human());
        Outcome::failed(Some(fresh), Diagnostic::error(summary, detail))
    };
    if fresh.instance_count != planned.instance_count
        || fresh.tier != planned.tier
        || fresh.subnet_id != planned.subnet_id
    {
        let machines = fresh.instance_count.known();
        let detail = format!(
            "Azure reports the operation as done, but the pool is not what was asked for: {} of tier {}. Somebody else may have changed it meanwhile. The state has what Azure reports; plan again.",
            machines.map_or_else(
                || "an unknown number of machines".into(),
                |count| format!("{count} machines")
            ),
            fresh.tier.text().unwrap_or("unknown"),
        );
        return unexpected(fresh, detail);
    }
    if pool.has_failed() {
        return unexpected(
            fresh,
            "Azure reports the operation as done and the pool as Failed, without a reason.".into(),
        );
    }
    // Somebody may have begun another operation already; what was planned has been reached, and a refresh shows the rest.
    Outcome::of(AgentPoolModel {
        provisioning_state: planned.provisioning_state.clone(),
        ..fresh
    })
}
