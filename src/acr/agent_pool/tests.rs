//! Agent pools against a scripted wire: bodies, ids and the ends of operations.

use serde_json::json;

use super::*;
use crate::azure::fake::{FakeHttp, call, reply};

const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/Builds01";

fn id() -> AgentPoolId {
    AgentPoolId::parse(&format!("{REGISTRY}/agentPools/linux-1")).unwrap()
}

fn body(state: &str, count: i64) -> String {
    json!({
        "type": "Microsoft.ContainerRegistry/registries/agentPools",
        "properties": { "count": count, "tier": "S2", "os": "Linux", "provisioningState": state, "later": true },
        "id": id().to_string(), "name": "linux-1", "location": "westeurope", "systemData": {}
    })
    .to_string()
}

#[test]
fn ids_in_any_casing() {
    let id = AgentPoolId::parse(&format!(
        "{}/agentpools/linux-1",
        REGISTRY.replace("registries", "Registries")
    ))
    .unwrap();
    assert_eq!(id.to_string(), format!("{REGISTRY}/agentPools/linux-1"));
    assert_eq!(id.registry().to_string(), REGISTRY);
    assert_eq!(
        id.human(),
        "agent pool \"linux-1\" (registry \"Builds01\", resource group \"rg\")"
    );
    assert_eq!(id, AgentPoolId::parse(&id.to_string().to_lowercase()).unwrap());
}

#[test]
fn errors_say_what_is_wrong() {
    let cases = [
        (REGISTRY.to_string(), "an agent pool id ends with /agentPools/<name>"),
        (
            format!("{REGISTRY}/tasks/build"),
            "this is the id of a Microsoft.ContainerRegistry/registries/tasks",
        ),
        (format!("{REGISTRY}/agentPools/p1"), "3 to 20 letters"),
        (format!("{REGISTRY}/agentPools/pool_1"), "3 to 20 letters"),
        (format!("{REGISTRY}/agentPools/{}", "p".repeat(21)), "3 to 20 letters"),
    ];
    for (text, want) in cases {
        let error = AgentPoolId::parse(&text).unwrap_err().to_string();
        assert!(error.contains(want), "{text}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn create_sends_what_the_service_wants_and_waits() {
    let subnet = REGISTRY.replace(
        "Microsoft.ContainerRegistry/registries/Builds01",
        "Microsoft.Network/virtualNetworks/v/subnets/s",
    );
    let http = FakeHttp::with([
        reply(201, &body("Creating", 2)).header("azure-asyncoperation", "https://arm.example/op?s=1"),
        reply(200, r#"{"status":"Succeeded"}"#),
        reply(200, &body("Succeeded", 2)),
    ]);
    let (client, call) = (http.client(), call(600));
    let new = NewAgentPool {
        location: "westeurope".into(),
        tier: "S2".into(),
        count: 2,
        subnet_id: Some(subnet.parse().unwrap()),
    };
    let accepted = create(&client, &call, &id(), &new).await.unwrap();
    assert_eq!(
        accepted.pool().unwrap().properties.provisioning_state.as_deref(),
        Some("Creating")
    );
    let pool = wait_written(&client, &call, &accepted, None).await.unwrap();
    assert_eq!((pool.properties.count, pool.has_failed()), (Some(2), false));
    let sent: Value = serde_json::from_str(&http.asked()[0].body).unwrap();
    let want = json!({ "location": "westeurope", "properties":
        { "count": 2, "tier": "S2", "os": "Linux", "virtualNetworkSubnetResourceId": subnet } });
    assert_eq!(sent, want);
}

#[tokio::test(start_paused = true)]
async fn scale_sends_only_the_count() {
    let http = FakeHttp::with([reply(201, &body("Updating", 3)), reply(200, &body("Succeeded", 3))]);
    let (client, call) = (http.client(), call(600));
    let accepted = scale(&client, &call, &id(), 3).await.unwrap();
    wait_written(&client, &call, &accepted, None).await.unwrap();
    let asked = &http.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.body.as_str()),
        ("PATCH", r#"{"properties":{"count":3}}"#)
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_what_is_gone_is_success_but_not_every_404_is() {
    let error = |code: &str| reply(404, &json!({ "error": { "code": code, "message": "m" } }).to_string());
    let http = FakeHttp::with([error("ResourceNotFound")]);
    assert!(delete(&http.client(), &call(60), &id()).await.unwrap().is_none());
    let http = FakeHttp::with([error("SubscriptionNotFound")]);
    assert!(delete(&http.client(), &call(60), &id()).await.is_err());
    let http = FakeHttp::with([reply(204, ""), error("ResourceNotFound")]);
    let (client, call) = (http.client(), call(60));
    let accepted = delete(&client, &call, &id()).await.unwrap().unwrap();
    wait_deleted(&client, &call, &accepted, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_queue_and_the_list_are_read() {
    let http = FakeHttp::with([
        reply(200, r#"{"count":4}"#),
        reply(200, &format!(r#"{{"value":[{}]}}"#, body("Failed", 1))),
    ]);
    let client = http.client();
    assert_eq!(queue_status(&client, &call(60), &id()).await.unwrap(), 4);
    let pools = list(&client, &call(60), id().registry()).await.unwrap();
    assert!(pools[0].has_failed());
    assert_eq!(
        http.lines(),
        [
            format!("POST {}/listQueueStatus", id()),
            format!("GET {REGISTRY}/agentPools")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_somebody_else_creates_is_waited_for() {
    let http = FakeHttp::with([
        reply(200, &body("Creating", 1)),
        reply(200, &body("Creating", 1)),
        reply(200, &body("Succeeded", 1)),
    ]);
    let pool = wait_settled(&http.client(), &call(600), &id(), None).await.unwrap();
    assert_eq!(pool.properties.provisioning_state.as_deref(), Some("Succeeded"));
}

/// Handlers run in spawned tasks: every future here must be `Send`.
#[test]
fn futures_can_be_spawned() {
    fn spawnable(_: impl Future + Send) {}
    let (client, call, id) = (FakeHttp::new().client(), call(1), id());
    let new = NewAgentPool {
        location: String::new(),
        tier: String::new(),
        count: 1,
        subnet_id: None,
    };
    spawnable(create(&client, &call, &id, &new));
    spawnable(wait_settled(&client, &call, &id, None));
    spawnable(list(&client, &call, id.registry()));
}
