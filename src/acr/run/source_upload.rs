//! Where a local context is uploaded to, before a run is asked for that reads it.
//!
//! What surprises: the service names the blob after the caller's correlation id, so that two uploads under one id overwrite
//! each other. Each one gets an id of its own here.

use std::path::Path;

use azure_core::http::Url;
use serde::Deserialize;

use super::{FAMILY, RegistryId, SignedUrl};
use crate::azure::{Call, Client, Error};

/// How many places are asked for when uploads are refused: a slow one may outlast its URL, which is good for an hour.
const PLACES_MAX: u32 = 2;

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

/// Uploads an archive; gives what a request names as its source location. Nothing is lost by an attempt that failed: each
/// has a blob of its own, which only a request that names it ever reads.
///
/// # Errors
/// As [`source_upload`] and [`Client::blob_write`].
pub async fn upload(client: &Client, call: &Call, registry: &RegistryId, file: &Path) -> Result<String, Error> {
    let mut places = 0;
    loop {
        places += 1;
        let place = source_upload(client, call, registry).await?;
        let url = Url::parse(place.url.expose())
            .map_err(|_| Error::InvalidRequest("the URL for the upload cannot be understood".to_owned()))?;
        match client.blob_write(call, &url, file).await {
            Ok(()) => return Ok(place.relative_path),
            Err(error) if error.status() == Some(403) && places < PLACES_MAX => {
                tracing::debug!(%error, "the upload was refused; its URL may have expired");
            }
            Err(error) => return Err(error),
        }
    }
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

    #[tokio::test(start_paused = true)]
    async fn a_refused_upload_goes_to_another_place() {
        let place = |name: &str| {
            let body = format!(
                r#"{{"relativePath":"tasks-source/{name}","uploadUrl":"https://blobs.example/c/{name}?sig=hush"}}"#
            );
            reply(200, &body)
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "archive").unwrap();
        let registry = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";
        let (registry, call) = (registry.parse().unwrap(), call(60));
        let http = FakeHttp::with([place("1"), reply(403, ""), place("2"), reply(201, "")]);
        let uploaded = upload(&http.client(), &call, &registry, file.path()).await.unwrap();
        assert_eq!((uploaded.as_str(), http.asked().len()), ("tasks-source/2", 4));
        let asked = http.asked();
        assert_eq!(
            (asked[3].body.as_str(), asked[3].url.as_str()),
            ("archive", "https://blobs.example/c/2?sig=hush")
        );
        let http = FakeHttp::with([place("1"), reply(403, ""), place("2"), reply(403, "")]);
        let error = upload(&http.client(), &call, &registry, file.path()).await.unwrap_err();
        assert_eq!((error.status(), http.asked().len()), (Some(403), 4));
        assert!(!error.to_string().contains("hush"));
    }
}
