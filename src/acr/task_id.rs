//! A task's id: `Microsoft.ContainerRegistry/registries/tasks`.

use super::child_id::{Child, ChildId};
use crate::azure::InvalidId;

/// Lengths of a task's name. Source: the API's specification.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 5..=50;

/// What makes a [`ChildId`] one of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TaskKind {}

/// A task's id. Compared without regard to casing, printed in canonical form.
pub type TaskId = ChildId<TaskKind>;

/// Checks a task's name by the API's own rule.
///
/// # Errors
/// When the name is not 5 to 50 letters, digits, hyphens and underscores.
pub fn check_name(name: &str) -> Result<(), InvalidId> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if NAME_LENGTH.contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    let message =
        format!("the task name `{name}` is not valid: expected 5 to 50 letters, digits, hyphens and underscores");
    Err(InvalidId::new(message))
}

impl Child for TaskKind {
    const NOUN: &'static str = "task";
    const ENDS: &'static str = "a task id ends with /tasks/<name>";
    const TYPES: [&'static str; 2] = ["registries", "tasks"];

    fn check_name(name: &str) -> Result<(), InvalidId> {
        check_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";

    #[test]
    fn ids_in_any_casing() {
        let id = TaskId::parse(&format!("{REGISTRY}/tasks/nightly_build-1")).unwrap();
        assert_eq!((id.name(), id.registry().name()), ("nightly_build-1", "builds"));
        assert_eq!(id.registry().to_string(), REGISTRY);
        assert_eq!(
            id.human(),
            "task \"nightly_build-1\" (registry \"builds\", resource group \"rg\")"
        );
        let shouted = TaskId::parse(&id.to_string().to_uppercase()).unwrap();
        assert_eq!(shouted, id);
        assert!(
            shouted
                .to_string()
                .ends_with("/providers/Microsoft.ContainerRegistry/registries/BUILDS/tasks/NIGHTLY_BUILD-1")
        );
    }

    #[test]
    fn what_is_no_task_id_says_what_it_is() {
        for (text, says) in [
            (REGISTRY.to_owned(), "a task id ends with /tasks/<name>"),
            (
                format!("{REGISTRY}/agentPools/builds"),
                "the id of a Microsoft.ContainerRegistry/registries/agentPools",
            ),
            (format!("{REGISTRY}/tasks/four"), "the task name `four` is not valid"),
            (
                format!("{REGISTRY}/tasks/night.ly"),
                "the task name `night.ly` is not valid",
            ),
            (
                format!("{}/tasks/nightly", REGISTRY.replace("builds", "b")),
                "the registry name `b` is not valid",
            ),
            ("nightly".to_owned(), "an id begins with /subscriptions/"),
        ] {
            let error = TaskId::parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
