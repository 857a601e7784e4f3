//! What is not an object's own life: data sources, and objects that exist already.

use serde_json::Value as Json;
use terraform_provider_acr::protocol::wire;

use super::{Core, DataRead, Transport, capabilities};
use crate::conformance::{
    json, msgpack,
    object::{Object, Stored},
    rules::{
        data::{check_data, check_data_config},
        diagnostics::check_diagnostics,
        has_errors,
        import::{check_import, check_read_after_import, check_same_import},
        read::World,
    },
    value::CoreValue,
};

impl<T: Transport> Core<T> {
    /// Reads a data source.
    pub async fn data(&mut self, type_name: &str, config: Json) -> DataRead {
        let schema = self.shared.data_sources.get(type_name);
        let schema = schema.unwrap_or_else(|| panic!("no data source {type_name}")).clone();
        let config = json::config(&config, &schema.block);
        let context = format!("data.{type_name}");
        self.report(&context, check_data_config(&config));
        let encoded = Some(msgpack::encode(&config, &schema.ty));
        let request = wire::validate_data_source_config::Request {
            type_name: type_name.to_owned(),
            config: encoded.clone(),
        };
        let validated = self
            .client
            .validate_data_source_config(request)
            .await
            .unwrap()
            .into_inner();
        let mut read = DataRead {
            state: CoreValue::Null,
            diagnostics: validated.diagnostics,
        };
        if !has_errors(&read.diagnostics) {
            let request = wire::read_data_source::Request {
                type_name: type_name.to_owned(),
                config: encoded,
                provider_meta: None,
                client_capabilities: Some(capabilities()),
            };
            let answer = self.client.read_data_source(request).await.unwrap().into_inner();
            self.report(&context, check_data(&schema, &config, &answer));
            read.state = msgpack::decode(answer.state.as_ref(), &schema.ty).unwrap_or(CoreValue::Null);
            read.diagnostics.extend(answer.diagnostics);
        }
        self.report(
            &context,
            check_diagnostics(&schema.block, &read.diagnostics, &self.secrets()),
        );
        read
    }

    /// Imports by id and reads, as `terraform import` does. Errors are the diagnostics that the user would see.
    pub async fn import(&mut self, type_name: &str, id: &str) -> Result<Object<T>, Vec<wire::Diagnostic>> {
        self.import_by(type_name, id, None).await
    }

    /// Imports by identity, given as JSON of the identity's attributes.
    pub async fn import_identity(
        &mut self,
        type_name: &str,
        identity: Json,
    ) -> Result<Object<T>, Vec<wire::Diagnostic>> {
        let schema = self.schema(type_name);
        let ty = &schema
            .identity
            .as_ref()
            .unwrap_or_else(|| panic!("{type_name} has no identity"))
            .ty;
        let identity = json::config_value(&identity, ty);
        self.import_by(type_name, "", Some(identity)).await
    }

    /// Imports one object by each of its names, demands the same state of all (I5), and hands back the first.
    pub async fn import_forms(
        &mut self,
        type_name: &str,
        ids: &[&str],
        identity: Option<Json>,
    ) -> Result<Object<T>, Vec<wire::Diagnostic>> {
        let (first, others) = ids.split_first().expect("at least one id");
        let object = self.import(type_name, first).await?;
        let state = object.state();
        let mut compared = Vec::new();
        for id in others {
            let other = self.import(type_name, id).await.ok().map(|object| object.state());
            compared.push(((*id).to_owned(), other));
        }
        if let Some(identity) = identity {
            let name = format!("identity {identity}");
            compared.push((
                name,
                self.import_identity(type_name, identity)
                    .await
                    .ok()
                    .map(|object| object.state()),
            ));
        }
        for (name, other) in compared {
            let violation = check_same_import((first, &state), (&name, other.as_ref()));
            self.report(&format!("{type_name} import"), violation.into_iter().collect());
        }
        Ok(object)
    }

    async fn import_by(
        &mut self,
        type_name: &str,
        id: &str,
        identity: Option<CoreValue>,
    ) -> Result<Object<T>, Vec<wire::Diagnostic>> {
        let schema = self.schema(type_name);
        let context = format!("{type_name} import");
        let encoded = identity
            .as_ref()
            .zip(schema.identity.as_ref())
            .map(|(identity, identity_schema)| wire::ResourceIdentityData {
                identity_data: Some(msgpack::encode(identity, &identity_schema.ty)),
            });
        let request = wire::import_resource_state::Request {
            type_name: type_name.to_owned(),
            id: id.to_owned(),
            client_capabilities: Some(capabilities()),
            identity: encoded,
        };
        let answer = match self.client.import_resource_state(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return Err(vec![self.transport_failed(&context, &status)]),
        };
        self.report(
            &context,
            check_diagnostics(&schema.block, &answer.diagnostics, &self.secrets()),
        );
        self.report(&context, check_import(&schema, type_name, identity.as_ref(), &answer));
        let imported = answer
            .imported_resources
            .first()
            .filter(|_| !has_errors(&answer.diagnostics));
        let Some(imported) = imported else {
            return Err(answer.diagnostics);
        };
        let state = msgpack::decode(imported.state.as_ref(), &schema.ty)
            .ok()
            .filter(|state| !state.is_null());
        let Some(state) = state else {
            return Err(answer.diagnostics);
        };
        let identity_data = imported
            .identity
            .as_ref()
            .and_then(|identity| identity.identity_data.as_ref());
        let stored = Stored::new(&schema, &state, imported.private.clone(), identity_data);
        let mut object = Object::new(self.clone(), schema, type_name, Some(stored), World::Anything);
        let refreshed = object.refresh_only_read().await;
        if has_errors(&refreshed) {
            return Err(refreshed);
        }
        if let Some(violation) = check_read_after_import(&object.state()) {
            self.report(&context, vec![violation]);
            return Err(answer.diagnostics);
        }
        Ok(object)
    }
}
