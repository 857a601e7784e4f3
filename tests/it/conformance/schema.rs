//! Schemas as Core holds them; [`read`] reads them from the wire.

mod read;

use std::collections::BTreeMap;

use super::value::{Step, Type};

pub use read::{read, read_identity};

/// What a schema is for: reserved names differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Provider,
    Resource,
    DataSource,
}

#[derive(Clone, Debug)]
pub struct Schema {
    pub version: i64,
    pub block: Block,
    /// The type of values of this schema, as the wire encodes them.
    pub ty: Type,
    /// The identity's schema version and type, when the resource type has one.
    pub identity: Option<Identity>,
}

#[derive(Clone, Debug)]
pub struct Identity {
    pub version: i64,
    pub ty: Type,
}

#[derive(Clone, Debug, Default)]
pub struct Block {
    pub attributes: BTreeMap<String, Attribute>,
    pub blocks: BTreeMap<String, NestedBlock>,
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub ty: Type,
    pub required: bool,
    pub optional: bool,
    pub computed: bool,
    pub sensitive: bool,
    pub write_only: bool,
}

#[derive(Clone, Debug)]
pub struct NestedBlock {
    pub nesting: Nesting,
    /// Whether a configuration must have one.
    pub required: bool,
    pub block: Block,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    Single,
    List,
    Set,
    Map,
    Group,
}

impl Block {
    /// The object type of this block's values.
    pub fn ty(&self) -> Type {
        let attributes = self
            .attributes
            .iter()
            .map(|(name, attribute)| (name.clone(), attribute.ty.clone()));
        let blocks = self.blocks.iter().map(|(name, nested)| {
            let element = Box::new(nested.block.ty());
            let ty = match nested.nesting {
                Nesting::Single | Nesting::Group => *element,
                Nesting::List => Type::List(element),
                Nesting::Set => Type::Set(element),
                Nesting::Map => Type::Map(element),
            };
            (name.clone(), ty)
        });
        Type::Object(attributes.chain(blocks).collect())
    }

    /// What a path's first steps lead to. Sets end a path, for their elements have no address.
    pub fn resolve(&self, path: &[Step]) -> Result<(), String> {
        let Some((step, rest)) = path.split_first() else {
            return Ok(());
        };
        let Step::Attribute(name) = step else {
            return Err("a block is entered by attribute name".to_owned());
        };
        if let Some(attribute) = self.attributes.get(name) {
            return resolve_type(&attribute.ty, rest);
        }
        let nested = self
            .blocks
            .get(name)
            .ok_or_else(|| format!("no attribute or block {name:?}"))?;
        match (nested.nesting, rest.split_first()) {
            (_, None) => Ok(()),
            (Nesting::Single | Nesting::Group, Some(_)) => nested.block.resolve(rest),
            (Nesting::List, Some((Step::Index(_), rest))) | (Nesting::Map, Some((Step::Key(_), rest))) => {
                nested.block.resolve(rest)
            }
            (Nesting::Set, Some(_)) => Err(format!("set {name:?} cannot be stepped into")),
            (_, Some((step, _))) => Err(format!("{name:?} is not entered by {step:?}")),
        }
    }

    /// Whether the path names a write-only attribute.
    pub fn is_write_only(&self, path: &[Step]) -> bool {
        match path {
            [Step::Attribute(name)] => self.attributes.get(name).is_some_and(|attribute| attribute.write_only),
            [Step::Attribute(name), Step::Index(_) | Step::Key(_), rest @ ..] | [Step::Attribute(name), rest @ ..] => {
                self.blocks
                    .get(name)
                    .is_some_and(|nested| nested.block.is_write_only(rest))
            }
            _ => false,
        }
    }

    fn holds_write_only(&self) -> bool {
        self.attributes.values().any(|attribute| attribute.write_only)
            || self.blocks.values().any(|nested| nested.block.holds_write_only())
    }
}

fn resolve_type(ty: &Type, path: &[Step]) -> Result<(), String> {
    let Some((step, rest)) = path.split_first() else {
        return Ok(());
    };
    match (ty, step) {
        (Type::List(element), Step::Index(_)) | (Type::Map(element), Step::Key(_)) => resolve_type(element, rest),
        (Type::Tuple(elements), Step::Index(index)) => {
            let element = elements
                .get(*index)
                .ok_or_else(|| format!("the tuple has no element {index}"))?;
            resolve_type(element, rest)
        }
        (Type::Object(members), Step::Attribute(name)) => {
            let member = members.get(name).ok_or_else(|| format!("the object has no {name:?}"))?;
            resolve_type(member, rest)
        }
        (Type::Dynamic, _) => Ok(()),
        _ => Err(format!("{step:?} does not lead into {}", ty.to_json())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_somewhere_or_are_refused() {
        let (schema, _) = read("x", &crate::conformance::thing::schema::resource(), Use::Resource);
        let block = schema.unwrap().block;
        let name = |name: &str| Step::Attribute(name.to_owned());
        let rule = || name("rule");
        for (path, leads) in [
            (vec![], true),
            (vec![name("name")], true),
            (vec![name("tags"), Step::Key("k".to_owned())], true),
            (vec![name("labels"), Step::Index(0)], false),
            (vec![rule(), Step::Index(1), name("port")], true),
            (vec![rule(), name("port")], false),
            (vec![rule(), Step::Key("k".to_owned())], false),
            (vec![name("timeouts"), name("create")], true),
            (vec![name("timeouts"), name("write")], false),
            (vec![name("name"), name("length")], false),
        ] {
            assert_eq!(block.resolve(&path).is_ok(), leads, "{path:?}");
        }
        assert!(block.is_write_only(&[name("token")]) && !block.is_write_only(&[name("name")]));
    }
}
