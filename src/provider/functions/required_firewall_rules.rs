//! `required_firewall_rules`: the network rules that Azure Firewall needs, in `azurerm`'s words.

use std::collections::BTreeMap;

use super::include;
use crate::framework::{
    Type, Value,
    function::{Arguments, Function, FunctionError, Parameter, Signature},
    model::FieldType,
};
use crate::network::required_rules::{self, FirewallRule};

/// The function.
pub(super) struct RequiredFirewallRules;

impl Function for RequiredFirewallRules {
    fn name(&self) -> &'static str {
        "required_firewall_rules"
    }

    fn signature(&self) -> Signature {
        let (text, texts) = (|| Type::String, || Type::list(Type::String));
        let members = [
            ("name", text()),
            ("description", text()),
            ("protocols", texts()),
            ("source_addresses", texts()),
            ("destination_addresses", texts()),
            ("destination_ports", texts()),
        ];
        Signature {
            summary: "Lists the network rules that an Azure Firewall in front of an agent pool's subnet needs.",
            description: r#"The objects have the names of the `rule` block in a `network_rule_collection` of
`azurerm_firewall_policy_rule_collection_group`:

```terraform
network_rule_collection {
  name     = "acr-agent-pools"
  priority = 200
  action   = "Allow"

  dynamic "rule" {
    for_each = provider::acr::required_firewall_rules(azurerm_subnet.agents.address_prefixes)

    content {
      name                  = rule.value.name
      description           = rule.value.description
      protocols             = rule.value.protocols
      source_addresses      = rule.value.source_addresses
      destination_addresses = rule.value.destination_addresses
      destination_ports     = rule.value.destination_ports
    }
  }
}
```

They are *network* rules on purpose: with application rules alone, agents did not start (reported from the field)."#,
            parameters: vec![Parameter::new(
                "source_addresses",
                Type::list(Type::String),
                "Address prefixes of the pools' subnets.",
            )],
            variadic: Some(include::parameter(
                "What builds need besides: `registry` and `mcr`. `docker_hub` and `nuget` are accepted and add nothing, because no service tag \
                 reaches them: they need application rules of your own.",
            )),
            returns: Type::list(Type::Object(
                members
                    .map(|(name, ty)| (name.to_owned(), ty))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
            )),
            result: "A list of objects, one a service tag: `name` and `description` (String), `protocols`, `source_addresses`, \
                     `destination_addresses` and `destination_ports` (lists of strings).",
        }
    }

    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let sources: Vec<String> = arguments.get(0)?;
        let include = include::read(arguments, 1)?;
        if sources.is_empty() || sources.iter().any(|it| it.trim().is_empty()) {
            return Err(FunctionError::at(
                0,
                "a firewall rule needs the address prefixes of the pools' subnets, none of them empty",
            ));
        }
        let rules = required_rules::required_firewall_rules(&sources, &include);
        Ok(Value::List(rules.iter().map(object).collect()))
    }
}

fn object(rule: &FirewallRule) -> Value {
    let protocols: Vec<String> = rule.protocols.iter().map(|it| (*it).to_owned()).collect();
    Value::object([
        ("name", rule.name.to_known()),
        ("description", rule.description.to_known()),
        ("protocols", protocols.to_known()),
        ("source_addresses", rule.source_addresses.to_known()),
        ("destination_addresses", rule.destination_addresses.to_known()),
        ("destination_ports", rule.destination_ports.to_known()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::functions::call;

    fn texts(texts: &[&str]) -> Value {
        Value::List(texts.iter().copied().map(Value::string).collect())
    }

    #[test]
    fn five_rules_from_the_subnet() {
        let Value::List(rules) = call(&RequiredFirewallRules, vec![texts(&["10.0.1.0/24"])]).unwrap() else {
            panic!("no list")
        };
        let last = Value::object([
            ("name", Value::string("AllowAcrAzureMonitor")),
            ("description", rules[4].member("description").clone()),
            ("protocols", texts(&["TCP"])),
            ("source_addresses", texts(&["10.0.1.0/24"])),
            ("destination_addresses", texts(&["AzureMonitor"])),
            ("destination_ports", texts(&["443", "12000"])),
        ]);
        assert_eq!((rules.len(), rules.last()), (5, Some(&last)));
    }

    #[test]
    fn includes_reach_as_far_as_service_tags() {
        for (include, count) in [("registry", 6), ("mcr", 7), ("docker_hub", 5), ("nuget", 5)] {
            let rules = call(
                &RequiredFirewallRules,
                vec![texts(&["10.0.1.0/24"]), Value::string(include)],
            )
            .unwrap();
            assert!(
                matches!(&rules, Value::List(rules) if rules.len() == count),
                "{include}: {rules:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_told_at_its_argument() {
        for (values, argument, says) in [
            (vec![texts(&[])], 0, "needs the address prefixes"),
            (vec![texts(&["10.0.1.0/24", " "])], 0, "none of them empty"),
            (
                vec![Value::List(vec![Value::Null])],
                0,
                "at [0], a string is expected, null was given",
            ),
            (
                vec![texts(&["10.0.1.0/24"]), Value::string("")],
                1,
                "\"\" cannot be included",
            ),
        ] {
            let error = call(&RequiredFirewallRules, values).unwrap_err();
            assert_eq!(
                (error.argument, error.text.contains(says)),
                (Some(argument), true),
                "{error}"
            );
        }
    }
}
