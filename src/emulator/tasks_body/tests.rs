//! Reading, merging and carrying of tasks, without a store around them.

use serde_json::json;

use super::super::tasks_shape::TASK;
use super::*;

fn properties(value: Value) -> Map<String, Value> {
    read(&TASK, &value).unwrap_or_else(|problem| panic!("{problem:?}: {value}"))
}

fn patched(stored: Value, change: Value) -> Value {
    let merged = merge(&TASK, &properties(stored), object(&change).unwrap()).unwrap();
    read(&TASK, &Value::Object(merged)).unwrap().into()
}

#[test]
fn what_was_not_sent_is_filled_in() {
    let read = properties(
        json!({"step": {"type": "Docker", "dockerFilePath": "Dockerfile"}, "platform": {"os": "linux"},
        "trigger": {"timerTriggers": []}, "credentials": {"customRegistries": {}}, "unknown": 1, "logTemplate": null}),
    );
    let expected = json!({"status": "Enabled", "timeout": 3600, "isSystemTask": false,
        "platform": {"os": "linux", "architecture": "amd64"},
        "step": {"type": "Docker", "dockerFilePath": "Dockerfile", "isPushEnabled": true, "noCache": false, "arguments": []}});
    assert_eq!(Value::from(read), expected);
}

#[test]
fn what_cannot_be_read() {
    let missing = |shape, member| Problem::Missing { shape, member };
    for (body, problem) in [
        (json!([]), Problem::Unreadable),
        (json!({"status": 1}), Problem::Unreadable),
        (json!({"timeout": "3600"}), Problem::Unreadable),
        (json!({"timeout": 3_000_000_000_i64}), Problem::Unreadable),
        (json!({"step": {"dockerFilePath": "Dockerfile"}}), Problem::Unreadable),
        (
            json!({"step": {"type": "docker", "dockerFilePath": "x"}}),
            Problem::Unreadable,
        ),
        (
            json!({"step": {"type": "Docker"}}),
            missing("DockerBuildStep", "dockerFilePath"),
        ),
        (
            json!({"step": {"type": "FileTask"}}),
            missing("FileTaskStep", "taskFilePath"),
        ),
        (
            json!({"step": {"type": "EncodedTask"}}),
            missing("EncodedTaskStep", "encodedTaskContent"),
        ),
        (json!({"platform": {}}), missing("PlatformProperties", "os")),
        (
            json!({"step": {"type": "FileTask", "taskFilePath": "x", "values": [{"name": "a"}]}}),
            missing("SetValue", "value"),
        ),
        (
            json!({"trigger": {"timerTriggers": [{"name": "a"}]}}),
            missing("TimerTrigger", "schedule"),
        ),
        (
            json!({"trigger": {"sourceTriggers": [{"name": "a", "sourceTriggerEvents": []}]}}),
            missing("SourceTrigger", "sourceRepository"),
        ),
        (
            json!({"trigger": {"baseImageTrigger": {"name": "a"}}}),
            missing("BaseImageTrigger", "baseImageTriggerType"),
        ),
    ] {
        assert_eq!(read(&TASK, &body).unwrap_err(), problem, "{body}");
    }
}

#[test]
fn a_patch_merges_and_takes_nothing_away() {
    let step = json!({"type": "Docker", "dockerFilePath": "Dockerfile", "imageNames": ["a:1"], "contextAccessToken": "hush",
        "arguments": [{"name": "x", "value": "1"}]});
    let timers = json!([{"name": "day", "schedule": "0 1 * * *"}, {"name": "hour", "schedule": "0 * * * *"}]);
    let stored = json!({"step": step, "timeout": 600, "agentPoolName": "pool-a", "trigger": {"timerTriggers": timers},
        "credentials": {"sourceRegistry": {"identity": "[system]", "loginMode": "Default"},
                        "customRegistries": {"a.example": {"identity": "[system]"}, "b.example": {"identity": "x"}}}});
    for (change, pointer, expected) in [
        (json!({"timeout": null}), "/timeout", json!(600)),
        (json!({"agentPoolName": null}), "/agentPoolName", json!("pool-a")),
        (
            json!({"trigger": {"timerTriggers": []}}),
            "/trigger/timerTriggers/1/name",
            json!("hour"),
        ),
        (
            json!({"trigger": {"timerTriggers": [{"name": "HOUR", "status": "Disabled"}, {"name": "new", "schedule": "1 1 * * *"}]}}),
            "/trigger/timerTriggers",
            json!([{"name": "day", "schedule": "0 1 * * *", "status": "Enabled"},
                   {"name": "HOUR", "schedule": "0 * * * *", "status": "Disabled"},
                   {"name": "new", "schedule": "1 1 * * *", "status": "Enabled"}]),
        ),
        (
            json!({"step": {"type": "Docker", "noCache": true}}),
            "/step/contextAccessToken",
            json!("hush"),
        ),
        (
            json!({"step": {"type": "Docker", "arguments": []}}),
            "/step/arguments",
            json!([]),
        ),
        (
            json!({"step": {"type": "FileTask", "taskFilePath": "acb.yaml"}}),
            "/step",
            json!({"type": "FileTask", "taskFilePath": "acb.yaml", "contextAccessToken": "hush", "values": []}),
        ),
        (
            json!({"credentials": {"customRegistries": {"a.example": null}}}),
            "/credentials/customRegistries",
            json!({"b.example": {"identity": "x"}}),
        ),
        (
            json!({"credentials": {"sourceRegistry": {"identity": null}}}),
            "/credentials/sourceRegistry",
            json!({"loginMode": "Default"}),
        ),
        (
            json!({"credentials": {"sourceRegistry": {"loginMode": null}}}),
            "/credentials/sourceRegistry/loginMode",
            json!("Default"),
        ),
    ] {
        let patched = patched(stored.clone(), change.clone());
        assert_eq!(patched.pointer(pointer), Some(&expected), "{change}");
    }
}

#[test]
fn secrets_that_were_not_sent_can_be_carried() {
    let whole = json!({
        "step": {"type": "FileTask", "taskFilePath": "acb.yaml", "contextAccessToken": "one",
                 "values": [{"name": "open", "value": "0"}, {"name": "shut", "value": "two", "isSecret": true}]},
        "trigger": {
            "sourceTriggers": [{"name": "push", "sourceTriggerEvents": ["commit"], "sourceRepository": {
                "sourceControlType": "Github", "repositoryUrl": "https://github.com/contoso/app",
                "sourceControlAuthProperties": {"tokenType": "PAT", "token": "three"}}}],
            "baseImageTrigger": {"name": "base", "baseImageTriggerType": "All", "updateTriggerEndpoint": "four"}},
        "credentials": {"customRegistries": {"a.example": {"password": {"type": "Opaque", "value": "five"}}}}});
    let mut masked = whole.clone();
    masked["step"].as_object_mut().unwrap().remove("contextAccessToken");
    masked["step"]["values"][1]["value"] = Value::Null;
    let trigger = masked["trigger"].as_object_mut().unwrap();
    trigger["baseImageTrigger"]
        .as_object_mut()
        .unwrap()
        .remove("updateTriggerEndpoint");
    trigger["sourceTriggers"][0]["sourceRepository"]["sourceControlAuthProperties"] = Value::Null;
    masked["credentials"]["customRegistries"]["a.example"] = Value::Null;
    let stored = properties(whole);
    let mut kept = properties(masked.clone());
    carry_secrets(&TASK, &stored, &mut kept);
    drop_empty_registries(&mut kept);
    assert_eq!(kept, stored);
    let mut wiped = properties(masked);
    drop_empty_registries(&mut wiped);
    let text = Value::from(wiped).to_string();
    for secret in ["one", "two", "three", "four", "five", "a.example"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
