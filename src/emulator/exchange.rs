//! One request as it came in, and one answer with what the journal tells beside it.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::HeaderMap;

use super::answer::Answer;
use super::query::Query;

/// The largest request body taken: far above any ARM document, far below the memory.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// One request, read completely.
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) body: Bytes,
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
        Some(Incoming {
            method: parts.method.as_str().to_string(),
            path: super::query::decode(parts.uri.path()),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            body,
        })
    }

    /// A header's value, when it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
