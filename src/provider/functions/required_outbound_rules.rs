//! `required_outbound_rules`: the rules that a network security group needs, in `azurerm`'s words.

use std::collections::BTreeMap;

use super::include;
use crate::framework::{
    Type, Value,
    function::{Arguments, Function, FunctionError, Parameter, Signature},
};
use crate::network::required_rules::{self, OutboundRule};

/// The function.
pub(super) struct RequiredOutboundRules;

/// The members of `azurerm`'s `security_rule` block that every rule has.
const TEXTS: [&str; 9] = [
    "access",
    "description",
    "destination_address_prefix",
    "destination_port_range",
    "direction",
    "name",
    "protocol",
    "source_address_prefix",
    "source_port_range",
];

impl Function for RequiredOutboundRules {
    fn name(&self) -> &'static str {
        "required_outbound_rules"
    }

    fn signature(&self) -> Signature {
        let texts = TEXTS.into_iter().map(|name| (name.to_owned(), Type::String));
        let members: BTreeMap<String, Type> = texts.chain([("priority".to_owned(), Type::Number)]).collect();
        Signature {
            summary: "Lists the outbound rules that the network security group of an agent pool's subnet needs.",
            description: r#"The objects have the names of the `security_rule` block of `azurerm_network_security_group`, and of the
arguments of `azurerm_network_security_rule`:

```terraform
resource "azurerm_network_security_group" "agents" {
  name                = "nsg-agents"
  location            = azurerm_resource_group.builds.location
  resource_group_name = azurerm_resource_group.builds.name

  dynamic "security_rule" {
    for_each = provider::acr::required_outbound_rules(200, "registry")

    content {
      name                       = security_rule.value.name
      description                = security_rule.value.description
      priority                   = security_rule.value.priority
      direction                  = security_rule.value.direction
      access                     = security_rule.value.access
      protocol                   = security_rule.value.protocol
      source_port_range          = security_rule.value.source_port_range
      source_address_prefix      = security_rule.value.source_address_prefix
      destination_port_range     = security_rule.value.destination_port_range
      destination_address_prefix = security_rule.value.destination_address_prefix
    }
  }
}
```

The five service tags and their ports are those of Microsoft's documentation of dedicated agent pools, as of 2026-08-14. Rules of a lower
priority number that deny still win: [`check_outbound_rules`](check_outbound_rules.md) tells."#,
            parameters: vec![Parameter::new(
                "first_priority",
                Type::Number,
                "The priority of the first rule, at least 100; the others follow in steps of 10, so that there is room between them.",
            )],
            variadic: Some(include::parameter(
                "What builds need besides: `registry` (the registry itself, unless it has a private endpoint), `mcr` (base images of \
                 Microsoft's registry), `docker_hub` and `nuget`. The last two have no service tag: their rules open port 443 to `Internet`.",
            )),
            returns: Type::list(Type::Object(members)),
            result: "A list of objects, ordered by `priority` (Number). All other members are strings: `name`, `description`, `direction` \
                     (`Outbound`), `access` (`Allow`), `protocol` (`Tcp`), `source_port_range` (`*`), `source_address_prefix` \
                     (`VirtualNetwork`), `destination_port_range` and `destination_address_prefix` (a service tag).",
        }
    }

    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let first_priority: i64 = arguments.get(0)?;
        let include = include::read(arguments, 1)?;
        let rules = required_rules::required_outbound_rules(first_priority, &include);
        // Core ends the sentence itself.
        let rules = rules.map_err(|error| FunctionError::at(0, error.to_string().trim_end_matches('.')))?;
        Ok(Value::List(rules.iter().map(object).collect()))
    }
}

fn object(rule: &OutboundRule) -> Value {
    let texts = [
        rule.access,
        &rule.description,
        &rule.destination_address_prefix,
        &rule.destination_port_range,
        rule.direction,
        &rule.name,
        rule.protocol,
        rule.source_address_prefix,
        rule.source_port_range,
    ];
    let texts = TEXTS.into_iter().zip(texts.map(Value::string));
    Value::object(texts.chain([("priority", Value::integer(rule.priority))]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::functions::call;

    fn rules(first: i64, include: &[&str]) -> Result<Vec<Value>, FunctionError> {
        let include = include.iter().copied().map(Value::string);
        match call(
            &RequiredOutboundRules,
            [Value::integer(first)].into_iter().chain(include).collect(),
        )? {
            Value::List(rules) => Ok(rules),
            other => panic!("{other:?}"),
        }
    }

    fn destinations(rules: &[Value]) -> Vec<String> {
        let text = |rule: &Value, name: &str| rule.member(name).as_str().unwrap_or_default().to_owned();
        let one = |rule: &Value| {
            format!(
                "{}:{}",
                text(rule, "destination_address_prefix"),
                text(rule, "destination_port_range")
            )
        };
        rules.iter().map(one).collect()
    }

    #[test]
    fn what_the_documentation_asks_for() {
        let rules = rules(200, &[]).unwrap();
        let expected = [
            "AzureKeyVault:443",
            "Storage:443",
            "EventHub:443",
            "AzureActiveDirectory:443",
            "AzureMonitor:443",
            "AzureMonitor:12000",
        ];
        assert_eq!(destinations(&rules), expected);
        let first = [
            ("name", "AllowAcrAzureKeyVault"),
            ("direction", "Outbound"),
            ("access", "Allow"),
            ("protocol", "Tcp"),
            ("source_port_range", "*"),
            ("source_address_prefix", "VirtualNetwork"),
        ];
        for (member, value) in first {
            assert_eq!(rules[0].member(member), &Value::string(value), "{member}");
        }
        let priorities: Vec<&Value> = rules.iter().map(|rule| rule.member("priority")).collect();
        let expected: Vec<Value> = (0..6).map(|step| Value::integer(200 + 10 * step)).collect();
        assert_eq!(priorities, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn includes_add_rules_after_the_required_ones() {
        for (include, added) in [
            (&["registry"][..], &["AzureContainerRegistry:443"][..]),
            (
                &["mcr"],
                &["MicrosoftContainerRegistry:443", "AzureFrontDoor.FirstParty:443"],
            ),
            (&["docker_hub"], &["Internet:443"]),
            (
                &["nuget", "registry", "nuget"],
                &["AzureContainerRegistry:443", "Internet:443"],
            ),
        ] {
            assert_eq!(destinations(&rules(200, include).unwrap())[6..], *added, "{include:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_at_its_argument() {
        for (first, include, argument, says) in [
            (99, &[][..], 0, "so the first is 100 to 4046"),
            (4_047, &[], 0, "so the first is 100 to 4046"),
            (
                200,
                &["registry", "quay"],
                2,
                "\"quay\" cannot be included; known are \"registry\", \"mcr\", \"docker_hub\", \"nuget\"",
            ),
        ] {
            let error = rules(first, include).unwrap_err();
            assert_eq!(error.argument, Some(argument), "{error}");
            assert!(error.text.contains(says) && !error.text.ends_with('.'), "{error}");
        }
        let half = Value::Number(crate::framework::number::Number::parse("100.5").unwrap());
        let error = call(&RequiredOutboundRules, vec![half]).unwrap_err();
        assert_eq!(
            error,
            FunctionError::at(0, "a whole number is expected, 100.5 was given")
        );
    }
}
