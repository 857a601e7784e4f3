//! Ids of what lives directly in a registry: `registries/agentPools`, `registries/tasks`.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use super::PROVIDER;
use super::registry::RegistryId;
use crate::azure::{InvalidId, ResourceId};

/// A kind of thing that lives directly in a registry.
pub trait Child {
    /// What it is called in messages: `agent pool`.
    const NOUN: &'static str;
    /// How its id ends, as a clause for messages.
    const ENDS: &'static str;
    /// The registry's type and its own, as Azure documents them.
    const TYPES: [&'static str; 2];

    /// Checks a name by the API's own rule.
    ///
    /// # Errors
    /// Says what the rule expects.
    fn check_name(name: &str) -> Result<(), InvalidId>;
}

/// The id of a child of the kind `C`. Compared without regard to casing, printed in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChildId<C> {
    registry: RegistryId,
    id: ResourceId,
    kind: PhantomData<C>,
}

impl<C: Child> ChildId<C> {
    /// Parses an id of this kind.
    ///
    /// # Errors
    /// Says what the id is instead, or what is wrong with a name.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let id = ResourceId::parse(text)?;
        let found = id.resource_type();
        if id.is(PROVIDER, &C::TYPES[..1]) {
            return Err(InvalidId::new(format!("this is a registry id; {}", C::ENDS)));
        }
        let id = id.canonical(PROVIDER, &C::TYPES).ok_or_else(|| {
            let [registries, own] = C::TYPES;
            InvalidId::new(format!(
                "this is the id of a {found}; expected one of a {PROVIDER}/{registries}/{own}"
            ))
        })?;
        let parent = id.parent().expect("the id has two levels");
        Self::new(RegistryId::from_resource_id(parent)?, id.name())
    }

    /// The id of the child `name` of a registry.
    ///
    /// # Errors
    /// When the name breaks the kind's rule: see [`Child::check_name`].
    pub fn new(registry: RegistryId, name: &str) -> Result<Self, InvalidId> {
        C::check_name(name)?;
        let id = registry.as_resource_id().child(C::TYPES[1], name)?;
        let kind = PhantomData;
        Ok(Self { registry, id, kind })
    }

    /// The id as any resource's.
    pub fn as_resource_id(&self) -> &ResourceId {
        &self.id
    }

    /// The subscription's id.
    pub fn subscription_id(&self) -> &str {
        self.registry.subscription_id()
    }

    /// The registry's id.
    pub fn registry(&self) -> &RegistryId {
        &self.registry
    }

    /// The child's own name.
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// For messages: `agent pool "p" (registry "r", resource group "g")`.
    pub fn human(&self) -> String {
        let (noun, name) = (C::NOUN, self.name());
        let (registry, group) = (self.registry.name(), self.registry.resource_group());
        format!("{noun} \"{name}\" (registry \"{registry}\", resource group \"{group}\")")
    }
}

impl<C> fmt::Display for ChildId<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl<C: Child> FromStr for ChildId<C> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}
