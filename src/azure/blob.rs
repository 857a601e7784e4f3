//! Blobs behind signed URLs: looked at, read in ranges, written from a file.
//!
//! The URL's signature is all the authority there is: no token goes to where blobs lie, https is a must, and the query is in
//! no log and no message. The wire beneath (proxy, certificate authorities, time-outs) is the one of the resource manager.

use std::path::Path;

use azure_core::Bytes;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{AsyncRawResponse, Method as HttpMethod, Request, Url};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncReadExt;
use tokio_stream::StreamExt as _;

use super::call::Call;
use super::client::Client;
use super::envelope::blob_refusal;
use super::error::{Error, RequestLine};
use super::exchange::{interrupted, jitter};
use super::mask::without_query;
use super::response::FailedAttempt;
use super::retry::{self, Attempt, Decision, Fault, Method};
use super::transport::transport_failure;

/// What one read holds at most, in bytes: logs are read in pieces, whatever their length.
pub const READ_BYTES_MAX: u64 = 256 << 10;

/// What one write holds, in bytes. The wire gives up on a request that has no answer within a minute, counted from its start,
/// so that a longer body would fail on a slow line; and no more than this is in memory.
pub const WRITE_BYTES_MAX: usize = 4 << 20;

/// How much of a refusal's body is read, in bytes: its first sentence is at the beginning.
const REFUSAL_BYTES_MAX: u64 = 16 << 10;

/// The metadata that ACR sets with the last piece of a run's log. It is written in several casings, which the wire does not
/// tell apart.
const COMPLETE: HeaderName = HeaderName::from_static("x-ms-meta-complete");

const BLOB_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-type");
const RANGE: HeaderName = HeaderName::from_static("x-ms-range");
const CONTENT_LENGTH: HeaderName = HeaderName::from_static("content-length");
const CONTENT_RANGE: HeaderName = HeaderName::from_static("content-range");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const USER_AGENT: HeaderName = HeaderName::from_static("user-agent");
const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// What is known of a blob without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlobHead {
    /// Its length in bytes at that moment.
    pub length: u64,
    /// The word of its `Complete` metadata: nothing will be appended any more.
    pub complete: Option<String>,
}

/// One request, unchanged through all its attempts.
struct Outgoing<'a> {
    method: HttpMethod,
    url: &'a Url,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
    /// How much of the answer's body is wanted, in bytes.
    wanted: u64,
}

/// A good answer.
struct Answer {
    status: u16,
    headers: Headers,
    body: Bytes,
}

impl Client {
    /// Looks at a blob.
    ///
    /// # Errors
    /// [`Error::status`] tells 404 (not there yet) and 403 (the signature has expired, or the network is not let in); else as
    /// [`Client::get`].
    pub async fn blob_head(&self, call: &Call, url: &Url) -> Result<BlobHead, Error> {
        let answer = self.blob(call, &Outgoing::new(HttpMethod::Head, url)).await?;
        let length = answer.headers.get_optional_str(&CONTENT_LENGTH);
        Ok(BlobHead {
            length: length.and_then(|text| text.trim().parse().ok()).unwrap_or_default(),
            complete: answer.headers.get_optional_string(&COMPLETE),
        })
    }

    /// Reads at most [`READ_BYTES_MAX`] bytes of a blob, beginning with byte `from` (counted from 0). An answer that ignores
    /// the range is cut to it. Errors as [`Client::blob_head`].
    ///
    /// # Errors
    /// As [`Client::blob_head`].
    pub async fn blob_read(&self, call: &Call, url: &Url, from: u64) -> Result<Bytes, Error> {
        let mut request = Outgoing::new(HttpMethod::Get, url);
        let last = from + READ_BYTES_MAX - 1;
        request.headers.push((RANGE, format!("bytes={from}-{last}")));
        request.wanted = last + 1;
        let answer = self.blob(call, &request).await?;
        let starts_at = answer.headers.get_optional_str(&CONTENT_RANGE).and_then(range_start);
        // A 200 is the whole blob; the part before `from` is known already.
        let starts_at = starts_at.unwrap_or(if answer.status == 206 { from } else { 0 });
        let skip = usize::try_from(from.saturating_sub(starts_at)).unwrap_or(usize::MAX);
        let body = answer.body.slice(skip.min(answer.body.len())..);
        let most = usize::try_from(READ_BYTES_MAX).unwrap_or(usize::MAX);
        Ok(body.slice(..body.len().min(most)))
    }

    /// Writes a file to a block blob: in one piece when it is small, else in blocks, which appear all at once with the last
    /// request. Each request may be sent twice without harm, so that faults are waited out.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when the file cannot be read; else as [`Client::get`].
    pub async fn blob_write(&self, call: &Call, url: &Url, file: &Path) -> Result<(), Error> {
        let unreadable = |cause: std::io::Error| Error::InvalidRequest(format!("reading {}: {cause}", file.display()));
        let mut source = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let mut block = read_block(&mut source).await.map_err(unreadable)?;
        if block.len() < WRITE_BYTES_MAX {
            let mut request = Outgoing::new(HttpMethod::Put, url);
            request.headers.push((BLOB_TYPE, "BlockBlob".to_string()));
            request.body = block;
            return self.blob(call, &request).await.map(drop);
        }
        let mut ids = Vec::new();
        while !block.is_empty() {
            // Ids must all be of one length.
            let id = STANDARD.encode(format!("{:08}", ids.len()));
            let place = with_pairs(url, &[("comp", "block"), ("blockid", &id)]);
            let mut request = Outgoing::new(HttpMethod::Put, &place);
            request.body = block;
            self.blob(call, &request).await?;
            ids.push(id);
            block = read_block(&mut source).await.map_err(unreadable)?;
        }
        let latest: String = ids.iter().map(|id| format!("<Latest>{id}</Latest>")).collect();
        let list = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{latest}</BlockList>");
        let place = with_pairs(url, &[("comp", "blocklist")]);
        let mut request = Outgoing::new(HttpMethod::Put, &place);
        request.body = Bytes::from(list);
        self.blob(call, &request).await.map(drop)
    }

    /// Sends until there is an answer that no further attempt would better.
    async fn blob(&self, call: &Call, out: &Outgoing<'_>) -> Result<Answer, Error> {
        if out.url.scheme() != "https" {
            let place = without_query(out.url);
            return Err(Error::InvalidRequest(format!(
                "{place} is not https; nothing is sent there"
            )));
        }
        let (mut number, mut last) = (0, None);
        loop {
            number += 1;
            let sent = call.guard(self.blob_attempt(out)).await;
            let failure = match sent.map_err(|by| interrupted(call, by, last.take(), false))?? {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let attempt = Attempt {
                method: out.line().method,
                number,
                fault: failure.fault,
                retry_after: failure.retry_after,
                remaining: call.remaining(),
                jitter: jitter(),
            };
            let (wait, asked) = match retry::decide(&attempt, self.pace()) {
                Decision::GiveUp => return Err(failure.error),
                Decision::Retry(wait) => (wait, None),
                Decision::PastDeadline(asked) => (call.remaining(), asked),
            };
            tracing::debug!(request = %out.line(), attempt = number, error = %failure.error, "will be sent again");
            if let Err(by) = call.sleep(wait).await {
                return Err(interrupted(call, by, Some(failure.error), false).asked_to_wait(asked));
            }
            last = Some(failure.error);
        }
    }

    /// Sends once. The outer error ends the operation; the inner one may be retried.
    async fn blob_attempt(&self, out: &Outgoing<'_>) -> Result<Result<Answer, FailedAttempt>, Error> {
        let mut request = Request::new(out.url.clone(), out.method);
        request.insert_header(USER_AGENT, self.inner.parts.user_agent.clone());
        for (name, value) in &out.headers {
            request.insert_header(name.clone(), value.clone());
        }
        if out.method == HttpMethod::Put {
            request.insert_header(CONTENT_TYPE, "application/octet-stream");
            request.insert_header(CONTENT_LENGTH, out.body.len().to_string());
            request.set_body(out.body.clone());
        }
        let line = out.line();
        let begun = tokio::time::Instant::now();
        let sent = self.inner.parts.http.execute_request(&request).await;
        let read = match sent {
            Ok(answer) => read_answer(answer, out.wanted).await,
            Err(error) => Err(error),
        };
        let answer = match read {
            Ok(answer) => answer,
            Err(error) => return transport_failure(&line, &error, false).map(Err),
        };
        let (status, ms) = (answer.status, begun.elapsed().as_millis());
        tracing::debug!(request = %line, status, ms, "blob answered");
        if (200..300).contains(&status) {
            return Ok(Ok(answer));
        }
        let header = |name| answer.headers.get_optional_str(name);
        let (code, id) = (header(&ERROR_CODE), header(&REQUEST_ID));
        Ok(Err(FailedAttempt {
            error: blob_refusal(line, status, code, id, &answer.body),
            fault: Fault::Status(status),
            retry_after: None,
        }))
    }
}

impl<'a> Outgoing<'a> {
    fn new(method: HttpMethod, url: &'a Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Bytes::new(),
            wanted: REFUSAL_BYTES_MAX,
        }
    }

    /// For messages: a look is told as the read that it precedes.
    fn line(&self) -> RequestLine {
        let writes = self.method == HttpMethod::Put;
        RequestLine {
            method: if writes { Method::Put } else { Method::Get },
            path: without_query(self.url),
        }
    }
}

/// Status, headers and as much of the body as is wanted.
async fn read_answer(answer: AsyncRawResponse, wanted: u64) -> azure_core::Result<Answer> {
    let (status, headers, mut body) = answer.deconstruct();
    let mut kept = Vec::new();
    while let Some(piece) = body.next().await {
        kept.extend_from_slice(&piece?);
        if kept.len() as u64 >= wanted {
            break;
        }
    }
    Ok(Answer {
        status: u16::from(status),
        headers,
        body: Bytes::from(kept),
    })
}

async fn read_block(file: &mut tokio::fs::File) -> std::io::Result<Bytes> {
    let mut block = Vec::new();
    file.take(WRITE_BYTES_MAX as u64).read_to_end(&mut block).await?;
    Ok(Bytes::from(block))
}

/// The URL with more in its query. What is signed stays as it was written.
fn with_pairs(url: &Url, pairs: &[(&str, &str)]) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().extend_pairs(pairs);
    url
}

/// `bytes 10-19/20` begins at 10.
fn range_start(text: &str) -> Option<u64> {
    text.trim().strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests;
