//! Before anything is written: preflight, and whether the run would find a machine at all.

use std::time::Duration;

use crate::{
    acr::agent_pool::{self, AgentPoolId},
    azure::{Call, Client},
    framework::{Diagnostic, Diagnostics, Path},
    provider::preflight::{
        Preflight,
        quota::Plans,
        runs::NO_MACHINE,
        settings::{Check, Setting},
    },
};

use super::{Order, Runner};

/// How long a pool without machines is given to be scaled by the same apply, which may go on side by side.
const SETTLE: Duration = Duration::from_secs(2);

impl Runner<'_> {
    /// Whether the order may be carried out.
    ///
    /// # Errors
    /// What preflight refuses, and a pool at zero that nobody scales: a run would wait there until somebody notices.
    pub(super) async fn gate(&self, order: &Order<'_>) -> Result<(), Diagnostics> {
        let checked = self
            .preflight
            .runs_at_apply(self.client, self.call, order.subject)
            .await;
        checked.map_err(|refusal| order.pointing(refusal))?;
        let Some(pool) = &order.subject.pool else {
            return match order.options.scale {
                Some(_) => Err(nothing_to_scale(order.what).into()),
                None => Ok(()),
            };
        };
        if order.options.scale.is_some() || !order.options.wait {
            return Ok(());
        }
        let refuses = !matches!(self.preflight.settings.of(Check::Pool), Setting::Warning | Setting::Off);
        if refuses && self.stays_at_zero(pool).await {
            return Err(order.pointing(no_machine(pool).into()));
        }
        Ok(())
    }

    /// Whether the pool has no machine, and neither this process nor Azure is about to give it one.
    async fn stays_at_zero(&self, pool: &AgentPoolId) -> bool {
        for last in [false, true] {
            match self.preflight.planned.of(pool) {
                Plans::Made(count) | Plans::Kept(Some(count)) if count > 0 => return false,
                Plans::Kept(None) => return false,
                _ => {}
            }
            let seen = agent_pool::get(self.client, self.call, pool).await;
            // What cannot be read is no reason to refuse: the run itself will show.
            if seen.ok().and_then(|pool| pool.properties.count) != Some(0) {
                return false;
            }
            if !last && self.call.sleep(SETTLE).await.is_err() {
                return false;
            }
        }
        true
    }
}

impl Order<'_> {
    /// What preflight says at plan. A pool at zero is no news to a run that scales it.
    pub async fn at_plan(&self, client: &Client, call: &Call, preflight: &Preflight) -> Diagnostics {
        let said = preflight.runs_at_plan(client, call, self.subject).await;
        let said = said.0.into_iter().filter_map(|it| {
            let pool = self.subject.pool.as_ref().filter(|_| it.summary == NO_MACHINE);
            match pool {
                None => Some(it),
                Some(_) if self.options.scale.is_some() => None,
                Some(pool) if self.options.wait && refuses_zero(preflight) => Some(planned_at_zero(pool, preflight)),
                Some(_) => Some(it),
            }
        });
        self.pointing(Diagnostics(said.collect()))
    }

    /// Diagnostics of preflight, pointing at an argument that the resource has.
    #[must_use]
    pub fn pointing(&self, diagnostics: Diagnostics) -> Diagnostics {
        match self.attribute {
            Some(attribute) => pointing_at(attribute, diagnostics),
            None => diagnostics,
        }
    }
}

/// The same diagnostics, all of them about one argument.
#[must_use]
pub fn pointing_at(attribute: &str, diagnostics: Diagnostics) -> Diagnostics {
    let all = diagnostics.0.into_iter();
    Diagnostics(all.map(|it| it.at(Path::attribute(attribute))).collect())
}

/// There is a `scale` block and no pool.
#[must_use]
pub fn nothing_to_scale(what: &str) -> Diagnostic {
    Diagnostic::error(
        "There is no agent pool to scale",
        format!(
            "The run of {what} goes to Azure's own machines, which need no scaling. Nothing was scheduled. Name an agent pool, or remove the scale block."
        ),
    )
    .at_attribute("scale")
}

/// Whether the user lets the check of pools refuse anything.
#[must_use]
pub fn refuses_zero(preflight: &Preflight) -> bool {
    !matches!(preflight.settings.of(Check::Pool), Setting::Warning | Setting::Off)
}

fn no_machine(pool: &AgentPoolId) -> Diagnostic {
    let detail = at_zero(pool, "Nothing was scheduled.");
    Diagnostic::error(NO_MACHINE, detail).at_attribute("agent_pool_name")
}

/// The same at plan, which may mend it.
fn planned_at_zero(pool: &AgentPoolId, preflight: &Preflight) -> Diagnostic {
    let told = match preflight.settings.fail_at_plan {
        true => Diagnostic::error(NO_MACHINE, at_zero(pool, "Nothing was written.")),
        false => Diagnostic::warning(
            NO_MACHINE,
            at_zero(
                pool,
                "Apply will be refused, before anything is scheduled, unless this plan also gives it one.",
            ),
        ),
    };
    told.at_attribute("agent_pool_name")
}

fn at_zero(pool: &AgentPoolId, so: &str) -> String {
    let (pool, variable) = (pool.human(), Check::Pool.variable());
    format!(
        "The {pool} is at zero, so that a run would stay queued for as long as this apply waits. {so} Let the run have machines while it needs them, with\n\n  scale {{\n    instances = 1\n  }}\n\nor raise the pool's instance_count. If something outside this configuration scales the pool when runs are queued, set {variable}=warning: the run is then scheduled and waits."
    )
}
