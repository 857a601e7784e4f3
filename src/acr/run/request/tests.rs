//! Each kind of request as it is written on the wire, and what of it is secret.

use serde_json::{Value, json};

use super::*;

fn frame() -> Frame {
    Frame {
        timeout: Some(600),
        platform: Platform {
            os: "Linux".into(),
            architecture: Some("amd64".into()),
            variant: None,
        },
        agent_configuration: None,
        source_location: Some(Secret::new("tasks-source/202602170000/x.tar.gz")),
        credentials: None,
    }
}

fn secret(name: &str, value: &str, is_secret: bool) -> Argument {
    Argument {
        name: name.into(),
        value: Secret::new(value),
        is_secret,
    }
}

fn requests() -> [(RunRequest, Value); 4] {
    let build = Work::DockerBuild(DockerBuild {
        image_names: vec!["app:1".into()],
        is_push_enabled: true,
        no_cache: false,
        docker_file_path: "Dockerfile".into(),
        target: Some("final".into()),
        arguments: vec![secret("TOKEN", "hush", true), secret("A", "b", false)],
        frame: frame(),
    });
    let encoded = Work::EncodedTask(EncodedTask {
        encoded_task_content: Secret::new("aHVzaA=="),
        encoded_values_content: None,
        values: vec![],
        frame: Frame {
            timeout: None,
            source_location: None,
            ..frame()
        },
    });
    let file = Work::FileTask(FileTask {
        task_file_path: "acb.yaml".into(),
        values_file_path: Some("values.yaml".into()),
        values: vec![secret("V", "hush", true)],
        frame: frame(),
    });
    let task = Work::Task(TaskRun {
        task_id: "/r/tasks/nightly".into(),
        overrides: Overrides {
            target: Some("test".into()),
            ..Overrides::default()
        },
    });
    let platform = json!({"os": "Linux", "architecture": "amd64"});
    let source = "tasks-source/202602170000/x.tar.gz";
    [
        (
            RunRequest {
                agent_pool_name: Some("p01".into()),
                ..RunRequest::new(build)
            },
            json!({"type": "DockerBuildRequest", "agentPoolName": "p01", "imageNames": ["app:1"], "isPushEnabled": true,
                "dockerFilePath": "Dockerfile", "target": "final", "timeout": 600, "platform": platform,
                "arguments": [{"name": "TOKEN", "value": "hush", "isSecret": true}, {"name": "A", "value": "b", "isSecret": false}],
                "sourceLocation": source}),
        ),
        (
            RunRequest {
                is_archive_enabled: true,
                ..RunRequest::new(encoded)
            },
            json!({"type": "EncodedTaskRunRequest", "isArchiveEnabled": true, "encodedTaskContent": "aHVzaA==", "platform": platform}),
        ),
        (
            RunRequest::new(file),
            json!({"type": "FileTaskRunRequest", "taskFilePath": "acb.yaml", "valuesFilePath": "values.yaml", "timeout": 600,
                "values": [{"name": "V", "value": "hush", "isSecret": true}], "platform": platform, "sourceLocation": source}),
        ),
        (
            RunRequest::new(task),
            json!({"type": "TaskRunRequest", "taskId": "/r/tasks/nightly", "overrideTaskStepProperties": {"target": "test"}}),
        ),
    ]
}

#[test]
fn each_kind_as_the_service_reads_it() {
    for (request, want) in requests() {
        assert_eq!(serde_json::to_value(&request).unwrap(), want);
        let shown = format!("{request:?}");
        assert!(!shown.contains("hush") && !shown.contains("aHVz"), "{shown}");
    }
}

#[test]
fn what_is_secret_is_known() {
    let [(mut build, _), _, (file, _), (task, _)] = requests();
    let Work::DockerBuild(work) = &mut build.work else {
        unreachable!()
    };
    work.frame.source_location = Some(Secret::new("https://me:t0ken@git.example/a.git#main:src"));
    let registry = |kind: &str, value: &str| CustomRegistry {
        password: Some(SecretObject {
            value: Secret::new(value),
            kind: kind.into(),
        }),
        ..CustomRegistry::default()
    };
    work.frame.credentials = Some(Credentials {
        source_registry: None,
        custom_registries: [
            ("a.example".to_string(), registry("Opaque", "pa55")),
            ("b.example".to_string(), registry("Vaultsecret", "https://v.example/s")),
        ]
        .into(),
    });
    let exposed = |request: &RunRequest| -> Vec<String> {
        request
            .secrets()
            .iter()
            .map(|secret| secret.expose().to_string())
            .collect()
    };
    assert_eq!(exposed(&build), ["hush", "pa55", "t0ken"]);
    assert_eq!(exposed(&file), ["hush"]);
    assert!(exposed(&task).is_empty());
    assert_eq!(task.task_name(), Some("nightly"));
    for (url, want) in [
        ("https://t0ken@git.example", &["t0ken"][..]),
        ("https://git.example/a@b", &[]),
        ("https://oauth2:a%3Ab@git.example/x.git#main", &["a%3Ab", "a:b"]),
        ("https://me:%zz@git.example/x.git", &["%zz"]),
        (
            "https://blobs.example/x.tar.gz?sv=1&sig=aaaaaaaaaaaaaaaaaaaaaaaaaa%3D",
            &[
                "sv=1&sig=aaaaaaaaaaaaaaaaaaaaaaaaaa%3D",
                "sv=1&sig=aaaaaaaaaaaaaaaaaaaaaaaaaa=",
                "aaaaaaaaaaaaaaaaaaaaaaaaaa%3D",
                "aaaaaaaaaaaaaaaaaaaaaaaaaa=",
            ],
        ),
        ("tasks-source/202611240000/x.tar.gz", &[]),
    ] {
        let found = secrets_in_url(url);
        let found: Vec<&str> = found.iter().map(Secret::expose).collect();
        assert_eq!(found, want, "{url}");
    }
}
