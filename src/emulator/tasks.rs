//! Tasks: synchronous, with secrets that only `listDetails` shows.
//!
//! # Assumed, beside the switches
//! * A PUT in another location than the registry's is 404 `EntityNotFound`; names are refused like any other property.
//! * A task without a pool gets `cpu` 2, one with a pool keeps what was sent; a system task gets none.
//! * Members that the tables of shapes do not know are lost; empty objects and empty lists of triggers vanish.
//! * Triggers without regard to case of their names; an argument that is a secret comes back without `value`.
//! * `customRegistries` of a PATCH replace the credentials of a server as a whole.
//! * What the service found out of a Docker step (`baseImageDependencies`) is there as soon as a run has succeeded, and
//!   every image is based on the same one.
//! * Versions before 2025-03-01-preview lose `credentials.sourceRegistry.identity`.

use std::fmt;

use serde_json::{Map, Value, json};

use super::Emulator;
use super::answer::Answer;
use super::arm::Call;
use super::assumptions::{OmittedSecrets, PatchAgentPool};
use super::metadata::normalized;
use super::refusals::Refusal;
use super::store::{Provenance, Store, Task, key, parent};
use super::tasks_body::{carry_secrets, drop_empty_registries, drop_source_identity, merge, read};
use super::tasks_checks::Draft;
use super::tasks_shape::TASK;
use super::tasks_view::SOURCE_IDENTITY_SINCE;

/// How a create's parameters are called in errors.
const CREATE: &str = "taskCreateParameters";
/// How an update's parameters are called in errors.
const UPDATE: &str = "taskUpdateParameters";
/// The newest version, in which [`Emulator::task_secrets`] speaks.
const NEWEST: &str = "2025-03-01-preview";

impl Task {
    /// A property as ARM names it, secrets among them.
    pub(super) fn property(&self, name: &str) -> Option<&Value> {
        self.properties.get(name)
    }

    /// The pool on which its runs execute.
    pub(super) fn agent_pool_name(&self) -> Option<&str> {
        self.property("agentPoolName")?.as_str()
    }

    /// Whether its triggers may start runs.
    pub(super) fn is_enabled(&self) -> bool {
        is_enabled(self.property("status"))
    }
}

/// Whether a `status` is `Enabled`, in any casing.
pub(super) fn is_enabled(status: Option<&Value>) -> bool {
    status
        .and_then(Value::as_str)
        .is_some_and(|status| status.eq_ignore_ascii_case("Enabled"))
}

impl fmt::Debug for Task {
    /// Without the properties, which hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Emulator {
    /// A task as `listDetails` shows it, with every secret that the store holds; nothing when there is none.
    ///
    /// `id` is its ARM id in any casing. No request to ARM happens, and nothing is journalled.
    pub fn task_secrets(&self, id: &str) -> Option<Value> {
        let mut world = self.shared.lock();
        world.tick();
        let task = world.store.tasks.get(&key(id))?;
        serde_json::to_value(world.store.task_json(task, NEWEST, true)).ok()
    }
}

impl Store {
    /// The tasks of a registry, oldest first as recorded.
    pub(super) fn tasks_of(&self, registry: &str) -> Vec<&Task> {
        let prefix = format!("{}/tasks/", key(registry));
        let inside = self.tasks.iter().filter(|(id, _)| id.starts_with(&prefix));
        let mut tasks: Vec<&Task> = inside.map(|(_, task)| task).collect();
        tasks.sort_by_key(|task| task.born);
        tasks
    }

    /// `GET {registry}/tasks`.
    pub(super) fn list_tasks(&self, call: &Call, registry: &str) -> Result<Answer, Refusal> {
        self.registry_of(registry)?;
        let tasks = self.tasks_of(registry).into_iter();
        let listed = tasks.map(|task| self.task_json(task, call.version, false));
        Ok(Answer::json(200, super::json::Json::list(listed.collect())))
    }

    /// `GET` of one task, or `POST listDetails` with its secrets.
    pub(super) fn get_task(&self, call: &Call, id: &str, secrets: bool) -> Result<Answer, Refusal> {
        let task = self.tasks.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        Ok(Answer::json(200, self.task_json(task, call.version, secrets)))
    }

    /// `PUT` of one task: what was not sent is gone, as far as [`OmittedSecrets`] says for secrets. 200 for a new one too.
    pub(super) fn put_task(&mut self, call: &Call, registry_id: &str, name: &str) -> Result<Answer, Refusal> {
        let body = task_body(call)?;
        let registry = self.registries.get(&key(registry_id)).ok_or_else(|| {
            let name = registry_id.rsplit('/').next().unwrap_or_default();
            Refusal::parent(&format!("Microsoft.ContainerRegistry/registries/{name}"))
        })?;
        let location = normalized(body.get("location").and_then(Value::as_str).unwrap_or_default());
        if location.is_empty() {
            return Err(Refusal::location_required());
        }
        if location != registry.location {
            let text = format!("There is no registry '{}' in location '{location}'.", registry.name);
            return Err(Refusal::provider(404, "EntityNotFound", text));
        }
        let id = format!("{}/tasks/{name}", registry.id);
        let known = self.tasks.get(&key(&id));
        let empty = json!({});
        let sent = body.get("properties").filter(|sent| !sent.is_null()).unwrap_or(&empty);
        let mut properties = read(&TASK, sent).map_err(|problem| problem.refusal(CREATE))?;
        if let Some(known) = known.filter(|_| self.assumptions.put_omitted_secrets == OmittedSecrets::Kept) {
            carry_secrets(&TASK, &known.properties, &mut properties);
        }
        complete(&mut properties);
        let draft = Draft {
            parameters: CREATE,
            name,
            properties: &properties,
            sent,
            registry,
            assumptions: &self.assumptions,
        };
        draft.check()?;
        let identity = self.put_identity(body.get("identity"), known.and_then(|known| known.identity.as_ref()))?;
        let mut task = Task {
            name: name.into(),
            location,
            tags: tags(&body),
            identity,
            properties,
            created: call.now,
            provenance: Provenance::new(call.object_id, call.now),
            born: 0,
            id,
        };
        match known {
            Some(known) => {
                task.id = known.id.clone();
                task.name = known.name.clone();
                task.created = known.created;
                task.born = known.born;
                task.provenance = modified(&known.provenance, call);
            }
            None => task.born = self.next_birth(),
        }
        Ok(self.write_task(call, task))
    }

    /// `PATCH` of one task: merges, and takes hardly anything away.
    pub(super) fn patch_task(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        let known = self.tasks.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        let registry = self.registry_of(parent(id))?;
        let body = task_body(call)?;
        let empty = json!({});
        let sent = body.get("properties").filter(|sent| !sent.is_null()).unwrap_or(&empty);
        let mut stored = known.properties.clone();
        if self.assumptions.patch_agent_pool == PatchAgentPool::Dropped {
            stored.remove("agentPoolName");
        }
        let change = sent.as_object().ok_or_else(Refusal::unreadable)?;
        let merged = merge(&TASK, &stored, change).and_then(|merged| read(&TASK, &Value::Object(merged)));
        let mut properties = merged.map_err(|problem| problem.refusal(UPDATE))?;
        complete(&mut properties);
        let draft = Draft {
            parameters: UPDATE,
            name: &known.name,
            properties: &properties,
            sent,
            registry,
            assumptions: &self.assumptions,
        };
        draft.check()?;
        let task = Task {
            id: known.id.clone(),
            name: known.name.clone(),
            location: known.location.clone(),
            tags: tags(&body).or_else(|| known.tags.clone()),
            identity: self.patch_identity(body.get("identity"), known.identity.as_ref())?,
            properties,
            created: known.created,
            provenance: modified(&known.provenance, call),
            born: known.born,
        };
        Ok(self.write_task(call, task))
    }

    /// `DELETE` of one task: 200 without a body, or 204 when there is none.
    pub(super) fn delete_task(&mut self, id: &str) -> Answer {
        match self.tasks.remove(&key(id)) {
            Some(_) => Answer::empty(200),
            None => Answer::empty(204),
        }
    }

    fn write_task(&mut self, call: &Call, task: Task) -> Answer {
        let json = self.task_json(&task, call.version, false);
        self.tasks.insert(key(&task.id), task);
        Answer::json(200, json)
    }

    /// Sets `tags` or a property behind ARM's back; `null` takes it away. Nothing when that leaves no task.
    pub(super) fn set_task(&mut self, id: &str, name: &str, value: &Value) -> Option<()> {
        let task = self.tasks.get_mut(id)?;
        if name == "tags" {
            task.tags = Some(value.clone()).filter(|tags| !tags.is_null());
            return Some(());
        }
        if !TASK.members.iter().any(|member| member.name == name) {
            return None;
        }
        let mut properties = task.properties.clone();
        properties.insert(name.into(), value.clone());
        task.properties = read(&TASK, &Value::Object(properties)).ok()?;
        Some(())
    }
}

/// The properties of a task of the seed: those given, over an encoded task on the pool that it names. The error says what
/// is wrong with them.
pub(super) fn seeded_properties(pool: Option<&str>, given: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut properties = match given.get("isSystemTask") {
        Some(Value::Bool(true)) => Map::new(),
        _ => Map::from_iter([
            ("platform".into(), json!({"os": "linux"})),
            (
                "step".into(),
                json!({"type": "EncodedTask", "encodedTaskContent": ENCODED_STEP}),
            ),
        ]),
    };
    if let Some(pool) = pool {
        properties.insert("agentPoolName".into(), pool.into());
        properties.insert("agentConfiguration".into(), json!({"cpu": 2}));
    }
    properties.extend(given.clone());
    let mut properties = read(&TASK, &Value::Object(properties)).map_err(|problem| format!("{problem:?}"))?;
    complete(&mut properties);
    Ok(properties)
}

/// An encoded task that prints a word: the smallest body that a task can have.
const ENCODED_STEP: &str = "dmVyc2lvbjogdjEuMS4wCnN0ZXBzOgogIC0gY21kOiBiYXNoIGVjaG8gaGVsbG8K";

/// What the service adds to what was read.
fn complete(properties: &mut Map<String, Value>) {
    drop_empty_registries(properties);
    let system = properties.get("isSystemTask") == Some(&Value::Bool(true));
    if !system && !properties.contains_key("agentPoolName") && !properties.contains_key("agentConfiguration") {
        properties.insert("agentConfiguration".into(), json!({"cpu": 2}));
    }
}

/// The body of a PUT or PATCH, without what the version does not know.
fn task_body(call: &Call) -> Result<Map<String, Value>, Refusal> {
    if call.body.is_empty() {
        return Err(Refusal::unreadable());
    }
    let mut body = call.json_body()?;
    if let Some(properties) = body
        .get_mut("properties")
        .filter(|_| call.version < SOURCE_IDENTITY_SINCE)
    {
        drop_source_identity(properties);
    }
    Ok(body)
}

fn tags(body: &Map<String, Value>) -> Option<Value> {
    body.get("tags").filter(|tags| tags.is_object()).cloned()
}

fn modified(known: &Provenance, call: &Call) -> Provenance {
    Provenance {
        modified_by: call.object_id.into(),
        modified_at: call.now,
        ..known.clone()
    }
}
