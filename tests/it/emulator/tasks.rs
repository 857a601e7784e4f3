//! Tasks over HTTPS: every answer's status, headers and exact keys, and what becomes of secrets.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Mutation, OmittedSecrets, PatchAgentPool, SeedRun, SeedTask};

use super::lab::{Lab, POOLS, Reply};
use super::shape::shape_of;

/// Members that every task ends with.
const SYSTEM: &str = "systemData:{createdBy:string,createdByType:string,createdAt:string,lastModifiedBy:string,\
                      lastModifiedByType:string,lastModifiedAt:string}";
/// A version without the identity of the source registry.
const OLD: &str = "2019-06-01-preview";
/// Everything that a Docker task can have, with secrets at all places.
const DOCKER: &str = r#"{"location":"eastus","tags":{"team":"build"},"identity":{"type":"SystemAssigned"},"properties":{
    "status":"Enabled","platform":{"os":"linux","architecture":"amd64"},"agentConfiguration":{"cpu":2},"timeout":3600,
    "step":{"type":"Docker","contextPath":"https://github.com/contoso/app","contextAccessToken":"secret-context",
        "imageNames":["app:v1"],"isPushEnabled":true,"noCache":false,"dockerFilePath":"Dockerfile","target":"final",
        "arguments":[{"name":"OPEN","value":"plain","isSecret":false},{"name":"SHUT","value":"secret-argument","isSecret":true}]},
    "trigger":{"timerTriggers":[{"name":"nightly","schedule":"0 1 * * *"}],
        "sourceTriggers":[{"name":"push","sourceTriggerEvents":["commit"],"sourceRepository":{"sourceControlType":"Github",
            "repositoryUrl":"https://github.com/contoso/app","branch":"main",
            "sourceControlAuthProperties":{"tokenType":"PAT","token":"secret-token","refreshToken":"secret-refresh"}}}],
        "baseImageTrigger":{"baseImageTriggerType":"Runtime","updateTriggerEndpoint":"https://secret-endpoint.example/",
            "updateTriggerPayloadType":"Default","status":"Enabled","name":"base"}},
    "credentials":{"sourceRegistry":{"loginMode":"Default","identity":"[system]"},"customRegistries":{"other.example":{
        "userName":{"type":"Opaque","value":"secret-user"},"password":{"type":"Opaque","value":"secret-password"}}}},
    "logTemplate":"acr/logs:{{.Run.ID}}","isSystemTask":false}}"#;
/// The secrets of [`DOCKER`].
const SECRETS: [&str; 7] = [
    "secret-context",
    "secret-argument",
    "secret-token",
    "secret-refresh",
    "secret-endpoint",
    "secret-user",
    "secret-password",
];

impl Lab {
    pub fn task(&self, name: &str) -> String {
        format!("{}/tasks/{name}?api-version={POOLS}", self.registry())
    }

    pub async fn put_task(&self, name: &str, body: &str) -> Reply {
        self.call("PUT", &self.task(name), Some(body)).await
    }

    /// The secrets of [`DOCKER`] that the store still has.
    fn kept(&self, name: &str) -> Vec<&'static str> {
        let id = format!("{}/tasks/{name}", self.registry());
        let text = self.emulator.task_secrets(&id).unwrap().to_string();
        SECRETS.into_iter().filter(|secret| text.contains(secret)).collect()
    }
}

/// The shape of [`DOCKER`] as answers have it; `secrets` as `listDetails` does.
fn docker_shape(secrets: bool) -> String {
    let only = |text: &'static str| if secrets { text } else { "" };
    let registries = match secrets {
        true => "{other.example:{userName:{value:string,type:string},password:{value:string,type:string}}}",
        false => "{other.example:null}",
    };
    format!(
        "{{type:string,identity:{{principalId:string,tenantId:string,type:string}},properties:{{provisioningState:string,\
         creationDate:string,status:string,platform:{{os:string,architecture:string}},agentConfiguration:{{cpu:number}},\
         timeout:number,step:{{type:string,imageNames:[string],isPushEnabled:boolean,noCache:boolean,dockerFilePath:string,\
         target:string,arguments:[{{name:string,value:string,isSecret:boolean}}],contextPath:string{}}},\
         trigger:{{timerTriggers:[{{schedule:string,status:string,name:string}}],\
         sourceTriggers:[{{sourceRepository:{{sourceControlType:string,repositoryUrl:string,branch:string{}}},\
         sourceTriggerEvents:[string],status:string,name:string}}],\
         baseImageTrigger:{{baseImageTriggerType:string,{}updateTriggerPayloadType:string,status:string,name:string}}}},\
         credentials:{{sourceRegistry:{{identity:string,loginMode:string}},customRegistries:{registries}}},logTemplate:string,\
         isSystemTask:boolean}},id:string,name:string,location:string,tags:{{team:string}},{SYSTEM}}}",
        only(",contextAccessToken:string"),
        only(",sourceControlAuthProperties:{tokenType:string,token:string,refreshToken:string}"),
        only("updateTriggerEndpoint:string,"),
    )
}

#[tokio::test]
async fn every_answer_as_recorded() {
    let lab = Lab::new().await;
    let task = lab.task("build-app");
    let details = lab.task("build-app/listDetails");
    let all = lab.task("").replace("/tasks/?", "/tasks?");
    let (masked, open) = (docker_shape(false), docker_shape(true));
    for (method, url, body, status, shape) in [
        (
            "GET",
            &task,
            None,
            404,
            "{error:{code:string,message:string}}".to_string(),
        ),
        (
            "POST",
            &details,
            None,
            404,
            "{error:{code:string,message:string}}".into(),
        ),
        ("GET", &all, None, 200, "{value:[]}".into()),
        ("PUT", &task, Some(DOCKER), 200, masked.clone()),
        ("PUT", &task, Some(DOCKER), 200, masked.clone()),
        ("GET", &task, None, 200, masked.clone()),
        ("GET", &all, None, 200, format!("{{value:[{masked}]}}")),
        ("POST", &details, None, 200, open),
        (
            "PATCH",
            &task,
            Some(r#"{"properties":{"timeout":600}}"#),
            200,
            masked.clone(),
        ),
        ("PATCH", &task, Some("{}"), 200, masked),
        ("DELETE", &task, None, 200, String::new()),
        ("DELETE", &task, None, 204, String::new()),
        (
            "PATCH",
            &task,
            Some("{}"),
            404,
            "{error:{code:string,message:string}}".into(),
        ),
    ] {
        let reply = lab.call(method, url, body).await;
        assert_eq!(reply.status, status, "{method} {url}: {}", reply.text);
        let found = if reply.text.is_empty() {
            String::new()
        } else {
            shape_of(&reply.text)
        };
        assert_eq!(found, shape, "{method} {url}");
        let headers = [
            "azure-asyncoperation",
            "location",
            "retry-after",
            "api-supported-versions",
        ];
        assert!(
            headers.iter().all(|name| reply.header(name).is_none()),
            "{method} {url}"
        );
        let kind = reply.header("content-type");
        let wanted = (!reply.text.is_empty()).then_some("application/json; charset=utf-8");
        assert_eq!(kind, wanted, "{method} {url}");
        if !url.contains("listDetails") {
            assert!(!reply.text.contains("secret-"), "{method} {url}: {}", reply.text);
        }
    }
    let journal = serde_json::to_string(&lab.emulator.requests()).unwrap();
    assert!(
        journal.contains("build-app") && !journal.contains("secret-"),
        "{journal}"
    );
}

#[tokio::test]
async fn the_service_fills_in_and_echoes() {
    let lab = Lab::new().await;
    let body = r#"{"location":"East US","properties":{"platform":{"os":"LINUX"},"trigger":{},"credentials":{},
        "step":{"type":"EncodedTask","encodedTaskContent":"dmVyc2lvbjogdjEuMS4w"}}}"#;
    let made = lab.put_task("Small_Task", body).await.json();
    let expected = json!({"provisioningState": "Succeeded", "creationDate": made["properties"]["creationDate"],
        "status": "Enabled", "platform": {"os": "LINUX", "architecture": "amd64"}, "agentConfiguration": {"cpu": 2},
        "timeout": 3600, "isSystemTask": false,
        "step": {"type": "EncodedTask", "encodedTaskContent": "dmVyc2lvbjogdjEuMS4w", "values": []}});
    assert_eq!(made["properties"], expected);
    assert!(made["properties"]["creationDate"].as_str().unwrap().ends_with("+00:00"));
    assert_eq!(
        (&made["name"], &made["location"]),
        (&"Small_Task".into(), &"eastus".into())
    );
    assert_eq!(made.get("tags"), None);
    lab.emulator.advance(std::time::Duration::from_secs(60));
    // The name that was sent first stays, and so do the dates of the creation.
    let again = lab.put_task("small_task", &body.replace("LINUX", "linux")).await.json();
    assert_eq!(again["name"], "Small_Task");
    assert_eq!(again["properties"]["creationDate"], made["properties"]["creationDate"]);
    assert_eq!(again["systemData"]["createdAt"], made["systemData"]["createdAt"]);
    assert_ne!(
        again["systemData"]["lastModifiedAt"],
        made["systemData"]["lastModifiedAt"]
    );
    lab.put_task("another", body).await;
    let list = lab.get(&lab.task("").replace("/tasks/?", "/tasks?")).await.json();
    let names: Vec<&Value> = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| &task["name"])
        .collect();
    assert_eq!(names, ["Small_Task", "another"], "oldest first");
    let resources = format!("{}/resources?api-version=2022-09-01", lab.group());
    let resources = lab.get(&resources).await.text;
    assert!(resources.contains("contosobuilds/Small_Task"), "{resources}");
}

#[tokio::test]
async fn a_put_leaves_only_what_was_sent() {
    for (switch, kept) in [
        (OmittedSecrets::Wiped, vec![]),
        (OmittedSecrets::Kept, SECRETS.to_vec()),
    ] {
        let lab = Lab::with(|options| options.seed.assumptions.put_omitted_secrets = switch).await;
        lab.put_task("build-app", DOCKER).await;
        // A client that sends back what it read.
        let mut read = lab.get(&lab.task("build-app")).await.json();
        let text = lab.put_task("build-app", &read.to_string()).await.text;
        assert!(!text.contains("secret-"), "{text}");
        assert_eq!(lab.kept("build-app"), kept, "{switch:?}");
        let open = lab.call("POST", &lab.task("build-app/listDetails"), None).await.text;
        assert_eq!(open.matches("secret-").count(), kept.len(), "{switch:?}");
        // Whatever has no place any more takes its secrets along.
        for member in [
            "/properties/trigger",
            "/properties/credentials",
            "/properties/logTemplate",
            "/tags",
            "/identity",
        ] {
            let (parent, name) = member.rsplit_once('/').unwrap();
            let parent = if parent.is_empty() {
                Some(&mut read)
            } else {
                read.pointer_mut(parent)
            };
            parent.unwrap().as_object_mut().unwrap().remove(name);
        }
        let bare = lab.put_task("build-app", &read.to_string()).await;
        for member in ["trigger", "credentials", "logTemplate", "tags\":{", "identity"] {
            assert!(!bare.text.contains(&format!("\"{member}")), "{member}: {}", bare.text);
        }
        let left: Vec<&str> = kept.into_iter().take(2).collect();
        assert_eq!(lab.kept("build-app"), left, "{switch:?}");
    }
}

#[tokio::test]
async fn a_patch_takes_nothing_away() {
    let lab = Lab::new().await;
    lab.put_task("build-app", DOCKER).await;
    for change in [
        r#"{"tags":{"team":"ops"}}"#,
        r#"{"properties":{"status":"Disabled"}}"#,
        r#"{"properties":{"timeout":900,"logTemplate":null,"trigger":null,"credentials":null,"step":null}}"#,
        r#"{"properties":{"step":{"type":"Docker","noCache":true}}}"#,
        r#"{"properties":{"trigger":{"timerTriggers":[{"name":"hourly","schedule":"0 * * * *"}]}}}"#,
        r#"{"properties":{"trigger":{"timerTriggers":[],"sourceTriggers":[{"name":"push","status":"Disabled"}]}}}"#,
        r#"{"properties":{"platform":{"os":null},"agentConfiguration":{},"credentials":{}}}"#,
        r#"{"identity":null}"#,
    ] {
        let reply = lab.call("PATCH", &lab.task("build-app"), Some(change)).await;
        assert_eq!(reply.status, 200, "{change}: {}", reply.text);
        assert_eq!(lab.kept("build-app"), SECRETS, "{change}");
    }
    let task = lab.get(&lab.task("build-app")).await.json();
    let properties = &task["properties"];
    for (pointer, expected) in [
        ("/status", json!("Disabled")),
        ("/timeout", json!(900)),
        ("/logTemplate", json!("acr/logs:{{.Run.ID}}")),
        ("/step/noCache", json!(true)),
        ("/trigger/timerTriggers/1/name", json!("hourly")),
        ("/trigger/sourceTriggers/0/status", json!("Disabled")),
        ("/trigger/baseImageTrigger/name", json!("base")),
    ] {
        assert_eq!(properties.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert_eq!(task["tags"], json!({"team": "ops"}));
    assert!(task["identity"]["principalId"].is_string());
    // The one thing that clients take away by a PATCH.
    let change = r#"{"properties":{"credentials":{"customRegistries":{"other.example":null}}}}"#;
    let reply = lab.call("PATCH", &lab.task("build-app"), Some(change)).await.json();
    assert_eq!(reply["properties"]["credentials"].get("customRegistries"), None);
    assert_eq!(lab.kept("build-app"), SECRETS[..5]);
}

#[tokio::test]
async fn a_patch_and_the_pool() {
    for (switch, expected) in [
        (PatchAgentPool::Kept, json!("pool-a")),
        (PatchAgentPool::Dropped, Value::Null),
    ] {
        let lab = Lab::with(|options| options.seed.assumptions.patch_agent_pool = switch).await;
        let body = DOCKER.replace(r#""agentConfiguration":{"cpu":2}"#, r#""agentPoolName":"pool-a""#);
        let made = lab.put_task("build-app", &body).await.json();
        assert_eq!(made["properties"]["agentPoolName"], "pool-a");
        assert_eq!(made["properties"].get("agentConfiguration"), None);
        let change = r#"{"properties":{"timeout":900}}"#;
        let reply = lab.call("PATCH", &lab.task("build-app"), Some(change)).await.json();
        assert_eq!(reply["properties"]["agentPoolName"], expected, "{switch:?}");
    }
}

#[tokio::test]
async fn older_versions_know_no_identity_of_the_source_registry() {
    let lab = Lab::new().await;
    lab.put_task("build-app", DOCKER).await;
    let (new, old) = (lab.task("build-app"), lab.task("build-app").replace(POOLS, OLD));
    let source = |task: Value| task["properties"]["credentials"]["sourceRegistry"].clone();
    assert_eq!(source(lab.get(&old).await.json()), json!({"loginMode": "Default"}));
    lab.call("PATCH", &old, Some(r#"{"properties":{"timeout":600}}"#)).await;
    assert_eq!(
        source(lab.get(&new).await.json())["identity"],
        "[system]",
        "an old PATCH leaves it"
    );
    lab.call("PUT", &old, Some(DOCKER)).await;
    assert_eq!(
        source(lab.get(&new).await.json()),
        json!({"loginMode": "Default"}),
        "an old PUT takes it"
    );
}

#[tokio::test]
async fn behind_arms_back() {
    let lab = Lab::new().await;
    lab.put_task("build-app", DOCKER).await;
    let id = format!("{}/tasks/build-app", lab.registry());
    for (name, value, good) in [
        ("timeout", json!(1200), true),
        ("agentPoolName", json!("pool-b"), true),
        ("logTemplate", Value::Null, true),
        ("tags", Value::Null, true),
        ("timeout", json!("long"), false),
        ("colour", json!("red"), false),
    ] {
        assert_eq!(
            lab.emulator.mutate(&id, Mutation::set(name, value)).is_ok(),
            good,
            "{name}"
        );
    }
    let task = lab.get(&lab.task("build-app")).await.json();
    assert_eq!(task["properties"]["timeout"], 1200);
    assert_eq!(task["properties"]["agentPoolName"], "pool-b");
    assert_eq!((task.get("tags"), task["properties"].get("logTemplate")), (None, None));
    assert_eq!(lab.kept("build-app"), SECRETS);
    lab.emulator.mutate(&id, Mutation::delete()).unwrap();
    assert_eq!(lab.get(&lab.task("build-app")).await.code(), "ResourceNotFound");
    assert_eq!(lab.emulator.task_secrets(&id), None);
}

#[tokio::test]
async fn tasks_die_with_their_registry() {
    let lab = Lab::new().await;
    lab.put_task("build-app", DOCKER).await;
    let registry = format!("{}?api-version=2023-07-01", lab.registry());
    assert_eq!(lab.call("DELETE", &registry, None).await.status, 200);
    assert!(lab.emulator.live_ids().iter().all(|id| !id.contains("/tasks/")));
    for (method, code) in [("GET", "ResourceNotFound"), ("PUT", "ParentResourceNotFound")] {
        let reply = lab.call(method, &lab.task("build-app"), Some(DOCKER)).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, code), "{method}");
    }
}

#[tokio::test]
async fn secrets_need_more_than_reading() {
    let lab = Lab::new().await;
    lab.put_task("build-app", DOCKER).await;
    let token = lab
        .token_of("ACR_EMULATOR_READER_CLIENT_ID", "ACR_EMULATOR_READER_CLIENT_SECRET")
        .await;
    for (method, url, status) in [
        ("GET", lab.task("build-app"), 200),
        ("POST", lab.task("build-app/listDetails"), 403),
        ("PUT", lab.task("build-app"), 403),
        ("PATCH", lab.task("build-app"), 403),
        ("DELETE", lab.task("build-app"), 403),
    ] {
        let reply = lab.send(method, &url, &token, Some("{}")).await.unwrap();
        assert_eq!(reply.status, status, "{method} {}", reply.text);
    }
}

#[tokio::test]
async fn a_build_tells_what_it_is_based_on() {
    let step = json!({"step": {"type": "Docker", "dockerFilePath": "Dockerfile", "imageNames": ["app:v1"],
                               "contextPath": "https://github.com/contoso/app"}});
    let lab = Lab::with(|options| {
        options.seed.tasks = vec![SeedTask {
            registry: "contosobuilds".into(),
            name: "build-app".into(),
            properties: step.as_object().unwrap().clone(),
            ..SeedTask::default()
        }];
        options.seed.runs = vec![SeedRun {
            registry: "contosobuilds".into(),
            run_id: "cf1".into(),
            status: "Failed".into(),
            task: Some("build-app".into()),
            ..SeedRun::default()
        }];
    })
    .await;
    let url = lab.task("build-app");
    let before = lab.get(&url).await.text;
    assert!(!before.contains("baseImageDependencies"), "{before}");
    let run = format!("{}/runs/cf1", lab.registry());
    lab.emulator.mutate(&run, Mutation::set("status", "Succeeded")).unwrap();
    let after = lab.get(&url).await;
    let found = &after.json()["properties"]["step"]["baseImageDependencies"][0];
    assert_eq!(found["type"], "Runtime", "not as the specification spells it");
    assert_eq!(shape_of(&found.to_string()).matches(":string").count(), 5, "{found}");
    // A client that sends back what it read changes nothing.
    assert_eq!(lab.put_task("build-app", &after.text).await.status, 200);
    assert_eq!(lab.get(&url).await.json()["properties"], after.json()["properties"]);
}
