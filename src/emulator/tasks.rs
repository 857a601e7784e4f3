//! Tasks.

use super::answer::Answer;
use super::clock::with_offset;
use super::json::Json;
use super::refusals::Refusal;
use super::store::{Provenance, Store, Task, key};

/// An encoded task that prints a word: the smallest body that a task can have.
const ENCODED_STEP: &str = "dmVyc2lvbjogdjEuMS4wCnN0ZXBzOgogIC0gY21kOiBiYXNoIGVjaG8gaGVsbG8K";

impl Store {
    /// `GET {registry}/tasks`.
    pub(super) fn list_tasks(&self, registry: &str) -> Result<Answer, Refusal> {
        self.registry_of(registry)?;
        let prefix = format!("{}/tasks/", key(registry));
        let tasks = self.tasks.iter().filter(|(id, _)| id.starts_with(&prefix));
        Ok(Answer::json(
            200,
            Json::list(tasks.map(|(_, task)| self.task_json(task)).collect()),
        ))
    }

    /// `GET` of one task.
    pub(super) fn get_task(&self, id: &str) -> Result<Answer, Refusal> {
        let task = self.tasks.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        Ok(Answer::json(200, self.task_json(task)))
    }

    /// A task in the recorded member order; where `agentPoolName` stands among them is an assumption.
    fn task_json(&self, task: &Task) -> Json {
        let step = Json::object([
            ("type", "EncodedTask".into()),
            ("encodedTaskContent", ENCODED_STEP.into()),
            ("values", Json::Array(Vec::new())),
        ]);
        let properties = Json::present([
            ("provisioningState", Some("Succeeded".into())),
            ("creationDate", Some(with_offset(task.created).into())),
            ("status", Some("Enabled".into())),
            ("platform", Some(platform())),
            ("agentConfiguration", Some(Json::object([("cpu", 2.into())]))),
            ("agentPoolName", task.agent_pool_name.as_ref().map(Json::from)),
            ("timeout", Some(3600.into())),
            ("step", Some(step)),
            ("isSystemTask", Some(false.into())),
        ]);
        Json::object([
            ("type", "Microsoft.ContainerRegistry/registries/tasks".into()),
            ("properties", properties),
            ("id", self.shown(&task.id).into()),
            ("name", (&task.name).into()),
            ("location", (&task.location).into()),
            ("systemData", Provenance::new("seed", task.created).to_json(with_offset)),
        ])
    }
}

fn platform() -> Json {
    Json::object([("os", "linux".into()), ("architecture", "amd64".into())])
}
