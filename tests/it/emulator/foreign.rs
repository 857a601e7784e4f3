//! What clients that we did not write have shown to be wrong or missing: each was met by `make clients` first.

use super::lab::Lab;
use super::shape::shape_of;

/// `az resource list` sends an empty filter for none, and a group as a filter of the subscription's resources.
#[tokio::test]
async fn resources_are_filtered_as_the_azure_cli_asks() {
    let lab = Lab::new().await;
    let subscription = format!("/subscriptions/{}", lab.emulator.subscription_id());
    let group = format!("{subscription}/resourcegroups/rg-empty?api-version=2022-09-01");
    let made = lab.call("PUT", &group, Some(r#"{"location":"eastus"}"#)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (registry, network) = (lab.registry(), lab.subnet().replace("/subnets/snet-agents", ""));
    for (filter, expected) in [
        ("", vec![&registry, &network]),
        ("resourceGroup%20eq%20%27RG-builds%27", vec![&registry, &network]),
        ("resourceGroup%20eq%20%27rg-empty%27", vec![]),
        (
            "resourceGroup%20eq%20%27rg-builds%27%20and%20resourceType%20eq%20%27Microsoft.Network%2FvirtualNetworks%27",
            vec![&network],
        ),
    ] {
        let url = format!("{subscription}/resources?$filter={filter}&$expand=createdTime&api-version=2024-11-01");
        let reply = lab.get(&url).await;
        assert_eq!(reply.status, 200, "{filter}: {}", reply.text);
        let listed: Vec<String> = reply.json()["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| resource["id"].as_str().unwrap().to_string())
            .collect();
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    let refused = lab
        .get(&format!(
            "{subscription}/resources?$filter=name%20eq%20%27x%27&api-version=2024-11-01"
        ))
        .await;
    assert_eq!((refused.status, refused.code().as_str()), (501, "NotServedByEmulator"));
}

/// `az group create -l "West Europe"` looks a location with spaces up before it sends anything.
#[tokio::test]
async fn the_regions_of_the_subscription_are_listed() {
    let lab = Lab::new().await;
    let path = format!("/subscriptions/{}/locations", lab.emulator.subscription_id());
    let listed = lab.get(&format!("{path}?api-version=2022-12-01")).await;
    assert_eq!(
        (listed.status, shape_of(&listed.text).as_str()),
        (200, "{value:[{id:string,name:string,type:string,displayName:string}]}")
    );
    let regions = listed.json()["value"].as_array().unwrap().clone();
    for (name, shown) in [("westeurope", "West Europe"), ("uksouth", "UK South")] {
        let expected = serde_json::json!({
            "id": format!("{path}/{name}"), "name": name, "type": "Region", "displayName": shown,
        });
        assert!(regions.contains(&expected), "{name}: {regions:?}");
    }
}

/// `az group list --tag` filters; all groups would be a wrong answer.
#[tokio::test]
async fn a_filter_of_groups_is_refused_and_not_ignored() {
    let lab = Lab::new().await;
    let url = format!(
        "/subscriptions/{}/resourcegroups?api-version=2024-11-01&$filter=",
        lab.emulator.subscription_id()
    );
    assert_eq!(lab.get(&url).await.status, 200, "an empty filter is none");
    let refused = lab.get(&format!("{url}tagName%20eq%20%27a%27")).await;
    assert_eq!((refused.status, refused.code().as_str()), (501, "NotServedByEmulator"));
}

/// `az resource show` without a parent leaves that part of the path empty.
#[tokio::test]
async fn two_slashes_count_as_one() {
    let lab = Lab::new().await;
    let doubled = lab.registry().replace("/registries/", "//registries/");
    let read = lab.get(&format!("{doubled}?api-version=2025-11-01")).await;
    assert_eq!(read.status, 200, "{}", read.text);
    assert_eq!(read.json()["id"], lab.registry());
}
