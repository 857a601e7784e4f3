//! What a read makes of a state: drift shows, spelling does not.

use serde_json::{Value as Json, json};

use super::{REGISTRY, TaskModel, model};
use crate::{acr::task::Task, framework::Model};

fn task(properties: Json, rest: Json) -> Task {
    let mut task = json!({"id": format!("{REGISTRY}/tasks/nightly"), "name": "nightly", "location": "eastus", "properties": properties});
    for (name, value) in rest.as_object().unwrap() {
        task[name] = value.clone();
    }
    serde_json::from_value(task).unwrap()
}

/// A state with everything whose spelling Azure could change.
fn state() -> TaskModel {
    model(&json!({
        "id": format!("{REGISTRY}/tasks/Nightly"), "name": "Nightly", "registry_id": REGISTRY.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions"),
        "location": "eastus", "creation_date": "2026-01-01T00:00:00+00:00", "is_system_task": false, "enabled": true,
        "agent_pool_name": "Builds", "timeout_in_seconds": 3600, "base_image_dependencies": [],
        "agent_setting": [], "file_step": [], "encoded_step": [],
        "platform": [{"os": "Linux", "architecture": "amd64"}],
        "docker_step": [{"dockerfile_path": "Dockerfile", "context_path": "https://github.com/contoso/app.git",
            "context_access_token": "s1", "image_names": ["b", "a"], "push_enabled": true, "cache_enabled": true,
            "arguments": {"OPEN": "1"}, "secret_arguments": {"SHUT": "s2"}}],
        "timer_trigger": [{"name": "two", "schedule": "0 2 * * *", "enabled": true}, {"name": "One", "schedule": "0 1 * * *", "enabled": true}],
        "source_trigger": [{"name": "s", "events": ["pullrequest", "commit"], "source_type": "Github", "enabled": false,
            "repository_url": "https://github.com/contoso/app", "authentication": [{"token_type": "PAT", "token": "s3"}]}],
        "base_image_trigger": [{"name": "b", "type": "Runtime", "enabled": true, "update_trigger_payload_type": "Default",
            "update_trigger_endpoint": "https://s4.example"}],
        "identity": [{"type": "SystemAssigned, UserAssigned", "identity_ids": ["/subscriptions/S/x"], "principal_id": "p", "tenant_id": "t"}],
        "registry_credential": [{"source": [{"login_mode": "Default"}],
            "custom": [{"login_server": "Two.example", "username": "u", "password": "s5"}, {"login_server": "one.example", "identity": "[system]"}]}],
    }))
}

fn properties() -> Json {
    json!({
        "creationDate": "2026-01-01T00:00:00+00:00", "provisioningState": "Succeeded", "status": "enabled", "timeout": 3600,
        "agentPoolName": "builds", "agentConfiguration": {"cpu": 2}, "isSystemTask": false, "logTemplate": "",
        "platform": {"os": "linux", "architecture": "AMD64"},
        "step": {"type": "Docker", "dockerFilePath": "Dockerfile", "contextPath": "https://github.com/contoso/app.git",
            "imageNames": ["a", "b"], "isPushEnabled": true, "noCache": false,
            "arguments": [{"name": "SHUT", "isSecret": true}, {"name": "OPEN", "value": "1", "isSecret": false}]},
        "trigger": {
            "timerTriggers": [{"name": "one", "schedule": "0 1 * * *", "status": "Enabled"}, {"name": "TWO", "schedule": "0 2 * * *", "status": "Enabled"}],
            "sourceTriggers": [{"name": "s", "status": "Disabled", "sourceTriggerEvents": ["Commit", "pullrequest"], "sourceRepository":
                {"sourceControlType": "GitHub", "repositoryUrl": "https://github.com/contoso/app"}}],
            "baseImageTrigger": {"name": "b", "baseImageTriggerType": "RunTime", "status": "Enabled"}},
        "credentials": {"sourceRegistry": {"loginMode": "default"}, "customRegistries": {"one.example": null, "two.example": null}},
    })
}

fn rest() -> Json {
    json!({"tags": {}, "identity": {"type": "SystemAssigned,UserAssigned", "principalId": "p", "tenantId": "t",
        "userAssignedIdentities": {"/subscriptions/s/X": {}}}})
}

#[test]
fn spelling_is_no_drift() {
    let state = state();
    let fresh = state.refreshed(&task(properties(), rest()));
    for name in TaskModel::NAMES {
        assert_eq!(fresh.to_value().member(name), state.to_value().member(name), "{name}");
    }
    assert_eq!(fresh, state);
}

/// The names of what differs after a change of what Azure has.
fn differs(pointer: &str, value: Json) -> Vec<&'static str> {
    let mut changed = json!({"properties": properties(), "rest": rest()});
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap()[last] = value;
    let (before, fresh) = (
        state(),
        state().refreshed(&task(changed["properties"].clone(), changed["rest"].clone())),
    );
    let names = TaskModel::NAMES.iter().copied();
    names
        .filter(|name| fresh.to_value().member(name) != before.to_value().member(name))
        .collect()
}

#[test]
fn drift_shows() {
    for (pointer, value, name) in [
        ("/properties/status", json!("Disabled"), "enabled"),
        ("/properties/timeout", json!(600), "timeout_in_seconds"),
        ("/properties/agentPoolName", json!(null), "agent_pool_name"),
        ("/properties/agentPoolName", json!("other"), "agent_pool_name"),
        ("/properties/logTemplate", json!("a:b"), "log_template"),
        ("/properties/platform/architecture", json!("arm64"), "platform"),
        ("/properties/platform/variant", json!("v8"), "platform"),
        ("/properties/step/noCache", json!(true), "docker_step"),
        ("/properties/step/target", json!("x"), "docker_step"),
        ("/properties/step/imageNames", json!(["a"]), "docker_step"),
        (
            "/properties/step/contextPath",
            json!("https://github.com/contoso/app.git#x"),
            "docker_step",
        ),
        (
            "/properties/step/arguments",
            json!([{"name": "SHUT", "isSecret": true}]),
            "docker_step",
        ),
        (
            "/properties/step/arguments",
            json!([{"name": "OPEN", "value": "1"}]),
            "docker_step",
        ),
        (
            "/properties/trigger/timerTriggers/0/schedule",
            json!("0 3 * * *"),
            "timer_trigger",
        ),
        ("/properties/trigger/timerTriggers", json!([]), "timer_trigger"),
        (
            "/properties/trigger/timerTriggers/0/name",
            json!("third"),
            "timer_trigger",
        ),
        (
            "/properties/trigger/sourceTriggers/0/sourceTriggerEvents",
            json!(["commit"]),
            "source_trigger",
        ),
        (
            "/properties/trigger/sourceTriggers/0/sourceRepository/branch",
            json!("x"),
            "source_trigger",
        ),
        (
            "/properties/trigger/baseImageTrigger",
            json!(null),
            "base_image_trigger",
        ),
        (
            "/properties/trigger/baseImageTrigger/baseImageTriggerType",
            json!("All"),
            "base_image_trigger",
        ),
        ("/properties/credentials", json!(null), "registry_credential"),
        (
            "/properties/credentials/sourceRegistry/loginMode",
            json!("None"),
            "registry_credential",
        ),
        (
            "/properties/credentials/sourceRegistry/identity",
            json!("[system]"),
            "registry_credential",
        ),
        (
            "/properties/credentials/customRegistries",
            json!({"one.example": null}),
            "registry_credential",
        ),
        (
            "/properties/credentials/customRegistries",
            json!({"one.example": null, "two.example": null, "three.example": null}),
            "registry_credential",
        ),
        ("/rest/tags", json!({"a": "b"}), "tags"),
        ("/rest/identity", json!(null), "identity"),
        ("/rest/identity/userAssignedIdentities", json!({}), "identity"),
    ] {
        assert_eq!(differs(pointer, value.clone()), [name], "{pointer} {value}");
    }
    // A step of another kind is two differences.
    let encoded = json!({"type": "EncodedTask", "encodedTaskContent": "c3RlcHM6IFtdCg=="});
    assert_eq!(differs("/properties/step", encoded), ["docker_step", "encoded_step"]);
}

#[test]
fn what_nobody_configured_is_seen() {
    let bare = TaskModel {
        is_system_task: crate::framework::Field::Known(false),
        location: crate::framework::Field::Known("eastus".into()),
        ..TaskModel::bare()
    };
    let body = json!({"platform": {"os": "Linux"}, "agentConfiguration": {"cpu": 4}, "step": {"type": "EncodedTask",
        "encodedTaskContent": "c3RlcHM6IFtdCg==", "encodedValuesContent": "QTogMQo=", "values": [{"name": "S", "isSecret": true}]}});
    let fresh = bare.refreshed(&task(body, json!({}))).to_value();
    let text = format!("{fresh:?}");
    for part in ["steps: []", "A: 1", "\"S\""] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(matches!(fresh.member("agent_setting"), crate::framework::Value::List(all) if all.len() == 1));
}

#[test]
fn a_task_file_is_the_same_in_both_forms() {
    let of = |content: &str| {
        model(&json!({"location": "eastus", "is_system_task": false, "encoded_step": [{"task_content": content}]}))
    };
    let body = json!({"step": {"type": "EncodedTask", "encodedTaskContent": "c3RlcHM6IFtdCg=="}});
    for content in ["steps: []\n", "c3RlcHM6IFtdCg=="] {
        let fresh = of(content).refreshed(&task(body.clone(), json!({})));
        assert_eq!(
            fresh.encoded_step,
            of(content).encoded_step.map(|steps| {
                let mut steps = steps.clone();
                steps[0].value_content = crate::framework::Field::Null;
                steps
            })
        );
    }
    let fresh = of("steps: [{cmd: x}]").refreshed(&task(body, json!({})));
    assert_eq!(
        fresh.encoded_step.known().unwrap()[0].task_content.text(),
        Some("steps: []\n")
    );
}
