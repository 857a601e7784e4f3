//! The schema, as Core checks it when it loads a provider, and as real Terraform prints it.

use std::collections::BTreeSet;

use prost::Message;
use terraform_provider_acr::{
    framework::Type,
    protocol::wire::{
        Function, Schema, function, get_provider_schema,
        schema::{Attribute, Block, NestedBlock, nested_block::NestingMode},
    },
};

use super::{POOL, Session};
use crate::sandbox::{Sandbox, Version};

/// Names that Terraform keeps to itself in every resource, and those of provider blocks.
const KEPT: [&str; 9] = [
    "count",
    "for_each",
    "depends_on",
    "provider",
    "lifecycle",
    "connection",
    "provisioner",
    "alias",
    "version",
];

/// What Core would refuse.
fn problems(name: &str, schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    if schema.version < 0 {
        found.push(format!("{name}: version {}", schema.version));
    }
    // Core panics without a block.
    let Some(block) = &schema.block else {
        return vec![format!("{name}: no block")];
    };
    let names = block
        .attributes
        .iter()
        .map(|it| &it.name)
        .chain(block.block_types.iter().map(|it| &it.type_name));
    found.extend(
        names
            .filter(|it| KEPT.contains(&it.as_str()))
            .map(|it| format!("{name}.{it}: a name of Terraform's own")),
    );
    check(name, block, &mut found);
    found
}

fn check(path: &str, block: &Block, found: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    let mut say = |name: &str, problem: &str| found.push(format!("{path}.{name}: {problem}"));
    for attribute in &block.attributes {
        let Attribute {
            name,
            required,
            optional,
            computed,
            ..
        } = attribute;
        if !names.insert(name.clone()) || !is_name(name) {
            say(name, "a name twice, or none");
        }
        if std::str::from_utf8(&attribute.r#type)
            .map(Type::parse)
            .is_ok_and(|it| it.is_err())
        {
            say(name, "no type");
        }
        if *required == (*optional || *computed) {
            say(name, "required, optional or computed");
        }
        if attribute.write_only && *computed {
            say(name, "write-only and computed");
        }
        if !attribute.deprecated && !attribute.deprecation_message.is_empty() {
            say(name, "a message about no deprecation");
        }
    }
    for nested in &block.block_types {
        let NestedBlock {
            type_name: name,
            min_items: min,
            max_items: max,
            ..
        } = nested;
        if !names.insert(name.clone()) || !is_name(name) {
            say(name, "a name twice, or none");
        }
        let fits = match nested.nesting() {
            NestingMode::Single => min == max && [0, 1].contains(min),
            NestingMode::Group | NestingMode::Map => (*min, *max) == (0, 0),
            NestingMode::List | NestingMode::Set => *min >= 0 && (*max == 0 || min <= max),
            NestingMode::Invalid => false,
        };
        if !fits {
            say(name, "a number of blocks that no nesting has");
        }
        if nested.block.is_none() {
            say(name, "no block");
        }
    }
    for nested in &block.block_types {
        check(
            &format!("{path}.{}", nested.type_name),
            nested.block.as_ref().unwrap_or(&Block::default()),
            found,
        );
    }
}

/// What Core would refuse in a function. Without a type or a result it panics.
fn function_problems(name: &str, function: &Function) -> Vec<String> {
    let is_type = |json: &[u8]| std::str::from_utf8(json).is_ok_and(|it| Type::parse(it).is_ok());
    let mut found = Vec::new();
    if !is_name(name) {
        found.push(format!("{name}: no name"));
    }
    if !function.r#return.as_ref().is_some_and(|it| is_type(&it.r#type)) {
        found.push(format!("{name}: no result"));
    }
    let mut names = BTreeSet::new();
    for parameter in function.parameters.iter().chain(&function.variadic_parameter) {
        if !is_name(&parameter.name) || !names.insert(&parameter.name) {
            found.push(format!("{name}.{}: a name twice, or none", parameter.name));
        }
        if !is_type(&parameter.r#type) {
            found.push(format!("{name}.{}: no type", parameter.name));
        }
    }
    found
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_passes_the_checks_of_core() {
    let session = Session::new().await;
    let reply = session.call("GetSchema", Vec::new()).await.unwrap();
    let reply = get_provider_schema::Response::decode(reply.as_slice()).unwrap();
    assert_eq!(reply.diagnostics, []);
    let provider = reply.provider.expect("Core panics without a provider schema");
    let mut found = problems("provider", &provider);
    for (name, schema) in reply.resource_schemas.iter().chain(&reply.data_source_schemas) {
        found.extend(problems(name, schema));
    }
    for (name, function) in &reply.functions {
        found.extend(function_problems(name, function));
    }
    assert_eq!(found, [] as [String; 0]);
    assert_eq!(reply.functions.len(), 8);
    assert!(reply.resource_schemas.contains_key(POOL) && reply.data_source_schemas.contains_key(POOL));
}

#[test]
fn the_checks_find_something() {
    let attribute = |name: &str, ty: &str| Attribute {
        name: name.into(),
        r#type: ty.into(),
        required: true,
        ..Attribute::default()
    };
    let nested = |name: &str| NestedBlock {
        type_name: name.into(),
        block: Some(Block::default()),
        nesting: NestingMode::Single.into(),
        ..NestedBlock::default()
    };
    let of = |attributes, block_types| Schema {
        version: 0,
        block: Some(Block {
            attributes,
            block_types,
            ..Block::default()
        }),
    };
    let good = attribute("a", "\"string\"");
    assert_eq!(
        problems("x", &of(vec![good.clone()], vec![nested("b")])),
        [] as [String; 0]
    );
    for wrong in [
        Schema {
            version: 0,
            block: None,
        },
        Schema {
            version: -1,
            ..of(vec![good.clone()], vec![])
        },
        of(vec![good.clone(), good.clone()], vec![]),
        of(vec![good.clone()], vec![nested("a")]),
        of(vec![attribute("A", "\"string\"")], vec![]),
        of(vec![attribute("count", "\"number\"")], vec![]),
        of(vec![attribute("a", "string")], vec![]),
        of(vec![attribute("a", "")], vec![]),
        of(
            vec![Attribute {
                required: false,
                ..good.clone()
            }],
            vec![],
        ),
        of(
            vec![Attribute {
                computed: true,
                ..good.clone()
            }],
            vec![],
        ),
        of(
            vec![Attribute {
                deprecation_message: "x".into(),
                ..good.clone()
            }],
            vec![],
        ),
        of(
            vec![],
            vec![NestedBlock {
                block: None,
                ..nested("b")
            }],
        ),
        of(
            vec![],
            vec![NestedBlock {
                min_items: 1,
                ..nested("b")
            }],
        ),
        of(
            vec![],
            vec![NestedBlock {
                nesting: 0,
                ..nested("b")
            }],
        ),
    ] {
        assert_eq!(problems("x", &wrong).len(), 1, "{wrong:?}: {:?}", problems("x", &wrong));
    }
}

#[test]
fn the_checks_of_functions_find_something() {
    let parameter = |name: &str, ty: &str| function::Parameter {
        name: name.into(),
        r#type: ty.into(),
        ..function::Parameter::default()
    };
    let of = |parameters, result: &str| Function {
        parameters,
        variadic_parameter: Some(parameter("z", "\"bool\"")),
        r#return: Some(function::Return { r#type: result.into() }),
        ..Function::default()
    };
    let good = || vec![parameter("a", "\"string\"")];
    assert_eq!(function_problems("x", &of(good(), "\"string\"")), [] as [String; 0]);
    for (name, wrong) in [
        ("X", of(good(), "\"string\"")),
        ("x", of(good(), "string")),
        (
            "x",
            Function {
                r#return: None,
                ..of(good(), "")
            },
        ),
        ("x", of(vec![parameter("z", "\"string\"")], "\"string\"")),
        ("x", of(vec![parameter("a", "")], "\"string\"")),
        ("x", of(vec![parameter("", "\"string\"")], "\"string\"")),
    ] {
        assert_eq!(function_problems(name, &wrong).len(), 1, "{wrong:?}");
    }
}

#[test]
fn real_terraform_prints_the_schema() {
    for version in Version::both() {
        let sandbox = Sandbox::new(version);
        sandbox.write(
            "main.tf",
            "terraform {\n  required_providers {\n    acr = {\n      source = \"agentpools/acr\"\n    }\n  }\n}\n",
        );
        let printed = sandbox.ok(&["providers", "schema", "-json"]).json();
        let schemas = printed["provider_schemas"].as_object().unwrap();
        let ours = schemas.iter().find(|(address, _)| address.ends_with("/agentpools/acr"));
        let ours = ours.unwrap_or_else(|| panic!("{printed}")).1;
        for kind in ["resource_schemas", "data_source_schemas"] {
            let attributes = &ours[kind][POOL]["block"]["attributes"];
            assert_eq!(attributes["instance_count"]["type"], "number", "{kind}: {ours}");
        }
        // Older than functions, and not troubled by them.
        let function = &ours["functions"]["tier"]["return_type"];
        let expected = serde_json::json!(["object", {"isolated": "bool", "memory_gb": "number", "name": "string", "vcpu": "number"}]);
        match version {
            Version::Newest => assert_eq!(*function, expected, "{ours}"),
            Version::Oldest => assert!(function.is_null(), "{ours}"),
        }
        assert_eq!(
            ours["provider"]["block"]["attributes"]["client_secret"]["sensitive"],
            true
        );
    }
}
