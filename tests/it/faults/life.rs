//! One life of one pool: an emulator, the provider in this process over a fast wire, and the small Core that drives it.

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use terraform_provider_acr::{
    azure::{Pace, Throttle, Wire},
    emulator::{self, Emulator, Fault, JournalEntry, Options},
    protocol::Server,
    provider::{AcrProvider, Environment},
};
use tonic::transport::Channel;

use crate::conformance::{
    core::{Core, in_memory},
    object::{Applied, Object},
};

pub const TYPE: &str = "acr_agent_pool";
const GROUP: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers";

/// The rule that a plan asked for again is the same.
const CHANGED_MIND: &str = "P11";

/// How long the emulator's operations take: long enough for each to be seen under way.
const PROVISIONING: Duration = Duration::from_millis(60);

/// How long the wire may be silent here. Shorter than the stall, longer than the emulator ever takes on a loaded machine.
pub const READ_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The same rules as in production at fifty times the speed.
const PACE: Pace = Pace {
    backoff_first: Duration::from_millis(20),
    backoff_max: Duration::from_millis(400),
    poll_min: Duration::from_millis(20),
    poll_max: Duration::from_millis(200),
};

/// What a life came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The errors that the user was shown, in order.
    pub errors: Vec<String>,
    /// What is not as it has to be.
    pub wrong: Vec<String>,
    /// How often the fault struck.
    pub fired: u32,
    /// The requests of the life.
    pub requests: Vec<JournalEntry>,
}

/// An emulator, and a Core whose provider uses it.
pub struct Life {
    pub emulator: Emulator,
    pub core: Core<Channel>,
    pool: Object<Channel>,
    outcome: Outcome,
}

/// Lives a whole life under the fault.
pub async fn live(fault: Option<Value>) -> Outcome {
    let mut life = begin(fault).await;
    life.apply(1).await;
    life.apply(2).await;
    life.destroy().await;
    life.end()
}

/// Everything that a life needs, with nothing in it yet.
pub async fn begin(fault: Option<Value>) -> Life {
    begin_slowly(fault, PROVISIONING).await
}

/// The same where operations take so long.
pub async fn begin_slowly(fault: Option<Value>, provisioning: Duration) -> Life {
    let options = Options {
        provisioning,
        retry_after: Duration::ZERO,
        ..Options::default()
    };
    let emulator = emulator::start(options).await.unwrap();
    if let Some(fault) = fault {
        emulator.set_faults(vec![serde_json::from_value::<Fault>(fault).unwrap()]);
    }
    let core = Core::connect(in_memory(provider(&emulator)).await, json!({})).await;
    for secret in secrets(&emulator) {
        core.keep_secret(&secret);
    }
    let pool = core.resource(TYPE);
    Life {
        emulator,
        core,
        pool,
        outcome: Outcome::default(),
    }
}

impl Life {
    /// From now on this fault is in force, and no other.
    pub fn fault(&self, fault: Value) {
        self.emulator
            .set_faults(vec![serde_json::from_value::<Fault>(fault).unwrap()]);
    }

    /// Applies; after an error once more, as a user would.
    async fn apply(&mut self, count: i64) {
        let config =
            json!({"name": "builds", "registry_id": registry(), "subnet_id": subnet(), "instance_count": count});
        let before = self.inconsistencies();
        let applied = self.pool.apply(config.clone()).await;
        let inconsistent = self.inconsistencies() > before;
        if self.failed(&applied) || inconsistent {
            self.pool.changed_outside();
            let again = self.pool.apply(config.clone()).await;
            if !again.errors().is_empty() {
                self.wrong(format!("the next apply does not mend it: {:?}", again.errors()));
            }
        }
        let state = self.pool.state();
        if state.get("provisioning_state").text() != Some("Succeeded") || self.pool.is_tainted() {
            self.wrong(format!("after apply the state is {state:?}"));
        }
        let pools = self.pools();
        if pools.len() != 1 {
            self.wrong(format!("after apply these pools exist: {pools:?}"));
        }
        // A fault in force may hit this plan as well: then it is asked again, as a user would.
        self.pool.changed_outside();
        let mut planned = self.pool.plan(config.clone()).await;
        if !planned.errors().is_empty() {
            self.outcome.errors.extend(planned.errors());
            planned = self.pool.plan(config).await;
        }
        if format!("{:?}", planned.action) != "NoOp" {
            self.wrong(format!("the plan after apply is {:?}", planned.action));
        }
    }

    async fn destroy(&mut self) {
        let destroyed = self.pool.destroy().await;
        if self.failed(&destroyed) {
            self.pool.changed_outside();
            let again = self.pool.destroy().await;
            if !again.errors().is_empty() {
                self.wrong(format!("the next destroy does not mend it: {:?}", again.errors()));
            }
        }
        let pools = self.pools();
        if !pools.is_empty() || self.pool.stored().is_some() {
            self.wrong(format!("after destroy these pools exist: {pools:?}"));
        }
    }

    /// How often a plan was answered otherwise when asked again: Terraform itself tells that as an error and stops.
    fn inconsistencies(&self) -> usize {
        self.core
            .violations()
            .iter()
            .filter(|broken| broken.rule == CHANGED_MIND)
            .count()
    }

    fn failed(&mut self, applied: &Applied) -> bool {
        let errors = applied.errors();
        if errors.len() > 1 {
            self.wrong(format!("more than one error: {errors:?}"));
        }
        let failed = !errors.is_empty();
        self.outcome.errors.extend(errors);
        failed
    }

    fn wrong(&mut self, what: String) {
        self.outcome.wrong.push(what);
    }

    fn pools(&self) -> Vec<String> {
        let ids = self.emulator.live_ids();
        ids.into_iter()
            .filter(|id| id.to_lowercase().contains("/agentpools/"))
            .collect()
    }

    fn end(mut self) -> Outcome {
        for broken in self.core.violations() {
            // What a refused read leaves open in one plan and not in the next is Terraform's to tell; the rest is wrong.
            let list = if broken.rule == CHANGED_MIND {
                &mut self.outcome.errors
            } else {
                &mut self.outcome.wrong
            };
            list.push(broken.to_string());
        }
        self.outcome.fired = self.emulator.faults_fired();
        self.outcome.requests = self.emulator.requests();
        for secret in secrets(&self.emulator).into_iter().chain(self.emulator.issued_tokens()) {
            if self.outcome.errors.iter().any(|error| error.contains(&secret)) {
                self.outcome.wrong.push("an error holds a secret".into());
            }
        }
        self.outcome
    }
}

fn provider(emulator: &Emulator) -> impl terraform_provider_acr::protocol::wire::provider_server::Provider + use<> {
    let wire = Wire {
        http: Some(Arc::new(http(emulator.ca_file()))),
        pace: PACE,
        throttle: Some(Throttle::default()),
    };
    Server::new(AcrProvider::over(Environment::of(emulator.environment()), wire))
}

/// A client with the production's rules that trusts the emulator and loses patience sooner.
fn http(authority: &Path) -> reqwest::Client {
    let pem = std::fs::read(authority).unwrap();
    reqwest::Client::builder()
        .read_timeout(READ_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .add_root_certificate(reqwest::Certificate::from_pem(&pem).unwrap())
        .build()
        .unwrap()
}

fn secrets(emulator: &Emulator) -> Vec<String> {
    let environment = emulator.environment().into_iter();
    environment
        .filter(|(name, _)| name.ends_with("SECRET"))
        .map(|(_, value)| value)
        .collect()
}

pub fn registry() -> String {
    format!("{GROUP}/Microsoft.ContainerRegistry/registries/contosobuilds")
}

fn subnet() -> String {
    format!("{GROUP}/Microsoft.Network/virtualNetworks/vnet-builds/subnets/snet-agents")
}
