//! No secret leaves the process in a panic: whatever a panic says, in whatever way it came about, neither the diagnostic nor
//! the report that Terraform shows nor any log holds a secret that was at hand.
//!
//! The production binary cannot be made to panic. A process of this test's own binary stands in for it: the real provider's
//! block, served by the real plugin with its hook and its log, and a resource that falls over as it is told to.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use terraform_provider_acr::{
    framework::{
        Diagnostics, Type, Value,
        data_source::DynDataSource,
        provider::{Host, Provider},
        resource::{BoxFuture, DynResource, Operation, Outcome, Resource},
        schema::{Attribute, Block, Schema},
    },
    plugin::{
        self, MESSAGE_BYTES_MAX, Options, ServeError,
        handshake::{COOKIE_NAME, cookie_matches},
    },
    protocol::Server,
    provider::{self, AcrProvider, Environment},
};
use tonic::service::Routes;

use super::secrets::files;
use crate::sandbox::{Sandbox, Version};

/// Secrets, which begin with a letter of two bytes: cutting it in two is one of the ways to panic.
const CLIENT_SECRET: &str = "ßclient~Secret-planted-7Q8r";
const TOKEN: &str = "ßtoken-planted-open-sesame";

/// No part of a secret that is longer than this may be seen.
const PART: usize = 10;

/// A panic's fixed words, which are no secret and have to be found.
const LITERAL: &str = "fell over as planted";

/// The ways to fall over, by what a panic carries.
const WAYS: [&str; 8] = [
    "literal", "made", "quoted", "expected", "compared", "text", "payload", "task",
];

/// Set in the environment of the process that serves: the way in which its `Configure` falls over.
const CONFIGURE: &str = "ACR_TEST_CONFIGURE_FALLS_OVER";

const MAIN: &str = r#"
terraform {
  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

variable "client_secret" {
  type      = string
  sensitive = true
}

variable "token" {
  type      = string
  ephemeral = true
}

provider "acr" {
  tenant_id     = "11111111-1111-1111-1111-111111111111"
  client_id     = "22222222-2222-2222-2222-222222222222"
  client_secret = var.client_secret
}

resource "acr_faller" "it" {
  for_each = toset(split(",", "WAYS"))
  way      = each.key
  token    = var.token
}
"#;

terraform_provider_acr::model! {
    /// What falls over.
    pub struct FallerModel {
        /// What only the service would know.
        pub id: String,
        /// A write-only secret.
        pub token: String,
        /// How to fall over.
        pub way: String,
    }
}

/// Falls over when it is created, with the provider's secret and its own in its hands.
struct Faller {
    configured: Arc<Mutex<Value>>,
}

impl Resource for Faller {
    type Model = FallerModel;

    fn type_name(&self) -> &'static str {
        "acr_faller"
    }

    fn schema(&self) -> Schema {
        Schema::new(Block {
            attributes: vec![
                Attribute::computed("id", Type::String, ""),
                Attribute::optional("token", Type::String, "").sensitive().write_only(),
                Attribute::required("way", Type::String, "").replaces(),
            ],
            ..Block::default()
        })
    }

    async fn create(&self, _: &Operation, planned: FallerModel, config: FallerModel) -> Outcome<FallerModel> {
        let block = self.configured.lock().unwrap().clone();
        let token = config.token.text().unwrap_or_default().to_owned();
        assert_eq!(token, TOKEN);
        fall_over(planned.way.text().unwrap_or_default(), token, &block).await;
        Outcome::of(planned)
    }

    async fn read(&self, _: &Operation, state: FallerModel) -> Outcome<FallerModel> {
        Outcome::of(state)
    }

    async fn delete(&self, _: &Operation, _: FallerModel) -> Outcome<FallerModel> {
        Outcome::gone()
    }
}

/// Panics in this way, saying all that it knows.
async fn fall_over(way: &str, token: String, block: &Value) {
    let known = format!("{token} in {block:?}");
    match way {
        "literal" => panic!("fell over as planted"),
        "made" => panic!("could not go on with {known}"),
        "quoted" => drop(known[..1].to_owned()),
        "expected" => refused(known).expect("a way on"),
        "compared" => assert_eq!(known, LITERAL),
        "text" => std::panic::panic_any(known),
        "payload" => std::panic::panic_any(vec![known]),
        "task" => tokio::spawn(async move { panic!("lost {known}") }).await.unwrap(),
        other => unreachable!("{other} is no way"),
    }
}

fn refused(why: String) -> Result<(), String> {
    Err(why)
}

/// The real provider with a resource that falls over.
struct FallingProvider {
    real: AcrProvider,
    resources: Vec<Box<dyn DynResource>>,
    configured: Arc<Mutex<Value>>,
}

impl Provider for FallingProvider {
    fn schema(&self) -> Schema {
        self.real.schema()
    }

    fn resources(&self) -> &[Box<dyn DynResource>] {
        &self.resources
    }

    fn data_sources(&self) -> &[Box<dyn DynDataSource>] {
        &[]
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        self.real.validate(config)
    }

    fn configure<'a>(&'a self, config: Value, host: Host) -> BoxFuture<'a, Diagnostics> {
        Box::pin(async move {
            if let Ok(way) = env::var(CONFIGURE) {
                fall_over(&way, TOKEN.into(), &config).await;
            }
            *self.configured.lock().unwrap() = config.clone();
            self.real.configure(config, host).await
        })
    }
}

/// Serves as the program does, which is possible under Terraform only: what [`Fallen::new`] starts, and a test by itself.
#[test]
fn serves_only_under_terraform() {
    let environment = plugin::process_environment();
    let hosted = cookie_matches(environment(COOKIE_NAME).as_deref());
    if hosted {
        plugin::panic::install_hook();
        plugin::log::init(&environment, provider::NAME, &[], false);
    }
    let configured = Arc::new(Mutex::new(Value::Null));
    let provider = FallingProvider {
        real: AcrProvider::new(Environment::empty()),
        resources: vec![Box::new(Faller {
            configured: configured.clone(),
        })],
        configured,
    };
    let options = Options {
        name: provider::NAME,
        source_address: provider::SOURCE_ADDRESS,
        environment,
        debug: false,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let service = Server::new(provider).into_service(MESSAGE_BYTES_MAX);
    let served = runtime.block_on(plugin::serve(options, Routes::new(service)));
    runtime.shutdown_background();
    if hosted {
        served.unwrap();
    } else {
        assert!(matches!(served, Err(ServeError::NotUnderTerraform)), "{served:?}");
    }
}

/// A Terraform whose provider falls over, with its TRACE log in a file.
struct Fallen(Sandbox);

impl Fallen {
    fn new(variables: &[(&str, &str)]) -> Self {
        let given = [
            ("TF_VAR_client_secret", CLIENT_SECRET),
            ("TF_VAR_token", TOKEN),
            ("TF_LOG", "TRACE"),
            ("TF_LOG_PATH", "trace.log"),
        ];
        let all = given.iter().chain(variables);
        let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let sandbox = Sandbox::new(Version::Newest).env(all);
        // The harness of this binary speaks as well; the plugin's line is the only one that Terraform may see.
        let test = concat!(module_path!(), "::serves_only_under_terraform");
        let (_, test) = test.split_once("::").unwrap();
        let script = format!(
            "#!/bin/sh\n{:?} --exact {test} --nocapture | grep --line-buffered -o '1|5|.*'\n",
            env::current_exe().unwrap()
        );
        sandbox.write("terraform-provider-acr", &script);
        let provider = sandbox.path().join("terraform-provider-acr");
        fs::set_permissions(&provider, fs::Permissions::from_mode(0o755)).unwrap();
        sandbox.provider_is(&provider);
        sandbox.write("main.tf", &MAIN.replace("WAYS", &WAYS.join(",")));
        Self(sandbox)
    }

    /// Runs a command that fails; all that it has left, by name: its output, its log, its state, what Terraform stores.
    fn fails(&self, arguments: &[&str]) -> Vec<(String, String)> {
        let run = self.0.fails(arguments);
        let mut left = vec![("output".to_owned(), run.output())];
        files(&self.0.path().join(".."), &mut left);
        left
    }
}

/// What of a secret is in a text: the first part that is, if any.
fn leaked(text: &str) -> Option<String> {
    let parts = [CLIENT_SECRET, TOKEN].map(|secret| secret.chars().collect::<Vec<_>>());
    let parts = parts.iter().flat_map(|secret| secret.windows(PART));
    parts
        .map(|part| part.iter().collect::<String>())
        .find(|part| text.contains(part))
}

#[track_caller]
fn assert_silent(left: &[(String, String)]) {
    for (name, text) in left {
        if let Some(part) = leaked(text) {
            let line = text.lines().find(|line| line.contains(&part)).unwrap_or_default();
            panic!("{name} holds a part of a secret: {line}");
        }
    }
}

#[track_caller]
fn text<'a>(left: &'a [(String, String)], end: &str) -> &'a str {
    let found = left.iter().find(|(name, _)| name.ends_with(end));
    &found.unwrap_or_else(|| panic!("no {end}")).1
}

#[test]
fn a_handler_that_panics_tells_no_secret() {
    let left = Fallen::new(&[]).fails(&["apply", "-auto-approve"]);
    assert_silent(&left);
    // It has looked where there was something to see.
    let (output, log, state) = (
        text(&left, "output"),
        text(&left, "trace.log"),
        text(&left, "terraform.tfstate"),
    );
    assert_eq!(
        output.matches("ApplyResourceChange panicked").count(),
        WAYS.len(),
        "{output}"
    );
    assert!(
        output.contains("Stack trace from the terraform-provider-acr plugin"),
        "{output}"
    );
    for text in [output, log] {
        assert!(text.contains(LITERAL) && text.contains(file!()), "{text}");
    }
    // One for each, and one for the task within.
    assert!(log.matches("panic: ").count() > WAYS.len());
    assert!(WAYS.iter().all(|way| state.contains(way)), "{state}");
}

#[test]
fn a_configuration_that_panics_tells_no_secret() {
    for way in ["made", "literal"] {
        let left = Fallen::new(&[(CONFIGURE, way)]).fails(&["plan"]);
        assert_silent(&left);
        let output = text(&left, "output");
        assert!(output.contains("Configure panicked"), "{output}");
        assert_eq!(output.contains(LITERAL), way == "literal", "{output}");
        assert!(text(&left, "trace.log").contains(file!()));
    }
}

#[test]
fn a_secret_would_be_seen() {
    for text in [CLIENT_SECRET, TOKEN, "an \"open-sesame\"", "…~Secret-plan…"] {
        assert!(leaked(text).is_some(), "{text}");
    }
    assert_eq!(leaked("a planted one"), None);
}
