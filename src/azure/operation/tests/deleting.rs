//! Deletes whose operation tells badly: its reason is not lost, and the resource is asked before anything is given up.

use super::super::machine::{FAULTS_MAX, LINGER_MAX};
use super::*;

const IN_USE: &str = r#"{"error":{"code":"InUse","message":"a run holds it"}}"#;
const BUSY: &str = r#"{"error":{"code":"InternalServerError","message":"try later"}}"#;
const FORBIDDEN: &str = r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#;

fn gone() -> Reply {
    reply(404, GONE)
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_only_the_location_told_is_shown() {
    let told = r#"{"properties":{"provisioningState":"Failed","error":{"code":"InUse","message":"a run holds it"}}}"#;
    let bare = r#"{"status":"Failed","code":"InUse","message":"a run holds it"}"#;
    let problem = r#"{"title":"Conflict","status":409,"detail":"InUse: a run holds it"}"#;
    let failed = || reply(200, &pool("Failed"));
    let cases: Vec<(&str, Vec<Reply>)> = vec![
        ("a refusal", vec![reply(409, IN_USE), failed()]),
        (
            "a refusal, and the pool is as before",
            vec![reply(409, IN_USE), reply(200, &pool("Succeeded"))],
        ),
        (
            "a refusal, and the pool goes on for a while",
            vec![reply(409, IN_USE), reply(200, &pool("Deleting")), failed()],
        ),
        (
            "a refusal, and nobody may look",
            vec![reply(409, IN_USE), reply(403, FORBIDDEN)],
        ),
        ("a problem document", vec![reply(400, problem), failed()]),
        ("an error without a status", vec![reply(200, IN_USE), failed()]),
        ("the resource's own error", vec![reply(200, told)]),
        ("an error that is the body", vec![reply(200, bare)]),
        (
            "said before the end",
            vec![
                reply(202, IN_USE).header("location", "https://arm.example/results/9?s=sig9"),
                reply(204, ""),
                failed(),
            ],
        ),
    ];
    for (name, answers) in cases {
        let http = FakeHttp::with([deleting(0)].into_iter().chain(answers));
        let failed = failure(delete(&http, &call(3600)).await);
        let reason = failed.error.as_ref().unwrap_or_else(|| panic!("{name}: no reason"));
        assert!(reason.to_string().contains("InUse"), "{name}: {failed}");
        assert!(reason.to_string().contains("a run holds it"), "{name}: {failed}");
        assert_eq!(failed.status, "Failed", "{name}");
    }
    // The resource's own reason is the better one.
    let own = json!({ "id": POOL, "properties": { "provisioningState": "Failed",
        "error": { "code": "Stuck", "message": "m" } } });
    let http = FakeHttp::with([deleting(0), reply(409, IN_USE), reply(200, &own.to_string())]);
    assert_eq!(failure(delete(&http, &call(3600)).await).error.unwrap().code, "Stuck");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_reason_is_none() {
    for (name, answer) in [
        ("the operation is gone", gone()),
        ("nobody may see the operation", reply(403, FORBIDDEN)),
        ("a page", reply(404, "<html><title>no</title>")),
    ] {
        let http = FakeHttp::with([deleting(0), answer, reply(200, &pool("Failed"))]);
        let failed = failure(delete(&http, &call(3600)).await);
        assert_eq!(failed.error, None, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_location_that_keeps_failing_is_not_the_end() {
    let away = || reply(307, "").header("location", "https://evil.example/?sig=hush");
    let other = r#"{"error":{"code":"SubscriptionNotFound","message":"no"}}"#;
    let locations: [(&str, &dyn Fn() -> Reply); 6] = [
        ("500", &|| reply(500, BUSY)),
        ("503 of a gateway", &|| reply(503, "<html>")),
        ("no connection", &|| fault(ErrorKind::Connection)),
        ("404 of another kind", &|| reply(404, other)),
        ("404 of a proxy", &|| reply(404, "<html>")),
        ("elsewhere", &away),
    ];
    for (name, answer) in locations {
        for (what, end) in [
            ("gone", vec![gone()]),
            (
                "going",
                vec![reply(200, &pool("Deleting")), reply(200, &pool("Deleting")), gone()],
            ),
        ] {
            let http = FakeHttp::with([deleting(0)]);
            http.route("/results/", [answer()]);
            http.route(POOL, end);
            let ended = delete(&http, &call(36_000)).await;
            assert_eq!(ended.unwrap(), None, "{name}, {what}");
            assert!(http.asked().iter().all(|it| !it.url.contains("evil")), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_kept_failing_is_named_when_the_resource_failed_or_stays() {
    // The last answer of each script is given for ever.
    for state in ["Failed", "Succeeded"] {
        let http = FakeHttp::with([deleting(0)]);
        http.route("/results/", [reply(500, BUSY)]);
        http.route(POOL, [reply(200, &pool(state))]);
        let failed = failure(delete(&http, &call(36_000)).await);
        assert_eq!(failed.error.unwrap().code, "InternalServerError", "{state}");
        let looks = http.lines().iter().filter(|line| line.ends_with(POOL)).count() as u32;
        assert!(looks <= LINGER_MAX + FAULTS_MAX, "{looks}");
    }
}
