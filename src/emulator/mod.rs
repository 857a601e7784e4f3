//! A small, faithful ARM: written from the published specification and recordings, never from our client.
//!
//! It serves HTTPS on loopback with a certificate authority of its own: Entra ID's discovery and client-credentials
//! token with a secret, a certificate or a federated token, ARM's metadata, resource groups, registries, agent pools with their long-running operations, virtual networks
//! and subnets with the security groups, route tables and NAT gateways that they name, service tags, tasks with
//! timers that fire, and runs. What exists at the start is a seed ([`Seed`]). Whether a subnet lets pools work is declared in the seed, never judged. What it does not serve it refuses with status 501 and the
//! code `NotServedByEmulator`. What nobody has recorded is a switch ([`Assumptions`]).
//!
//! Runs are queued, executed and logged on its clock: a module each for requests (`run_request`), the queue and the instances
//! (`run_engine`), what a run does and how it fails (`run_script`, with the marks) and the storage account (`blobs`,
//! `blob_answers`); each lists what it assumes. Nothing is ever built or fetched.
//!
//! # Controls
//! `/emulator/requests` (journal), `/emulator/faults`, `/emulator/clock`, `/emulator/state`, `/emulator/mutate`,
//! `/emulator/assumptions`, `/emulator/reset`: with the emulator's own bearer token and a loopback `Host` header only.
//!
//! # Assumed, beside the switches
//! * The texts of all refusals whose code alone is known, and the codes `AgentPoolsNotSupported` (SKU),
//!   `AgentPoolQuotaExceeded`, `InvalidPollingUrlSignature`, `InvalidFilter` and `InvalidTop`.
//! * The order in which a PUT is checked: location, name, SKU, properties, subnet, quota.
//! * A tier is demanded, `count` defaults to 1 and `os` to `Linux`; members of a PATCH beyond `count` are refused.
//! * A second DELETE joins the first; a deletion that fails answers 409 with the failure; an operation that another one
//!   supersedes ends as `Canceled` with the code `OperationPreempted`.
//! * A subnet, security group, route table or NAT gateway of another subscription is `LinkedAuthorizationFailed` where a
//!   write names it.
//! * In networks: the codes `SecurityRuleInvalidPriority`, `InvalidSkipToken` and `InvalidRequestFormat` (a malformed rule,
//!   route or reference; what else the service checks is not checked); `InvalidResourceReference` also for a region that
//!   differs; the member order within subnets; the names and addresses of a service endpoint's locations (Storage: the region and its pair; others: `*`); a
//!   delegation's `actions`; a body without rules or routes empties its group or table; tags and
//!   security-admin rules come in pages of 100, the latter with `$top` in the query and `skipToken` in both bodies; a group's deletion takes what others still name; subnets of a network made with version
//!   2025-07-01 or later are private unless they say otherwise.
//! * A pool in a dead subnet without instances does not fail; a creation that times out ends with `OperationTimedOut`.
//! * A subscription of another tenant is 401 `InvalidAuthenticationTokenTenant`.
//! * A version that the namespace has but the type has not is 404 `InvalidResourceType`; others are 400
//!   `NoRegisteredProviderFound`. Types outside the registry namespace take any well-formed version.
//! * Writes to networks and resource groups are done at once; a registry's take as long as a pool's.
//! * Locations come back in lower case without spaces.
//! * Which of Entra ID's codes answers which fault of a client assertion or federated token; the codes themselves are known.
//! * Which registry versions have which members, between the recorded ones.

mod agent_pools;
mod answer;
mod archives;
mod arm;
mod assertions;
mod assumptions;
mod attachments;
mod blob_answers;
mod blobs;
mod certificates;
mod clock;
mod control;
mod cron;
mod dead_subnets;
mod dockerfile;
mod environment;
mod exchange;
mod faults;
mod filter;
mod foreign;
mod groups;
mod identity;
mod images;
mod issuer;
mod journal;
mod json;
mod login;
mod managed_identity;
mod metadata;
mod network_changes;
mod network_routes;
mod networks;
mod operations;
mod query;
mod refusals;
mod registries;
mod routes;
mod run_engine;
mod run_log;
mod run_record;
mod run_request;
mod run_script;
mod run_shell;
mod runs;
mod security_rules;
mod seed;
mod seed_network;
mod seeding;
mod seeding_network;
mod seeding_runs;
mod server;
mod service_tags;
mod sign_in;
mod start_error;
mod store;
mod subnets;
mod task_file;
mod tasks;
mod tasks_body;
mod tasks_checks;
mod tasks_identity;
mod tasks_shape;
mod tasks_view;
mod timers;
mod uploads;
mod versions;
mod world;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

pub use assumptions::{
    Assumptions, CancelRun, DeadSubnet, DeleteBusyPool, DeleteEnd, DeleteMissingPool, DisabledTask, FailedCreateBody,
    FailedPoolScales, IdCasing, LostPool, OmittedSecrets, PatchAgentPool, PatchSameCount, PoolWithCpu, PutExistingPool,
    QuotaFailure, SystemTaskRegistry, TaskRunPool, UnknownPool,
};
pub use control::{MutateError, Mutation};
pub use faults::{Fault, FaultAction, FaultMatch, FaultResponse, OperationFailure};
pub use journal::JournalEntry;
pub use seed::{Seed, SeedError, SeedGroup, SeedPool, SeedPrivateEndpoint, SeedRegistry, SeedRun, SeedTask};
pub use seed_network::{
    ForeignAnswer, SeedForeignSubscription, SeedNatGateway, SeedNetwork, SeedRouteTable, SeedSecurityGroup, SeedSubnet,
};
pub use sign_in::CertificateError;
pub use start_error::StartError;

use certificates::Certificates;
use server::Shared;
use store::Durations;
use world::World;

/// `Retry-After` as recorded, in seconds.
const RECORDED_RETRY_AFTER: Duration = Duration::from_secs(10);
/// Long enough that advancing the clock through the longest operation does not expire a client's token.
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Hexadecimal digits of the token for `/emulator/*`: 128 bits and more.
const CONTROL_TOKEN_DIGITS: usize = 48;

/// How an emulator starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen: loopback only. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What exists at the start.
    pub seed: Seed,
    /// How long creates, updates and deletions take, on the emulator's clock.
    pub provisioning: Duration,
    /// How long a subnet lists a deleted pool's network interfaces, on the emulator's clock.
    pub subnet_release: Duration,
    /// What `Retry-After` says; 10 s as recorded.
    pub retry_after: Duration,
    /// How long a run takes whose steps do not sleep, on the emulator's clock.
    pub run_duration: Duration,
    /// How long access tokens are good, on the emulator's clock.
    pub token_lifetime: Duration,
    /// Whether managed identities are served too, in plain HTTP on another port: whoever reaches it gets a token.
    pub managed_identity: bool,
    /// Faults in force from the start.
    pub faults: Vec<Fault>,
}

impl Default for Options {
    /// A free port, the built-in seed, operations and runs of 2 s, a subnet that is free at once, no faults.
    fn default() -> Options {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: Seed::built_in(),
            provisioning: Duration::from_secs(2),
            subnet_release: Duration::ZERO,
            retry_after: RECORDED_RETRY_AFTER,
            run_duration: Duration::from_secs(2),
            token_lifetime: TOKEN_LIFETIME,
            managed_identity: false,
            faults: Vec::new(),
        }
    }
}

/// A running emulator, on a thread and runtime of its own: every method may be called from anywhere. Dropping it stops it.
pub struct Emulator {
    shared: Arc<Shared>,
    certificates: Certificates,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    subscription_id: String,
}

/// Starts an emulator.
///
/// # Errors
/// When the address is not loopback or taken, or the seed or faults are wrong.
pub async fn start(options: Options) -> Result<Emulator, StartError> {
    let (sender, receiver) = oneshot::channel();
    // Nobody may be waiting any more; the emulator then stops as its answer is dropped.
    std::thread::spawn(move || drop(sender.send(start_blocking(options))));
    receiver
        .await
        .unwrap_or_else(|_| Err(StartError::Io(io::Error::other("the starting thread ended early"))))
}

/// Starts an emulator without an async runtime.
///
/// # Errors
/// As [`start`].
pub fn start_blocking(options: Options) -> Result<Emulator, StartError> {
    if !options.listen.ip().is_loopback() {
        return Err(StartError::NotLoopback(options.listen));
    }
    if let Some(problem) = options.faults.iter().find_map(Fault::problem) {
        return Err(StartError::Fault(problem.into()));
    }
    let listener = std::net::TcpListener::bind(options.listen)?;
    listener.set_nonblocking(true)?;
    let base_url = format!("https://localhost:{}", listener.local_addr()?.port());
    let plain = managed_identity::listener(&options)?;
    let certificates = certificates::create()?;
    let durations = Durations {
        provisioning: options.provisioning,
        subnet_release: options.subnet_release,
        retry_after: options.retry_after,
        run: options.run_duration,
    };
    let life = time::Duration::try_from(options.token_lifetime).unwrap_or(time::Duration::MAX);
    let subscription_id = options.seed.subscription_id.clone();
    let mut world = World::new(options.seed, &base_url, durations, life).map_err(StartError::Seed)?;
    world.faults.set(options.faults);
    let control_token = identity::random_text(CONTROL_TOKEN_DIGITS);
    let shared = Arc::new(Shared {
        world: world.into(),
        base_url,
        control_token,
        plain_port: plain.as_ref().and_then(|plain| Some(plain.local_addr().ok()?.port())),
        identity_header: identity::random_text(CONTROL_TOKEN_DIGITS),
    });
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tls = TlsAcceptor::from(certificates.server.clone());
    let served = shared.clone();
    let thread = std::thread::Builder::new().name("acr-emulator".into()).spawn(move || {
        runtime.block_on(async move {
            if let Some(Ok(plain)) = plain.map(tokio::net::TcpListener::from_std) {
                tokio::spawn(managed_identity::serve(plain, served.clone()));
            }
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                server::serve(listener, tls, served, stopped).await;
            }
        });
    })?;
    Ok(Emulator {
        shared,
        certificates,
        stop: Some(stop),
        thread: Some(thread),
        subscription_id,
    })
}

impl Emulator {
    /// `https://localhost:PORT`: ARM, Entra ID and `/emulator/*` alike.
    pub fn url(&self) -> &str {
        &self.shared.base_url
    }

    /// The PEM file of the emulator's certificate authority. It vanishes when the emulator stops.
    pub fn ca_file(&self) -> &Path {
        &self.certificates.authority_file
    }

    /// The variables that point a client at this emulator with all rights, as the env file has them.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut variables = self.environment_of(0);
        let world = self.shared.lock();
        let [_, reader, no_subnet_read] = &world.identities.principals;
        for (name, value) in [
            ("ACR_EMULATOR_URL", self.url()),
            ("ACR_EMULATOR_TOKEN", self.token()),
            ("ACR_EMULATOR_READER_CLIENT_ID", &reader.client_id),
            ("ACR_EMULATOR_READER_CLIENT_SECRET", &reader.client_secret),
            ("ACR_EMULATOR_NO_SUBNET_READ_CLIENT_ID", &no_subnet_read.client_id),
            (
                "ACR_EMULATOR_NO_SUBNET_READ_CLIENT_SECRET",
                &no_subnet_read.client_secret,
            ),
        ] {
            variables.push((name.into(), value.into()));
        }
        variables
    }

    /// The variables of an identity that holds `*/read` only.
    pub fn reader_environment(&self) -> Vec<(String, String)> {
        self.environment_of(1)
    }

    /// The variables of an identity that may do everything but read subnets.
    pub fn no_subnet_read_environment(&self) -> Vec<(String, String)> {
        self.environment_of(2)
    }

    /// The bearer token for `/emulator/*`.
    pub fn token(&self) -> &str {
        &self.shared.control_token
    }

    /// Every access token issued since the start, also those that have expired: what must be found in no log.
    pub fn issued_tokens(&self) -> Vec<String> {
        self.shared.lock().identities.issued_tokens()
    }

    /// The secret parts of every polling URL and blob URL handed out since the start or the last reset.
    pub fn issued_signatures(&self) -> Vec<String> {
        self.shared.lock().store.issued_signatures()
    }

    /// The only subscription that exists.
    pub fn subscription_id(&self) -> &str {
        &self.subscription_id
    }

    /// The journal, oldest first.
    pub fn requests(&self) -> Vec<JournalEntry> {
        self.shared.lock().journal.entries()
    }

    /// Empties the journal.
    pub fn clear_requests(&self) {
        self.shared.lock().journal.clear();
    }

    /// Replaces all faults.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.shared.lock().faults.set(faults);
    }

    /// How often faults have struck since they were last set.
    pub fn faults_fired(&self) -> u32 {
        self.shared.lock().faults.fired()
    }

    /// Advances the emulator's clock.
    pub fn advance(&self, by: Duration) {
        let mut world = self.shared.lock();
        world.clock.advance(by);
        world.tick();
    }

    /// Freezes or thaws the emulator's clock; while frozen only [`Emulator::advance`] moves it.
    pub fn set_frozen(&self, frozen: bool) {
        self.shared.lock().clock.set_frozen(frozen);
    }

    /// Changes or removes an object behind ARM's back; not journalled.
    ///
    /// # Errors
    /// When the object does not exist or has no such member.
    pub fn mutate(&self, id: &str, change: Mutation) -> Result<(), MutateError> {
        let mut world = self.shared.lock();
        world.tick();
        control::mutate(&mut world.store, id, &change)
    }

    /// The ids of everything that exists now, sorted.
    pub fn live_ids(&self) -> Vec<String> {
        let mut world = self.shared.lock();
        world.tick();
        world.store.live().into_keys().collect()
    }

    /// Back to the seed, as `/emulator/reset`.
    ///
    /// # Errors
    /// Never in practice: the seed was good at the start.
    pub fn reset(&self) -> Result<(), StartError> {
        self.shared.lock().reset().map_err(StartError::Seed)
    }

    /// Writes [`Emulator::environment`] as `export` lines into a file that only its owner may read.
    ///
    /// # Errors
    /// When the file exists and is a link, no file, or readable by others; or cannot be written.
    pub fn write_env_file(&self, path: &Path) -> io::Result<()> {
        environment::write(path, &self.environment())
    }

    /// Stops serving and removes the certificate files; takes milliseconds.
    pub async fn stop(self) {
        drop(self);
    }

    fn environment_of(&self, principal: usize) -> Vec<(String, String)> {
        let world = self.shared.lock();
        let principal = &world.identities.principals[principal];
        let bundle = &self.certificates.bundle_file;
        environment::variables(
            self.url(),
            &self.subscription_id,
            &world.store.tenant_id,
            principal,
            bundle,
        )
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
