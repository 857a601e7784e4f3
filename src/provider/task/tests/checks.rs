//! What is refused before anything is planned, and where.

use serde_json::{Value as Json, json};

use super::{model, smallest, value};
use crate::{
    framework::{Severity, validators},
    provider::task::{checks::check, schema},
};

/// What is said of a configuration, as `path: summary`.
fn said(config: &Json) -> Vec<String> {
    let mut found = validators::validate(&schema::schema().block, &value(config));
    if !found.has_errors() {
        found.extend(check(&model(config)));
    }
    let told = |it: crate::framework::Diagnostic| {
        assert_eq!(it.severity, Severity::Error);
        assert!(!it.detail.contains("s3cr3t"), "{}", it.detail);
        format!("{}: {}", it.path.unwrap_or_default(), it.summary)
    };
    found.0.into_iter().map(told).collect()
}

/// A Docker step with more.
fn docker(more: Json) -> Json {
    let mut step = json!({"dockerfile_path": "Dockerfile", "context_path": "https://github.com/contoso/app.git", "image_names": ["a"]});
    for (name, value) in more.as_object().unwrap() {
        step[name] = value.clone();
    }
    json!({"encoded_step": [], "docker_step": [step]})
}

/// A source trigger with more.
fn source(more: Json) -> Json {
    let mut trigger = json!({"name": "s", "events": ["commit"], "source_type": "Github",
        "repository_url": "https://github.com/contoso/app", "authentication": [{"token_type": "PAT", "token": "s3cr3t"}]});
    for (name, value) in more.as_object().unwrap() {
        trigger[name] = value.clone();
    }
    json!({"source_trigger": [trigger]})
}

fn authentication(more: Json) -> Json {
    source(json!({"authentication": [more]}))
}

fn timer(schedule: &str) -> Json {
    json!({"timer_trigger": [{"name": "t", "schedule": schedule}]})
}

const ID: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";

#[test]
fn what_is_right_is_left_alone() {
    let right = [
        json!({}),
        docker(json!({})),
        docker(json!({"image_names": null, "push_enabled": false})),
        docker(json!({"context_access_token_wo": "s3cr3t", "context_access_token_wo_version": 1})),
        source(json!({})),
        source(
            json!({"source_type": "VisualStudioTeamService", "repository_url": "https://dev.azure.com/contoso/shop/_git/app"}),
        ),
        source(json!({"repository_url": "https://git.contoso.example/team/app.git"})),
        source(
            json!({"source_type": "VisualStudioTeamService", "repository_url": "https://contoso@dev.azure.com/contoso/shop/_git/app"}),
        ),
        authentication(json!({"token_type": "OAuth", "token_wo": "s3cr3t", "token_wo_version": 1})),
        timer("0 21 * * *"),
        json!({"identity": [{"type": "SystemAssigned, UserAssigned", "identity_ids": [ID]}]}),
        json!({"identity": [{"type": "SystemAssigned"}], "registry_credential": [{"source": [{"identity": "[system]"}], "custom": []}]}),
        docker(
            json!({"image_names": ["app:{{.Run.ID}}", "{{.Run.Registry}}/team/app:v1", "$Registry/app:1", "other.example:5000/app"]}),
        ),
        json!({"platform": [{"os": "Linux", "architecture": "arm64", "variant": "v8"}]}),
        json!({"platform": [{"os": "Linux", "architecture": "arm", "variant": "v7"}]}),
        json!({"agent_pool_name": "builds"}),
        json!({"agent_setting": [{"cpu": 2}], "tags": {"a": "b"}}),
        json!({"name": "quicktask", "is_system_task": true, "platform": [], "encoded_step": []}),
    ];
    for more in right {
        assert_eq!(said(&smallest(&more)), Vec::<String>::new(), "{more}");
    }
}

#[test]
fn what_is_unknown_may_turn_out_right() {
    let open = [
        json!({"name": "?", "is_system_task": true, "platform": [], "encoded_step": []}),
        json!({"agent_pool_name": "?", "platform": [{"os": "Windows"}], "agent_setting": [{"cpu": 2}]}),
        json!({"agent_pool_name": "builds", "platform": [{"os": "?"}]}),
        json!({"platform": [{"os": "Linux", "architecture": "?", "variant": "v8"}]}),
        docker(json!({"image_names": ["?", "app"]})),
        json!({"name": "quicktask", "is_system_task": true, "agent_pool_name": "?", "platform": [], "encoded_step": []}),
        docker(
            json!({"context_access_token": "?", "context_access_token_wo": "s3cr3t", "context_access_token_wo_version": 1}),
        ),
        authentication(json!({"token_type": "PAT", "token": "?"})),
        json!({"identity": [{"type": "?"}], "registry_credential": [{"source": [{"identity": "[system]"}], "custom": []}]}),
    ];
    for more in open {
        assert_eq!(said(&smallest(&more)), Vec::<String>::new(), "{more}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let system = |more: Json| {
        let mut task = json!({"name": "quicktask", "is_system_task": true, "platform": [], "encoded_step": []});
        for (name, value) in more.as_object().unwrap() {
            task[name] = value.clone();
        }
        task
    };
    for (more, says) in [
        (json!({"encoded_step": []}), ": No step"),
        (json!({"platform": []}), ": No platform"),
        (
            json!({"file_step": [{"task_file_path": "a", "context_path": "https://github.com/contoso/app.git"}]}),
            "encoded_step[0]: More than one step",
        ),
        (system(json!({"name": "nightly"})), "name: Name of the system task"),
        (
            system(json!({"agent_pool_name": "builds"})),
            "agent_pool_name: Not for the system task",
        ),
        (
            json!({"platform": [{"os": "Linux", "architecture": "amd64", "variant": "v8"}]}),
            "platform[0].variant: Variant of another processor",
        ),
        (
            json!({"platform": [{"os": "Linux", "variant": "v7"}]}),
            "platform[0].variant: Variant of another processor",
        ),
        (
            docker(json!({"image_names": ["A B:??"]})),
            "docker_step[0].image_names: Invalid image name",
        ),
        (
            docker(json!({"image_names": ["app:v1", null]})),
            "docker_step[0].image_names: Invalid image name",
        ),
        (
            system(json!({"platform": [{"os": "Linux"}]})),
            "platform[0]: Not for the system task",
        ),
        (system(timer("0 0 * * *")), "timer_trigger[0]: Not for the system task"),
        (json!({"name": "four"}), "name: Invalid task name"),
        (json!({"name": "night.ly"}), "name: Invalid task name"),
        (json!({"registry_id": "contoso"}), "registry_id: Invalid registry id"),
        (
            json!({"timeout_in_seconds": 299}),
            "timeout_in_seconds: Number out of range",
        ),
        (
            json!({"timeout_in_seconds": 28_801}),
            "timeout_in_seconds: Number out of range",
        ),
        (
            json!({"agent_pool_name": "a"}),
            "agent_pool_name: Invalid agent pool name",
        ),
        (
            json!({"agent_pool_name": "builds", "agent_setting": [{"cpu": 2}]}),
            "agent_setting[0]: Processors of a pool's machines",
        ),
        (
            json!({"agent_pool_name": "builds", "platform": [{"os": "Windows"}]}),
            "platform[0].os: Windows on an agent pool",
        ),
        (
            json!({"platform": [{"os": "linux"}]}),
            "platform[0].os: Unsupported value",
        ),
        (json!({"tags": {"a": "x".repeat(257)}}), "tags: Invalid tag"),
        (json!({"tags": {"a": null}}), "tags[\"a\"]: Value is null"),
        (json!({"log_template": ""}), "log_template: Empty value"),
        (timer("0 21 * *"), "timer_trigger[0].schedule: Invalid schedule"),
        (timer("0 0 * * 7"), "timer_trigger[0].schedule: Invalid schedule"),
        (
            json!({"timer_trigger": [{"name": "t", "schedule": "0 0 * * *"}, {"name": "T", "schedule": "0 1 * * *"}]}),
            "timer_trigger[1].name: Trigger named twice",
        ),
        (
            docker(json!({"image_names": []})),
            "docker_step[0].image_names: Image without a name",
        ),
        (
            docker(json!({"context_path": "./app"})),
            "docker_step[0].context_path: Invalid context",
        ),
        (
            docker(json!({"context_path": "/dev/null"})),
            "docker_step[0].context_path: Context without files",
        ),
        (
            docker(json!({"context_path": "https://me:s3cr3t@github.com/contoso/app.git"})),
            "docker_step[0].context_path: Invalid context",
        ),
        (
            docker(
                json!({"context_access_token": "s3cr3t", "context_access_token_wo": "s3cr3t", "context_access_token_wo_version": 1}),
            ),
            "docker_step[0].context_access_token_wo: Secret given twice",
        ),
        (
            docker(json!({"context_access_token_wo": "s3cr3t"})),
            "docker_step[0].context_access_token_wo_version: Write-only argument without a version",
        ),
        (
            docker(json!({"arguments": {"A": "1"}, "secret_arguments": {"A": "s3cr3t"}})),
            "docker_step[0].secret_arguments: Named twice",
        ),
        (
            docker(
                json!({"arguments": {"A": "1"}, "secret_arguments_wo": {"A": "s3cr3t"}, "secret_arguments_wo_version": 1}),
            ),
            "docker_step[0].secret_arguments_wo: Named twice",
        ),
        (
            docker(json!({"arguments": {"A": null}})),
            "docker_step[0].arguments[\"A\"]: Value is null",
        ),
        (
            source(json!({"authentication": []})),
            "source_trigger[0]: Source trigger without a token",
        ),
        (
            authentication(json!({"token_type": "PAT"})),
            "source_trigger[0].authentication[0].token: Source trigger without a token",
        ),
        (source(json!({"events": []})), "source_trigger[0].events: No event"),
        (
            source(json!({"events": ["push"]})),
            "source_trigger[0].events: Unsupported event",
        ),
        (
            source(json!({"repository_url": "git@github.com:contoso/app.git"})),
            "source_trigger[0].repository_url: Invalid repository",
        ),
        (
            source(json!({"repository_url": "https://github.com/contoso"})),
            "source_trigger[0].repository_url: Invalid repository",
        ),
        (
            source(json!({"repository_url": "https://me:s3cr3t@github.com/contoso/app"})),
            "source_trigger[0].repository_url: Invalid repository",
        ),
        (
            source(json!({"repository_url": "https://s3cr3t@github.com/contoso/app"})),
            "source_trigger[0].repository_url: Invalid repository",
        ),
        (
            source(
                json!({"source_type": "VisualStudioTeamService", "repository_url": "https://s3cr3t@dev.azure.com/contoso/shop/_git/app"}),
            ),
            "source_trigger[0].repository_url: Invalid repository",
        ),
        (
            source(json!({"source_type": "VisualStudioTeamService"})),
            "source_trigger[0].repository_url: Invalid repository",
        ),
        (
            json!({"base_image_trigger": [{"name": "b", "type": "Runtime", "update_trigger_endpoint": "http://s3cr3t.example"}]}),
            "base_image_trigger[0].update_trigger_endpoint: Invalid endpoint",
        ),
        (
            json!({"identity": [{"type": "UserAssigned"}]}),
            "identity[0].identity_ids: No user-assigned identity",
        ),
        (
            json!({"identity": [{"type": "SystemAssigned", "identity_ids": [ID]}]}),
            "identity[0].identity_ids: User-assigned identities without their type",
        ),
        (
            json!({"identity": [{"type": "UserAssigned", "identity_ids": ["0f0e0d0c-0b0a-4908-8706-050403020100"]}]}),
            "identity[0].identity_ids: Invalid identity id",
        ),
        (
            json!({"registry_credential": [{"source": [{"identity": "[system]"}], "custom": []}]}),
            "registry_credential[0].source[0].identity: No system-assigned identity",
        ),
        (
            json!({"registry_credential": [{"source": [{"identity": "[caller]"}], "custom": []}]}),
            "registry_credential[0].source[0].identity: Invalid identity",
        ),
    ] {
        assert_eq!(said(&smallest(&more)), [says], "{more}");
    }
}
