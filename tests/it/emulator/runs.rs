//! Runs: what schedules one, how it goes on, what it leaves.

use std::time::Duration;

use serde_json::json;
use terraform_provider_acr::emulator::{DisabledTask, Seed, SeedTask, TaskRunPool, UnknownPool};

use super::lab::Lab;
use super::runs_lab::{PICK_UP, RUN, build_of, command, lab, shape};
use super::shape::shape_of;

const SCHEDULED: &str = "{type:string,properties:{runId:string,status:string,lastUpdatedTime:string,provisioningState:string,\
    isArchiveEnabled:boolean},id:string,name:string,\
    systemData:{lastModifiedBy:string,lastModifiedByType:string,lastModifiedAt:string}}";

#[tokio::test]
async fn the_life_of_a_build() {
    let lab = lab().await;
    let location = lab.uploaded(&[("Dockerfile", "FROM alpine\nRUN echo hello")]).await;
    let reply = lab.schedule(&build_of(&location)).await;
    assert_eq!(
        (reply.status, shape_of(&reply.text).as_str()),
        (200, SCHEDULED),
        "{}",
        reply.text
    );
    assert!(reply.header("x-ms-operation-identifier").is_some());
    let body = reply.json();
    assert_eq!(body["name"], "cf1");
    assert_eq!(body["properties"]["status"], "Queued");
    let url = lab.below("runs/cf1");
    for (advance, status, extra) in [
        (Duration::ZERO, "Queued", vec![]),
        (PICK_UP, "Started", vec!["startTime"]),
        (PICK_UP, "Running", vec!["startTime"]),
        (RUN - PICK_UP * 2, "Running", vec!["startTime"]),
        (PICK_UP, "Succeeded", vec!["startTime", "finishTime", "outputImages"]),
        (RUN * 100, "Succeeded", vec!["startTime", "finishTime", "outputImages"]),
    ] {
        lab.emulator.advance(advance);
        let reply = lab.get(&url).await;
        assert_eq!(reply.status, 200);
        assert_eq!(shape_of(&reply.text), shape(&extra, ""), "{status}");
        assert_eq!(reply.json()["properties"]["status"], status);
    }
    let run = lab.run("cf1").await;
    let image = &run["outputImages"][0];
    assert_eq!(image["registry"], "contosobuilds.azurecr.io");
    assert_eq!((&image["repository"], &image["tag"]), (&json!("app"), &json!("v1")));
    assert_eq!(
        (&run["runType"], &run["agentConfiguration"]["cpu"]),
        (&json!("QuickRun"), &json!(2))
    );
    assert_eq!(run["platform"], json!({"os": "Linux", "architecture": "amd64"}));
    // Nothing started because somebody looked: the times are those of the run itself.
    let time = |name: &str| {
        time::OffsetDateTime::parse(
            run[name].as_str().unwrap(),
            &time::format_description::well_known::Rfc3339,
        )
        .unwrap()
    };
    assert_eq!(
        time("startTime") - time("createTime"),
        time::Duration::try_from(PICK_UP).unwrap()
    );
    assert_eq!(
        time("finishTime") - time("startTime"),
        time::Duration::try_from(RUN).unwrap()
    );
}

#[tokio::test]
async fn equal_contents_are_one_image_and_run_ids_count_up() {
    let lab = lab().await;
    let files: [&[(&str, &str)]; 3] = [
        &[("Dockerfile", "FROM alpine")],
        &[("Dockerfile", "FROM alpine")],
        &[("Dockerfile", "FROM alpine"), ("a.txt", "x")],
    ];
    let mut ids = Vec::new();
    for files in files {
        ids.push(lab.build(files).await);
    }
    assert_eq!(ids, ["cf1", "cf2", "cf3"]);
    lab.run_through();
    let mut digests = Vec::new();
    for id in &ids {
        digests.push(lab.run(id).await["outputImages"][0]["digest"].clone());
    }
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
    let mut request = build_of(&lab.uploaded(&[("Dockerfile", "FROM alpine")]).await);
    request["isPushEnabled"] = false.into();
    let id = lab.scheduled(&request).await;
    lab.run_through();
    let run = lab.run(&id).await;
    assert_eq!((&run["status"], run.get("outputImages")), (&json!("Succeeded"), None));
}

#[tokio::test]
async fn how_runs_fail() {
    let lab = lab().await;
    let step_failed = "failed during run, err: exit status 1";
    let other_file = {
        let mut request = build_of(&lab.uploaded(&[("src/Dockerfile", "FROM alpine")]).await);
        request["sourceLocation"] = request["sourceLocation"].clone();
        request
    };
    let failing = build_of(
        &lab.uploaded(&[("Dockerfile", "FROM alpine\nRUN echo almost && exit 3")])
            .await,
    );
    let uncopied = build_of(&lab.uploaded(&[("Dockerfile", "FROM alpine\nCOPY app /app")]).await);
    let (url, broken) = lab.upload_url().await;
    lab.put_blob(&url, b"no archive".to_vec()).await;
    let mut remote = build_of("https://git.example/team/missing-app.git#main");
    remote["imageNames"] = json!([]);
    for (request, status, message, logged) in [
        (
            other_file,
            "Failed",
            Some(step_failed),
            "there is no 'Dockerfile' in the context",
        ),
        (failing, "Failed", Some(step_failed), "almost"),
        (
            uncopied,
            "Failed",
            Some(step_failed),
            "'app' is not in the build context",
        ),
        (build_of(&broken), "Failed", Some(step_failed), "cannot be unpacked"),
        (remote, "Failed", Some(step_failed), "does not exist"),
        (
            build_of("https://git.example/team/failing-app.git"),
            "Failed",
            Some(step_failed),
            "exit 1",
        ),
        (
            build_of("https://git.example/team/app.git#main:src"),
            "Succeeded",
            None,
            "was successful after 1m20s",
        ),
        (
            command("bash -c \"echo one && exit 7\""),
            "Failed",
            Some(step_failed),
            "failed with exit code 7",
        ),
        (command("bash echo hello"), "Succeeded", None, "\nhello\r\n"),
        (
            command("bash sleep 90"),
            "Succeeded",
            None,
            "was successful after 2m50s",
        ),
        (command("bash sleep 3600"), "Timeout", None, "timed out after 1h0m0s"),
    ] {
        let id = lab.scheduled(&request).await;
        lab.emulator.advance(PICK_UP + Duration::from_secs(2 * 3600));
        let run = lab.run(&id).await;
        assert_eq!(
            (run["status"].as_str(), run["runErrorMessage"].as_str()),
            (Some(status), message),
            "{request}"
        );
        let log = lab.log(&id).await;
        assert!(
            log.text.replace("\r\n", "\n").contains(&logged.replace("\r\n", "\n")),
            "{logged}: {}",
            log.text
        );
        assert!(log.text.ends_with("\r\n"), "{}", log.text);
    }
}

#[tokio::test]
async fn what_scheduling_refuses() {
    let lab = lab().await;
    let location = lab.uploaded(&[("Dockerfile", "FROM alpine")]).await;
    let change = |name: &str, value: serde_json::Value| {
        let mut request = build_of(&location);
        match value.is_null() {
            true => drop(request.as_object_mut().unwrap().remove(name)),
            false => request[name] = value,
        }
        request
    };
    for (request, status, code, part) in [
        (json!({}), 400, "InvalidRequestBody", ""),
        (change("type", json!(null)), 400, "InvalidRequestBody", ""),
        (change("type", json!("SomeRequest")), 400, "InvalidRequestBody", ""),
        (change("platform", json!(null)), 400, "InvalidInputValue", "Platform:"),
        (
            change("platform", json!({"architecture": "amd64"})),
            400,
            "InvalidInputValue",
            "Platform:",
        ),
        (
            change("dockerFilePath", json!(null)),
            400,
            "InvalidInputValue",
            "DockerFilePath:",
        ),
        (change("timeout", json!(299)), 400, "InvalidInputValue", "Timeout:"),
        (change("timeout", json!(28_801)), 400, "InvalidInputValue", "Timeout:"),
        (
            change("agentConfiguration", json!({"cpu": 4})),
            400,
            "InvalidInputValue",
            "supported values are (2)",
        ),
        (
            change("sourceLocation", json!(null)),
            400,
            "InvalidInputValue",
            "SourceLocation:",
        ),
        (
            change("sourceLocation", json!("tasks-source/202601010000/x.tar.gz")),
            400,
            "InvalidSourceLocation",
            "x.tar.gz",
        ),
        (
            change("agentPoolName", json!("no-pool")),
            404,
            "EntityNotFound",
            "no-pool",
        ),
        (json!({"type": "TaskRunRequest"}), 400, "InvalidInputValue", "TaskId:"),
        (
            json!({"type": "TaskRunRequest", "taskId": "/x/tasks/none"}),
            404,
            "EntityNotFound",
            "none",
        ),
        (
            json!({"type": "FileTaskRunRequest", "platform": {"os": "linux"}}),
            400,
            "InvalidInputValue",
            "TaskFilePath:",
        ),
        (
            json!({"type": "EncodedTaskRunRequest", "platform": {"os": "linux"}, "encodedTaskContent": "%"}),
            400,
            "InvalidInputValue",
            "EncodedTaskContent:",
        ),
    ] {
        let reply = lab.schedule(&request).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (status, code),
            "{request}: {}",
            reply.text
        );
        assert_eq!(
            shape_of(&reply.text),
            "{error:{code:string,message:string,target:string,details:null}}"
        );
        assert!(reply.message().contains(part), "{part}: {}", reply.message());
    }
    let reply = lab.call("POST", &lab.below("scheduleRun"), None).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "InvalidRequestBody"));
    assert!(
        lab.get(&lab.below("runs")).await.json()["value"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    for timeout in [300, 28_800] {
        lab.scheduled(&change("timeout", json!(timeout))).await;
    }
}

async fn with_task(change: impl FnOnce(&mut Seed)) -> (Lab, serde_json::Value) {
    let lab = Lab::with(|options| {
        options.run_duration = RUN;
        options.seed.tasks = vec![SeedTask {
            registry: "contosobuilds".into(),
            name: "nightly".into(),
            ..SeedTask::default()
        }];
        change(&mut options.seed);
    })
    .await;
    let task = json!({"type": "TaskRunRequest", "taskId": format!("{}/tasks/NIGHTLY", lab.registry())});
    (lab, task)
}

#[tokio::test]
async fn a_task_runs_with_what_is_stored_and_what_overrides() {
    let (lab, mut request) = with_task(|seed| {
        let text = "steps:\n  - cmd: bash echo {{.Values.greeting}} {{.Values.name}} {{.Values.key}}\n";
        let step = json!({
            "type": "EncodedTask",
            "encodedTaskContent": encoded(text),
            "values": [{"name": "greeting", "value": "hello"}, {"name": "name", "value": "world"},
                       {"name": "key", "value": "hush", "isSecret": true}],
        });
        seed.tasks[0].properties.insert("step".into(), step);
        seed.tasks[0].properties.insert("timeout".into(), 300.into());
    })
    .await;
    request["overrideTaskStepProperties"] = json!({"values": [{"name": "name", "value": "you"}], "arguments": []});
    let id = lab.scheduled(&request).await;
    lab.run_through();
    let reply = lab.get(&lab.below(&format!("runs/{id}"))).await;
    assert_eq!(shape_of(&reply.text), shape(&["startTime", "finishTime", "task"], ""));
    assert_eq!(reply.json()["properties"]["task"], "nightly");
    let log = lab.log(&id).await.text;
    assert!(log.contains("hello you ***") && !log.contains("hush"), "{log}");
}

fn encoded(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn the_switches_of_scheduling() {
    for lenient in [false, true] {
        let (lab, request) = with_task(|seed| {
            seed.tasks[0].properties.insert("status".into(), "Disabled".into());
            if lenient {
                seed.assumptions.disabled_task = DisabledTask::Runs;
                seed.assumptions.unknown_pool = UnknownPool::Queued;
                seed.assumptions.task_run_pool = TaskRunPool::Overrides;
            }
        })
        .await;
        lab.have_pool("pool-a", r#"{"tier":"S1","count":1}"#).await;
        let statuses = |accepted: bool| if accepted { 200 } else { 400 };
        assert_eq!(lab.schedule(&request).await.status, statuses(lenient));
        let url = lab.below("tasks/nightly");
        let reply = lab
            .call("PATCH", &url, Some(r#"{"properties":{"status":"Enabled"}}"#))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let mut on_pool = request.clone();
        on_pool["agentPoolName"] = "pool-a".into();
        let reply = lab.schedule(&on_pool).await;
        assert_eq!(reply.status, statuses(lenient), "{}", reply.text);
        if lenient {
            let id = reply.json()["name"].as_str().unwrap().to_string();
            assert_eq!(lab.run(&id).await["agentPoolName"], "pool-a");
        }
        let mut nowhere = command("bash echo hello");
        nowhere["agentPoolName"] = "nowhere".into();
        let reply = lab.schedule(&nowhere).await;
        assert_eq!(reply.status, if lenient { 200 } else { 404 }, "{}", reply.text);
        if lenient {
            let id = reply.json()["name"].as_str().unwrap().to_string();
            lab.run_through();
            assert_eq!(lab.run_status(&id).await, "Queued");
            lab.have_pool("nowhere", r#"{"tier":"S1","count":1}"#).await;
            lab.run_through();
            assert_eq!(lab.run_status(&id).await, "Succeeded");
        }
    }
}
