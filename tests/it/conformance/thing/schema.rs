//! The schemas of `acr_thing`: one attribute or block of each sort that a rule speaks of.

use terraform_provider_acr::protocol::wire::{
    self, AttributePath,
    attribute_path::{Step, step::Selector},
    resource_identity_schema::IdentityAttribute,
    schema::{Attribute, Block, NestedBlock, nested_block::NestingMode},
};

/// Nothing to configure.
pub fn provider() -> wire::Schema {
    wire::Schema {
        version: 0,
        block: Some(Block::default()),
    }
}

pub fn resource() -> wire::Schema {
    let attributes = vec![
        required("name", r#""string""#),
        optional("size", r#""number""#),
        Attribute {
            computed: true,
            ..optional("tier", r#""string""#)
        },
        computed("id", r#""string""#),
        computed("revision", r#""number""#),
        optional("labels", r#"["set","string"]"#),
        optional("tags", r#"["map","string"]"#),
        Attribute {
            write_only: true,
            ..optional("token", r#""string""#)
        },
        optional("token_version", r#""number""#),
    ];
    let rule = vec![
        required("port", r#""number""#),
        optional("note", r#""string""#),
        computed("handle", r#""string""#),
    ];
    let timeouts = vec![optional("create", r#""string""#), optional("delete", r#""string""#)];
    let block_types = vec![
        nested("rule", NestingMode::List, rule),
        nested("timeouts", NestingMode::Single, timeouts),
    ];
    wire::Schema {
        version: 0,
        block: Some(Block {
            attributes,
            block_types,
            ..Default::default()
        }),
    }
}

/// Version 0 named a thing by its `name`; version 1 names it by its id.
pub fn identity() -> wire::ResourceIdentitySchema {
    let id = IdentityAttribute {
        name: "id".to_owned(),
        r#type: br#""string""#.to_vec(),
        required_for_import: true,
        ..Default::default()
    };
    wire::ResourceIdentitySchema {
        version: 1,
        identity_attributes: vec![id],
    }
}

pub fn data_source() -> wire::Schema {
    let attributes = vec![required("name", r#""string""#), computed("tier", r#""string""#)];
    wire::Schema {
        version: 0,
        block: Some(Block {
            attributes,
            ..Default::default()
        }),
    }
}

/// The path of a top-level attribute.
pub fn path(name: &str) -> AttributePath {
    AttributePath {
        steps: vec![Step {
            selector: Some(Selector::AttributeName(name.to_owned())),
        }],
    }
}

fn attribute(name: &str, ty: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        r#type: ty.as_bytes().to_vec(),
        ..Default::default()
    }
}

fn required(name: &str, ty: &str) -> Attribute {
    Attribute {
        required: true,
        ..attribute(name, ty)
    }
}

fn optional(name: &str, ty: &str) -> Attribute {
    Attribute {
        optional: true,
        ..attribute(name, ty)
    }
}

fn computed(name: &str, ty: &str) -> Attribute {
    Attribute {
        computed: true,
        ..attribute(name, ty)
    }
}

fn nested(name: &str, nesting: NestingMode, attributes: Vec<Attribute>) -> NestedBlock {
    NestedBlock {
        type_name: name.to_owned(),
        block: Some(Block {
            attributes,
            ..Default::default()
        }),
        nesting: nesting.into(),
        ..Default::default()
    }
}
