//! Timers that fire on the emulator's clock, and what their runs leave behind.

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Mutation, SeedTask};

use super::lab::{Lab, POOLS};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn task(pool: Option<&str>, timers: Value) -> String {
    let mut body = json!({"location": "eastus", "properties": {
        "platform": {"os": "linux"},
        "step": {"type": "EncodedTask", "encodedTaskContent": "dmVyc2lvbjogdjEuMS4wCnN0ZXBzOgogIC0gY21kOiBiYXNoIGVjaG8gaGVsbG8K"},
        "trigger": {"timerTriggers": timers}}});
    if let Some(pool) = pool {
        body["properties"]["agentPoolName"] = pool.into();
    }
    body.to_string()
}

impl Lab {
    /// The properties of the runs that a query finds, oldest first.
    async fn runs(&self, query: &str) -> Vec<Value> {
        let url = format!("{}/runs?api-version={POOLS}&$top=1000{query}", self.registry());
        let list = self.get(&url).await.json();
        let runs = list["value"].as_array().unwrap().iter();
        runs.rev().map(|run| run["properties"].clone()).collect()
    }

    /// Minute and hour at which the runs of a task began to wait.
    async fn fired(&self, task: &str) -> Vec<String> {
        let runs = self.runs(&format!("&$filter=TaskName%20eq%20'{task}'")).await;
        let time = |run: &Value| run["createTime"].as_str().unwrap()[11..16].to_string();
        runs.iter().map(time).collect()
    }

    /// Advances the clock to the next full hour of a day.
    async fn wait_for_hour(&self, hour: u64) {
        let now = self.control("GET", "clock", None).await.json()["now"]
            .as_str()
            .unwrap()
            .to_string();
        let part = |at: usize| now[at..at + 2].parse::<u64>().unwrap();
        let passed = part(11) * 3600 + part(14) * 60 + part(17);
        self.emulator.advance(Duration::from_secs((hour + 24) * 3600 - passed));
    }
}

#[tokio::test]
async fn each_occurrence_starts_one_run_on_the_pool() {
    let lab = Lab::new().await;
    lab.have_pool("pool-a", r#"{"tier":"S1"}"#).await;
    lab.wait_for_hour(8).await;
    let timers = json!([{"name": "often", "schedule": "*/20 * * * *"}, {"name": "hourly", "schedule": "0 * * * *"}]);
    assert_eq!(
        lab.put_task("build-app", &task(Some("pool-a"), timers)).await.status,
        200
    );
    let minute_by_minute = lab
        .put_task("slow-app", &task(None, json!([{"name": "x", "schedule": "5 9 * * *"}])))
        .await;
    assert_eq!(minute_by_minute.status, 200);
    lab.emulator.advance(19 * MINUTE);
    // One jump over several occurrences, of which two fall into the same minute.
    lab.emulator.advance(HOUR);
    assert_eq!(lab.fired("build-app").await, ["08:20", "08:40", "09:00", "09:00"]);
    assert_eq!(lab.fired("build-app").await.len(), 4, "looking fires nothing");
    assert_eq!(lab.fired("slow-app").await, ["09:05"]);
    let runs = lab.runs("&$filter=AgentPoolName%20eq%20'pool-a'").await;
    let timers: Vec<&Value> = runs
        .iter()
        .map(|run| &run["timerTrigger"]["timerTriggerName"])
        .collect();
    assert_eq!(timers, ["often", "often", "often", "hourly"]);
    let states: Vec<&Value> = runs.iter().map(|run| &run["status"]).collect();
    assert_eq!(
        states, ["Succeeded"; 4],
        "on an instance of the pool, one after the other"
    );
    for run in &runs {
        // The run began to wait at the occurrence, to the second.
        let occurrence = run["timerTrigger"]["scheduleOccurrence"].as_str().unwrap();
        assert_eq!(occurrence[..19], run["createTime"].as_str().unwrap()[..19]);
        assert_eq!(
            (&run["task"], &run["agentPoolName"]),
            (&json!("build-app"), &json!("pool-a"))
        );
    }
    assert!(
        lab.runs("&$filter=TaskName%20eq%20'slow-app'").await[0]
            .get("agentPoolName")
            .is_none()
    );
}

#[tokio::test]
async fn what_is_disabled_or_gone_does_not_fire() {
    let lab = Lab::new().await;
    lab.wait_for_hour(8).await;
    let often = |status: &str| json!([{"name": "often", "schedule": "*/30 * * * *", "status": status}]);
    lab.put_task("build-app", &task(None, often("Disabled"))).await;
    lab.emulator.advance(HOUR);
    assert_eq!(lab.fired("build-app").await.len(), 0, "the trigger is disabled");
    let change = r#"{"properties":{"trigger":{"timerTriggers":[{"name":"often","status":"Enabled"}]}}}"#;
    lab.call("PATCH", &lab.task("build-app"), Some(change)).await;
    assert_eq!(lab.fired("build-app").await.len(), 0, "what was missed is missed");
    lab.emulator.advance(HOUR);
    assert_eq!(lab.fired("build-app").await, ["09:30", "10:00"]);
    lab.call(
        "PATCH",
        &lab.task("build-app"),
        Some(r#"{"properties":{"status":"Disabled"}}"#),
    )
    .await;
    lab.emulator.advance(HOUR);
    assert_eq!(lab.fired("build-app").await.len(), 2, "the task is disabled");
    lab.put_task("build-app", &task(None, often("Enabled"))).await;
    let id = format!("{}/tasks/build-app", lab.registry());
    lab.emulator.advance(HOUR / 2);
    assert_eq!(lab.fired("build-app").await.len(), 3);
    lab.emulator.mutate(&id, Mutation::set("trigger", Value::Null)).unwrap();
    lab.emulator.advance(HOUR);
    assert_eq!(lab.fired("build-app").await.len(), 3, "the trigger is gone");
    lab.put_task("build-app", &task(None, often("Enabled"))).await;
    lab.call("DELETE", &lab.task("build-app"), None).await;
    lab.emulator.advance(HOUR);
    assert_eq!(lab.fired("build-app").await.len(), 3, "the task is gone");
}

#[tokio::test]
async fn the_seed_may_have_timers_and_secrets() {
    let lab = Lab::with(|options| {
        let properties = json!({
            "timeout": 600,
            "step": {"type": "FileTask", "taskFilePath": "acb.yaml", "contextPath": "https://github.com/contoso/app",
                     "contextAccessToken": "secret-context"},
            "trigger": {"timerTriggers": [{"name": "often", "schedule": "*/10 * * * *"}]}});
        options.seed.tasks = vec![SeedTask {
            registry: "contosobuilds".into(),
            name: "build-app".into(),
            properties: properties.as_object().unwrap().clone(),
            ..SeedTask::default()
        }];
    })
    .await;
    let text = lab.get(&lab.task("build-app")).await.text;
    assert!(
        text.contains(r#""timeout":600"#) && !text.contains("secret-context"),
        "{text}"
    );
    let id = format!("{}/tasks/BUILD-APP", lab.registry());
    assert!(
        lab.emulator
            .task_secrets(&id)
            .unwrap()
            .to_string()
            .contains("secret-context")
    );
    lab.emulator.advance(HOUR);
    assert_eq!(lab.fired("build-app").await.len(), 6);
}

#[tokio::test]
async fn a_jump_of_years_is_bounded() {
    let lab = Lab::new().await;
    let timers = json!([{"name": "minute", "schedule": "* * * * *"}, {"name": "never", "schedule": "0 0 31 2 *"}]);
    lab.put_task("build-app", &task(None, timers)).await;
    lab.emulator.advance(20 * 365 * 24 * HOUR);
    let runs = lab
        .emulator
        .live_ids()
        .iter()
        .filter(|id| id.contains("/runs/"))
        .count();
    assert_eq!(runs, 24 * 60);
    lab.emulator.advance(MINUTE);
    let runs = lab
        .emulator
        .live_ids()
        .iter()
        .filter(|id| id.contains("/runs/"))
        .count();
    assert_eq!(runs, 24 * 60 + 1);
}
