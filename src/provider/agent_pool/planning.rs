//! What a plan of a pool can tell: computed values that are known already, reasons for replacement, and what is lost.

use crate::{
    acr::registry,
    azure::{Call, Client, Error},
    framework::{
        Diagnostic, Diagnostics, Field, Path,
        resource::{PlanRequest, RefinedPlan},
    },
    provider::diagnose,
};

use super::{
    AgentPoolModel, FAILED, OS, READINESS_UNKNOWN, SUCCEEDED,
    warnings::{self, Load},
};

/// Refines the framework's plan. `azure` is missing while the provider cannot be configured; then less is known.
pub async fn refine(
    azure: Option<&(Client, Call)>,
    request: PlanRequest<AgentPoolModel>,
) -> RefinedPlan<AgentPoolModel> {
    let mut plan = request.clone().unchanged();
    let Some(prior) = &request.prior else {
        predict(&mut plan.planned, None);
        locate(azure, &mut plan).await;
        if let Some(warning) = zero_warning(azure, None, &plan.planned).await {
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
        if plan.planned.registry_id == prior.registry_id {
            plan.planned.location = prior.location.clone();
        } else {
            locate(azure, &mut plan).await;
        }
        plan.diagnostics.extend(replacement_warning(azure, prior, &plan).await);
    } else {
        predict(&mut plan.planned, Some(prior));
        plan.diagnostics
            .extend(warnings::failed(prior).map(Diagnostics::from).unwrap_or_default());
    }
    if let Some(warning) = zero_warning(azure, Some(prior), &plan.planned).await {
        plan.diagnostics.push(warning);
    }
    plan
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

/// Sets the region of a pool to be created, which is its registry's; unknown when the registry does not exist yet or this
/// principal may not read it.
///
/// An outage, or a page of a proxy's, is an error. Terraform plans once more at apply: a region that was known and is then unknown would be reported
/// as a bug of the provider, and whoever cannot reach Azure cannot create a pool either.
async fn locate(azure: Option<&(Client, Call)>, plan: &mut RefinedPlan<AgentPoolModel>) {
    plan.planned.location = Field::Unknown;
    let (Some((client, call)), Some(id)) = (azure, plan.planned.registry()) else {
        return;
    };
    match registry::get(client, call, &id).await {
        Ok(registry) => plan.planned.location = Field::Known(registry.location),
        Err(error @ Error::Arm(_)) if !error.is_transient() => {
            tracing::debug!(%error, "the registry cannot be read; the plan leaves its location open");
        }
        Err(error) => plan
            .diagnostics
            .push(diagnose::azure(&format!("reading {}", id.human()), &error)),
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
