//! One request as it came in, and one answer with what the journal tells beside it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::answer::Answer;
use super::blob_answers::listed_blocks;
use super::blobs;
use super::query::Query;
use super::server::Shared;
use super::uploads::{Received, Upload, UploadError};

/// The largest request body taken: far above any ARM document, far below the memory.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// One request, read completely.
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) body: Bytes,
    /// The body of an upload to the storage account, which is never in memory.
    pub(super) upload: Option<Result<Received, UploadError>>,
    headers: HeaderMap,
}

/// What the journal tells of a request beside itself.
#[derive(Default)]
pub(super) struct Told {
    /// The name of who asked.
    pub(super) identity: Option<String>,
    /// With what somebody signed in by this request.
    pub(super) sign_in: Option<&'static str>,
    /// The tenants whose tokens came along.
    pub(super) auxiliary_tenants: Vec<String>,
}

/// An answer, and what the journal tells of it.
pub(super) struct Answered {
    pub(super) answer: Answer,
    pub(super) told: Told,
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Answered {
        Answered {
            answer,
            told: Told::default(),
        }
    }
}

impl Incoming {
    /// Reads a request; nothing when its body is too large.
    pub(super) async fn read(request: Request) -> Option<Incoming> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_LIMIT).await.ok()?;
        Some(Incoming::of(parts, body))
    }

    /// Reads a request to the storage account: the body of a PUT goes to a file.
    pub(super) async fn read_blob(shared: &Shared, request: Request) -> Incoming {
        let (parts, body) = request.into_parts();
        let mut incoming = Incoming::of(parts, Bytes::new());
        if incoming.method == "PUT" {
            incoming.upload = Some(incoming.receive(shared, body).await);
        }
        incoming
    }

    async fn receive(&self, shared: &Shared, body: Body) -> Result<Received, UploadError> {
        let upload = Upload::receive(body).await?;
        match self.query.get("comp") {
            None => Ok(Received::indexed(vec![Arc::new(upload)]).await),
            Some("blocklist") => {
                let ids = listed_blocks(&upload.text().map_err(|_| UploadError::Io)?);
                let path = blobs::owned(&self.path).unwrap_or_default();
                let blocks = shared.lock().store.blocks_of(path, &ids);
                let blocks = blocks.ok_or(UploadError::UnknownBlock)?;
                let parts = blocks.into_iter().flat_map(|block| block.parts);
                Ok(Received::indexed(parts.collect()).await)
            }
            Some(_) => Ok(Received::part(upload)),
        }
    }

    fn of(parts: Parts, body: Bytes) -> Incoming {
        Incoming {
            method: parts.method.as_str().to_string(),
            path: super::query::decode(parts.uri.path()),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            upload: None,
            body,
        }
    }

    /// A header's value, when it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
