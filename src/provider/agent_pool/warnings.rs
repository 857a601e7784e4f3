//! What a reviewer should know of a plan, beyond the plan. Warnings are rare and name what to do.

use std::collections::BTreeSet;

use crate::{
    acr::{
        agent_pool::{self, AgentPool, AgentPoolId},
        task,
    },
    azure::{Call, Client},
    framework::{Diagnostic, Field, Path, Step},
    provider::{
        preflight::Preflight,
        why_queued::{Observed, queued_and_active, running},
    },
};

use super::{AgentPoolModel, Condition, creating::capitalised};

/// What is queued and running on a pool; `None` where this principal may not look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Runs that wait for a machine.
    pub queued: Option<i64>,
    /// Runs that have one.
    pub running: Option<i64>,
    /// Why they wait, as far as it can be known.
    pub why: Option<String>,
}

impl Load {
    /// Looks, as far as it may. Failures only leave things out: they make no plan fail.
    pub async fn look(client: &Client, call: &Call, preflight: &Preflight, pool: &AgentPoolId) -> Self {
        let (queued, active) = queued_and_active(client, call, pool).await;
        let running = active.as_ref().ok().and_then(|active| running(active));
        // The pool itself matters only where something waits: a plan of which nothing is lost costs no more requests.
        let why = match queued {
            Ok(1..) => {
                let observed = Observed {
                    pool: agent_pool::get(client, call, pool).await,
                    queued: queued.clone(),
                    active,
                };
                observed.explain(client, call, preflight, pool, None).await.paragraph()
            }
            _ => None,
        };
        let queued = queued.ok();
        Self { queued, running, why }
    }

    fn sentence(&self) -> Option<String> {
        let runs = |count: i64| {
            if count == 1 {
                "1 run".to_owned()
            } else {
                format!("{count} runs")
            }
        };
        match (self.queued, self.running) {
            (None, None) => None,
            (queued, running) => {
                let parts = [
                    queued.map(|n| format!("{} queued", runs(n))),
                    running.map(|n| format!("{} running", runs(n))),
                ];
                Some(format!(
                    "Now on the pool: {}.",
                    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
                ))
            }
        }
    }

    /// Why runs wait, as a paragraph that ends a message.
    fn reason(&self) -> String {
        self.why.as_ref().map_or_else(String::new, |why| format!("\n\n{why}"))
    }
}

/// What draining changes about the loss: nothing without `drain_timeout`. A destroy knows the state's.
fn drained(prior: &AgentPoolModel) -> Option<String> {
    let timeout = prior.drain_timeout.text()?;
    Some(format!(
        " Apply waits up to {timeout} (drain_timeout) for the runs that can still start to end, and changes nothing if they do not."
    ))
}

/// Why a pool is replaced, one clause each: `tier S1 -> S2 cannot change in place`.
#[must_use]
pub fn replacement_reasons(prior: &AgentPoolModel, planned: &AgentPoolModel, paths: &[Path]) -> Vec<String> {
    let show = |field: &Field<String>| match field {
        Field::Known(text) => text.clone(),
        Field::Null => "none".into(),
        Field::Unknown => "(known after apply)".into(),
    };
    let clause = |path: &Path| {
        let [Step::Attribute(name)] = path.0.as_slice() else {
            return None;
        };
        let (old, new) = match name.as_str() {
            "name" => (&prior.name, &planned.name),
            "registry_id" => (&prior.registry_id, &planned.registry_id),
            "subnet_id" => (&prior.subnet_id, &planned.subnet_id),
            "tier" => (&prior.tier, &planned.tier),
            "provisioning_state" => return Some("the pool has failed and replace_when_failed is set".to_owned()),
            _ => return None,
        };
        Some(format!("{name} {} -> {} cannot change in place", show(old), show(new)))
    };
    paths.iter().filter_map(clause).collect()
}

/// The pool is replaced: why, and what is lost.
#[must_use]
pub fn replaced(pool: &AgentPoolId, reasons: &[String], load: &Load, prior: &AgentPoolModel) -> Diagnostic {
    let mut detail = format!("Because {}.", reasons.join(", and "));
    detail.push_str(" Azure deletes the pool with everything queued or running on it and creates a new one, which takes some 10 to 25 minutes in which nothing builds.");
    if let Some(sentence) = load.sentence() {
        detail.push(' ');
        detail.push_str(&sentence);
    }
    detail.push_str(&drained(prior).unwrap_or_default());
    detail.push_str(&load.reason());
    Diagnostic::warning(format!("Replacing {}", pool.human()), detail)
}

/// The pool is destroyed while runs are on it; nothing to say about an idle one.
#[must_use]
pub fn destroyed(pool: &AgentPoolId, load: &Load, prior: &AgentPoolModel) -> Option<Diagnostic> {
    let busy = load.queued.unwrap_or(0) > 0 || load.running.unwrap_or(0) > 0;
    let sentence = load.sentence().filter(|_| busy)?;
    let what = drained(prior).unwrap_or_else(|| " They are lost with it.".to_owned());
    Some(Diagnostic::warning(
        format!("Destroying {}, which is in use", pool.human()),
        format!("{sentence}{what}{}", load.reason()),
    ))
}

/// The pool is destroyed and tasks will still name it.
#[must_use]
pub fn destroyed_under(pool: &AgentPoolId, tasks: &BTreeSet<String>) -> Option<Diagnostic> {
    if tasks.is_empty() {
        return None;
    }
    let names: Vec<&str> = tasks.iter().map(String::as_str).collect();
    let detail = format!(
        "These tasks name the pool, also after this plan: {}. Without it their runs cannot start. Name another pool in them, leave agent_pool_name out, or destroy them too.",
        names.join(", ")
    );
    Some(Diagnostic::warning(
        format!("Destroying {}, which tasks name", pool.human()),
        detail,
    ))
}

/// The pool is planned to be created and exists: it is tainted and will be replaced, or apply will be refused.
#[must_use]
pub fn exists_at_create(id: &AgentPoolId, pool: &AgentPool, load: &Load) -> Diagnostic {
    let state = pool.properties.provisioning_state.as_deref().unwrap_or("unknown");
    let load = load
        .sentence()
        .map_or_else(String::new, |sentence| format!(" {sentence}"));
    Diagnostic::warning(
        format!("{} exists now", capitalised(&id.human())),
        format!(
            "Azure has this pool, in the state {state}.{load} If this plan replaces it, because it is tainted, Azure deletes it with everything queued or running on it before it creates the new one. If it is not in this Terraform's state, apply will be refused: import it with the id\n\n  {id}"
        ),
    )
    .at_attribute("name")
}

/// The pool has failed, and whether it is to be replaced is not known yet: any plan could turn out wrong.
#[must_use]
pub fn undecided_failure() -> Diagnostic {
    Diagnostic::error(
        "replace_when_failed is not known yet",
        "The pool has failed, so that this argument decides now whether it is replaced, but its value will be known only after apply. Give it a value that is known, or apply what determines it first, with -target.",
    )
    .at_attribute("replace_when_failed")
}

/// What the pool's condition means for the user; nothing while all is well or an operation simply runs.
#[must_use]
pub fn condition(state: &AgentPoolModel) -> Option<Diagnostic> {
    let name = state.name.text().unwrap_or_default();
    let (what, detail) = match state.condition() {
        Condition::Settled | Condition::Busy => return None,
        Condition::Failed => (
            "has failed",
            "Azure reports the pool as Failed and does not say why. It cannot be mended or scaled, only replaced; before that, look for a change in its subnet's network security group or routes, which is the usual cause.\n\nTo replace it, run:\n\n  terraform apply -replace=ADDRESS\n\nwith the address of this resource, or set replace_when_failed = true.",
        ),
        Condition::Canceled => (
            "may not be usable",
            "Azure reports the last operation on the pool as Canceled. Whether it can be used is not known. If its runs stay queued, replace it:\n\n  terraform apply -replace=ADDRESS\n\nwith the address of this resource.",
        ),
        Condition::Deleting => (
            "is being deleted",
            "Azure is deleting the pool: an interrupted destroy goes on, or somebody else has deleted it. Plan again when it is gone; it is then created anew.",
        ),
    };
    Some(Diagnostic::warning(format!("Agent pool \"{name}\" {what}"), detail).at_attribute("provisioning_state"))
}

/// The pool is scaled to zero although tasks name it.
pub async fn scaled_to_zero(client: &Client, call: &Call, pool: &AgentPoolId) -> Option<Diagnostic> {
    let tasks = match task::list(client, call, pool.registry()).await {
        Ok(tasks) => tasks,
        Err(error) => {
            tracing::debug!(%error, "the registry's tasks cannot be read");
            return None;
        }
    };
    let names = task::naming_pool(&tasks, pool.name());
    if names.is_empty() {
        return None;
    }
    let detail = format!(
        "These tasks name the pool: {}. Their runs will stay queued until the pool has a machine again.",
        names.join(", ")
    );
    Some(Diagnostic::warning("Tasks are left without a machine", detail).at_attribute("instance_count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_name_the_attribute_and_both_values() {
        let tier = |tier: &str| AgentPoolModel {
            tier: Field::Known(tier.into()),
            ..AgentPoolModel::default()
        };
        let planned = AgentPoolModel {
            subnet_id: Field::Unknown,
            ..tier("S2")
        };
        let paths = [Path::attribute("subnet_id"), Path::attribute("tier")];
        assert_eq!(
            replacement_reasons(&tier("S1"), &planned, &paths),
            [
                "subnet_id none -> (known after apply) cannot change in place",
                "tier S1 -> S2 cannot change in place"
            ]
        );
    }

    #[test]
    fn load_is_told_as_far_as_it_is_known() {
        for (queued, running, sentence) in [
            (None, None, None),
            (Some(2), None, Some("Now on the pool: 2 runs queued.")),
            (Some(0), Some(1), Some("Now on the pool: 0 runs queued, 1 run running.")),
        ] {
            let load = Load {
                queued,
                running,
                why: None,
            };
            assert_eq!(load.sentence().as_deref(), sentence);
        }
    }
}
