//! `data.acr_tasks`: all tasks of a registry, or those that name one pool.

use std::sync::Arc;

use crate::{
    acr::{
        registry::RegistryId,
        task::{self, Task},
    },
    azure::{Call, InvalidId},
    framework::{
        Diagnostic, Field, Type, Value,
        data_source::DataSource,
        resource::{Operation, Outcome},
        schema::{Attribute, Block, Schema},
    },
    model,
    provider::{
        Connection,
        agent_pool::schema::{TIMEOUTS, name_check, registry_id_check},
        diagnose,
    },
};

use super::shape::{self, Shown};

model! {
    /// The registry's tasks.
    pub struct TasksModel {
        /// Only tasks that name this pool.
        pub agent_pool_name: String,
        /// ARM id of the registry.
        pub registry_id: String,
        /// The tasks, by name.
        pub tasks: Shown,
    }
}

/// The data source type.
pub struct TasksDataSource {
    connection: Arc<Connection>,
}

impl TasksDataSource {
    /// The data source type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

impl DataSource for TasksDataSource {
    type Model = TasksModel;

    fn type_name(&self) -> &'static str {
        "acr_tasks"
    }

    fn schema(&self) -> Schema {
        Schema::new(Block {
            attributes: vec![
                Attribute::required("registry_id", Type::String, "The ARM id of the registry.")
                    .check(registry_id_check()),
                Attribute::optional(
                    "agent_pool_name",
                    Type::String,
                    "Only tasks that name this pool, in any casing; all tasks when not set.",
                )
                .check(name_check()),
                Attribute::computed(
                    "tasks",
                    Type::list(shape::ty(&shape::SUMMARY)),
                    "The tasks, by name: `id`, `name`, `enabled`, `agent_pool_name`, `step_type` (`Docker`, `FileTask` or `EncodedTask`; null for a system task), `is_system_task`, `timeout_in_seconds`, `creation_date`, `provisioning_state`.",
                ),
            ],
            blocks: Vec::new(),
            description: "All tasks of a registry, or those that run on one of its agent pools.",
        })
    }

    async fn read(&self, operation: &Operation, config: TasksModel) -> Outcome<TasksModel> {
        let parsed: Result<RegistryId, InvalidId> = config.registry_id.text().unwrap_or_default().parse();
        let registry = match parsed {
            Ok(registry) => registry,
            Err(error) => {
                let error = Diagnostic::error("Invalid id", error.to_string()).at_attribute("registry_id");
                return Outcome::failed(None, error);
            }
        };
        let client = match self.connection.client() {
            Ok(client) => client,
            Err(error) => return Outcome::failed(None, error),
        };
        let call = Call::new(operation.cancel.clone(), TIMEOUTS.read);
        match task::list(&client, &call, &registry).await {
            Ok(found) => Outcome::of(TasksModel {
                tasks: Field::Known(tasks(found, config.agent_pool_name.text())),
                ..config
            }),
            Err(error) => Outcome::failed(
                None,
                diagnose::azure(&format!("listing the tasks of {}", registry.human()), &error),
            ),
        }
    }
}

/// The tasks that name the pool, if one is given, by name.
fn tasks(mut found: Vec<Task>, pool: Option<&str>) -> Shown {
    if let Some(pool) = pool {
        let names = |task: &Task| {
            task.properties
                .agent_pool_name
                .as_deref()
                .is_some_and(|it| it.eq_ignore_ascii_case(pool))
        };
        found.retain(names);
    }
    found.sort_by_key(|task| task.name.to_lowercase());
    Shown(Value::List(found.iter().map(shape::summary).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_by_name_and_pool() {
        let body = |name: &str, pool: Option<&str>| -> Task {
            let body = json!({"id": format!("/tasks/{name}"), "name": name, "properties": {"agentPoolName": pool}});
            serde_json::from_value(body).unwrap()
        };
        let found = vec![
            body("weekly", Some("Builds")),
            body("Nightly", Some("builds")),
            body("other", None),
        ];
        for (pool, expected) in [
            (None, &["Nightly", "other", "weekly"][..]),
            (Some("BUILDS"), &["Nightly", "weekly"]),
            (Some("none"), &[]),
        ] {
            let Shown(Value::List(list)) = tasks(found.clone(), pool) else {
                panic!("a list is expected");
            };
            let names: Vec<&Value> = list.iter().map(|task| task.member("name")).collect();
            let expected: Vec<Value> = expected.iter().map(|name| Value::string(*name)).collect();
            assert_eq!(names, expected.iter().collect::<Vec<_>>(), "{pool:?}");
        }
    }
}
