//! `acr_agent_pool`. API version 2025-03-01-preview.
//!
//! Every way out of a create that Azure may have accepted returns state: an orphan is worse than a tainted pool.

use std::{sync::Arc, time::Duration};

use crate::{
    acr::{
        agent_pool::{self, Accepted, AgentPool, AgentPoolId, NewAgentPool},
        registry, subnet,
    },
    azure::{Call, Client, Error, SubnetId, operation::OperationError},
    framework::{
        Diagnostic, Diagnostics, Field, Path,
        resource::{Operation, Outcome, PlanRequest, RefinedPlan, Resource, Update},
        schema::Schema,
        timeouts::{Timeouts, effective},
    },
    provider::{Connection, diagnose},
};

use super::{
    AgentPoolModel, FAILED, OS, READINESS_UNKNOWN, SUCCEEDED,
    schema::{self, TIMEOUTS},
    warnings::{self, Load},
};

/// How often a subnet is looked at while it still holds a deleted pool's network interfaces. Azure needs minutes.
const SUBNET_POLL: Duration = Duration::from_secs(5);

/// The resource type.
pub struct AgentPoolResource {
    connection: Arc<Connection>,
}

impl AgentPoolResource {
    /// The resource type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    fn begin(&self, operation: &Operation, timeout: Duration) -> Result<(Client, Call), Diagnostic> {
        Ok((self.connection.client()?, Call::new(operation.cancel.clone(), timeout)))
    }
}

/// The user's timeout for one kind of operation, else the default.
fn timeout(model: &AgentPoolModel, of: impl Fn(&Timeouts) -> &Field<String>, default: Duration) -> Duration {
    model
        .timeouts
        .known()
        .map_or(default, |timeouts| effective(of(timeouts), default))
}

impl Resource for AgentPoolResource {
    type Model = AgentPoolModel;

    fn type_name(&self) -> &'static str {
        "acr_agent_pool"
    }

    fn schema(&self) -> Schema {
        schema::schema()
    }

    async fn refine_plan(
        &self,
        operation: &Operation,
        request: PlanRequest<AgentPoolModel>,
    ) -> RefinedPlan<AgentPoolModel> {
        let mut plan = request.clone().unchanged();
        let azure = self.connection.side_read(operation);
        let Some(prior) = &request.prior else {
            predict(&mut plan.planned, None);
            plan.planned.location = location(azure.as_ref(), &plan.planned).await;
            if let Some(warning) = zero_warning(azure.as_ref(), None, &plan.planned).await {
                plan.diagnostics.push(warning);
            }
            return plan;
        };
        let failed = prior.provisioning_state.text() == Some(FAILED);
        if failed && plan.planned.replace_when_failed == Field::Known(true) {
            plan.requires_replace.push(Path::attribute("provisioning_state"));
        }
        let replaces = !plan.requires_replace.is_empty();
        if replaces {
            predict(&mut plan.planned, None);
            plan.planned.location = if plan.planned.registry_id == prior.registry_id {
                prior.location.clone()
            } else {
                location(azure.as_ref(), &plan.planned).await
            };
            plan.diagnostics
                .extend(replacement_warning(azure.as_ref(), prior, &plan).await);
        } else {
            predict(&mut plan.planned, Some(prior));
            plan.diagnostics
                .extend(warnings::failed(prior).map(Diagnostics::from).unwrap_or_default());
        }
        if let Some(warning) = zero_warning(azure.as_ref(), Some(prior), &plan.planned).await {
            plan.diagnostics.push(warning);
        }
        plan
    }

    async fn plan_destroy(&self, operation: &Operation, prior: AgentPoolModel) -> Diagnostics {
        let (Some((client, call)), Some(id)) = (self.connection.side_read(operation), prior.pool_id()) else {
            return Diagnostics::new();
        };
        let load = Load::look(&client, &call, &id).await;
        warnings::destroyed(&id, load)
            .map(Diagnostics::from)
            .unwrap_or_default()
    }

    async fn create(
        &self,
        operation: &Operation,
        planned: AgentPoolModel,
        _config: AgentPoolModel,
    ) -> Outcome<AgentPoolModel> {
        let limit = timeout(&planned, |timeouts| &timeouts.create, TIMEOUTS.create);
        let begun = self
            .begin(operation, limit)
            .and_then(|(client, call)| Ok((client, call, known_id(&planned)?)));
        match begun {
            Ok((client, call, id)) => create(&client, &call, &id, planned).await,
            Err(error) => Outcome::failed(None, error),
        }
    }

    async fn read(&self, operation: &Operation, state: AgentPoolModel) -> Outcome<AgentPoolModel> {
        let limit = timeout(&state, |timeouts| &timeouts.read, TIMEOUTS.read);
        let begun = self
            .begin(operation, limit)
            .and_then(|(client, call)| Ok((client, call, known_id(&state)?)));
        let (client, call, id) = match begun {
            Ok(begun) => begun,
            Err(error) => return Outcome::failed(Some(state), error),
        };
        match agent_pool::get(&client, &call, &id).await {
            Ok(pool) => Outcome::of(state.refreshed(&pool)),
            Err(error) if error.is_gone() => Outcome::gone(),
            Err(error) => Outcome::failed(Some(state), diagnose::azure(&format!("reading {}", id.human()), &error)),
        }
    }

    async fn update(&self, operation: &Operation, change: Update<AgentPoolModel>) -> Outcome<AgentPoolModel> {
        if change.prior.instance_count == change.planned.instance_count {
            // Only arguments of the provider's own have changed: nothing is written to Azure.
            return Outcome::of(change.planned);
        }
        let limit = timeout(&change.planned, |timeouts| &timeouts.update, TIMEOUTS.update);
        let begun = self.begin(operation, limit).and_then(|(client, call)| {
            let id = known_id(&change.planned)?;
            let count = change.planned.instance_count.known().copied();
            let count = count.ok_or_else(|| Diagnostic::bug("The planned instance_count is not known at apply."))?;
            Ok((client, call, id, count))
        });
        match begun {
            Ok((client, call, id, count)) => scale(&client, &call, &id, count, change).await,
            Err(error) => Outcome::failed(Some(change.prior), error),
        }
    }

    async fn delete(&self, operation: &Operation, prior: AgentPoolModel) -> Outcome<AgentPoolModel> {
        let limit = timeout(&prior, |timeouts| &timeouts.delete, TIMEOUTS.delete);
        let begun = self
            .begin(operation, limit)
            .and_then(|(client, call)| Ok((client, call, known_id(&prior)?)));
        match begun {
            Ok((client, call, id)) => delete(&client, &call, &id, prior).await,
            Err(error) => Outcome::failed(Some(prior), error),
        }
    }

    fn import(&self, id: &str) -> Result<AgentPoolModel, Diagnostics> {
        let id: AgentPoolId = id.parse().map_err(|error| {
            Diagnostic::error(
                "Importing an agent pool",
                format!("\"{id}\" is not the id of an agent pool: {error}. Expected is /subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerRegistry/registries/…/agentPools/…, in any casing."),
            )
        })?;
        Ok(AgentPoolModel {
            id: Field::Known(id.to_string()),
            name: Field::Known(id.name().to_owned()),
            registry_id: Field::Known(id.registry().to_string()),
            // The defaults of what Azure does not know, so that a plan without them is empty.
            replace_when_failed: Field::Known(false),
            readiness: Field::Known(READINESS_UNKNOWN.to_owned()),
            ..AgentPoolModel::default()
        })
    }
}

/// Sets the computed values that are known at plan. `prior` is the pool that is changed in place, if it is.
fn predict(planned: &mut AgentPoolModel, prior: Option<&AgentPoolModel>) {
    let writes = prior.is_none_or(|prior| prior.instance_count != planned.instance_count);
    if let Some(prior) = prior {
        planned.id = prior.id.clone();
        planned.location = prior.location.clone();
        planned.os = prior.os.clone();
        planned.readiness = prior.readiness.clone();
        planned.registry_name = prior.registry_name.clone();
        planned.resource_group_name = prior.resource_group_name.clone();
        planned.provisioning_state = prior.provisioning_state.clone();
    } else {
        // Unknown, so that a data source given the id waits for the pool.
        planned.id = Field::Unknown;
        planned.os = Field::Known(OS.to_owned());
        planned.readiness = Field::Known(READINESS_UNKNOWN.to_owned());
        planned.derive_parent();
    }
    if writes {
        planned.provisioning_state = Field::Known(SUCCEEDED.to_owned());
    }
    planned.derive_capacity();
}

/// The region of a pool to be created, which is its registry's; unknown when the registry cannot be read now.
async fn location(azure: Option<&(Client, Call)>, planned: &AgentPoolModel) -> Field<String> {
    let (Some((client, call)), Some(id)) = (azure, planned.registry()) else {
        return Field::Unknown;
    };
    match registry::get(client, call, &id).await {
        Ok(registry) => Field::Known(registry.location),
        Err(error) => {
            tracing::debug!(%error, "the registry cannot be read; the plan leaves its location open");
            Field::Unknown
        }
    }
}

async fn replacement_warning(
    azure: Option<&(Client, Call)>,
    prior: &AgentPoolModel,
    plan: &RefinedPlan<AgentPoolModel>,
) -> Diagnostics {
    let Some(id) = prior.pool_id() else {
        return Diagnostics::new();
    };
    let reasons = warnings::replacement_reasons(prior, &plan.planned, &plan.requires_replace);
    let load = match azure {
        Some((client, call)) => Load::look(client, call, &id).await,
        None => Load::default(),
    };
    warnings::replaced(&id, &reasons, load).into()
}

/// Scaling to zero, or creating at zero, leaves tasks that name the pool without a machine.
async fn zero_warning(
    azure: Option<&(Client, Call)>,
    prior: Option<&AgentPoolModel>,
    planned: &AgentPoolModel,
) -> Option<Diagnostic> {
    let becomes_zero = planned.instance_count == Field::Known(0)
        && prior.is_none_or(|prior| prior.instance_count != planned.instance_count);
    let ((client, call), id) = (azure?, planned.pool_id().filter(|_| becomes_zero)?);
    warnings::scaled_to_zero(client, call, &id).await
}

fn known_id(model: &AgentPoolModel) -> Result<AgentPoolId, Diagnostic> {
    model
        .pool_id()
        .ok_or_else(|| Diagnostic::bug("Registry id and name of an agent pool are not known."))
}

fn log_progress(id: &AgentPoolId) -> impl Fn(&str, Duration) + Send + Sync + use<> {
    let name = id.name().to_owned();
    move |status, elapsed| {
        let (minutes, seconds) = (elapsed.as_secs() / 60, elapsed.as_secs() % 60);
        tracing::info!("agent pool \"{name}\": {status}, {minutes}m{seconds:02}s");
    }
}

async fn create(client: &Client, call: &Call, id: &AgentPoolId, planned: AgentPoolModel) -> Outcome<AgentPoolModel> {
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
        Ok(accepted) => finish_create(client, call, id, &accepted, planned).await,
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
    accepted: &Accepted,
    planned: AgentPoolModel,
) -> Outcome<AgentPoolModel> {
    let planned = AgentPoolModel {
        id: Field::Known(id.to_string()),
        ..planned
    };
    match agent_pool::wait_written(client, call, accepted, Some(&log_progress(id))).await {
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
fn last_seen(planned: &AgentPoolModel, failure: &OperationError, accepted: &Accepted) -> AgentPoolModel {
    match failure
        .resource
        .as_ref()
        .and_then(agent_pool::read)
        .or_else(|| accepted.pool())
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

fn capitalised(text: &str) -> String {
    text.get(..1)
        .map_or_else(String::new, |first| first.to_uppercase() + &text[1..])
}

async fn scale(
    client: &Client,
    call: &Call,
    id: &AgentPoolId,
    count: i64,
    change: Update<AgentPoolModel>,
) -> Outcome<AgentPoolModel> {
    let doing = format!("scaling {}", id.human());
    let accepted = match agent_pool::scale(client, call, id, count).await {
        Ok(accepted) => accepted,
        Err(error) => {
            let state = after_unclear_write(client, call, id, &error, change.prior).await;
            return Outcome::failed(Some(state), diagnose::azure(&doing, &error));
        }
    };
    match agent_pool::wait_written(client, call, &accepted, Some(&log_progress(id))).await {
        Ok(pool) => settled(id, &change.planned, &pool, "scaling"),
        Err(failure) => {
            let state = last_seen(&change.planned, &failure, &accepted);
            let mut diagnostic = diagnose::azure(&doing, &failure.error);
            diagnostic.detail.push_str("\n\nAzure has accepted the new instance_count. The state has what Azure last reported; the next plan shows what is left to do.");
            Outcome::failed(Some(state), diagnostic)
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

async fn delete(client: &Client, call: &Call, id: &AgentPoolId, prior: AgentPoolModel) -> Outcome<AgentPoolModel> {
    let doing = format!("deleting {}", id.human());
    match agent_pool::delete(client, call, id).await {
        Ok(Some(accepted)) => {
            if let Err(failure) = agent_pool::wait_deleted(client, call, &accepted, Some(&log_progress(id))).await {
                let state = last_seen(&prior, &failure, &accepted);
                return Outcome::failed(Some(state), diagnose::azure(&doing, &failure.error));
            }
        }
        Ok(None) => {}
        Err(error) => return Outcome::failed(Some(prior), diagnose::azure(&doing, &error)),
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
        if call.sleep(SUBNET_POLL).await.is_err() {
            return warn("the subnet still lists network interfaces of it and the time to wait is over".into());
        }
    }
}
