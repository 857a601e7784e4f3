//! The recorded life of a pool: create, scale, delete, with every poll between.

use std::time::Duration;

use terraform_provider_acr::emulator::{
    DeleteBusyPool, DeleteEnd, DeleteMissingPool, FailedPoolScales, IdCasing, Mutation, PatchSameCount,
    PutExistingPool, QuotaFailure,
};

use super::lab::{Lab, NETWORKS, POOLS, PROVISIONING};
use super::shape::shape_of;

const SYSTEM: &str = "systemData:{createdBy:string,createdByType:string,createdAt:string,lastModifiedBy:string,lastModifiedByType:string,lastModifiedAt:string}";
const STATUS: &str = "{status:string}";

fn pool_shape(subnet: bool) -> String {
    let subnet = if subnet {
        "virtualNetworkSubnetResourceId:string,"
    } else {
        ""
    };
    format!(
        "{{type:string,properties:{{count:number,tier:string,os:string,{subnet}provisioningState:string}},id:string,name:string,location:string,{SYSTEM}}}"
    )
}

#[tokio::test]
async fn create_as_recorded() {
    let lab = Lab::new().await;
    for (name, properties, subnet) in [
        ("pool-a", r#"{"count":1,"tier":"S1","os":"Linux"}"#.to_string(), false),
        (
            "pool-b",
            format!(
                r#"{{"count":1,"tier":"S2","os":"Linux","virtualNetworkSubnetResourceId":"{}"}}"#,
                lab.subnet()
            ),
            true,
        ),
    ] {
        let created = lab.put_pool(name, &properties).await;
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!(shape_of(&created.text), pool_shape(subnet));
        assert_eq!(created.json()["properties"]["provisioningState"], "Creating");
        assert_eq!(created.header("retry-after"), Some("10"));
        assert_eq!(created.header("location"), None);
        assert_eq!(created.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(
            created.header("x-ms-ratelimit-remaining-subscription-writes"),
            Some("199")
        );
        assert_eq!(
            created.header("x-ms-ratelimit-remaining-subscription-global-writes"),
            Some("2999")
        );
        assert_eq!(created.header("x-ms-failure-cause"), None);
        let identifier = created.header("x-ms-operation-identifier").unwrap();
        assert!(
            identifier.starts_with(&format!("tenantId={},objectId=", lab.variable("ARM_TENANT_ID"))),
            "{identifier}"
        );
        let url = created.header("azure-asyncoperation").unwrap().to_string();
        let start = format!(
            "{}{}/agentPools/{name}/operationStatuses/",
            lab.emulator.url(),
            lab.registry()
        );
        assert!(url.starts_with(&start), "{url}");
        for part in [&format!("?api-version={POOLS}"), "&t=", "&c=", "&s=", "&h="] {
            assert!(url.contains(part), "{part} in {url}");
        }
        // The status resource is readable at once, and never says when to come back.
        let poll = lab.get(&url).await;
        assert_eq!((poll.status, poll.text.as_str()), (200, r#"{"status":"Creating"}"#));
        assert_eq!(
            (poll.header("retry-after"), poll.header("azure-asyncoperation")),
            (None, None)
        );
        lab.emulator.advance(PROVISIONING - Duration::from_secs(1));
        assert_eq!(lab.get(&url).await.text, r#"{"status":"Creating"}"#);
        lab.emulator.advance(Duration::from_secs(1));
        let poll = lab.get(&url).await;
        assert_eq!((poll.status, poll.text.as_str()), (200, r#"{"status":"Succeeded"}"#));
        assert_eq!(shape_of(&poll.text), STATUS);
        let read = lab.get(&lab.pool(name)).await;
        assert_eq!((read.status, shape_of(&read.text)), (200, pool_shape(subnet)));
        assert_eq!(read.json()["properties"]["provisioningState"], "Succeeded");
        assert_eq!(read.header("x-ms-ratelimit-remaining-subscription-reads"), Some("249"));
    }
    let list = lab
        .get(&format!("{}/agentPools?api-version=2019-06-01-preview", lab.registry()))
        .await;
    assert_eq!(shape_of(&list.text), format!("{{value:[{}]}}", pool_shape(true)));
    let listed = list.json();
    let names: Vec<&str> = listed["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["pool-b", "pool-a"], "lists are newest first");
}

#[tokio::test]
async fn update_as_recorded_and_tags_are_lost() {
    let lab = Lab::new().await;
    let body = r#"{"location":"East US","tags":{"team":"x"},"properties":{"count":1,"tier":"S1","os":"Linux"}}"#;
    assert_eq!(
        shape_of(&lab.call("PUT", &lab.pool("pool-a"), Some(body)).await.text),
        pool_shape(false)
    );
    lab.emulator.advance(PROVISIONING);
    let before = lab.get(&lab.pool("pool-a")).await.json();
    assert_eq!(before["location"], "eastus");
    let body = r#"{"properties":{"count":2},"tags":{"team":"x"}}"#;
    let patched = lab.call("PATCH", &lab.pool("pool-a"), Some(body)).await;
    assert_eq!((patched.status, shape_of(&patched.text)), (201, pool_shape(false)));
    assert_eq!(patched.json()["properties"]["count"], 2);
    assert_eq!(patched.json()["properties"]["provisioningState"], "Updating");
    assert_eq!(patched.header("retry-after"), Some("10"));
    assert_eq!(
        patched.json()["systemData"]["createdAt"],
        before["systemData"]["createdAt"]
    );
    assert_ne!(
        patched.json()["systemData"]["lastModifiedAt"],
        before["systemData"]["lastModifiedAt"]
    );
    let url = patched.header("azure-asyncoperation").unwrap().to_string();
    assert_eq!(lab.get(&url).await.text, r#"{"status":"Updating"}"#);
    lab.emulator.advance(PROVISIONING);
    assert_eq!(lab.get(&url).await.text, r#"{"status":"Succeeded"}"#);
    assert_eq!(lab.state_of("pool-a").await, "Succeeded");
}

#[tokio::test]
async fn delete_as_recorded_with_both_ends() {
    for (end, status) in [(DeleteEnd::NoContent, 204), (DeleteEnd::NotFound, 404)] {
        let lab = Lab::with(|options| options.seed.assumptions.delete_end = end).await;
        lab.have_pool("pool-a", r#"{"tier":"S1"}"#).await;
        let deleted = lab.call("DELETE", &lab.pool("pool-a"), None).await;
        assert_eq!((deleted.status, shape_of(&deleted.text)), (202, pool_shape(false)));
        assert_eq!(deleted.json()["properties"]["provisioningState"], "Deleting");
        assert_eq!(
            (deleted.header("azure-asyncoperation"), deleted.header("retry-after")),
            (None, Some("10"))
        );
        assert_eq!(
            deleted.header("x-ms-ratelimit-remaining-subscription-deletes"),
            Some("199")
        );
        let first = deleted.header("location").unwrap().to_string();
        assert!(
            first.contains(&format!("{}/agentPoolsOperationResults/", lab.registry())),
            "{first}"
        );
        let poll = lab.get(&first).await;
        assert_eq!(
            (poll.status, poll.text.as_str(), poll.header("retry-after")),
            (202, "null", Some("10"))
        );
        let second = poll.header("location").unwrap().to_string();
        assert_ne!(first, second, "each Location is signed anew");
        assert_eq!(first.split('?').next(), second.split('?').next());
        assert_eq!(lab.state_of("pool-a").await, "Deleting");
        lab.emulator.advance(PROVISIONING);
        let last = lab.get(&second).await;
        assert_eq!(last.status, status);
        if status == 204 {
            assert_eq!((last.text.as_str(), last.header("content-type")), ("", None));
        }
        let gone = lab.get(&lab.pool("pool-a")).await;
        assert_eq!((gone.status, gone.code().as_str()), (404, "ResourceNotFound"));
        assert_eq!(gone.header("x-ms-failure-cause"), Some("gateway"));
        assert_eq!(shape_of(&gone.text), "{error:{code:string,message:string}}");
        assert!(!lab.emulator.live_ids().iter().any(|id| id.contains("agentPools")));
    }
}

#[tokio::test]
async fn a_subnet_is_in_use_until_the_pool_and_its_lag_are_over() {
    let lag = Duration::from_secs(60);
    let lab = Lab::with(|options| options.subnet_release = lag).await;
    let subnet = format!("{}?api-version={NETWORKS}", lab.subnet());
    let network = subnet.replace("/subnets/snet-agents", "");
    let in_use = async || {
        let body = lab.get(&subnet).await.json();
        body["properties"]["ipConfigurations"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(in_use().await, 0);
    // The casing in which the subnet was sent comes back, and means the same subnet.
    let shouted = lab.subnet().replace("snet-agents", "SNET-Agents");
    let properties = format!(r#"{{"count":2,"tier":"S1","virtualNetworkSubnetResourceId":"{shouted}"}}"#);
    lab.have_pool("pool-a", &properties).await;
    let pool = lab.get(&lab.pool("pool-a")).await.json();
    assert_eq!(pool["properties"]["virtualNetworkSubnetResourceId"], shouted);
    assert_eq!(in_use().await, 2);
    let first = lab.get(&subnet).await.json()["properties"]["ipConfigurations"][0]["id"].to_string();
    assert!(first.contains("/resourceGroups/ap-contosobuilds-pool-a-"), "{first}");
    lab.call("DELETE", &lab.pool("pool-a"), None).await;
    lab.emulator.advance(PROVISIONING);
    assert_eq!(lab.get(&lab.pool("pool-a")).await.status, 404);
    for url in [&subnet, &network] {
        let refused = lab.call("DELETE", url, None).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "InUseSubnetCannotBeDeleted")
        );
    }
    lab.emulator.advance(lag);
    assert_eq!(in_use().await, 0);
    assert_eq!(lab.call("DELETE", &subnet, None).await.status, 200);
    assert_eq!(lab.get(&subnet).await.status, 404);
    assert_eq!(lab.call("DELETE", &network, None).await.status, 200);
}

#[tokio::test]
async fn unknown_facts_have_both_values() {
    let patch = r#"{"properties":{"count":1}}"#;
    for (value, status) in [(PatchSameCount::Accepted, 201), (PatchSameCount::Noop, 200)] {
        let lab = Lab::with(|options| options.seed.assumptions.patch_same_count = value).await;
        lab.have_pool("pool-a", r#"{"tier":"S1","count":1}"#).await;
        let reply = lab.call("PATCH", &lab.pool("pool-a"), Some(patch)).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("azure-asyncoperation").is_some(), status == 201);
    }
    for (value, status) in [(FailedPoolScales::Conflict, 409), (FailedPoolScales::Accepted, 201)] {
        let lab = Lab::with(|options| options.seed.assumptions.failed_pool_scales = value).await;
        lab.have_pool("pool-a", r#"{"tier":"S1"}"#).await;
        let id = lab.pool("pool-a").split('?').next().unwrap().to_string();
        lab.emulator
            .mutate(&id, Mutation::set("provisioningState", "Failed"))
            .unwrap();
        let reply = lab.call("PATCH", &lab.pool("pool-a"), Some(patch)).await;
        assert_eq!(reply.status, status, "{}", reply.text);
    }
    for (value, status) in [(DeleteMissingPool::NoContent, 204), (DeleteMissingPool::NotFound, 404)] {
        let lab = Lab::with(|options| options.seed.assumptions.delete_missing_pool = value).await;
        assert_eq!(lab.call("DELETE", &lab.pool("none"), None).await.status, status);
    }
    for (value, status) in [(DeleteBusyPool::Accepted, 202), (DeleteBusyPool::Conflict, 409)] {
        let lab = Lab::with(|options| options.seed.assumptions.delete_busy_pool = value).await;
        lab.put_pool("pool-a", r#"{"tier":"S1"}"#).await;
        assert_eq!(lab.call("DELETE", &lab.pool("pool-a"), None).await.status, status);
    }
    for (value, status) in [
        (PutExistingPool::Created, 201),
        (PutExistingPool::Ok, 200),
        (PutExistingPool::Conflict, 409),
    ] {
        let lab = Lab::with(|options| options.seed.assumptions.put_existing_pool = value).await;
        lab.have_pool("pool-a", r#"{"tier":"S1"}"#).await;
        assert_eq!(
            lab.put_pool("pool-a", r#"{"tier":"S1","count":3}"#).await.status,
            status
        );
    }
    for (value, status) in [(QuotaFailure::AtPut, 400), (QuotaFailure::Late, 201)] {
        let lab = Lab::with(|options| options.seed.assumptions.quota_failure = value).await;
        let reply = lab.put_pool("pool-a", r#"{"tier":"S3","count":3}"#).await;
        assert_eq!(reply.status, status);
        if let Some(url) = reply.header("azure-asyncoperation") {
            lab.emulator.advance(PROVISIONING);
            assert_eq!(
                shape_of(&lab.get(url).await.text),
                "{status:string,error:{code:string,message:string}}"
            );
            assert_eq!(lab.state_of("pool-a").await, "Failed");
        }
    }
    for (value, part) in [
        (IdCasing::AsSent, "/resourceGroups/rg-builds/"),
        (IdCasing::Recased, "/resourcegroups/RG-BUILDS/"),
    ] {
        let lab = Lab::with(|options| options.seed.assumptions.id_casing = value).await;
        let reply = lab.put_pool("pool-a", r#"{"tier":"S1"}"#).await;
        assert!(reply.json()["id"].as_str().unwrap().contains(part), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_deletion_preempts_a_creation_and_two_deletions_are_one() {
    let lab = Lab::new().await;
    let created = lab.put_pool("pool-a", r#"{"tier":"S1"}"#).await;
    let create = created.header("azure-asyncoperation").unwrap().to_string();
    let path = |url: &str| url.split('?').next().unwrap().to_string();
    let first = lab
        .call("DELETE", &lab.pool("pool-a"), None)
        .await
        .header("location")
        .unwrap()
        .to_string();
    let second = lab
        .call("DELETE", &lab.pool("pool-a"), None)
        .await
        .header("location")
        .unwrap()
        .to_string();
    assert_eq!(path(&first), path(&second));
    assert_eq!(lab.get(&create).await.json()["status"], "Canceled");
    lab.emulator.advance(PROVISIONING);
    assert_eq!(lab.get(&first).await.status, 204);
    assert_eq!(
        lab.get(&create).await.code(),
        "ResourceNotFound",
        "nothing is routed below what is gone"
    );
}

#[tokio::test]
async fn the_quota_is_per_registry_and_kind() {
    let lab = Lab::new().await;
    for (name, properties, status) in [
        ("pool-a", r#"{"tier":"S2","count":3}"#, 201),
        ("pool-b", r#"{"tier":"S1","count":3}"#, 400),
        ("pool-b", r#"{"tier":"S1","count":2}"#, 201),
        ("pool-c", r#"{"tier":"S1","count":1}"#, 400),
        ("pool-c", r#"{"tier":"S3","count":0}"#, 201),
        ("pool-d", r#"{"tier":"I6","count":1}"#, 400),
    ] {
        let reply = lab.put_pool(name, properties).await;
        assert_eq!(reply.status, status, "{name} {properties}: {}", reply.text);
    }
    lab.emulator.advance(PROVISIONING);
    for (count, status) in [(5, 400), (2, 201)] {
        let body = format!(r#"{{"properties":{{"count":{count}}}}}"#);
        assert_eq!(
            lab.call("PATCH", &lab.pool("pool-a"), Some(&body)).await.status,
            status,
            "{count}"
        );
    }
}

#[tokio::test]
async fn ids_compare_in_any_casing() {
    let lab = Lab::new().await;
    lab.have_pool("Pool-A", r#"{"tier":"S1"}"#).await;
    let lower = lab
        .pool("pool-a")
        .replace("resourceGroups", "resourcegroups")
        .replace("agentPools", "agentpools");
    let read = lab.get(&lower).await;
    assert_eq!(read.status, 200);
    assert_eq!(read.json()["name"], "Pool-A");
    assert_eq!(read.json()["id"], format!("{}/agentPools/Pool-A", lab.registry()));
}
