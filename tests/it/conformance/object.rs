//! One object of one resource type, driven as Core drives it: upgrade, read, validate, plan, plan again, apply.
//!
//! Between steps the object is what a state file holds: JSON text, private bytes, identity, and whether it is tainted.

mod calls;
mod stored;

use serde_json::Value as Json;
use terraform_provider_acr::protocol::wire;

pub use stored::Stored;

use super::{
    core::{Core, Transport, capabilities},
    json, msgpack,
    rules::{
        has_errors,
        plan::{self, Action, check_plan_again, check_replan_for_replace},
        read::World,
    },
    schema::Schema,
    value::CoreValue,
};

/// An object under management, with or without state.
pub struct Object<T> {
    core: Core<T>,
    schema: Schema,
    type_name: String,
    stored: Option<Stored>,
    world: World,
}

/// A plan, as a saved plan file would hold it.
#[derive(Clone, Debug)]
pub struct Planned {
    pub action: Action,
    pub planned: CoreValue,
    /// The paths that force a replacement, as Terraform prints them.
    pub replaces: Vec<String>,
    pub diagnostics: Vec<wire::Diagnostic>,
    /// Of a replacement: the first plan's, which the delete of the old object is given.
    private: Vec<u8>,
    identity: Option<CoreValue>,
}

/// What an apply did.
#[derive(Clone, Debug)]
pub struct Applied {
    pub action: Action,
    /// The state afterwards; null when there is none.
    pub state: CoreValue,
    pub tainted: bool,
    pub diagnostics: Vec<wire::Diagnostic>,
}

/// What a refresh found.
#[derive(Clone, Debug)]
pub struct Refreshed {
    pub gone: bool,
    /// The state differs from what was stored.
    pub drifted: bool,
    pub diagnostics: Vec<wire::Diagnostic>,
}

/// What a plan starts from.
struct Prior {
    state: CoreValue,
    private: Vec<u8>,
    identity: Option<CoreValue>,
}

impl Planned {
    fn refused(diagnostics: Vec<wire::Diagnostic>) -> Self {
        Self {
            action: Action::Refused,
            planned: CoreValue::Null,
            replaces: Vec::new(),
            diagnostics,
            private: Vec::new(),
            identity: None,
        }
    }

    pub fn errors(&self) -> Vec<String> {
        errors(&self.diagnostics)
    }
}

impl Applied {
    pub fn errors(&self) -> Vec<String> {
        errors(&self.diagnostics)
    }
}

/// The error diagnostics as text: summary, then detail.
pub fn errors(diagnostics: &[wire::Diagnostic]) -> Vec<String> {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity() == wire::diagnostic::Severity::Error);
    errors
        .map(|diagnostic| format!("{}: {}", diagnostic.summary, diagnostic.detail))
        .collect()
}

impl<T: Transport> Object<T> {
    pub(super) fn new(core: Core<T>, schema: Schema, type_name: &str, stored: Option<Stored>, world: World) -> Self {
        Self {
            core,
            schema,
            type_name: type_name.to_owned(),
            stored,
            world,
        }
    }

    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The current state; null when there is none, or when it does not fit the schema.
    pub fn state(&self) -> CoreValue {
        let stored = self.stored.as_ref();
        stored.map_or(CoreValue::Null, |s| {
            json::decode(s.json.as_bytes(), &self.schema.ty).unwrap_or(CoreValue::Null)
        })
    }

    /// What the state file holds, to look at or to replace (an older schema version, a lost identity).
    pub fn stored(&mut self) -> &mut Option<Stored> {
        &mut self.stored
    }

    pub fn is_tainted(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.tainted)
    }

    /// Says that the world outside may have changed: the next read may find drift, or nothing.
    pub fn changed_outside(&mut self) {
        self.world = World::Anything;
    }

    /// Upgrade and read, as at the start of every plan.
    pub async fn refresh(&mut self) -> Refreshed {
        let Some(stored) = self.stored.clone() else {
            return Refreshed {
                gone: true,
                drifted: false,
                diagnostics: Vec::new(),
            };
        };
        let mut diagnostics = self.upgrade(&stored).await;
        if !has_errors(&diagnostics) {
            diagnostics.extend(self.upgrade_identity().await);
        }
        if !has_errors(&diagnostics) {
            diagnostics.extend(self.refresh_only_read().await);
        }
        let drifted = self.stored.as_ref().is_none_or(|now| now.json != stored.json);
        Refreshed {
            gone: self.stored.is_none(),
            drifted,
            diagnostics,
        }
    }

    /// Plans, with everything that comes before a plan.
    pub async fn plan(&mut self, config: Json) -> Planned {
        let refreshed = self.refresh().await;
        if has_errors(&refreshed.diagnostics) {
            return Planned::refused(refreshed.diagnostics);
        }
        let mut planned = self.plan_without_refresh(config).await;
        planned.diagnostics.splice(0..0, refreshed.diagnostics);
        planned
    }

    /// Plans as `-refresh=false` does.
    pub async fn plan_without_refresh(&mut self, config: Json) -> Planned {
        let config = json::config(&config, &self.schema.block);
        self.validate_and_plan(&config).await
    }

    /// Plans and applies.
    pub async fn apply(&mut self, config: Json) -> Applied {
        self.apply_after(config.clone(), config).await
    }

    /// Plans with one configuration, which may hold unknown values, and applies with the one that came of it.
    pub async fn apply_after(&mut self, plan_config: Json, final_config: Json) -> Applied {
        let planned = self.plan(plan_config).await;
        self.apply_plan(&planned, final_config).await
    }

    /// Applies a plan made before: a saved plan. There is no refresh, and planning happens once more.
    pub async fn apply_plan(&mut self, planned: &Planned, final_config: Json) -> Applied {
        let mut diagnostics = planned.diagnostics.clone();
        if matches!(planned.action, Action::Refused | Action::NoOp) {
            return self.applied(planned.action, diagnostics);
        }
        let config = json::config(&final_config, &self.schema.block);
        if planned.action == Action::Replace {
            let prior = self.prior();
            let deleted = self
                .send_apply(&prior, &CoreValue::Null, &CoreValue::Null, &planned.private, None)
                .await;
            diagnostics.extend(deleted);
            if has_errors(&diagnostics) {
                return self.applied(Action::Replace, diagnostics);
            }
        }
        let again = self.validate_and_plan(&config).await;
        diagnostics.extend(again.diagnostics.iter().cloned());
        if again.action == Action::Refused {
            return self.applied(Action::Refused, diagnostics);
        }
        let violations = check_plan_again((planned.action, &planned.planned), (again.action, &again.planned));
        let consistent = violations.is_empty();
        self.core
            .report(&format!("{} plan at apply", self.type_name), violations);
        if consistent && again.action != Action::NoOp {
            let prior = self.prior();
            let sent = self
                .send_apply(&prior, &again.planned, &config, &again.private, again.identity.clone())
                .await;
            diagnostics.extend(sent);
        }
        let action = if consistent && again.action == Action::NoOp {
            Action::NoOp
        } else {
            planned.action
        };
        self.applied(action, diagnostics)
    }

    /// As [`Object::apply`] with `create_before_destroy`: the old object is put aside, the new one is created without
    /// any knowledge of it, and then the old one is deleted by what the plan said.
    pub async fn apply_create_before_destroy(&mut self, config: Json) -> Applied {
        let planned = self.plan(config.clone()).await;
        if planned.action != Action::Replace {
            return self.apply_plan(&planned, config).await;
        }
        let deposed_private = planned.private.clone();
        let deposed = self.stored.take();
        let creation = Planned {
            action: Action::Create,
            ..planned
        };
        let mut applied = self.apply_plan(&creation, config).await;
        applied.action = Action::Replace;
        if has_errors(&applied.diagnostics) {
            // Core takes the old object back when nothing came of the new one, and keeps both otherwise.
            if self.stored.is_none() {
                self.stored = deposed;
            }
            return applied;
        }
        let (core, schema) = (self.core.clone(), self.schema.clone());
        let mut deposed = Self::new(core, schema, &self.type_name, deposed, self.world);
        let (prior, null) = (deposed.prior(), CoreValue::Null);
        applied
            .diagnostics
            .extend(deposed.send_apply(&prior, &null, &null, &deposed_private, None).await);
        applied
    }

    /// Plans the destruction and destroys.
    pub async fn destroy(&mut self) -> Applied {
        let refreshed = self.refresh().await;
        let mut diagnostics = refreshed.diagnostics;
        if self.stored.is_none() || has_errors(&diagnostics) {
            return self.applied(Action::NoOp, diagnostics);
        }
        let prior = self.prior();
        let answer = self.ask_plan(&prior, &CoreValue::Null).await;
        diagnostics.extend(answer.diagnostics.iter().cloned());
        if has_errors(&diagnostics) {
            return self.applied(Action::Refused, diagnostics);
        }
        let null = CoreValue::Null;
        diagnostics.extend(
            self.send_apply(&prior, &null, &null, &answer.planned_private, None)
                .await,
        );
        self.applied(Action::Delete, diagnostics)
    }

    async fn validate_and_plan(&mut self, config: &CoreValue) -> Planned {
        let context = format!("{} validate", self.type_name);
        let request = wire::validate_resource_type_config::Request {
            type_name: self.type_name.clone(),
            config: Some(msgpack::encode(config, &self.schema.ty)),
            client_capabilities: Some(capabilities()),
        };
        let validated = match self.core.client().validate_resource_type_config(request).await {
            Ok(answer) => answer.into_inner().diagnostics,
            Err(status) => vec![self.core.transport_failed(&context, &status)],
        };
        self.core.check_diagnostics(&context, &self.schema.block, &validated);
        if has_errors(&validated) {
            return Planned::refused(validated);
        }
        let mut planned = self.plan_change(config).await;
        planned.diagnostics.splice(0..0, validated);
        planned
    }

    /// The plan proper, asked twice; for a replacement once more without prior state.
    async fn plan_change(&mut self, config: &CoreValue) -> Planned {
        let stored_prior = self.prior();
        let tainted = self.is_tainted();
        // A tainted object is planned like a new one, and only called a replacement afterwards.
        let prior = if tainted {
            Prior {
                state: CoreValue::Null,
                ..stored_prior
            }
        } else {
            stored_prior
        };
        let answer = self.ask_plan(&prior, config).await;
        if has_errors(&answer.diagnostics) {
            return Planned::refused(answer.diagnostics);
        }
        let state = self.decode(answer.planned_state.as_ref());
        let paths = &answer.requires_replace;
        let mut planned = Planned {
            action: plan::action(&self.schema, &prior.state, &state, paths),
            replaces: plan::replacing(&self.schema, &prior.state, &state, paths)
                .iter()
                .map(ToString::to_string)
                .collect(),
            planned: state,
            diagnostics: answer.diagnostics.clone(),
            private: answer.planned_private.clone(),
            identity: self.decode_identity(answer.planned_identity.as_ref()),
        };
        if planned.action == Action::Replace {
            let identity = planned.identity.clone();
            let gone = Prior {
                state: CoreValue::Null,
                private: answer.planned_private.clone(),
                identity,
            };
            let replan = self.ask_plan(&gone, config).await;
            let nothing = Prior {
                state: CoreValue::Null,
                private: Vec::new(),
                identity: None,
            };
            let create = self.ask_plan(&nothing, config).await;
            planned.diagnostics.extend(replan.diagnostics.iter().cloned());
            if has_errors(&replan.diagnostics) {
                return Planned::refused(planned.diagnostics);
            }
            planned.planned = self.decode(replan.planned_state.as_ref());
            let violations = check_replan_for_replace(&planned.planned, &self.decode(create.planned_state.as_ref()));
            self.core
                .report(&format!("{} plan of the replacement", self.type_name), violations);
        }
        if tainted {
            planned.action = Action::Replace;
        }
        planned
    }

    fn applied(&self, action: Action, diagnostics: Vec<wire::Diagnostic>) -> Applied {
        Applied {
            action,
            state: self.state(),
            tainted: self.is_tainted(),
            diagnostics,
        }
    }

    fn prior(&self) -> Prior {
        let stored = self.stored.as_ref();
        let identity = stored
            .and_then(|stored| stored.identity.as_ref())
            .zip(self.schema.identity.as_ref());
        Prior {
            state: self.state(),
            private: stored.map(|stored| stored.private.clone()).unwrap_or_default(),
            identity: identity.and_then(|(stored, schema)| json::decode(stored.json.as_bytes(), &schema.ty).ok()),
        }
    }
}
