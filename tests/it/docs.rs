//! The pages under `docs/` are what the schemas say. `UPDATE_EXPECT=1` writes them; otherwise a difference, a page that
//! nothing renders any more, or a type without an example fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use terraform_provider_acr::{
    framework::{
        function::Function,
        page::{FunctionPage, Kind, Page},
        provider::Provider,
        schema::Schema,
    },
    provider::{AcrProvider, Environment, NAME},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A text that must be there: an overview or an example.
fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path} is needed for the documents: {error}"))
}

fn page(kind: Kind, name: &str, schema: &Schema) -> (String, String) {
    let noun = name.strip_prefix("acr_").unwrap_or(name);
    let (overview, example) = match kind {
        Kind::Provider => (
            "src/provider/provider.md".into(),
            "examples/provider/provider.tf".into(),
        ),
        Kind::Resource => (
            format!("src/provider/{noun}/resource.md"),
            format!("examples/resources/{name}/resource.tf"),
        ),
        Kind::DataSource => (
            format!("src/provider/{noun}/data_source.md"),
            format!("examples/data-sources/{name}/data-source.tf"),
        ),
    };
    // What a run has left cannot be imported, and has no such example.
    let can_import = root().join(format!("examples/resources/{name}/import.tf")).exists();
    let imports = match kind {
        Kind::Resource if can_import => vec![
            ("terraform", text(&format!("examples/resources/{name}/import.tf"))),
            ("shell", text(&format!("examples/resources/{name}/import.sh"))),
        ],
        Kind::Resource | Kind::Provider | Kind::DataSource => Vec::new(),
    };
    let (overview, example) = (text(&overview), text(&example));
    let page = Page {
        kind,
        name,
        schema,
        overview: &overview,
        example: &example,
        imports: &imports,
    };
    (page.path(), page.render())
}

fn function_page(function: &dyn Function) -> (String, String) {
    let example = text(&format!("examples/functions/{}/function.tf", function.name()));
    let page = FunctionPage {
        function,
        example: &example,
    };
    (page.path(), page.render())
}

/// Every page, by its path under `docs/`.
fn pages() -> BTreeMap<String, String> {
    let provider = AcrProvider::new(Environment::empty());
    let mut pages = BTreeMap::from([page(Kind::Provider, NAME, &provider.schema())]);
    pages.extend(
        provider
            .resources()
            .iter()
            .map(|resource| page(Kind::Resource, resource.type_name(), &resource.schema())),
    );
    pages.extend(
        provider
            .data_sources()
            .iter()
            .map(|source| page(Kind::DataSource, source.type_name(), &source.schema())),
    );
    pages.extend(
        provider
            .functions()
            .iter()
            .map(|function| function_page(function.as_ref())),
    );
    pages
}

/// The pages that are there; written guides are not generated.
fn present(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.retain(|path| !path.starts_with("guides/"));
    found
}

#[test]
fn docs_are_what_the_schemas_say() {
    let (docs, pages) = (root().join("docs"), pages());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        for (path, text) in &pages {
            let path = docs.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    for (path, text) in &pages {
        let there = fs::read_to_string(docs.join(path)).unwrap_or_default();
        assert!(
            there == *text,
            "docs/{path} is not what the schema says; `make docs` writes it anew"
        );
    }
    let expected: BTreeSet<String> = pages.keys().cloned().collect();
    assert_eq!(
        present(&docs),
        expected,
        "pages that nothing renders, or that are missing"
    );
}

#[test]
fn what_can_be_imported_says_how() {
    for resource in AcrProvider::new(Environment::empty()).resources() {
        let name = resource.type_name();
        let refusal = resource.import("nonsense").unwrap_err().0[0].summary.clone();
        let there = root().join(format!("examples/resources/{name}/import.tf")).exists();
        assert_eq!(there, refusal != "Import is not supported", "{name}: {refusal}");
    }
}

#[test]
fn every_example_is_about_something_that_is_offered() {
    let provider = AcrProvider::new(Environment::empty());
    let resources = provider.resources().iter().map(|it| it.type_name()).collect();
    let sources = provider.data_sources().iter().map(|it| it.type_name()).collect();
    let functions = provider.functions().iter().map(|it| it.name()).collect();
    for (kind, offered) in [
        ("resources", resources),
        ("data-sources", sources),
        ("functions", functions),
    ] {
        let offered: BTreeSet<&str> = offered;
        let folders = fs::read_dir(root().join("examples").join(kind)).unwrap();
        let there: BTreeSet<String> = folders
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            there,
            offered.into_iter().map(str::to_owned).collect(),
            "examples/{kind}"
        );
    }
}

fn assert_sentence(name: &str, text: &str) {
    let opens = text
        .chars()
        .next()
        .is_some_and(|first| first.is_uppercase() || first.is_ascii_digit());
    assert!(opens && (text.ends_with('.') || text.ends_with(".)")), "{name}: {text}");
}

#[test]
fn every_description_is_a_sentence() {
    let provider = AcrProvider::new(Environment::empty());
    let schemas = provider
        .resources()
        .iter()
        .map(|r| r.schema())
        .chain(provider.data_sources().iter().map(|d| d.schema()));
    for schema in schemas.chain([provider.schema()]) {
        let nested = schema.block.blocks.iter().flat_map(|block| &block.block.attributes);
        for attribute in schema.block.attributes.iter().chain(nested) {
            assert_sentence(attribute.name, attribute.description);
        }
    }
    for function in provider.functions() {
        let signature = function.signature();
        assert_sentence(function.name(), signature.summary);
        assert_sentence(function.name(), signature.description);
        assert_sentence(function.name(), signature.result);
        for parameter in signature.parameters.iter().chain(&signature.variadic) {
            assert_sentence(parameter.name, parameter.description);
        }
    }
}
