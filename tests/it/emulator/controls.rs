//! `/emulator/*`, the journal, the env file.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::lab::{Lab, PROVISIONING};

#[tokio::test]
async fn the_door_wants_its_token_and_a_loopback_host() {
    let lab = Lab::new().await;
    for token in ["", "wrong", lab.token.as_str()] {
        assert_eq!(
            lab.send("GET", "/emulator/state", token, None).await.unwrap().status,
            403
        );
    }
    let port = lab.emulator.url().rsplit(':').next().unwrap();
    for (host, status) in [(format!("localhost:{port}"), 200), ("rebound.example".to_string(), 403)] {
        let request = lab
            .client
            .get(format!("{}/emulator/state", lab.emulator.url()))
            .header("host", host.as_str());
        let response = request.bearer_auth(lab.emulator.token()).send().await.unwrap();
        assert_eq!(response.status(), status, "{host}");
    }
}

#[tokio::test]
async fn the_clock_is_driven() {
    let lab = Lab::new().await;
    lab.put_pool("pool-a", r#"{"tier":"S1"}"#).await;
    let before = lab.control("GET", "clock", None).await.json();
    assert_eq!(before["frozen"], true);
    let seconds = PROVISIONING.as_secs() - 1;
    let body = format!(r#"{{"advance_seconds":{seconds}}}"#);
    let after = lab.control("POST", "clock", Some(&body)).await.json();
    assert_ne!(after["now"], before["now"]);
    assert_eq!(lab.state_of("pool-a").await, "Creating");
    lab.control("POST", "clock", Some(r#"{"advance_seconds":1}"#)).await;
    assert_eq!(lab.state_of("pool-a").await, "Succeeded");
    assert_eq!(
        lab.control("POST", "clock", Some(r#"{"frozen":false}"#)).await.json()["frozen"],
        false
    );
    for body in [r#"{"advance_seconds":-1}"#, r#"{"advance":1}"#, "{"] {
        assert_eq!(lab.control("POST", "clock", Some(body)).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn the_journal_tells_everything_but_secrets() {
    let lab = Lab::new().await;
    let planted = r#"{"location":"eastus","properties":{"tier":"S1"},"password":"planted-secret","note":"planted-remark",
        "arguments":[{"name":"a","value":"planted-secret","isSecret":true}]}"#;
    let url = format!("{}{}", lab.emulator.url(), lab.pool("pool-a"));
    let request = lab
        .client
        .put(url)
        .bearer_auth(&lab.token)
        .header("content-type", "application/json");
    let request = request
        .header("x-ms-correlation-request-id", "planted-correlation")
        .header("user-agent", "planted-agent/1");
    let response = request.body(planted).send().await.unwrap();
    assert_eq!(response.headers()["x-ms-correlation-request-id"], "planted-correlation");
    assert!(
        response.headers()["x-ms-routing-request-id"]
            .to_str()
            .unwrap()
            .starts_with("EASTUS:")
    );
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_string();
    lab.get(&poll).await;
    let text = lab.control("GET", "requests", None).await.text;
    for part in [
        "planted-remark",
        "planted-correlation",
        "planted-agent/1",
        "\"identity\":\"full\"",
        "operationStatuses",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let signature = poll.split("&s=").nth(1).unwrap().split('&').next().unwrap();
    let secret = lab.variable("ARM_CLIENT_SECRET");
    for part in [
        "planted-secret",
        &lab.token,
        signature,
        &secret,
        lab.emulator.token(),
        "Bearer",
    ] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("/emulator/"), "the door itself is not journalled");
    let entries = lab.emulator.requests();
    let put = entries.iter().find(|entry| entry.method == "PUT").unwrap();
    assert_eq!(
        (put.status, put.api_version.as_deref()),
        (Some(201), Some(super::lab::POOLS))
    );
    assert!(entries.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    assert_eq!(lab.control("DELETE", "requests", None).await.status, 204);
    assert!(lab.emulator.requests().is_empty());
}

#[tokio::test]
async fn state_mutate_and_reset() {
    let lab = Lab::new().await;
    let ids = lab.emulator.live_ids();
    lab.have_pool("pool-a", r#"{"tier":"S1"}"#).await;
    let id = format!("{}/agentPools/pool-a", lab.registry());
    let state = lab.control("GET", "state", None).await.json();
    assert_eq!(
        state["value"][&id],
        serde_json::json!({"count": 1, "provisioningState": "Succeeded", "tier": "S1"})
    );
    lab.emulator.clear_requests();
    let upper = id.to_ascii_uppercase();
    for (body, status) in [
        (
            format!(r#"{{"id":"{upper}","set":{{"count":4,"provisioningState":"Failed"}}}}"#),
            204,
        ),
        (format!(r#"{{"id":"{id}","set":{{"colour":"red"}}}}"#), 400),
        (format!(r#"{{"id":"{id}-none","delete":true}}"#), 400),
    ] {
        assert_eq!(
            lab.control("POST", "mutate", Some(&body)).await.status,
            status,
            "{body}"
        );
    }
    assert!(lab.emulator.requests().is_empty(), "not ARM traffic");
    let read = lab.get(&lab.pool("pool-a")).await.json();
    assert_eq!(
        (&read["properties"]["count"], &read["properties"]["provisioningState"]),
        (&4.into(), &"Failed".into())
    );
    assert_eq!(
        lab.control("POST", "mutate", Some(&format!(r#"{{"id":"{id}","delete":true}}"#)))
            .await
            .status,
        204
    );
    assert_eq!(lab.get(&lab.pool("pool-a")).await.status, 404);
    lab.put_pool("pool-b", r#"{"tier":"S1"}"#).await;
    assert_eq!(lab.control("POST", "reset", None).await.status, 204);
    assert_eq!(lab.emulator.live_ids(), ids);
    assert!(lab.emulator.requests().is_empty());
    assert_eq!(
        lab.get(&lab.pool("pool-b")).await.status,
        404,
        "and the old token still works"
    );
}

#[tokio::test]
async fn assumptions_are_listed() {
    let lab = Lab::new().await;
    let listed = lab.control("GET", "assumptions", None).await.json();
    assert_eq!(
        (&listed["delete_end"], &listed["patch_same_count"]),
        (&"204".into(), &"accepted".into())
    );
}

#[tokio::test]
async fn the_env_file_is_for_its_owner_only() {
    let lab = Lab::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("env");
    lab.emulator.write_env_file(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    for (name, value) in lab.emulator.environment() {
        assert!(text.contains(&format!("export {name}='{value}'\n")), "{name}");
    }
    for name in [
        "ARM_ENVIRONMENT",
        "AZURE_AUTHORITY_HOST",
        "SSL_CERT_FILE",
        "ACR_EMULATOR_URL",
        "ACR_EMULATOR_TOKEN",
    ] {
        assert!(text.contains(&format!("export {name}=")), "{name}");
    }
    lab.emulator.write_env_file(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(lab.emulator.write_env_file(&path).is_err(), "others could read it");
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    std::fs::write(&target, "mine").unwrap();
    symlink(&target, &link).unwrap();
    assert!(lab.emulator.write_env_file(&link).is_err(), "a link leads elsewhere");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine");
    assert!(lab.emulator.write_env_file(folder.path()).is_err());
}

#[tokio::test]
async fn a_running_clock_provisions_by_itself() {
    let lab = Lab::with(|options| options.provisioning = Duration::ZERO).await;
    lab.emulator.set_frozen(false);
    assert_eq!(lab.put_pool("pool-a", r#"{"tier":"S1"}"#).await.status, 201);
    assert_eq!(lab.state_of("pool-a").await, "Succeeded");
}
