//! Long-running operations against a scripted wire.

use std::sync::Mutex;

use azure_core::error::ErrorKind;
use serde_json::json;
use tokio::time::Instant;

use super::super::error::OperationFailed;
use super::machine::MISSING_MAX;
use super::*;
use crate::azure::fake::{FakeHttp, Reply, call, fault, reply};

mod deleting;

const V: &str = "2025-03-01-preview";
const POOL: &str = "/subscriptions/s/pools/p";
const STATUS: &str = "https://arm.example/status/1?api-version=x&t=1&c=Ab-_&s=a%2Fb&h=z";
const GONE: &str = r#"{"error":{"code":"ResourceNotFound","message":"no"}}"#;

fn pool(state: &str) -> String {
    json!({ "id": POOL, "name": "p", "properties": { "count": 1, "provisioningState": state } }).to_string()
}

fn created() -> Reply {
    reply(201, &pool("Creating"))
        .header("azure-asyncoperation", STATUS)
        .header("retry-after", "10")
}

fn status(word: &str) -> Reply {
    reply(200, &json!({ "status": word }).to_string())
}

fn deleting(number: u32) -> Reply {
    let url = format!("https://arm.example/results/{number}?s=sig{number}");
    reply(202, "null").header("location", &url).header("retry-after", "10")
}

fn watch(kind: Kind) -> Watch<'static> {
    Watch {
        kind,
        resource_path: POOL,
        api_version: V,
        progress: None,
    }
}

/// Writes, then waits; the write's own request is the first line.
async fn write(http: &std::sync::Arc<FakeHttp>, call: &Call) -> Result<Option<Value>, OperationError> {
    let client = http.client();
    let accepted = client.put(call, POOL, V, &json!({})).await.unwrap();
    wait(&client, call, &accepted, &watch(Kind::Write)).await
}

async fn delete(http: &std::sync::Arc<FakeHttp>, call: &Call) -> Result<Option<Value>, OperationError> {
    let client = http.client();
    let accepted = client.delete(call, POOL, V).await.unwrap();
    wait(&client, call, &accepted, &watch(Kind::Delete)).await
}

fn failure(result: Result<Option<Value>, OperationError>) -> OperationFailed {
    match result.unwrap_err().error {
        Error::OperationFailed(failed) => *failed,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_ends_with_a_look_at_the_resource() {
    let http = FakeHttp::with([
        created(),
        status("Creating"),
        status("Updating"),
        status("succeeded"),
        reply(200, &pool("Succeeded")),
    ]);
    let begun = Instant::now();
    let resource = write(&http, &call(600)).await.unwrap().unwrap();
    assert_eq!(resource["properties"]["provisioningState"], "Succeeded");
    assert_eq!(http.asked()[1].url, STATUS, "signed URLs are followed verbatim");
    assert!(http.asked()[1].authorized);
    assert_eq!(
        http.lines(),
        [
            format!("PUT {POOL}"),
            "GET /status/1".into(),
            "GET /status/1".into(),
            "GET /status/1".into(),
            format!("GET {POOL}")
        ]
    );
    assert_eq!(
        begun.elapsed(),
        Duration::from_secs(30),
        "never faster than the service asked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_scale_answers_201_and_is_waited_for() {
    let accepted = reply(201, &pool("Updating")).header("azure-asyncoperation", STATUS);
    let http = FakeHttp::with([
        accepted,
        status("Updating"),
        status("Succeeded"),
        reply(200, &pool("Succeeded")),
    ]);
    let (client, call) = (http.client(), call(600));
    let accepted = client.patch(&call, POOL, V, &json!({})).await.unwrap();
    let seen = Mutex::new(Vec::new());
    let progress = |word: &str, elapsed: Duration| seen.lock().unwrap().push((word.to_string(), elapsed.as_secs()));
    let watch = Watch {
        progress: Some(&progress),
        ..watch(Kind::Write)
    };
    wait(&client, &call, &accepted, &watch).await.unwrap();
    let want = [("Updating", 0), ("Updating", 1), ("Succeeded", 3)].map(|(word, at)| (word.to_string(), at));
    assert_eq!(*seen.lock().unwrap(), want, "without Retry-After the looks begin fast");
}

#[tokio::test(start_paused = true)]
async fn a_delete_ends_when_the_resource_is_really_gone() {
    let first = || {
        reply(202, &pool("Deleting"))
            .header("location", "https://arm.example/results/0?s=sig0")
            .header("retry-after", "10")
    };
    let gone = || reply(404, GONE);
    let ends: Vec<(&str, Vec<Reply>)> = vec![
        ("204", vec![deleting(1), deleting(2), reply(204, ""), gone()]),
        ("200 empty", vec![deleting(1), reply(200, ""), gone()]),
        (
            "200 with a status",
            vec![
                reply(200, r#"{"status":"Deleting"}"#),
                reply(200, r#"{"status":"Succeeded"}"#),
                gone(),
            ],
        ),
        ("404", vec![deleting(1), gone(), gone()]),
        (
            "still readable for a while",
            vec![
                reply(204, ""),
                reply(200, &pool("Deleting")),
                reply(200, &pool("Failed")),
                gone(),
            ],
        ),
        (
            "may not read",
            vec![
                reply(204, ""),
                reply(403, r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#),
            ],
        ),
        ("404 too early", vec![gone(), reply(200, &pool("Deleting")), gone()]),
    ];
    for (name, answers) in ends {
        let looks = answers.len();
        let http = FakeHttp::with(std::iter::once(first()).chain(answers));
        assert_eq!(delete(&http, &call(600)).await.unwrap(), None, "{name}");
        assert_eq!(http.asked().len(), looks + 1, "{name}");
    }
    let http = FakeHttp::with([first(), deleting(1), reply(204, ""), gone()]);
    delete(&http, &call(600)).await.unwrap();
    assert_eq!(
        http.asked()[2].url,
        "https://arm.example/results/1?s=sig1",
        "the fresh Location is followed"
    );
}

#[tokio::test(start_paused = true)]
async fn only_a_certain_404_ends_a_delete() {
    let unknown = r#"{"error":{"code":"SubscriptionNotFound","message":"no"}}"#;
    let http = FakeHttp::with([deleting(0), reply(204, ""), reply(404, unknown)]);
    let error = delete(&http, &call(600)).await.unwrap_err();
    assert_eq!(error.error.code(), Some("SubscriptionNotFound"));

    let http = FakeHttp::with([deleting(0), reply(204, ""), reply(200, &pool("Succeeded"))]);
    let failed = failure(delete(&http, &call(3600)).await);
    assert_eq!(failed.error.unwrap().code, "ResourceStillExists");

    let http = FakeHttp::with([
        deleting(0),
        reply(200, r#"{"status":"Failed","error":{"code":"InUse","message":"m"}}"#),
    ]);
    assert_eq!(failure(delete(&http, &call(600)).await).error.unwrap().code, "InUse");
}

#[tokio::test(start_paused = true)]
async fn failures_tell_the_reason_if_there_is_one_and_keep_the_resource() {
    let reason = r#"{"status":"Failed","error":{"code":"Timeout","message":"say \"no\"","details":[]}}"#;
    for (body, want) in [
        (reason, "Timeout: say \"no\""),
        (r#"{"status":"Failed"}"#, "no reason"),
        (r#"{"status":"Canceled","error":null}"#, "no reason"),
    ] {
        let http = FakeHttp::with([created(), reply(200, body), reply(200, &pool("Failed"))]);
        let error = write(&http, &call(600)).await.unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert_eq!(error.resource.unwrap()["properties"]["provisioningState"], "Failed");
    }
    let http = FakeHttp::with([created(), status("Succeeded"), reply(200, &pool("Failed"))]);
    assert_eq!(failure(write(&http, &call(600)).await).status, "Failed");
}

#[tokio::test(start_paused = true)]
async fn when_the_status_url_fails_the_resource_is_looked_at() {
    let foreign = || reply(201, &pool("Creating")).header("azure-asyncoperation", "https://evil.example/x?sig=hush");
    let forbidden = r#"{"error":{"code":"AuthorizationFailed","message":"operationStatuses/read"}}"#;
    let cases: Vec<(&str, Vec<Reply>)> = vec![
        ("foreign", vec![foreign()]),
        ("no header", vec![reply(201, &pool("Creating"))]),
        ("404 of ARM", vec![created(), reply(404, GONE)]),
        (
            "404 with a status",
            vec![created(), reply(404, r#"{"status":"Creating"}"#)],
        ),
        ("403", vec![created(), reply(403, forbidden)]),
        ("null", vec![created(), reply(200, "null")]),
        ("not JSON", vec![created(), reply(200, "<html>")]),
    ];
    for (name, answers) in cases {
        let http = FakeHttp::with(
            answers
                .into_iter()
                .chain([reply(200, &pool("Creating")), reply(200, &pool("Succeeded"))]),
        );
        assert!(write(&http, &call(600)).await.unwrap().is_some(), "{name}");
        assert!(
            http.asked()
                .iter()
                .all(|asked| asked.url.starts_with("https://arm.example/")),
            "{name}"
        );
        assert_eq!(http.lines().last().unwrap(), &format!("GET {POOL}"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_portals_page_is_no_resource() {
    let page = || reply(200, "<html>sign in");
    let http = FakeHttp::with([created(), status("Succeeded"), page(), reply(200, &pool("Succeeded"))]);
    assert_eq!(write(&http, &call(600)).await.unwrap().unwrap()["name"], "p");
    let http = FakeHttp::with([created(), status("Succeeded"), page()]);
    let error = write(&http, &call(3600)).await.unwrap_err();
    assert!(matches!(error.error, Error::InvalidResponse { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_still_being_deleted_is_waited_for_to_the_deadline() {
    let http = FakeHttp::with([deleting(0), reply(204, ""), reply(200, &pool("Deleting"))]);
    let error = delete(&http, &call(3600)).await.unwrap_err();
    assert!(matches!(error.error, Error::DeadlineExceeded { .. }), "{error}");
    assert_eq!(error.status.as_deref(), Some("Deleting"));
}

#[tokio::test(start_paused = true)]
async fn writes_that_are_done_at_once_need_no_look() {
    for body in [pool("Succeeded"), json!({ "id": POOL, "properties": {} }).to_string()] {
        let http = FakeHttp::with([reply(200, &body)]);
        assert!(write(&http, &call(600)).await.unwrap().is_some());
        assert_eq!(http.asked().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_created_resource_may_show_late_but_not_never() {
    let http = FakeHttp::with([
        created(),
        status("Succeeded"),
        reply(404, GONE),
        reply(404, GONE),
        reply(200, &pool("Succeeded")),
    ]);
    assert!(write(&http, &call(600)).await.unwrap().is_some());

    let http = FakeHttp::with([created(), status("Succeeded"), reply(404, GONE)]);
    let error = write(&http, &call(600)).await.unwrap_err();
    assert!(error.error.is_gone());
    assert_eq!(http.asked().len() as u32, 2 + MISSING_MAX + 1);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_tells_what_went_wrong_last() {
    let http = FakeHttp::with([created(), status("Creating")]);
    let error = write(&http, &call(95)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("(waited 1m 35s); the last status seen was Creating"),
        "{error}"
    );
    assert_eq!(
        error.resource.unwrap()["name"],
        "p",
        "the accepting answer's body is kept"
    );

    let busy = r#"{"error":{"code":"ServiceBusy","message":"later"}}"#;
    let http = FakeHttp::with([created(), status("Creating"), reply(503, busy)]);
    let error = write(&http, &call(60)).await.unwrap_err();
    assert!(
        matches!(error.error, Error::DeadlineExceeded { .. }) && error.error.code() == Some("ServiceBusy"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_more_time_than_there_is_is_named() {
    let slow = reply(201, &pool("Creating"))
        .header("azure-asyncoperation", STATUS)
        .header("retry-after", "3600");
    let http = FakeHttp::with([slow]);
    let begun = Instant::now();
    let failure = write(&http, &call(120)).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_secs(120));
    let text = failure.to_string();
    assert!(
        text.contains("(waited 2m 0s); the service asked to wait 60m 0s")
            && text.contains("the last status seen was Creating"),
        "{text}"
    );
    assert!(failure.resource.is_some(), "the accepted resource is kept");
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_cannot_be_reached_for_a_while_does_not_end_the_wait() {
    const EXPIRED: &str = r#"{"error":{"code":"ExpiredAuthenticationToken","message":"expired"}}"#;
    let answers = || {
        [
            created(),
            reply(401, EXPIRED),
            status("Succeeded"),
            reply(200, &pool("Succeeded")),
        ]
    };
    let http = FakeHttp::with(answers());
    let client = http.client();
    let call = call(600);
    let accepted = client.put(&call, POOL, V, &json!({})).await.unwrap();
    for _ in 0..8 {
        http.push_token(fault(ErrorKind::Connection));
    }
    wait(&client, &call, &accepted, &watch(Kind::Write)).await.unwrap();
    assert!(http.token_requests().len() > 8, "{:?}", http.token_requests());

    // What Entra ID refuses stays refused.
    let http = FakeHttp::with(answers());
    let client = http.client();
    let accepted = client.put(&call, POOL, V, &json!({})).await.unwrap();
    http.push_token(reply(
        401,
        r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#,
    ));
    let failure = wait(&client, &call, &accepted, &watch(Kind::Write)).await.unwrap_err();
    assert_eq!(failure.error.code(), Some("AADSTS7000222"));
    assert!(failure.resource.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_passing_outage_does_not_end_the_wait() {
    let outage = (0..12).map(|_| fault(ErrorKind::Connection));
    let http = FakeHttp::with(
        [created()]
            .into_iter()
            .chain(outage)
            .chain([status("Succeeded"), reply(200, &pool("Succeeded"))]),
    );
    assert!(write(&http, &call(3600)).await.is_ok());

    let http = FakeHttp::with([created(), fault(ErrorKind::Connection)]);
    let error = write(&http, &call(36000)).await.unwrap_err();
    assert!(matches!(error.error, Error::Transport { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_wait_at_once() {
    for slow_look in [Duration::ZERO, Duration::from_secs(50)] {
        let http = FakeHttp::with([created(), status("Creating").after(slow_look)]);
        let call = call(3600);
        let cancel = call.cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(25_500)).await;
            cancel.cancel();
        });
        let begun = Instant::now();
        let error = write(&http, &call).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::from_millis(25_500));
        assert_eq!(
            error.error,
            Error::Cancelled {
                last: None,
                in_flight: false
            }
        );
        assert!(error.resource.is_some(), "the write was accepted");
    }
}
