//! What a subnet names: associations in both directions, dangling ids, and refusals to delete what is in use.

use serde_json::{Value, json};

use super::lab::{Lab, NETWORKS};
use super::shape::shape_of;

/// The three things that a subnet may name: segment, member, and the code that keeps them while they are named.
const NAMED: [(&str, &str, &str); 3] = [
    (
        "networkSecurityGroups",
        "networkSecurityGroup",
        "InUseNetworkSecurityGroupCannotBeDeleted",
    ),
    ("routeTables", "routeTable", "InUseRouteTableCannotBeDeleted"),
    ("natGateways", "natGateway", "CannotDeleteNatGatewayAssociatedToSubnet"),
];

fn id(lab: &Lab, segment: &str, name: &str) -> String {
    format!("{}/providers/Microsoft.Network/{segment}/{name}", lab.group())
}

fn url(id: &str) -> String {
    format!("{id}?api-version={NETWORKS}")
}

async fn put(lab: &Lab, id: &str, body: &Value) -> (u16, Value) {
    let reply = lab.call("PUT", &url(id), Some(&body.to_string())).await;
    (reply.status, reply.json())
}

async fn have(lab: &Lab, segment: &str, name: &str) -> String {
    let id = id(lab, segment, name);
    let (status, body) = put(lab, &id, &json!({"location": "eastus"})).await;
    assert_eq!(status, 201, "{body}");
    id
}

fn subnet(member: &str, value: Value) -> Value {
    json!({"properties": {"addressPrefix": "10.40.1.0/24", member: value}})
}

#[tokio::test]
async fn associations_show_on_both_sides_and_keep_what_they_name() {
    let lab = Lab::new().await;
    for (segment, member, code) in NAMED {
        let named = have(&lab, segment, "one").await;
        assert_eq!(lab.get(&url(&named)).await.json()["properties"].get("subnets"), None);
        let shouted = named.to_ascii_uppercase();
        let (status, body) = put(&lab, &lab.subnet(), &subnet(member, json!({"id": shouted}))).await;
        assert_eq!(
            (status, &body["properties"][member]),
            (200, &json!({"id": named})),
            "{member}"
        );
        let back = lab.get(&url(&named)).await.json();
        assert_eq!(back["properties"]["subnets"], json!([{"id": lab.subnet()}]), "{member}");
        let refused = lab.call("DELETE", &url(&named), None).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, code));
        assert_eq!(
            shape_of(&refused.text),
            "{error:{code:string,message:string,details:[]}}"
        );
        assert!(refused.message().contains(&lab.subnet()), "{}", refused.message());
        // A body that does not name it takes the association away; so does an explicit null.
        let (_, body) = put(&lab, &lab.subnet(), &subnet(member, Value::Null)).await;
        assert_eq!(body["properties"].get(member), None, "{body}");
        assert_eq!(lab.get(&url(&named)).await.json()["properties"].get("subnets"), None);
        assert_eq!(lab.call("DELETE", &url(&named), None).await.status, 200);
    }
}

#[tokio::test]
async fn a_subnet_with_everything_has_these_keys() {
    let lab = Lab::new().await;
    let mut properties = json!({"addressPrefixes": ["10.40.1.0/24", "10.40.2.0/24"], "defaultOutboundAccess": false,
        "serviceEndpoints": [{"service": "Microsoft.Storage", "provisioningState": "Updating"}, {"service": "Microsoft.KeyVault"}],
        "serviceEndpointPolicies": [{"id": "/policy"}],
        "delegations": [{"name": "0", "properties": {"serviceName": "Microsoft.ContainerInstance/containerGroups"}}]});
    for (segment, member, _) in NAMED {
        properties[member] = json!({"id": have(&lab, segment, "one").await});
    }
    let body = json!({"properties": properties}).to_string();
    let reply = lab.call("PUT", &url(&lab.subnet()), Some(&body)).await;
    assert_eq!(
        shape_of(&reply.text),
        "{name:string,id:string,etag:string,properties:{addressPrefixes:[string],defaultOutboundAccess:boolean,\
         delegations:[{etag:string,id:string,name:string,properties:{actions:[string],provisioningState:string,serviceName:string},\
         type:string}],natGateway:{id:string},networkSecurityGroup:{id:string},privateEndpointNetworkPolicies:string,\
         privateLinkServiceNetworkPolicies:string,provisioningState:string,routeTable:{id:string},\
         serviceEndpointPolicies:[{id:string}],serviceEndpoints:[{locations:[string],provisioningState:string,service:string}]},\
         type:string}"
    );
    assert_eq!(
        reply.json()["properties"]["serviceEndpoints"],
        json!([
            {"service": "Microsoft.Storage", "locations": ["eastus", "westus"], "provisioningState": "Succeeded"},
            {"service": "Microsoft.KeyVault", "locations": ["*"], "provisioningState": "Succeeded"},
        ])
    );
    let read = lab.get(&url(&lab.subnet())).await;
    assert_eq!(read.text, reply.text);
    // Clients send back what they read.
    let again = lab.call("PUT", &url(&lab.subnet()), Some(&read.text)).await;
    assert_eq!(
        (again.status, &again.json()["properties"]),
        (200, &{
            let mut expected = read.json()["properties"].clone();
            expected["delegations"][0]["etag"] = again.json()["properties"]["delegations"][0]["etag"].clone();
            expected
        })
    );
}

#[tokio::test]
async fn what_a_subnet_cannot_name() {
    let lab = Lab::new().await;
    let elsewhere = id(&lab, "networkSecurityGroups", "west");
    put(&lab, &elsewhere, &json!({"location": "westeurope"})).await;
    let table = have(&lab, "routeTables", "one").await;
    let foreign = table.replace(lab.emulator.subscription_id(), "00000000-aaaa-bbbb-cccc-dddddddddddd");
    let network = lab.subnet().replace("/subnets/snet-agents", "");
    let before = lab.get(&url(&lab.subnet())).await.text;
    for (member, named, status, code) in [
        (
            "networkSecurityGroup",
            id(&lab, "networkSecurityGroups", "none"),
            400,
            "InvalidResourceReference",
        ),
        ("networkSecurityGroup", elsewhere, 400, "InvalidResourceReference"),
        ("networkSecurityGroup", table.clone(), 400, "InvalidRequestFormat"),
        ("routeTable", "nonsense".into(), 400, "InvalidRequestFormat"),
        ("routeTable", foreign, 403, "LinkedAuthorizationFailed"),
        (
            "natGateway",
            id(&lab, "natGateways", "none"),
            400,
            "InvalidResourceReference",
        ),
    ] {
        let body = subnet(member, json!({"id": named}));
        let mut inner = body.clone();
        inner["name"] = "snet-agents".into();
        let whole = json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}, "subnets": [inner]}});
        for (target, body) in [(lab.subnet(), body), (network.clone(), whole)] {
            let (got, answer) = put(&lab, &target, &body).await;
            assert_eq!((got, &answer["error"]["code"]), (status, &json!(code)), "{named}");
        }
    }
    assert_eq!(lab.get(&url(&lab.subnet())).await.text, before, "nothing happened");
    let space = lab.get(&url(&network)).await.json()["properties"]["addressSpace"].clone();
    assert_eq!(space, json!({"addressPrefixes": ["10.40.0.0/16"]}));
}

#[tokio::test]
async fn networks_take_their_subnets_dns_and_peerings_along() {
    let lab = Lab::new().await;
    let group = have(&lab, "networkSecurityGroups", "one").await;
    let network = id(&lab, "virtualNetworks", "vnet-two");
    let peering = json!({"name": "hub", "properties": {"peeringState": "Connected", "useRemoteGateways": true}});
    let body = |subnets: Value| {
        json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
            "dhcpOptions": {"dnsServers": ["10.9.0.4"]}, "virtualNetworkPeerings": [peering], "subnets": subnets}})
    };
    let inner =
        json!({"name": "one", "properties": {"addressPrefix": "10.9.1.0/24", "networkSecurityGroup": {"id": group}}});
    let (status, created) = put(&lab, &network, &body(json!([inner]))).await;
    assert_eq!(status, 201);
    assert_eq!(
        created["properties"]["subnets"][0]["properties"]["networkSecurityGroup"]["id"],
        json!(group)
    );
    assert_eq!(created["properties"]["dhcpOptions"]["dnsServers"], json!(["10.9.0.4"]));
    assert_eq!(created["properties"]["virtualNetworkPeerings"], json!([peering]));
    let subnet = format!("{network}/subnets/one");
    let back = lab.get(&url(&group)).await.json();
    assert_eq!(back["properties"]["subnets"], json!([{"id": subnet}]));
    let (status, replaced) = put(&lab, &network, &body(json!([]))).await;
    assert_eq!((status, &replaced["properties"]["subnets"]), (200, &json!([])));
    assert_eq!(lab.get(&url(&subnet)).await.status, 404);
    assert_eq!(lab.call("DELETE", &url(&group), None).await.status, 200);
}

#[tokio::test]
async fn a_network_with_a_busy_subnet_keeps_it_and_everything_else() {
    let lab = Lab::new().await;
    lab.have_pool(
        "pool-a",
        &format!(r#"{{"tier":"S1","virtualNetworkSubnetResourceId":"{}"}}"#, lab.subnet()),
    )
    .await;
    let network = lab.subnet().replace("/subnets/snet-agents", "");
    let body = json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
        "subnets": [{"name": "new", "properties": {"addressPrefix": "10.0.0.0/24"}}]}});
    let (status, refused) = put(&lab, &network, &body).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (400, &json!("InUseSubnetCannotBeDeleted"))
    );
    let names: Vec<Value> = lab.get(&url(&network)).await.json()["properties"]["subnets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|subnet| subnet["name"].clone())
        .collect();
    assert_eq!(names, ["snet-agents"], "nothing was added either");
}

#[tokio::test]
async fn new_networks_are_private_by_default_since_a_version() {
    let lab = Lab::new().await;
    for (version, name, expected) in [
        ("2025-05-01", "vnet-old", Value::Null),
        ("2025-07-01", "vnet-new", json!(false)),
    ] {
        let network = id(&lab, "virtualNetworks", name);
        let body = json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
            "subnets": [{"name": "in", "properties": {"addressPrefix": "10.9.1.0/24"}}]}});
        lab.call(
            "PUT",
            &format!("{network}?api-version={version}"),
            Some(&body.to_string()),
        )
        .await;
        // Later writes with any version follow the network, not the version.
        for (subnet, body) in [
            ("later", json!({"properties": {"addressPrefix": "10.9.2.0/24"}})),
            ("open", subnet("defaultOutboundAccess", json!(true))),
        ] {
            put(&lab, &format!("{network}/subnets/{subnet}"), &body).await;
        }
        for (subnet, expected) in [("in", &expected), ("later", &expected), ("open", &json!(true))] {
            let read = lab.get(&url(&format!("{network}/subnets/{subnet}"))).await.json();
            assert_eq!(
                &read["properties"]["defaultOutboundAccess"], expected,
                "{name} {subnet}"
            );
        }
    }
}
