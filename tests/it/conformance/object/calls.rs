//! The calls that an object makes: each one encodes, asks, checks the answer by the rules, and keeps what Core would.

use terraform_provider_acr::protocol::wire::{self, apply_resource_change, plan_resource_change};

use super::{
    Object, Prior,
    stored::{Stored, StoredIdentity, with_blocks, without_unknowns},
};
use crate::conformance::{
    core::{Transport, capabilities},
    json, msgpack,
    propose::proposed_new_state,
    rules::{
        apply::{self, check_apply},
        has_errors,
        identity::{IdentityRules, check_identity},
        plan::{self, check_determinism, check_plan},
        read::{self, World, check_read},
        upgrade::check_upgrade,
    },
    value::CoreValue,
};

impl<T: Transport> Object<T> {
    /// The read alone, without upgrade: what follows an import.
    pub(in crate::conformance) async fn refresh_only_read(&mut self) -> Vec<wire::Diagnostic> {
        let context = format!("{} read", self.type_name);
        let Some(stored) = self.stored.clone() else {
            return Vec::new();
        };
        let prior = self.prior();
        let request = wire::read_resource::Request {
            type_name: self.type_name.clone(),
            current_state: Some(msgpack::encode(&prior.state, &self.schema.ty)),
            private: stored.private.clone(),
            provider_meta: None,
            client_capabilities: Some(capabilities()),
            current_identity: self.encode_identity(prior.identity.as_ref()),
        };
        let answer = match self.core.client().read_resource(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return vec![self.core.transport_failed(&context, &status)],
        };
        let asked = read::Asked {
            current: &prior.state,
            private: &stored.private,
            identity: prior.identity.as_ref(),
            world: self.world,
        };
        self.core
            .check_diagnostics(&context, &self.schema.block, &answer.diagnostics);
        self.core.report(&context, check_read(&self.schema, &asked, &answer));
        if has_errors(&answer.diagnostics) {
            return answer.diagnostics;
        }
        let Ok(state) = msgpack::decode(answer.new_state.as_ref(), &self.schema.ty) else {
            return answer.diagnostics;
        };
        let identity = answer
            .new_identity
            .as_ref()
            .and_then(|identity| identity.identity_data.as_ref());
        self.stored = (!state.is_null()).then(|| Stored {
            tainted: stored.tainted,
            ..Stored::new(
                &self.schema,
                &with_blocks(&self.schema, state),
                answer.private.clone(),
                identity,
            )
        });
        self.world = World::AsInState;
        answer.diagnostics
    }

    pub(super) async fn upgrade(&mut self, stored: &Stored) -> Vec<wire::Diagnostic> {
        let context = format!("{} upgrade", self.type_name);
        let request = wire::upgrade_resource_state::Request {
            type_name: self.type_name.clone(),
            version: stored.schema_version,
            raw_state: Some(wire::RawState {
                json: stored.json.clone().into_bytes(),
                flatmap: Default::default(),
            }),
        };
        let answer = match self.core.client().upgrade_resource_state(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return vec![self.core.transport_failed(&context, &status)],
        };
        let current = (stored.schema_version == self.schema.version)
            .then(|| json::decode(stored.json.as_bytes(), &self.schema.ty).ok())
            .flatten();
        self.core
            .check_diagnostics(&context, &self.schema.block, &answer.diagnostics);
        self.core
            .report(&context, check_upgrade(&self.schema, current.as_ref(), &answer));
        let upgraded = msgpack::decode(answer.upgraded_state.as_ref(), &self.schema.ty);
        if let (false, Ok(state)) = (has_errors(&answer.diagnostics), upgraded) {
            let mut now = stored.clone();
            now.json = json::encode(&without_unknowns(&state));
            now.schema_version = self.schema.version;
            self.stored = Some(now);
        }
        answer.diagnostics
    }

    /// Brings a stored identity of an older version to the current one. Core does not ask when the versions agree.
    pub(super) async fn upgrade_identity(&mut self) -> Vec<wire::Diagnostic> {
        let context = format!("{} upgrade of the identity", self.type_name);
        let old = self.stored.as_ref().and_then(|stored| stored.identity.clone());
        let (Some(old), Some(schema)) = (old, self.schema.identity.clone()) else {
            return Vec::new();
        };
        if old.schema_version >= schema.version {
            return Vec::new();
        }
        let request = wire::upgrade_resource_identity::Request {
            type_name: self.type_name.clone(),
            version: old.schema_version,
            raw_identity: Some(wire::RawState {
                json: old.json.into_bytes(),
                flatmap: Default::default(),
            }),
        };
        let answer = match self.core.client().upgrade_resource_identity(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return vec![self.core.transport_failed(&context, &status)],
        };
        let mut violations = Vec::new();
        let rules = IdentityRules {
            present: "U1",
            valid: "U1",
        };
        let upgraded = answer.upgraded_identity.as_ref();
        let identity = check_identity(rules, &self.schema, upgraded, None, true, &mut violations);
        self.core
            .check_diagnostics(&context, &self.schema.block, &answer.diagnostics);
        if has_errors(&answer.diagnostics) {
            return answer.diagnostics;
        }
        self.core.report(&context, violations);
        if let Some(stored) = &mut self.stored {
            stored.identity = identity.map(|identity| StoredIdentity {
                json: json::encode(&without_unknowns(&identity)),
                schema_version: schema.version,
            });
        }
        answer.diagnostics
    }

    /// Asks for a plan twice, and checks the first answer and that the second is the same.
    pub(super) async fn ask_plan(&mut self, prior: &Prior, config: &CoreValue) -> plan_resource_change::Response {
        let context = format!("{} plan", self.type_name);
        let proposed = proposed_new_state(&self.schema.block, &prior.state, config);
        let request = wire::plan_resource_change::Request {
            type_name: self.type_name.clone(),
            prior_state: Some(msgpack::encode(&prior.state, &self.schema.ty)),
            proposed_new_state: Some(msgpack::encode(&proposed, &self.schema.ty)),
            config: Some(msgpack::encode(config, &self.schema.ty)),
            prior_private: prior.private.clone(),
            provider_meta: None,
            client_capabilities: Some(capabilities()),
            prior_identity: self.encode_identity(prior.identity.as_ref()),
        };
        let answer = self.core.client().plan_resource_change(request.clone()).await;
        let again = self.core.client().plan_resource_change(request).await;
        let (answer, again) = match (answer, again) {
            (Ok(answer), Ok(again)) => (answer.into_inner(), again.into_inner()),
            (Err(status), _) | (_, Err(status)) => {
                let diagnostics = vec![self.core.transport_failed(&context, &status)];
                return plan_resource_change::Response {
                    diagnostics,
                    ..Default::default()
                };
            }
        };
        let asked = plan::Asked {
            prior: &prior.state,
            config,
            proposed: &proposed,
            prior_identity: prior.identity.as_ref(),
        };
        self.core
            .check_diagnostics(&context, &self.schema.block, &answer.diagnostics);
        self.core.report(&context, check_plan(&self.schema, &asked, &answer));
        self.core
            .report(&context, check_determinism(&self.schema, &answer, &again));
        answer
    }

    /// Sends one apply, checks it, and stores what Core would store.
    pub(super) async fn send_apply(
        &mut self,
        prior: &Prior,
        planned: &CoreValue,
        config: &CoreValue,
        planned_private: &[u8],
        identity: Option<CoreValue>,
    ) -> Vec<wire::Diagnostic> {
        let context = format!("{} apply", self.type_name);
        let request = wire::apply_resource_change::Request {
            type_name: self.type_name.clone(),
            prior_state: Some(msgpack::encode(&prior.state, &self.schema.ty)),
            planned_state: Some(msgpack::encode(planned, &self.schema.ty)),
            config: Some(msgpack::encode(config, &self.schema.ty)),
            planned_private: planned_private.to_vec(),
            provider_meta: None,
            planned_identity: self.encode_identity(identity.as_ref()),
        };
        let answer = match self.core.client().apply_resource_change(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return vec![self.core.transport_failed(&context, &status)],
        };
        let kept = prior.identity.as_ref().filter(|_| !prior.state.is_null());
        let asked = apply::Asked {
            planned,
            planned_private,
            identity: kept,
        };
        self.core
            .check_diagnostics(&context, &self.schema.block, &answer.diagnostics);
        self.core.report(&context, check_apply(&self.schema, &asked, &answer));
        self.store(prior, &answer);
        answer.diagnostics
    }

    /// What Core keeps after an apply: with errors and no state the prior one, else what came back; a creation that
    /// failed half-way is tainted.
    fn store(&mut self, prior: &Prior, answer: &apply_resource_change::Response) {
        let failed = has_errors(&answer.diagnostics);
        self.world = if failed { World::Anything } else { World::AsInState };
        let Ok(state) = msgpack::decode(answer.new_state.as_ref(), &self.schema.ty) else {
            return;
        };
        if state.is_null() {
            if !failed {
                self.stored = None;
            }
            return;
        }
        let identity = answer
            .new_identity
            .as_ref()
            .and_then(|identity| identity.identity_data.as_ref());
        let mut stored = Stored::new(&self.schema, &state, answer.private.clone(), identity);
        stored.tainted = failed && prior.state.is_null();
        self.stored = Some(stored);
    }

    pub(super) fn decode(&self, value: Option<&wire::DynamicValue>) -> CoreValue {
        msgpack::decode(value, &self.schema.ty).unwrap_or(CoreValue::Null)
    }

    pub(super) fn decode_identity(&self, identity: Option<&wire::ResourceIdentityData>) -> Option<CoreValue> {
        let schema = self.schema.identity.as_ref()?;
        let data = identity.and_then(|identity| identity.identity_data.as_ref());
        msgpack::decode(data, &schema.ty).ok().filter(|value| !value.is_null())
    }

    pub(super) fn encode_identity(&self, identity: Option<&CoreValue>) -> Option<wire::ResourceIdentityData> {
        let (identity, schema) = (identity?, self.schema.identity.as_ref()?);
        Some(wire::ResourceIdentityData {
            identity_data: Some(msgpack::encode(identity, &schema.ty)),
        })
    }
}
