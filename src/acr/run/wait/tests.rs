//! Waiting for a run, with the clock paused.

use std::sync::Mutex;

use azure_core::error::ErrorKind;
use tokio::time::Instant;

use super::*;
use crate::azure::fake::{FakeHttp, Reply, call, fault, reply};

const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";
const GONE: &str = r#"{"error":{"code":"EntityNotFound","message":"no such run"}}"#;

#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Observer for Diary {
    fn looked(&self, run: &Run, waited: Duration) {
        self.0
            .lock()
            .unwrap()
            .push(format!("{}, {}", run.status, spoken(waited)));
    }
}

fn id() -> RunId {
    RunId::new(REGISTRY.parse().unwrap(), "ch1")
}

fn run(status: &str) -> Run {
    Run {
        run_id: "ch1".into(),
        status: status.into(),
        ..Run::default()
    }
}

fn looks(statuses: &[&str]) -> Vec<Reply> {
    let body = |status: &&str| format!(r#"{{"properties":{{"runId":"ch1","status":"{status}"}}}}"#);
    statuses.iter().map(|status| reply(200, &body(status))).collect()
}

async fn wait(replies: Vec<Reply>, seconds: u64) -> (Result<Run, WaitError>, Vec<String>) {
    let (http, diary) = (FakeHttp::with(replies), Diary::default());
    let ended = wait_until_finished(
        &http.client(),
        &call(seconds),
        &id(),
        &run("Queued"),
        &diary,
        &Notify::new(),
    )
    .await;
    (ended, diary.0.into_inner().unwrap())
}

#[tokio::test(start_paused = true)]
async fn looks_begin_fast_settle_and_begin_anew_with_a_new_status() {
    let statuses = [
        "Queued", "Queued", "Queued", "Queued", "Queued", "Queued", "Running", "Running", "Failed",
    ];
    let (ended, diary) = wait(looks(&statuses), 600).await;
    assert_eq!(ended.unwrap().status, "Failed");
    let want = [
        "Queued, 0s",
        "Queued, 1s",
        "Queued, 3s",
        "Queued, 7s",
        "Queued, 15s",
        "Queued, 25s",
        "Queued, 35s",
        "Running, 45s",
        "Running, 46s",
        "Failed, 48s",
    ];
    assert_eq!(diary, want);
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_waited_out() {
    let mut replies = vec![
        reply(404, GONE),
        fault(ErrorKind::Io),
        reply(502, "<html>"),
        reply(200, "{}"),
    ];
    replies.extend(looks(&["Succeeded"]));
    let (ended, _) = wait(replies, 600).await;
    assert!(ended.unwrap().has_succeeded());
    // A run that has ended is not looked at.
    let http = FakeHttp::new();
    let ended = wait_until_finished(
        &http.client(),
        &call(9),
        &id(),
        &run("Canceled"),
        &Unobserved,
        &Notify::new(),
    )
    .await;
    assert_eq!(ended.unwrap().status, "Canceled");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_ends_the_wait_with_what_was_seen() {
    let forbidden = r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#;
    let mut replies = looks(&["Running"]);
    replies.push(reply(403, forbidden));
    let (ended, _) = wait(replies, 600).await;
    let error = ended.unwrap_err();
    assert!(error.error.is_forbidden() && error.last.status == "Running");
    assert!(
        error
            .to_string()
            .starts_with("waiting for run \"ch1\" (last seen as Running): GET /subscriptions"),
        "{error}"
    );
    let (ended, diary) = wait(vec![reply(404, GONE)], 600).await;
    assert!(ended.unwrap_err().error.is_gone());
    assert_eq!(diary.len(), 1 + MISSING_MAX as usize);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_wait_and_tells_the_last_error() {
    let (ended, _) = wait(looks(&["Running"]), 30).await;
    let error = ended.unwrap_err();
    assert!(
        matches!(error.error, Error::DeadlineExceeded { last: None, .. }),
        "{error}"
    );
    assert_eq!(error.last.status, "Running");
    let (ended, _) = wait(vec![reply(503, "")], 30).await;
    assert!(matches!(
        ended.unwrap_err().error,
        Error::DeadlineExceeded { last: Some(_), .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_ends_at_once() {
    let (http, call, id, run) = (FakeHttp::with(looks(&["Queued"])), call(600), id(), run("Queued"));
    let (client, hint) = (http.client(), Notify::new());
    let begun = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        call.cancel.cancel();
    };
    let (ended, ()) = tokio::join!(wait_until_finished(&client, &call, &id, &run, &Unobserved, &hint), stop);
    assert!(matches!(ended.unwrap_err().error, Error::Cancelled { .. }));
    assert_eq!(begun.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_hint_brings_the_next_look_forward() {
    let mut replies = looks(&["Running"; 8]);
    replies.extend(looks(&["Succeeded"]));
    let (http, call, id, run) = (FakeHttp::with(replies), call(600), id(), run("Running"));
    let (client, hint) = (http.client(), Notify::new());
    let begun = Instant::now();
    // Looks at 1, 3, 7, 15, 25, 35, 45, 55 s see it running; without the hint the next would be at 65 s.
    let log = async {
        tokio::time::sleep(Duration::from_secs(56)).await;
        hint.notify_one();
    };
    let (ended, ()) = tokio::join!(wait_until_finished(&client, &call, &id, &run, &Unobserved, &hint), log);
    assert!(ended.unwrap().has_succeeded());
    assert_eq!(begun.elapsed(), Duration::from_secs(56));
}

#[test]
fn durations_in_progress() {
    for (seconds, want) in [(0, "0s"), (59, "59s"), (130, "2m10s"), (3605, "1h00m05s")] {
        assert_eq!(spoken(Duration::from_secs(seconds)), want);
    }
}
