//! `/emulator/*`: the demo's and the tests' own door. Needs its own token and a loopback `Host`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::clock::with_zulu;
use super::faults::Fault;
use super::faults::OperationFailure;
use super::json::Json;
use super::operations::{Fate, Kind};
use super::store::{Store, key};
use super::world::World;

/// The longest jump of the clock in one step: a century keeps every calendar sum within its range.
const MAX_ADVANCE_SECONDS: f64 = 100.0 * 366.0 * 86_400.0;

/// A change behind ARM's back.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mutation {
    /// Members to set: `count`, `tier`, `provisioningState` of a pool; `sku`, `provisioningState`,
    /// `privateEndpointConnections` and the settable properties of a registry; `status` of a run; `tags` and any property of a task; any property of a network
    /// or of what it names, with `dead` of a subnet and `securityAdminRules` of a network. `null` takes a property away.
    pub set: Map<String, Value>,
    /// Removes the object at once, and what lies below it.
    pub delete: bool,
}

/// A change that could not be made.
#[derive(Debug)]
pub struct MutateError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MutateBody {
    id: String,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    delete: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    advance_seconds: Option<f64>,
    frozen: Option<bool>,
}

impl Mutation {
    /// Sets one member.
    pub fn set(name: &str, value: impl Into<Value>) -> Mutation {
        Mutation {
            set: Map::from_iter([(name.to_string(), value.into())]),
            delete: false,
        }
    }

    /// Removes the object.
    pub fn delete() -> Mutation {
        Mutation {
            set: Map::new(),
            delete: true,
        }
    }
}

impl std::fmt::Display for MutateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "changing an object of the emulator: {}", self.0)
    }
}

impl std::error::Error for MutateError {}

/// Whether a `Host` header names this machine's loopback: a page that had its name rebound to us does not.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "::1"
}

/// Answers a request to `/emulator/*`; `path` is what follows that prefix.
pub(super) fn answer(world: &mut World, method: &str, path: &str, body: &[u8]) -> Answer {
    match (method, path) {
        ("GET", "requests") => json_answer(json!({"value": world.journal.entries()})),
        ("DELETE", "requests") => {
            world.journal.clear();
            Answer::empty(204)
        }
        ("GET", "faults") => json_answer(json!({"value": world.faults.listed()})),
        ("DELETE", "faults") => {
            world.faults.set(Vec::new());
            Answer::empty(204)
        }
        ("PUT", "faults") => match read_faults(body) {
            Ok(faults) => {
                world.faults.set(faults);
                json_answer(json!({"value": world.faults.listed()}))
            }
            Err(problem) => bad(&problem),
        },
        ("GET", "clock") => clock(world),
        ("POST", "clock") => match serde_json::from_slice::<ClockBody>(body) {
            Ok(body) => set_clock(world, &body),
            Err(error) => bad(&error.to_string()),
        },
        ("GET", "state") => json_answer(json!({"value": world.store.live()})),
        ("GET", "assumptions") => json_answer(json!(world.store.assumptions)),
        ("POST", "reset") => match world.reset() {
            Ok(()) => Answer::empty(204),
            Err(problem) => bad(&problem),
        },
        ("POST", "mutate") => match serde_json::from_slice::<MutateBody>(body) {
            Ok(body) => match mutate(
                &mut world.store,
                &body.id,
                &Mutation {
                    set: body.set,
                    delete: body.delete,
                },
            ) {
                Ok(()) => Answer::empty(204),
                Err(error) => bad(&error.to_string()),
            },
            Err(error) => bad(&error.to_string()),
        },
        _ => error(404, "NotFound", "The emulator has no such control."),
    }
}

/// The refusal of a caller without the token or with a foreign `Host`.
pub(super) fn refused(reason: &str) -> Answer {
    error(403, "Forbidden", reason)
}

/// Reads a list of faults: an array, or an object with a `value` member as `GET` returns it.
pub(super) fn read_faults(body: &[u8]) -> Result<Vec<Fault>, String> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if let Some(inner) = value.get_mut("value") {
        value = inner.take();
    }
    let faults: Vec<Fault> = serde_json::from_value(value).map_err(|error| error.to_string())?;
    match faults.iter().find_map(Fault::problem) {
        Some(problem) => Err(problem.into()),
        None => Ok(faults),
    }
}

/// Changes an object behind ARM's back.
pub(super) fn mutate(store: &mut Store, id: &str, change: &Mutation) -> Result<(), MutateError> {
    let wanted = key(id);
    if !store.live().keys().any(|known| key(known) == wanted) {
        return Err(MutateError(format!("'{id}' does not exist")));
    }
    if change.delete {
        delete(store, &wanted);
        return Ok(());
    }
    for (name, value) in &change.set {
        set(store, &wanted, name, value)
            .ok_or_else(|| MutateError(format!("'{name}' of '{id}' cannot be set to {value}")))?;
    }
    Ok(())
}

fn delete(store: &mut Store, wanted: &str) {
    let below = format!("{wanted}/");
    let gone = |id: &String| id == wanted || id.starts_with(&below);
    store.pools.retain(|id, _| !gone(id));
    store.registries.retain(|id, _| !gone(id));
    store.subnets.retain(|id, _| !gone(id));
    store.networks.retain(|id, _| !gone(id));
    store.attachments.retain(|id, _| !gone(id));
    store.tasks.retain(|id, _| !gone(id));
    store.runs.retain(|id, _| !gone(id));
    store.groups.retain(|id, _| !gone(id));
    // A deletion that was going on has reached its end; whatever else was going on is below an object that is gone.
    for operation in store
        .operations
        .values_mut()
        .filter(|known| !known.done && gone(&known.target))
    {
        operation.done = true;
        operation.fate = Fate::Succeed;
    }
}

fn set(store: &mut Store, id: &str, name: &str, value: &Value) -> Option<()> {
    if let Some(pool) = store.pools.get_mut(id) {
        match name {
            "count" => pool.count = value.as_i64()?,
            "tier" => pool.tier = value.as_str()?.into(),
            "provisioningState" => {
                pool.state = value.as_str()?.into();
                let state = pool.state.clone();
                end_operation(store, id, &state);
            }
            _ => return None,
        }
    } else if let Some(registry) = store.registries.get_mut(id) {
        match name {
            "sku" => registry.sku = value.as_str()?.into(),
            "provisioningState" => registry.state = value.as_str()?.into(),
            _ => return registry.set_from_outside(name, value),
        }
    } else if let Some(run) = store.runs.get_mut(id) {
        match name {
            "status" => run.set_status(value.as_str()?, store.settled),
            _ => return None,
        }
    } else if store.tasks.contains_key(id) {
        return store.set_task(id, name, value);
    } else {
        return super::network_changes::set(store, id, name, value);
    }
    Some(())
}

/// A state set from outside ends what was going on, so that polls and reads agree.
fn end_operation(store: &mut Store, id: &str, state: &str) {
    if matches!(state, "Creating" | "Updating" | "Deleting") {
        return;
    }
    for operation in store
        .operations
        .values_mut()
        .filter(|operation| !operation.done && operation.target == id)
    {
        operation.done = true;
        operation.fate = match state {
            "Succeeded" if operation.kind != Kind::Delete => Fate::Succeed,
            _ => Fate::Fail(OperationFailure {
                code: "OperationFailed".into(),
                message: format!("The agent pool turned '{state}'."),
            }),
        };
    }
}

fn clock(world: &World) -> Answer {
    json_answer(json!({"now": with_zulu(world.clock.now()), "frozen": world.clock.is_frozen()}))
}

fn set_clock(world: &mut World, body: &ClockBody) -> Answer {
    if let Some(seconds) = body.advance_seconds {
        if !(0.0..=MAX_ADVANCE_SECONDS).contains(&seconds) {
            return bad("advance_seconds must be a number of seconds between 0 and a century");
        }
        world.clock.advance(Duration::from_secs_f64(seconds));
    }
    if let Some(frozen) = body.frozen {
        world.clock.set_frozen(frozen);
    }
    clock(world)
}

fn json_answer(value: Value) -> Answer {
    Answer::json(200, value.into())
}

fn bad(problem: &str) -> Answer {
    error(400, "BadRequest", problem)
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let error = Json::object([("code", code.into()), ("message", message.into())]);
    Answer::json(status, Json::object([("error", error)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts() {
        for (host, good) in [
            ("localhost", true),
            ("LOCALHOST:443", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:443", false),
            ("emulator.example", false),
            ("", false),
        ] {
            assert_eq!(is_loopback_host(host), good, "{host}");
        }
    }
}
