//! The answer to a request: what the service said, and the headers that matter.

use std::fmt;
use std::time::Duration;

use azure_core::Bytes;
use azure_core::http::RawResponse;
use azure_core::http::headers::{HeaderName, Headers};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::envelope::FailedAnswer;
use super::error::{Error, RequestLine};
use super::mask::mask_body;
use super::retry::Fault;

pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");
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
        serde_json::from_slice(&self.body).map_err(|cause| self.invalid(cause.to_string()))
    }

    /// The body as JSON; null when it is empty or no JSON (a delete's 202 answers `null`, its 204 nothing).
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The wait that the service asks for, in whole seconds. (ARM writes seconds; an HTTP date counts as none.)
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
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

fn retry_after(headers: &Headers) -> Option<Duration> {
    headers
        .get_optional_str(&RETRY_AFTER)?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}
