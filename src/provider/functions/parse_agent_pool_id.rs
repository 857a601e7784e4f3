//! `parse_agent_pool_id`: the parts of the id of an agent pool.

use super::id_parts;
use crate::acr::AgentPoolId;
use crate::framework::{
    Type, Value,
    function::{Arguments, Function, FunctionError, Parameter, Signature},
};

/// The function.
pub(super) struct ParseAgentPoolId;

impl Function for ParseAgentPoolId {
    fn name(&self) -> &'static str {
        "parse_agent_pool_id"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "Takes the ARM id of an agent pool apart.",
            description: "Ids from other sources, such as a policy, an alert or the Azure CLI, differ in casing. The result's `id` is spelled \
                          as this provider spells it, so that it compares equal.",
            parameters: vec![Parameter::new(
                "id",
                Type::String,
                "The ARM id of an agent pool, in any casing.",
            )],
            variadic: None,
            returns: id_parts::ty(),
            result: id_parts::RESULT,
        }
    }

    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let text: String = arguments.get(0)?;
        let id = AgentPoolId::parse(&text).map_err(|error| FunctionError::at(0, error.to_string()))?;
        Ok(id_parts::object(&id, id.registry(), id.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::functions::call;

    const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds";

    #[test]
    fn parts_and_the_canonical_id() {
        let sloppy = format!(
            "{}/agentpools/builds/",
            REGISTRY
                .replace("resourceGroups", "resourcegroups")
                .replace("Microsoft", "microsoft")
        );
        let parts = call(&ParseAgentPoolId, vec![Value::string(sloppy)]).unwrap();
        for (member, expected) in [
            ("id", format!("{REGISTRY}/agentPools/builds")),
            ("subscription_id", "11111111-2222-3333-4444-555555555555".into()),
            ("resource_group_name", "rg-builds".into()),
            ("registry_name", "contosobuilds".into()),
            ("registry_id", REGISTRY.into()),
            ("name", "builds".into()),
        ] {
            assert_eq!(parts.member(member), &Value::string(expected), "{member}");
        }
    }

    #[test]
    fn what_is_no_such_id_is_at_fault() {
        for (text, says) in [
            (
                REGISTRY.to_owned(),
                "this is a registry id; an agent pool id ends with /agentPools/<name>",
            ),
            ("builds".to_owned(), "an id begins with /subscriptions/"),
            (String::new(), "the id is empty"),
        ] {
            let error = call(&ParseAgentPoolId, vec![Value::string(text.clone())]).unwrap_err();
            assert_eq!(
                (error.argument, error.text.contains(says)),
                (Some(0), true),
                "{text}: {error}"
            );
        }
    }
}
