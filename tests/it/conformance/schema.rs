//! Schemas as Core reads them from the wire, and the checks that Core runs on them at load (S1).

use std::collections::{BTreeMap, BTreeSet};

use terraform_provider_acr::protocol::wire::{self, schema::nested_block::NestingMode};

use super::{
    rules::Violation,
    value::{Path, Step, Type},
};

/// Names that mean something to Core at the top of a resource block.
const META_ARGUMENTS: [&str; 7] = [
    "count",
    "for_each",
    "depends_on",
    "provider",
    "lifecycle",
    "connection",
    "provisioner",
];
/// Names that mean something to Core in a provider block.
const PROVIDER_META_ARGUMENTS: [&str; 2] = ["alias", "version"];

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

/// Reads a schema and says what Core's own check of it would say. A schema that cannot be used at all is none.
pub fn read(name: &str, wire: &wire::Schema, used: Use) -> (Option<Schema>, Vec<Violation>) {
    let mut reader = Reader {
        subject: name.to_owned(),
        violations: Vec::new(),
    };
    let root = Path::default();
    if wire.version < 0 {
        reader.refuse(&root, "the version is negative");
    }
    let Some(block) = &wire.block else {
        reader.refuse(&root, "the schema has no block, which crashes Terraform");
        return (None, reader.violations);
    };
    let reserved: &[&str] = match used {
        Use::Provider => &PROVIDER_META_ARGUMENTS,
        Use::Resource | Use::DataSource => &META_ARGUMENTS,
    };
    let names = block
        .attributes
        .iter()
        .map(|a| &a.name)
        .chain(block.block_types.iter().map(|b| &b.type_name));
    for taken in names.filter(|name| reserved.contains(&name.as_str())) {
        reader.refuse(&root.attribute(taken), "the name is reserved");
    }
    let block = reader.block(block, &root);
    if used != Use::Resource && block.holds_write_only() {
        reader.refuse(&root, "only managed resources have write-only attributes");
    }
    let ty = block.ty();
    (
        Some(Schema {
            version: wire.version,
            ty,
            block,
            identity: None,
        }),
        reader.violations,
    )
}

/// Reads an identity schema with Core's checks of it.
pub fn read_identity(name: &str, wire: &wire::ResourceIdentitySchema) -> (Identity, Vec<Violation>) {
    let mut reader = Reader {
        subject: name.to_owned(),
        violations: Vec::new(),
    };
    let mut members = BTreeMap::new();
    if wire.version < 0 {
        reader.refuse(&Path::default(), "the identity's version is negative");
    }
    for attribute in &wire.identity_attributes {
        let at = Path::default().attribute(&attribute.name);
        if attribute.required_for_import == attribute.optional_for_import {
            reader.refuse(
                &at,
                "an identity attribute is required_for_import or optional_for_import",
            );
        }
        match Type::parse(&attribute.r#type) {
            Ok(ty) => {
                let flat = |ty: &Type| matches!(ty, Type::String | Type::Number | Type::Bool);
                if !flat(&ty) && !matches!(&ty, Type::List(element) if flat(element)) {
                    reader.refuse(&at, "an identity attribute is a primitive or a list of them");
                }
                members.insert(attribute.name.clone(), ty);
            }
            Err(error) => reader.refuse(&at, &format!("{error}, which crashes Terraform")),
        }
    }
    (
        Identity {
            version: wire.version,
            ty: Type::Object(members),
        },
        reader.violations,
    )
}

struct Reader {
    subject: String,
    violations: Vec<Violation>,
}

impl Reader {
    fn refuse(&mut self, at: &Path, message: &str) {
        self.violations
            .push(Violation::new("S1", at, format!("{}: {message}", self.subject)));
    }

    fn block(&mut self, wire: &wire::schema::Block, at: &Path) -> Block {
        let mut block = Block::default();
        let mut names = BTreeSet::new();
        if wire.version < 0 {
            self.refuse(at, "a block's version is negative");
        }
        if !wire.deprecated && !wire.deprecation_message.is_empty() {
            self.refuse(at, "a deprecation message without deprecation");
        }
        for attribute in &wire.attributes {
            let at = at.attribute(&attribute.name);
            if !names.insert(attribute.name.clone()) {
                self.refuse(&at, "the name comes twice");
            }
            if let Some(read) = self.attribute(attribute, &at) {
                block.attributes.insert(attribute.name.clone(), read);
            }
        }
        for nested in &wire.block_types {
            let at = at.attribute(&nested.type_name);
            if !names.insert(nested.type_name.clone()) {
                self.refuse(&at, "the name comes twice");
            }
            if let Some(read) = self.nested(nested, &at) {
                block.blocks.insert(nested.type_name.clone(), read);
            }
        }
        block
    }

    fn attribute(&mut self, wire: &wire::schema::Attribute, at: &Path) -> Option<Attribute> {
        self.name(&wire.name, at);
        let (required, optional, computed) = (wire.required, wire.optional, wire.computed);
        if !required && !optional && !computed {
            self.refuse(at, "must set Optional, Required or Computed");
        }
        if required && (optional || computed) {
            self.refuse(at, "required excludes optional and computed");
        }
        if wire.write_only && computed {
            self.refuse(at, "a write-only attribute is never computed");
        }
        if !wire.deprecated && !wire.deprecation_message.is_empty() {
            self.refuse(at, "a deprecation message without deprecation");
        }
        let ty = match Type::parse(&wire.r#type) {
            Ok(ty) => ty,
            Err(error) => {
                self.refuse(at, &format!("{error}, which crashes Terraform"));
                return None;
            }
        };
        Some(Attribute {
            ty,
            required,
            optional,
            computed,
            sensitive: wire.sensitive,
            write_only: wire.write_only,
        })
    }

    fn nested(&mut self, wire: &wire::schema::NestedBlock, at: &Path) -> Option<NestedBlock> {
        self.name(&wire.type_name, at);
        let (min, max) = (wire.min_items, wire.max_items);
        let nesting = match wire.nesting() {
            NestingMode::Invalid => {
                self.refuse(at, "the nesting is invalid");
                return None;
            }
            NestingMode::Single => Nesting::Single,
            NestingMode::List => Nesting::List,
            NestingMode::Set => Nesting::Set,
            NestingMode::Map => Nesting::Map,
            NestingMode::Group => Nesting::Group,
        };
        let limits_hold = match nesting {
            Nesting::Single => min == max && (0..=1).contains(&min),
            Nesting::List | Nesting::Set => min >= 0 && max >= 0 && (max == 0 || min <= max),
            Nesting::Map | Nesting::Group => min == 0 && max == 0,
        };
        if !limits_hold {
            self.refuse(
                at,
                &format!("min_items {min} and max_items {max} do not suit {nesting:?}"),
            );
        }
        let Some(block) = &wire.block else {
            self.refuse(at, "the nested block has no block, which crashes Terraform");
            return None;
        };
        let block = self.block(block, at);
        if nesting == Nesting::Set && block.holds_write_only() {
            self.refuse(at, "set blocks hold no write-only attributes");
        }
        if matches!(nesting, Nesting::List | Nesting::Set | Nesting::Map) && block.ty().holds_dynamic() {
            self.refuse(
                at,
                "a dynamic attribute inside a repeated block changes the wire type; avoided here",
            );
        }
        Some(NestedBlock { nesting, block })
    }

    fn name(&mut self, name: &str, at: &Path) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
            self.refuse(at, "names are lower-case letters, digits and underscores");
        }
    }
}
