//! `provider::acr::…` functions: one file each. Pure, so that they work while planning, without credentials and before anything exists.

mod check_outbound_rules;
mod id_parts;
mod include;
mod next_runs;
mod parse_id;
mod required_firewall_rules;
mod required_outbound_rules;
mod required_routes;
mod tier;

use crate::framework::function::Function;

/// Every function.
#[must_use]
pub fn all() -> Vec<Box<dyn Function>> {
    vec![
        Box::new(check_outbound_rules::CheckOutboundRules),
        Box::new(next_runs::NextRuns),
        Box::new(parse_id::ParseId::AGENT_POOL),
        Box::new(parse_id::ParseId::TASK),
        Box::new(required_firewall_rules::RequiredFirewallRules),
        Box::new(required_outbound_rules::RequiredOutboundRules),
        Box::new(required_routes::RequiredRoutes),
        Box::new(tier::TierFunction),
    ]
}

#[cfg(test)]
fn call(
    function: &dyn Function,
    values: Vec<crate::framework::Value>,
) -> Result<crate::framework::Value, crate::framework::function::FunctionError> {
    use crate::framework::{function::Arguments, msgpack};
    let signature = function.signature();
    let value = function.call(&Arguments::of(&signature, values)?)?;
    // Core refuses a result that is not exactly of the promised type.
    let bytes = msgpack::encode(&signature.returns, &value);
    assert_eq!(
        msgpack::decode(&signature.returns, &bytes).as_ref(),
        Ok(&value),
        "{}",
        function.name()
    );
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers_and_unique() {
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let functions = all();
        let mut names: Vec<&str> = functions.iter().map(|function| function.name()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), count), (count, 8));
        for function in &functions {
            let signature = function.signature();
            let mut parameters: Vec<&str> = signature
                .parameters
                .iter()
                .chain(&signature.variadic)
                .map(|it| it.name)
                .collect();
            assert!(
                is_name(function.name()) && parameters.iter().all(|it| is_name(it)),
                "{parameters:?}"
            );
            let count = parameters.len();
            parameters.sort_unstable();
            parameters.dedup();
            assert_eq!(parameters.len(), count, "{}", function.name());
        }
    }
}
