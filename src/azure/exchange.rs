//! One request, sent until it is answered: attempts, waits, throttle, tokens. `retry` and `throttle` decide; this acts.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use azure_core::Bytes;
use azure_core::http::headers::HeaderName;
use azure_core::http::{Context, Pipeline, PipelineSendOptions, Request, Url};
use tokio::time::Instant;

use super::call::{Call, Interruption};
use super::client::Client;
use super::error::{Error, RequestLine};
use super::mask::mask_body;
use super::response::{CORRELATION_ID, FailedAttempt, Response};
use super::retry::{self, Attempt, Decision, Fault, Method, TOO_MANY_REQUESTS};
use super::throttle::{Bucket, Kind};
use super::transport::transport_failure;

/// How long a write that is under way may still be answered after the user cancelled: knowing whether a resource was created
/// is worth a few seconds, because otherwise it may be orphaned.
pub const WRITE_ANSWER_GRACE: Duration = Duration::from_secs(10);

const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const ACCEPT: HeaderName = HeaderName::from_static("accept");
const JSON: &str = "application/json";

/// The status of a request whose token was not accepted: nothing was done, whatever the method.
const UNAUTHORIZED: u16 = 401;

/// One request, unchanged through all its attempts.
pub(super) struct Outgoing<'a> {
    pub(super) call: &'a Call,
    pub(super) line: RequestLine,
    pub(super) url: Url,
    pub(super) body: Option<Bytes>,
}

/// What came of the attempts so far.
#[derive(Default)]
struct Attempts {
    /// How many, not counting those with a stale token.
    number: u32,
    /// One of them got no answer and may have been carried out.
    unclear: bool,
    /// A fresh token was fetched for this request already.
    renewed: bool,
    /// How the latest one failed: what the end of the operation is explained with.
    last: Option<Error>,
}

impl Client {
    /// Sends until there is an answer that no further attempt would better.
    pub(super) async fn exchange(&self, out: Outgoing<'_>) -> Result<Response, Error> {
        let mut so_far = Attempts::default();
        let bucket = self.bucket(&out);
        loop {
            so_far.number += 1;
            let pipeline = self.pipeline();
            let sent = match self.await_turn(&out, &bucket, so_far.unclear).await {
                Ok(()) => self.attempt(&pipeline, &out, so_far.unclear).await,
                Err(error) => Err(error),
            };
            let failure = match sent.map_err(|error| error.remembering(so_far.last.take()))? {
                Ok(response) => {
                    self.inner.throttle.answered(&bucket, response.remaining(bucket.kind));
                    return Ok(response);
                }
                Err(failure) => failure,
            };
            if failure.fault == Fault::Status(UNAUTHORIZED) && !so_far.renewed {
                tracing::debug!(request = %out.line, "the token was not accepted; once more with a fresh one");
                self.renew(&pipeline)?;
                so_far.renewed = true;
                so_far.number -= 1;
                continue;
            }
            if failure.fault == Fault::Status(TOO_MANY_REQUESTS) {
                self.inner.throttle.refused(&bucket, failure.retry_after);
            }
            so_far.unclear |= failure.error.may_have_been_accepted();
            so_far.last = Some(self.await_retry(&out, &so_far, failure).await?);
        }
    }

    /// Waits as long as the throttle wants.
    async fn await_turn(&self, out: &Outgoing<'_>, bucket: &Bucket, unclear: bool) -> Result<(), Error> {
        let call = out.call;
        let wait = self.inner.throttle.admit(bucket);
        if wait.is_zero() {
            return Ok(());
        }
        tracing::debug!(request = %out.line, wait_ms = millis(wait), "slowing down: Azure allows few requests now");
        let asked = (wait >= call.remaining()).then_some(wait);
        call.sleep(wait)
            .await
            .map_err(|by| interrupted(call, by, None, unclear).asked_to_wait(asked))
    }

    /// Waits before the next attempt and hands the failure back, or ends with it when there is to be none.
    async fn await_retry(&self, out: &Outgoing<'_>, so_far: &Attempts, failure: FailedAttempt) -> Result<Error, Error> {
        let call = out.call;
        let attempt = Attempt {
            method: out.line.method,
            number: so_far.number,
            fault: failure.fault,
            retry_after: failure.retry_after,
            remaining: call.remaining(),
            jitter: jitter(),
        };
        let (wait, asked) = match retry::decide(&attempt, &self.inner.pace) {
            Decision::GiveUp => return Err(failure.error),
            Decision::Retry(wait) => (wait, None),
            // The time that the user allowed is used up, should he stop or raise it meanwhile; then the reason is told.
            Decision::PastDeadline(asked) => (call.remaining(), asked),
        };
        tracing::debug!(request = %out.line, attempt = so_far.number, wait_ms = millis(wait), error = %failure.error, "will be sent again");
        let slept = call.sleep(wait).await;
        let past_deadline = asked.is_some() || call.remaining().is_zero();
        match slept {
            Ok(()) if past_deadline => {
                let by = Interruption::Deadline;
                Err(interrupted(call, by, Some(failure.error), so_far.unclear).asked_to_wait(asked))
            }
            Ok(()) => Ok(failure.error),
            Err(by) => Err(interrupted(call, by, Some(failure.error), so_far.unclear).asked_to_wait(asked)),
        }
    }

    /// Sends once. The outer error ends the operation; the inner one may be retried.
    async fn attempt(
        &self,
        pipeline: &Pipeline,
        out: &Outgoing<'_>,
        unclear: bool,
    ) -> Result<Result<Response, FailedAttempt>, Error> {
        let (call, line) = (out.call, &out.line);
        // Nothing is begun for an operation that is already over.
        if call.cancel.is_cancelled() {
            return Err(interrupted(call, Interruption::Cancelled, None, unclear));
        }
        if call.remaining().is_zero() {
            return Err(interrupted(call, Interruption::Deadline, None, unclear));
        }
        let mut request = self.request(out);
        let begun = Instant::now();
        let context = Context::new();
        let options = PipelineSendOptions {
            skip_checks: true,
            ..Default::default()
        };
        let sending = pipeline.send(&context, &mut request, Some(options));
        tokio::pin!(sending);
        let sent = match call.guard(&mut sending).await {
            Ok(sent) => sent,
            Err(interruption) if line.method.writes() => {
                match tokio::time::timeout(WRITE_ANSWER_GRACE, &mut sending).await {
                    Ok(sent) => sent,
                    Err(_) => return Err(interrupted(call, interruption, None, true)),
                }
            }
            Err(interruption) => return Err(interrupted(call, interruption, None, false)),
        };
        let (method, path, ms) = (line.method.as_str(), line.path.as_str(), millis(begun.elapsed()));
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let failure = transport_failure(line, &error, unclear)?;
                tracing::debug!(method, path, ms, correlation_id = call.correlation_id, error = %failure.error, "no answer");
                return Ok(Err(failure));
            }
        };
        let response = Response::new(answer, line.clone(), &call.correlation_id);
        let (status, correlation_id) = (response.status, response.correlation_id.as_str());
        tracing::debug!(method, path, status, ms, correlation_id, "answered");
        tracing::trace!(method, path, body = mask_body(&response.body), "answer");
        if (200..300).contains(&response.status) {
            Ok(Ok(response))
        } else {
            Ok(Err(response.into_failure(unclear)))
        }
    }

    fn request(&self, out: &Outgoing<'_>) -> Request {
        let mut request = Request::new(out.url.clone(), wire_method(out.line.method));
        request.insert_header(ACCEPT, JSON);
        if self.inner.send_correlation_id {
            request.insert_header(CORRELATION_ID, out.call.correlation_id.clone());
        }
        if let Some(body) = &out.body {
            let (method, path) = (out.line.method.as_str(), out.line.path.as_str());
            tracing::trace!(method, path, body = mask_body(body), "request");
            request.insert_header(CONTENT_TYPE, JSON);
            request.set_body(body.clone());
        }
        request
    }

    fn bucket(&self, out: &Outgoing<'_>) -> Bucket {
        let mut segments = out.line.path.split('/').skip(1);
        let subscription = match (segments.next(), segments.next()) {
            (Some(first), Some(id)) if first.eq_ignore_ascii_case("subscriptions") => id.to_ascii_lowercase(),
            _ => String::new(),
        };
        Bucket {
            origin: out.url.origin().ascii_serialization(),
            subscription,
            kind: Kind::of(out.line.method),
        }
    }

    fn pipeline(&self) -> Arc<Pipeline> {
        self.inner
            .pipeline
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces the pipeline whose token was refused. The credential keeps its token until shortly before it expires by *our*
    /// clock, so that only a new credential asks for another. Of many requests refused together the first one does it.
    fn renew(&self, refused: &Arc<Pipeline>) -> Result<(), Error> {
        let mut current = self.inner.pipeline.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, refused) {
            *current = Arc::new(self.inner.parts.pipeline()?);
        }
        Ok(())
    }
}

/// The interruption of an operation as an error that keeps the last real one.
pub(crate) fn interrupted(call: &Call, by: Interruption, last: Option<Error>, in_flight: bool) -> Error {
    let last = last.map(Box::new);
    match by {
        Interruption::Cancelled => Error::Cancelled { last, in_flight },
        Interruption::Deadline => Error::DeadlineExceeded {
            waited: call.elapsed(),
            last,
            in_flight,
            next_wait: None,
        },
    }
}

fn wire_method(method: Method) -> azure_core::http::Method {
    match method {
        Method::Get => azure_core::http::Method::Get,
        Method::Put => azure_core::http::Method::Put,
        Method::Patch => azure_core::http::Method::Patch,
        Method::Delete => azure_core::http::Method::Delete,
        Method::Post | Method::Query => azure_core::http::Method::Post,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Random, 0 to 1, from the generator that makes ids: enough to spread retries.
pub(super) fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}
