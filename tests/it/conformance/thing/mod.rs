//! `acr_thing`: a provider written by hand on the bare protocol, honest unless told to be wrong in one way.
//!
//! It has one resource type with one of everything that the rules speak of, a data source, and a world of things in
//! memory. [`wrong`] changes its answers: a mutant for each rule.

pub mod schema;
pub mod wrong;

use std::{collections::BTreeMap, sync::Mutex};

use terraform_provider_acr::protocol::wire::{self, provider_server::Provider};
use tonic::{Request, Response, Status};

use super::{
    json, msgpack,
    schema::{Identity, Schema, Use, read, read_identity},
    value::CoreValue,
};

/// The resource type and data source.
pub const TYPE: &str = "acr_thing";
/// What the provider plans for `tier` when the configuration is silent.
const TIER_DEFAULT: &str = "small";
/// Private data of a thing: any bytes, so that their loss shows.
const PRIVATE: &[u8] = br#"{"thing":"e30="}"#;

/// The size at which even an honest thing is made, and then fails: what it is has to be kept all the same.
pub const UNLUCKY_SIZE: i64 = 13;

/// The provider and its world: things by id.
pub struct Thing {
    wrong: &'static str,
    schema: Schema,
    identity: Option<Identity>,
    data_schema: Schema,
    world: Mutex<World>,
}

#[derive(Default)]
pub struct World {
    things: BTreeMap<String, CoreValue>,
    /// How many plans there were: what an honest plan never looks at.
    plans: u32,
}

impl Thing {
    /// Answers by the rules.
    pub fn honest() -> Self {
        Self::wrong("")
    }

    /// Breaks one rule: see [`wrong`] for the names.
    pub fn wrong(wrong: &'static str) -> Self {
        let sound = |wire: &wire::Schema, used| read(TYPE, wire, used).0.unwrap();
        Self {
            wrong,
            schema: sound(&schema::resource(), Use::Resource),
            identity: Some(read_identity(TYPE, &schema::identity()).0),
            data_schema: sound(&schema::data_source(), Use::DataSource),
            world: Mutex::default(),
        }
    }

    /// The same without an identity schema, as for Terraform before 1.12.
    pub fn without_identity(self) -> Self {
        Self { identity: None, ..self }
    }

    fn decode(&self, value: Option<&wire::DynamicValue>) -> Result<CoreValue, Status> {
        let value = msgpack::decode(value, &self.schema.ty);
        value.map_err(|misfit| Status::invalid_argument(format!("{}: {}", misfit.path, misfit.message)))
    }

    fn encode(&self, value: &CoreValue) -> Option<wire::DynamicValue> {
        Some(msgpack::encode(value, &self.schema.ty))
    }

    /// The identity of the thing with this id, if the type has identities at all.
    fn identify(&self, id: &CoreValue) -> Option<wire::ResourceIdentityData> {
        let schema = self.identity.as_ref()?;
        let identity = CoreValue::object([("id", id.clone())]);
        Some(wire::ResourceIdentityData {
            identity_data: Some(msgpack::encode(&identity, &schema.ty)),
        })
    }

    /// The plan of an honest provider.
    fn plan(prior: &CoreValue, proposed: &CoreValue, config: &CoreValue) -> CoreValue {
        let mut planned = proposed.clone();
        if planned.is_null() {
            return planned;
        }
        planned.put("token", CoreValue::Null);
        if config.get("tier").is_null() {
            planned.put("tier", CoreValue::string(TIER_DEFAULT));
        }
        if planned == *prior {
            return planned;
        }
        planned.put("revision", CoreValue::unknown());
        if prior.is_null() {
            planned.put("id", CoreValue::unknown());
        }
        let handled = |rule: &CoreValue| {
            let mut rule = rule.clone();
            if rule.get("handle").is_null() {
                rule.put("handle", CoreValue::unknown());
            }
            rule
        };
        if let CoreValue::List(rules) = planned.get("rule") {
            planned.put("rule", CoreValue::List(rules.iter().map(handled).collect()));
        }
        planned
    }

    /// The result of an honest create or update.
    fn result(prior: &CoreValue, planned: &CoreValue) -> CoreValue {
        let mut state = planned.clone();
        if state.get("id").is_unknown() {
            let name = state.get("name").text().unwrap_or_default().to_owned();
            state.put("id", CoreValue::string(&format!("thing-{name}")));
        }
        if state.get("revision").is_unknown() {
            // A mutant may have lost the revision; then it starts again.
            let revision = match prior.get("revision") {
                CoreValue::Number(revision) => revision.clone(),
                _ => 0.into(),
            };
            state.put("revision", CoreValue::Number(revision + 1));
        }
        let handled = |(index, rule): (usize, &CoreValue)| {
            let mut rule = rule.clone();
            if rule.get("handle").is_unknown() {
                rule.put("handle", CoreValue::string(&format!("handle-{index}")));
            }
            rule
        };
        if let CoreValue::List(rules) = planned.get("rule") {
            state.put("rule", CoreValue::List(rules.iter().enumerate().map(handled).collect()));
        }
        state
    }

    /// An honest read: what the world holds, and from the state what the world cannot tell.
    fn read(&self, current: &CoreValue) -> CoreValue {
        let world = self.world.lock().unwrap();
        let id = current.get("id").text().unwrap_or_default().to_owned();
        let Some(thing) = world.things.get(&id) else {
            return CoreValue::Null;
        };
        let mut state = thing.clone();
        for kept in ["timeouts", "token_version"] {
            state.put(kept, current.get(kept).clone());
        }
        state
    }
}

#[tonic::async_trait]
impl Provider for Thing {
    async fn get_schema(
        &self,
        _: Request<wire::get_provider_schema::Request>,
    ) -> Result<Response<wire::get_provider_schema::Response>, Status> {
        let mut resource = schema::resource();
        wrong::schema(self.wrong, &mut resource);
        Ok(Response::new(wire::get_provider_schema::Response {
            provider: Some(schema::provider()),
            resource_schemas: [(TYPE.to_owned(), resource)].into(),
            data_source_schemas: [(TYPE.to_owned(), schema::data_source())].into(),
            server_capabilities: Some(wire::ServerCapabilities {
                plan_destroy: true,
                ..Default::default()
            }),
            ..Default::default()
        }))
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<wire::get_resource_identity_schemas::Request>,
    ) -> Result<Response<wire::get_resource_identity_schemas::Response>, Status> {
        let schemas = self.identity.iter().map(|_| (TYPE.to_owned(), schema::identity()));
        let identity_schemas = schemas.collect();
        Ok(Response::new(wire::get_resource_identity_schemas::Response {
            identity_schemas,
            diagnostics: Vec::new(),
        }))
    }

    async fn prepare_provider_config(
        &self,
        request: Request<wire::prepare_provider_config::Request>,
    ) -> Result<Response<wire::prepare_provider_config::Response>, Status> {
        let prepared_config = request.into_inner().config;
        Ok(Response::new(wire::prepare_provider_config::Response {
            prepared_config,
            diagnostics: Vec::new(),
        }))
    }

    async fn configure(
        &self,
        _: Request<wire::configure::Request>,
    ) -> Result<Response<wire::configure::Response>, Status> {
        Ok(Response::new(wire::configure::Response::default()))
    }

    async fn validate_resource_type_config(
        &self,
        _: Request<wire::validate_resource_type_config::Request>,
    ) -> Result<Response<wire::validate_resource_type_config::Response>, Status> {
        let diagnostics = wrong::validate(self.wrong);
        Ok(Response::new(wire::validate_resource_type_config::Response {
            diagnostics,
        }))
    }

    async fn validate_data_source_config(
        &self,
        _: Request<wire::validate_data_source_config::Request>,
    ) -> Result<Response<wire::validate_data_source_config::Response>, Status> {
        Ok(Response::new(wire::validate_data_source_config::Response::default()))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> Result<Response<wire::upgrade_resource_state::Response>, Status> {
        let raw = request.into_inner().raw_state.unwrap_or_default();
        let mut state = json::decode(&raw.json, &self.schema.ty)
            .map_err(|misfit| Status::invalid_argument(format!("{}: {}", misfit.path, misfit.message)))?;
        wrong::upgrade(self.wrong, &mut state);
        let upgraded_state = self.encode(&state);
        Ok(Response::new(wire::upgrade_resource_state::Response {
            upgraded_state,
            diagnostics: Vec::new(),
        }))
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<wire::upgrade_resource_identity::Request>,
    ) -> Result<Response<wire::upgrade_resource_identity::Response>, Status> {
        let raw = request.into_inner().raw_identity.unwrap_or_default();
        let old: serde_json::Value =
            serde_json::from_slice(&raw.json).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let id = CoreValue::string(&format!("thing-{}", old["name"].as_str().unwrap_or_default()));
        let upgraded_identity = self.identify(&id).filter(|_| self.wrong != "U1-identity");
        Ok(Response::new(wire::upgrade_resource_identity::Response {
            upgraded_identity,
            diagnostics: Vec::new(),
        }))
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> Result<Response<wire::read_resource::Response>, Status> {
        let request = request.into_inner();
        let current = self.decode(request.current_state.as_ref())?;
        let state = self.read(&current);
        let mut answer = wrong::Answer {
            identity: if state.is_null() {
                None
            } else {
                self.identify(state.get("id"))
            },
            value: state,
            private: request.private,
        };
        wrong::read(self.wrong, self, &current, &mut answer);
        Ok(Response::new(wire::read_resource::Response {
            new_state: self.encode(&answer.value),
            private: answer.private,
            new_identity: answer.identity,
            ..Default::default()
        }))
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> Result<Response<wire::plan_resource_change::Response>, Status> {
        let request = request.into_inner();
        let prior = self.decode(request.prior_state.as_ref())?;
        let proposed = self.decode(request.proposed_new_state.as_ref())?;
        let config = self.decode(request.config.as_ref())?;
        let planned = Self::plan(&prior, &proposed, &config);
        let renamed = !prior.is_null() && !planned.is_null() && prior.get("name") != planned.get("name");
        let mut answer = wrong::Answer {
            value: planned,
            private: PRIVATE.to_vec(),
            identity: request.prior_identity,
        };
        let mut requires_replace = Vec::new();
        if renamed {
            requires_replace.push(schema::path("name"));
            answer.identity = None;
        }
        let count = {
            let mut world = self.world.lock().unwrap();
            world.plans += 1;
            world.plans
        };
        let asked = wrong::Asked {
            prior: &prior,
            config: &config,
            count,
            private: &request.prior_private,
        };
        wrong::plan(self.wrong, self, &asked, &mut answer, &mut requires_replace);
        if self.wrong == "RPC" {
            return Err(Status::internal("a status instead of a diagnostic"));
        }
        Ok(Response::new(wire::plan_resource_change::Response {
            planned_state: self.encode(&answer.value),
            requires_replace,
            planned_private: answer.private,
            planned_identity: answer.identity,
            diagnostics: wrong::plan_diagnostics(self.wrong),
            legacy_type_system: self.wrong == "LEGACY",
            deferred: wrong::deferred(self.wrong),
        }))
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> Result<Response<wire::apply_resource_change::Response>, Status> {
        let request = request.into_inner();
        let prior = self.decode(request.prior_state.as_ref())?;
        let planned = self.decode(request.planned_state.as_ref())?;
        let config = self.decode(request.config.as_ref())?;
        let mut answer = if planned.is_null() {
            self.world
                .lock()
                .unwrap()
                .things
                .remove(prior.get("id").text().unwrap_or_default());
            wrong::Answer {
                value: CoreValue::Null,
                private: Vec::new(),
                identity: None,
            }
        } else {
            let state = Self::result(&prior, &planned);
            let id = state.get("id").text().unwrap_or_default().to_owned();
            self.world.lock().unwrap().things.insert(id, state.clone());
            let identity = self.identify(state.get("id"));
            wrong::Answer {
                value: state,
                private: request.planned_private,
                identity,
            }
        };
        wrong::apply(self.wrong, &config, &mut answer);
        Ok(Response::new(wire::apply_resource_change::Response {
            new_state: self.encode(&answer.value),
            private: answer.private,
            new_identity: answer.identity,
            diagnostics: unlucky(&config),
            ..Default::default()
        }))
    }

    async fn import_resource_state(
        &self,
        request: Request<wire::import_resource_state::Request>,
    ) -> Result<Response<wire::import_resource_state::Response>, Status> {
        let request = request.into_inner();
        let data = request
            .identity
            .as_ref()
            .and_then(|identity| identity.identity_data.as_ref());
        let by_identity = self
            .identity
            .as_ref()
            .and_then(|schema| msgpack::decode(data, &schema.ty).ok());
        let named = by_identity.as_ref().and_then(|identity| identity.get("id").text());
        let id = CoreValue::string(&named.unwrap_or(&request.id).to_lowercase());
        let mut stub = CoreValue::Object(
            self.schema
                .block
                .attributes
                .keys()
                .chain(self.schema.block.blocks.keys())
                .map(|name| (name.clone(), CoreValue::Null))
                .collect(),
        );
        stub.put("rule", CoreValue::List(Vec::new()));
        stub.put("id", id.clone());
        let answer = wrong::Answer {
            value: stub,
            private: PRIVATE.to_vec(),
            identity: self.identify(&id),
        };
        let imported = wrong::import(self.wrong, named.is_some(), answer).into_iter();
        let imported = imported.map(|answer| wire::import_resource_state::ImportedResource {
            type_name: if self.wrong == "I1-type" { "acr_other" } else { TYPE }.to_owned(),
            state: self.encode(&answer.value),
            private: answer.private,
            identity: answer.identity,
        });
        let imported_resources = imported.collect();
        Ok(Response::new(wire::import_resource_state::Response {
            imported_resources,
            diagnostics: wrong::import_diagnostics(self.wrong, named.is_some()),
            ..Default::default()
        }))
    }

    async fn read_data_source(
        &self,
        request: Request<wire::read_data_source::Request>,
    ) -> Result<Response<wire::read_data_source::Response>, Status> {
        let config = msgpack::decode(request.into_inner().config.as_ref(), &self.data_schema.ty);
        let mut state = config.map_err(|misfit| Status::invalid_argument(misfit.message))?;
        state.put("tier", CoreValue::string(TIER_DEFAULT));
        wrong::data(self.wrong, &mut state);
        let state = Some(msgpack::encode(&state, &self.data_schema.ty));
        Ok(Response::new(wire::read_data_source::Response {
            state,
            ..Default::default()
        }))
    }

    async fn stop(&self, _: Request<wire::stop::Request>) -> Result<Response<wire::stop::Response>, Status> {
        Ok(Response::new(wire::stop::Response::default()))
    }
}

fn unlucky(config: &CoreValue) -> Vec<wire::Diagnostic> {
    if *config.get("size") != CoreValue::number(UNLUCKY_SIZE) {
        return Vec::new();
    }
    vec![wire::Diagnostic {
        severity: wire::diagnostic::Severity::Error.into(),
        summary: "Making the thing".to_owned(),
        detail: "It was made, and broke.".to_owned(),
        attribute: Some(schema::path("size")),
    }]
}
