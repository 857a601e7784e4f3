//! What the emulator refuses, and in which shape.

use terraform_provider_acr::emulator::SeedRegistry;

use super::lab::{Lab, POOLS};
use super::shape::shape_of;

const GATEWAY: &str = "{error:{code:string,message:string}}";
const PROVIDER: &str = "{error:{code:string,message:string,target:string,details:null}}";

fn extra_registry(name: &str, location: &str, sku: &str) -> SeedRegistry {
    SeedRegistry {
        location: Some(location.into()),
        sku: sku.into(),
        ..SeedRegistry::new(name, "rg-builds")
    }
}

async fn lab() -> Lab {
    Lab::with(|options| {
        options
            .seed
            .registries
            .push(extra_registry("contosobasic", "eastus", "Basic"));
        options
            .seed
            .registries
            .push(extra_registry("contosowest", "westus2", "Premium"));
    })
    .await
}

#[tokio::test]
async fn puts_of_pools() {
    let lab = lab().await;
    let at = |registry: &str| lab.pool("pool-a").replace("contosobuilds", registry);
    let own = lab.pool("pool-a");
    let subnet = |id: &str, location: &str| {
        format!(r#"{{"location":"{location}","properties":{{"tier":"S1","virtualNetworkSubnetResourceId":"{id}"}}}}"#)
    };
    let body = |location: &str, tier: &str| format!(r#"{{"location":"{location}","properties":{{"tier":"{tier}"}}}}"#);
    let foreign = lab
        .subnet()
        .replace(lab.emulator.subscription_id(), "00000000-aaaa-bbbb-cccc-dddddddddddd");
    for (url, body, status, code, gateway) in [
        (
            own.clone(),
            body("uksouth", "S1"),
            400,
            "LocationNotAvailableForResourceType",
            true,
        ),
        (
            own.clone(),
            r#"{"properties":{"tier":"S1"}}"#.into(),
            400,
            "LocationRequired",
            true,
        ),
        (own.clone(), "[]".into(), 400, "InvalidRequestContent", true),
        (own.clone(), "{".into(), 400, "InvalidRequestContent", true),
        (
            at("contosobasic"),
            body("eastus", "S1"),
            400,
            "AgentPoolsNotSupported",
            false,
        ),
        (
            at("contosonone"),
            body("eastus", "S1"),
            404,
            "ParentResourceNotFound",
            true,
        ),
        (at("contosowest"), body("eastus", "S1"), 400, "InvalidInputValue", false),
        (own.clone(), body("eastus", "s1"), 400, "InvalidInputValue", false),
        (own.clone(), body("eastus", "S9"), 400, "InvalidInputValue", false),
        (own.clone(), body("eastus", ""), 400, "InvalidInputValue", false),
        (own.clone(), body("eastus", "I6"), 400, "AgentPoolQuotaExceeded", false),
        (lab.pool("ab"), body("eastus", "S1"), 400, "InvalidInputValue", false),
        (
            lab.pool("bad_name"),
            body("eastus", "S1"),
            400,
            "InvalidInputValue",
            false,
        ),
        (
            lab.pool("a23456789012345678901"),
            body("eastus", "S1"),
            400,
            "InvalidInputValue",
            false,
        ),
        (
            own.clone(),
            r#"{"location":"eastus","properties":{"tier":"S1","count":-1}}"#.into(),
            400,
            "InvalidInputValue",
            false,
        ),
        (
            own.clone(),
            r#"{"location":"eastus","properties":{"tier":"S1","os":"Windows"}}"#.into(),
            400,
            "InvalidInputValue",
            false,
        ),
        (
            own.clone(),
            subnet("not-an-id", "eastus"),
            400,
            "InvalidInputValue",
            false,
        ),
        (
            own.clone(),
            subnet(&format!("{}x", lab.subnet()), "eastus"),
            400,
            "InvalidInputValue",
            false,
        ),
        (
            at("contosowest"),
            subnet(&lab.subnet(), "westus2"),
            400,
            "InvalidInputValue",
            false,
        ),
        (
            own.clone(),
            subnet(&foreign, "eastus"),
            403,
            "LinkedAuthorizationFailed",
            true,
        ),
    ] {
        let reply = lab.call("PUT", &url, Some(&body)).await;
        let expected = if gateway { GATEWAY } else { PROVIDER };
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (status, code),
            "{url} {body}: {}",
            reply.text
        );
        assert_eq!(shape_of(&reply.text), expected, "{body}");
        assert_eq!(
            reply.header("x-ms-failure-cause"),
            gateway.then_some("gateway"),
            "{body}"
        );
    }
    assert!(
        !lab.emulator.live_ids().iter().any(|id| id.contains("agentPools")),
        "nothing was made on the way"
    );
}

#[tokio::test]
async fn locations_are_listed_for_the_reader() {
    let lab = lab().await;
    let reply = lab
        .call(
            "PUT",
            &lab.pool("pool-a"),
            Some(r#"{"location":"UK South","properties":{"tier":"S1"}}"#),
        )
        .await;
    let message = reply.message();
    for part in [
        "'UK South'",
        "'Microsoft.ContainerRegistry/registries/agentPools'",
        "eastus,westeurope",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
}

#[tokio::test]
async fn busy_and_existing_pools() {
    let lab = lab().await;
    assert_eq!(lab.put_pool("pool-a", r#"{"tier":"S1"}"#).await.status, 201);
    let patch = r#"{"properties":{"count":2}}"#;
    let busy = lab.call("PATCH", &lab.pool("pool-a"), Some(patch)).await;
    assert_eq!((busy.status, busy.code().as_str()), (409, "RegistryStatusConflict"));
    lab.emulator.advance(super::lab::PROVISIONING);
    for (method, body) in [
        ("PUT", r#"{"location":"eastus","properties":{"tier":"S2"}}"#),
        ("PATCH", r#"{"properties":{"tier":"S2"}}"#),
        ("PATCH", r#"{"properties":{"count":"2"}}"#),
    ] {
        let reply = lab.call(method, &lab.pool("pool-a"), Some(body)).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "InvalidInputValue"),
            "{method} {body}"
        );
    }
    for method in ["GET", "PATCH"] {
        let reply = lab.call(method, &lab.pool("none"), Some(patch)).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (404, "ResourceNotFound"),
            "{method}"
        );
    }
}

#[tokio::test]
async fn versions_scopes_and_what_is_not_served() {
    let lab = lab().await;
    let registry = lab.registry();
    let other = registry.replace(lab.emulator.subscription_id(), "00000000-aaaa-bbbb-cccc-dddddddddddd");
    for (method, url, status, code) in [
        (
            "GET",
            format!("{registry}/agentPools"),
            400,
            "MissingApiVersionParameter",
        ),
        (
            "GET",
            format!("{registry}/agentPools?api-version="),
            400,
            "MissingApiVersionParameter",
        ),
        (
            "GET",
            format!("{registry}/agentPools?api-version=2023-07-01"),
            404,
            "InvalidResourceType",
        ),
        (
            "GET",
            format!("{registry}/agentPools?api-version=2031-01-01"),
            400,
            "NoRegisteredProviderFound",
        ),
        (
            "GET",
            format!("{registry}?api-version=2031-01-01"),
            400,
            "NoRegisteredProviderFound",
        ),
        (
            "GET",
            format!("{other}/agentPools?api-version={POOLS}"),
            404,
            "SubscriptionNotFound",
        ),
        (
            "DELETE",
            format!("{other}/agentPools/pool-a?api-version={POOLS}"),
            404,
            "SubscriptionNotFound",
        ),
        (
            "GET",
            format!(
                "{}/agentPools?api-version={POOLS}",
                registry.replace("rg-builds", "rg-none")
            ),
            404,
            "ResourceGroupNotFound",
        ),
        (
            "GET",
            format!(
                "{}/agentPools?api-version={POOLS}",
                registry.replace("contosobuilds", "contosonone")
            ),
            404,
            "ResourceNotFound",
        ),
        (
            "POST",
            format!("{registry}/importImage?api-version={POOLS}"),
            501,
            "NotServedByEmulator",
        ),
        (
            "POST",
            format!("{registry}/scheduleRun?api-version=2023-07-01"),
            404,
            "InvalidResourceType",
        ),
        (
            "POST",
            format!("{registry}/tasks/build/listRuns?api-version={POOLS}"),
            501,
            "NotServedByEmulator",
        ),
        ("GET", "/something/else".to_string(), 501, "NotServedByEmulator"),
    ] {
        let reply = lab.call(method, &url, Some("{}")).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (status, code),
            "{method} {url}: {}",
            reply.text
        );
        assert_eq!(shape_of(&reply.text), GATEWAY, "{url}");
    }
}
