//! The storage account: signed URLs, uploads in one go and in blocks, logs that grow.

use std::time::Duration;

use super::lab::{Lab, Reply, reply};
use super::runs_lab::{PICK_UP, RUN, archive, build_of, command, lab};
use super::shape::shape_of;

const FILES: &[(&str, &str)] = &[("Dockerfile", "FROM alpine\nRUN echo hello")];

fn error(reply: &Reply) -> (u16, Option<&str>) {
    (reply.status, reply.header("x-ms-error-code"))
}

#[tokio::test]
async fn upload_urls_name_the_blob_after_the_correlation_id() {
    let lab = lab().await;
    let ask = |id: &str| {
        let url = format!("{}{}", lab.emulator.url(), lab.below("listBuildSourceUploadUrl"));
        let request = lab.client.post(url).bearer_auth(&lab.token);
        reply(
            request
                .header("x-ms-correlation-request-id", id.to_string())
                .header("content-length", "0"),
        )
    };
    let first = ask("aaaaaaaa-0000-4000-8000-000000000001").await.unwrap();
    assert_eq!(
        (first.status, shape_of(&first.text).as_str()),
        (200, "{relativePath:string,uploadUrl:string}")
    );
    let again = ask("aaaaaaaa-0000-4000-8000-000000000001").await.unwrap();
    let other = ask("aaaaaaaa-0000-4000-8000-000000000002").await.unwrap();
    let path = |reply: &Reply| reply.json()["relativePath"].as_str().unwrap().to_string();
    assert!(
        path(&first).ends_with("0000/aaaaaaaa-0000-4000-8000-000000000001.tar.gz"),
        "{}",
        path(&first)
    );
    assert!(path(&first).starts_with("tasks-source/"));
    assert_eq!(path(&first), path(&again));
    assert_ne!(path(&first), path(&other));
    assert_ne!(path(&lab_path(&lab).await), path(&lab_path(&lab).await));
    // The second upload takes the first one's place, as it does in Azure.
    for (from, files) in [(&first, FILES), (&again, &[("other", "x")][..])] {
        let url = from.json()["uploadUrl"].as_str().unwrap().to_string();
        assert_eq!(lab.put_blob(&url, archive(files)).await.status, 201);
    }
    let id = lab.scheduled(&build_of(&path(&first))).await;
    lab.run_through();
    assert_eq!(lab.run_status(&id).await, "Failed");
}

async fn lab_path(lab: &Lab) -> Reply {
    lab.call("POST", &lab.below("listBuildSourceUploadUrl"), None).await
}

#[tokio::test]
async fn uploads_take_what_storage_takes() {
    let lab = lab().await;
    let (url, _) = lab.upload_url().await;
    let put = |url: &str| {
        lab.client
            .put(url)
            .header("x-ms-blob-type", "BlockBlob")
            .body(archive(FILES))
    };
    let done = reply(put(&url)).await.unwrap();
    assert_eq!(done.status, 201);
    for name in [
        "etag",
        "last-modified",
        "x-ms-request-id",
        "x-ms-version",
        "date",
        "server",
    ] {
        assert!(done.header(name).is_some(), "{name}");
    }
    assert_eq!(done.header("x-ms-request-server-encrypted"), Some("true"));
    assert_eq!(done.header("x-ms-correlation-request-id"), None);
    let tampered = url.replace("&sig=", "&sig=x");
    let elsewhere = url.replace(".tar.gz", "0.tar.gz");
    let chunked = {
        let pieces = tokio_stream::iter([Ok::<_, std::io::Error>(vec![1_u8; 10])]);
        reqwest::Body::wrap_stream(pieces)
    };
    for (what, request, expected) in [
        ("tampered", put(&tampered), (403, Some("AuthenticationFailed"))),
        ("elsewhere", put(&elsewhere), (403, Some("AuthenticationFailed"))),
        (
            "get",
            lab.client.get(&url),
            (403, Some("AuthorizationPermissionMismatch")),
        ),
        ("delete", lab.client.delete(&url), (405, Some("UnsupportedHttpVerb"))),
        (
            "with a token",
            put(&url).bearer_auth(&lab.token),
            (400, Some("InvalidAuthenticationInfo")),
        ),
        (
            "no type",
            lab.client.put(&url).body("x"),
            (400, Some("MissingRequiredHeader")),
        ),
        (
            "no length",
            lab.client.put(&url).header("x-ms-blob-type", "BlockBlob").body(chunked),
            (411, Some("MissingContentLengthHeader")),
        ),
        (
            "not again",
            put(&url).header("if-none-match", "*"),
            (409, Some("BlobAlreadyExists")),
        ),
    ] {
        let reply = reply(request).await.unwrap();
        assert_eq!(error(&reply), expected, "{what}: {}", reply.text);
        assert!(
            reply.text.contains(&format!("<Code>{}</Code>", expected.1.unwrap())),
            "{what}: {}",
            reply.text
        );
    }
    // The journal knows who sent a token where none belongs, and never the signature.
    let puts: Vec<_> = lab
        .emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.method == "PUT")
        .collect();
    assert_eq!(puts.iter().filter(|entry| entry.authorization).count(), 1);
    let signature = url.split("sig=").nth(1).unwrap().split('&').next().unwrap().to_string();
    assert!(lab.emulator.issued_signatures().contains(&signature));
    assert!(
        puts.iter()
            .all(|entry| !entry.query.contains(&signature) && entry.query.contains("sig="))
    );
    lab.emulator.advance(Duration::from_secs(3599));
    assert_eq!(reply(put(&url)).await.unwrap().status, 201);
    lab.emulator.advance(Duration::from_secs(1));
    assert_eq!(
        error(&reply(put(&url)).await.unwrap()),
        (403, Some("AuthenticationFailed"))
    );
}

#[tokio::test]
async fn uploads_in_blocks() {
    let lab = lab().await;
    let (url, location) = lab.upload_url().await;
    let bytes = archive(FILES);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    for (id, part) in [("Yg%3D%3D", second), ("YQ%3D%3D", first)] {
        let request = lab
            .client
            .put(format!("{url}&comp=block&blockid={id}"))
            .body(part.to_vec());
        assert_eq!(reply(request).await.unwrap().status, 201);
    }
    let list = |ids: &[&str]| {
        let ids: String = ids.iter().map(|id| format!("<Latest>{id}</Latest>")).collect();
        let xml = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{ids}</BlockList>");
        reply(lab.client.put(format!("{url}&comp=blocklist")).body(xml))
    };
    assert_eq!(
        error(&list(&["YQ==", "eA=="]).await.unwrap()),
        (400, Some("InvalidBlockList"))
    );
    assert_eq!(lab.schedule(&build_of(&location)).await.code(), "InvalidSourceLocation");
    assert_eq!(list(&["YQ==", "Yg=="]).await.unwrap().status, 201);
    let id = lab.scheduled(&build_of(&location)).await;
    lab.run_through();
    assert_eq!(lab.run_status(&id).await, "Succeeded");
}

#[tokio::test]
async fn a_log_grows_and_ends() {
    let lab = lab().await;
    let id = lab.build(FILES).await;
    let link = lab.log_link(&id).await;
    let head = |link: &str| reply(lab.client.head(link));
    assert_eq!(error(&head(&link).await.unwrap()), (404, Some("BlobNotFound")));
    lab.emulator.advance(PICK_UP);
    let begun = head(&link).await.unwrap();
    assert_eq!(begun.status, 200);
    for (name, value) in [
        ("x-ms-blob-type", "AppendBlob"),
        ("content-type", "text/plain; charset=utf-8"),
        ("content-encoding", "utf-8"),
        ("x-ms-blob-committed-block-count", "1"),
        ("x-ms-lease-state", "available"),
        ("x-ms-lease-status", "unlocked"),
        ("x-ms-server-encrypted", "true"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(begun.header(name), Some(value), "{name}");
    }
    for name in ["etag", "last-modified", "x-ms-creation-time", "x-ms-request-id", "date"] {
        assert!(begun.header(name).is_some(), "{name}");
    }
    let length = |reply: &Reply| reply.header("content-length").unwrap().parse::<usize>().unwrap();
    let first = length(&begun);
    let whole = lab.log(&id).await;
    assert!(whole.text.ends_with("Downloading source code...\r\n"), "{}", whole.text);
    assert_eq!((whole.text.len(), whole.header("x-ms-meta-complete")), (first, None));
    lab.emulator.advance(RUN / 2);
    let later = lab.log(&id).await;
    assert!(later.text.starts_with(&whole.text) && later.text.len() > first);
    assert_ne!(later.header("etag"), whole.header("etag"));
    lab.run_through();
    let end = lab.log(&id).await;
    assert!(end.text.starts_with(&later.text));
    assert!(
        end.text.contains("Step 2/2 : RUN echo hello\nhello\r\n"),
        "{}",
        end.text
    );
    assert!(
        end.text.ends_with("Run ID: cf1 was successful after 1m20s\r\n"),
        "{}",
        end.text
    );
    assert_eq!(end.header("x-ms-meta-complete"), Some("successful"));
    assert_eq!(length(&head(&link).await.unwrap()), end.text.len());
}

#[tokio::test]
async fn ranges_of_a_log() {
    let lab = lab().await;
    let id = lab.scheduled(&command("bash echo hello")).await;
    lab.run_through();
    let text = lab.log(&id).await.text;
    let link = lab.log_link(&id).await;
    let last = text.len() - 1;
    for (name, range, from, to) in [
        ("x-ms-range", "bytes=0-9".to_string(), 0, 9),
        ("range", "bytes=10-".to_string(), 10, last),
        ("x-ms-range", "bytes=5-99999".to_string(), 5, last),
    ] {
        let reply = reply(lab.client.get(&link).header(name, &range)).await.unwrap();
        assert_eq!((reply.status, reply.text.as_str()), (206, &text[from..=to]), "{range}");
        let expected = format!("bytes {from}-{to}/{}", text.len());
        assert_eq!(reply.header("content-range"), Some(expected.as_str()));
        assert_eq!(reply.header("x-ms-meta-complete"), Some("successful"));
    }
    let beyond = format!("bytes={}-", text.len());
    let reply = reply(lab.client.get(&link).header("x-ms-range", beyond)).await.unwrap();
    assert_eq!(error(&reply), (416, Some("InvalidRange")));
    lab.emulator.advance(Duration::from_secs(70 * 60));
    let reply = lab.send("GET", &link, "", None).await.unwrap();
    assert_eq!(error(&reply), (403, Some("AuthenticationFailed")));
}

#[tokio::test]
async fn faults_reach_blobs() {
    let lab = lab().await;
    let (url, location) = lab.upload_url().await;
    let faults = r#"[{"match":{"method":"PUT","path_contains":"/tasks-source/"},"times":1,"action":{"respond":{"status":503}}},
        {"match":{"method":"PUT","path_contains":"/tasks-source/"},"times":1,"applied":true,"action":{"reset":true}}]"#;
    assert_eq!(lab.control("PUT", "faults", Some(faults)).await.status, 200);
    assert_eq!(lab.put_blob(&url, archive(FILES)).await.status, 503);
    assert_eq!(lab.schedule(&build_of(&location)).await.status, 400);
    let request = lab.client.put(&url).header("x-ms-blob-type", "BlockBlob");
    assert!(reply(request.body(archive(FILES))).await.is_err());
    assert_eq!(lab.schedule(&build_of(&location)).await.status, 200);
}

#[tokio::test]
async fn a_large_upload_stays_out_of_memory() {
    let lab = lab().await;
    let (url, location) = lab.upload_url().await;
    // 120 MB that do not compress: more than any other body may have.
    let mut seed = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()
    })
    .take(15_000_000)
    .flatten()
    .collect();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none()));
    for (path, bytes) in [
        ("noise", noise.as_slice()),
        ("Dockerfile", b"FROM alpine\nCOPY noise /"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, path, bytes).unwrap();
    }
    let bytes = tar.into_inner().unwrap().finish().unwrap();
    assert_eq!(lab.put_blob(&url, bytes).await.status, 201);
    let id = lab.scheduled(&build_of(&location)).await;
    lab.run_through();
    assert_eq!(lab.run_status(&id).await, "Succeeded");
}
