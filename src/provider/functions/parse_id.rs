//! `parse_agent_pool_id` and `parse_task_id`: the parts of the id of something inside a registry.

use super::id_parts;
use crate::acr::{
    agent_pool::PoolKind,
    child_id::{Child, ChildId},
    task_id::TaskKind,
};
use crate::azure::InvalidId;
use crate::framework::{
    Type, Value,
    function::{Arguments, Function, FunctionError, Parameter, Signature},
};

/// A function that takes ids of one kind apart.
pub(super) struct ParseId {
    name: &'static str,
    summary: &'static str,
    parameter: &'static str,
    parse: fn(&str) -> Result<Value, InvalidId>,
}

impl ParseId {
    /// `parse_agent_pool_id`.
    pub(super) const AGENT_POOL: Self = Self {
        name: "parse_agent_pool_id",
        summary: "Takes the ARM id of an agent pool apart.",
        parameter: "The ARM id of an agent pool, in any casing.",
        parse: parts::<PoolKind>,
    };

    /// `parse_task_id`.
    pub(super) const TASK: Self = Self {
        name: "parse_task_id",
        summary: "Takes the ARM id of a task apart.",
        parameter: "The ARM id of a task, in any casing.",
        parse: parts::<TaskKind>,
    };
}

fn parts<C: Child>(text: &str) -> Result<Value, InvalidId> {
    let id = ChildId::<C>::parse(text)?;
    Ok(id_parts::object(&id, id.registry(), id.name()))
}

impl Function for ParseId {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: self.summary,
            description: "Ids from other sources, such as a policy, an alert or the Azure CLI, differ in casing. The result's `id` is spelled \
                          as this provider spells it, so that it compares equal.",
            parameters: vec![Parameter::new("id", Type::String, self.parameter)],
            variadic: None,
            returns: id_parts::ty(),
            result: id_parts::RESULT,
        }
    }

    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let text: String = arguments.get(0)?;
        (self.parse)(&text).map_err(|error| FunctionError::at(0, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::functions::call;

    const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds";

    #[test]
    fn parts_and_the_canonical_id() {
        for (function, sloppy, canonical) in [
            (ParseId::AGENT_POOL, "agentpools/builds/", "agentPools/builds"),
            (ParseId::TASK, "TASKS/nightly/", "tasks/nightly"),
        ] {
            let registry = REGISTRY
                .replace("resourceGroups", "resourcegroups")
                .replace("Microsoft", "microsoft");
            let (_, name) = canonical.split_once('/').unwrap();
            let parts = call(&function, vec![Value::string(format!("{registry}/{sloppy}"))]).unwrap();
            for (member, expected) in [
                ("id", format!("{REGISTRY}/{canonical}").as_str()),
                ("subscription_id", "11111111-2222-3333-4444-555555555555"),
                ("resource_group_name", "rg-builds"),
                ("registry_name", "contosobuilds"),
                ("registry_id", REGISTRY),
                ("name", name),
            ] {
                assert_eq!(parts.member(member), &Value::string(expected), "{canonical}: {member}");
            }
        }
    }

    #[test]
    fn what_is_no_such_id_is_at_fault() {
        for (function, ends) in [
            (ParseId::AGENT_POOL, "an agent pool id ends with /agentPools/<name>"),
            (ParseId::TASK, "a task id ends with /tasks/<name>"),
        ] {
            for (text, says) in [
                (REGISTRY, format!("this is a registry id; {ends}")),
                ("builds", "an id begins with /subscriptions/".to_owned()),
                ("", "the id is empty".to_owned()),
            ] {
                let error = call(&function, vec![Value::string(text)]).unwrap_err();
                assert_eq!(
                    (error.argument, error.text.contains(&says)),
                    (Some(0), true),
                    "{text}: {error}"
                );
            }
        }
    }
}
