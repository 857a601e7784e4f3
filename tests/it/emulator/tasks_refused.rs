//! What a task cannot be: each refusal's status, code, and the part of the task that it names.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{PoolWithCpu, SystemTaskRegistry};

use super::lab::{Lab, POOLS};

/// A task that is accepted: what the tables below change.
fn good() -> Value {
    json!({"location": "eastus", "properties": {
        "platform": {"os": "Linux"},
        "step": {"type": "Docker", "contextPath": "https://github.com/contoso/app", "dockerFilePath": "Dockerfile", "imageNames": ["app:v1"]},
    }})
}

/// [`good`] with one value set; `null` removes a member.
fn with(pointer: &str, value: Value) -> String {
    let mut body = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => parent.remove(name),
        value => parent.insert(name.into(), value),
    };
    body.to_string()
}

fn timers(triggers: Value) -> String {
    with("/properties/trigger", json!({"timerTriggers": triggers}))
}

fn source(control: &str, url: &str) -> String {
    let repository = json!({"sourceControlType": control, "repositoryUrl": url});
    let trigger = json!({"name": "push", "sourceTriggerEvents": ["commit"], "sourceRepository": repository});
    with("/properties/trigger", json!({"sourceTriggers": [trigger]}))
}

#[tokio::test]
async fn bodies() {
    let lab = Lab::new().await;
    let input = "InvalidInputValue";
    let step = |step: Value| with("/properties/step", step);
    for (body, code, part) in [
        (String::new(), "InvalidRequestBody", ""),
        ("[]".into(), "InvalidRequestContent", ""),
        ("{".into(), "InvalidRequestContent", ""),
        (step(json!({"dockerFilePath": "x"})), "InvalidRequestBody", ""),
        (step(json!({"type": "Kaniko"})), "InvalidRequestBody", ""),
        (with("/properties/timeout", json!("long")), "InvalidRequestBody", ""),
        (with("/identity", json!({"type": "Managed"})), "InvalidRequestBody", ""),
        (with("/location", Value::Null), "LocationRequired", ""),
        (with("/location", json!("westus2")), "EntityNotFound", ""),
        (with("/properties/platform", Value::Null), input, "TaskProperties"),
        (
            with("/properties/platform", json!({"architecture": "arm"})),
            input,
            "PlatformProperties",
        ),
        (with("/properties/step", Value::Null), input, "TaskProperties"),
        (
            with("/properties/step/imageNames", Value::Null),
            input,
            "DockerBuildStep",
        ),
        (
            with("/properties/step/dockerFilePath", Value::Null),
            input,
            "DockerBuildStep",
        ),
        (
            step(json!({"type": "EncodedTask", "encodedTaskContent": "version: v1.1.0"})),
            input,
            "EncodedTaskStep",
        ),
        (with("/properties/status", json!("Paused")), input, "TaskProperties"),
        (with("/properties/timeout", json!(299)), input, "TaskProperties"),
        (with("/properties/timeout", json!(28_801)), input, "TaskProperties"),
        (
            with("/properties/agentConfiguration", json!({"cpu": 4})),
            input,
            "AgentProperties",
        ),
        (timers(json!([{"name": "day"}])), input, "TimerTrigger"),
        (timers(json!([{"schedule": "* * * * *"}])), input, "TimerTrigger"),
        (
            timers(json!([{"name": "day", "schedule": "* * * * 7"}])),
            input,
            "TimerTrigger",
        ),
        (
            timers(json!([{"name": "a", "schedule": "* * * * *"}, {"name": "A", "schedule": "0 * * * *"}])),
            input,
            "TimerTrigger",
        ),
        (
            source("Github", "https://github.com/contoso"),
            "InvalidRepositoryUrl",
            "",
        ),
        (
            source("VisualStudioTeamService", "https://gitlab.example/contoso/app"),
            "InvalidRepositoryUrl",
            "",
        ),
        (
            source("Subversion", "https://github.com/contoso/app"),
            input,
            "SourceProperties",
        ),
        (with("/identity", json!({"type": "UserAssigned"})), input, ""),
        (with("/properties/isSystemTask", json!(true)), input, "IsSystemTask"),
    ] {
        let reply = lab.call("PUT", &lab.task("build-app"), Some(&body)).await;
        assert_eq!(
            (reply.status / 100, reply.code().as_str()),
            (4, code),
            "{body}: {}",
            reply.text
        );
        if !part.is_empty() {
            let error = &reply.json()["error"];
            assert_eq!(
                (&error["target"], &error["details"][0]["target"]),
                (&json!("request"), &json!(part)),
                "{body}"
            );
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains("'taskCreateParameters'") && message.contains(&format!("{part}:")),
                "{message}"
            );
        }
    }
    assert_eq!(
        lab.emulator
            .live_ids()
            .iter()
            .filter(|id| id.contains("/tasks/"))
            .count(),
        0
    );
    let url = source("VisualStudioTeamService", "https://gitlab.example/contoso/app");
    let error = lab.put_task("build-app", &url).await.json()["error"].clone();
    assert_eq!(
        (&error["target"], &error["details"]),
        (&json!("VisualStudioTeamService"), &Value::Null)
    );
    let error = lab
        .put_task("build-app", &with("/properties/step/imageNames", Value::Null))
        .await;
    assert_eq!(error.json()["error"]["details"][0]["code"], "MissingRequiredProperty");
}

#[tokio::test]
async fn names() {
    let lab = Lab::new().await;
    for (name, good_name) in [
        ("abcd", false),
        ("abcde", true),
        ("a-b_c", true),
        ("ab.cd", false),
        (&"x".repeat(50), true),
        (&"x".repeat(51), false),
    ] {
        let reply = lab.put_task(name, &good().to_string()).await;
        let expected = if good_name { 200 } else { 400 };
        assert_eq!(reply.status, expected, "{name}: {}", reply.text);
    }
}

#[tokio::test]
async fn what_is_accepted() {
    let lab = Lab::new().await;
    for body in [
        good().to_string(),
        with("/properties/timeout", json!(300)),
        with("/properties/timeout", json!(28_800)),
        with("/properties/status", json!("disabled")),
        with("/properties/agentConfiguration", json!({})),
        with(
            "/properties/step",
            json!({"type": "Docker", "dockerFilePath": "x", "isPushEnabled": false}),
        ),
        source("Github", "https://github.com/contoso/app.git#main"),
        source("VisualStudioTeamService", "https://dev.azure.com/contoso/web/_git/app"),
        with("/properties/unknown", json!(1)),
    ] {
        let reply = lab.put_task("build-app", &body).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text);
    }
}

#[tokio::test]
async fn patches() {
    let lab = Lab::new().await;
    lab.put_task("build-app", &good().to_string()).await;
    for (change, code) in [
        (json!({"properties": {"timeout": 10}}), "InvalidInputValue"),
        (json!({"properties": {"step": {"noCache": true}}}), "InvalidRequestBody"),
        (
            json!({"properties": {"step": {"type": "FileTask"}}}),
            "InvalidInputValue",
        ),
        (
            json!({"properties": {"step": {"type": "Docker", "imageNames": []}}}),
            "InvalidInputValue",
        ),
        (
            json!({"properties": {"trigger": {"timerTriggers": [{"name": "new"}]}}}),
            "InvalidInputValue",
        ),
        (
            json!({"properties": {"trigger": {"timerTriggers": [{"schedule": "* * * * *"}]}}}),
            "InvalidInputValue",
        ),
        (json!({"properties": "all"}), "InvalidRequestBody"),
    ] {
        let reply = lab
            .call("PATCH", &lab.task("build-app"), Some(&change.to_string()))
            .await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{change}");
        if code == "InvalidInputValue" {
            assert!(reply.message().contains("'taskUpdateParameters'"), "{}", reply.text);
        }
    }
    let task = lab.get(&lab.task("build-app")).await.json();
    assert_eq!(task["properties"]["timeout"], 3600, "a refused PATCH changes nothing");
    assert_eq!(task["systemData"]["createdAt"], task["systemData"]["lastModifiedAt"]);
}

#[tokio::test]
async fn a_pool_with_a_cpu_count() {
    let body = good().to_string().replace(
        "\"platform\"",
        "\"agentPoolName\":\"pool-a\",\"agentConfiguration\":{\"cpu\":2},\"platform\"",
    );
    for (switch, status) in [(PoolWithCpu::Accepted, 200), (PoolWithCpu::Refused, 400)] {
        let lab = Lab::with(|options| options.seed.assumptions.pool_with_cpu = switch).await;
        assert_eq!(lab.put_task("build-app", &body).await.status, status, "{switch:?}");
        let alone = with("/properties/agentPoolName", json!("pool-a"));
        assert_eq!(lab.put_task("build-app", &alone).await.status, 200);
    }
}

#[tokio::test]
async fn system_tasks() {
    let body = r#"{"location":"eastus","properties":{"isSystemTask":true,"timeout":900,"logTemplate":"acr/logs:{{.Run.ID}}"}}"#;
    for (switch, encrypted, status) in [
        (SystemTaskRegistry::Any, false, 200),
        (SystemTaskRegistry::Encrypted, false, 400),
        (SystemTaskRegistry::Encrypted, true, 200),
    ] {
        let lab = Lab::with(|options| {
            options.seed.assumptions.system_task_registry = switch;
            if encrypted {
                let encryption = json!({"status": "enabled"});
                options.seed.registries[0]
                    .properties
                    .insert("encryption".into(), encryption);
            }
        })
        .await;
        let reply = lab.put_task("quicktask", body).await;
        assert_eq!(reply.status, status, "{switch:?}: {}", reply.text);
        if status == 200 {
            let made = reply.json()["properties"].clone();
            let names: Vec<&String> = made.as_object().unwrap().keys().collect();
            let expected = [
                "creationDate",
                "isSystemTask",
                "logTemplate",
                "provisioningState",
                "status",
                "timeout",
            ];
            assert_eq!(names, expected);
            let change = r#"{"properties":{"status":"Disabled","timeout":1200}}"#;
            let changed = lab.call("PATCH", &lab.task("quicktask"), Some(change)).await.json();
            assert_eq!(
                (
                    &changed["properties"]["timeout"],
                    &changed["properties"]["isSystemTask"]
                ),
                (&json!(1200), &json!(true))
            );
        }
    }
    let lab = Lab::new().await;
    for (name, body) in [
        ("another", body.to_string()),
        (
            "quicktask",
            body.replace("\"timeout\"", "\"platform\":{\"os\":\"linux\"},\"timeout\""),
        ),
        (
            "quicktask",
            body.replace(
                "\"timeout\"",
                "\"step\":{\"type\":\"FileTask\",\"taskFilePath\":\"x\"},\"timeout\"",
            ),
        ),
        (
            "quicktask",
            body.replace("\"timeout\"", "\"agentPoolName\":\"pool-a\",\"timeout\""),
        ),
    ] {
        let reply = lab.put_task(name, &body).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "InvalidInputValue"),
            "{name} {body}"
        );
    }
}

#[tokio::test]
async fn versions() {
    let lab = Lab::new().await;
    for (version, status) in [
        (POOLS, 200),
        ("2019-06-01-preview", 200),
        ("2019-04-01", 200),
        ("2023-07-01", 404),
        ("2031-01-01", 400),
    ] {
        let url = lab.task("build-app").replace(POOLS, version);
        let reply = lab.call("PUT", &url, Some(&good().to_string())).await;
        assert_eq!(reply.status, status, "{version}: {}", reply.text);
    }
}
