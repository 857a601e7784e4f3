//! The `timeouts` block that Azure users know: one Go-style duration for each kind of operation.

use std::time::Duration;

use super::{
    Field, Model, Path, Type, Value, duration,
    model::Mismatch,
    schema::{Attribute, Block, NestedBlock},
    validators::{Problem, Validator},
};

/// The name of the block in every schema.
pub const BLOCK: &str = "timeouts";

/// The durations that the user gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeouts {
    /// For creating.
    pub create: Field<String>,
    /// For reading.
    pub read: Field<String>,
    /// For updating.
    pub update: Field<String>,
    /// For deleting.
    pub delete: Field<String>,
}

/// How long each operation may take when the user says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// For creating.
    pub create: Duration,
    /// For reading.
    pub read: Duration,
    /// For updating.
    pub update: Duration,
    /// For deleting.
    pub delete: Duration,
}

/// The block for a resource with all four operations. `describe` names the defaults, in the order of [`Timeouts`].
#[must_use]
pub fn block(describe: [&'static str; 4]) -> NestedBlock {
    let [create, read, update, delete] = describe;
    let attribute = |name, text| Attribute::optional(name, Type::String, text).check(check());
    NestedBlock::single(
        BLOCK,
        Block {
            attributes: vec![
                attribute("create", create),
                attribute("delete", delete),
                attribute("read", read),
                attribute("update", update),
            ],
            blocks: Vec::new(),
            description: "How long the provider waits for each operation.",
        },
    )
}

/// The check of a duration, for arguments outside the block too.
#[must_use]
pub fn check() -> Validator {
    Validator::text("a duration such as `30m` or `1h30m`", |text| {
        duration::parse(text).map(|_| ()).map_err(|detail| Problem {
            summary: "Invalid duration".into(),
            detail,
        })
    })
}

/// The duration that applies: the user's, else the default. Validation has refused anything else.
#[must_use]
pub fn effective(given: &Field<String>, default: Duration) -> Duration {
    given
        .known()
        .and_then(|text| duration::parse(text).ok())
        .unwrap_or(default)
}

impl Model for Timeouts {
    const NAMES: &'static [&'static str] = &["create", "delete", "read", "update"];

    fn from_value(value: &Value, path: &Path) -> Result<Self, Mismatch> {
        Ok(Self {
            create: Field::read(value, "create", path)?,
            read: Field::read(value, "read", path)?,
            update: Field::read(value, "update", path)?,
            delete: Field::read(value, "delete", path)?,
        })
    }

    fn to_value(&self) -> Value {
        Value::object([
            ("create", self.create.to_value()),
            ("delete", self.delete.to_value()),
            ("read", self.read.to_value()),
            ("update", self.update.to_value()),
        ])
    }
}
