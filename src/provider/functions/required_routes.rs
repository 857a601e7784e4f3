//! `required_routes`: routes that lead what agents need past an appliance, in `azurerm`'s words.

use std::collections::BTreeMap;

use super::include;
use crate::framework::{
    Type, Value,
    function::{Arguments, Function, FunctionError, Signature},
};
use crate::network::required_rules;

/// The function.
pub(super) struct RequiredRoutes;

/// The members of `azurerm`'s `route` block that every route has.
const MEMBERS: [&str; 3] = ["name", "address_prefix", "next_hop_type"];

impl Function for RequiredRoutes {
    fn name(&self) -> &'static str {
        "required_routes"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "Lists routes that lead what agents need past a firewall or another appliance.",
            description: r#"A default route to an appliance takes everything there. Routes with a service tag are more specific, so they win; they lead to
Azure's services over Azure's own network. The objects have the names of the `route` block of `azurerm_route_table`:

```terraform
resource "azurerm_route_table" "agents" {
  name                = "rt-agents"
  location            = azurerm_resource_group.builds.location
  resource_group_name = azurerm_resource_group.builds.name

  route {
    name                   = "default"
    address_prefix         = "0.0.0.0/0"
    next_hop_type          = "VirtualAppliance"
    next_hop_in_ip_address = "10.0.0.4"
  }

  dynamic "route" {
    for_each = provider::acr::required_routes()

    content {
      name           = route.value.name
      address_prefix = route.value.address_prefix
      next_hop_type  = route.value.next_hop_type
    }
  }
}
```

A route table holds at most 25 routes with a service tag. In a private subnet, routes to `Internet` need a NAT gateway."#,
            parameters: Vec::new(),
            variadic: Some(include::parameter(
                "What builds need besides: `registry` and `mcr`. `docker_hub` and `nuget` are accepted and add nothing, because no service tag \
                 reaches them: the appliance has to let them through.",
            )),
            returns: Type::list(Type::Object(
                MEMBERS
                    .map(|name| (name.to_owned(), Type::String))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
            )),
            result: "A list of objects, one a service tag: `name`, `address_prefix` (the service tag) and `next_hop_type` (`Internet`), all strings.",
        }
    }

    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let include = include::read(arguments, 0)?;
        let routes = required_rules::required_routes(&include).into_iter().map(|route| {
            let members = [route.name, route.address_prefix, route.next_hop_type.to_owned()];
            Value::object(MEMBERS.into_iter().zip(members.map(Value::string)))
        });
        Ok(Value::List(routes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::functions::call;

    #[test]
    fn one_route_a_service_tag() {
        let first = Value::object([
            ("name", Value::string("AcrAzureKeyVault")),
            ("address_prefix", Value::string("AzureKeyVault")),
            ("next_hop_type", Value::string("Internet")),
        ]);
        for (include, count) in [(&[][..], 5), (&["registry", "mcr", "nuget"], 8)] {
            let arguments = include.iter().copied().map(Value::string).collect();
            let Value::List(routes) = call(&RequiredRoutes, arguments).unwrap() else {
                panic!("no list")
            };
            assert_eq!((routes.len(), &routes[0]), (count, &first));
        }
        let error = call(&RequiredRoutes, vec![Value::string("mcr"), Value::string("MCR")]).unwrap_err();
        assert_eq!(error.argument, Some(1));
    }
}
