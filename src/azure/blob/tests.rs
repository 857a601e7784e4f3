//! Blobs: ranges, blocks, refusals, and no token anywhere.

use std::io::Write as _;

use azure_core::error::ErrorKind;

use super::*;
use crate::azure::fake::{FakeHttp, call, fault, reply};

const URL: &str = "https://blobs.example/c/x.tar.gz?se=1&sig=hu%2Fsh%3D";

fn url() -> Url {
    Url::parse(URL).unwrap()
}

fn file(text: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    file
}

#[tokio::test(start_paused = true)]
async fn a_blob_is_looked_at_and_read_without_a_token() {
    let http = FakeHttp::with([
        reply(200, "")
            .header("content-length", "12")
            .header("x-ms-meta-complete", "successful"),
        reply(206, "456789").header("content-range", "bytes 4-9/10"),
        reply(200, "0123456789"),
    ]);
    let (client, call) = (http.client(), call(60));
    let head = client.blob_head(&call, &url()).await.unwrap();
    assert_eq!((head.length, head.complete.as_deref()), (12, Some("successful")));
    for _ in 0..2 {
        assert_eq!(client.blob_read(&call, &url(), 4).await.unwrap(), Bytes::from("456789"));
    }
    let asked = http.asked();
    assert_eq!(asked[0].method, "HEAD");
    assert!(
        asked[1]
            .headers
            .contains(&("x-ms-range".into(), "bytes=4-262147".into()))
    );
    assert!(asked.iter().all(|asked| !asked.authorized && asked.url == URL));
    assert!(http.token_requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_small_file_is_one_request_and_faults_are_waited_out() {
    let http = FakeHttp::with([fault(ErrorKind::Io), reply(503, ""), reply(201, "")]);
    let file = file(b"archive");
    http.client().blob_write(&call(60), &url(), file.path()).await.unwrap();
    let asked = http.asked();
    assert_eq!(asked.len(), 3);
    for asked in asked {
        assert_eq!(
            (asked.method.as_str(), asked.body.as_str(), asked.url.as_str()),
            ("PUT", "archive", URL)
        );
        for (name, value) in [("x-ms-blob-type", "BlockBlob"), ("content-length", "7")] {
            assert!(asked.headers.contains(&(name.into(), value.into())), "{name}");
        }
        assert!(!asked.authorized);
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_file_goes_in_blocks_that_appear_together() {
    let http = FakeHttp::with([reply(201, "")]);
    let text = [vec![b'a'; WRITE_BYTES_MAX], b"end".to_vec()].concat();
    let file = file(&text);
    http.client().blob_write(&call(60), &url(), file.path()).await.unwrap();
    let asked = http.asked();
    let sizes: Vec<usize> = asked.iter().map(|asked| asked.body.len()).collect();
    assert_eq!(sizes[..2], [WRITE_BYTES_MAX, 3]);
    let signed = |asked: &crate::azure::fake::Asked| asked.url.starts_with(URL);
    assert!(
        asked.iter().all(signed),
        "the signature stays as it was written: {}",
        asked[0].url
    );
    assert!(
        asked[0].url.ends_with("&comp=block&blockid=MDAwMDAwMDA%3D"),
        "{}",
        asked[0].url
    );
    assert!(asked[2].url.ends_with("&comp=blocklist"));
    assert!(
        asked[2]
            .body
            .ends_with("<BlockList><Latest>MDAwMDAwMDA=</Latest><Latest>MDAwMDAwMDE=</Latest></BlockList>")
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_without_the_signature() {
    let xml = "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate.\nRequestId:1</Message></Error>";
    let http = FakeHttp::with([reply(403, xml)
        .header("x-ms-error-code", "AuthenticationFailed")
        .header("x-ms-request-id", "r-1")]);
    let error = http.client().blob_read(&call(60), &url(), 0).await.unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert_eq!(
        error.to_string(),
        "GET https://blobs.example/c/x.tar.gz: HTTP 403: AuthenticationFailed: Server failed to authenticate. (correlation id r-1)"
    );
    let http = FakeHttp::new();
    let plain = Url::parse("http://blobs.example/c?sig=hush").unwrap();
    let error = http.client().blob_head(&call(60), &plain).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the request cannot be made: http://blobs.example/c is not https; nothing is sent there"
    );
    assert!(http.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_is_named() {
    let error = FakeHttp::new()
        .client()
        .blob_write(&call(60), &url(), Path::new("/nowhere/x"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("reading /nowhere/x"), "{error}");
}
