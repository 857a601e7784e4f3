//! Reading schemas from the wire, with the checks that Core runs on them at load (S1).

use std::collections::{BTreeMap, BTreeSet};

use terraform_provider_acr::protocol::wire::{self, schema::nested_block::NestingMode};

use super::{Attribute, Block, Identity, NestedBlock, Nesting, Schema, Use};
use crate::conformance::{
    rules::Violation,
    value::{Path, Type},
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
        Some(NestedBlock {
            nesting,
            required: min > 0,
            block,
        })
    }

    fn name(&mut self, name: &str, at: &Path) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
            self.refuse(at, "names are lower-case letters, digits and underscores");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terraform_provider_acr::protocol::wire::schema::{
        Attribute as Wire, Block as WireBlock, NestedBlock as WireNested,
    };

    fn attribute(name: &str, change: impl Fn(&mut Wire)) -> WireBlock {
        let mut attribute = Wire {
            name: name.to_owned(),
            r#type: br#""string""#.to_vec(),
            optional: true,
            ..Default::default()
        };
        change(&mut attribute);
        WireBlock {
            attributes: vec![attribute],
            ..Default::default()
        }
    }

    fn nested(nesting: NestingMode, min_items: i64, max_items: i64, block: WireBlock) -> WireBlock {
        let nested = WireNested {
            type_name: "inner".to_owned(),
            block: Some(block),
            nesting: nesting.into(),
            min_items,
            max_items,
        };
        WireBlock {
            block_types: vec![nested],
            ..Default::default()
        }
    }

    fn findings(block: WireBlock, used: Use) -> Vec<Violation> {
        read(
            "x",
            &wire::Schema {
                version: 0,
                block: Some(block),
            },
            used,
        )
        .1
    }

    #[test]
    fn bad_schemas_are_refused_as_core_refuses_them() {
        let plain = || attribute("a", |_| {});
        let dynamic = attribute("a", |a| a.r#type = br#""dynamic""#.to_vec());
        let write_only = || attribute("a", |a| a.write_only = true);
        let twice = WireBlock {
            attributes: [plain().attributes, plain().attributes].concat(),
            ..Default::default()
        };
        let empty = WireBlock::default;
        let table = [
            ("required excludes", attribute("a", |a| a.required = true)),
            ("must set", attribute("a", |a| a.optional = false)),
            ("not a type", attribute("a", |a| a.r#type = br#""text""#.to_vec())),
            ("no JSON", attribute("a", |a| a.r#type = Vec::new())),
            (
                "never computed",
                attribute("a", |a| (a.write_only, a.computed) = (true, true)),
            ),
            (
                "without deprecation",
                attribute("a", |a| a.deprecation_message = "old".to_owned()),
            ),
            ("lower-case", attribute("A", |_| {})),
            ("reserved", attribute("count", |_| {})),
            ("comes twice", twice),
            ("nesting is invalid", nested(NestingMode::Invalid, 0, 0, empty())),
            ("do not suit", nested(NestingMode::Single, 0, 1, empty())),
            ("do not suit", nested(NestingMode::Single, 2, 2, empty())),
            ("do not suit", nested(NestingMode::Group, 0, 1, empty())),
            ("do not suit", nested(NestingMode::Map, 1, 1, empty())),
            ("do not suit", nested(NestingMode::List, 2, 1, empty())),
            ("set blocks", nested(NestingMode::Set, 0, 0, write_only())),
            ("dynamic", nested(NestingMode::List, 0, 0, dynamic)),
        ];
        for (message, block) in table {
            let found = findings(block, Use::Resource);
            assert!(
                found.iter().any(|found| found.message.contains(message)),
                "{message}: {found:?}"
            );
        }
        for block in [
            plain(),
            write_only(),
            attribute("count_of_things", |_| {}),
            nested(NestingMode::Single, 0, 0, plain()),
            nested(NestingMode::Single, 1, 1, plain()),
            nested(NestingMode::List, 2, 0, write_only()),
            nested(NestingMode::Set, 0, 3, plain()),
            nested(NestingMode::Group, 0, 0, plain()),
        ] {
            assert_eq!(findings(block, Use::Resource), []);
        }
        assert!(!findings(write_only(), Use::DataSource).is_empty());
        assert!(!findings(attribute("version", |_| {}), Use::Provider).is_empty());
        assert!(
            !read(
                "x",
                &wire::Schema {
                    version: -1,
                    block: None
                },
                Use::Resource
            )
            .1
            .is_empty()
        );
    }

    #[test]
    fn bad_identity_schemas_are_refused() {
        let identity = |ty: &str, required_for_import, optional_for_import| {
            let attribute = wire::resource_identity_schema::IdentityAttribute {
                name: "id".to_owned(),
                r#type: ty.as_bytes().to_vec(),
                required_for_import,
                optional_for_import,
                ..Default::default()
            };
            read_identity(
                "x",
                &wire::ResourceIdentitySchema {
                    version: 0,
                    identity_attributes: vec![attribute],
                },
            )
            .1
        };
        assert_eq!(identity(r#""string""#, true, false), []);
        assert_eq!(identity(r#"["list","number"]"#, false, true), []);
        for (ty, required, optional) in [
            (r#""string""#, false, false),
            (r#""string""#, true, true),
            (r#"["set","string"]"#, true, false),
            (r#"["object",{}]"#, true, false),
            ("text", true, false),
        ] {
            assert!(!identity(ty, required, optional).is_empty(), "{ty}");
        }
    }
}
