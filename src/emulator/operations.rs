//! Long-running operations: what is going on, and what a poll says about it.
//!
//! Recorded: a create answers 201 with `Azure-AsyncOperation` and `Retry-After`; its status resource says
//! `{"status":"Creating"}` until `{"status":"Succeeded"}`, without `Retry-After`. A deletion answers 202 with `Location`;
//! polling it says 202, `null` and a freshly signed `Location` until 204.

use time::OffsetDateTime;

use super::answer::Answer;
use super::assumptions::{DeleteEnd, FailedCreateBody};
use super::faults::OperationFailure;
use super::json::Json;
use super::networks::pool_configurations;
use super::query::Query;
use super::refusals::Refusal;
use super::store::{Lingering, Store, key, parent};

/// 100 ns ticks between year 1 and 1970, .NET's epoch and ours: the `t` of polling URLs counts them.
const UNIX_EPOCH_TICKS: i128 = 621_355_968_000_000_000;
/// Bytes of the opaque signature and hash in polling URLs.
const URL_SIGNATURE_BYTES: usize = 256;
/// See [`URL_SIGNATURE_BYTES`].
const URL_HASH_BYTES: usize = 32;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A PUT that made an object.
    Create,
    /// A PATCH, or a PUT over an existing object.
    Update,
    /// A DELETE.
    Delete,
}

/// What is to become of an operation: a fault, or a refusal that comes late.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// It succeeds when its time is over.
    Succeed,
    /// It fails when its time is over.
    Fail(OperationFailure),
    /// It never ends.
    Hang,
    /// A later operation on the same object took its place.
    Preempted,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    /// The object, as a store key.
    pub(super) target: String,
    pub(super) ends_at: OffsetDateTime,
    pub(super) fate: Fate,
    pub(super) done: bool,
}

impl Kind {
    /// What the status resource and the object say meanwhile.
    pub(super) fn state(self) -> &'static str {
        match self {
            Kind::Create => "Creating",
            Kind::Update => "Updating",
            Kind::Delete => "Deleting",
        }
    }
}

impl Store {
    /// Starts an operation on an object and returns its id.
    pub(super) fn begin(&mut self, kind: Kind, target: &str, fate: Fate, now: OffsetDateTime) -> String {
        let id = super::identity::random_id();
        let (fate, takes) = self.dead_or(kind, target, fate);
        let ends_at = now + takes;
        self.operations.insert(
            id.clone(),
            Operation {
                kind,
                target: key(target),
                ends_at,
                fate,
                done: false,
            },
        );
        id
    }

    /// Lets everything happen whose time has come, in the order of time: a run starts when an instance becomes free, not
    /// when somebody looks. Called before each request.
    pub(super) fn settle(&mut self, now: OffsetDateTime) {
        // What a request changed meanwhile has its consequences then, not now.
        self.settle_at(self.settled);
        while let Some(at) = self.next_event(self.settled).filter(|at| *at < now) {
            self.settle_at(at);
        }
        self.settle_at(now);
    }

    /// The next moment after `since` in which something changes by itself.
    fn next_event(&self, since: OffsetDateTime) -> Option<OffsetDateTime> {
        let operations = self.operations.values();
        let operations = operations.filter(|operation| !operation.done && !matches!(operation.fate, Fate::Hang));
        let moments = operations
            .map(|operation| operation.ends_at)
            .chain(self.deaths.values().copied())
            .filter(|at| *at > since);
        moments.chain(self.next_run_event(since)).min()
    }

    fn settle_at(&mut self, now: OffsetDateTime) {
        self.settled = self.settled.max(now);
        self.lingering.retain(|lingering| lingering.until > now);
        let due: Vec<String> = self
            .operations
            .iter()
            .filter(|(_, operation)| !operation.done && operation.ends_at <= now)
            .filter(|(_, operation)| !matches!(operation.fate, Fate::Hang))
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.finish(&id, now);
        }
        self.let_dead_pools_fail(now);
        self.settle_runs(now);
    }

    /// Ends the operations of an object, as a new one supersedes them.
    pub(super) fn supersede(&mut self, target: &str) {
        let target = key(target);
        for operation in self
            .operations
            .values_mut()
            .filter(|known| !known.done && known.target == target)
        {
            operation.done = true;
            operation.fate = Fate::Preempted;
        }
    }

    /// The running operation of an object, if any.
    pub(super) fn running(&self, target: &str) -> Option<(&String, &Operation)> {
        let target = key(target);
        self.operations
            .iter()
            .find(|(_, operation)| !operation.done && operation.target == target)
    }

    fn finish(&mut self, id: &str, now: OffsetDateTime) {
        let Some(operation) = self.operations.get_mut(id) else {
            return;
        };
        operation.done = true;
        let (kind, target, at) = (operation.kind, operation.target.clone(), operation.ends_at);
        let failed = matches!(operation.fate, Fate::Fail(_));
        let state = if failed { "Failed" } else { "Succeeded" };
        if let Some(registry) = self.registries.get_mut(&target) {
            registry.state = state.into();
        }
        if kind == Kind::Delete && !failed {
            self.remove_pool(&target, at, now);
        } else if let Some(pool) = self.pools.get_mut(&target) {
            pool.state = state.into();
            if !failed {
                self.doom(&target, at);
            }
        }
    }

    /// Removes a pool; its network interfaces stay until the subnet's lag is over.
    pub(super) fn remove_pool(&mut self, target: &str, at: OffsetDateTime, now: OffsetDateTime) {
        let Some(pool) = self.pools.remove(target) else { return };
        let until = at + self.durations.subnet_release;
        if let Some(subnet) = pool.subnet.as_ref().filter(|_| until > now) {
            let configurations = pool_configurations(&self.subscription_id, &pool);
            self.lingering.push(Lingering {
                subnet: key(subnet),
                configurations,
                until,
            });
        }
    }

    /// A signed polling URL. Its parameters are opaque to clients, and each is different.
    pub(super) fn polling_url(&mut self, path: &str, version: &str, now: OffsetDateTime) -> String {
        let ticks = UNIX_EPOCH_TICKS + now.unix_timestamp_nanos() / 100;
        let signature = super::identity::random_base64(URL_SIGNATURE_BYTES);
        let hash = super::identity::random_base64(URL_HASH_BYTES);
        let certificate = &self.url_certificate;
        self.signatures.insert(format!(
            "{} {version} {ticks} {certificate} {signature} {hash}",
            key(path)
        ));
        format!(
            "{}{path}?api-version={version}&t={ticks}&c={certificate}&s={signature}&h={hash}",
            self.base_url
        )
    }

    /// Certificate, signature and hash of each polling URL handed out, and the signatures of blob URLs.
    pub(super) fn issued_signatures(&self) -> Vec<String> {
        let secrets = self.signatures.iter().flat_map(|parts| parts.split(' ').skip(3));
        secrets
            .map(str::to_string)
            .chain(self.issued_blob_signatures())
            .collect()
    }

    /// Refuses a polling URL that was not handed out like this. What the service answers is not recorded.
    pub(super) fn check_signature(&self, path: &str, query: &Query) -> Result<(), Refusal> {
        let part = |name| query.get(name).unwrap_or_default();
        let (version, t, c, s, h) = (part("api-version"), part("t"), part("c"), part("s"), part("h"));
        if self
            .signatures
            .contains(&format!("{} {version} {t} {c} {s} {h}", key(path)))
        {
            return Ok(());
        }
        let message = "The signature of this polling URL is missing or wrong; follow the URL exactly as it was given.";
        Err(Refusal::gateway(403, "InvalidPollingUrlSignature", message))
    }

    /// `Retry-After`, in whole seconds as the service sends it; rounded up, so that nobody is told to hurry by a fraction.
    pub(super) fn retry_after(&self) -> String {
        self.durations.retry_after.as_millis().div_ceil(1000).to_string()
    }

    /// The status resource of a create or update.
    pub(super) fn operation_status(&self, target: &str, id: &str) -> Result<Answer, Refusal> {
        let operation = self
            .operations
            .get(&id.to_ascii_lowercase())
            .filter(|found| found.target == key(target));
        let Some(operation) = operation else {
            return Err(Refusal::provider(
                404,
                "EntityNotFound",
                format!("There is no operation '{id}'."),
            ));
        };
        let body = match (&operation.fate, operation.done) {
            (_, false) => Json::object([("status", operation.kind.state().into())]),
            (Fate::Fail(failure), true) if self.assumptions.failed_create_body == FailedCreateBody::ArmError => {
                let error = Json::object([("code", (&failure.code).into()), ("message", (&failure.message).into())]);
                Json::object([("status", "Failed".into()), ("error", error)])
            }
            (Fate::Fail(_), true) => Json::object([("status", "Failed".into())]),
            (Fate::Preempted, true) => {
                let message = "A later operation on the same resource preempted this one.";
                let error = Json::object([("code", "OperationPreempted".into()), ("message", message.into())]);
                Json::object([("status", "Canceled".into()), ("error", error)])
            }
            (_, true) => Json::object([("status", "Succeeded".into())]),
        };
        Ok(Answer::json(200, body))
    }

    /// The result resource of a deletion, under the registry.
    pub(super) fn deletion_result(
        &mut self,
        path: &str,
        id: &str,
        version: &str,
        now: OffsetDateTime,
    ) -> Result<Answer, Refusal> {
        let operation = self
            .operations
            .get(&id.to_ascii_lowercase())
            .filter(|found| found.kind == Kind::Delete);
        let Some(operation) = operation else {
            return Err(Refusal::provider(
                404,
                "EntityNotFound",
                format!("There is no operation '{id}'."),
            ));
        };
        if !operation.done {
            let location = self.polling_url(path, version, now);
            let retry_after = self.retry_after();
            let answer = Answer::json(202, Json::null());
            return Ok(answer.header("location", location).header("retry-after", retry_after));
        }
        if let Fate::Fail(failure) = &operation.fate {
            return Err(Refusal::provider(409, &failure.code, failure.message.clone()));
        }
        match self.assumptions.delete_end {
            DeleteEnd::NoContent => Ok(Answer::empty(204)),
            DeleteEnd::NotFound => Err(self.not_found(&operation.target)),
        }
    }

    /// The gateway's 404 for an id.
    pub(super) fn not_found(&self, id: &str) -> Refusal {
        let parts: Vec<&str> = id.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["subscriptions" | "Subscriptions", _, _, group, _, rest @ ..] => Refusal::resource(&rest.join("/"), group),
            _ => Refusal::resource(id, parent(id)),
        }
    }
}
