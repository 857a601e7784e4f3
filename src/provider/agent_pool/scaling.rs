//! Scaling: the only change that Azure makes to a pool in place.

use crate::{
    acr::agent_pool::{self, AgentPoolId},
    azure::{Call, Client, Error},
    framework::{
        Diagnostic,
        resource::{Outcome, Update},
    },
    provider::diagnose,
};

use super::{
    AgentPoolModel, Condition,
    waiting::{Conflicts, Other, is_conflict, last_look, last_seen, log_progress, settled},
};

/// Changes the number of machines, after whatever else runs on the pool has ended.
pub async fn scale(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    count: i64,
    change: Update<AgentPoolModel>,
) -> Outcome<AgentPoolModel> {
    let mut conflicts = Conflicts::default();
    let accepted = loop {
        let error = match agent_pool::scale(client, call, id, count).await {
            Ok(accepted) => break accepted,
            Err(error) => error,
        };
        let other = if is_conflict(&error) {
            conflicts.other_operation(client, call, id).await
        } else {
            Other::None
        };
        if other != Other::Ended {
            return refused(client, id, &error, other, change.prior).await;
        }
    };
    match agent_pool::wait_written(client, call, &accepted, Some(&log_progress(id))).await {
        Ok(pool) => settled(id, &change.planned, &pool, "scaling"),
        Err(failure) => {
            let mut diagnostic = diagnose::azure(&doing(id), &failure.error);
            diagnostic.detail.push_str("\n\nAzure has accepted the new instance_count. The state has what Azure last reported; the next plan shows what is left to do.");
            Outcome::failed(Some(last_seen(&change.planned, &failure, accepted.pool())), diagnostic)
        }
    }
}

fn doing(id: &AgentPoolId) -> String {
    format!("scaling {}", id.human())
}

/// A scaling that was refused, or that nobody knows the fate of: the pool is looked at once more, so that the state has
/// the truth and the message the cause.
async fn refused(
    client: &Client,
    id: &AgentPoolId,
    error: &Error,
    other: Other,
    prior: AgentPoolModel,
) -> Outcome<AgentPoolModel> {
    let mut diagnostic = diagnose::azure(&doing(id), error);
    if error.is_gone() {
        diagnostic.detail.push_str("\n\nThe pool has been deleted since the plan was made, not by this Terraform. Plan again to create it anew.");
        return Outcome::failed(Some(prior), diagnostic);
    }
    if !is_conflict(error) && !error.may_have_been_accepted() {
        return Outcome::failed(Some(prior), diagnostic);
    }
    let state = match last_look(client, id).await {
        Ok(pool) => prior.refreshed(&pool),
        Err(unread) => {
            tracing::debug!(error = %unread, "the pool cannot be read after a refused scaling; the state is left as it was");
            prior
        }
    };
    if is_conflict(error) {
        explain_conflict(&mut diagnostic, &state, other);
    }
    Outcome::failed(Some(state), diagnostic)
}

fn explain_conflict(diagnostic: &mut Diagnostic, state: &AgentPoolModel, other: Other) {
    diagnostic.detail.push_str(match (state.condition(), other) {
        (Condition::Failed, _) => "\n\nThe pool has failed and cannot be changed any more. Replace it with: terraform apply -replace=ADDRESS, or set replace_when_failed = true.",
        (Condition::Deleting, _) => "\n\nAzure is deleting the pool. Plan again when it is gone to create it anew.",
        (_, Other::StillRuns) => "\n\nAnother operation runs on the pool and did not end in the time that this one had. Apply again when it has ended.",
        _ => "\n\nAzure does not change the pool in its present state. Plan again.",
    });
}
