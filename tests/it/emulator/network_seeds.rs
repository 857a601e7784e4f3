//! Networks from a seed, security-admin rules, subscriptions of others, and who may read what.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Emulator, Mutation, Options, Seed, StartError, start};

use super::lab::{Lab, NETWORKS};
use super::shape::shape_of;

const SEED: &str = r#"{
  "resource_groups": [{"name": "rg-builds"}],
  "registries": [{"name": "contosobuilds", "resource_group": "rg-builds"}],
  "network_security_groups": [{"name": "nsg-agents", "resource_group": "rg-builds", "security_rules": [
    {"name": "odd", "properties": {"priority": 5, "direction": "Outbound", "access": "Deny", "protocol": "Smoke",
     "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "Internet", "destinationPortRange": "*"}}]}],
  "route_tables": [{"name": "rt-agents", "resource_group": "rg-builds", "disable_bgp_route_propagation": true, "routes": [
    {"name": "default", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "QuantumTunnel"}}]}],
  "nat_gateways": [{"name": "ng-agents", "resource_group": "rg-builds"}],
  "virtual_networks": [{"name": "vnet-builds", "resource_group": "rg-builds", "address_space": ["10.40.0.0/16"],
    "dns_servers": ["172.17.0.10"], "peerings": [{"name": "hub", "properties": {"useRemoteGateways": true}}],
    "security_admin_rules": [
      {"kind": "Custom", "properties": {"access": "Deny", "priority": 1}},
      {"kind": "Custom", "properties": {"access": "Allow", "priority": 2}},
      {"kind": "Custom", "properties": {"access": "AlwaysAllow", "priority": 3}}],
    "subnets": [
      {"name": "snet-agents", "address_prefix": "10.40.1.0/24", "security_group": "NSG-Agents", "route_table": "rt-agents",
       "nat_gateway": "ng-agents", "delegations": ["Microsoft.Web/serverFarms",
         {"name": "own", "properties": {"serviceName": "A.B/c", "actions": []}}], "default_outbound_access": false, "dead": true,
       "service_endpoints": ["Microsoft.Storage", {"service": "Microsoft.KeyVault", "locations": ["*"], "provisioningState": "Failed"}],
       "service_endpoint_policies": ["/policy"]},
      {"name": "snet-two", "address_prefixes": ["10.40.2.0/24", "10.40.3.0/24"],
       "security_group": "/subscriptions/22222222-2222-3333-4444-555555555555/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n"}]}],
  "dead_subnet_seconds": 60,
  "foreign_subscriptions": [
    {"id": "22222222-2222-3333-4444-555555555555", "answer": "forbidden"},
    {"id": "33333333-2222-3333-4444-555555555555", "answer": "other_tenant"},
    {"id": "44444444-2222-3333-4444-555555555555", "answer": "not_found"}]
}"#;

async fn lab() -> Lab {
    Lab::with(|options| options.seed = Seed::from_json(SEED).unwrap()).await
}

fn network(lab: &Lab) -> String {
    lab.subnet().replace("/subnets/snet-agents", "")
}

fn url(id: &str) -> String {
    format!("{id}?api-version={NETWORKS}")
}

#[tokio::test]
async fn a_seed_shows_up_as_it_was_written() {
    let lab = lab().await;
    let base = format!("{}/providers/Microsoft.Network", lab.group());
    let subnet = lab.get(&url(&lab.subnet())).await.json()["properties"].clone();
    for (member, expected) in [
        ("addressPrefix", json!("10.40.1.0/24")),
        (
            "networkSecurityGroup",
            json!({"id": format!("{base}/networkSecurityGroups/nsg-agents")}),
        ),
        ("routeTable", json!({"id": format!("{base}/routeTables/rt-agents")})),
        ("natGateway", json!({"id": format!("{base}/natGateways/ng-agents")})),
        ("defaultOutboundAccess", json!(false)),
        ("serviceEndpointPolicies", json!([{"id": "/policy"}])),
        (
            "serviceEndpoints",
            json!([{"service": "Microsoft.Storage", "locations": ["eastus", "westus"], "provisioningState": "Succeeded"},
                {"service": "Microsoft.KeyVault", "locations": ["*"], "provisioningState": "Failed"}]),
        ),
        ("dead", Value::Null),
    ] {
        assert_eq!(subnet[member], expected, "{member}");
    }
    assert_eq!(
        subnet["delegations"][0]["properties"]["serviceName"],
        "Microsoft.Web/serverFarms"
    );
    let own = &subnet["delegations"][1];
    assert_eq!(
        (&own["name"], &own["properties"]["actions"]),
        (&json!("own"), &json!([]))
    );
    let two = lab
        .get(&url(&lab.subnet().replace("snet-agents", "snet-two")))
        .await
        .json();
    assert_eq!(
        two["properties"]["addressPrefixes"],
        json!(["10.40.2.0/24", "10.40.3.0/24"])
    );
    let vnet = lab.get(&url(&network(&lab))).await.json()["properties"].clone();
    assert_eq!(vnet["dhcpOptions"], json!({"dnsServers": ["172.17.0.10"]}));
    assert_eq!(
        vnet["virtualNetworkPeerings"][0]["properties"]["useRemoteGateways"],
        true
    );
    let table = lab.get(&url(&format!("{base}/routeTables/rt-agents"))).await.json()["properties"].clone();
    assert_eq!(
        (
            &table["disableBgpRoutePropagation"],
            &table["routes"][0]["properties"]["nextHopType"]
        ),
        (&json!(true), &json!("QuantumTunnel"))
    );
    let group = lab
        .get(&url(&format!("{base}/networkSecurityGroups/nsg-agents")))
        .await
        .json();
    assert_eq!(
        group["properties"]["securityRules"][0]["properties"]["protocol"],
        "Smoke"
    );
    assert_eq!(group["properties"]["subnets"], json!([{"id": lab.subnet()}]));
}

#[tokio::test]
async fn seeds_that_do_not_fit_together() {
    for (from, to, problem) in [
        (r#""NSG-Agents""#, r#""nsg-none""#, "nsg-none"),
        (
            r#""route_table": "rt-agents""#,
            r#""route_table": "ng-agents""#,
            "ng-agents",
        ),
        (
            r#""address_prefix": "10.40.1.0/24""#,
            r#""dead": false"#,
            "duplicate field",
        ),
        (
            r#""name": "snet-two", "address_prefixes": ["10.40.2.0/24", "10.40.3.0/24"]"#,
            r#""name": "snet-two""#,
            "no address range",
        ),
        (
            r#""address_prefixes": ["10.40.2.0/24", "10.40.3.0/24"]"#,
            r#""address_prefixes": ["10.40.2.0/24"], "address_prefix": "10.40.3.0/24""#,
            "both address_prefix",
        ),
        (r#""name": "odd", "#, "", "has no name"),
        (r#""answer": "forbidden""#, r#""answer": "perhaps""#, "perhaps"),
        (
            r#""nat_gateways": [{"name": "ng-agents", "resource_group": "rg-builds"#,
            r#""nat_gateways": [{"name": "ng-agents", "resource_group": "rg-none"#,
            "rg-none",
        ),
    ] {
        assert!(SEED.contains(from), "{from}");
        let told = match Seed::from_json(&SEED.replace(from, to)) {
            Err(error) => error.to_string(),
            Ok(seed) => problem_of(seed).await,
        };
        assert!(told.contains(problem), "{problem}: {told}");
    }
}

async fn problem_of(seed: Seed) -> String {
    let options = Options {
        seed,
        ..Options::default()
    };
    let started: Result<Emulator, StartError> = start(options).await;
    started.map_or_else(|error| error.to_string(), |_| "it starts".into())
}

#[tokio::test]
async fn security_admin_rules() {
    let lab = lab().await;
    let action = format!("{}/listNetworkManagerEffectiveSecurityAdminRules", network(&lab));
    let all = lab.call("POST", &url(&action), Some("{}")).await;
    assert_eq!(
        (all.status, shape_of(&all.text).as_str()),
        (
            200,
            "{value:[{kind:string,properties:{access:string,priority:number}}]}"
        )
    );
    assert_eq!(all.json()["value"].as_array().unwrap().len(), 3);
    assert_eq!(
        lab.call("POST", &url(&action), None).await.text,
        all.text,
        "without a body"
    );
    let paged = format!("{}&$top=2", url(&action));
    let first = lab.call("POST", &paged, Some("{}")).await.json();
    assert_eq!(first["value"].as_array().unwrap().len(), 2);
    let token = json!({"skipToken": first["skipToken"]}).to_string();
    let last = lab.call("POST", &paged, Some(&token)).await.json();
    assert_eq!(
        last,
        json!({"value": [{"kind": "Custom", "properties": {"access": "AlwaysAllow", "priority": 3}}]})
    );
    let bad = lab.call("POST", &paged, Some(r#"{"skipToken":"x"}"#)).await;
    assert_eq!((bad.status, bad.code().as_str()), (400, "InvalidSkipToken"));
    let missing = lab
        .call("POST", &url(&action).replace("vnet-builds", "vnet-none"), Some("{}"))
        .await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "ResourceNotFound"));
    let plain = Lab::new().await;
    let action = action.replace(lab.emulator.subscription_id(), plain.emulator.subscription_id());
    assert_eq!(
        plain.call("POST", &url(&action), Some("{}")).await.text,
        r#"{"value":[]}"#
    );
}

#[tokio::test]
async fn a_reader_reads_all_of_it_but_may_not_ask_for_admin_rules() {
    let lab = lab().await;
    let token = lab
        .token_of("ACR_EMULATOR_READER_CLIENT_ID", "ACR_EMULATOR_READER_CLIENT_SECRET")
        .await;
    let base = format!("{}/providers/Microsoft.Network", lab.group());
    let tags = format!(
        "/subscriptions/{}/providers/Microsoft.Network/locations/eastus/serviceTags",
        lab.emulator.subscription_id()
    );
    for id in [
        format!("{base}/networkSecurityGroups"),
        format!("{base}/networkSecurityGroups/nsg-agents"),
        format!("{base}/networkSecurityGroups/nsg-agents/securityRules/odd"),
        format!("{base}/routeTables/rt-agents"),
        format!("{base}/routeTables/rt-agents/routes/default"),
        format!("{base}/natGateways/ng-agents"),
        network(&lab),
        lab.subnet(),
        tags,
    ] {
        let reply = lab.send("GET", &url(&id), &token, None).await.unwrap();
        assert_eq!(reply.status, 200, "{id}: {}", reply.text);
    }
    for (method, id, action) in [
        (
            "POST",
            format!("{}/listNetworkManagerEffectiveSecurityAdminRules", network(&lab)),
            "Microsoft.Network/virtualNetworks/listNetworkManagerEffectiveSecurityAdminRules/action",
        ),
        (
            "PUT",
            format!("{base}/networkSecurityGroups/nsg-agents/securityRules/odd"),
            "Microsoft.Network/networkSecurityGroups/securityRules/write",
        ),
        (
            "DELETE",
            format!("{base}/routeTables/rt-agents"),
            "Microsoft.Network/routeTables/delete",
        ),
    ] {
        let reply = lab.send(method, &url(&id), &token, Some("{}")).await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (403, "AuthorizationFailed"));
        assert!(reply.message().contains(&format!("'{action}'")), "{}", reply.message());
    }
}

#[tokio::test]
async fn subscriptions_of_others() {
    let lab = lab().await;
    let own = lab.emulator.subscription_id().to_string();
    for (subscription, status, code) in [
        ("22222222-2222-3333-4444-555555555555", 403, "AuthorizationFailed"),
        (
            "33333333-2222-3333-4444-555555555555",
            401,
            "InvalidAuthenticationTokenTenant",
        ),
        ("44444444-2222-3333-4444-555555555555", 404, "SubscriptionNotFound"),
        ("55555555-2222-3333-4444-555555555555", 404, "SubscriptionNotFound"),
    ] {
        for id in [
            lab.subnet(),
            format!("{}/providers/Microsoft.Network/networkSecurityGroups/n", lab.group()),
        ] {
            let reply = lab.get(&url(&id.replace(&own, subscription))).await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{subscription}");
            if code == "AuthorizationFailed" {
                let scope = id.replace(&own, subscription);
                assert!(reply.message().contains(&scope), "{}", reply.message());
            }
        }
    }
    let challenge = lab
        .get(&url(&lab
            .subnet()
            .replace(&own, "33333333-2222-3333-4444-555555555555")))
        .await;
    let challenge = challenge.header("www-authenticate").unwrap().to_string();
    let own = format!(
        "authorization_uri=\"{}/{}",
        lab.emulator.url(),
        lab.variable("ARM_TENANT_ID")
    );
    assert!(challenge.starts_with("Bearer authorization_uri="), "{challenge}");
    assert!(!challenge.contains(&own), "another tenant's address: {challenge}");
}

#[tokio::test]
async fn networks_change_behind_arms_back() {
    let lab = lab().await;
    let group = format!(
        "{}/providers/Microsoft.Network/networkSecurityGroups/nsg-agents",
        lab.group()
    );
    let table = group.replace("networkSecurityGroups/nsg-agents", "routeTables/rt-agents");
    for (id, member, value, shown) in [
        (group.clone(), "securityRules", json!([]), "/properties/securityRules"),
        (
            table,
            "routes",
            json!([{"name": "a", "properties": {"nextHopType": "None"}}]),
            "/properties/routes/0/properties/nextHopType",
        ),
        (
            lab.subnet(),
            "networkSecurityGroup",
            json!({"id": "/nowhere"}),
            "/properties/networkSecurityGroup",
        ),
        (network(&lab), "dhcpOptions", Value::Null, "/properties/dhcpOptions"),
    ] {
        lab.emulator.mutate(&id, Mutation::set(member, value.clone())).unwrap();
        let read = lab.get(&url(&id)).await.json();
        let expected = value.pointer("/0/properties/nextHopType").cloned().unwrap_or(value);
        assert_eq!(read.pointer(shown).cloned().unwrap_or_default(), expected, "{member}");
    }
    lab.emulator
        .mutate(
            &network(&lab),
            Mutation::set("securityAdminRules", json!([{"kind": "Custom"}])),
        )
        .unwrap();
    let action = format!("{}/listNetworkManagerEffectiveSecurityAdminRules", network(&lab));
    let rules = lab.call("POST", &url(&action), Some("{}")).await;
    assert_eq!(rules.text, r#"{"value":[{"kind":"Custom"}]}"#);
    for (member, value) in [("dead", json!("yes")), ("dead", Value::Null)] {
        assert!(
            lab.emulator
                .mutate(&lab.subnet(), Mutation::set(member, value))
                .is_err()
        );
    }
    // A group that vanishes although a subnet names it: the id dangles.
    lab.emulator
        .mutate(
            &lab.subnet(),
            Mutation::set("networkSecurityGroup", json!({"id": group})),
        )
        .unwrap();
    lab.emulator.mutate(&group, Mutation::delete()).unwrap();
    assert_eq!(lab.get(&url(&group)).await.code(), "ResourceNotFound");
    let subnet = lab.get(&url(&lab.subnet())).await.json();
    assert_eq!(subnet["properties"]["networkSecurityGroup"]["id"], json!(group));
    lab.emulator.reset().unwrap();
    assert_eq!(lab.get(&url(&group)).await.status, 200);
}
