//! The client against a scripted wire.

use azure_core::error::ErrorKind;

use std::time::Duration;

use tokio::time::Instant;

use super::super::exchange::WRITE_ANSWER_GRACE;
use super::super::throttle::READ_INTERVAL;
use super::*;
use crate::azure::fake::{FakeHttp, call, fault, reply};

const V: &str = "2025-03-01-preview";
const BUSY: &str = r#"{"error":{"code":"ServiceBusy","message":"later"}}"#;

#[tokio::test(start_paused = true)]
async fn a_request_carries_token_correlation_id_and_user_agent() {
    let http = FakeHttp::with([reply(200, r#"{"name":"x"}"#)]);
    let call = call(60);
    let response = http.client().get(&call, "/subscriptions/s", V).await.unwrap();
    assert_eq!(response.value()["name"], "x");
    let asked = &http.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.url.as_str()),
        (
            "GET",
            "https://arm.example/subscriptions/s?api-version=2025-03-01-preview"
        )
    );
    assert!(asked.authorized);
    let header = |name: &str| {
        asked
            .headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(header("x-ms-correlation-request-id"), Some(call.correlation_id.clone()));
    let agent = header("user-agent").unwrap();
    assert!(agent.starts_with("Terraform/1.11.4 terraform-provider-acr/"), "{agent}");
    assert_eq!(http.token_requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn errors_keep_code_and_correlation_id() {
    let body = r#"{"error":{"code":"RegistryStatusConflict","message":"say \"when\"\r\n"}}"#;
    let http = FakeHttp::with([reply(409, body).header("x-ms-correlation-request-id", "theirs")]);
    let error = http
        .client()
        .put(&call(60), "/p", V, &serde_json::json!({}))
        .await
        .unwrap_err();
    let Error::Arm(arm) = &error else { panic!("{error:?}") };
    assert_eq!(
        (arm.body.code.as_str(), arm.correlation_id.as_str()),
        ("RegistryStatusConflict", "theirs")
    );
    assert_eq!(http.asked().len(), 1, "a conflict is not repeated");
}

#[tokio::test(start_paused = true)]
async fn redirects_are_errors_and_not_followed() {
    let http = FakeHttp::with([reply(307, "").header("location", "https://evil.example/x")]);
    let error = http.client().get(&call(60), "/p", V).await.unwrap_err();
    assert_eq!(error.status(), Some(307));
    assert_eq!(http.lines(), ["GET /p"]);
}

#[tokio::test(start_paused = true)]
async fn pages_of_proxies_are_named() {
    let http = FakeHttp::with([reply(403, "<html><title>Blocked by proxy</title>")]);
    let error = http.client().get(&call(60), "/p", V).await.unwrap_err();
    assert!(
        error.is_forbidden() && error.to_string().contains("a web page titled \"Blocked by proxy\""),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn gets_are_repeated_and_posts_are_not() {
    let failures = || [reply(500, BUSY), fault(ErrorKind::Io), reply(200, "{}")];
    let http = FakeHttp::with(failures());
    http.client().get(&call(60), "/p", V).await.unwrap();
    assert_eq!(http.asked().len(), 3);

    for first in [reply(500, BUSY), fault(ErrorKind::Io)] {
        let http = FakeHttp::with([first, reply(200, "{}")]);
        let error = http.client().post(&call(60), "/p", V, None).await.unwrap_err();
        assert!(error.may_have_been_accepted(), "{error}");
        assert_eq!(http.asked().len(), 1);
    }

    let http = FakeHttp::with([reply(429, BUSY).header("retry-after", "7"), reply(200, "{}")]);
    let begun = Instant::now();
    http.client().post(&call(60), "/p", V, None).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_tells_whether_it_may_have_been_accepted() {
    let conflict = r#"{"error":{"code":"RegistryStatusConflict","message":"m"}}"#;
    // (answers, may have been accepted)
    let cases = [
        (vec![reply(409, conflict)], false),
        (vec![fault(ErrorKind::Io), reply(409, conflict)], true),
        (vec![fault(ErrorKind::Connection), reply(409, conflict)], false),
        (vec![reply(429, BUSY), reply(403, conflict)], false),
        (vec![reply(504, "<html>")], true),
        (vec![fault(ErrorKind::Connection)], false),
    ];
    for (number, (answers, want)) in cases.into_iter().enumerate() {
        let http = FakeHttp::with(answers);
        let error = http
            .client()
            .put(&call(600), "/p", V, &serde_json::json!({}))
            .await
            .unwrap_err();
        assert_eq!(error.may_have_been_accepted(), want, "case {number}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_ends_at_the_deadline_and_says_so() {
    let http = FakeHttp::with([reply(429, BUSY).header("retry-after", "3600")]);
    let begun = Instant::now();
    let error = http.client().get(&call(120), "/p", V).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_secs(120));
    assert_eq!(http.asked().len(), 1, "the service is left alone meanwhile");
    let text = error.to_string();
    assert!(
        text.starts_with(
            "the time allowed is over (waited 2m 0s); the service asked to wait 60m 0s before the next attempt"
        ) && text.contains("ServiceBusy"),
        "{text}"
    );

    // The user need not wait for that.
    let stopped = call(120);
    let cancel = stopped.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cancel.cancel();
    });
    let (http, begun) = (
        FakeHttp::with([reply(429, BUSY).header("retry-after", "3600")]),
        Instant::now(),
    );
    let error = http.client().get(&stopped, "/p", V).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert!(error.to_string().contains("ServiceBusy"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_end_tells_the_last_real_error_wherever_it_comes() {
    // While the next answer is awaited, and while the throttle holds the next attempt back.
    let silence = reply(200, "{}").after(Duration::from_secs(300));
    let throttled = || reply(429, BUSY).header("x-ms-ratelimit-remaining-subscription-reads", "0");
    for (answers, allowed) in [(vec![reply(500, BUSY), silence], 60), (vec![throttled()], 1)] {
        let http = FakeHttp::with(answers);
        let error = http.client().get(&call(allowed), "/p", V).await.unwrap_err();
        let text = error.to_string();
        assert!(error.is_interruption() && text.contains("ServiceBusy"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_500_that_asks_for_time_gets_it() {
    for (asked, want) in [("9", 9), ("Tue, 24 Nov 2026 17:00:30 GMT", 30)] {
        let busy = reply(500, BUSY)
            .header("retry-after", asked)
            .header("date", "Tue, 24 Nov 2026 17:00:00 GMT");
        let http = FakeHttp::with([busy, reply(200, "{}")]);
        let begun = Instant::now();
        http.client().get(&call(600), "/p", V).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_secs(want));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_writes_as_well() {
    const EXPIRED: &str = r#"{"error":{"code":"ExpiredAuthenticationToken","message":"expired"}}"#;
    let http = FakeHttp::with([
        reply(200, "{}"),
        reply(401, EXPIRED),
        reply(201, "{}"),
        reply(401, EXPIRED),
    ]);
    let (client, begun) = (http.client(), Instant::now());
    client.get(&call(60), "/p", V).await.unwrap();
    let body = serde_json::json!({});
    assert_eq!(client.put(&call(60), "/p", V, &body).await.unwrap().status, 201);
    assert_eq!(http.token_requests().len(), 2, "one fresh token");
    let error = client.post(&call(60), "/p", V, None).await.unwrap_err();
    assert_eq!(error.code(), Some("ExpiredAuthenticationToken"));
    assert_eq!(http.lines(), ["GET /p", "PUT /p", "PUT /p", "POST /p", "POST /p"]);
    assert!(!error.may_have_been_accepted(), "{error}");
    assert_eq!(begun.elapsed(), Duration::ZERO, "a token is no reason to wait");
}

#[tokio::test(start_paused = true)]
async fn requests_slow_down_before_the_service_refuses_them() {
    let left = |number: &str| reply(200, "{}").header("x-ms-ratelimit-remaining-subscription-reads", number);
    let http = FakeHttp::with([left("200"), left("5"), left("5"), left("249")]);
    let (client, call) = (http.client(), call(60));
    let mut at = Vec::new();
    let begun = Instant::now();
    for _ in 0..5 {
        client.get(&call, "/subscriptions/s/x", V).await.unwrap();
        at.push(begun.elapsed().as_millis());
    }
    assert_eq!(at, [0, 0, 200, 400, 400]);
}

#[tokio::test(start_paused = true)]
async fn a_429_stops_every_operation_of_the_process() {
    let http = FakeHttp::with([reply(429, BUSY).header("retry-after", "30"), reply(200, "{}")]);
    let client = http.client();
    let begun = Instant::now();
    let (one, two) = (call(600), call(10));
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.get(&two, "/subscriptions/s/y", V).await
    };
    let (first, second) = tokio::join!(client.get(&one, "/subscriptions/s/x", V), second);
    first.unwrap();
    assert_eq!(
        begun.elapsed(),
        Duration::from_secs(30) + READ_INTERVAL,
        "not all at once after the pause"
    );
    let text = second.unwrap_err().to_string();
    assert!(text.contains("the service asked to wait 29s"), "{text}");
    assert_eq!(http.lines(), ["GET /subscriptions/s/x", "GET /subscriptions/s/x"]);
}

#[tokio::test(start_paused = true)]
async fn reads_end_at_once_when_cancelled_and_writes_wait_for_their_answer() {
    let slow = |seconds| reply(201, "{}").after(Duration::from_secs(seconds));
    let cancel_soon = |call: &Call| {
        let cancel = call.cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cancel.cancel();
        });
    };
    let body = serde_json::json!({});

    let (client, read) = (FakeHttp::with([slow(30)]).client(), call(60));
    cancel_soon(&read);
    let begun = Instant::now();
    let error = client.get(&read, "/p", V).await.unwrap_err();
    assert_eq!(
        (begun.elapsed().as_secs(), error),
        (
            1,
            Error::Cancelled {
                last: None,
                in_flight: false
            }
        )
    );

    let (client, write) = (FakeHttp::with([slow(5)]).client(), call(60));
    cancel_soon(&write);
    assert_eq!(
        client.put(&write, "/p", V, &body).await.unwrap().status,
        201,
        "the answer came within the grace"
    );

    let (client, write) = (FakeHttp::with([slow(300)]).client(), call(600));
    cancel_soon(&write);
    let begun = Instant::now();
    let error = client.put(&write, "/p", V, &body).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_secs(1) + WRITE_ANSWER_GRACE);
    assert!(error.may_have_been_accepted(), "{error}");

    let http = FakeHttp::with([reply(200, "{}")]);
    let over = call(60);
    over.cancel.cancel();
    let error = http.client().put(&over, "/p", V, &body).await.unwrap_err();
    assert_eq!(
        error,
        Error::Cancelled {
            last: None,
            in_flight: false
        }
    );
    assert!(
        http.asked().is_empty(),
        "nothing is begun for an operation that is over"
    );
}

#[tokio::test(start_paused = true)]
async fn lists_follow_links_at_home_only() {
    let page = |items: &str, next: &str| reply(200, &format!(r#"{{"value":[{items}],"nextLink":{next}}}"#));
    let http = FakeHttp::with([
        page("1,2", r#""https://ARM.example/p?skip=2&sig=x%2F""#),
        page("3", "null"),
    ]);
    let items: Vec<u32> = http.client().list(&call(60), "/p", V, &[("$top", "2")]).await.unwrap();
    assert_eq!(items, [1, 2, 3]);
    assert_eq!(http.asked()[1].url, "https://arm.example/p?skip=2&sig=x%2F");

    let http = FakeHttp::with([page("1", r#""https://evil.example/p?sig=hush""#)]);
    let error = http.client().list::<u32>(&call(60), "/p", V, &[]).await.unwrap_err();
    assert_eq!(
        error,
        Error::ForeignUrl {
            role: "nextLink",
            origin: "https://evil.example".into()
        }
    );
    assert_eq!(http.lines(), ["GET /p"]);
    assert!(!error.to_string().contains("hush"));

    let http = FakeHttp::with([reply(200, r#"{"items":[]}"#)]);
    let error = http.client().list::<u32>(&call(60), "/p", V, &[]).await.unwrap_err();
    assert!(matches!(error, Error::InvalidResponse { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn foreign_urls_get_no_request_at_all() {
    let http = FakeHttp::with([reply(200, "{}")]);
    let error = http
        .client()
        .get_url(&call(60), &Url::parse("https://evil.example/x?t=1").unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        error,
        Error::ForeignUrl {
            role: "polling URL",
            origin: "https://evil.example".into()
        }
    );
    assert!(http.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn credentials_that_fail_name_entras_code() {
    let http = FakeHttp::new();
    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000222: The keys are expired.\r\nTrace ID: t","error_codes":[7000222]}"#;
    http.push_token(reply(401, refusal));
    let error = http.client().get(&call(60), "/p", V).await.unwrap_err();
    assert_eq!(error.code(), Some("AADSTS7000222"));
    let text = error.to_string();
    assert!(
        text.contains("The keys are expired.; Trace ID: t") && !text.contains("troubleshoot"),
        "{text}"
    );
    assert!(http.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_authority_names_the_cause() {
    let http = FakeHttp::new();
    for _ in 0..10 {
        http.push_token(fault(ErrorKind::Connection));
    }
    let error = http.client().get(&call(600), "/p", V).await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Credential { .. }) && text.contains("the wire was cut"),
        "{text}"
    );
    assert!(!text.contains("troubleshoot"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_earlier_unclear_attempt_is_not_forgotten() {
    let http = FakeHttp::with([fault(ErrorKind::Io), fault(ErrorKind::Connection)]);
    let error = http
        .client()
        .put(&call(600), "/p", V, &serde_json::json!({}))
        .await
        .unwrap_err();
    assert!(error.may_have_been_accepted(), "{error}");

    let http = FakeHttp::with([fault(ErrorKind::Io), reply(429, BUSY).header("retry-after", "3600")]);
    let error = http
        .client()
        .put(&call(600), "/p", V, &serde_json::json!({}))
        .await
        .unwrap_err();
    assert!(error.may_have_been_accepted(), "{error}");
}

#[test]
fn paths_mean_themselves() {
    let cases = [
        ("/subscriptions/s/resourceGroups/g(1)", true),
        ("/a", true),
        ("a", false),
        ("/a/../b", false),
        ("/a//b", false),
        ("/a?x", false),
        ("/a%2e", false),
        ("/a b", false),
        ("/a\\b", false),
    ];
    for (path, want) in cases {
        assert_eq!(is_plain_path(path), want, "{path}");
    }
}

#[test]
fn nothing_secret_in_debug() {
    let client = FakeHttp::new().client();
    assert!(!format!("{client:?}").contains("hush"));
}
