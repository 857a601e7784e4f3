//! What this cloud offers: the API versions and regions of each resource type, from its own provider metadata.
//!
//! Sovereign clouds lag behind the public one, so that the newest API version is not served everywhere. The metadata of a
//! namespace is read once per client and subscription, by whoever needs it first, and everybody else waits for that
//! answer. Where it cannot be read the newest version is tried, and the next one when the service does not know it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use tokio::sync::OnceCell;

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::exchange::interrupted;

/// The API version that provider metadata is read with: stable, and served by every cloud for years.
pub const API_VERSION: &str = "2022-09-01";

/// Codes by which the service refuses an API version: nothing was done.
const VERSION_REFUSED: [&str; 4] = [
    "NoRegisteredProviderFound",
    "InvalidResourceType",
    "UnsupportedApiVersion",
    "InvalidApiVersionParameter",
];

/// A resource type and the API versions that its calls were written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The namespace, `Microsoft.ContainerRegistry` say.
    pub namespace: &'static str,
    /// The type within it, `registries/agentPools` say.
    pub resource_type: &'static str,
    /// Usable API versions, the preferred one first. Never empty.
    pub versions: &'static [&'static str],
}

/// The metadata of one namespace in one subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The types that are served.
    #[serde(default)]
    pub resource_types: Vec<OfferedType>,
}

/// One resource type as a cloud offers it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OfferedType {
    /// The type within the namespace.
    pub resource_type: String,
    /// Display names of the regions that have it: `East US`.
    pub locations: Vec<String>,
    /// The API versions that are served.
    pub api_versions: Vec<String>,
}

/// What a client has learnt so far.
#[derive(Debug, Default)]
pub(super) struct Offers {
    read: Mutex<HashMap<(String, &'static str), Known>>,
    /// Versions that the service has refused although they were to be expected.
    refused: Mutex<HashMap<(String, &'static str), &'static str>>,
}

/// The metadata, `None` when it cannot be read; read by the first who asks.
type Known = Arc<OnceCell<Option<Arc<Offer>>>>;

impl Offer {
    /// The type, if it is offered. Casing does not matter.
    pub fn of(&self, resource_type: &str) -> Option<&OfferedType> {
        let same = |offered: &&OfferedType| offered.resource_type.eq_ignore_ascii_case(resource_type);
        self.resource_types.iter().find(same)
    }

    /// The preferred one of the family's versions that is served.
    pub fn choose(&self, family: &Family) -> Option<&'static str> {
        let served = &self.of(family.resource_type)?.api_versions;
        let is_served = |version: &&&str| served.iter().any(|known| known.eq_ignore_ascii_case(version));
        family.versions.iter().find(is_served).copied()
    }
}

impl Client {
    /// What a namespace offers in a subscription; `None` when that cannot be read. Asked for once.
    ///
    /// # Errors
    /// Only what makes every other request fail as well: no token, no connection, the end of the operation.
    pub async fn offer(
        &self,
        call: &Call,
        subscription: &str,
        namespace: &'static str,
    ) -> Result<Option<Arc<Offer>>, Error> {
        let key = (subscription.to_ascii_lowercase(), namespace);
        let known = {
            let mut read = self.inner.offers.read.lock().unwrap_or_else(PoisonError::into_inner);
            read.entry(key).or_default().clone()
        };
        // Whoever comes first reads; should he be interrupted, the next one does.
        let read = || self.read_offer(call, subscription, namespace);
        match call.guard(known.get_or_try_init(read)).await {
            Ok(offer) => offer.cloned(),
            Err(by) => Err(interrupted(call, by, None, false)),
        }
    }

    async fn read_offer(
        &self,
        call: &Call,
        subscription: &str,
        namespace: &'static str,
    ) -> Result<Option<Arc<Offer>>, Error> {
        let path = format!("/subscriptions/{subscription}/providers/{namespace}");
        let read = match self.get(call, &path, API_VERSION).await {
            Ok(answer) => answer.json::<Offer>(),
            Err(error) => Err(error),
        };
        match read {
            Ok(offer) => Ok(Some(Arc::new(offer))),
            Err(error @ (Error::Transport { .. } | Error::Credential { .. })) => Err(error),
            Err(error) if error.is_interruption() => Err(error),
            Err(error) => {
                tracing::debug!(%error, namespace, "the provider's metadata cannot be read; the newest API version is tried");
                Ok(None)
            }
        }
    }

    /// Runs `request` with the API version that this cloud serves, and with the next one when the service refuses it: a
    /// refused version did nothing, so that writes may be repeated as well.
    ///
    /// # Errors
    /// Those of `request`, and of [`Client::offer`].
    pub async fn versioned<T, F>(
        &self,
        call: &Call,
        subscription: &str,
        family: &Family,
        request: impl Fn(&'static str) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let version = self.api_version(call, subscription, family).await?;
        let error = match request(version).await {
            Err(error) if error.refuses_version() => error,
            settled => return settled,
        };
        let Some(older) = family.after(version) else {
            return Err(error);
        };
        tracing::debug!(version, older, %error, "this cloud does not serve the API version");
        match request(older).await {
            // Neither is known: what the first one met is what there is to say.
            Err(again) if again.refuses_version() => Err(error),
            settled => {
                self.remember_refusal(subscription, family, version);
                settled
            }
        }
    }

    /// The API version to use for a family: the newest that the cloud serves and has not refused.
    ///
    /// # Errors
    /// As [`Client::offer`].
    pub async fn api_version(&self, call: &Call, subscription: &str, family: &Family) -> Result<&'static str, Error> {
        let newest = family.versions[0];
        let offer = self.offer(call, subscription, family.namespace).await?;
        let chosen = offer.and_then(|offer| offer.choose(family)).unwrap_or(newest);
        let key = (subscription.to_ascii_lowercase(), family.resource_type);
        let refused = self.inner.offers.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match refused.get(&key) {
            Some(refused) if *refused == chosen => Ok(family.after(chosen).unwrap_or(chosen)),
            _ => Ok(chosen),
        }
    }

    fn remember_refusal(&self, subscription: &str, family: &Family, version: &'static str) {
        let key = (subscription.to_ascii_lowercase(), family.resource_type);
        let mut refused = self.inner.offers.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(key, version);
    }
}

impl Family {
    fn after(&self, version: &str) -> Option<&'static str> {
        let at = self.versions.iter().position(|known| *known == version)?;
        self.versions.get(at + 1).copied()
    }
}

impl Error {
    /// The service does not serve the API version (or the type at all): nothing was done.
    pub fn refuses_version(&self) -> bool {
        matches!(self, Self::Arm(arm) if matches!(arm.status, 400 | 404) && arm.body.has_code(&VERSION_REFUSED))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::azure::fake::{FakeHttp, call, reply};

    const FAMILY: Family = Family {
        namespace: "Microsoft.Things",
        resource_type: "boxes/lids",
        versions: &["2025-01-01", "2019-01-01"],
    };
    const REFUSED: &str = r#"{"error":{"code":"NoRegisteredProviderFound","message":"no such version"}}"#;
    const FORBIDDEN: &str = r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#;

    fn metadata(versions: &str) -> String {
        format!(
            r#"{{"namespace":"Microsoft.Things","resourceTypes":[{{"resourceType":"Boxes/Lids","locations":["East US"],"apiVersions":[{versions}]}}]}}"#
        )
    }

    async fn ask(client: &Client) -> Result<&'static str, Error> {
        let call = call(60);
        let request = |version| {
            let (client, call) = (client.clone(), &call);
            async move { client.get(call, "/lid", version).await.map(|_| version) }
        };
        client.versioned(&call, "S", &FAMILY, request).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_version_that_is_served_is_used_and_asked_for_once() {
        for (served, want) in [
            (r#""2026-01-01","2025-01-01","2019-01-01""#, "2025-01-01"),
            (r#""2019-01-01""#, "2019-01-01"),
        ] {
            let http = FakeHttp::with([reply(200, &metadata(served)), reply(200, "{}")]);
            let client = http.client();
            let (one, two) = tokio::join!(ask(&client), ask(&client));
            assert_eq!((one.unwrap(), two.unwrap()), (want, want));
            ask(&client).await.unwrap();
            let lines = http.lines();
            assert_eq!(lines[0], "GET /subscriptions/S/providers/Microsoft.Things");
            assert_eq!(lines[1..], ["GET /lid", "GET /lid", "GET /lid"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn unreadable_metadata_costs_one_refusal_and_no_more() {
        for metadata in [
            reply(403, FORBIDDEN),
            reply(200, "<html>"),
            reply(200, r#"{"resourceTypes":[]}"#),
        ] {
            let http = FakeHttp::with([metadata, reply(400, REFUSED), reply(200, "{}")]);
            let client = http.client();
            assert_eq!(ask(&client).await.unwrap(), "2019-01-01");
            assert_eq!(ask(&client).await.unwrap(), "2019-01-01");
            let versions: Vec<String> = http
                .asked()
                .iter()
                .map(|asked| asked.url.split('=').nth(1).unwrap().to_owned())
                .collect();
            assert_eq!(versions, [API_VERSION, "2025-01-01", "2019-01-01", "2019-01-01"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_version_cures_is_told_in_the_first_ones_words() {
        let unknown = r#"{"error":{"code":"InvalidResourceType","message":"nothing of the kind"}}"#;
        let http = FakeHttp::with([reply(403, FORBIDDEN), reply(404, unknown), reply(400, REFUSED)]);
        let error = ask(&http.client()).await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidResourceType"));
        assert_eq!(http.asked().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupted_reader_leaves_it_to_the_next_and_nobody_waits_beyond_his_time() {
        let slow = || reply(200, &metadata(r#""2019-01-01""#)).after(Duration::from_secs(30));
        let http = FakeHttp::with([slow(), slow(), reply(200, "{}")]);
        let client = http.client();
        let (first, hasty) = (call(20), call(5));
        let begun = Instant::now();
        let (one, two, three) = tokio::join!(
            client.offer(&first, "S", FAMILY.namespace),
            client.offer(&hasty, "S", FAMILY.namespace),
            ask(&client),
        );
        assert!(one.unwrap_err().is_interruption() && two.unwrap_err().is_interruption());
        assert_eq!(three.unwrap(), "2019-01-01");
        assert_eq!(begun.elapsed(), Duration::from_secs(20 + 30));
    }
}
