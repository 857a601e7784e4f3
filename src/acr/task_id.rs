//! A task's id: `Microsoft.ContainerRegistry/registries/tasks`.

use std::fmt;
use std::str::FromStr;

use super::PROVIDER;
use super::registry::RegistryId;
use crate::azure::{InvalidId, ResourceId};

/// Lengths of a task's name. Source: the API's specification.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 5..=50;

const TYPES: [&str; 2] = ["registries", "tasks"];

/// A task's id. Compared without regard to casing, printed in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskId {
    registry: RegistryId,
    id: ResourceId,
}

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

impl TaskId {
    /// Parses a task's id.
    ///
    /// # Errors
    /// Says what the id is instead, or what is wrong with a name.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let id = ResourceId::parse(text)?;
        let kind = id.resource_type();
        if id.is(PROVIDER, &TYPES[..1]) {
            return Err(InvalidId::new(
                "this is a registry id; a task id ends with /tasks/<name>",
            ));
        }
        let id = id.canonical(PROVIDER, &TYPES).ok_or_else(|| {
            InvalidId::new(format!(
                "this is the id of a {kind}; expected one of a {PROVIDER}/registries/tasks"
            ))
        })?;
        let parent = id.parent().expect("a task id has two levels");
        Self::new(RegistryId::from_resource_id(parent)?, id.name())
    }

    /// The id of the task `name` of a registry.
    ///
    /// # Errors
    /// When the name is not 5 to 50 letters, digits, hyphens and underscores.
    pub fn new(registry: RegistryId, name: &str) -> Result<Self, InvalidId> {
        check_name(name)?;
        let id = registry.as_resource_id().child(TYPES[1], name)?;
        Ok(Self { registry, id })
    }

    /// The id as any resource's.
    pub fn as_resource_id(&self) -> &ResourceId {
        &self.id
    }

    /// The registry's id.
    pub fn registry(&self) -> &RegistryId {
        &self.registry
    }

    /// The task's name.
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// For messages: `task "t" (registry "r", resource group "g")`.
    pub fn human(&self) -> String {
        let (task, registry, group) = (self.name(), self.registry.name(), self.registry.resource_group());
        format!("task \"{task}\" (registry \"{registry}\", resource group \"{group}\")")
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl FromStr for TaskId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
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
