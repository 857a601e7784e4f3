//! Tasks as answers show them: in the recorded member order, and without their secrets unless asked by `listDetails`.

use serde_json::{Map, Value};

use super::clock::with_offset;
use super::json::Json;
use super::store::{Store, Task, parent};
use super::tasks_body::is_secret;
use super::tasks_shape::{CUSTOM_REGISTRY, Kind, SOURCE_IDENTITY, Shape, TASK, step_shape};

/// The resource type of tasks.
pub(super) const TASK_TYPE: &str = "Microsoft.ContainerRegistry/registries/tasks";
/// The first version that knows which identity logs in at the source registry.
pub(super) const SOURCE_IDENTITY_SINCE: &str = "2025-03-01";
/// What every build here turns out to be based on.
const BASE_IMAGE: [(&str, &str); 5] = [
    // Spelled so by the service, against its own specification.
    ("type", "Runtime"),
    ("registry", "registry.hub.docker.com"),
    ("repository", "library/alpine"),
    ("tag", "3"),
    (
        "digest",
        "sha256:1f00d1f00d1f00d1f00d1f00d1f00d1f00d1f00d1f00d1f00d1f00d1f00d1f00",
    ),
];

/// How much of a task an answer shows.
struct View {
    secrets: bool,
    source_identity: bool,
    base_image: bool,
}

impl Store {
    /// A task as an answer in the given version shows it; with its secrets only for `listDetails`.
    pub(super) fn task_json(&self, task: &Task, version: &str, secrets: bool) -> Json {
        let view = View {
            secrets,
            source_identity: version >= SOURCE_IDENTITY_SINCE,
            base_image: self.has_built(task),
        };
        let mut properties = vec![
            ("provisioningState", Json::from("Succeeded")),
            ("creationDate", with_offset(task.created).into()),
        ];
        properties.extend(shown(&TASK, &task.properties, &view));
        Json::present([
            ("type", Some(TASK_TYPE.into())),
            (
                "identity",
                task.identity.as_ref().map(|identity| identity.to_json(&self.tenant_id)),
            ),
            ("properties", Some(Json::Object(properties))),
            ("id", Some(self.shown(&task.id).into())),
            ("name", Some((&task.name).into())),
            ("location", Some((&task.location).into())),
            ("tags", task.tags.clone().map(Json::from)),
            ("systemData", Some(task.provenance.to_json(with_offset))),
        ])
    }

    /// Whether a run of a task that builds an image has succeeded: the service then knows what the image is based on.
    fn has_built(&self, task: &Task) -> bool {
        let builds = task.properties.get("step").is_some_and(|step| step["type"] == "Docker");
        builds
            && self.runs_of(parent(&task.id)).iter().any(|run| {
                let own = run
                    .task
                    .as_ref()
                    .is_some_and(|name| name.eq_ignore_ascii_case(&task.name));
                own && run.created >= task.created && run.status == "Succeeded"
            })
    }
}

fn shown(shape: &'static Shape, stored: &Map<String, Value>, view: &View) -> Vec<(&'static str, Json)> {
    let mut members = Vec::new();
    for member in shape.members {
        if matches!(member.kind, Kind::Dependencies) && view.base_image {
            let image = Json::object(BASE_IMAGE.map(|(name, value)| (name, value.into())));
            members.push((member.name, Json::Array(vec![image])));
        }
        let hidden = match member.kind {
            Kind::Secret | Kind::HiddenObject(_) => !view.secrets,
            Kind::SecretIfFlagged => !view.secrets && is_secret(stored),
            Kind::Clearable => member.name == SOURCE_IDENTITY && !view.source_identity,
            _ => false,
        };
        if let Some(value) = stored.get(member.name).filter(|_| !hidden)
            && let Some(value) = shown_value(member.kind, value, view)
        {
            members.push((member.name, value));
        }
    }
    members
}

/// Nothing for an object of which nothing is left to show.
fn shown_value(kind: Kind, value: &Value, view: &View) -> Option<Json> {
    match (kind, value) {
        (Kind::Object(inner) | Kind::HiddenObject(inner), Value::Object(stored)) => {
            let members = shown(inner, stored, view);
            (!members.is_empty()).then_some(Json::Object(members))
        }
        (Kind::Step, Value::Object(stored)) => Some(Json::Object(shown(step_shape(stored)?, stored, view))),
        (Kind::List(inner) | Kind::Named(inner), Value::Array(items)) => {
            let items = items.iter().filter_map(Value::as_object);
            Some(Json::Array(
                items.map(|item| Json::Object(shown(inner, item, view))).collect(),
            ))
        }
        (Kind::Registries, Value::Object(servers)) => {
            let entry = |entry: &Value| match entry.as_object().filter(|_| view.secrets) {
                Some(entry) => Json::Object(shown(&CUSTOM_REGISTRY, entry, view)),
                None => Json::null(),
            };
            let entries = servers.iter().map(|(server, stored)| (server.clone(), entry(stored)));
            Some(Json::Entries(entries.collect()))
        }
        (_, value) => Some(value.clone().into()),
    }
}
