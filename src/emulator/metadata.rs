//! What a client asks before it knows anything: cloud endpoints, subscriptions, and which regions offer what.

use serde_json::{Value, json};

use super::answer::Answer;
use super::json::Json;
use super::versions::TaskVersions;

/// The namespace that this emulator is about.
pub(super) const REGISTRY_NAMESPACE: &str = "Microsoft.ContainerRegistry";
/// The type name of a pool.
pub(super) const POOL_TYPE: &str = "Microsoft.ContainerRegistry/registries/agentPools";

/// The only versions that ever had agent pools.
pub(super) const POOL_VERSIONS: [&str; 2] = ["2025-03-01-preview", "2019-06-01-preview"];
/// Versions that have tasks and runs.
pub(super) const TASK_VERSIONS: [&str; 4] = ["2025-03-01-preview", "2019-06-01-preview", "2019-04-01", "2018-09-01"];
/// Versions of the registry itself, newest first.
pub(super) const REGISTRY_VERSIONS: [&str; 20] = [
    // Asked for by azure-cli 2.91.0.
    "2026-09-01-preview",
    "2026-03-01-preview",
    "2026-01-01-preview",
    "2025-11-01",
    "2025-06-01-preview",
    "2025-05-01-preview",
    "2025-04-01",
    "2025-03-01-preview",
    "2024-11-01-preview",
    "2023-11-01-preview",
    "2023-08-01-preview",
    "2023-07-01",
    "2023-06-01-preview",
    "2023-01-01-preview",
    "2022-12-01",
    "2022-02-01-preview",
    "2021-09-01",
    "2021-06-01-preview",
    "2020-11-01-preview",
    "2019-05-01",
];

/// Where pools are offered: the normalised name and the display name. ARM's list as last published, which differs from
/// the documentation's in both directions.
pub(super) const POOL_REGIONS: [(&str, &str); 15] = [
    ("eastus", "East US"),
    ("westeurope", "West Europe"),
    ("westus2", "West US 2"),
    ("southcentralus", "South Central US"),
    ("australiaeast", "Australia East"),
    ("canadacentral", "Canada Central"),
    ("centralus", "Central US"),
    ("eastasia", "East Asia"),
    ("eastus2", "East US 2"),
    ("northeurope", "North Europe"),
    ("francecentral", "France Central"),
    ("switzerlandnorth", "Switzerland North"),
    ("swedencentral", "Sweden Central"),
    ("westus3", "West US 3"),
    ("germanywestcentral", "Germany West Central"),
];

/// Where registries exist but pools do not, so that the region refusal can be met.
const OTHER_REGIONS: [(&str, &str); 4] = [
    ("uksouth", "UK South"),
    ("westus", "West US"),
    ("norwayeast", "Norway East"),
    ("japaneast", "Japan East"),
];

/// A location as ARM compares it: lower case, no spaces.
pub(super) fn normalized(location: &str) -> String {
    location
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase()
}

/// Whether ARM knows the region at all.
pub(super) fn is_region(location: &str) -> bool {
    POOL_REGIONS
        .iter()
        .chain(&OTHER_REGIONS)
        .any(|(name, _)| *name == location)
}

/// `/metadata/endpoints`: public, read by azurerm and by `az cloud register`.
pub(super) fn endpoints(base_url: &str, tenant: &str) -> Answer {
    let host = base_url.trim_start_matches("https://");
    let body = json!({
        "name": "acr-emulator",
        "portal": base_url,
        "authentication": {
            "loginEndpoint": base_url,
            "audiences": [base_url, "https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        "graph": format!("{base_url}/"),
        "graphAudience": format!("{base_url}/"),
        "microsoftGraphResourceId": format!("{base_url}/"),
        "gallery": format!("{base_url}/"),
        "resourceManager": base_url,
        "batch": format!("{base_url}/"),
        "media": base_url,
        "sqlManagement": format!("{base_url}/"),
        "vmImageAliasDoc": format!("{base_url}/"),
        "activeDirectoryDataLake": format!("{base_url}/"),
        "suffixes": {
            "acrLoginServer": "azurecr.io",
            "storage": host,
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
        },
    });
    Answer::json(200, body.into())
}

/// One subscription.
pub(super) fn subscription(id: &str, tenant: &str) -> Json {
    let body = json!({
        "id": format!("/subscriptions/{id}"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": id,
        "tenantId": tenant,
        "displayName": "acr-emulator",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Internal_2014-09-01",
            "quotaId": "Internal_2014-09-01",
            "spendingLimit": "Off",
        },
    });
    body.into()
}

/// The regions of a subscription. The Azure CLI asks for them to make `westeurope` of `West Europe`; coordinates, pairs and
/// zones, which the service adds, are left out.
pub(super) fn locations(subscription: &str) -> Json {
    let regions = POOL_REGIONS.iter().chain(&OTHER_REGIONS);
    let location = |(name, shown): &(&str, &str)| {
        Json::object([
            ("id", format!("/subscriptions/{subscription}/locations/{name}").into()),
            ("name", (*name).into()),
            ("type", "Region".into()),
            ("displayName", (*shown).into()),
        ])
    };
    Json::list(regions.map(location).collect())
}

/// The metadata of one resource provider, if it is served.
pub(super) fn provider(subscription: &str, namespace: &str, tasks: &TaskVersions) -> Option<Json> {
    let everywhere: Vec<&str> = POOL_REGIONS
        .iter()
        .chain(&OTHER_REGIONS)
        .map(|(_, shown)| *shown)
        .collect();
    let pools: Vec<&str> = POOL_REGIONS.iter().map(|(_, shown)| *shown).collect();
    let (name, types) = if namespace.eq_ignore_ascii_case(REGISTRY_NAMESPACE) {
        let types = vec![
            resource_type("registries", &everywhere, &REGISTRY_VERSIONS),
            resource_type("registries/agentPools", &pools, &tasks.served(&POOL_VERSIONS)),
            resource_type("registries/tasks", &everywhere, &tasks.served(&TASK_VERSIONS)),
            resource_type("registries/runs", &everywhere, &tasks.served(&TASK_VERSIONS)),
        ];
        (REGISTRY_NAMESPACE, types)
    } else if namespace.eq_ignore_ascii_case("Microsoft.Network") {
        let versions = ["2024-05-01", "2023-11-01", "2022-07-01"];
        let types = vec![
            resource_type("virtualNetworks", &everywhere, &versions),
            resource_type("virtualNetworks/subnets", &everywhere, &versions),
            resource_type("networkSecurityGroups", &everywhere, &versions),
            resource_type("routeTables", &everywhere, &versions),
            resource_type("natGateways", &everywhere, &versions),
            resource_type("locations/serviceTags", &everywhere, &versions),
        ];
        ("Microsoft.Network", types)
    } else {
        return None;
    };
    let body = json!({
        "id": format!("/subscriptions/{subscription}/providers/{name}"),
        "namespace": name,
        "resourceTypes": types,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
    });
    Some(body.into())
}

fn resource_type(name: &str, locations: &[&str], versions: &[&str]) -> Value {
    json!({
        "resourceType": name,
        "locations": locations,
        "apiVersions": versions,
        "capabilities": "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove, SystemAssignedResourceIdentity",
    })
}
