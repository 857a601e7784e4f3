//! The service's storage account: signed URLs, uploaded sources, logs.
//!
//! It is served under a path of the emulator's own host, as storage emulators do: `/acrtasks/{container}/{blob}`. Each
//! registry has a container. A URL is good for one blob, for what its `sp` says and until its `se`, on the emulator's clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use time::OffsetDateTime;

use super::archives::hex;
use super::clock;
use super::identity::{random_base64, random_id};
use super::query::Query;
use super::store::{Registry, Store, key};
use super::uploads::Received;

/// The account's name, the first part of every blob's path. In lower case, as paths are compared.
pub(super) const ACCOUNT: &str = "acrtasks";
/// How long an upload URL is good, as recorded.
const UPLOAD_LIFE: Duration = Duration::from_secs(3600);
/// How long a log URL is good, as recorded.
const LOG_LIFE: Duration = Duration::from_secs(70 * 60);
/// How long the key behind the signature is good, as recorded.
const KEY_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The storage version of the signatures, as recorded.
const SIGNATURE_VERSION: &str = "2024-11-04";
/// Hexadecimal digits of a container's name after `container-`, as recorded.
const CONTAINER_DIGITS: usize = 32;
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;

/// What a URL lets its holder do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// Create and write.
    Write,
    /// Read.
    Read,
}

/// An uploaded blob.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) content: Received,
}

/// The account.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    /// By path below the account.
    pub(super) objects: BTreeMap<String, Object>,
    /// Blocks that no list has committed, by path and block id.
    pub(super) blocks: BTreeMap<String, BTreeMap<String, Received>>,
    /// `path sp se sig` of every URL handed out.
    signatures: BTreeSet<String>,
}

/// Why a URL is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// No such signature, or its time is over.
    Invalid,
    /// It is good for something else.
    Permission,
}

impl Permission {
    fn parameter(self) -> &'static str {
        match self {
            Permission::Write => "cw",
            Permission::Read => "r",
        }
    }
}

/// The path below the account, if it is one of the account's paths.
pub(super) fn owned(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.strip_prefix(ACCOUNT)?.strip_prefix('/')
}

/// The container of a registry.
pub(super) fn container(registry: &Registry) -> String {
    let name = hex(digest(&SHA256, key(&registry.id).as_bytes()).as_ref());
    format!("container-{}", &name[..CONTAINER_DIGITS])
}

/// The folder and name of an upload below its container: the caller's correlation id names the blob, as recorded, so two
/// requests with the same id get the same blob.
pub(super) fn source_path(correlation: Option<&str>, now: OffsetDateTime) -> String {
    let plain = |id: &&str| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let name = correlation.filter(plain).map_or_else(random_id, str::to_string);
    format!("tasks-source/{}0000/{name}.tar.gz", clock::day(now))
}

/// The name of a run's log below its container.
pub(super) fn log_path(run_id: &str) -> String {
    format!("logs/{run_id}/rawtext.log")
}

impl Store {
    /// A URL that is good for writing a blob of the account.
    pub(super) fn upload_url(&mut self, path: &str, now: OffsetDateTime) -> String {
        self.signed_url(path, Permission::Write, now, now + UPLOAD_LIFE)
    }

    /// A URL that is good for reading a blob of the account.
    pub(super) fn log_url(&mut self, path: &str, now: OffsetDateTime) -> String {
        self.signed_url(path, Permission::Read, now, now + LOG_LIFE)
    }

    fn signed_url(&mut self, path: &str, allows: Permission, now: OffsetDateTime, until: OffsetDateTime) -> String {
        let (sp, se, sig) = (
            allows.parameter(),
            clock::in_seconds_zulu(until),
            random_base64(SIGNATURE_BYTES),
        );
        self.blobs.signatures.insert(format!("{path} {sp} {se} {sig}"));
        let escaped = |at: &str| at.replace(':', "%3A");
        let (start, end) = (clock::in_seconds_zulu(now), clock::in_seconds_zulu(now + KEY_LIFE));
        format!(
            "{}/{ACCOUNT}/{path}?se={}&sig={sig}&ske={}&skoid={}&sks=b&skt={}&sktid={}&skv={SIGNATURE_VERSION}&sp={sp}&sr=b&sv={SIGNATURE_VERSION}",
            self.base_url,
            escaped(&se),
            escaped(&end),
            random_id(),
            escaped(&start),
            self.tenant_id,
        )
    }

    /// Refuses a URL of the account that was not handed out like this, or whose time is over.
    pub(super) fn check_signed(
        &self,
        path: &str,
        query: &Query,
        wanted: Permission,
        now: OffsetDateTime,
    ) -> Result<(), Unsigned> {
        let part = |name| query.get(name).unwrap_or_default();
        let (sp, se, sig) = (part("sp"), part("se"), part("sig"));
        let known = self.blobs.signatures.contains(&format!("{path} {sp} {se} {sig}"));
        // The format sorts as time does.
        if !known || clock::in_seconds_zulu(now).as_str() >= se {
            return Err(Unsigned::Invalid);
        }
        if sp != wanted.parameter() {
            return Err(Unsigned::Permission);
        }
        Ok(())
    }

    /// The signatures of all blob URLs handed out.
    pub(super) fn issued_blob_signatures(&self) -> impl Iterator<Item = String> + '_ {
        let last = |known: &String| known.rsplit(' ').next().unwrap_or_default().to_string();
        self.blobs.signatures.iter().map(last)
    }
}
