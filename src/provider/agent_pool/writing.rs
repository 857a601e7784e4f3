//! Creating and scaling. Every way out of a write that Azure may have accepted returns state: an orphan is worse than a
//! tainted pool.

use std::time::Duration;

use crate::{
    acr::{
        agent_pool::{self, Accepted, AgentPool, AgentPoolId, NewAgentPool},
        registry,
    },
    azure::{Call, Client, Error, SubnetId, operation::OperationError},
    framework::{
        Diagnostic, Field,
        resource::{Outcome, Update},
    },
    provider::diagnose,
};

use super::AgentPoolModel;

/// Tells of each look at a running operation, in the log.
pub fn log_progress(id: &AgentPoolId) -> impl Fn(&str, Duration) + Send + Sync + use<> {
    let name = id.name().to_owned();
    move |status, elapsed| {
        let (minutes, seconds) = (elapsed.as_secs() / 60, elapsed.as_secs() % 60);
        tracing::info!("agent pool \"{name}\": {status}, {minutes}m{seconds:02}s");
    }
}

/// Creates the pool; one of that name is never adopted.
pub async fn create(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    planned: AgentPoolModel,
) -> Outcome<AgentPoolModel> {
    let doing = format!("creating {}", id.human());
    match agent_pool::get(client, call, id).await {
        Err(error) if error.is_gone() => {}
        Ok(pool) => return Outcome::failed(None, exists_already(id, &pool)),
        Err(error) => return Outcome::failed(None, diagnose::azure(&doing, &error)),
    }
    let location = match registry::get(client, call, id.registry()).await {
        Ok(registry) => registry.location,
        Err(error) => return Outcome::failed(None, diagnose::azure(&doing, &error)),
    };
    let new = match new_pool(&planned, location) {
        Ok(new) => new,
        Err(error) => return Outcome::failed(None, error),
    };
    match agent_pool::create(client, call, id, &new).await {
        Ok(accepted) => finish_create(client, call, id, Some(&accepted), planned).await,
        // An attempt whose answer was lost has been accepted: there was no pool before, and now one is being created.
        Err(error) if is_conflict(&error) && error.may_have_been_accepted() => {
            tracing::info!(pool = %id, "an earlier attempt was accepted; waiting for it");
            finish_create(client, call, id, None, planned).await
        }
        Err(error) if error.may_have_been_accepted() => {
            // Nobody knows whether the pool exists. State that turns out empty is refreshed away; an orphan is not.
            let state = AgentPoolModel {
                id: Field::Known(id.to_string()),
                provisioning_state: Field::Null,
                ..planned
            };
            let mut diagnostic = diagnose::azure(&doing, &error);
            diagnostic.detail.push_str("\n\nWhether Azure has accepted the pool is not known. It is kept in the state as tainted: the next plan looks, and replaces or forgets it.");
            Outcome::failed(Some(state), diagnostic)
        }
        Err(error) => Outcome::failed(None, diagnose::azure(&doing, &error)),
    }
}

fn new_pool(planned: &AgentPoolModel, location: String) -> Result<NewAgentPool, Diagnostic> {
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
        _ => Err(Diagnostic::bug(
            "The planned tier or instance_count is not known at apply.",
        )),
    }
}

async fn finish_create(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    accepted: Option<&Accepted>,
    planned: AgentPoolModel,
) -> Outcome<AgentPoolModel> {
    let planned = AgentPoolModel {
        id: Field::Known(id.to_string()),
        ..planned
    };
    let progress = log_progress(id);
    let ended = match accepted {
        Some(accepted) => agent_pool::wait_written(client, call, accepted, Some(&progress)).await,
        None => agent_pool::wait_settled(client, call, id, Some(&progress)).await,
    };
    match ended {
        Ok(pool) => settled(id, &planned, &pool, "creating"),
        Err(failure) => {
            let state = last_seen(&planned, &failure, accepted);
            let mut diagnostic = diagnose::azure(&format!("creating {}", id.human()), &failure.error);
            diagnostic.detail.push_str("\n\nAzure has accepted the pool, so that it exists or may still come to exist. It is kept in the state as tainted: the next apply replaces it.");
            Outcome::failed(Some(state), diagnostic)
        }
    }
}

/// The state after an operation that Azure reports as done. Terraform wants what was planned; what differs is an error
/// with the truth in the state.
fn settled(id: &AgentPoolId, planned: &AgentPoolModel, pool: &AgentPool, doing: &str) -> Outcome<AgentPoolModel> {
    let fresh = planned.refreshed(pool);
    if fresh.instance_count != planned.instance_count
        || fresh.tier != planned.tier
        || fresh.subnet_id != planned.subnet_id
    {
        let detail = format!(
            "Azure reports the operation as done, but the pool is not what was asked for: {} of tier {}. Somebody else may have changed it meanwhile. The state has what Azure reports; plan again.",
            fresh.instance_count.known().map_or_else(
                || "an unknown number of machines".into(),
                |count| format!("{count} machines")
            ),
            fresh.tier.text().unwrap_or("unknown"),
        );
        return Outcome::failed(
            Some(fresh),
            Diagnostic::error(format!("Unexpected result of {doing} {}", id.human()), detail),
        );
    }
    if pool.has_failed() {
        let detail = "Azure reports the operation as done and the pool as Failed, without a reason.";
        return Outcome::failed(
            Some(fresh),
            Diagnostic::error(format!("Unexpected result of {doing} {}", id.human()), detail),
        );
    }
    // Somebody may have begun another operation already; what was planned has been reached, and a refresh shows the rest.
    Outcome::of(AgentPoolModel {
        provisioning_state: planned.provisioning_state.clone(),
        ..fresh
    })
}

/// What is known of the pool when an accepted write did not end well.
pub fn last_seen(planned: &AgentPoolModel, failure: &OperationError, accepted: Option<&Accepted>) -> AgentPoolModel {
    match failure
        .resource
        .as_ref()
        .and_then(agent_pool::read)
        .or_else(|| accepted?.pool())
    {
        Some(pool) => planned.refreshed(&pool),
        None => AgentPoolModel {
            provisioning_state: Field::Null,
            ..planned.clone()
        },
    }
}

fn exists_already(id: &AgentPoolId, pool: &AgentPool) -> Diagnostic {
    let state = pool.properties.provisioning_state.as_deref().unwrap_or("unknown");
    Diagnostic::error(
        format!("{} exists already", capitalised(&id.human())),
        format!(
            "Azure has a pool of this name, in the state {state}. It is not adopted, because Terraform may then delete what somebody else uses. To manage it here, add this block, with the address of your resource, and apply again:\n\n  import {{\n    to = acr_agent_pool.ADDRESS\n    id = \"{id}\"\n  }}\n\nIf the pool is to be replaced with create_before_destroy, give the new one another name: two pools cannot share one."
        ),
    )
    .at_attribute("name")
}

/// The text with a capital, to begin a summary.
pub fn capitalised(text: &str) -> String {
    text.get(..1)
        .map_or_else(String::new, |first| first.to_uppercase() + &text[1..])
}

/// Changes the number of machines; nothing else of a pool can change in place.
pub async fn scale(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    count: i64,
    change: Update<AgentPoolModel>,
) -> Outcome<AgentPoolModel> {
    let doing = format!("scaling {}", id.human());
    let mut conflicts = Conflicts::default();
    let accepted = loop {
        match agent_pool::scale(client, call, id, count).await {
            Ok(accepted) => break accepted,
            Err(error) if is_conflict(&error) && conflicts.passed(client, call, id).await => {}
            Err(error) => {
                let state = after_unclear_write(client, call, id, &error, change.prior).await;
                return Outcome::failed(Some(state), diagnose::azure(&doing, &error));
            }
        }
    };
    match agent_pool::wait_written(client, call, &accepted, Some(&log_progress(id))).await {
        Ok(pool) => settled(id, &change.planned, &pool, "scaling"),
        Err(failure) => {
            let state = last_seen(&change.planned, &failure, Some(&accepted));
            let mut diagnostic = diagnose::azure(&doing, &failure.error);
            diagnostic.detail.push_str("\n\nAzure has accepted the new instance_count. The state has what Azure last reported; the next plan shows what is left to do.");
            Outcome::failed(Some(state), diagnostic)
        }
    }
}

/// Azure refuses a write while another operation runs on the pool, and for ever once the pool has failed.
pub fn is_conflict(error: &Error) -> bool {
    error.code() == Some("RegistryStatusConflict")
}

/// How often a write is tried again when it was refused although nothing runs on the pool any more: the other operation may
/// have ended between the refusal and the look.
const REFUSED_AT_REST_MAX: u32 = 3;

/// Waits for other operations on the pool, be they somebody else's or an attempt of ours whose answer was lost.
#[derive(Default)]
pub struct Conflicts {
    refused_at_rest: u32,
}

impl Conflicts {
    /// Waits until no other operation runs on the pool. `false`: it was not seen to end or the pool has failed, so that
    /// trying again is pointless.
    pub async fn passed(&mut self, client: &Client, call: &Call, id: &AgentPoolId) -> bool {
        let Ok(pool) = agent_pool::get(client, call, id).await else {
            return false;
        };
        let state = pool.properties.provisioning_state.as_deref();
        if !matches!(state, Some("Creating" | "Updating" | "Deleting")) {
            self.refused_at_rest += 1;
            let again = !pool.has_failed() && self.refused_at_rest <= REFUSED_AT_REST_MAX;
            return again && call.sleep(client.pace().poll_min).await.is_ok();
        }
        tracing::info!(pool = %id, "waiting for another operation on the pool to end");
        match agent_pool::wait_settled(client, call, id, Some(&log_progress(id))).await {
            Ok(_) => true,
            // Its failure, or the pool's disappearance, is an end as well; what it means is for the next attempt to say.
            Err(failure) => matches!(failure.error, Error::OperationFailed(_)) || failure.error.is_gone(),
        }
    }
}

/// The state after a write that was refused, or that nobody knows the fate of: then the pool is looked at once more.
async fn after_unclear_write(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    error: &Error,
    prior: AgentPoolModel,
) -> AgentPoolModel {
    if !error.may_have_been_accepted() {
        return prior;
    }
    match agent_pool::get(client, call, id).await {
        Ok(pool) => prior.refreshed(&pool),
        Err(error) => {
            tracing::debug!(%error, "the pool cannot be read after an unclear write; the state is left as it was");
            prior
        }
    }
}
