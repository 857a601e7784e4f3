//! Tasks on the wire.

use serde_json::json;

use super::*;
use crate::azure::fake::{FakeHttp, call, reply};

const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";

fn id() -> TaskId {
    format!("{REGISTRY}/tasks/nightly").parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn tasks_that_name_a_pool() {
    let body = r#"{"value":[
        {"id":"/t/1","name":"nightly","properties":{"agentPoolName":"POOL1","status":"Enabled","step":{"type":"Docker"}}},
        {"id":"/t/2","name":"other","properties":{"agentPoolName":"pool10","step":{"type":"FromTheFuture","more":1}}},
        {"id":"/t/3","name":"shared","properties":{}}]}"#;
    let http = FakeHttp::with([reply(200, body)]);
    let tasks = list(&http.client(), &call(60), &REGISTRY.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(naming_pool(&tasks, "pool1"), ["nightly"]);
    assert_eq!(tasks[1].properties.step, Some(Step::Unknown));
}

#[test]
fn what_is_read_is_written_back_without_what_is_read_only() {
    let read: Properties = serde_json::from_value(json!({
        "provisioningState": "Succeeded", "creationDate": "2026-01-01T00:00:00Z", "status": "Enabled", "timeout": 3600,
        "platform": {"os": "linux"}, "unheardOf": {"a": 1},
        "step": {"type": "Docker", "dockerFilePath": "Dockerfile", "contextPath": "https://github.com/contoso/app.git",
                 "arguments": [{"name": "a", "value": "1", "isSecret": false}, {"name": "b", "isSecret": true}],
                 "baseImageDependencies": [{"type": "Runtime"}]},
        "credentials": {"customRegistries": {"a.example": null}},
    }))
    .unwrap();
    assert_eq!(
        serde_json::to_value(&read).unwrap(),
        json!({
            "status": "Enabled", "timeout": 3600, "platform": {"os": "linux"},
            "step": {"type": "Docker", "dockerFilePath": "Dockerfile", "contextPath": "https://github.com/contoso/app.git",
                     "arguments": [{"name": "a", "value": "1", "isSecret": false}, {"name": "b", "isSecret": true}]},
            "credentials": {"customRegistries": {"a.example": null}},
        })
    );
}

#[test]
fn secrets_are_not_printed() {
    let read: Properties = serde_json::from_value(json!({
        "step": {"type": "EncodedTask", "encodedTaskContent": "", "contextAccessToken": "hush-1", "encodedValuesContent": "hush-2",
                 "values": [{"name": "a", "value": "hush-3", "isSecret": true}]},
        "trigger": {
            "sourceTriggers": [{"sourceRepository": {"sourceControlAuthProperties": {"token": "hush-4", "refreshToken": "hush-5"}}}],
            "baseImageTrigger": {"updateTriggerEndpoint": "hush-6"}},
        "credentials": {"customRegistries": {"a": {"userName": {"value": "hush-7"}, "password": {"value": "hush-8"}}}},
    }))
    .unwrap();
    let printed = format!("{read:?}");
    assert!(!printed.contains("hush"), "{printed}");
    assert_eq!(serde_json::to_string(&read).unwrap().matches("hush").count(), 8);
}

#[tokio::test(start_paused = true)]
async fn an_identity_for_the_own_registry_is_never_written_with_the_older_version() {
    let mut task = NewTask {
        location: "eastus".into(),
        tags: None,
        identity: None,
        properties: Properties::default(),
    };
    let answer = r#"{"id":"/t","name":"nightly"}"#;
    let refusal = r#"{"error":{"code":"NoRegisteredProviderFound","message":"no"}}"#;
    let http = FakeHttp::with([reply(200, answer), reply(400, refusal)]);
    http.offers(r#"{"resourceTypes":[{"resourceType":"registries/tasks","apiVersions":["2019-06-01-preview"]}]}"#);
    let client = http.client();
    put(&client, &call(60), &id(), &task).await.unwrap();
    assert!(
        !knows_source_identity(&client, &call(60), id().registry())
            .await
            .unwrap()
    );
    task.properties.credentials = Some(Credentials {
        source_registry: Some(SourceRegistry {
            login_mode: None,
            identity: Some("[system]".into()),
        }),
        custom_registries: None,
    });
    let error = put(&client, &call(60), &id(), &task).await.unwrap_err();
    assert!(error.refuses_version());
    let asked = http.asked();
    assert!(asked[0].url.ends_with("2019-06-01-preview") && asked[1].url.ends_with("2025-03-01-preview"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_gone_is_deleted() {
    let gone = r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#;
    let http = FakeHttp::with([reply(200, r#"{"resourceTypes":[]}"#), reply(404, gone), reply(204, "")]);
    let client = http.client();
    delete(&client, &call(60), &id()).await.unwrap();
    delete(&client, &call(60), &id()).await.unwrap();
}
