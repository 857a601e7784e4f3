//! Registries: enough of them to hold pools.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::arm::Call;
use super::clock::{with_offset, with_zulu};
use super::json::Json;
use super::metadata::{is_region, normalized};
use super::operations::{Fate, Kind};
use super::refusals::Refusal;
use super::seed::{ISOLATED_VCPU_QUOTA, STANDARD_VCPU_QUOTA, SeedRegistry};
use super::store::{Provenance, Registry, Store, key};

/// Length of a registry's name, from the specification.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 5..=50;
/// Properties that a caller may set and that are echoed; nothing else happens because of them.
const ECHOED: [&str; 10] = [
    "adminUserEnabled",
    "networkRuleSet",
    "encryption",
    "dataEndpointEnabled",
    "publicNetworkAccess",
    "networkRuleBypassOptions",
    "networkRuleBypassAllowedForTasks",
    "zoneRedundancy",
    "anonymousPullEnabled",
    "roleAssignmentMode",
];

/// The connections of private endpoints: shown, never written by a PUT.
const CONNECTIONS: &str = "privateEndpointConnections";

impl Registry {
    /// Sets a property behind ARM's back; `null` brings its default back. Nothing for a name that no property has.
    pub(super) fn set_from_outside(&mut self, name: &str, value: &Value) -> Option<()> {
        if name != CONNECTIONS && !ECHOED.contains(&name) {
            return None;
        }
        if value.is_null() {
            self.settings.remove(name);
        } else {
            self.settings.insert(name.into(), value.clone());
        }
        Some(())
    }
}

/// The properties of a seeded registry; `id` is its ARM id.
pub(super) fn seeded_settings(registry: &SeedRegistry, id: &str) -> Result<Map<String, Value>, String> {
    let mut settings = registry.properties.clone();
    if let Some(unknown) = settings.keys().find(|name| !ECHOED.contains(&name.as_str())) {
        return Err(format!("registry '{}' has no property '{unknown}'", registry.name));
    }
    let connections = registry.private_endpoints.iter().map(|endpoint| {
        let name = &endpoint.name;
        json!({
            "id": format!("{id}/{CONNECTIONS}/{name}"),
            "name": name,
            "type": format!("Microsoft.ContainerRegistry/registries/{CONNECTIONS}"),
            "properties": {
                "privateEndpoint": {"id": endpoint.private_endpoint_id},
                "privateLinkServiceConnectionState": {"status": endpoint.status, "actionsRequired": "None"},
                "provisioningState": "Succeeded",
            },
        })
    });
    let connections: Vec<Value> = connections.collect();
    if !connections.is_empty() {
        settings.insert(CONNECTIONS.into(), connections.into());
    }
    Ok(settings)
}

impl Store {
    /// The registry of an id, or the gateway's 404 for it.
    pub(super) fn registry_of(&self, id: &str) -> Result<&Registry, Refusal> {
        self.registries.get(&key(id)).ok_or_else(|| self.not_found(id))
    }

    /// A registry in the recorded member order. Newer versions add members, as far as recordings and documents tell
    /// which; the versions between two recordings are an assumption.
    fn registry_json(&self, registry: &Registry, version: &str) -> Json {
        let provenance = &registry.provenance;
        let set = |name: &str, default: Value| Json::from(registry.settings.get(name).cloned().unwrap_or(default));
        let soft = |days: &'static str, status: Value| {
            Json::object([
                (days, 7.into()),
                ("lastUpdatedTime", with_offset(provenance.created_at).into()),
                ("status", status.into()),
            ])
        };
        let policies = Json::object([
            ("quarantinePolicy", json!({"status": "disabled"}).into()),
            (
                "trustPolicy",
                Json::object([("type", "Notary".into()), ("status", "disabled".into())]),
            ),
            ("retentionPolicy", soft("days", "disabled".into())),
            ("exportPolicy", json!({"status": "enabled"}).into()),
            ("azureADAuthenticationAsArmPolicy", json!({"status": "enabled"}).into()),
            ("softDeletePolicy", soft("retentionDays", "disabled".into())),
        ]);
        let server = format!("{}.azurecr.io", registry.name.to_ascii_lowercase());
        let (newest, bypass) = (version >= "2026-01-01", version >= "2025-06-01");
        let newest = |value: Json| newest.then_some(value);
        let given = |member: &str| registry.settings.get("networkRuleSet")?.get(member).cloned();
        let rules = Json::object([
            ("defaultAction", given("defaultAction").unwrap_or("Allow".into()).into()),
            ("ipRules", given("ipRules").unwrap_or(json!([])).into()),
        ]);
        let properties = Json::present([
            ("loginServer", Some(server.into())),
            ("creationDate", Some(with_zulu(provenance.created_at).into())),
            ("provisioningState", Some((&registry.state).into())),
            ("adminUserEnabled", Some(set("adminUserEnabled", false.into()))),
            ("networkRuleSet", Some(rules)),
            ("policies", Some(policies)),
            ("encryption", Some(set("encryption", json!({"status": "disabled"})))),
            ("dataEndpointEnabled", Some(set("dataEndpointEnabled", false.into()))),
            ("regionalEndpoints", newest("Disabled".into())),
            ("dataEndpointHostNames", Some(Json::Array(Vec::new()))),
            ("regionalEndpointHostNames", newest(Json::Array(Vec::new()))),
            ("endpointProtocol", newest("IPv4".into())),
            ("privateEndpointConnections", Some(set(CONNECTIONS, json!([])))),
            (
                "publicNetworkAccess",
                Some(set("publicNetworkAccess", "Enabled".into())),
            ),
            (
                "networkRuleBypassOptions",
                Some(set("networkRuleBypassOptions", "AzureServices".into())),
            ),
            (
                "networkRuleBypassAllowedForTasks",
                bypass.then(|| set("networkRuleBypassAllowedForTasks", false.into())),
            ),
            ("zoneRedundancy", Some(set("zoneRedundancy", "Disabled".into()))),
            ("anonymousPullEnabled", Some(set("anonymousPullEnabled", false.into()))),
            ("metadataSearch", newest("Disabled".into())),
            (
                "roleAssignmentMode",
                newest(set("roleAssignmentMode", "LegacyRegistryPermissions".into())),
            ),
            ("autoGeneratedDomainNameLabelScope", newest("Unsecure".into())),
        ]);
        Json::object([
            (
                "sku",
                Json::object([("name", (&registry.sku).into()), ("tier", (&registry.sku).into())]),
            ),
            ("type", "Microsoft.ContainerRegistry/registries".into()),
            ("id", self.shown(&registry.id).into()),
            ("name", (&registry.name).into()),
            ("location", (&registry.location).into()),
            ("tags", registry.tags.clone().into()),
            ("systemData", provenance.to_json(with_offset)),
            ("properties", properties),
        ])
    }

    /// `GET` of the registries below a prefix: a group's id, or empty for the subscription.
    pub(super) fn list_registries(&self, call: &Call, prefix: &str) -> Answer {
        let prefix = key(prefix);
        let inside = self.registries.iter().filter(|(id, _)| id.starts_with(&prefix));
        let listed = inside
            .map(|(_, registry)| self.registry_json(registry, call.version))
            .collect();
        supported(Answer::json(200, Json::list(listed)), call)
    }

    /// `GET` of one registry.
    pub(super) fn get_registry(&self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        Ok(supported(
            Answer::json(200, self.registry_json(self.registry_of(id)?, call.version)),
            call,
        ))
    }

    /// `PUT` of one registry: an operation, as recorded.
    pub(super) fn put_registry(&mut self, call: &Call, group: &str, name: &str) -> Result<Answer, Refusal> {
        let body = call.json_body()?;
        let location = normalized(body.get("location").and_then(Value::as_str).unwrap_or_default());
        let sku = body
            .get("sku")
            .and_then(|sku| sku.get("name"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        check(name, &location, sku)?;
        let settings = settings(body.get("properties"))?;
        let closed = settings.get("publicNetworkAccess").and_then(Value::as_str) == Some("Disabled");
        if closed && !sku.eq_ignore_ascii_case("Premium") {
            let text = format!("The SKU {sku} cannot disable public network access.");
            return Err(Refusal::provider(400, "DisablingPublicNetworkAccessNotSupported", text));
        }
        let id = format!("{group}/providers/Microsoft.ContainerRegistry/registries/{name}");
        let mut registry = Registry {
            id: id.clone(),
            name: name.into(),
            location: location.clone(),
            sku: SKUS
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(sku))
                .unwrap_or(sku)
                .into(),
            tags: body.get("tags").cloned().unwrap_or_else(|| json!({})),
            settings,
            state: Kind::Create.state().into(),
            provenance: Provenance::new(call.object_id, call.now),
            standard_vcpu_quota: STANDARD_VCPU_QUOTA,
            isolated_vcpu_quota: ISOLATED_VCPU_QUOTA,
        };
        let mut kind = Kind::Create;
        if let Some(known) = self.registries.get(&key(&id)) {
            if known.location != location {
                return Err(Refusal::moved(&known.id, &known.location));
            }
            kind = Kind::Update;
            registry.id = known.id.clone();
            registry.name = known.name.clone();
            registry.state = kind.state().into();
            registry.provenance = Provenance {
                modified_by: call.object_id.into(),
                modified_at: call.now,
                ..known.provenance.clone()
            };
            // Connections come and go with private endpoints, never by a write to the registry.
            if let Some(connections) = known.settings.get(CONNECTIONS) {
                registry.settings.insert(CONNECTIONS.into(), connections.clone());
            }
            registry.standard_vcpu_quota = known.standard_vcpu_quota;
            registry.isolated_vcpu_quota = known.isolated_vcpu_quota;
        }
        let json = self.registry_json(&registry, call.version);
        let id = registry.id.clone();
        self.registries.insert(key(&id), registry);
        self.supersede(&id);
        let operation = self.begin(kind, &id, call.fate.clone().unwrap_or(Fate::Succeed), call.now);
        let url = self.polling_url(
            &format!("{id}/operationStatuses/registries-{operation}"),
            call.version,
            call.now,
        );
        let status = if kind == Kind::Create { 201 } else { 200 };
        let answer = Answer::json(status, json).header("azure-asyncoperation", url);
        Ok(supported(answer.header("retry-after", self.retry_after()), call))
    }

    /// The status resource of a registry's operation; recorded to repeat its own address in a header.
    pub(super) fn registry_operation(&mut self, call: &Call, id: &str, operation: &str) -> Result<Answer, Refusal> {
        let guid = operation.strip_prefix("registries-").unwrap_or(operation);
        let answer = self.operation_status(id, guid)?;
        let url = self.polling_url(&format!("{id}/operationStatuses/{operation}"), call.version, call.now);
        Ok(supported(answer.header("azure-asyncoperation", url), call))
    }

    /// `DELETE` of one registry with all that it holds.
    pub(super) fn delete_registry(&mut self, call: &Call, id: &str) -> Answer {
        if self.registries.remove(&key(id)).is_none() {
            return supported(Answer::empty(204), call);
        }
        let prefix = format!("{}/", key(id));
        let pools: Vec<String> = self
            .pools
            .keys()
            .filter(|id| id.starts_with(&prefix))
            .cloned()
            .collect();
        for pool in pools {
            self.remove_pool(&pool, call.now, call.now);
        }
        self.tasks.retain(|id, _| !id.starts_with(&prefix));
        self.runs.retain(|id, _| !id.starts_with(&prefix));
        supported(Answer::empty(200), call)
    }
}

/// The SKUs that can be created.
const SKUS: [&str; 3] = ["Basic", "Standard", "Premium"];

/// Answers of the registry's own API repeat the version that was asked for; those of tasks and pools do not.
fn supported(answer: Answer, call: &Call) -> Answer {
    answer.header("api-supported-versions", call.version)
}

fn check(name: &str, location: &str, sku: &str) -> Result<(), Refusal> {
    if !NAME_LENGTH.contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        let text = format!("The registry name '{name}' is invalid: 5 to 50 letters and digits are allowed.");
        return Err(Refusal::provider(400, "RegistryNameNotValid", text));
    }
    if location.is_empty() {
        return Err(Refusal::location_required());
    }
    if !is_region(location) {
        return Err(Refusal::location(
            location,
            "Microsoft.ContainerRegistry/registries",
            &[],
        ));
    }
    if !SKUS.iter().any(|known| known.eq_ignore_ascii_case(sku)) {
        return Err(Refusal::provider(
            400,
            "InvalidSku",
            format!("The SKU '{sku}' is not one of {}.", SKUS.join(", ")),
        ));
    }
    Ok(())
}

fn settings(properties: Option<&Value>) -> Result<Map<String, Value>, Refusal> {
    let given = properties.and_then(Value::as_object).cloned().unwrap_or_default();
    let mut kept = Map::new();
    for (name, value) in given {
        // Policies and the like come from clients that send the whole object back; their defaults are all there is.
        if ECHOED.contains(&name.as_str()) && !value.is_null() {
            kept.insert(name, value);
        }
    }
    Ok(kept)
}
