//! Requests to the storage account: uploads in one go or in blocks, and range reads of logs that grow.
//!
//! Codes and statuses are storage's; the texts are ours. Assumed: an `Authorization` header beside a signature is 400
//! `InvalidAuthenticationInfo`; `Content-MD5` and checksums are neither answered nor compared.

use time::OffsetDateTime;

use super::answer::Answer;
use super::blobs::{Object, Permission, Unsigned, owned};
use super::clock;
use super::exchange::Incoming;
use super::identity::random_id;
use super::run_log::Log;
use super::store::Store;
use super::uploads::{Received, UploadError};

/// What the account says its version is when a client names none.
const DEFAULT_VERSION: &str = "2024-11-04";

/// A request that an upload's body came with: which parts of it matter.
enum Put {
    /// The whole blob.
    Blob,
    /// One block of it.
    Block(String),
    /// The list that makes the blocks a blob.
    List,
}

/// The block ids of a block list, in order.
pub(super) fn listed_blocks(xml: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for name in ["Latest", "Uncommitted", "Committed"] {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let mut from = 0;
        while let Some(start) = xml[from..].find(&open).map(|at| from + at + open.len()) {
            let Some(end) = xml[start..].find(&close).map(|at| start + at) else {
                break;
            };
            ids.push((start, xml[start..end].trim().to_string()));
            from = end;
        }
    }
    ids.sort();
    ids.into_iter().map(|(_, id)| id).collect()
}

impl Store {
    /// Answers a request to the storage account.
    pub(super) fn blob_answer(&mut self, incoming: &Incoming, now: OffsetDateTime) -> Answer {
        let path = owned(&incoming.path).unwrap_or_default();
        let answer = self
            .blob_request(incoming, path, now)
            .unwrap_or_else(|(status, code)| failure(incoming, status, code, now));
        let version = incoming.header("x-ms-version").unwrap_or(DEFAULT_VERSION);
        answer
            .header("server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")
            .header("x-ms-request-id", random_id())
            .header("x-ms-version", version)
            .header("date", clock::http_date(now))
    }

    fn blob_request(
        &mut self,
        incoming: &Incoming,
        path: &str,
        now: OffsetDateTime,
    ) -> Result<Answer, (u16, &'static str)> {
        if incoming.header("authorization").is_some() {
            return Err((400, "InvalidAuthenticationInfo"));
        }
        let wanted = match incoming.method.as_str() {
            "PUT" => Permission::Write,
            "GET" | "HEAD" => Permission::Read,
            _ => return Err((405, "UnsupportedHttpVerb")),
        };
        self.check_signed(path, &incoming.query, wanted, now)
            .map_err(|refused| match refused {
                Unsigned::Invalid => (403, "AuthenticationFailed"),
                Unsigned::Permission => (403, "AuthorizationPermissionMismatch"),
            })?;
        match wanted {
            Permission::Write => self.put_blob(incoming, path, now),
            Permission::Read => {
                let log = self.log_at(path, now).ok_or((404, "BlobNotFound"))?;
                read_log(&log, incoming)
            }
        }
    }

    fn put_blob(
        &mut self,
        incoming: &Incoming,
        path: &str,
        now: OffsetDateTime,
    ) -> Result<Answer, (u16, &'static str)> {
        let put = match (incoming.query.get("comp"), incoming.query.get("blockid")) {
            (None, _) => Put::Blob,
            (Some("block"), Some(id)) => Put::Block(id.to_string()),
            (Some("blocklist"), _) => Put::List,
            _ => return Err((400, "InvalidQueryParameterValue")),
        };
        if incoming.header("content-length").is_none() {
            return Err((411, "MissingContentLengthHeader"));
        }
        let received = match &incoming.upload {
            Some(Ok(received)) => received.clone(),
            Some(Err(UploadError::TooLarge)) => return Err((413, "RequestBodyTooLarge")),
            Some(Err(UploadError::UnknownBlock)) => return Err((400, "InvalidBlockList")),
            Some(Err(UploadError::Io)) | None => return Err((500, "InternalError")),
        };
        if let Put::Block(id) = put {
            self.blobs.blocks.entry(path.into()).or_default().insert(id, received);
            return Ok(Answer::empty(201)
                .header("x-ms-request-server-encrypted", "true")
                .header("content-length", "0"));
        }
        match incoming.header("x-ms-blob-type") {
            _ if matches!(put, Put::List) => {}
            None => return Err((400, "MissingRequiredHeader")),
            Some("BlockBlob") => {}
            Some(_) => return Err((400, "InvalidHeaderValue")),
        }
        if incoming.header("if-none-match") == Some("*") && self.blobs.objects.contains_key(path) {
            return Err((409, "BlobAlreadyExists"));
        }
        let etag = format!("\"0x8D{}\"", &random_id().replace('-', "").to_uppercase()[..13]);
        self.blobs.blocks.remove(path);
        self.blobs.objects.insert(path.into(), Object { content: received });
        Ok(Answer::empty(201)
            .header("content-length", "0")
            .header("etag", etag)
            .header("last-modified", clock::http_date(now))
            .header("x-ms-request-server-encrypted", "true"))
    }

    /// The blocks that a list names, when all of them are there.
    pub(super) fn blocks_of(&self, path: &str, ids: &[String]) -> Option<Vec<Received>> {
        let blocks = self.blobs.blocks.get(path);
        let found = ids.iter().map(|id| blocks?.get(id).cloned());
        found.collect()
    }
}

/// An error of storage: a code in a header, and an XML body where the method allows one.
fn failure(incoming: &Incoming, status: u16, code: &'static str, now: OffsetDateTime) -> Answer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>The storage account refuses this request: {code}.\nTime:{}</Message></Error>",
        clock::with_zulu(now)
    );
    let answer = if incoming.method == "HEAD" {
        Answer::empty(status)
    } else {
        Answer::bytes(status, "application/xml", text.into_bytes())
    };
    answer.header("x-ms-error-code", code)
}

/// A log as its reader sees it now: whole, or the range asked for.
fn read_log(log: &Log, incoming: &Incoming) -> Result<Answer, (u16, &'static str)> {
    let bytes = log.text.as_bytes();
    let asked = incoming.header("x-ms-range").or_else(|| incoming.header("range"));
    let range = match asked.map(|text| parsed_range(text, bytes.len())) {
        None => None,
        Some(Some(range)) => Some(range),
        Some(None) => return Err((416, "InvalidRange")),
    };
    let (status, from, to) = match range {
        None => (200, 0, bytes.len()),
        Some((from, to)) => (206, from, to),
    };
    let mut answer = match incoming.method.as_str() {
        // The properties are those of the whole blob, whatever range a HEAD names.
        "HEAD" => Answer::empty(200)
            .header("content-length", bytes.len().to_string())
            .header("content-type", "text/plain; charset=utf-8"),
        _ => Answer::bytes(status, "text/plain; charset=utf-8", bytes[from..to].to_vec()),
    };
    if status == 206 && incoming.method != "HEAD" {
        answer = answer.header("content-range", format!("bytes {from}-{}/{}", to - 1, bytes.len()));
    }
    if let Some(word) = log.complete {
        answer = answer.header("x-ms-meta-complete", word);
    }
    Ok(answer
        .header("accept-ranges", "bytes")
        .header("content-disposition", "")
        .header("content-encoding", "utf-8")
        .header(
            "etag",
            format!("\"0x8D{:013X}\"", log.modified.unix_timestamp_nanos() / 100 % (1 << 52)),
        )
        .header("last-modified", clock::http_date(log.modified))
        .header("x-ms-creation-time", clock::http_date(log.created))
        .header("x-ms-blob-type", "AppendBlob")
        .header("x-ms-blob-committed-block-count", log.blocks.to_string())
        .header("x-ms-lease-state", "available")
        .header("x-ms-lease-status", "unlocked")
        .header("x-ms-server-encrypted", "true"))
}

/// First byte and the one after the last of `bytes=a-b` or `bytes=a-`, cut to the length. Nothing beyond the end.
fn parsed_range(text: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let to: usize = match to {
        "" => length,
        to => to.parse::<usize>().ok()?.saturating_add(1),
    };
    (from < length && from < to).then_some((from, to.min(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, length, expected) in [
            ("bytes=0-3", 10, Some((0, 4))),
            ("bytes=0-4095", 10, Some((0, 10))),
            ("bytes=4-", 10, Some((4, 10))),
            ("bytes=10-20", 10, None),
            ("bytes=0-", 0, None),
            ("bytes=5-4", 10, None),
            ("bytes=-4", 10, None),
            ("lines=0-4", 10, None),
            ("bytes=0-18446744073709551615", 10, Some((0, 10))),
        ] {
            assert_eq!(parsed_range(text, length), expected, "{text}");
        }
    }

    #[test]
    fn block_lists_keep_their_order() {
        let xml = "<?xml version='1.0'?>\n<BlockList><Latest>Yg==</Latest><Uncommitted>YQ==</Uncommitted><Latest>Yw==</Latest></BlockList>";
        assert_eq!(listed_blocks(xml), ["Yg==", "YQ==", "Yw=="]);
        assert!(listed_blocks("<Latest>").is_empty());
    }
}
