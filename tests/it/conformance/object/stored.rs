//! What a state file holds of an object, and what Core makes of an answer before it is stored.

use terraform_provider_acr::protocol::wire;

use crate::conformance::{
    json, msgpack,
    schema::{Nesting, Schema},
    value::CoreValue,
};

/// What the state file holds of an object.
#[derive(Clone, Debug)]
pub struct Stored {
    pub json: String,
    pub schema_version: i64,
    pub private: Vec<u8>,
    pub identity: Option<StoredIdentity>,
    pub tainted: bool,
}

#[derive(Clone, Debug)]
pub struct StoredIdentity {
    pub json: String,
    pub schema_version: i64,
}

impl Stored {
    /// Stores a state. Unknown values become null, as Core stores them after it has complained.
    pub fn new(schema: &Schema, state: &CoreValue, private: Vec<u8>, identity: Option<&wire::DynamicValue>) -> Self {
        let identity = schema.identity.as_ref().and_then(|identity_schema| {
            let value = msgpack::decode(identity, &identity_schema.ty)
                .ok()
                .filter(|value| !value.is_null())?;
            let json = json::encode(&without_unknowns(&value));
            Some(StoredIdentity {
                json,
                schema_version: identity_schema.version,
            })
        });
        let json = json::encode(&without_unknowns(state));
        Self {
            json,
            schema_version: schema.version,
            private,
            identity,
            tainted: false,
        }
    }
}

/// Null in place of unknown, at any depth.
pub(super) fn without_unknowns(value: &CoreValue) -> CoreValue {
    let each = |elements: &[CoreValue]| elements.iter().map(without_unknowns).collect::<Vec<_>>();
    match value {
        CoreValue::Unknown(_) => CoreValue::Null,
        CoreValue::List(elements) => CoreValue::List(each(elements)),
        CoreValue::Tuple(elements) => CoreValue::Tuple(each(elements)),
        CoreValue::Set(elements) => CoreValue::set(each(elements)),
        CoreValue::Map(members) => CoreValue::Map(
            members
                .iter()
                .map(|(key, value)| (key.clone(), without_unknowns(value)))
                .collect(),
        ),
        CoreValue::Object(members) => CoreValue::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), without_unknowns(value)))
                .collect(),
        ),
        CoreValue::Dynamic(ty, value) => CoreValue::Dynamic(ty.clone(), Box::new(without_unknowns(value))),
        CoreValue::Null | CoreValue::Bool(_) | CoreValue::Number(_) | CoreValue::String(_) => value.clone(),
    }
}

/// No blocks in place of null ones: Core mends what a read returns, with a warning in its log.
pub(super) fn with_blocks(schema: &Schema, mut state: CoreValue) -> CoreValue {
    for (name, nested) in &schema.block.blocks {
        let empty = match nested.nesting {
            Nesting::List => CoreValue::List(Vec::new()),
            Nesting::Set => CoreValue::set(Vec::new()),
            Nesting::Map => CoreValue::Map(Default::default()),
            Nesting::Single | Nesting::Group => continue,
        };
        if state.get(name).is_null() {
            state.put(name, empty);
        }
    }
    state
}
