//! Runs on pools: who waits, who runs, and why.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{LostPool, Mutation, SeedRun, SeedTask};

use super::lab::{Lab, PROVISIONING};
use super::runs_lab::{PICK_UP, RUN, command, lab};

fn on_pool(line: &str) -> Value {
    let mut request = command(line);
    request["agentPoolName"] = "pool-a".into();
    request
}

async fn queued(lab: &Lab) -> i64 {
    let reply = lab.call("POST", &lab.pool("pool-a/listQueueStatus"), None).await;
    reply.json()["count"].as_i64().unwrap()
}

async fn statuses(lab: &Lab, ids: &[String]) -> Vec<String> {
    let mut statuses = Vec::new();
    for id in ids {
        statuses.push(lab.run_status(id).await);
    }
    statuses
}

#[tokio::test]
async fn one_run_per_instance_first_come_first_served() {
    let lab = lab().await;
    lab.have_pool("pool-a", r#"{"tier":"S1","count":2}"#).await;
    let mut ids = Vec::new();
    for line in ["a", "b", "c", "d", "e"] {
        ids.push(lab.scheduled(&on_pool(&format!("bash echo {line}"))).await);
    }
    assert_eq!(queued(&lab).await, 5);
    lab.emulator.advance(PICK_UP * 2);
    let (q, r, s) = ("Queued", "Running", "Succeeded");
    assert_eq!(statuses(&lab, &ids).await, [r, r, q, q, q]);
    assert_eq!(queued(&lab).await, 3);
    assert_eq!(lab.run(&ids[0]).await["agentPoolName"], "pool-a");
    lab.emulator.advance(RUN);
    assert_eq!(statuses(&lab, &ids).await, [s, s, r, r, q]);
    // A jump past everything leaves the times as they would have been.
    lab.emulator.advance(RUN * 100);
    assert_eq!(statuses(&lab, &ids).await, [s; 5]);
    let third = lab.run(&ids[2]).await["finishTime"].clone();
    assert_eq!(lab.run(&ids[4]).await["startTime"], third);
    assert_eq!(queued(&lab).await, 0);
}

#[tokio::test]
async fn what_runs_wait_for() {
    for (properties, change, starts) in [
        (r#"{"tier":"S1","count":0}"#, Mutation::set("count", 1), true),
        (
            r#"{"tier":"S1","count":1}"#,
            Mutation::set("provisioningState", "Failed"),
            false,
        ),
        (
            r#"{"tier":"S1","count":1}"#,
            Mutation::set("provisioningState", "Updating"),
            false,
        ),
    ] {
        let lab = lab().await;
        lab.have_pool("pool-a", properties).await;
        let waits_now = properties.contains("\"count\":0");
        if !waits_now {
            lab.emulator
                .mutate(&format!("{}/agentPools/pool-a", lab.registry()), change.clone())
                .unwrap();
        }
        let id = lab.scheduled(&on_pool("bash echo hello")).await;
        lab.run_through();
        assert_eq!((lab.run_status(&id).await.as_str(), queued(&lab).await), ("Queued", 1));
        if waits_now {
            lab.emulator
                .mutate(&format!("{}/agentPools/pool-a", lab.registry()), change.clone())
                .unwrap();
            lab.run_through();
        }
        assert_eq!(lab.run_status(&id).await == "Succeeded", starts, "{change:?}");
    }
}

#[tokio::test]
async fn a_run_waits_for_its_pool_to_be_scaled_and_starts_when_that_is_done() {
    let lab = lab().await;
    lab.have_pool("pool-a", r#"{"tier":"S1","count":0}"#).await;
    let id = lab.scheduled(&on_pool("bash echo hello")).await;
    let scale = lab
        .call("PATCH", &lab.pool("pool-a"), Some(r#"{"properties":{"count":1}}"#))
        .await;
    assert_eq!(scale.status, 201);
    lab.emulator.advance(PROVISIONING / 2);
    assert_eq!(lab.run_status(&id).await, "Queued");
    lab.emulator.advance(PROVISIONING + RUN);
    assert_eq!(lab.run_status(&id).await, "Succeeded");
}

#[tokio::test]
async fn runs_on_dead_subnets_stay_queued() {
    let lab = Lab::with(|options| {
        options.run_duration = RUN;
        options.seed.virtual_networks[0].subnets[0].dead = true;
    })
    .await;
    let subnet = lab.subnet();
    lab.have_pool(
        "pool-a",
        &format!(r#"{{"tier":"S1","count":1,"virtualNetworkSubnetResourceId":"{subnet}"}}"#),
    )
    .await;
    let id = lab.scheduled(&on_pool("bash echo hello")).await;
    for _ in 0..3 {
        lab.run_through();
        assert_eq!(lab.run_status(&id).await, "Queued");
    }
    lab.emulator.mutate(&subnet, Mutation::set("dead", false)).unwrap();
    lab.run_through();
    assert_eq!(lab.run_status(&id).await, "Succeeded");
}

#[tokio::test]
async fn runs_of_a_deleted_pool() {
    for (switch, expected) in [
        (LostPool::RunningFail, ["Error", "Queued"]),
        (LostPool::AllCanceled, ["Canceled", "Canceled"]),
    ] {
        let lab = Lab::with(|options| {
            options.run_duration = PROVISIONING * 2;
            options.seed.assumptions.lost_pool = switch;
        })
        .await;
        lab.have_pool("pool-a", r#"{"tier":"S1","count":1}"#).await;
        let ids = [
            lab.scheduled(&on_pool("bash echo a")).await,
            lab.scheduled(&on_pool("bash echo b")).await,
        ];
        lab.emulator.advance(PROVISIONING);
        assert_eq!(statuses(&lab, &ids).await, ["Running", "Queued"]);
        assert_eq!(lab.call("DELETE", &lab.pool("pool-a"), None).await.status, 202);
        assert_eq!(lab.run_status(&ids[0]).await, "Running");
        lab.emulator.advance(PROVISIONING);
        assert_eq!(statuses(&lab, &ids).await, expected);
    }
}

#[tokio::test]
async fn scaling_in_leaves_what_runs() {
    let lab = lab().await;
    lab.have_pool("pool-a", r#"{"tier":"S1","count":1}"#).await;
    let ids = [
        lab.scheduled(&on_pool("bash sleep 900")).await,
        lab.scheduled(&on_pool("bash echo b")).await,
    ];
    lab.emulator.advance(PICK_UP * 2);
    lab.call("PATCH", &lab.pool("pool-a"), Some(r#"{"properties":{"count":0}}"#))
        .await;
    lab.emulator.advance(PROVISIONING);
    assert_eq!(statuses(&lab, &ids).await, ["Running", "Queued"]);
    lab.emulator.advance(RUN * 100);
    assert_eq!(statuses(&lab, &ids).await, ["Succeeded", "Queued"]);
}

#[tokio::test]
async fn runs_of_the_seed_stay_and_occupy() {
    let lab = Lab::with(|options| {
        options.run_duration = RUN;
        options.seed.runs = vec![SeedRun {
            registry: "contosobuilds".into(),
            run_id: "cf7".into(),
            status: "Running".into(),
            agent_pool_name: Some("pool-a".into()),
            created_seconds_ago: Some(7200),
            started_seconds_ago: Some(3600),
            log: Some("still at it".into()),
            ..SeedRun::default()
        }];
    })
    .await;
    lab.have_pool("pool-a", r#"{"tier":"S1","count":1}"#).await;
    assert_eq!(lab.log("cf7").await.text, "still at it\r\n");
    let id = lab.scheduled(&on_pool("bash echo hello")).await;
    assert_eq!(id, "cf8");
    lab.run_through();
    assert_eq!(statuses(&lab, &["cf7".into(), id.clone()]).await, ["Running", "Queued"]);
    let seeded = format!("{}/runs/cf7", lab.registry());
    lab.emulator.mutate(&seeded, Mutation::set("status", "Failed")).unwrap();
    assert!(lab.run("cf7").await["finishTime"].is_string());
    lab.run_through();
    assert_eq!(lab.run_status(&id).await, "Succeeded");
    let live = lab.control("GET", "state", None).await.json();
    assert_eq!(
        live["value"][&format!("{}/runs/{id}", lab.registry())]["status"],
        "Succeeded"
    );
}

#[tokio::test]
async fn network_rules_keep_shared_agents_out() {
    for (properties, identity, pool, passes) in [
        (json!({}), false, false, true),
        (json!({"publicNetworkAccess": "Disabled"}), false, false, false),
        (json!({"networkRuleSet": {"defaultAction": "Deny"}}), true, false, false),
        (
            json!({"publicNetworkAccess": "Disabled", "networkRuleBypassAllowedForTasks": true}),
            true,
            false,
            true,
        ),
        (
            json!({"publicNetworkAccess": "Disabled", "networkRuleBypassAllowedForTasks": true}),
            false,
            false,
            false,
        ),
        (
            json!({"publicNetworkAccess": "Disabled", "networkRuleBypassAllowedForTasks": true, "networkRuleBypassOptions": "None"}),
            true,
            false,
            false,
        ),
        (json!({"publicNetworkAccess": "Disabled"}), false, true, true),
    ] {
        let lab = Lab::with(|options| {
            options.run_duration = RUN;
            options.seed.registries[0].properties = properties.as_object().unwrap().clone();
            options.seed.tasks = vec![SeedTask {
                registry: "contosobuilds".into(),
                name: "nightly".into(),
                agent_pool_name: pool.then(|| "pool-a".into()),
                ..SeedTask::default()
            }];
        })
        .await;
        lab.have_pool("pool-a", r#"{"tier":"S1","count":1}"#).await;
        if identity {
            let body = r#"{"identity":{"type":"SystemAssigned"}}"#;
            assert_eq!(
                lab.call("PATCH", &lab.below("tasks/nightly"), Some(body)).await.status,
                200
            );
        }
        let task = format!("{}/tasks/nightly", lab.registry());
        let id = lab.scheduled(&json!({"type": "TaskRunRequest", "taskId": task})).await;
        lab.run_through();
        let run = lab.run(&id).await;
        let message = "failed to get ACR refresh token, exchange API response code: 403 Forbidden";
        let expected = if passes {
            ("Succeeded", None)
        } else {
            ("Failed", Some(message))
        };
        assert_eq!(
            (run["status"].as_str().unwrap(), run["runErrorMessage"].as_str()),
            expected,
            "{properties}"
        );
    }
}

#[tokio::test]
async fn faults_decide_how_a_run_ends() {
    let lab = lab().await;
    for (action, status) in [
        (
            r#"{"fail_operation":{"code":"X","message":"the agent broke"}}"#,
            "Failed",
        ),
        (r#"{"hang_operation":true}"#, "Running"),
    ] {
        let fault = format!(r#"[{{"match":{{"path_ends":"/scheduleRun"}},"times":1,"action":{action}}}]"#);
        assert_eq!(lab.control("PUT", "faults", Some(&fault)).await.status, 200);
        let id = lab.scheduled(&command("bash echo hello")).await;
        lab.emulator.advance(RUN * 100);
        assert_eq!(lab.run_status(&id).await, status);
    }
    assert_eq!(lab.run("cf1").await["runErrorMessage"], "the agent broke");
}

#[tokio::test]
async fn a_timer_s_run_lands_on_the_pool() {
    let lab = Lab::with(|options| {
        options.run_duration = RUN;
        let trigger = json!({"timerTriggers": [{"name": "t1", "schedule": "0 * * * *", "status": "Enabled"}]});
        options.seed.tasks = vec![SeedTask {
            registry: "contosobuilds".into(),
            name: "hourly".into(),
            agent_pool_name: Some("pool-a".into()),
            properties: serde_json::Map::from_iter([("trigger".to_string(), trigger)]),
        }];
    })
    .await;
    lab.have_pool("pool-a", r#"{"tier":"S1","count":1}"#).await;
    lab.emulator
        .advance(std::time::Duration::from_secs(3600) + RUN + PICK_UP);
    let runs = lab.get(&lab.below("runs")).await.json()["value"].clone();
    let run = &runs.as_array().unwrap().last().unwrap()["properties"];
    assert_eq!(
        (&run["status"], &run["agentPoolName"]),
        (&json!("Succeeded"), &json!("pool-a"))
    );
    assert_eq!(
        (&run["task"], &run["timerTrigger"]["timerTriggerName"]),
        (&json!("hourly"), &json!("t1"))
    );
}
