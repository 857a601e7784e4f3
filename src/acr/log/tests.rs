//! A log that grows, breaks off, expires or never comes.

use std::sync::Mutex;

use azure_core::error::ErrorKind;
use tokio::time::Instant;

use super::*;
use crate::azure::fake::{FakeHttp, Reply, call, fault, reply};

const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";

#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Observer for Diary {
    fn log_line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_string());
    }
}

fn id() -> RunId {
    RunId::new(REGISTRY.parse().unwrap(), "ch1")
}

fn link() -> Reply {
    reply(
        200,
        r#"{"logLink":"https://logs.example/c/logs/ch1/rawtext.log?sig=hush"}"#,
    )
}

fn head(length: &str) -> Reply {
    reply(200, "").header("content-length", length)
}

fn complete(length: &str) -> Reply {
    head(length).header("x-ms-meta-complete", "successful")
}

fn piece(text: &str) -> Reply {
    reply(206, text)
}

fn missing() -> Reply {
    reply(404, "").header("x-ms-error-code", "BlobNotFound")
}

fn expired() -> Reply {
    reply(403, "").header("x-ms-error-code", "AuthenticationFailed")
}

struct Followed {
    log: Log,
    told: Vec<String>,
    http: std::sync::Arc<FakeHttp>,
    took: Duration,
}

/// Follows a scripted log; the run ends after `run_seconds`.
async fn follow(script: Vec<Reply>, tail_lines: usize, run_seconds: u64) -> Followed {
    let (http, diary, ended) = (FakeHttp::with(script), Diary::default(), CancellationToken::new());
    let begun = Instant::now();
    let (client, call, id) = (http.client(), call(3600), id());
    let secrets = [Secret::new("pa55word")];
    let wanted = Follow {
        secrets: &secrets,
        tail_lines,
        observer: &diary,
    };
    let end = async {
        tokio::time::sleep(Duration::from_secs(run_seconds)).await;
        ended.cancel();
        std::future::pending::<()>().await;
    };
    let log = tokio::select! {
        log = follow_log(&client, &call, &id, wanted, &ended) => log,
        () = end => unreachable!("it is pending"),
    };
    Followed {
        log,
        told: diary.0.into_inner().unwrap(),
        http,
        took: begun.elapsed(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_growing_log_is_read_to_its_end_from_where_it_was_left() {
    let script = vec![
        link(),
        missing(),
        missing(),
        head("8"),
        piece("one\npa55"),
        head("8"),
        complete("19"),
        piece("word\nthree\n"),
    ];
    let followed = follow(script, 2, 600).await;
    assert_eq!(followed.told, ["one", "…", "three"]);
    let want = Log {
        tail: vec!["…".into(), "three".into()],
        lines: 3,
        outcome: Some("successful".into()),
        warning: None,
    };
    assert_eq!(followed.log, want);
    let asked = followed.http.asked();
    let ranges: Vec<&str> = asked
        .iter()
        .filter_map(|asked| asked.headers.iter().find(|(name, _)| name == "x-ms-range"))
        .map(|(_, range)| range.split('-').next().unwrap())
        .collect();
    assert_eq!(ranges, ["bytes=0", "bytes=8"]);
    let with_token = asked.iter().filter(|asked| asked.authorized).count();
    assert_eq!(with_token, 1, "only the link is asked for with a token");
}

#[tokio::test(start_paused = true)]
async fn an_expired_url_is_replaced_and_reading_goes_on() {
    let script = vec![
        link(),
        head("4"),
        piece("one\n"),
        expired(),
        link(),
        complete("8"),
        piece("two\n"),
    ];
    let followed = follow(script, 9, 600).await;
    assert_eq!(followed.log.tail, ["one", "two"]);
    assert_eq!(followed.log.warning, None);
    let followed = follow(vec![link(), expired(), link(), expired()], 9, 600).await;
    let warning = followed.log.warning.unwrap();
    assert!(warning.starts_with("the log of run \"ch1\" cannot be read: GET https://logs.example/c/logs/ch1/rawtext.log: HTTP 403: AuthenticationFailed"), "{warning}");
    assert!(!warning.contains("sig"), "{warning}");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_never_comes_or_never_ends_is_a_warning_soon_after_the_run() {
    let followed = follow(vec![link(), missing()], 9, 100).await;
    assert!(followed.log.warning.unwrap().contains("run \"ch1\" has no log"));
    assert_eq!(followed.took, Duration::from_secs(115));
    let followed = follow(vec![link(), head("3"), piece("one"), head("3")], 9, 100).await;
    assert_eq!(followed.log.tail, ["one"]);
    assert!(followed.log.warning.unwrap().contains("may lack its end"));
}

#[tokio::test(start_paused = true)]
async fn what_stops_the_reading_is_told_and_the_rest_kept() {
    let forbidden = reply(
        403,
        r#"{"error":{"code":"AuthorizationFailed","message":"no listLogSasUrl"}}"#,
    );
    let cases = [
        (vec![forbidden], "AuthorizationFailed: no listLogSasUrl"),
        (
            vec![link(), fault(ErrorKind::Connection)],
            "no answer: the wire was cut",
        ),
        (
            vec![link(), head("9"), piece("123456789"), head("3")],
            "was written anew",
        ),
        (vec![reply(200, r#"{"logLink":"none"}"#)], "named no URL"),
        (
            vec![reply(200, r#"{"logLink":"http://logs.example/x"}"#)],
            "is not https",
        ),
    ];
    for (script, want) in cases {
        let followed = follow(script, 9, 3000).await;
        let warning = followed.log.warning.unwrap();
        assert!(warning.contains(want), "{warning}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_log_brings_the_runs_forward() {
    let status = |word: &str| reply(200, &format!(r#"{{"properties":{{"runId":"ch1","status":"{word}"}}}}"#));
    // In the order of the clock: the link, the log's two reads, then, at once, the run.
    let script = vec![link(), complete("4"), piece("one\n"), status("Succeeded")];
    let (http, diary, secrets) = (FakeHttp::with(script), Diary::default(), []);
    let (client, call, id) = (http.client(), call(600), id());
    let scheduled = Run {
        run_id: "ch1".into(),
        status: "Running".into(),
        ..Run::default()
    };
    let wanted = Follow {
        secrets: &secrets,
        tail_lines: 5,
        observer: &diary,
    };
    let begun = Instant::now();
    let (run, log) = run_to_the_end(&client, &call, &id, &scheduled, wanted).await;
    assert!(run.unwrap().has_succeeded());
    assert_eq!((log.tail, log.warning), (vec!["one".to_string()], None));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_operation_ends_both_at_once() {
    let http = FakeHttp::with([link(), missing()]);
    let (client, call, id) = (http.client(), call(600), id());
    let observer = run::wait::Unobserved;
    let wanted = Follow {
        secrets: &[],
        tail_lines: 5,
        observer: &observer,
    };
    let ended = CancellationToken::new();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        call.cancel.cancel();
    };
    let (log, ()) = tokio::join!(follow_log(&client, &call, &id, wanted, &ended), stop);
    assert_eq!(log, Log::default());
}
