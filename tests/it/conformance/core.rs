//! A connection to a provider, as Core holds one: schemas, configuration, data sources, imports - and the list of
//! every rule that an answer broke.

mod imports;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value as Json;
use terraform_provider_acr::protocol::wire::{
    self,
    provider_client::ProviderClient,
    provider_server::{Provider, ProviderServer},
};
use tonic::{
    body::Body as TonicBody,
    client::GrpcService,
    codegen::{Body, Bytes, StdError},
    transport::{Channel, Endpoint, Server, Uri},
};

use super::{
    json, msgpack,
    object::Object,
    rules::{Violation, diagnostics::check_diagnostics, has_errors, read::World},
    schema::{self, Block, Schema, Use},
    value::{CoreValue, Path},
};

/// The version that this Core gives itself out for: one with identities, actions and write-only arguments.
const TERRAFORM_VERSION: &str = "1.15.5";
/// What Terraform accepts and sends at most; tonic's own default is 4 MiB.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// The size of the pipe to a provider in this process; any will do.
const PIPE_BYTES: usize = 64 << 10;

/// What carries a call: a channel to a process, or a service in this one.
pub trait Transport:
    GrpcService<
        TonicBody,
        ResponseBody: Body<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
        Error: Into<StdError>,
    > + Clone
{
}

impl<T> Transport for T where
    T: GrpcService<
            TonicBody,
            ResponseBody: Body<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
            Error: Into<StdError>,
        > + Clone
{
}

/// A small Terraform Core. Cheap to clone: clones share the list of violations.
#[derive(Clone)]
pub struct Core<T> {
    client: ProviderClient<T>,
    shared: Arc<Shared>,
}

/// What a data source answered.
#[derive(Debug)]
pub struct DataRead {
    pub state: CoreValue,
    pub diagnostics: Vec<wire::Diagnostic>,
}

struct Shared {
    provider: Option<Schema>,
    resources: BTreeMap<String, Schema>,
    data_sources: BTreeMap<String, Schema>,
    violations: Mutex<Vec<Violation>>,
    secrets: Mutex<Vec<String>>,
}

/// Serves a provider inside this process, over HTTP/2 on a pipe in memory. Must run inside a tokio runtime.
pub async fn in_memory(provider: impl Provider) -> ProviderClient<Channel> {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    tokio::spawn(async move {
        let once = tokio_stream::once(Ok::<_, std::io::Error>(theirs));
        let service = ProviderServer::new(provider)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Server::builder()
            .add_service(service)
            .serve_with_incoming(once)
            .await
            .unwrap();
    });
    let mut ours = Some(ours);
    let connect = tower::service_fn(move |_: Uri| {
        let stream = ours.take().map(hyper_util::rt::TokioIo::new);
        async move { stream.ok_or_else(|| std::io::Error::other("the pipe in memory is used up")) }
    });
    let channel = Endpoint::from_static("http://localhost")
        .connect_with_connector(connect)
        .await
        .unwrap();
    ProviderClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

impl<T: Transport> Core<T> {
    /// Reads the schemas, then validates and hands over the provider block.
    ///
    /// # Panics
    /// When the provider serves no schema, or refuses its configuration.
    pub async fn connect(client: ProviderClient<T>, provider_config: Json) -> Self {
        let (core, diagnostics) = Self::try_connect(client, provider_config).await;
        assert!(
            !has_errors(&diagnostics),
            "the provider refused its configuration: {diagnostics:?}"
        );
        core
    }

    /// As [`Core::connect`], but hands the diagnostics of the provider block to the test.
    pub async fn try_connect(mut client: ProviderClient<T>, provider_config: Json) -> (Self, Vec<wire::Diagnostic>) {
        let answer = client
            .get_schema(wire::get_provider_schema::Request {})
            .await
            .unwrap()
            .into_inner();
        assert!(!has_errors(&answer.diagnostics), "no schema: {:?}", answer.diagnostics);
        let identities = match client
            .get_resource_identity_schemas(wire::get_resource_identity_schemas::Request {})
            .await
        {
            Ok(answer) => answer.into_inner().identity_schemas,
            Err(status) if status.code() == tonic::Code::Unimplemented => Default::default(),
            Err(status) => panic!("no identity schemas: {status}"),
        };
        let (shared, violations) = Shared::read(&answer, &identities);
        let core = Self {
            client,
            shared: Arc::new(shared),
        };
        core.report("GetSchema", violations);
        let mut diagnostics = Vec::new();
        if let Some(provider) = &core.shared.provider {
            let config = json::config(&provider_config, &provider.block);
            diagnostics = core.clone().configure(provider, &config).await;
        }
        (core, diagnostics)
    }

    async fn configure(&mut self, provider: &Schema, config: &CoreValue) -> Vec<wire::Diagnostic> {
        let config = Some(msgpack::encode(config, &provider.ty));
        let request = wire::prepare_provider_config::Request { config: config.clone() };
        let prepared = self.client.prepare_provider_config(request).await.unwrap().into_inner();
        let mut diagnostics = prepared.diagnostics;
        if !has_errors(&diagnostics) {
            let request = wire::configure::Request {
                terraform_version: TERRAFORM_VERSION.to_owned(),
                config,
                client_capabilities: Some(capabilities()),
            };
            diagnostics.extend(self.client.configure(request).await.unwrap().into_inner().diagnostics);
        }
        self.report(
            "Configure",
            check_diagnostics(&provider.block, &diagnostics, &self.secrets()),
        );
        diagnostics
    }

    /// An object of the type, as yet without state: what a new `resource` block is.
    ///
    /// # Panics
    /// When the provider has no such type.
    pub fn resource(&self, type_name: &str) -> Object<T> {
        Object::new(self.clone(), self.schema(type_name), type_name, None, World::AsInState)
    }

    /// From now on no diagnostic may hold this text.
    pub fn keep_secret(&self, secret: &str) {
        self.shared.secrets.lock().unwrap().push(secret.to_owned());
    }

    /// Every broken rule so far, in order.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.violations.lock().unwrap().clone()
    }

    /// # Panics
    /// With a list to read, when any answer so far broke a rule.
    pub fn expect_clean(&self) {
        let violations: Vec<String> = self
            .violations()
            .iter()
            .map(|violation| format!("  {violation}"))
            .collect();
        assert!(
            violations.is_empty(),
            "{} rules broken:\n{}",
            violations.len(),
            violations.join("\n")
        );
    }

    /// The schema of a managed resource type.
    ///
    /// # Panics
    /// When the provider has no such type.
    pub fn schema(&self, type_name: &str) -> Schema {
        let schema = self.shared.resources.get(type_name);
        schema
            .unwrap_or_else(|| panic!("the provider has no {type_name}"))
            .clone()
    }

    pub(super) fn client(&mut self) -> &mut ProviderClient<T> {
        &mut self.client
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        self.shared.secrets.lock().unwrap().clone()
    }

    pub(super) fn report(&self, context: &str, violations: Vec<Violation>) {
        let mut all = self.shared.violations.lock().unwrap();
        for mut violation in violations {
            violation.message = format!("{context}: {}", violation.message);
            all.push(violation);
        }
    }

    pub(super) fn check_diagnostics(&self, context: &str, block: &Block, diagnostics: &[wire::Diagnostic]) {
        self.report(context, check_diagnostics(block, diagnostics, &self.secrets()));
    }

    /// A status instead of an answer: reported, and turned into the error that Core would show.
    pub(super) fn transport_failed(&self, context: &str, status: &tonic::Status) -> wire::Diagnostic {
        let message = format!("answered with a status instead of diagnostics: {status}");
        self.report(context, vec![Violation::new("RPC", &Path::default(), message)]);
        wire::Diagnostic {
            severity: wire::diagnostic::Severity::Error.into(),
            summary: "Plugin error".to_owned(),
            detail: status.to_string(),
            attribute: None,
        }
    }
}

/// What this Core understands: write-only arguments, but no deferral, as in every plan of a released Terraform.
pub(super) fn capabilities() -> wire::ClientCapabilities {
    wire::ClientCapabilities {
        deferral_allowed: false,
        write_only_attributes_allowed: true,
    }
}

impl Shared {
    fn read(
        answer: &wire::get_provider_schema::Response,
        identities: &std::collections::HashMap<String, wire::ResourceIdentitySchema>,
    ) -> (Self, Vec<Violation>) {
        let mut violations = Vec::new();
        let mut read = |name: &str, wire: &wire::Schema, used| {
            let (schema, found) = schema::read(name, wire, used);
            violations.extend(found);
            schema.map(|schema| (name.to_owned(), schema))
        };
        let provider = answer
            .provider
            .as_ref()
            .and_then(|wire| read("provider", wire, Use::Provider));
        let resources = answer.resource_schemas.iter();
        let mut resources: BTreeMap<_, _> = resources
            .filter_map(|(name, wire)| read(name, wire, Use::Resource))
            .collect();
        let data_sources = answer.data_source_schemas.iter();
        let data_sources = data_sources
            .filter_map(|(name, wire)| read(name, wire, Use::DataSource))
            .collect();
        if answer.provider.is_none() {
            violations.push(Violation::new("S1", &Path::default(), "missing provider schema"));
        }
        for (name, wire) in identities {
            let (identity, found) = schema::read_identity(name, wire);
            violations.extend(found);
            match resources.get_mut(name) {
                Some(schema) => schema.identity = Some(identity),
                None => {
                    let message = format!("{name} has an identity schema, but no schema");
                    violations.push(Violation::new("S1", &Path::default(), message));
                }
            }
        }
        let shared = Self {
            provider: provider.map(|(_, schema)| schema),
            resources,
            data_sources,
            violations: Mutex::default(),
            secrets: Mutex::default(),
        };
        (shared, violations)
    }
}
