//! Pools in subnets that the seed declares dead, on the driven clock.

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{DeadSubnet, Mutation, Options, SeedPool, SeedRun};

use super::lab::{Lab, NETWORKS, POOLS, PROVISIONING};

/// How long it takes until a dead subnet shows, in these tests.
const DELAY: Duration = Duration::from_secs(900);

fn dead(options: &mut Options) {
    options.seed.virtual_networks[0].subnets[0].dead = true;
    options.seed.dead_subnet_seconds = DELAY.as_secs();
}

fn in_subnet(lab: &Lab, count: i64) -> String {
    let subnet = lab.subnet();
    format!(r#"{{"tier":"S1","count":{count},"virtualNetworkSubnetResourceId":"{subnet}"}}"#)
}

fn queued(pool: &str) -> SeedRun {
    SeedRun {
        registry: "contosobuilds".into(),
        run_id: "cf1".into(),
        status: "Queued".into(),
        agent_pool_name: Some(pool.into()),
        ..SeedRun::default()
    }
}

async fn run(lab: &Lab) -> Value {
    let url = format!("{}/runs/cf1?api-version={POOLS}", lab.registry());
    lab.get(&url).await.json()["properties"].clone()
}

#[tokio::test]
async fn creation_succeeds_runs_stay_queued_and_the_pool_fails_later() {
    let lab = Lab::with(|options| {
        dead(options);
        options.seed.runs = vec![queued("pool-a")];
    })
    .await;
    let poll = lab
        .put_pool("pool-a", &in_subnet(&lab, 1))
        .await
        .header("azure-asyncoperation")
        .unwrap()
        .to_string();
    lab.emulator.advance(PROVISIONING);
    assert_eq!(lab.get(&poll).await.text, r#"{"status":"Succeeded"}"#);
    for (step, state) in [
        (Duration::ZERO, "Succeeded"),
        (DELAY - Duration::from_secs(1), "Succeeded"),
        (Duration::from_secs(1), "Failed"),
    ] {
        lab.emulator.advance(step);
        assert_eq!(lab.state_of("pool-a").await, state);
        let run = run(&lab).await;
        assert_eq!((&run["status"], run.get("startTime")), (&json!("Queued"), None));
        let queue = lab.call("POST", &lab.pool("pool-a/listQueueStatus"), None).await;
        assert_eq!(queue.text, r#"{"count":1}"#);
    }
    let scaled = lab
        .call("PATCH", &lab.pool("pool-a"), Some(r#"{"properties":{"count":2}}"#))
        .await;
    assert_eq!((scaled.status, scaled.code().as_str()), (409, "RegistryStatusConflict"));
    assert_eq!(lab.call("DELETE", &lab.pool("pool-a"), None).await.status, 202);
    lab.emulator.advance(PROVISIONING);
    assert_eq!(lab.get(&lab.pool("pool-a")).await.status, 404);
}

#[tokio::test]
async fn one_jump_over_everything_and_a_pool_of_the_seed() {
    let lab = Lab::with(|options| {
        dead(options);
        options.seed.agent_pools = vec![SeedPool {
            registry: "contosobuilds".into(),
            name: "seeded".into(),
            tier: "S1".into(),
            count: 1,
            subnet_id: Some(format!(
                "/subscriptions/{}/resourceGroups/rg-builds/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets/snet-agents",
                options.seed.subscription_id
            )),
            provisioning_state: "Succeeded".into(),
        }];
    })
    .await;
    lab.put_pool("pool-a", &in_subnet(&lab, 1)).await;
    lab.emulator.advance(DELAY);
    assert_eq!(lab.state_of("seeded").await, "Failed");
    assert_eq!(lab.state_of("pool-a").await, "Succeeded");
    lab.emulator.advance(PROVISIONING);
    assert_eq!(lab.state_of("pool-a").await, "Failed");
    lab.put_pool("pool-b", &in_subnet(&lab, 1)).await;
    lab.emulator.advance(PROVISIONING + DELAY);
    assert_eq!(lab.state_of("pool-b").await, "Failed");
}

#[tokio::test]
async fn what_does_not_fail() {
    let lab = Lab::with(dead).await;
    let other = lab.subnet().replace("snet-agents", "snet-alive");
    let body = json!({"properties": {"addressPrefix": "10.40.2.0/24"}}).to_string();
    lab.call("PUT", &format!("{other}?api-version={NETWORKS}"), Some(&body))
        .await;
    lab.put_pool("pool-alive", &in_subnet(&lab, 1).replace("snet-agents", "snet-alive"))
        .await;
    lab.put_pool("pool-open", r#"{"tier":"S1"}"#).await;
    lab.put_pool("pool-empty", &in_subnet(&lab, 0)).await;
    lab.emulator.advance(PROVISIONING + DELAY + DELAY);
    for name in ["pool-alive", "pool-open", "pool-empty"] {
        assert_eq!(lab.state_of(name).await, "Succeeded", "{name}");
    }
    // With an instance the empty one has something to lose.
    let patch = Some(r#"{"properties":{"count":1}}"#);
    assert_eq!(lab.call("PATCH", &lab.pool("pool-empty"), patch).await.status, 201);
    lab.emulator.advance(PROVISIONING + DELAY);
    assert_eq!(lab.state_of("pool-empty").await, "Failed");
}

#[tokio::test]
async fn a_write_to_the_subnet_does_not_bring_it_to_life_but_a_declaration_does() {
    let lab = Lab::with(dead).await;
    let url = format!("{}?api-version={NETWORKS}", lab.subnet());
    let body = json!({"properties": {"addressPrefix": "10.40.1.0/24"}}).to_string();
    assert_eq!(lab.call("PUT", &url, Some(&body)).await.status, 200);
    let state = lab.control("GET", "state", None).await.json();
    assert_eq!(
        state["value"][lab.subnet()],
        json!({"ipConfigurations": 0, "dead": true})
    );
    assert_eq!(
        lab.get(&url).await.json()["properties"].get("dead"),
        None,
        "ARM never says so"
    );
    lab.have_pool("pool-a", &in_subnet(&lab, 1)).await;
    lab.emulator
        .mutate(&lab.subnet(), Mutation::set("dead", false))
        .unwrap();
    lab.emulator.advance(DELAY);
    assert_eq!(lab.state_of("pool-a").await, "Succeeded");
    lab.emulator.mutate(&lab.subnet(), Mutation::set("dead", true)).unwrap();
    assert_eq!(lab.state_of("pool-a").await, "Succeeded");
    lab.emulator.advance(DELAY);
    assert_eq!(lab.state_of("pool-a").await, "Failed");
}

#[tokio::test]
async fn with_the_switch_the_creation_itself_times_out() {
    let lab = Lab::with(|options| {
        dead(options);
        options.seed.assumptions.dead_subnet = DeadSubnet::CreateFails;
    })
    .await;
    let created = lab.put_pool("pool-a", &in_subnet(&lab, 1)).await;
    let poll = created.header("azure-asyncoperation").unwrap().to_string();
    lab.emulator.advance(DELAY - Duration::from_secs(1));
    assert_eq!(lab.get(&poll).await.text, r#"{"status":"Creating"}"#);
    lab.emulator.advance(Duration::from_secs(1));
    let done = lab.get(&poll).await.json();
    assert_eq!(
        (&done["status"], &done["error"]["code"]),
        (&json!("Failed"), &json!("OperationTimedOut"))
    );
    assert_eq!(lab.state_of("pool-a").await, "Failed");
    lab.have_pool("pool-open", r#"{"tier":"S1"}"#).await;
    assert_eq!(lab.state_of("pool-open").await, "Succeeded");
}
