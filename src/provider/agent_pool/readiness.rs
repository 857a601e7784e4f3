//! What is known of a pool's ability to run builds: when it is probed, what a plan says of it, and what a probe means.
//!
//! Terraform marks only failed creations as tainted. So that a scale-out whose probe has failed is not taken for good,
//! `failed` is stored and the next plan promises `passed`, which makes the next apply probe again; with `warn` the failure
//! has been told, and the next plan is empty.

use crate::{
    acr::agent_pool::AgentPoolId,
    framework::{Diagnostic, Field, resource::Outcome},
    model,
};

use super::{AgentPoolModel, READINESS_FAILED, READINESS_PASSED, READINESS_UNKNOWN};

/// How long the probe's run may take, queue included, when the user says nothing.
pub const TIMEOUT: &str = "10m";

/// The choices of `on_failure`: the pool is kept, or counts as not made.
pub const ON_FAILURE: [&str; 2] = ["warn", "error"];

/// The action without which nothing can be scheduled.
const SCHEDULE_ACTION: &str = "Microsoft.ContainerRegistry/registries/scheduleRun/action";

model! {
    /// How a pool is probed.
    pub struct ReadinessProbe {
        /// `warn` or `error`.
        pub on_failure: String,
        /// How long its run may take.
        pub timeout: String,
    }
}

/// Whether the pool is to be probed after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// No.
    No,
    /// It depends on what is known only after apply.
    Open,
    /// Its machines are new.
    Yes,
    /// The last probe has failed, and `on_failure` is `error`.
    Again,
}

/// What the probe has shown.
#[derive(Debug)]
pub enum Probed {
    /// The run has finished.
    Passed,
    /// This principal may not schedule runs: nothing is known. Azure's answer.
    NotAllowed(String),
    /// The run has not been seen to finish.
    Failed {
        /// Why, and what the run has come to.
        why: String,
        /// Whether the user ended it.
        interrupted: bool,
    },
}

/// Which write the probe follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The pool was created: an error makes Terraform replace it.
    Create,
    /// It was scaled, or nothing was written at all.
    Change,
}

/// Whether a change from `prior` to `planned` is to be followed by a probe.
#[must_use]
pub fn due(prior: Option<&AgentPoolModel>, planned: &AgentPoolModel) -> Due {
    let probe = match &planned.readiness_probe {
        Field::Null => return Due::No,
        Field::Unknown => None,
        Field::Known(probe) => Some(probe),
    };
    let has_machines = planned.instance_count.map(|count| *count > 0);
    if has_machines == Field::Known(false) {
        return Due::No;
    }
    let new_machines = match prior {
        None => true,
        Some(prior) => prior.instance_count == Field::Known(0),
    };
    if new_machines {
        return match (probe, has_machines) {
            (Some(_), Field::Known(true)) => Due::Yes,
            _ => Due::Open,
        };
    }
    let failed = prior.is_some_and(|prior| prior.readiness.text() == Some(READINESS_FAILED));
    match probe.map(|probe| &probe.on_failure) {
        _ if !failed => Due::No,
        Some(Field::Known(on_failure)) if on_failure == ON_FAILURE[1] => match has_machines {
            Field::Known(true) => Due::Again,
            _ => Due::Open,
        },
        Some(Field::Known(_) | Field::Null) => Due::No,
        Some(Field::Unknown) | None => Due::Open,
    }
}

/// What `readiness` is planned to be.
#[must_use]
pub fn planned_readiness(prior: Option<&AgentPoolModel>, planned: &AgentPoolModel) -> Field<String> {
    match due(prior, planned) {
        Due::Yes | Due::Open => Field::Unknown,
        Due::Again => Field::Known(READINESS_PASSED.to_owned()),
        Due::No => known_readiness(prior),
    }
}

/// What is known of the pool's readiness before anything happens to it.
#[must_use]
pub fn known_readiness(prior: Option<&AgentPoolModel>) -> Field<String> {
    let known = prior.and_then(|prior| prior.readiness.text());
    Field::Known(known.unwrap_or(READINESS_UNKNOWN).to_owned())
}

/// Whether a failed probe is an error.
#[must_use]
pub fn refuses(model: &AgentPoolModel) -> bool {
    let probe = model.readiness_probe.known();
    probe.is_some_and(|probe| probe.on_failure.text() == Some(ON_FAILURE[1]))
}

/// What a probe means for a pool that was written: its state, and what there is to say. `promised` tells that the plan
/// has said `passed`.
pub fn conclude(
    id: &AgentPoolId,
    state: AgentPoolModel,
    probed: Probed,
    after: After,
    promised: bool,
) -> Outcome<AgentPoolModel> {
    let with = |readiness: &str| AgentPoolModel {
        readiness: Field::Known(readiness.to_owned()),
        ..state.clone()
    };
    let summary = format!("Probing the readiness of {}", id.human());
    match probed {
        Probed::Passed => Outcome::of(with(READINESS_PASSED)),
        Probed::NotAllowed(said) => {
            let missing = format!(
                "This principal may not schedule runs, so that it is not known whether the pool can run any. Grant it {SCHEDULE_ACTION} (the role \"Container Registry Tasks Contributor\" has it), or remove readiness_probe.\n\n{said}"
            );
            if promised {
                let detail = format!("The last probe has failed and is to be repeated. {missing}");
                let error = Diagnostic::error(summary, detail).at_attribute("readiness_probe");
                return Outcome::failed(Some(with(READINESS_FAILED)), error);
            }
            Outcome::of(with(READINESS_UNKNOWN))
                .with(Diagnostic::warning(summary, missing).at_attribute("readiness_probe"))
        }
        Probed::Failed { why, .. } if refuses(&state) => {
            let next = match after {
                After::Create => "The pool is kept in the state as tainted: the next apply replaces it.",
                After::Change => "The pool is kept as it is: the next apply probes it again.",
            };
            let error = Diagnostic::error(summary, format!("{why}\n\n{next}")).at_attribute("readiness_probe");
            Outcome::failed(Some(with(READINESS_FAILED)), error)
        }
        Probed::Failed { why, interrupted } => {
            let readiness = if interrupted {
                READINESS_UNKNOWN
            } else {
                READINESS_FAILED
            };
            let detail = format!(
                "{why}\n\nThe pool is kept, and its readiness is \"{readiness}\". Nothing probes it again by itself; with on_failure = \"error\" the next apply does so if it has failed."
            );
            Outcome::of(with(readiness)).with(Diagnostic::warning(summary, detail).at_attribute("readiness_probe"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(count: Field<i64>, readiness: &str, on_failure: Option<Field<String>>) -> AgentPoolModel {
        AgentPoolModel {
            instance_count: count,
            readiness: Field::Known(readiness.to_owned()),
            readiness_probe: Field::from(on_failure).map(|on_failure: &Field<String>| ReadinessProbe {
                on_failure: on_failure.clone(),
                timeout: Field::Null,
            }),
            ..AgentPoolModel::default()
        }
    }

    #[test]
    fn when_a_pool_is_probed() {
        let known = |text: &str| Some(Field::Known(text.to_owned()));
        let planned = |count, on_failure| pool(count, "unknown", on_failure);
        let some = |count, readiness| Some(pool(Field::Known(count), readiness, None));
        let three = Field::Known(3);
        for (prior, planned, expected) in [
            (None, planned(three.clone(), None), Due::No),
            (None, planned(three.clone(), known("warn")), Due::Yes),
            (None, planned(Field::Known(0), known("error")), Due::No),
            (None, planned(Field::Unknown, known("warn")), Due::Open),
            (some(0, "passed"), planned(three.clone(), known("warn")), Due::Yes),
            (some(0, "failed"), planned(three.clone(), known("error")), Due::Yes),
            (some(1, "unknown"), planned(three.clone(), known("error")), Due::No),
            (some(1, "failed"), planned(three.clone(), known("warn")), Due::No),
            (some(1, "failed"), planned(three.clone(), known("error")), Due::Again),
            (some(3, "failed"), planned(three.clone(), known("error")), Due::Again),
            (some(3, "failed"), planned(Field::Known(0), known("error")), Due::No),
            (some(3, "failed"), planned(Field::Unknown, known("error")), Due::Open),
            (
                some(3, "failed"),
                planned(three.clone(), Some(Field::Unknown)),
                Due::Open,
            ),
            (some(3, "failed"), planned(three.clone(), None), Due::No),
            (some(0, "unknown"), planned(three, None), Due::No),
        ] {
            assert_eq!(due(prior.as_ref(), &planned), expected, "{prior:?} -> {planned:?}");
        }
        let hidden = AgentPoolModel {
            readiness_probe: Field::Unknown,
            ..pool(Field::Known(1), "unknown", None)
        };
        assert_eq!(due(None, &hidden), Due::Open);
    }

    #[test]
    fn what_a_plan_says_of_readiness() {
        let error = || Some(Field::Known("error".to_owned()));
        let prior = pool(Field::Known(1), "failed", error());
        let known = |text: &str| Field::Known(text.to_owned());
        assert_eq!(planned_readiness(Some(&prior), &prior), known("passed"));
        let warns = pool(Field::Known(1), "failed", Some(known("warn")));
        assert_eq!(
            planned_readiness(Some(&warns), &warns),
            known("failed"),
            "the plan is empty"
        );
        assert_eq!(planned_readiness(None, &prior), Field::Unknown);
        let without = pool(Field::Known(1), "unknown", None);
        assert_eq!(planned_readiness(None, &without), known("unknown"));
    }

    #[test]
    fn what_each_end_of_a_probe_means() {
        let id: AgentPoolId = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds/agentPools/p01".parse().unwrap();
        let ended = |interrupted| Probed::Failed {
            why: "Because.".into(),
            interrupted,
        };
        let not_allowed = || Probed::NotAllowed("403".into());
        for (on_failure, probed, promised, readiness, is_error, says) in [
            ("warn", Probed::Passed, false, "passed", false, ""),
            ("warn", ended(false), false, "failed", false, "Because."),
            ("warn", ended(true), false, "unknown", false, "Because."),
            ("error", ended(false), false, "failed", true, "Because."),
            ("error", ended(true), true, "failed", true, "probes it again"),
            ("error", not_allowed(), false, "unknown", false, SCHEDULE_ACTION),
            ("error", not_allowed(), true, "failed", true, SCHEDULE_ACTION),
        ] {
            let state = pool(Field::Known(1), "unknown", Some(Field::Known(on_failure.to_owned())));
            let case = format!("{on_failure} {probed:?} {promised}");
            let outcome = conclude(&id, state, probed, After::Change, promised);
            assert_eq!(outcome.state.unwrap().readiness.text(), Some(readiness), "{case}");
            assert_eq!(outcome.diagnostics.has_errors(), is_error, "{case}");
            let told = format!("{:?}", outcome.diagnostics);
            assert!(told.contains(says), "{case}: {told}");
        }
    }
}
