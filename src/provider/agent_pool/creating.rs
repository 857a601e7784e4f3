//! Creating. Every way out of a create that Azure may have accepted returns state: an orphan is worse than a tainted pool.

use crate::{
    acr::{
        agent_pool::{self, AgentPool, AgentPoolId, NewAgentPool},
        registry,
    },
    azure::{Call, Client, Error, SubnetId, operation::OperationError},
    framework::{Diagnostic, Field, resource::Outcome},
    provider::diagnose,
};

use super::{
    AgentPoolModel, Condition,
    waiting::{await_gone, last_look, last_seen, log_progress, settled},
};

/// Creates the pool; one of that name is never adopted.
pub async fn create(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    planned: AgentPoolModel,
) -> Outcome<AgentPoolModel> {
    let new = match prepare(client, call, id, &planned).await {
        Ok(new) => new,
        Err(error) => return Outcome::failed(None, error),
    };
    let planned = AgentPoolModel {
        id: Field::Known(id.to_string()),
        ..planned
    };
    match agent_pool::create(client, call, id, &new).await {
        Ok(accepted) => match agent_pool::wait_written(client, call, &accepted, Some(&log_progress(id))).await {
            Ok(pool) => settled(id, &planned, &pool, "creating"),
            Err(failure) => ended_badly(id, &planned, &failure, accepted.pool()),
        },
        Err(error) if error.may_have_been_accepted() => after_unclear_create(client, call, id, &planned, &error).await,
        Err(error) => Outcome::failed(None, diagnose::azure(&doing(id), &error)),
    }
}

fn doing(id: &AgentPoolId) -> String {
    format!("creating {}", id.human())
}

/// Makes sure that there is no such pool, and what to ask for. Writes nothing.
async fn prepare(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    planned: &AgentPoolModel,
) -> Result<NewAgentPool, Diagnostic> {
    match agent_pool::get(client, call, id).await {
        Err(error) if error.is_gone() => {}
        Err(error) => return Err(diagnose::azure(&doing(id), &error)),
        Ok(pool) => match Condition::of(pool.properties.provisioning_state.as_deref()) {
            Condition::Deleting => await_gone(client, call, id)
                .await
                .map_err(|why| still_there(id, &why))?,
            _ => return Err(exists_already(id, &pool)),
        },
    }
    let location = match &planned.location {
        Field::Known(location) => location.clone(),
        Field::Null | Field::Unknown => registry_location(client, call, id).await?,
    };
    let subnet_id = planned.subnet_id.text().map(str::parse::<SubnetId>).transpose();
    let subnet_id = subnet_id
        .map_err(|error| Diagnostic::error("Invalid subnet id", error.to_string()).at_attribute("subnet_id"))?;
    match (&planned.tier, &planned.instance_count) {
        (Field::Known(tier), Field::Known(count)) => Ok(NewAgentPool {
            location,
            tier: tier.clone(),
            count: *count,
            subnet_id,
        }),
        (Field::Null | Field::Unknown, _) => Err(incomplete("tier")),
        _ => Err(incomplete("instance_count")),
    }
}

/// A plan that lacks what only this provider could have left out, or that was not made by it.
pub fn incomplete(attribute: &str) -> Diagnostic {
    let detail = format!(
        "The planned {attribute} is not known, so that nothing can be written. Plan again; if that does not help, please report it."
    );
    Diagnostic::error("Incomplete plan", detail).at_attribute(attribute)
}

async fn registry_location(client: &Client, call: &Call, id: &AgentPoolId) -> Result<String, Diagnostic> {
    match registry::get(client, call, id.registry()).await {
        Ok(registry) => Ok(registry.location),
        Err(error) => {
            let mut diagnostic = diagnose::azure(&doing(id), &error).at_attribute("registry_id");
            if error.is_gone() {
                diagnostic.detail.push_str("\n\nThe registry in registry_id, or its resource group, does not exist. If the same configuration creates it, take the id from that resource rather than as text, so that Terraform knows the order.");
            }
            Err(diagnostic)
        }
    }
}

/// Nobody answered the create clearly: the pool is looked for. There was none a moment ago, so one that is now what was
/// asked for is ours.
async fn after_unclear_create(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    planned: &AgentPoolModel,
    error: &Error,
) -> Outcome<AgentPoolModel> {
    match last_look(client, id).await {
        Ok(pool) if !is_as_planned(planned, &pool) => Outcome::failed(None, exists_already(id, &pool)),
        Ok(_) if !error.is_interruption() => {
            match agent_pool::wait_settled(client, call, id, Some(&log_progress(id))).await {
                Ok(pool) => settled(id, planned, &pool, "creating"),
                Err(failure) => ended_badly(id, planned, &failure, None),
            }
        }
        Ok(pool) => {
            let mut diagnostic = diagnose::azure(&doing(id), error);
            diagnostic.detail.push_str(ACCEPTED);
            Outcome::failed(Some(planned.refreshed(&pool)), diagnostic)
        }
        // State that turns out empty is refreshed away; an orphan is not.
        Err(_) => {
            let state = AgentPoolModel {
                provisioning_state: Field::Null,
                ..planned.clone()
            };
            let mut diagnostic = diagnose::azure(&doing(id), error);
            diagnostic.detail.push_str("\n\nThe pool may exist. It is kept in the state as tainted: the next plan looks, and replaces or forgets it.");
            Outcome::failed(Some(state), diagnostic)
        }
    }
}

fn is_as_planned(planned: &AgentPoolModel, pool: &AgentPool) -> bool {
    let fresh = planned.refreshed(pool);
    (&fresh.tier, &fresh.instance_count, &fresh.subnet_id)
        == (&planned.tier, &planned.instance_count, &planned.subnet_id)
}

const ACCEPTED: &str = "\n\nAzure has accepted the pool and goes on creating it. It is kept in the state as tainted: the next apply replaces it.";

/// An accepted create that failed, vanished, or was not seen to end.
fn ended_badly(
    id: &AgentPoolId,
    planned: &AgentPoolModel,
    failure: &OperationError,
    accepted: Option<AgentPool>,
) -> Outcome<AgentPoolModel> {
    let mut diagnostic = diagnose::azure(&doing(id), &failure.error);
    diagnostic.detail.push_str(match &failure.error {
        Error::OperationFailed(_) => "\n\nAzure has given the pool up; it is there and cannot be used. It is kept in the state as tainted: the next apply replaces it. For a pool in a subnet the usual cause is a network security group or a route that blocks what the machines need.",
        error if error.is_gone() => "\n\nThe pool was accepted and has disappeared since: somebody else may have deleted it. It is kept in the state as tainted: the next plan looks, and replaces or forgets it.",
        _ => ACCEPTED,
    });
    Outcome::failed(Some(last_seen(planned, failure, accepted)), diagnostic)
}

fn still_there(id: &AgentPoolId, why: &str) -> Diagnostic {
    Diagnostic::error(
        format!("{} is still being deleted", capitalised(&id.human())),
        format!("Azure has not finished deleting the former pool of this name, and {why}. Apply again when it is gone; nothing was created."),
    )
    .at_attribute("name")
}

fn exists_already(id: &AgentPoolId, pool: &AgentPool) -> Diagnostic {
    let state = pool.properties.provisioning_state.as_deref().unwrap_or("unknown");
    Diagnostic::error(
        format!("{} exists already", capitalised(&id.human())),
        format!(
            "Azure has a pool of this name, in the state {state}. It is not adopted, because Terraform might then delete what somebody else uses.\n\nIf this resource is being replaced with create_before_destroy, give the new pool another name: two pools cannot share one.\n\nOtherwise, to manage the existing pool here, add this block with the address of your resource, and apply again:\n\n  import {{\n    to = acr_agent_pool.ADDRESS\n    id = \"{id}\"\n  }}"
        ),
    )
    .at_attribute("name")
}

/// The text with a capital, to begin a summary.
pub fn capitalised(text: &str) -> String {
    text.get(..1)
        .map_or_else(String::new, |first| first.to_uppercase() + &text[1..])
}
