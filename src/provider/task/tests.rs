//! Tasks without Azure: model against schema, checks, what is sent, and what a read makes of a state.

mod checks;
mod refresh;

use serde_json::{Value as Json, json};

use crate::framework::{
    Field, Model, Path, Value,
    json::{self, Extra},
    msgpack,
    schema::{Block, Nesting},
};

use super::{model::TaskModel, schema};

const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso";

/// A value of the schema from JSON: what is not there is null. `"?"` is unknown.
fn value(json: &Json) -> Value {
    fn unknown(value: Value) -> Value {
        match value {
            Value::String(text) if text == "?" => Value::Unknown,
            Value::List(elements) => Value::List(elements.into_iter().map(unknown).collect()),
            Value::Map(members) => Value::Map(members.into_iter().map(|(name, it)| (name, unknown(it))).collect()),
            other => other,
        }
    }
    unknown(json::decode(&schema::schema().ty(), &json.to_string(), Extra::Refuse).unwrap())
}

fn model(json: &Json) -> TaskModel {
    TaskModel::from_value(&value(json), &Path::root()).unwrap()
}

/// The smallest task, with more.
fn smallest(more: &Json) -> Json {
    let mut task = json!({"name": "nightly", "registry_id": REGISTRY, "platform": [{"os": "Linux"}],
        "encoded_step": [{"task_content": "version: v1.1.0\nsteps:\n  - cmd: bash\n"}]});
    for (name, value) in more.as_object().unwrap() {
        task[name] = value.clone();
    }
    task
}

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
    let model = TaskModel::from_value(&all, &Path::root()).unwrap();
    assert_eq!(model.to_value(), all);
    let bytes = msgpack::encode(&schema.ty(), &all);
    assert_eq!(msgpack::decode(&schema.ty(), &bytes), Ok(all));
}

#[test]
fn a_bare_task_has_no_blocks() {
    assert_eq!(TaskModel::bare().to_value(), schema::schema().block.null_object());
}

#[test]
fn what_is_written_comes_from_plan_and_configuration() {
    let planned = model(&smallest(&json!({
        "encoded_step": [{"task_content": "steps: []", "secret_values_wo_version": 1, "context_access_token_wo_version": 1}],
        "source_trigger": [{"name": "s", "authentication": [{"token_type": "PAT", "token_wo_version": 1}]}],
        "base_image_trigger": [{"name": "b", "update_trigger_endpoint_wo_version": 1}],
        "registry_credential": [{"source": [], "custom": [{"login_server": "a.example", "username": "u"}]}],
    })));
    let config = model(&smallest(&json!({
        "encoded_step": [{"secret_values_wo": {"A": "w1"}, "context_access_token_wo": "w2"}],
        "source_trigger": [{"authentication": [{"token_wo": "w3", "refresh_token_wo": "w4"}]}],
        "base_image_trigger": [{"update_trigger_endpoint_wo": "w5"}],
        "registry_credential": [{"custom": [{"password_wo": "w6"}]}],
    })));
    let body = json!(super::convert::new_task(
        &planned.with_write_only(&config),
        "eastus".into(),
        false
    ));
    let at = |pointer: &str| body.pointer(pointer).cloned().unwrap_or(Json::Null);
    for (pointer, secret) in [
        ("/properties/step/values/0/value", "w1"),
        ("/properties/step/contextAccessToken", "w2"),
        (
            "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/token",
            "w3",
        ),
        (
            "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/refreshToken",
            "w4",
        ),
        ("/properties/trigger/baseImageTrigger/updateTriggerEndpoint", "w5"),
        (
            "/properties/credentials/customRegistries/a.example/password/value",
            "w6",
        ),
    ] {
        assert_eq!(at(pointer), secret, "{pointer} in {body:#}");
    }
    assert_eq!(
        (at("/tags"), at("/identity"), at("/properties/agentPoolName")),
        (json!({}), Json::Null, Json::Null)
    );
    assert_eq!(at("/properties/status"), "Enabled");

    // An identity that is no longer configured is taken away in so many words.
    let body = json!(super::convert::new_task(&planned, "eastus".into(), true));
    assert_eq!(body["identity"], json!({"type": "None"}));
    assert_eq!(planned.id, Field::Null);
}
