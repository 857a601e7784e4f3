//! `acr_agent_pool`. API version 2025-03-01-preview.

use std::{sync::Arc, time::Duration};

use crate::{
    acr::agent_pool::{self, AgentPoolId},
    azure::{Call, Client},
    framework::{
        Diagnostic, Diagnostics, Field,
        resource::{Operation, Outcome, PlanRequest, RefinedPlan, Resource, Update},
        schema::Schema,
        timeouts::{Timeouts, effective},
    },
    provider::{Connection, diagnose, preflight::facts::Change},
};

use super::{
    AgentPoolModel, READINESS_FAILED, READINESS_PASSED, check_answer,
    creating::{create, incomplete},
    deleting::delete,
    draining::{self, Before, drain},
    notes::Notes,
    planning::Planner,
    probing::probe,
    readiness::{After, Due, conclude, due, known_readiness, refuses},
    scaling::scale,
    schema::{self, TIMEOUTS},
    warnings::{self, Load},
};

/// The resource type.
pub struct AgentPoolResource {
    connection: Arc<Connection>,
    notes: Notes,
}

impl AgentPoolResource {
    /// The resource type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            notes: Notes::default(),
        }
    }

    fn begin(&self, operation: &Operation, timeout: Duration) -> Result<(Client, Call), Diagnostic> {
        Ok((self.connection.client()?, Call::new(operation.cancel.clone(), timeout)))
    }
}

impl AgentPoolResource {
    /// Preflight before the first write.
    async fn gate(
        &self,
        client: &Client,
        call: &Call,
        planned: &AgentPoolModel,
        change: Change,
    ) -> Result<(), Diagnostics> {
        match planned.subject(change) {
            Some(subject) if change != Change::Keep => {
                self.connection.preflight().at_apply(client, call, &subject).await
            }
            _ => Ok(()),
        }
    }

    /// Waits for the runs on the pool, if `model` says so.
    async fn drain(
        &self,
        operation: &Operation,
        id: &AgentPoolId,
        model: &AgentPoolModel,
        before: Before,
    ) -> Result<(), Diagnostic> {
        let Some(timeout) = draining::timeout(model) else {
            return Ok(());
        };
        let (client, preflight) = (self.connection.client()?, self.connection.preflight());
        drain(&client, &operation.cancel, &preflight, id, timeout, before).await
    }

    /// The probe of a pool that is as it was planned to be. What was said before is kept.
    async fn probed(
        &self,
        operation: &Operation,
        client: &Client,
        id: &AgentPoolId,
        written: Outcome<AgentPoolModel>,
        (after, promised): (After, bool),
    ) -> Outcome<AgentPoolModel> {
        let state = match written.state {
            Some(state) if !written.diagnostics.has_errors() => state,
            _ => return written,
        };
        let preflight = self.connection.preflight();
        let probed = probe(client, &operation.cancel, &preflight, id, &state).await;
        let outcome = conclude(id, state, probed, after, promised);
        let mut diagnostics = written.diagnostics;
        diagnostics.extend(outcome.diagnostics);
        Outcome { diagnostics, ..outcome }
    }

    /// A change of nothing that Azure knows; the pool may be owed a probe all the same.
    async fn unchanged(&self, operation: &Operation, change: Update<AgentPoolModel>) -> Outcome<AgentPoolModel> {
        let due = due(Some(&change.prior), &change.planned);
        let state = AgentPoolModel {
            readiness: known_readiness(Some(&change.prior)),
            ..change.planned
        };
        if due != Due::Again {
            return Outcome::of(state);
        }
        let begun = self
            .connection
            .client()
            .and_then(|client| Ok((client, known_id(&state)?)));
        match begun {
            Ok((client, id)) => {
                self.probed(operation, &client, &id, Outcome::of(state), (After::Change, true))
                    .await
            }
            Err(error) => Outcome::failed(Some(change.prior), error),
        }
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
        let azure = self.connection.side_read(operation);
        Planner {
            azure: azure.as_ref(),
            notes: &self.notes,
            preflight: &self.connection.preflight(),
        }
        .refine(request)
        .await
    }

    async fn plan_destroy(&self, operation: &Operation, prior: AgentPoolModel) -> Diagnostics {
        if let Some(id) = prior.pool_id() {
            self.connection.preflight().planned.will_go(&id);
        }
        let (Some((client, call)), Some(id)) = (self.connection.side_read(operation), prior.pool_id()) else {
            return Diagnostics::new();
        };
        let preflight = self.connection.preflight();
        let load = Load::look(&client, &call, &preflight, &id).await;
        let tasks = preflight.tasks_left_on(&client, &call, &id).await;
        let told = [
            warnings::destroyed(&id, &load, &prior),
            warnings::destroyed_under(&id, &tasks),
        ];
        Diagnostics(told.into_iter().flatten().collect())
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
            Ok((client, call, id)) => match self.gate(&client, &call, &planned, Change::Create).await {
                Ok(()) => {
                    let due = due(None, &planned);
                    let planned = AgentPoolModel {
                        readiness: known_readiness(None),
                        ..planned
                    };
                    let created = create(&client, &call, &id, planned).await;
                    match due {
                        Due::No => created,
                        _ => {
                            self.probed(operation, &client, &id, created, (After::Create, false))
                                .await
                        }
                    }
                }
                Err(refusal) => Outcome::failed(None, refusal),
            },
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
            Ok(pool) => match check_answer(&id, &pool) {
                Ok(()) => Outcome::of(state.refreshed(&pool)),
                Err(error) => Outcome::failed(Some(state), error),
            },
            Err(error) if error.is_gone() => Outcome::gone(),
            Err(error) => Outcome::failed(Some(state), diagnose::azure(&format!("reading {}", id.human()), &error)),
        }
    }

    async fn update(&self, operation: &Operation, change: Update<AgentPoolModel>) -> Outcome<AgentPoolModel> {
        if change.prior.instance_count == change.planned.instance_count {
            // Only arguments of the provider's own have changed: nothing is written to Azure.
            return self.unchanged(operation, change).await;
        }
        let shrinks = change.planned.instance_count.known() < change.prior.instance_count.known();
        if let (true, Some(id)) = (shrinks, change.planned.pool_id())
            && let Err(why) = self.drain(operation, &id, &change.planned, Before::ScaleIn).await
        {
            return Outcome::failed(Some(change.prior), why);
        }
        let limit = timeout(&change.planned, |timeouts| &timeouts.update, TIMEOUTS.update);
        let begun = self.begin(operation, limit).and_then(|(client, call)| {
            let id = known_id(&change.planned)?;
            let count = change.planned.instance_count.known().copied();
            let count = count.ok_or_else(|| incomplete("instance_count"))?;
            Ok((client, call, id, count))
        });
        match begun {
            Ok((client, call, id, count)) => {
                let grows = change.prior.instance_count.known().is_none_or(|before| count > *before);
                let kind = if grows { Change::ScaleOut } else { Change::Keep };
                match self.gate(&client, &call, &change.planned, kind).await {
                    Ok(()) => {
                        let due = due(Some(&change.prior), &change.planned);
                        let promised = change.planned.readiness.text() == Some(READINESS_PASSED);
                        // What is promised is not yet so: a scaling that fails must not store it.
                        let planned = AgentPoolModel {
                            readiness: known_readiness(Some(&change.prior)),
                            ..change.planned
                        };
                        let scaled = scale(&client, &call, &id, count, Update { planned, ..change }).await;
                        match due {
                            Due::No => scaled,
                            _ => {
                                let scaled = owed(scaled, count);
                                self.probed(operation, &client, &id, scaled, (After::Change, promised))
                                    .await
                            }
                        }
                    }
                    Err(refusal) => Outcome::failed(Some(change.prior), refusal),
                }
            }
            Err(error) => Outcome::failed(Some(change.prior), error),
        }
    }

    async fn delete(&self, operation: &Operation, prior: AgentPoolModel) -> Outcome<AgentPoolModel> {
        if let Some(id) = prior.pool_id()
            && let Err(why) = self.drain(operation, &id, &prior, Before::Delete).await
        {
            return Outcome::failed(Some(prior), why);
        }
        let limit = timeout(&prior, |timeouts| &timeouts.delete, TIMEOUTS.delete);
        let begun = self
            .begin(operation, limit)
            .and_then(|(client, call)| Ok((client, call, known_id(&prior)?)));
        match begun {
            Ok((client, call, id)) => {
                // If this is half of a replacement, the other half is planned without this knowledge.
                if let Some(location) = prior.location.text() {
                    self.notes.saw_location(id.registry(), location);
                }
                let preflight = self.connection.preflight();
                preflight.planned.will_go(&id);
                let outcome = delete(&client, &call, &id, prior).await;
                preflight.forget();
                outcome
            }
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
            readiness: known_readiness(None),
            ..AgentPoolModel::default()
        })
    }
}

/// A scaling that Azure has taken up and that was not seen to end well: where a failed probe is an error, the pool is owed
/// one, so that the next apply makes up for it.
fn owed(mut scaled: Outcome<AgentPoolModel>, count: i64) -> Outcome<AgentPoolModel> {
    if let Some(state) = scaled.state.as_mut().filter(|_| scaled.diagnostics.has_errors())
        && refuses(state)
        && state.instance_count == Field::Known(count)
    {
        state.readiness = Field::Known(READINESS_FAILED.to_owned());
    }
    scaled
}

fn known_id(model: &AgentPoolModel) -> Result<AgentPoolId, Diagnostic> {
    model.pool_id().ok_or_else(|| {
        let show = |field: &Field<String>| field.text().map_or_else(|| "not set".to_owned(), |text| format!("\"{text}\""));
        let detail = format!(
            "The stored or planned pool has registry_id {} and name {}, which name no pool. If the state was edited by hand, restore it; else import the pool anew.",
            show(&model.registry_id),
            show(&model.name),
        );
        Diagnostic::error("Unusable agent pool id", detail)
    })
}
