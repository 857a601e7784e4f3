//! Where a local context is uploaded to, before a run is asked for that reads it.
//!
//! What surprises: the service names the blob after the caller's correlation id, so that two uploads under one id overwrite
//! each other. Each one gets an id of its own here.

use serde::Deserialize;

use super::{FAMILY, RegistryId, SignedUrl};
use crate::azure::{Call, Client, Error};

/// A place for one upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceUpload {
    /// Where to PUT the archive: a signed URL, good for an hour.
    pub url: SignedUrl,
    /// What a request names as its source location afterwards.
    pub relative_path: String,
}

/// Asks for a place, under a correlation id that nothing else is asked with.
///
/// # Errors
/// As [`Client::query`]; [`Error::InvalidResponse`] when the answer lacks the place.
pub async fn source_upload(client: &Client, call: &Call, registry: &RegistryId) -> Result<SourceUpload, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Definition {
        #[serde(default)]
        upload_url: String,
        #[serde(default)]
        relative_path: String,
    }
    let call = &call.with_fresh_correlation_id();
    let path = &format!("{registry}/listBuildSourceUploadUrl");
    // Asking twice under the same id names the same blob, to which nothing has been written yet.
    let query = async |version| client.query(call, path, version).await;
    let answer = client
        .versioned(call, registry.subscription_id(), &FAMILY, query)
        .await?;
    let place: Definition = answer.json()?;
    if place.upload_url.is_empty() || place.relative_path.is_empty() {
        return Err(answer.invalid("it lacks `uploadUrl` or `relativePath`"));
    }
    Ok(SourceUpload {
        url: SignedUrl::new(place.upload_url),
        relative_path: place.relative_path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::{FakeHttp, call, reply};

    #[tokio::test(start_paused = true)]
    async fn two_uploads_of_one_operation_have_two_correlation_ids() {
        let body = r#"{"relativePath":"tasks-source/202611240000/x.tar.gz","uploadUrl":"https://blobs.example/c/x.tar.gz?sig=hush"}"#;
        let http = FakeHttp::with([reply(200, body), reply(200, body), reply(200, "{}")]);
        let registry = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";
        let (client, call, registry) = (http.client(), call(60), registry.parse().unwrap());
        for _ in 0..2 {
            let place = source_upload(&client, &call, &registry).await.unwrap();
            assert_eq!(place.relative_path, "tasks-source/202611240000/x.tar.gz");
            assert!(!format!("{place:?}").contains("hush"));
        }
        let error = source_upload(&client, &call, &registry).await.unwrap_err();
        assert!(error.to_string().contains("lacks `uploadUrl`"), "{error}");
        let id = |at: usize| -> String {
            let asked = &http.asked()[at];
            let header = asked
                .headers
                .iter()
                .find(|(name, _)| name == "x-ms-correlation-request-id");
            header.unwrap().1.clone()
        };
        assert!(id(0) != id(1) && id(0) != call.correlation_id && id(1) != call.correlation_id);
    }
}
