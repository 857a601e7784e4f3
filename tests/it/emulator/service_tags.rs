//! The service tags API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::lab::{Lab, NETWORKS};
use super::shape::shape_of;

const TAG: &str = "{name:string,id:string,properties:{changeNumber:string,region:string,systemService:string,addressPrefixes:[string]}}";

fn url(lab: &Lab, location: &str) -> String {
    format!(
        "/subscriptions/{}/providers/Microsoft.Network/locations/{location}/serviceTags?api-version={NETWORKS}",
        lab.emulator.subscription_id()
    )
}

fn prefixes(list: &Value, tag: &str) -> Vec<u64> {
    let found = list["values"]
        .as_array()
        .unwrap()
        .iter()
        .find(|known| known["name"] == tag);
    let prefixes = found.unwrap_or_else(|| panic!("{tag} is not listed"))["properties"]["addressPrefixes"].clone();
    prefixes
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|prefix| addresses(prefix.as_str().unwrap()))
        .collect()
}

/// The IPv4 addresses of a prefix, one by one: the table is small.
fn addresses(prefix: &str) -> Vec<u64> {
    let Some((address, length)) = prefix.split_once('/').filter(|(address, _)| !address.contains(':')) else {
        return Vec::new();
    };
    let start = address
        .split('.')
        .fold(0, |sum, part| sum * 256 + part.parse::<u64>().unwrap());
    let size = 1 << (32 - length.parse::<u32>().unwrap());
    assert_eq!(start % size, 0, "{prefix} starts between its addresses");
    (start..start + size).collect()
}

#[tokio::test]
async fn the_built_in_table_is_small_and_documentation_only() {
    let lab = Lab::new().await;
    let reply = lab.get(&url(&lab, "eastus")).await;
    assert_eq!(
        (reply.status, shape_of(&reply.text)),
        (
            200,
            format!("{{name:string,id:string,type:string,changeNumber:string,cloud:string,values:[{TAG}]}}")
        )
    );
    let list = reply.json();
    assert_eq!((&list["name"], &list["cloud"]), (&json!("Public"), &json!("Public")));
    for tag in list["values"].as_array().unwrap() {
        for prefix in tag["properties"]["addressPrefixes"].as_array().unwrap() {
            let prefix = prefix.as_str().unwrap();
            let documentation = ["192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"];
            assert!(documentation.iter().any(|start| prefix.starts_with(start)), "{prefix}");
        }
    }
    let cloud = prefixes(&list, "AzureCloud");
    let inside = |tag: &str| {
        prefixes(&list, tag)
            .iter()
            .filter(|address| cloud.contains(address))
            .count()
    };
    let needed = [
        "AzureKeyVault",
        "EventHub",
        "AzureMonitor",
        "Storage",
        "AzureActiveDirectory",
    ];
    for (at, tag) in needed.iter().enumerate() {
        let own = prefixes(&list, tag);
        let whole = inside(tag) == own.len();
        assert!(inside(tag) > 0 && whole == (at < 3), "{tag} in AzureCloud");
        for other in &needed[at + 1..] {
            let shared = prefixes(&list, other).iter().any(|address| own.contains(address));
            assert!(!shared, "{tag} and {other} share an address");
        }
    }
    for (part, whole) in [
        ("Storage.EastUS", "Storage"),
        ("AzureKeyVault.EastUS", "AzureKeyVault"),
        ("AzureMonitor.EastUS", "AzureMonitor"),
        ("EventHub.EastUS", "EventHub"),
        ("AzureActiveDirectory.ServiceEndpoint", "AzureActiveDirectory"),
        ("AzureCloud.eastus", "AzureCloud"),
        ("AzureKeyVault.EastUS", "AzureCloud.eastus"),
        ("AzureMonitor.EastUS", "AzureCloud.eastus"),
        ("EventHub.EastUS", "AzureCloud.eastus"),
    ] {
        let whole = prefixes(&list, whole);
        assert!(
            prefixes(&list, part).iter().all(|address| whole.contains(address)),
            "{part}"
        );
    }
    assert_eq!(
        lab.get(&url(&lab, "West%20Europe")).await.json()["values"],
        list["values"]
    );
    assert_eq!(
        lab.get(&url(&lab, "mars")).await.code(),
        "LocationNotAvailableForResourceType"
    );
}

#[tokio::test]
async fn a_seed_brings_its_own_tags_in_pages() {
    let mut tags: BTreeMap<String, Vec<String>> = (0..100)
        .map(|at| (format!("Tag{at:03}"), vec!["192.0.2.0/24".into()]))
        .collect();
    tags.insert("Zebra.EastUS".into(), vec!["198.51.100.0/24".into()]);
    let lab = Lab::with(|options| options.seed.service_tags = Some(tags)).await;
    let first = lab.get(&url(&lab, "eastus")).await.json();
    assert_eq!(first["values"].as_array().unwrap().len(), 100);
    let second = lab.get(first["nextLink"].as_str().unwrap()).await.json();
    assert_eq!(second.get("nextLink"), None);
    assert_eq!(
        second["values"],
        json!([{"name": "Zebra.EastUS", "id": "Zebra.EastUS", "properties": {"changeNumber": "1", "region": "eastus",
            "systemService": "Zebra", "addressPrefixes": ["198.51.100.0/24"]}}])
    );
    let bad = lab.get(&format!("{}&$skiptoken=x", url(&lab, "eastus"))).await;
    assert_eq!((bad.status, bad.code().as_str()), (400, "InvalidSkipToken"));
}

#[tokio::test]
async fn a_seed_may_have_no_tags_at_all() {
    let lab = Lab::with(|options| options.seed.service_tags = Some(BTreeMap::new())).await;
    assert_eq!(lab.get(&url(&lab, "eastus")).await.json()["values"], json!([]));
}
