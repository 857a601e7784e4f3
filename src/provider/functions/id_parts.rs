//! The parts of the id of something inside a registry, as two functions return them.

use std::collections::BTreeMap;

use crate::acr::RegistryId;
use crate::framework::{Type, Value};

/// Every member, with what it is.
const MEMBERS: [&str; 6] = [
    "id",
    "name",
    "registry_id",
    "registry_name",
    "resource_group_name",
    "subscription_id",
];

/// What the members are, in Markdown.
pub(super) const RESULT: &str = "An object:

- `id` (String) The id in its canonical form: keywords and types as Azure documents them, names as they were given.
- `subscription_id` (String) The subscription's id.
- `resource_group_name` (String) The resource group's name.
- `registry_name` (String) The registry's name.
- `registry_id` (String) The registry's id, in its canonical form.
- `name` (String) The last name of the id.";

/// The object's type.
pub(super) fn ty() -> Type {
    let members: BTreeMap<String, Type> = MEMBERS.iter().map(|name| ((*name).to_owned(), Type::String)).collect();
    Type::Object(members)
}

/// The parts.
pub(super) fn object(id: &impl ToString, registry: &RegistryId, name: &str) -> Value {
    let parts = [
        id.to_string(),
        name.to_owned(),
        registry.to_string(),
        registry.name().to_owned(),
        registry.resource_group().to_owned(),
        registry.subscription_id().to_owned(),
    ];
    Value::object(MEMBERS.into_iter().zip(parts.map(Value::string)))
}
