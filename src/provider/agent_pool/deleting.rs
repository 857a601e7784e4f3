//! Deleting, until nothing of the pool is left that could hold up whatever is destroyed next.

use std::time::Duration;

use crate::{
    acr::{
        agent_pool::{self, AgentPoolId},
        subnet,
    },
    azure::{Call, Client, SubnetId},
    framework::{Diagnostic, resource::Outcome},
    provider::diagnose,
};

use super::{
    AgentPoolModel,
    creating::capitalised,
    waiting::{Conflicts, Other, is_conflict, last_seen, log_progress, why},
};

/// How often a subnet is looked at while it still holds a deleted pool's network interfaces. Azure needs minutes.
const SUBNET_POLL: Duration = Duration::from_secs(5);

/// Deletes the pool and returns when it is gone and its subnet is free of it.
pub async fn delete(client: &Client, call: &Call, id: &AgentPoolId, prior: AgentPoolModel) -> Outcome<AgentPoolModel> {
    let doing = format!("deleting {}", id.human());
    let mut conflicts = Conflicts::default();
    let accepted = loop {
        let error = match agent_pool::delete(client, call, id).await {
            Ok(accepted) => break accepted,
            Err(error) => error,
        };
        if !is_conflict(&error) || conflicts.other_operation(client, call, id).await != Other::Ended {
            return Outcome::failed(Some(prior), diagnose::azure(&doing, &error));
        }
    };
    if let Some(accepted) = accepted
        && let Err(failure) = agent_pool::wait_deleted(client, call, &accepted, Some(&log_progress(id))).await
    {
        let mut diagnostic = diagnose::azure(&doing, &failure.error);
        if failure.error.is_interruption() {
            diagnostic.detail.push_str("\n\nAzure has accepted the deletion and goes on with it. The pool stays in the state; run destroy or apply again when it is gone.");
        }
        return Outcome::failed(Some(last_seen(&prior, &failure, accepted.pool())), diagnostic);
    }
    match prior
        .subnet_id
        .text()
        .and_then(|subnet| subnet.parse::<SubnetId>().ok())
    {
        Some(subnet) => await_subnet(client, call, id, &subnet).await,
        None => Outcome::gone(),
    }
}

/// Waits until the subnet no longer lists the pool's network interfaces, so that it can be destroyed next. The pool is
/// gone already: whatever happens here is a warning.
async fn await_subnet(client: &Client, call: &Call, pool: &AgentPoolId, id: &SubnetId) -> Outcome<AgentPoolModel> {
    let warn = |why: String| {
        let summary = format!("{} may still be in use", capitalised(&id.human()));
        let detail = format!(
            "The pool is deleted, but {why}. Destroying the subnet may fail for some minutes; apply again then."
        );
        Outcome::gone().with(Diagnostic::warning(summary, detail))
    };
    loop {
        match subnet::get(client, call, id).await {
            Ok(subnet) => {
                let left = subnet::pool_interfaces(&subnet, pool.registry().name(), pool.name()).len();
                if left == 0 {
                    return Outcome::gone();
                }
                tracing::info!(subnet = %id, left, "waiting for the subnet to be released");
            }
            Err(error) if error.is_gone() => return Outcome::gone(),
            Err(error) if error.is_forbidden() => {
                return warn("this principal may not read the subnet (it lacks Microsoft.Network/virtualNetworks/subnets/read), so that nobody waited for its network interfaces to be released".into());
            }
            Err(error) => return warn(format!("its subnet cannot be read: {error}")),
        }
        if let Err(interruption) = call.sleep(SUBNET_POLL).await {
            return warn(format!(
                "the subnet still lists network interfaces of it and {}",
                why(interruption)
            ));
        }
    }
}
