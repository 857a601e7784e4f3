//! Each kind of fault, seen from the client.

use std::time::Instant;

use serde_json::Value;

use super::lab::{Lab, PROVISIONING};
use super::shape::shape_of;

async fn arm(lab: &Lab, faults: &str) {
    let reply = lab.control("PUT", "faults", Some(faults)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn respond_skips_and_counts() {
    let lab = Lab::new().await;
    lab.have_pool("pool-a", r#"{"tier":"S1"}"#).await;
    let fault = r#"[{"match":{"method":"GET","path_contains":"/agentpools/","skip":1},"times":2,
        "action":{"respond":{"status":429,"headers":{"Retry-After":"7"},"body":{"error":{"code":"TooManyRequests","message":"x"}}}}}]"#;
    arm(&lab, fault).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let reply = lab.get(&lab.pool("pool-a")).await;
        if reply.status == 429 {
            assert_eq!(
                (reply.header("retry-after"), reply.code().as_str()),
                (Some("7"), "TooManyRequests")
            );
        }
        seen.push(reply.status);
    }
    assert_eq!(seen, [200, 429, 429, 200]);
    assert_eq!(lab.control("GET", "faults", None).await.json()["value"][0]["fired"], 2);
    let statuses: Vec<Option<u16>> = lab
        .emulator
        .requests()
        .iter()
        .rev()
        .take(4)
        .map(|entry| entry.status)
        .collect();
    assert_eq!(statuses, [Some(200), Some(429), Some(429), Some(200)]);
    assert_eq!(lab.control("DELETE", "faults", None).await.status, 204);
    assert_eq!(
        lab.control("GET", "faults", None).await.json()["value"],
        Value::Array(Vec::new())
    );
}

#[tokio::test]
async fn reset_before_and_after_the_write_took_effect() {
    let lab = Lab::new().await;
    for (name, applied) in [("pool-a", false), ("pool-b", true)] {
        arm(
            &lab,
            &format!(r#"[{{"match":{{"method":"PUT"}},"times":1,"applied":{applied},"action":{{"reset":true}}}}]"#),
        )
        .await;
        let body = r#"{"location":"eastus","properties":{"tier":"S1"}}"#;
        let outcome = lab.send("PUT", &lab.pool(name), &lab.token, Some(body)).await;
        assert!(outcome.is_err(), "the connection was reset");
        assert_eq!(lab.get(&lab.pool(name)).await.status == 200, applied, "{name}");
    }
    assert!(
        lab.emulator
            .requests()
            .iter()
            .any(|entry| entry.method == "PUT" && entry.status.is_none())
    );
}

#[tokio::test]
async fn truncate_sends_half() {
    let lab = Lab::new().await;
    lab.have_pool("pool-a", r#"{"tier":"S1"}"#).await;
    arm(&lab, r#"[{"times":1,"action":{"truncate":true}}]"#).await;
    let url = format!("{}{}", lab.emulator.url(), lab.pool("pool-a"));
    let mut response = lab.client.get(url).bearer_auth(&lab.token).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let announced = response.content_length().unwrap() as usize;
    let mut received = 0;
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            end => break end,
        }
    };
    assert!(end.is_err(), "the body ended early");
    assert_eq!(received, announced / 2);
    assert_eq!(lab.get(&lab.pool("pool-a")).await.status, 200);
}

#[tokio::test]
async fn stall_delays() {
    let lab = Lab::new().await;
    arm(&lab, r#"[{"times":1,"action":{"stall_seconds":0.2}}]"#).await;
    let before = Instant::now();
    assert_eq!(lab.get("/subscriptions?api-version=2022-12-01").await.status, 200);
    assert!(
        before.elapsed().as_millis() >= 200,
        "a lower bound only: a slow machine may take longer"
    );
}

#[tokio::test]
async fn operations_fail_or_hang() {
    let lab = Lab::new().await;
    arm(&lab, r#"[{"match":{"method":"PUT"},"times":1,"action":{"fail_operation":{"code":"NoCapacity","message":"none left"}}}]"#).await;
    let reply = lab.put_pool("pool-a", r#"{"tier":"S1"}"#).await;
    assert_eq!(reply.status, 201);
    let url = reply.header("azure-asyncoperation").unwrap().to_string();
    assert_eq!(lab.get(&url).await.text, r#"{"status":"Creating"}"#);
    lab.emulator.advance(PROVISIONING);
    let failed = lab.get(&url).await;
    assert_eq!(
        shape_of(&failed.text),
        "{status:string,error:{code:string,message:string}}"
    );
    assert_eq!((failed.status, failed.json()["status"].as_str()), (200, Some("Failed")));
    assert_eq!(failed.json()["error"]["code"], "NoCapacity");
    assert_eq!(lab.state_of("pool-a").await, "Failed");
    arm(
        &lab,
        r#"[{"match":{"method":"DELETE"},"times":1,"action":{"hang_operation":true}}]"#,
    )
    .await;
    let url = lab
        .call("DELETE", &lab.pool("pool-a"), None)
        .await
        .header("location")
        .unwrap()
        .to_string();
    lab.emulator.advance(PROVISIONING * 100);
    assert_eq!(lab.get(&url).await.status, 202);
    assert_eq!(lab.state_of("pool-a").await, "Deleting");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let lab = Lab::new().await;
    for faults in [
        "{",
        "[{}]",
        r#"[{"action":{"explode":true}}]"#,
        r#"[{"action":{"reset":false}}]"#,
        r#"[{"acton":1}]"#,
    ] {
        assert_eq!(lab.control("PUT", "faults", Some(faults)).await.status, 400, "{faults}");
    }
}
