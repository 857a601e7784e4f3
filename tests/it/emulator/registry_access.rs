//! What a registry says about who reaches it: set by a write, by the seed, from outside.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Mutation, Options, Seed, SeedPrivateEndpoint, SeedRegistry, start};

use super::lab::{Lab, PROVISIONING};
use super::shape::shape_of;

/// The newest version that shows every member here.
const VERSION: &str = "2026-01-01-preview";

async fn properties(lab: &Lab) -> Value {
    let url = format!("{}?api-version={VERSION}", lab.registry());
    lab.get(&url).await.json()["properties"].clone()
}

async fn put(lab: &Lab, sku: &str, properties: Value) -> (u16, Value) {
    let body = json!({"location": "eastus", "sku": {"name": sku}, "properties": properties}).to_string();
    let url = format!("{}?api-version={VERSION}", lab.registry());
    let reply = lab.call("PUT", &url, Some(&body)).await;
    lab.emulator.advance(PROVISIONING);
    (reply.status, reply.json())
}

fn closed(options: &mut Options) {
    let registry = SeedRegistry {
        properties: json!({"publicNetworkAccess": "Disabled", "networkRuleBypassOptions": "None",
            "networkRuleBypassAllowedForTasks": true, "networkRuleSet": {"defaultAction": "Deny"}})
        .as_object()
        .cloned()
        .unwrap(),
        private_endpoints: vec![SeedPrivateEndpoint {
            name: "builds".into(),
            private_endpoint_id: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/p"
                .into(),
            status: "Pending".into(),
        }],
        ..SeedRegistry::new("contosobuilds", "rg-builds")
    };
    options.seed.registries = vec![registry];
}

#[tokio::test]
async fn a_write_sets_them_and_another_takes_them_back() {
    let lab = Lab::new().await;
    let members = [
        ("publicNetworkAccess", json!("Enabled"), json!("Disabled")),
        ("networkRuleBypassOptions", json!("AzureServices"), json!("None")),
        ("networkRuleBypassAllowedForTasks", json!(false), json!(true)),
        (
            "networkRuleSet",
            json!({"defaultAction": "Allow", "ipRules": []}),
            json!({"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": "192.0.2.0/24"}]}),
        ),
    ];
    let before = properties(&lab).await;
    let sent: Value = members
        .iter()
        .map(|(name, _, set)| (name.to_string(), set.clone()))
        .collect();
    assert_eq!(put(&lab, "Premium", sent).await.0, 200);
    let set = properties(&lab).await;
    assert_eq!(put(&lab, "Premium", json!({})).await.0, 200);
    let after = properties(&lab).await;
    for (name, default, wanted) in &members {
        assert_eq!(
            (&before[name], &set[name], &after[name]),
            (default, wanted, default),
            "{name}"
        );
    }
}

#[tokio::test]
async fn only_premium_registries_close_their_doors() {
    let lab = Lab::new().await;
    for (sku, status) in [("Basic", 400), ("Standard", 400), ("Premium", 200)] {
        let (got, body) = put(&lab, sku, json!({"publicNetworkAccess": "Disabled"})).await;
        assert_eq!(got, status, "{sku}");
        if status == 400 {
            assert_eq!(body["error"]["code"], "DisablingPublicNetworkAccessNotSupported");
        }
    }
}

#[tokio::test]
async fn the_seed_sets_them_with_private_endpoints() {
    let lab = Lab::with(closed).await;
    let shown = properties(&lab).await;
    for (name, expected) in [
        ("publicNetworkAccess", json!("Disabled")),
        ("networkRuleBypassOptions", json!("None")),
        ("networkRuleBypassAllowedForTasks", json!(true)),
        ("networkRuleSet", json!({"defaultAction": "Deny", "ipRules": []})),
    ] {
        assert_eq!(shown[name], expected, "{name}");
    }
    let connections = &shown["privateEndpointConnections"];
    assert_eq!(
        shape_of(&connections.to_string()),
        "[{id:string,name:string,properties:{privateEndpoint:{id:string},\
         privateLinkServiceConnectionState:{actionsRequired:string,status:string},provisioningState:string},type:string}]"
    );
    assert_eq!(
        connections[0]["properties"]["privateLinkServiceConnectionState"]["status"],
        "Pending"
    );
    assert_eq!(
        connections[0]["id"],
        json!(format!("{}/privateEndpointConnections/builds", lab.registry()))
    );
    // A write neither needs nor loses them.
    put(&lab, "Premium", json!({"privateEndpointConnections": []})).await;
    assert_eq!(&properties(&lab).await["privateEndpointConnections"], connections);
    let text = r#"{"resource_groups":[{"name":"g"}],"registries":[{"name":"contosoodd","resource_group":"g","properties":{"colour":1}}]}"#;
    let seed = Seed::from_json(text).unwrap();
    let refused = start(Options {
        seed,
        ..Options::default()
    })
    .await;
    assert!(refused.is_err_and(|error| error.to_string().contains("'colour'")));
}

#[tokio::test]
async fn they_change_behind_arms_back() {
    let lab = Lab::with(closed).await;
    let registry = lab.registry();
    for (name, value, expected) in [
        ("publicNetworkAccess", json!("Enabled"), json!("Enabled")),
        ("networkRuleBypassAllowedForTasks", Value::Null, json!(false)),
        ("privateEndpointConnections", json!([]), json!([])),
    ] {
        lab.emulator.mutate(&registry, Mutation::set(name, value)).unwrap();
        assert_eq!(properties(&lab).await[name], expected, "{name}");
    }
    let unknown = lab.emulator.mutate(&registry, Mutation::set("loginServer", "x"));
    assert!(unknown.is_err(), "what only the service knows");
}
