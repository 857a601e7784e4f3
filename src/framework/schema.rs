//! The shape of what a user writes and of what is stored, with everything that validation, planning and documents need.

use std::collections::BTreeMap;

use super::{Type, Value, validators::Validator};

/// The schema of a provider block, a resource or a data source.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Version of the stored shape; raise it when old state needs an upgrade.
    pub version: i64,
    /// The top-level attributes and blocks.
    pub block: Block,
}

/// Attributes and nested blocks.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// In the order in which documents show them.
    pub attributes: Vec<Attribute>,
    /// In the order in which documents show them.
    pub blocks: Vec<NestedBlock>,
    /// One sentence or two, in Markdown.
    pub description: &'static str,
}

/// Who sets an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The user must.
    Required,
    /// The user may; null otherwise.
    Optional,
    /// The user may; otherwise a default or the provider.
    OptionalComputed,
    /// Only the provider.
    Computed,
}

/// Whether two spellings mean the same, such as two casings of an ARM id.
pub type Equivalence = fn(&str, &str) -> bool;

/// One attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Lower case with underscores.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Meaning, unit and consequences, in Markdown.
    pub description: &'static str,
    /// Who sets it.
    pub mode: Mode,
    /// Core hides it in output.
    pub sensitive: bool,
    /// It is given in configuration only and never stored.
    pub write_only: bool,
    /// What to use instead, when deprecated.
    pub deprecated: Option<&'static str>,
    /// A changed value cannot be applied in place.
    pub replaces: bool,
    /// An update does not change it: keep the prior value rather than planning unknown.
    pub stable: bool,
    /// The value when the user gives none; makes the attribute optional and computed.
    pub default: Option<Value>,
    /// Spellings that mean the same plan no change.
    pub equivalent: Option<Equivalence>,
    /// Checked on every known value.
    pub validators: Vec<Validator>,
}

/// How many blocks of a name there may be, and how they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most one; null when absent.
    Single,
    /// Any number, in order.
    List,
    /// Any number, without order.
    Set,
}

/// A block inside a block.
#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// Lower case with underscores.
    pub name: &'static str,
    /// How many, and how kept.
    pub nesting: Nesting,
    /// Its contents.
    pub block: Block,
    /// Fewest allowed; 0 for none.
    pub min_items: i64,
    /// Most allowed; 0 for no limit.
    pub max_items: i64,
}

impl Schema {
    /// A first-version schema.
    #[must_use]
    pub fn new(block: Block) -> Self {
        Self { version: 0, block }
    }

    /// The type of the whole object.
    #[must_use]
    pub fn ty(&self) -> Type {
        self.block.ty()
    }
}

impl Block {
    /// The type of an object of this block.
    #[must_use]
    pub fn ty(&self) -> Type {
        let attributes = self
            .attributes
            .iter()
            .map(|attribute| (attribute.name.to_owned(), attribute.ty.clone()));
        let blocks = self.blocks.iter().map(|nested| (nested.name.to_owned(), nested.ty()));
        Type::Object(attributes.chain(blocks).collect())
    }

    /// The attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// An object of this block in which everything is null and there are no nested blocks.
    #[must_use]
    pub fn null_object(&self) -> Value {
        let attributes = self
            .attributes
            .iter()
            .map(|attribute| (attribute.name.to_owned(), Value::Null));
        let blocks = self.blocks.iter().map(|nested| (nested.name.to_owned(), nested.none()));
        Value::Map(attributes.chain(blocks).collect::<BTreeMap<_, _>>())
    }
}

impl NestedBlock {
    /// At most one block of this name.
    #[must_use]
    pub fn single(name: &'static str, block: Block) -> Self {
        Self {
            name,
            nesting: Nesting::Single,
            block,
            min_items: 0,
            max_items: 0,
        }
    }

    /// Blocks of this name, in order.
    #[must_use]
    pub fn list(name: &'static str, block: Block) -> Self {
        Self {
            name,
            nesting: Nesting::List,
            block,
            min_items: 0,
            max_items: 0,
        }
    }

    /// The type under which the blocks are kept.
    #[must_use]
    pub fn ty(&self) -> Type {
        match self.nesting {
            Nesting::Single => self.block.ty(),
            Nesting::List => Type::list(self.block.ty()),
            Nesting::Set => Type::set(self.block.ty()),
        }
    }

    /// The value that says there is no such block.
    #[must_use]
    pub fn none(&self) -> Value {
        match self.nesting {
            Nesting::Single => Value::Null,
            Nesting::List => Value::List(Vec::new()),
            Nesting::Set => Value::Set(Vec::new()),
        }
    }
}

impl Attribute {
    fn new(name: &'static str, ty: Type, mode: Mode, description: &'static str) -> Self {
        Self {
            name,
            ty,
            description,
            mode,
            sensitive: false,
            write_only: false,
            deprecated: None,
            replaces: false,
            stable: false,
            default: None,
            equivalent: None,
            validators: Vec::new(),
        }
    }

    /// The user must set it.
    #[must_use]
    pub fn required(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Required, description)
    }

    /// The user may set it.
    #[must_use]
    pub fn optional(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Optional, description)
    }

    /// The provider sets it.
    #[must_use]
    pub fn computed(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Computed, description)
    }

    /// The user may set it; else the provider does.
    #[must_use]
    pub fn optional_computed(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::OptionalComputed, description)
    }

    /// With a value for when the user gives none.
    #[must_use]
    pub fn default(mut self, value: Value) -> Self {
        self.mode = Mode::OptionalComputed;
        self.default = Some(value);
        self
    }

    /// Cannot change in place.
    #[must_use]
    pub fn replaces(mut self) -> Self {
        self.replaces = true;
        self
    }

    /// Keeps its value through updates.
    #[must_use]
    pub fn stable(mut self) -> Self {
        self.stable = true;
        self
    }

    /// Hidden in output.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Given in configuration only and never stored.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.write_only = true;
        self
    }

    /// Spellings that mean the same plan no change.
    #[must_use]
    pub fn equivalent(mut self, equivalence: Equivalence) -> Self {
        self.equivalent = Some(equivalence);
        self
    }

    /// Adds a check of known values.
    #[must_use]
    pub fn check(mut self, validator: Validator) -> Self {
        self.validators.push(validator);
        self
    }

    /// Whether the provider may set it.
    #[must_use]
    pub fn is_computed(&self) -> bool {
        matches!(self.mode, Mode::Computed | Mode::OptionalComputed)
    }
}
