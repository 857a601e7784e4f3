//! The model and the schema of a task, held against each other.

use crate::framework::{
    Model, Value, msgpack,
    schema::{Block, Nesting},
};

use super::{model::TaskModel, schema};

/// An object with one block of every kind in it, at any depth, in which every attribute is null.
fn full(block: &Block) -> Value {
    let Value::Map(mut members) = block.null_object() else {
        unreachable!("a null object is a map")
    };
    for nested in &block.blocks {
        let inside = full(&nested.block);
        let value = match nested.nesting {
            Nesting::Single => inside,
            Nesting::List => Value::List(vec![inside]),
            Nesting::Set => Value::set(vec![inside]),
        };
        members.insert(nested.name.to_owned(), value);
    }
    Value::Map(members)
}

#[test]
fn every_block_has_its_struct() {
    let schema = schema::schema();
    let all = full(&schema.block);
    let model = TaskModel::from_value(&all, &crate::framework::Path::root()).unwrap();
    assert_eq!(model.to_value(), all);
    let bytes = msgpack::encode(&schema.ty(), &all);
    assert_eq!(msgpack::decode(&schema.ty(), &bytes), Ok(all));
}

#[test]
fn a_bare_task_has_no_blocks() {
    assert_eq!(TaskModel::bare().to_value(), schema::schema().block.null_object());
}
