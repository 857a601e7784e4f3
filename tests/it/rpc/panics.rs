//! A provider that panics: the user reads of it, the state is kept, the next call is answered.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use terraform_provider_acr::{
    framework::{
        Diagnostic, Diagnostics, Type, Value,
        data_source::DynDataSource,
        function::{Arguments, Function, FunctionError, Signature},
        msgpack,
        provider::{Host, Provider},
        resource::{BoxFuture, DynResource, Operation, Outcome, Resource, Update},
        schema::{Attribute, Block, Schema},
    },
    plugin::MESSAGE_BYTES_MAX,
    protocol::{
        Server,
        wire::{
            DynamicValue, apply_resource_change as apply, call_function, get_provider_schema, import_resource_state,
            provider_client::ProviderClient, read_resource,
        },
    },
};
use tonic::transport::{Channel, Endpoint};

/// What the duplex stream holds of each side, in bytes; any size would do.
const DUPLEX_BYTES: usize = 64 << 10;

terraform_provider_acr::model! {
    /// A thing.
    pub struct Thing {
        /// What only the service knows.
        pub id: String,
        /// What it is called.
        pub name: String,
    }
}

/// Panics in everything that it does, and in its schema if asked to.
struct Panicking {
    in_schema: bool,
}

impl Resource for Panicking {
    type Model = Thing;

    fn type_name(&self) -> &'static str {
        "test_thing"
    }

    fn schema(&self) -> Schema {
        assert!(!self.in_schema, "the schema is torn");
        Schema::new(Block {
            attributes: vec![
                Attribute::computed("id", Type::String, ""),
                Attribute::required("name", Type::String, ""),
            ],
            ..Block::default()
        })
    }

    async fn create(&self, _: &Operation, planned: Thing, _: Thing) -> Outcome<Thing> {
        panic!("created {} and fell over", planned.name.text().unwrap_or_default())
    }

    async fn read(&self, _: &Operation, _: Thing) -> Outcome<Thing> {
        panic!("read and fell over")
    }

    async fn update(&self, _: &Operation, _: Update<Thing>) -> Outcome<Thing> {
        std::panic::panic_any(7)
    }

    async fn delete(&self, _: &Operation, _: Thing) -> Outcome<Thing> {
        panic!("deleted and fell over")
    }

    fn import(&self, _: &str) -> Result<Thing, Diagnostics> {
        panic!("imported and fell over")
    }
}

/// Panics when called.
struct PanickingFunction;

impl Function for PanickingFunction {
    fn name(&self) -> &'static str {
        "test"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "",
            description: "",
            parameters: Vec::new(),
            variadic: None,
            returns: Type::Bool,
            result: "",
        }
    }

    fn call(&self, _: &Arguments) -> Result<Value, FunctionError> {
        panic!("called and fell over")
    }
}

struct TestProvider(Vec<Box<dyn DynResource>>, Vec<Box<dyn Function>>);

impl Provider for TestProvider {
    fn schema(&self) -> Schema {
        Schema::new(Block::default())
    }

    fn resources(&self) -> &[Box<dyn DynResource>] {
        &self.0
    }

    fn data_sources(&self) -> &[Box<dyn DynDataSource>] {
        &[]
    }

    fn functions(&self) -> &[Box<dyn Function>] {
        &self.1
    }

    fn validate(&self, _: &Value) -> Diagnostics {
        Diagnostics::new()
    }

    fn configure<'a>(&'a self, _: Value, _: Host) -> BoxFuture<'a, Diagnostics> {
        Box::pin(async { Diagnostic::warning("Nothing", "to configure").into() })
    }
}

/// A client of a provider in this process.
async fn client(in_schema: bool) -> ProviderClient<Channel> {
    let (near, far) = tokio::io::duplex(DUPLEX_BYTES);
    let provider = TestProvider(
        vec![Box::new(Panicking { in_schema })],
        vec![Box::new(PanickingFunction)],
    );
    let service = Server::new(provider).into_service(MESSAGE_BYTES_MAX);
    let incoming = tokio_stream::iter([Ok::<_, std::io::Error>(far)]);
    // Ends with the test's runtime.
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );
    let near = Arc::new(std::sync::Mutex::new(Some(near)));
    let connect = move |_| {
        let near = near.lock().unwrap().take();
        // A second connection would mean that the first one broke.
        std::future::ready(
            near.map(TokioIo::new)
                .ok_or_else(|| std::io::Error::other("the connection broke")),
        )
    };
    let endpoint = Endpoint::from_static("http://localhost");
    ProviderClient::new(
        endpoint
            .connect_with_connector(tower::service_fn(connect))
            .await
            .unwrap(),
    )
}

fn thing(id: Value, name: &str) -> Value {
    Value::object([("id", id), ("name", Value::string(name))])
}

fn dynamic(value: &Value) -> Option<DynamicValue> {
    let ty = Resource::schema(&Panicking { in_schema: false }).ty();
    Some(DynamicValue {
        msgpack: msgpack::encode(&ty, value),
        json: Vec::new(),
    })
}

fn assert_bug(diagnostics: &[terraform_provider_acr::protocol::wire::Diagnostic], text: &str) {
    let [diagnostic] = diagnostics else {
        panic!("{diagnostics:?}")
    };
    assert_eq!((diagnostic.severity, diagnostic.summary.as_str()), (1, "Provider bug"));
    assert!(diagnostic.detail.contains(text), "{}", diagnostic.detail);
    assert!(!diagnostic.detail.contains("created new"), "{}", diagnostic.detail);
}

#[tokio::test]
async fn apply_keeps_the_state() {
    let mut client = client(false).await;
    let planned = thing(Value::Unknown, "new");
    let old = thing(Value::string("1"), "old");
    for (what, prior, planned, left, text) in [
        (
            "create",
            &Value::Null,
            &planned,
            thing(Value::Null, "new"),
            "ApplyResourceChange panicked. What it said is not shown",
        ),
        (
            "update",
            &old,
            &planned,
            old.clone(),
            "ApplyResourceChange panicked. What it said is not shown",
        ),
        (
            "delete",
            &old,
            &Value::Null,
            old.clone(),
            "ApplyResourceChange panicked: deleted and fell over.",
        ),
    ] {
        let request = apply::Request {
            type_name: "test_thing".into(),
            prior_state: dynamic(prior),
            planned_state: dynamic(planned),
            config: dynamic(planned),
            planned_private: b"private".to_vec(),
            ..apply::Request::default()
        };
        let reply = client.apply_resource_change(request).await.unwrap().into_inner();
        assert_bug(&reply.diagnostics, text);
        assert_eq!(reply.new_state, dynamic(&left), "{what}");
        assert_eq!(reply.private, b"private", "{what}");
    }
}

#[tokio::test]
async fn other_calls_say_what_happened() {
    let mut client = client(false).await;
    let request = read_resource::Request {
        type_name: "test_thing".into(),
        current_state: dynamic(&thing(Value::string("1"), "old")),
        ..read_resource::Request::default()
    };
    let reply = client.read_resource(request).await.unwrap().into_inner();
    assert_bug(&reply.diagnostics, "ReadResource panicked: read and fell over.");
    let request = import_resource_state::Request {
        type_name: "test_thing".into(),
        ..import_resource_state::Request::default()
    };
    let reply = client.import_resource_state(request).await.unwrap().into_inner();
    assert_bug(
        &reply.diagnostics,
        "ImportResourceState panicked: imported and fell over.",
    );
    let schema = client
        .get_schema(get_provider_schema::Request {})
        .await
        .unwrap()
        .into_inner();
    assert!(schema.diagnostics.is_empty() && schema.resource_schemas.contains_key("test_thing"));
}

#[tokio::test]
async fn a_function_fails_with_an_error() {
    let mut client = client(false).await;
    for _ in 0..2 {
        let request = call_function::Request {
            name: "test".into(),
            arguments: Vec::new(),
        };
        let reply = client.call_function(request).await.unwrap().into_inner();
        let error = reply.error.unwrap();
        assert!(
            error
                .text
                .starts_with("Provider bug: CallFunction panicked: called and fell over."),
            "{}",
            error.text
        );
        assert_eq!((error.function_argument, reply.result), (None, None));
    }
}

#[tokio::test]
async fn a_schema_that_panics_ends_no_connection() {
    let mut client = client(true).await;
    let reply = client
        .get_schema(get_provider_schema::Request {})
        .await
        .unwrap()
        .into_inner();
    assert_bug(&reply.diagnostics, "GetSchema panicked: the schema is torn.");
    let request = apply::Request {
        type_name: "test_thing".into(),
        prior_state: dynamic(&thing(Value::string("1"), "old")),
        ..apply::Request::default()
    };
    let reply = client.apply_resource_change(request).await.unwrap().into_inner();
    assert_bug(&reply.diagnostics, "ApplyResourceChange panicked: the schema is torn.");
    assert_eq!(
        reply.new_state, None,
        "without a schema there is no state to tell; Core keeps the one it has"
    );
}
