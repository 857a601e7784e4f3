//! The Provider service: one short function for each RPC.
//!
//! Each handler runs as a task of its own, so that a dropped stream does not drop an operation half-way (Core cancels
//! with `Stop`, never by hanging up) and a panic becomes a diagnostic instead of a dead provider.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
};

use tonic::{Request, Response, Status};
use tracing::{Instrument, info_span};

use super::{
    decode, encode,
    reply::{Reply, panicked},
    wire,
};
use crate::framework::{
    Diagnostic, Diagnostics, Value,
    provider::{Host, Provider},
    resource::Outcome,
    service::{Change, Service},
};

/// Longest type name in a log line, in bytes; ours have 14. What was sent can be as long as a message.
const LOGGED_NAME_BYTES_MAX: usize = 64;

type Answer<T> = Result<Response<T>, Status>;

/// Serves a framework provider as `tfplugin5.Provider`.
#[derive(Clone)]
pub struct Server {
    service: Arc<Service>,
}

impl Server {
    /// Serves `provider`.
    pub fn new(provider: impl Provider) -> Self {
        Self {
            service: Service::new(provider),
        }
    }

    /// The gRPC service, which takes and gives messages of up to `message_bytes_max` bytes.
    #[must_use]
    pub fn into_service(self, message_bytes_max: usize) -> wire::provider_server::ProviderServer<Self> {
        wire::provider_server::ProviderServer::new(self)
            .max_decoding_message_size(message_bytes_max)
            .max_encoding_message_size(message_bytes_max)
    }

    /// Runs a handler: an error becomes its diagnostic, a panic the reply that `after_panic` makes.
    async fn run<T: Reply>(
        &self,
        rpc: &'static str,
        type_name: &str,
        after_panic: impl FnOnce(&Diagnostic) -> T,
        handler: impl Future<Output = Result<T, Diagnostic>> + Send + 'static,
    ) -> Answer<T> {
        let type_name = encode::shortened(type_name, LOGGED_NAME_BYTES_MAX);
        let span = info_span!("rpc", tf_rpc = rpc, tf_resource_type = type_name);
        let reply = match tokio::spawn(handler.instrument(span)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => T::refuse(&error),
            Err(error) => after_panic(&Diagnostic::bug(panicked(rpc, error))),
        };
        Ok(Response::new(reply))
    }
}

#[tonic::async_trait]
impl wire::provider_server::Provider for Server {
    async fn get_metadata(&self, _: Request<wire::get_metadata::Request>) -> Answer<wire::get_metadata::Response> {
        use wire::get_metadata::{DataSourceMetadata, FunctionMetadata, ResourceMetadata, Response as Metadata};
        let service = self.service.clone();
        let handler = async move {
            let resources = service.provider.resources().iter().map(|r| ResourceMetadata {
                type_name: r.type_name().into(),
            });
            let sources = service.provider.data_sources().iter().map(|d| DataSourceMetadata {
                type_name: d.type_name().into(),
            });
            let functions = service
                .provider
                .functions()
                .iter()
                .map(|f| FunctionMetadata { name: f.name().into() });
            Ok(Metadata {
                server_capabilities: Some(encode::capabilities()),
                resources: resources.collect(),
                data_sources: sources.collect(),
                functions: functions.collect(),
                ..Metadata::default()
            })
        };
        self.run("GetMetadata", "", Reply::refuse, handler).await
    }

    async fn get_schema(
        &self,
        _: Request<wire::get_provider_schema::Request>,
    ) -> Answer<wire::get_provider_schema::Response> {
        let service = self.service.clone();
        let handler = async move {
            let provider = &service.provider;
            let resources = provider.resources().iter();
            let resources = resources.map(|r| (r.type_name().into(), encode::schema(&r.schema())));
            let sources = provider.data_sources().iter();
            let sources = sources.map(|d| (d.type_name().into(), encode::schema(&d.schema())));
            Ok(wire::get_provider_schema::Response {
                provider: Some(encode::schema(&provider.schema())),
                resource_schemas: resources.collect(),
                data_source_schemas: sources.collect(),
                server_capabilities: Some(encode::capabilities()),
                functions: encode::functions(provider.functions()),
                ..wire::get_provider_schema::Response::default()
            })
        };
        self.run("GetSchema", "", Reply::refuse, handler).await
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<wire::get_resource_identity_schemas::Request>,
    ) -> Answer<wire::get_resource_identity_schemas::Response> {
        // No type has an identity schema yet, which is a valid answer; UNIMPLEMENTED would only be logged as a fault.
        Ok(Response::new(wire::get_resource_identity_schemas::Response::default()))
    }

    async fn get_functions(&self, _: Request<wire::get_functions::Request>) -> Answer<wire::get_functions::Response> {
        let service = self.service.clone();
        let handler = async move {
            Ok(wire::get_functions::Response {
                functions: encode::functions(service.provider.functions()),
                diagnostics: Vec::new(),
            })
        };
        self.run("GetFunctions", "", Reply::refuse, handler).await
    }

    async fn call_function(
        &self,
        request: Request<wire::call_function::Request>,
    ) -> Answer<wire::call_function::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let handler = async move {
            let result = service.function(&request.name).and_then(|function| {
                let signature = function.signature();
                let arguments = decode::arguments(&signature, &request.arguments)?;
                let value = service.call(function, &signature, arguments)?;
                Ok(encode::value(&signature.returns, &value))
            });
            Ok(encode::function_result(result))
        };
        self.run("CallFunction", "", Reply::refuse, handler).await
    }

    async fn prepare_provider_config(
        &self,
        request: Request<wire::prepare_provider_config::Request>,
    ) -> Answer<wire::prepare_provider_config::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let handler = async move {
            let config = decode::present_object(&service.provider.schema(), request.config.as_ref())?;
            let diagnostics = encode::diagnostics(&service.validate_provider(&config));
            Ok(wire::prepare_provider_config::Response {
                prepared_config: request.config,
                diagnostics,
            })
        };
        self.run("PrepareProviderConfig", "", Reply::refuse, handler).await
    }

    async fn validate_resource_type_config(
        &self,
        request: Request<wire::validate_resource_type_config::Request>,
    ) -> Answer<wire::validate_resource_type_config::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let type_name = request.type_name.clone();
        let handler = async move {
            let resource = service.resource(&request.type_name)?;
            let config = decode::present_object(&resource.schema(), request.config.as_ref())?;
            let write_only = request
                .client_capabilities
                .is_some_and(|c| c.write_only_attributes_allowed);
            let diagnostics = encode::diagnostics(&service.validate_resource(resource, &config, write_only));
            Ok(wire::validate_resource_type_config::Response { diagnostics })
        };
        self.run("ValidateResourceTypeConfig", &type_name, Reply::refuse, handler)
            .await
    }

    async fn validate_data_source_config(
        &self,
        request: Request<wire::validate_data_source_config::Request>,
    ) -> Answer<wire::validate_data_source_config::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let type_name = request.type_name.clone();
        let handler = async move {
            let source = service.data_source(&request.type_name)?;
            let config = decode::present_object(&source.schema(), request.config.as_ref())?;
            let diagnostics = encode::diagnostics(&service.validate_data_source(source, &config));
            Ok(wire::validate_data_source_config::Response { diagnostics })
        };
        self.run("ValidateDataSourceConfig", &type_name, Reply::refuse, handler)
            .await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> Answer<wire::upgrade_resource_state::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let type_name = request.type_name.clone();
        let handler = async move {
            let resource = service.resource(&request.type_name)?;
            let json = decode::raw_state(request.raw_state.as_ref())?;
            let (state, diagnostics) = match service.upgrade(resource, request.version, json) {
                Ok(state) => (
                    Some(encode::object(&resource.schema(), Some(&state))),
                    Diagnostics::new(),
                ),
                Err(diagnostics) => (None, diagnostics),
            };
            let diagnostics = encode::diagnostics(&diagnostics);
            Ok(wire::upgrade_resource_state::Response {
                upgraded_state: state,
                diagnostics,
            })
        };
        self.run("UpgradeResourceState", &type_name, Reply::refuse, handler)
            .await
    }

    async fn configure(&self, request: Request<wire::configure::Request>) -> Answer<wire::configure::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let handler = async move {
            let config = decode::present_object(&service.provider.schema(), request.config.as_ref())?;
            let host = Host {
                version: request.terraform_version,
            };
            let diagnostics = encode::diagnostics(&service.configure(config, host).await);
            Ok(wire::configure::Response { diagnostics })
        };
        self.run("Configure", "", Reply::refuse, handler).await
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> Answer<wire::read_resource::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let type_name = request.type_name.clone();
        let handler = async move {
            let resource = service.resource(&request.type_name)?;
            let schema = resource.schema();
            let state = decode::known(decode::present_object(&schema, request.current_state.as_ref())?)?;
            let outcome = service.read(resource, state).await;
            Ok(wire::read_resource::Response {
                new_state: Some(encode::object(&schema, outcome.state.as_ref())),
                diagnostics: encode::diagnostics(&outcome.diagnostics),
                private: request.private,
                ..wire::read_resource::Response::default()
            })
        };
        self.run("ReadResource", &type_name, Reply::refuse, handler).await
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> Answer<wire::plan_resource_change::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let type_name = request.type_name.clone();
        let handler = async move {
            let resource = service.resource(&request.type_name)?;
            let schema = resource.schema();
            let prior = decode::known(decode::object(&schema, request.prior_state.as_ref())?)?;
            let proposed = decode::object(&schema, request.proposed_new_state.as_ref())?;
            let config = decode::object(&schema, request.config.as_ref())?;
            if proposed.is_null() != config.is_null() {
                return Err(contradictory(
                    "a proposed object and a configuration come together or not at all",
                ));
            }
            let refined = service.plan(resource, prior, &proposed, config).await;
            Ok(wire::plan_resource_change::Response {
                planned_state: Some(encode::object(&schema, Some(&refined.planned))),
                requires_replace: refined.requires_replace.iter().map(encode::path).collect(),
                planned_private: request.prior_private,
                diagnostics: encode::diagnostics(&refined.diagnostics),
                ..wire::plan_resource_change::Response::default()
            })
        };
        self.run("PlanResourceChange", &type_name, Reply::refuse, handler).await
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> Answer<wire::apply_resource_change::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let type_name = request.type_name.clone();
        let left = Arc::new(OnceLock::new());
        let kept = left.clone();
        let after_panic = move |diagnostic: &Diagnostic| wire::apply_resource_change::Response {
            diagnostics: vec![encode::diagnostic(diagnostic)],
            ..kept.get().cloned().unwrap_or_default()
        };
        let handler = async move { apply(&service, request, &left).await };
        self.run("ApplyResourceChange", &type_name, after_panic, handler).await
    }

    async fn import_resource_state(
        &self,
        request: Request<wire::import_resource_state::Request>,
    ) -> Answer<wire::import_resource_state::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let type_name = request.type_name.clone();
        let handler = async move {
            let resource = service.resource(&request.type_name)?;
            let mut reply = wire::import_resource_state::Response::default();
            match resource.import(&request.id) {
                Ok(stub) => reply
                    .imported_resources
                    .push(wire::import_resource_state::ImportedResource {
                        type_name: request.type_name.clone(),
                        state: Some(encode::object(&resource.schema(), Some(&stub))),
                        ..Default::default()
                    }),
                Err(diagnostics) => reply.diagnostics = encode::diagnostics(&diagnostics),
            }
            Ok(reply)
        };
        self.run("ImportResourceState", &type_name, Reply::refuse, handler)
            .await
    }

    async fn read_data_source(
        &self,
        request: Request<wire::read_data_source::Request>,
    ) -> Answer<wire::read_data_source::Response> {
        let (service, request) = (self.service.clone(), request.into_inner());
        let type_name = request.type_name.clone();
        let handler = async move {
            let source = service.data_source(&request.type_name)?;
            let schema = source.schema();
            let config = decode::known(decode::present_object(&schema, request.config.as_ref())?)?;
            let outcome = service.read_data_source(source, config).await;
            Ok(wire::read_data_source::Response {
                state: outcome.state.as_ref().map(|state| encode::object(&schema, Some(state))),
                diagnostics: encode::diagnostics(&outcome.diagnostics),
                deferred: None,
            })
        };
        self.run("ReadDataSource", &type_name, Reply::refuse, handler).await
    }

    async fn stop(&self, _: Request<wire::stop::Request>) -> Answer<wire::stop::Response> {
        self.service.stop();
        Ok(Response::new(wire::stop::Response::default()))
    }
}

/// Applies. `left` is given the answer that stands if the resource panics.
async fn apply(
    service: &Service,
    request: wire::apply_resource_change::Request,
    left: &OnceLock<wire::apply_resource_change::Response>,
) -> Result<wire::apply_resource_change::Response, Diagnostic> {
    let resource = service.resource(&request.type_name)?;
    let schema = resource.schema();
    let change = Change {
        prior: decode::known(decode::object(&schema, request.prior_state.as_ref())?)?,
        planned: decode::object(&schema, request.planned_state.as_ref())?,
        config: decode::object(&schema, request.config.as_ref())?,
    };
    match (&change.prior, &change.planned, &change.config) {
        (Value::Null, Value::Null, _) => return Err(contradictory("there is neither a prior nor a planned object")),
        (_, Value::Map(_), Value::Null) => return Err(contradictory("a planned object needs a configuration")),
        _ => {}
    }
    // After a panic in a create the object may exist: keep what was planned, so that nothing is orphaned.
    let kept = if change.prior.is_null() {
        change.planned.with_unknown_as_null()
    } else {
        change.prior.clone()
    };
    left.get_or_init(|| wire::apply_resource_change::Response {
        new_state: Some(encode::object(&schema, Some(&kept))),
        private: request.planned_private.clone(),
        ..wire::apply_resource_change::Response::default()
    });
    let Outcome { state, diagnostics } = service.apply(resource, change).await;
    Ok(wire::apply_resource_change::Response {
        new_state: Some(encode::object(&schema, state.as_ref())),
        private: request.planned_private,
        diagnostics: encode::diagnostics(&diagnostics),
        ..wire::apply_resource_change::Response::default()
    })
}

/// Values that each fit the schema and do not fit together. Terraform never sends such.
fn contradictory(why: &str) -> Diagnostic {
    Diagnostic::error(
        "Contradictory request",
        format!("What was sent to the acr provider does not fit together: {why}."),
    )
}
