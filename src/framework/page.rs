//! Renders schemas as pages of the Terraform Registry, so that no document can say anything else than the code does.
//!
//! A page is front matter, a written overview, an example, the generated schema and, where it applies, how to import.
//! The overview is prose that stands beside the resource; everything about single arguments comes from the schema.

mod function;

use std::fmt::Write as _;

use super::schema::{Attribute, Block, Mode, NestedBlock, Nesting, Schema};

pub use function::FunctionPage;

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The provider block: the index page.
    Provider,
    /// A managed resource.
    Resource,
    /// A data source.
    DataSource,
}

/// Everything that goes into one page.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// What it is about.
    pub kind: Kind,
    /// The type's name; for the provider, its own.
    pub name: &'a str,
    /// The schema.
    pub schema: &'a Schema,
    /// Prose in Markdown, placed first.
    pub overview: &'a str,
    /// A configuration that works as it stands.
    pub example: &'a str,
    /// How to import, as a shell command or an `import` block, with its language.
    pub imports: &'a [(&'a str, String)],
}

impl Page<'_> {
    /// The page's path under `docs/`, as the Registry expects it.
    #[must_use]
    pub fn path(&self) -> String {
        let short = self.name.split_once('_').map_or(self.name, |(_, short)| short);
        match self.kind {
            Kind::Provider => "index.md".into(),
            Kind::Resource => format!("resources/{short}.md"),
            Kind::DataSource => format!("data-sources/{short}.md"),
        }
    }

    /// The page.
    #[must_use]
    pub fn render(&self) -> String {
        let (title, heading) = match self.kind {
            Kind::Provider => (format!("{} Provider", self.name), format!("{} Provider", self.name)),
            Kind::Resource => (
                format!("{} Resource - acr", self.name),
                format!("{} (Resource)", self.name),
            ),
            Kind::DataSource => (
                format!("{} Data Source - acr", self.name),
                format!("{} (Data Source)", self.name),
            ),
        };
        let description = self.schema.block.description;
        let mut out = format!(
            "---\npage_title: \"{title}\"\nsubcategory: \"\"\ndescription: |-\n  {description}\n---\n\n# {heading}\n\n{description}\n\n{}\n\n## Example Usage\n\n```terraform\n{}\n```\n\n## Schema\n",
            self.overview.trim(),
            self.example.trim(),
        );
        let mut nested = Vec::new();
        block(&mut out, &self.schema.block, "", &mut nested);
        while !nested.is_empty() {
            for (path, inner) in std::mem::take(&mut nested) {
                let anchor = path.replace('.', "--");
                line(
                    &mut out,
                    &format!("\n<a id=\"nestedblock--{anchor}\"></a>\n### Nested Schema for `{path}`"),
                );
                block(&mut out, &inner.block, &path, &mut nested);
            }
        }
        if !self.imports.is_empty() {
            line(&mut out, "\n## Import");
            for (language, text) in self.imports {
                line(&mut out, &format!("\n```{language}\n{}\n```", text.trim()));
            }
        }
        out
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a string does not fail");
}

fn block<'a>(out: &mut String, block: &'a Block, path: &str, nested: &mut Vec<(String, &'a NestedBlock)>) {
    let of = |wanted: &[Mode]| {
        block
            .attributes
            .iter()
            .filter(|a| wanted.contains(&a.mode))
            .collect::<Vec<_>>()
    };
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    let (required_blocks, optional_blocks): (Vec<_>, Vec<_>) = block.blocks.iter().partition(|b| b.min_items > 0);
    for (heading, attributes, blocks) in [
        ("Required", of(&[Mode::Required]), required_blocks),
        (
            "Optional",
            of(&[Mode::Optional, Mode::OptionalComputed]),
            optional_blocks,
        ),
        ("Read-Only", of(&[Mode::Computed]), Vec::new()),
    ] {
        if attributes.is_empty() && blocks.is_empty() {
            continue;
        }
        let title = if path.is_empty() {
            format!("\n### {heading}\n")
        } else {
            format!("\n{heading}:\n")
        };
        line(out, &title);
        for attribute in attributes {
            line(out, &describe(attribute));
        }
        for inner in blocks {
            let path = below(inner.name);
            let many = match inner.nesting {
                Nesting::Single => "Block",
                Nesting::List => "Block List",
                Nesting::Set => "Block Set",
            };
            let most = match inner.max_items {
                0 => String::new(),
                most => format!(", at most {most}"),
            };
            let anchor = path.replace('.', "--");
            line(
                out,
                &format!(
                    "- `{}` ({many}{most}) {} (see [below for nested schema](#nestedblock--{anchor}))",
                    inner.name, inner.block.description
                ),
            );
            nested.push((path, inner));
        }
    }
}

fn describe(attribute: &Attribute) -> String {
    let ty = attribute.ty.to_string();
    let mut traits = vec![ty[..1].to_uppercase() + &ty[1..]];
    for (applies, name) in [
        (attribute.sensitive, "Sensitive"),
        (attribute.write_only, "Write-only"),
        (attribute.replaces, "Forces replacement"),
        (attribute.deprecated.is_some(), "Deprecated"),
    ] {
        if applies {
            traits.push(name.into());
        }
    }
    let mut text = format!(
        "- `{}` ({}) {}",
        attribute.name,
        traits.join(", "),
        attribute.description
    );
    for validator in attribute.validators.iter().filter(|it| !it.rule.is_empty()) {
        write!(text, " Allowed: {}.", validator.rule).expect("writing to a string does not fail");
    }
    if let Some(default) = &attribute.default {
        let shown = super::json::encode(&attribute.ty, default);
        write!(text, " Default: `{shown}`.").expect("writing to a string does not fail");
    }
    if let Some(instead) = attribute.deprecated {
        write!(text, " Deprecated: {instead}").expect("writing to a string does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{Type, Value};

    #[test]
    fn a_page_says_all_that_the_schema_knows() {
        let schema = Schema::new(Block {
            attributes: vec![
                Attribute::required("name", Type::String, "Its name.").replaces(),
                Attribute::optional("tier", Type::String, "Its size.").default(Value::string("S1")),
                Attribute::computed("id", Type::String, "Its id."),
            ],
            blocks: vec![
                NestedBlock {
                    max_items: 1,
                    ..NestedBlock::list("step", Block::default())
                },
                super::super::timeouts::block(["C.", "R.", "U.", "D."]),
            ],
            description: "A thing.",
        });
        let page = Page {
            kind: Kind::Resource,
            name: "acr_thing",
            schema: &schema,
            overview: "Prose.",
            example: "resource {}",
            imports: &[("shell", "terraform import".into())],
        };
        let text = page.render();
        assert_eq!(page.path(), "resources/thing.md");
        for part in [
            "# acr_thing (Resource)",
            "### Required\n\n- `name` (String, Forces replacement) Its name.",
            "- `tier` (String) Its size. Default: `\"S1\"`.",
            "### Read-Only\n\n- `id` (String) Its id.",
            "- `step` (Block List, at most 1) ",
            "(see [below for nested schema](#nestedblock--timeouts))",
            "### Nested Schema for `timeouts`\n\nOptional:\n\n- `create` (String) C. Allowed: a duration",
            "## Import\n\n```shell\nterraform import\n```",
        ] {
            assert!(text.contains(part), "{part}\n---\n{text}");
        }
    }
}
