//! What a plan of a pool can tell: computed values that are known already, reasons for replacement, and what is lost.
//!
//! Terraform plans again before it applies, and a value once known must not change or become unknown. So a read that
//! fails for a passing reason fails the plan; only what a principal may never read, or what does not exist yet, leaves a
//! value open.

use crate::{
    acr::agent_pool::AgentPoolId,
    azure::{Call, Client},
    framework::{
        Diagnostic, Diagnostics, Field, Path,
        resource::{PlanRequest, RefinedPlan},
    },
    provider::preflight::{Preflight, facts::Change, quota::PlannedPool},
};

use super::{
    AgentPoolModel, Condition, OS, SUCCEEDED,
    notes::Notes,
    readiness::planned_readiness,
    warnings::{self, Load},
};

/// What planning has at hand. `azure` is missing while the provider cannot be configured; then less is known.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    /// Client and frame for reads.
    pub azure: Option<&'a (Client, Call)>,
    /// What this process remembers.
    pub notes: &'a Notes,
    /// The checks before a pool is written.
    pub preflight: &'a Preflight,
}

impl Planner<'_> {
    /// Refines the framework's plan.
    pub async fn refine(self, request: PlanRequest<AgentPoolModel>) -> RefinedPlan<AgentPoolModel> {
        let mut plan = request.clone().unchanged();
        match &request.prior {
            None => self.refine_create(&mut plan).await,
            Some(prior) => self.refine_change(prior, &mut plan).await,
        }
        plan.diagnostics.extend(self.check(request.prior.as_ref(), &plan).await);
        let zero = self.zero_warning(request.prior.as_ref(), &plan.planned).await;
        plan.diagnostics.extend(zero.map(Diagnostics::from).unwrap_or_default());
        plan
    }

    /// Preflight of what is planned: everything for a pool that is created or replaced, quota and addresses for one that
    /// grows, nothing for one that does neither.
    async fn check(self, prior: Option<&AgentPoolModel>, plan: &RefinedPlan<AgentPoolModel>) -> Diagnostics {
        let grows = |prior: &AgentPoolModel| plan.planned.instance_count.known() > prior.instance_count.known();
        let change = match prior {
            None => Change::Create,
            Some(_) if !plan.requires_replace.is_empty() => Change::Create,
            Some(prior) if grows(prior) => Change::ScaleOut,
            Some(_) => Change::Keep,
        };
        let Some(subject) = plan.planned.subject(change) else {
            // Tasks that name the pool find it there all the same.
            if let Some(id) = plan.planned.pool_id() {
                self.preflight.planned.will_exist(&id);
            }
            return Diagnostics::new();
        };
        let planned = PlannedPool {
            tier: subject.tier.clone(),
            count: subject.count,
            is_new: change == Change::Create,
            in_subnet: !plan.planned.subnet_id.is_null(),
        };
        self.preflight.planned.will_be(&subject.pool, planned);
        // A replacement under another name, or elsewhere, frees what the old pool has.
        if let Some(old) = prior
            .and_then(AgentPoolModel::pool_id)
            .filter(|old| *old != subject.pool)
        {
            self.preflight.planned.will_go(&old);
        }
        match self.azure {
            Some((client, call)) if change != Change::Keep => self.preflight.at_plan(client, call, &subject).await,
            _ => Diagnostics::new(),
        }
    }

    async fn refine_create(self, plan: &mut RefinedPlan<AgentPoolModel>) {
        predict(&mut plan.planned, None);
        match self.location(&plan.planned).await {
            Ok(location) => plan.planned.location = location,
            // One outage is told once.
            Err(error) => return plan.diagnostics.push(error),
        }
        let (Some((client, call)), Some(id)) = (self.azure, plan.planned.pool_id()) else {
            return;
        };
        // A tainted pool looks like a create. So does the second half of any replacement, whose warnings Terraform drops:
        // what -replace and replace_triggered_by cost cannot be told.
        if let Some(pool) = self.preflight.existing(client, call, &id).await {
            let load = Load::look(client, call, self.preflight, &id).await;
            plan.diagnostics.push(warnings::exists_at_create(&id, &pool, &load));
        }
    }

    async fn refine_change(self, prior: &AgentPoolModel, plan: &mut RefinedPlan<AgentPoolModel>) {
        if let (Some(registry), Some(location)) = (prior.registry(), prior.location.text()) {
            self.notes.saw_location(&registry, location);
        }
        let condition = prior.condition();
        if condition == Condition::Failed {
            match &plan.planned.replace_when_failed {
                Field::Known(true) => plan.requires_replace.push(Path::attribute("provisioning_state")),
                Field::Known(false) | Field::Null => {}
                Field::Unknown => plan.diagnostics.push(warnings::undecided_failure()),
            }
        }
        if plan.requires_replace.is_empty() {
            predict(&mut plan.planned, Some(prior));
            plan.diagnostics
                .extend(warnings::condition(prior).map(Diagnostics::from).unwrap_or_default());
            return;
        }
        predict(&mut plan.planned, None);
        match self.location(&plan.planned).await {
            Ok(location) => plan.planned.location = location,
            Err(error) => plan.diagnostics.push(error),
        }
        if let Some(id) = prior.pool_id() {
            let reasons = warnings::replacement_reasons(prior, &plan.planned, &plan.requires_replace);
            plan.diagnostics
                .push(warnings::replaced(&id, &reasons, &self.load(&id).await, prior));
        }
    }

    async fn load(self, id: &AgentPoolId) -> Load {
        match self.azure {
            Some((client, call)) => Load::look(client, call, self.preflight, id).await,
            None => Load::default(),
        }
    }

    /// The region of a pool to be created, which is its registry's.
    async fn location(self, planned: &AgentPoolModel) -> Result<Field<String>, Diagnostic> {
        match planned.registry() {
            Some(id) => self.notes.look_up(self.azure, self.preflight, &id).await,
            None => Ok(Field::Unknown),
        }
    }

    /// Scaling to zero, or creating at zero, leaves tasks that name the pool without a machine.
    async fn zero_warning(self, prior: Option<&AgentPoolModel>, planned: &AgentPoolModel) -> Option<Diagnostic> {
        let becomes_zero = planned.instance_count == Field::Known(0)
            && prior.is_none_or(|prior| prior.instance_count != planned.instance_count);
        let ((client, call), id) = (self.azure?, planned.pool_id().filter(|_| becomes_zero)?);
        warnings::scaled_to_zero(client, call, &id).await
    }
}

/// Sets the computed values that are known at plan. `prior` is the pool that is changed in place, if it is.
fn predict(planned: &mut AgentPoolModel, prior: Option<&AgentPoolModel>) {
    let succeeded = Field::Known(SUCCEEDED.to_owned());
    if let Some(prior) = prior {
        planned.id = prior.id.clone();
        planned.location = prior.location.clone();
        planned.os = prior.os.clone();
        planned.readiness = planned_readiness(Some(prior), planned);
        planned.registry_name = prior.registry_name.clone();
        planned.resource_group_name = prior.resource_group_name.clone();
        planned.provisioning_state = match &planned.instance_count {
            count if *count == prior.instance_count => prior.provisioning_state.clone(),
            // The count may turn out to be the present one; then nothing is written and the state stays what it is.
            Field::Unknown if prior.provisioning_state != succeeded => Field::Unknown,
            _ => succeeded,
        };
    } else {
        // Unknown, so that a data source given the id waits for the pool.
        planned.id = Field::Unknown;
        planned.os = Field::Known(OS.to_owned());
        planned.readiness = planned_readiness(None, planned);
        planned.derive_parent();
        planned.provisioning_state = succeeded;
    }
    planned.derive_capacity();
}
