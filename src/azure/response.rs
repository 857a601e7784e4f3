//! The answer to a request: what the service said, and the headers that matter.

use std::fmt;
use std::time::Duration;

use azure_core::Bytes;
use azure_core::http::RawResponse;
use azure_core::http::headers::{HeaderName, Headers};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::envelope::{FailedAnswer, snippet};
use super::error::{Error, RequestLine};
use super::mask::mask_body;
use super::retry::Fault;
use super::throttle::Kind;

pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");
const DATE: HeaderName = HeaderName::from_static("date");
const AZURE_ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");
const LOCATION: HeaderName = HeaderName::from_static("location");

/// A successful answer: any 2xx.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body as received; may be empty or `null`.
    pub body: Bytes,
    /// The answer's correlation id, else the request's.
    pub correlation_id: String,
    /// The request it answers.
    pub request: RequestLine,
    headers: Headers,
}

/// An attempt that did not end well, with what the retry is decided by.
pub(super) struct FailedAttempt {
    pub error: Error,
    pub fault: Fault,
    pub retry_after: Option<Duration>,
}

impl Response {
    pub(super) fn new(answer: RawResponse, request: RequestLine, correlation_id: &str) -> Self {
        let (status, headers, body) = answer.deconstruct();
        Self {
            status: u16::from(status),
            body: Bytes::from(body),
            correlation_id: headers
                .get_optional_string(&CORRELATION_ID)
                .unwrap_or_else(|| correlation_id.to_string()),
            request,
            headers,
        }
    }

    /// The body as `T`.
    ///
    /// # Errors
    /// [`Error::InvalidResponse`] with the position of what is wrong.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|cause| match cause.classify() {
            // A document of another shape: the position says where. What is no JSON at all is best shown.
            Category::Data => self.invalid(cause.to_string()),
            _ => self.unreadable(),
        })
    }

    /// The body as JSON; null when it is empty or no JSON (a delete's 202 answers `null`, its 204 nothing).
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Whether the body is what the service writes: JSON or nothing, and no page of a portal's.
    pub fn is_json_or_empty(&self) -> bool {
        self.body.is_empty() || serde_json::from_slice::<Value>(&self.body).is_ok()
    }

    /// The wait that the service asks for with `Retry-After`: seconds, or an HTTP date, which is taken from the answer's own
    /// `Date` so that a wrong clock here does no harm.
    pub fn retry_after(&self) -> Option<Duration> {
        let header = |name| self.headers.get_optional_str(name);
        retry_after(header(&RETRY_AFTER)?, header(&DATE), OffsetDateTime::now_utc())
    }

    /// What the answer says is left of the subscription's requests of a kind.
    pub(super) fn remaining(&self, kind: Kind) -> Option<u64> {
        let name = HeaderName::from_static(kind.header());
        self.headers.get_optional_str(&name)?.trim().parse().ok()
    }

    /// The `Azure-AsyncOperation` header: where the operation's status can be read.
    pub fn operation_url(&self) -> Option<&str> {
        self.headers.get_optional_str(&AZURE_ASYNC_OPERATION)
    }

    /// The `Location` header: where the operation's result will be.
    pub fn location(&self) -> Option<&str> {
        self.headers.get_optional_str(&LOCATION)
    }

    /// The error that says this successful answer cannot be understood.
    pub fn invalid(&self, message: impl Into<String>) -> Error {
        Error::InvalidResponse {
            request: self.request.clone(),
            message: message.into(),
        }
    }

    /// The error that says that this successful answer is not the resource manager's: a portal's page, an empty body.
    pub fn unreadable(&self) -> Error {
        self.invalid(format!(
            "it is no JSON but {}; a proxy or gateway may have answered",
            snippet(&self.body)
        ))
    }

    pub(super) fn into_failure(self, after_unclear_attempt: bool) -> FailedAttempt {
        let error = Error::from_answer(FailedAnswer {
            status: self.status,
            body: &self.body,
            correlation_id: self.correlation_id.clone(),
            request_id: self.headers.get_optional_string(&REQUEST_ID),
            request: self.request.clone(),
            after_unclear_attempt,
        });
        FailedAttempt {
            error,
            fault: Fault::Status(self.status),
            retry_after: self.retry_after(),
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("request", &self.request)
            .field("status", &self.status)
            .field("body", &mask_body(&self.body))
            .finish_non_exhaustive()
    }
}

/// The wait that `text`, a `Retry-After`, asks for. A date is compared with the answer's `Date`, else with `now`; one in the
/// past asks for no wait; what is neither asks for nothing.
fn retry_after(text: &str, date: Option<&str>, now: OffsetDateTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let parse = |text: &str| OffsetDateTime::parse(text.trim(), &Rfc2822).ok();
    let until = parse(text)?;
    let from = date.and_then(parse).unwrap_or(now);
    Some(Duration::try_from(until - from).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = OffsetDateTime::parse("Tue, 24 Nov 2026 17:00:00 GMT", &Rfc2822).unwrap();
        let date = "Tue, 24 Nov 2026 17:01:00 GMT";
        let cases = [
            ("10", None, Some(10)),
            (" 0 ", None, Some(0)),
            ("-1", None, None),
            ("soon", None, None),
            ("", None, None),
            (date, None, Some(60)),
            ("Tue, 24 Nov 2026 16:59:00 GMT", None, Some(0)),
            // Our clock is wrong by a minute, and it does not matter.
            (date, Some("Tue, 24 Nov 2026 17:00:55 GMT"), Some(5)),
            (date, Some("never"), Some(60)),
        ];
        for (text, date, want) in cases {
            let want = want.map(Duration::from_secs);
            assert_eq!(retry_after(text, date, now), want, "{text:?} at {date:?}");
        }
    }
}
