//! ARM's front door: authentication has happened; here come version, subscription, permission, and the way to the object.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::answer::Answer;
use super::identity::Principal;
use super::json::Json;
use super::metadata;
use super::network_routes;
use super::operations::Fate;
use super::query::Query;
use super::refusals::Refusal;
use super::store::Store;
use super::versions;

/// One request to ARM.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// The path as sent.
    pub(super) path: &'a str,
    pub(super) query: &'a Query,
    pub(super) body: &'a [u8],
    /// The `api-version`, checked.
    pub(super) version: &'a str,
    pub(super) client_id: &'a str,
    pub(super) object_id: &'a str,
    pub(super) now: OffsetDateTime,
    /// `x-ms-correlation-request-id` as sent.
    pub(super) correlation: Option<&'a str>,
    /// What a fault wants to become of the operation that this call starts.
    pub(super) fate: Option<Fate>,
}

/// A request before its version and principal are known to be good.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a Query,
    pub(super) body: &'a [u8],
    pub(super) correlation: Option<&'a str>,
    pub(super) now: OffsetDateTime,
    pub(super) fate: Option<Fate>,
}

impl Call<'_> {
    /// The body as a JSON object.
    pub(super) fn json_body(&self) -> Result<Map<String, Value>, Refusal> {
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(Refusal::content("the body is no JSON object")),
            Err(error) => Err(Refusal::content(&error.to_string())),
        }
    }
}

/// Answers a request to ARM.
pub(super) fn answer(store: &mut Store, principal: &Principal, request: Request) -> Answer {
    route(store, principal, request).unwrap_or_else(Refusal::into_answer)
}

fn route(store: &mut Store, principal: &Principal, request: Request) -> Result<Answer, Refusal> {
    // Clients that put ids together may leave a part empty and send two slashes, which the service takes for one.
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    if lower.first() != Some(&"subscriptions") {
        return Err(Refusal::not_served(&format!("the path '{}'", request.path)));
    }
    let version = request.query.get("api-version").filter(|version| !version.is_empty());
    let version = version.ok_or_else(Refusal::api_version_missing)?;
    if let Some(foreign) = segments
        .get(1)
        .filter(|id| !id.eq_ignore_ascii_case(&store.subscription_id))
    {
        let action = action(request.method, &segments);
        return Err(store.foreign_refusal(principal, foreign, &action, request.path));
    }
    versions::check(&store.task_versions, &lower, version)?;
    let action = action(request.method, &segments);
    if !principal.rights.allow(&action) {
        let scope = request.path.trim_end_matches('/');
        return Err(Refusal::unauthorized(
            &principal.client_id,
            &principal.object_id,
            &action,
            scope,
        ));
    }
    let call = Call {
        method: request.method,
        path: request.path,
        query: request.query,
        body: request.body,
        version,
        client_id: &principal.client_id,
        object_id: &principal.object_id,
        correlation: request.correlation,
        now: request.now,
        fate: request.fate,
    };
    match lower.as_slice() {
        [_, _, "resourcegroups", _, "providers", namespace, rest @ ..] => {
            let group = store.group_named(segments[3])?.id.clone();
            match *namespace {
                "microsoft.containerregistry" => {
                    let answer = registry_route(store, &call, &group, rest, &segments[6..])?;
                    let (tenant, operation) = (&store.tenant_id, super::identity::random_id());
                    let who = format!("tenantId={tenant},objectId={}/eastus/{operation}", call.object_id);
                    Ok(answer.header("x-ms-operation-identifier", who))
                }
                "microsoft.network" => network_routes::in_group(store, &call, &group, rest, &segments[6..]),
                _ => Err(Refusal::not_served(&format!("the namespace '{}'", segments[5]))),
            }
        }
        _ => subscription_route(store, &call, &lower, &segments),
    }
}

fn subscription_route(store: &mut Store, call: &Call, lower: &[&str], segments: &[&str]) -> Result<Answer, Refusal> {
    let subscription = store.subscription_id.clone();
    let tenant = store.tenant_id.clone();
    match (call.method, lower) {
        ("GET", [_]) => {
            let list = vec![metadata::subscription(&subscription, &tenant)];
            let count = Json::object([("type", "Total".into()), ("value", 1.into())]);
            Ok(Answer::json(
                200,
                Json::object([("value", Json::Array(list)), ("count", count)]),
            ))
        }
        ("GET", [_, _]) => Ok(Answer::json(200, metadata::subscription(&subscription, &tenant))),
        ("GET", [_, _, "locations"]) => Ok(Answer::json(200, metadata::locations(&subscription))),
        ("GET", [_, _, "providers"]) => {
            let served = ["Microsoft.ContainerRegistry", "Microsoft.Network"];
            let list = served
                .iter()
                .filter_map(|namespace| metadata::provider(&subscription, namespace, &store.task_versions));
            Ok(Answer::json(200, Json::list(list.collect())))
        }
        ("GET", [_, _, "providers", _]) => metadata::provider(&subscription, segments[3], &store.task_versions)
            .map(|provider| Answer::json(200, provider))
            .ok_or_else(|| Refusal::not_served(&format!("the namespace '{}'", segments[3]))),
        ("GET", [_, _, "providers", "microsoft.containerregistry", "registries"]) => {
            Ok(store.list_registries(call, ""))
        }
        (_, [_, _, "providers", "microsoft.network", rest @ ..]) if !rest.is_empty() => {
            network_routes::in_subscription(store, call, rest, &segments[4..])
        }
        ("GET", [_, _, "resources"]) => store.list_resources(call, None),
        ("GET", [_, _, "resourcegroups"]) => store.list_groups(call),
        ("GET", [_, _, "resourcegroups", _]) => store.get_group(segments[3]),
        ("HEAD", [_, _, "resourcegroups", _]) => Ok(store.head_group(segments[3])),
        ("PUT", [_, _, "resourcegroups", _]) => store.put_group(call, segments[3]),
        ("DELETE", [_, _, "resourcegroups", _]) => store.delete_group(segments[3]),
        ("GET", [_, _, "resourcegroups", _, "resources"]) => store.list_resources(call, Some(segments[3])),
        _ => Err(unserved(call)),
    }
}

/// `lower` and `names` are what follows the namespace.
fn registry_route(
    store: &mut Store,
    call: &Call,
    group: &str,
    lower: &[&str],
    names: &[&str],
) -> Result<Answer, Refusal> {
    let base = format!("{group}/providers/Microsoft.ContainerRegistry/registries");
    let registry = names.get(1).map(|name| format!("{base}/{name}")).unwrap_or_default();
    let registry = store
        .registries
        .get(&super::store::key(&registry))
        .map_or(registry, |known| known.id.clone());
    let pool = names
        .get(3)
        .map(|name| format!("{registry}/agentPools/{name}"))
        .unwrap_or_default();
    match (call.method, lower) {
        ("GET", ["registries"]) => Ok(store.list_registries(call, &format!("{group}/"))),
        ("GET", ["registries", _]) => store.get_registry(call, &registry),
        ("PUT", ["registries", name]) => store.put_registry(call, group, names.get(1).unwrap_or(name)),
        ("DELETE", ["registries", _]) => Ok(store.delete_registry(call, &registry)),
        ("GET", ["registries", _, "operationstatuses", operation]) => {
            store.check_signature(call.path, call.query)?;
            store.registry_operation(call, &registry, operation)
        }
        ("GET", ["registries", _, "replications"]) => store.list_replications(&registry),
        ("GET", ["registries", _, "agentpools"]) => store.list_pools(&registry),
        ("GET", ["registries", _, "agentpools", _]) => store.get_pool(&pool),
        ("PUT", ["registries", _, "agentpools", name]) => store.put_pool(call, &registry, names.get(3).unwrap_or(name)),
        ("PATCH", ["registries", _, "agentpools", _]) => store.patch_pool(call, &pool),
        ("DELETE", ["registries", _, "agentpools", _]) => store.delete_pool(call, &pool),
        ("POST", ["registries", _, "agentpools", _, "listqueuestatus"]) => store.queue_status(&registry, &pool),
        ("GET", ["registries", _, "agentpools", _, "operationstatuses", operation]) => {
            store.check_signature(call.path, call.query)?;
            // ARM stops routing below a tracked resource that is gone.
            if !store.pools.contains_key(&super::store::key(&pool)) {
                return Err(store.not_found(&pool));
            }
            store.operation_status(&pool, operation)
        }
        ("GET", ["registries", _, "agentpoolsoperationresults", operation, "status"]) => {
            store.check_signature(call.path, call.query)?;
            store.deletion_result(call.path, operation, call.version, call.now)
        }
        (_, ["registries", _, "tasks", ..]) => task_route(store, call, &registry, &lower[3..], names.get(3)),
        ("POST", ["registries", _, "listbuildsourceuploadurl"]) => store.list_upload_url(call, &registry),
        ("POST", ["registries", _, "schedulerun"]) => store.schedule_run(call, &registry),
        (_, ["registries", _, "runs", ..]) => run_route(store, call, &registry, &lower[3..], names.get(3)),
        _ => Err(unserved(call)),
    }
}

/// `lower` is what follows `tasks`, `name` the task's as sent.
fn task_route(
    store: &mut Store,
    call: &Call,
    registry: &str,
    lower: &[&str],
    name: Option<&&str>,
) -> Result<Answer, Refusal> {
    let name = name.copied().unwrap_or_default();
    let id = format!("{registry}/tasks/{name}");
    match (call.method, lower) {
        ("GET", []) => store.list_tasks(call, registry),
        ("GET", [_]) => store.get_task(call, &id, false),
        ("PUT", [_]) => store.put_task(call, registry, name),
        ("PATCH", [_]) => store.patch_task(call, &id),
        ("DELETE", [_]) => Ok(store.delete_task(&id)),
        ("POST", [_, "listdetails"]) => store.get_task(call, &id, true),
        _ => Err(unserved(call)),
    }
}

/// `lower` is what follows `runs`, `name` the run's as sent.
fn run_route(
    store: &mut Store,
    call: &Call,
    registry: &str,
    lower: &[&str],
    name: Option<&&str>,
) -> Result<Answer, Refusal> {
    let id = format!("{registry}/runs/{}", name.copied().unwrap_or_default());
    match (call.method, lower) {
        ("GET", []) => store.list_runs(call, registry),
        ("GET", [_]) => store.get_run(&id),
        ("PATCH", [_]) => store.patch_run(call, &id),
        ("POST", [_, "cancel"]) => store.cancel_run(call, &id),
        ("POST", [_, "listlogsasurl"]) => store.list_log_url(call, &id),
        _ => Err(unserved(call)),
    }
}

/// 501 for a request that has no way here.
pub(super) fn unserved(call: &Call) -> Refusal {
    Refusal::not_served(&format!("{} {}", call.method, call.path))
}

/// The action that a request needs: the types of its path, then what is done.
fn action(method: &str, segments: &[&str]) -> String {
    let provider = segments
        .iter()
        .position(|segment| segment.eq_ignore_ascii_case("providers"));
    let mut types: Vec<&str> = match provider {
        Some(at) if segments.len() > at + 2 => {
            let namespace = segments[at + 1];
            std::iter::once(namespace)
                .chain(segments[at + 2..].iter().step_by(2).copied())
                .collect()
        }
        Some(_) => vec!["Microsoft.Resources", "subscriptions", "providers"],
        None => vec!["Microsoft.Resources", "subscriptions"]
            .into_iter()
            .chain(segments.iter().skip(2).step_by(2).copied())
            .collect(),
    };
    // `.../agentPoolsOperationResults/{guid}/status` ends with a type like any other.
    types.push(match method {
        "GET" | "HEAD" => "read",
        "DELETE" => "delete",
        "POST" => "action",
        _ => "write",
    });
    types.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions() {
        let registry = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r";
        for (method, path, expected) in [
            (
                "GET",
                registry.to_string(),
                "Microsoft.ContainerRegistry/registries/read",
            ),
            (
                "PUT",
                format!("{registry}/agentPools/p"),
                "Microsoft.ContainerRegistry/registries/agentPools/write",
            ),
            (
                "GET",
                format!("{registry}/agentPools"),
                "Microsoft.ContainerRegistry/registries/agentPools/read",
            ),
            (
                "POST",
                format!("{registry}/agentPools/p/listQueueStatus"),
                "Microsoft.ContainerRegistry/registries/agentPools/listQueueStatus/action",
            ),
            (
                "GET",
                format!("{registry}/agentPoolsOperationResults/g/status"),
                "Microsoft.ContainerRegistry/registries/agentPoolsOperationResults/status/read",
            ),
            (
                "DELETE",
                "/subscriptions/s/resourceGroups/g".to_string(),
                "Microsoft.Resources/subscriptions/resourceGroups/delete",
            ),
            (
                "GET",
                "/subscriptions/s".to_string(),
                "Microsoft.Resources/subscriptions/read",
            ),
        ] {
            let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
            assert_eq!(action(method, &segments), expected);
        }
    }
}
