//! `tier`: what a tier of agent pools is.

use std::collections::BTreeMap;

use crate::acr::tier;
use crate::framework::{
    Type, Value,
    function::{Arguments, Function, FunctionError, Parameter, Signature},
};

/// The function.
pub(super) struct TierFunction;

impl Function for TierFunction {
    fn name(&self) -> &'static str {
        "tier"
    }

    fn signature(&self) -> Signature {
        let members = [
            ("name", Type::String),
            ("vcpu", Type::Number),
            ("memory_gb", Type::Number),
            ("isolated", Type::Bool),
        ];
        Signature {
            summary: "Tells what one instance of an agent pool's tier has.",
            description: "For sums over pools, and for variables that name a tier. A table of this provider, because no API of Azure tells.",
            parameters: vec![Parameter::new(
                "name",
                Type::String,
                "The tier, in any casing: `S1`, `S2`, `S3` or `I6`.",
            )],
            variadic: None,
            returns: Type::Object(
                members
                    .map(|(name, ty)| (name.to_owned(), ty))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
            ),
            result: "An object:

- `name` (String) The tier, as Azure spells it.
- `vcpu` (Number) Virtual CPUs of one instance.
- `memory_gb` (Number) Memory of one instance, in gigabytes.
- `isolated` (Bool) Whether instances are on hardware of their own, which counts in a quota of its own.",
        }
    }

    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let name: String = arguments.get(0)?;
        let tier = tier::tier(&name).ok_or_else(|| {
            let known = tier::NAMES.join(", ");
            FunctionError::at(
                0,
                format!(
                    "there is no tier \"{name}\"; known are {known} (as of {})",
                    tier::TIERS_AS_OF
                ),
            )
        })?;
        Ok(Value::object([
            ("name", Value::string(tier.name)),
            ("vcpu", Value::integer(tier.vcpu)),
            ("memory_gb", Value::integer(tier.memory_gb)),
            ("isolated", Value::Bool(tier.isolated)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::functions::call;

    #[test]
    fn the_four_tiers() {
        for (name, expected, vcpu, memory, isolated) in [
            ("S1", "S1", 2, 3, false),
            ("s2", "S2", 4, 8, false),
            ("S3", "S3", 8, 16, false),
            ("i6", "I6", 64, 216, true),
        ] {
            let expected = Value::object([
                ("name", Value::string(expected)),
                ("vcpu", Value::integer(vcpu)),
                ("memory_gb", Value::integer(memory)),
                ("isolated", Value::Bool(isolated)),
            ]);
            assert_eq!(call(&TierFunction, vec![Value::string(name)]), Ok(expected));
        }
    }

    #[test]
    fn an_unknown_tier_names_the_known_ones() {
        for name in ["S4", "", "S1 "] {
            let error = call(&TierFunction, vec![Value::string(name)]).unwrap_err();
            assert_eq!(error.argument, Some(0));
            assert!(error.text.contains("known are S1, S2, S3, I6 (as of 2026-"), "{error}");
        }
    }
}
