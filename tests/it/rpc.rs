//! A hostile or confused client against the real provider process: every call, in any order, with anything in it.
//!
//! Whatever comes in, the answer is a diagnostic that a person can read, and the process goes on. Only calls that this provider does
//! not offer, and messages that are no protocol buffers, end in a status.

mod functions;
mod garbage;
mod load;
mod order;
mod panics;
mod schema;
mod upgrade;

use prost::{
    Message,
    bytes::{Buf, BufMut},
};
use terraform_provider_acr::{
    emulator::Emulator,
    framework::{Type, Value, provider::Provider},
    plugin::MESSAGE_BYTES_MAX,
    protocol::wire::{self, Diagnostic, DynamicValue},
    provider::{AcrProvider, Environment},
};
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};

use crate::plugin_process::PluginProcess;

const POOL: &str = "acr_agent_pool";

const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds";

/// Longest summary that anyone reads.
const SUMMARY_BYTES_MAX: usize = 300;

/// Calls without arguments.
const PLAIN: [&str; 5] = [
    "GetMetadata",
    "GetSchema",
    "GetResourceIdentitySchemas",
    "GetFunctions",
    "Stop",
];

/// Calls with arguments whose answers carry no diagnostics; [`functions`] tries them.
const CALLS: [&str; 1] = ["CallFunction"];

/// Calls that this provider does not offer.
const NOT_OFFERED: [&str; 12] = [
    "UpgradeResourceIdentity",
    "MoveResourceState",
    "GenerateResourceConfig",
    "ValidateEphemeralResourceConfig",
    "OpenEphemeralResource",
    "RenewEphemeralResource",
    "CloseEphemeralResource",
    "ListResource",
    "ValidateListResourceConfig",
    "ValidateActionConfig",
    "PlanAction",
    "InvokeAction",
];

/// Whose schema a call's values follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Provider,
    Resource,
    DataSource,
}

/// A call with arguments: what it sends for a type name and one value in all places, and where its diagnostics are.
struct Method {
    name: &'static str,
    subject: Subject,
    request: fn(&str, Option<DynamicValue>) -> Vec<u8>,
    diagnostics: fn(&[u8]) -> Vec<Diagnostic>,
}

macro_rules! methods {
    ($($name:literal $subject:ident $module:ident |$type_name:pat_param, $value:pat_param| { $($fields:tt)* })*) => {
        const METHODS: &[Method] = &[$(Method {
            name: $name,
            subject: Subject::$subject,
            #[allow(clippy::needless_update)]
            request: |$type_name, $value| wire::$module::Request { $($fields)* ..Default::default() }.encode_to_vec(),
            diagnostics: |bytes| wire::$module::Response::decode(bytes).unwrap().diagnostics,
        },)*];
    };
}

methods! {
    "PrepareProviderConfig" Provider prepare_provider_config |_, value| { config: value, }
    "Configure" Provider configure |_, value| { config: value, }
    "ValidateResourceTypeConfig" Resource validate_resource_type_config |name, value| { type_name: name.into(), config: value, }
    "ValidateDataSourceConfig" DataSource validate_data_source_config |name, value| { type_name: name.into(), config: value, }
    "UpgradeResourceState" Resource upgrade_resource_state |name, value| {
        type_name: name.into(),
        raw_state: value.map(|it| wire::RawState { json: it.msgpack, ..Default::default() }),
    }
    "ReadResource" Resource read_resource |name, value| { type_name: name.into(), current_state: value, }
    "PlanResourceChange" Resource plan_resource_change |name, value| {
        type_name: name.into(),
        prior_state: value.clone(),
        proposed_new_state: value.clone(),
        config: value,
    }
    "ApplyResourceChange" Resource apply_resource_change |name, value| {
        type_name: name.into(),
        prior_state: value.clone(),
        planned_state: value.clone(),
        config: value,
    }
    "ImportResourceState" Resource import_resource_state |name, value| {
        type_name: name.into(),
        id: String::from_utf8_lossy(&value.unwrap_or_default().msgpack).into_owned(),
    }
    "ReadDataSource" DataSource read_data_source |name, value| { type_name: name.into(), config: value, }
}

impl Method {
    fn named(name: &str) -> &'static Self {
        METHODS.iter().find(|it| it.name == name).unwrap()
    }

    /// Whether its arguments are values of a schema.
    fn takes_values(&self) -> bool {
        !["UpgradeResourceState", "ImportResourceState"].contains(&self.name)
    }

    /// Whether its values have to be known.
    fn needs_known(&self) -> bool {
        [
            "ReadResource",
            "ReadDataSource",
            "ApplyResourceChange",
            "PlanResourceChange",
        ]
        .contains(&self.name)
    }
}

impl Subject {
    fn ty(self) -> Type {
        let provider = AcrProvider::new(Environment::empty());
        match self {
            Self::Provider => provider.schema().ty(),
            Self::Resource => provider.resources()[0].schema().ty(),
            Self::DataSource => provider.data_sources()[0].schema().ty(),
        }
    }

    /// A value that this subject's calls take.
    fn value(self) -> Value {
        let provider = AcrProvider::new(Environment::empty());
        let mut value = match self {
            Self::Provider => return provider.schema().block.null_object(),
            Self::Resource => provider.resources()[0].schema().block.null_object(),
            Self::DataSource => provider.data_sources()[0].schema().block.null_object(),
        };
        let Value::Map(members) = &mut value else {
            unreachable!()
        };
        members.insert("name".into(), Value::string("builds"));
        members.insert("registry_id".into(), Value::string(REGISTRY));
        value
    }
}

fn packed(msgpack: impl Into<Vec<u8>>) -> DynamicValue {
    DynamicValue {
        msgpack: msgpack.into(),
        json: Vec::new(),
    }
}

fn json(json: impl Into<Vec<u8>>) -> DynamicValue {
    DynamicValue {
        msgpack: Vec::new(),
        json: json.into(),
    }
}

/// The same object with these members.
fn with(object: &Value, members: &[(&str, Value)]) -> Value {
    let Value::Map(mut all) = object.clone() else {
        unreachable!()
    };
    all.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Value::Map(all)
}

/// The provider process and a connection to it.
struct Session {
    process: PluginProcess,
    channel: Channel,
}

impl Session {
    /// A provider that knows no credentials.
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A provider that is configured for the emulator.
    async fn configured(emulator: &Emulator) -> Self {
        let session = Self::with(&emulator.environment()).await;
        assert_eq!(session.value("Configure", &Subject::Provider.value()).await, []);
        session
    }

    async fn with(environment: &[(String, String)]) -> Self {
        // Whatever the developer is signed in to must not be reached.
        let own = std::env::vars()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with("ARM_"));
        let own: Vec<String> = own.collect();
        let mut variables: Vec<(&str, Option<&str>)> = own.iter().map(|name| (name.as_str(), None)).collect();
        variables.extend(
            environment
                .iter()
                .map(|(name, value)| (name.as_str(), Some(value.as_str()))),
        );
        let process = PluginProcess::spawn(&variables);
        let channel = process.connect().await;
        Self { process, channel }
    }

    async fn call(&self, method: &str, request: Vec<u8>) -> Result<Vec<u8>, Status> {
        call(&self.channel, method, request).await
    }

    /// Calls and returns the diagnostics, which have been looked at.
    #[track_caller]
    fn diagnose<'a>(
        &'a self,
        method: &'a Method,
        request: Vec<u8>,
        what: &'a str,
    ) -> impl Future<Output = Vec<Diagnostic>> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let reply = self.call(method.name, request).await;
            let reply = reply
                .unwrap_or_else(|status| panic!("{caller}: {} of {what}: {status:?}\n{:?}", method.name, self.process));
            let diagnostics = (method.diagnostics)(&reply);
            diagnostics
                .iter()
                .for_each(|it| assert_readable(it, &format!("{caller}: {} of {what}", method.name)));
            diagnostics
        }
    }

    /// Calls with one good value in all places.
    async fn value(&self, method: &str, value: &Value) -> Vec<Diagnostic> {
        let method = Method::named(method);
        let bytes = terraform_provider_acr::framework::msgpack::encode(&method.subject.ty(), value);
        self.diagnose(method, (method.request)(POOL, Some(packed(bytes))), "a value")
            .await
    }

    /// Fails unless the process still answers, and has not panicked meanwhile.
    async fn assert_alive(&self) {
        let channel = self.process.connect().await;
        let reply = call(&channel, "GetSchema", Vec::new()).await.unwrap();
        let reply = wire::get_provider_schema::Response::decode(reply.as_slice()).unwrap();
        assert!(reply.resource_schemas.contains_key(POOL) && reply.diagnostics.is_empty());
        assert!(!self.process.stderr().contains("panic: "), "{:?}", self.process);
    }
}

async fn call(channel: &Channel, method: &str, request: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut client = tonic::client::Grpc::new(channel.clone())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(2 * MESSAGE_BYTES_MAX);
    client
        .ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::try_from(format!("/tfplugin5.Provider/{method}")).unwrap();
    client
        .unary(Request::new(request), path, Bytes)
        .await
        .map(tonic::Response::into_inner)
}

fn is_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|it| it.severity() == wire::diagnostic::Severity::Error)
}

#[track_caller]
fn assert_readable(diagnostic: &Diagnostic, what: &str) {
    let Diagnostic { summary, detail, .. } = diagnostic;
    assert!([1, 2].contains(&diagnostic.severity), "{what}: {diagnostic:?}");
    assert!(
        !summary.is_empty() && !summary.ends_with('.') && summary.len() < SUMMARY_BYTES_MAX,
        "{what}: {summary}"
    );
    assert!(!detail.is_empty(), "{what}: {diagnostic:?}");
    assert_ne!(summary, "Provider bug", "{what}: {detail}");
}

/// Messages as the bytes that they are: a hostile client sends what it likes.
#[derive(Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}

#[test]
fn every_call_of_the_protocol_is_tried_here() {
    let table = include_str!("../fixtures/wire/tfplugin5.txt");
    let calls = table
        .lines()
        .filter_map(|line| line.strip_prefix("rpc Provider ")?.split(' ').next());
    let mut calls: Vec<&str> = calls.collect();
    let mut tried: Vec<&str> = METHODS
        .iter()
        .map(|it| it.name)
        .chain(CALLS)
        .chain(PLAIN)
        .chain(NOT_OFFERED)
        .collect();
    calls.sort_unstable();
    tried.sort_unstable();
    assert_eq!(tried, calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_offered_is_unimplemented() {
    let session = Session::new().await;
    for method in NOT_OFFERED.into_iter().chain(["NoSuchCall"]) {
        let status = session.call(method, Vec::new()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{method}: {status:?}");
    }
    session.assert_alive().await;
}
