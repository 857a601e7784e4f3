//! Security groups, route tables and NAT gateways: every answer's exact keys, and what a write refuses.

use serde_json::{Value, json};

use super::lab::{Lab, NETWORKS};
use super::shape::shape_of;

/// A rule that names one of everything.
const RULE: &str = "provisioningState:string,protocol:string,sourcePortRange:string,destinationPortRange:string,\
                    sourceAddressPrefix:string,destinationAddressPrefix:string,access:string,priority:number,direction:string,\
                    sourcePortRanges:[],destinationPortRanges:[],sourceAddressPrefixes:[],destinationAddressPrefixes:[]";
const ROUTE: &str = "{name:string,id:string,etag:string,properties:{provisioningState:string,addressPrefix:string,\
                     nextHopType:string,nextHopIpAddress:string,hasBgpOverride:boolean},type:string}";
const NETWORK_ERROR: &str = "{error:{code:string,message:string,details:[]}}";

fn rule_shape(properties: &str) -> String {
    format!("{{name:string,id:string,etag:string,type:string,properties:{{{properties}}}}}")
}

fn rule(priority: i64, direction: &str) -> Value {
    json!({"properties": {"protocol": "Tcp", "sourcePortRange": "*", "destinationPortRange": "443",
        "sourceAddressPrefix": "VirtualNetwork", "destinationAddressPrefix": "Storage", "access": "Allow",
        "priority": priority, "direction": direction}})
}

fn named(name: &str, mut child: Value) -> Value {
    child["name"] = name.into();
    child
}

fn at(lab: &Lab, path: &str) -> String {
    format!(
        "{}/providers/Microsoft.Network/{path}?api-version={NETWORKS}",
        lab.group()
    )
}

async fn put(lab: &Lab, url: &str, body: &Value) -> (u16, String) {
    let reply = lab.call("PUT", url, Some(&body.to_string())).await;
    (reply.status, reply.text)
}

#[tokio::test]
async fn security_groups() {
    let lab = Lab::new().await;
    let url = at(&lab, "networkSecurityGroups/nsg-one");
    let body = json!({"location": "East US", "tags": {"a": "b"}, "properties": {"securityRules": [named("https", rule(200, "Outbound"))]}});
    let shape = format!(
        "{{name:string,id:string,etag:string,type:string,location:string,tags:{{a:string}},properties:{{\
         provisioningState:string,resourceGuid:string,securityRules:[{}],defaultSecurityRules:[{}]}}}}",
        rule_shape(RULE),
        rule_shape(&RULE.replace(",protocol", ",description:string,protocol")),
    );
    let (status, created) = put(&lab, &url, &body).await;
    assert_eq!((status, shape_of(&created)), (201, shape.clone()));
    let (status, again) = put(&lab, &url, &body).await;
    assert_eq!((status, shape_of(&again)), (200, shape.clone()));
    let read = lab.get(&url).await;
    assert_eq!((read.status, &read.text), (200, &again));
    let [first, second]: [Value; 2] = [created, again].map(|text| serde_json::from_str(&text).unwrap());
    assert_ne!(first["etag"], second["etag"], "each write has an etag of its own");
    assert_eq!(
        first["properties"]["resourceGuid"],
        second["properties"]["resourceGuid"]
    );
    assert_eq!(second["location"], "eastus");
    let defaults: Vec<(String, i64)> = second["properties"]["defaultSecurityRules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            let name = rule["name"].as_str().unwrap().to_string();
            (name, rule["properties"]["priority"].as_i64().unwrap())
        })
        .collect();
    let expected = [
        ("AllowVnetInBound", 65000),
        ("AllowAzureLoadBalancerInBound", 65001),
        ("DenyAllInBound", 65500),
        ("AllowVnetOutBound", 65000),
        ("AllowInternetOutBound", 65001),
        ("DenyAllOutBound", 65500),
    ];
    assert_eq!(defaults, expected.map(|(name, priority)| (name.to_string(), priority)));
    for list in [
        url.replace("/nsg-one?", "?"),
        url.replace("/resourceGroups/rg-builds", "").replace("/nsg-one?", "?"),
    ] {
        let listed = lab.get(&list).await;
        assert_eq!(shape_of(&listed.text), format!("{{value:[{shape}]}}"), "{list}");
    }
    let missing = lab.get(&url.replace("nsg-one", "nsg-none")).await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "ResourceNotFound"));
    let deleted = lab.call("DELETE", &url, None).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (200, ""));
    assert_eq!(lab.call("DELETE", &url, None).await.status, 204);
}

#[tokio::test]
async fn single_security_rules() {
    let lab = Lab::new().await;
    let group = at(&lab, "networkSecurityGroups/nsg-one");
    let url = group.replace('?', "/securityRules/https?");
    let (status, text) = put(&lab, &url, &rule(200, "Outbound")).await;
    assert_eq!(status, 404, "{text}");
    assert!(text.contains("ParentResourceNotFound"), "{text}");
    put(&lab, &group, &json!({"location": "eastus"})).await;
    let (status, created) = put(&lab, &url, &rule(200, "Outbound")).await;
    assert_eq!((status, shape_of(&created)), (201, rule_shape(RULE)));
    assert_eq!(put(&lab, &url, &rule(210, "Outbound")).await.0, 200);
    let read = lab.get(&url.replace("https", "HTTPS")).await.json();
    assert_eq!(
        (&read["name"], &read["properties"]["priority"]),
        (&json!("https"), &json!(210))
    );
    assert!(
        read["id"].as_str().unwrap().ends_with("/nsg-one/securityRules/https"),
        "{read}"
    );
    let list = lab.get(&url.replace("/https?", "?")).await;
    assert_eq!(shape_of(&list.text), format!("{{value:[{}]}}", rule_shape(RULE)));
    let defaults = lab.get(&group.replace('?', "/defaultSecurityRules?")).await.json();
    assert_eq!(defaults["value"].as_array().unwrap().len(), 6);
    let deny = lab
        .get(&group.replace('?', "/defaultSecurityRules/DenyAllOutBound?"))
        .await;
    assert_eq!(deny.json()["properties"]["priority"], 65500);
    assert_eq!(lab.get(&url.replace("https", "none")).await.code(), "ResourceNotFound");
    assert_eq!(lab.call("DELETE", &url, None).await.status, 200);
    assert_eq!(lab.call("DELETE", &url, None).await.status, 204);
    assert_eq!(lab.get(&url).await.status, 404);
}

#[tokio::test]
async fn plural_members_and_application_groups_come_back_as_sent() {
    let lab = Lab::new().await;
    let group = at(&lab, "networkSecurityGroups/nsg-one");
    put(&lab, &group, &json!({"location": "eastus"})).await;
    let body = json!({"properties": {"protocol": "tcp", "sourcePortRange": "*", "destinationPortRange": "",
        "destinationPortRanges": ["443", "12000"], "sourceApplicationSecurityGroups": [{"id": "/a"}],
        "destinationAddressPrefixes": ["10.0.0.0/8"], "access": "allow", "priority": 300, "direction": "outbound",
        "provisioningState": "Updating", "colour": "red"}});
    let (_, text) = put(&lab, &group.replace('?', "/securityRules/many?"), &body).await;
    let properties = serde_json::from_str::<Value>(&text).unwrap()["properties"].clone();
    for (member, expected) in [
        ("protocol", json!("tcp")),
        ("destinationPortRange", json!("")),
        ("destinationPortRanges", json!(["443", "12000"])),
        ("sourceApplicationSecurityGroups", json!([{"id": "/a"}])),
        ("destinationAddressPrefixes", json!(["10.0.0.0/8"])),
        ("sourceAddressPrefixes", json!([])),
        ("provisioningState", json!("Succeeded")),
        ("destinationAddressPrefix", Value::Null),
        ("colour", Value::Null),
    ] {
        assert_eq!(properties[member], expected, "{member}");
    }
}

#[tokio::test]
async fn rules_that_are_refused() {
    let lab = Lab::new().await;
    let group = at(&lab, "networkSecurityGroups/nsg-one");
    let rules = |rules: Vec<Value>| json!({"location": "eastus", "properties": {"securityRules": rules}});
    let one = || named("one", rule(200, "Outbound"));
    put(&lab, &group, &rules(vec![one()])).await;
    let single = group.replace('?', "/securityRules/two?");
    for (url, body, code) in [
        (&group, json!({}), "LocationRequired"),
        (
            &group,
            json!({"location": "mars"}),
            "LocationNotAvailableForResourceType",
        ),
        (&group, json!({"location": "westeurope"}), "InvalidResourceLocation"),
        (
            &group,
            rules(vec![one(), named("two", rule(200, "outbound"))]),
            "SecurityRuleConflict",
        ),
        (&group, rules(vec![one(), one()]), "InvalidRequestFormat"),
        (&single, rule(200, "Outbound"), "SecurityRuleConflict"),
        (&single, rule(99, "Outbound"), "SecurityRuleInvalidPriority"),
        (&single, rule(4097, "Outbound"), "SecurityRuleInvalidPriority"),
        (&single, rule(300, "Sideways"), "InvalidRequestFormat"),
        (&single, json!({"properties": {}}), "InvalidRequestFormat"),
    ] {
        let reply = lab.call("PUT", url, Some(&body.to_string())).await;
        assert_eq!(reply.code(), code, "{body}");
        if code.starts_with("SecurityRule") {
            assert_eq!((reply.status, shape_of(&reply.text).as_str()), (400, NETWORK_ERROR));
            assert_eq!(reply.header("x-ms-failure-cause"), None);
        }
    }
    let left = lab.get(&group).await.json();
    assert_eq!(left["properties"]["securityRules"].as_array().unwrap().len(), 1);
    assert_eq!(put(&lab, &single, &rule(200, "Inbound")).await.0, 201);
    assert_eq!(put(&lab, &group, &json!({"location": "eastus"})).await.0, 200);
    let emptied = lab.get(&group).await.json();
    assert_eq!(
        emptied["properties"]["securityRules"],
        json!([]),
        "a body without rules"
    );
}

#[tokio::test]
async fn route_tables() {
    let lab = Lab::new().await;
    let url = at(&lab, "routeTables/rt-one");
    let hop = json!({"properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.40.9.4"}});
    let body = json!({"location": "eastus", "properties": {"routes": [named("default", hop.clone())]}});
    let shape = format!(
        "{{name:string,id:string,etag:string,type:string,location:string,properties:{{provisioningState:string,\
         resourceGuid:string,disableBgpRoutePropagation:boolean,routes:[{ROUTE}]}}}}"
    );
    let (status, created) = put(&lab, &url, &body).await;
    assert_eq!((status, shape_of(&created)), (201, shape.clone()));
    let listed = lab.get(&url.replace("/rt-one?", "?")).await;
    assert_eq!(shape_of(&listed.text), format!("{{value:[{shape}]}}"));
    let route = url.replace('?', "/routes/second?");
    let (status, text) = put(&lab, &route, &hop).await;
    assert_eq!((status, shape_of(&text).as_str()), (201, ROUTE));
    assert_eq!(lab.get(&route).await.text, text);
    let list = lab.get(&route.replace("/second?", "?")).await.json();
    assert_eq!(list["value"].as_array().unwrap().len(), 2);
    for properties in [
        json!({"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance"}),
        json!({"addressPrefix": "0.0.0.0/0", "nextHopType": "Tunnel"}),
        json!({"nextHopType": "Internet"}),
    ] {
        let body = json!({"properties": properties}).to_string();
        let refused = lab.call("PUT", &route, Some(&body)).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "InvalidRequestFormat"),
            "{body}"
        );
    }
    assert_eq!(lab.call("DELETE", &route, None).await.status, 200);
    assert_eq!(lab.call("DELETE", &url, None).await.status, 200);
    assert_eq!(lab.get(&url).await.status, 404);
}

#[tokio::test]
async fn nat_gateways() {
    let lab = Lab::new().await;
    let url = at(&lab, "natGateways/ng-one");
    let shape = "{name:string,id:string,etag:string,type:string,location:string,sku:{name:string},properties:{\
                 provisioningState:string,resourceGuid:string,idleTimeoutInMinutes:number,publicIpAddresses:[{id:string}]}}";
    let body = json!({"location": "eastus", "sku": {"name": "Standard"}, "properties": {"publicIpAddresses": [{"id": "/ip"}]}});
    let (status, text) = put(&lab, &url, &body).await;
    assert_eq!((status, shape_of(&text).as_str()), (201, shape));
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap()["properties"]["idleTimeoutInMinutes"],
        4
    );
    let listed = lab.get(&url.replace("/ng-one?", "?")).await.json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
    let child = lab.get(&url.replace('?', "/securityRules?")).await;
    assert_eq!((child.status, child.code().as_str()), (501, "NotServedByEmulator"));
    assert_eq!(lab.call("DELETE", &url, None).await.status, 200);
}

#[tokio::test]
async fn provider_metadata_and_resource_lists_know_them() {
    let lab = Lab::new().await;
    let subscription = lab.emulator.subscription_id();
    let metadata = format!("/subscriptions/{subscription}/providers/Microsoft.Network?api-version=2022-09-01");
    let text = lab.get(&metadata).await.text;
    put(&lab, &at(&lab, "routeTables/rt-one"), &json!({"location": "eastus"})).await;
    for name in [
        "networkSecurityGroups",
        "routeTables",
        "natGateways",
        "locations/serviceTags",
    ] {
        assert!(text.contains(&format!(r#""resourceType":"{name}""#)), "{name}");
    }
    let list = format!(
        "/subscriptions/{subscription}/resources?$filter=resourceType%20eq%20%27Microsoft.Network%2FrouteTables%27&api-version=2022-09-01"
    );
    let listed = lab.get(&list).await;
    assert_eq!(
        shape_of(&listed.text),
        "{value:[{id:string,name:string,type:string,location:string}]}"
    );
    let group = format!("{}?api-version=2022-09-01", lab.group());
    assert_eq!(lab.call("DELETE", &group, None).await.status, 200);
    assert!(lab.emulator.live_ids().is_empty(), "{:?}", lab.emulator.live_ids());
}
