//! House rules that a test can see: who imports whom, first comments, names, sizes; forbidden words in [`words`], licences in [`dependencies`].
//!
//! Each rule is a pure function from a file to findings, so that its own test can feed it a bad file. One test then runs all of
//! them over every source of the project.

mod dependencies;
mod source;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

use source::{code_only, paths};
use words::words;

/// Who may use whom: the table of `ARCHITECTURE.md`. `provider` is the only room that may see nearly everything, and it never sees the wire.
const IMPORTS: &[(&str, &[&str])] = &[
    ("plugin", &[]),
    ("framework", &[]),
    ("network", &[]),
    ("azure", &[]),
    ("emulator", &[]),
    ("protocol", &["framework"]),
    ("acr", &["azure"]),
    ("provider", &["framework", "azure", "acr", "network"]),
    ("main", &["plugin", "protocol", "provider"]),
    ("bin", &["emulator"]),
    ("lib", &[]),
];

/// Crates that a room must not name, because it would then know what it is built not to know.
const FOREIGN: &[(&str, &[&str], &str)] = &[
    (
        "framework",
        &[
            "tonic",
            "prost",
            "azure_core",
            "azure_identity",
            "reqwest",
            "axum",
            "rustls",
        ],
        "no gRPC, no Azure",
    ),
    (
        "framework",
        &[
            "std::fs",
            "std::net",
            "std::process",
            "tokio::fs",
            "tokio::net",
            "tokio::process",
        ],
        "no I/O",
    ),
    (
        "network",
        &[
            "tonic",
            "prost",
            "azure_core",
            "azure_identity",
            "reqwest",
            "axum",
            "tokio",
        ],
        "pure",
    ),
    ("network", &["std::fs", "std::net::TcpStream", "std::process"], "pure"),
    ("plugin", &["azure_core", "azure_identity", "reqwest"], "knows no Azure"),
    (
        "protocol",
        &["azure_core", "azure_identity", "reqwest"],
        "knows no Azure",
    ),
    ("azure", &["tonic", "prost", "rmp"], "knows no Terraform"),
    ("acr", &["tonic", "prost", "rmp"], "knows no Terraform"),
    ("provider", &["tonic", "prost"], "never names the wire"),
    // The client and its double would else agree on a misspelt field.
    (
        "emulator",
        &["azure_core", "azure_identity", "reqwest", "tonic", "prost"],
        "shares nothing with the client",
    ),
];

/// The rooms with generated types, and where those are declared. No other room names them.
const WIRE: &[&str] = &["protocol", "plugin"];

/// Names that say nothing: what such a file holds belongs to a noun.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "shared"];

/// Where to look for the next room. Lines of one Rust source, tests included.
const LINES_MAX: usize = 450;

/// A text file of the project, by its path from the root, with `/` between the parts.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The room that a file under `src/` belongs to.
    fn room(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src/")?;
        Some(
            below
                .split_once('/')
                .map_or(below, |(room, _)| room)
                .trim_end_matches(".rs"),
        )
    }

    fn finding(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Imports against [`IMPORTS`], generated types against [`WIRE`], crates against [`FOREIGN`].
fn imports(source: &Source) -> Vec<String> {
    let Some(room) = source.room().filter(|_| source.is_rust()) else {
        return Vec::new();
    };
    let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == room) else {
        return vec![source.finding(1, &format!("{room} is no room: add it to the import table first"))];
    };
    let code = code_only(&source.text);
    let is_room = |name: &str| IMPORTS.iter().any(|(room, _)| *room == name);
    let mut findings = Vec::new();
    let roots = [&["crate"][..], &["terraform_provider_acr"]].concat();
    // `super` repeated often enough reaches the crate's root as well.
    let depth = source.path.trim_end_matches("/mod.rs").matches('/').count();
    let climb = |levels: usize| vec!["super"; levels].join("::");
    let roots: Vec<String> = roots
        .into_iter()
        .map(str::to_owned)
        .chain((depth..depth + 3).map(climb))
        .collect();
    for root in &roots {
        for (line, path) in paths(&code, root) {
            let other = path[0].as_str();
            if !is_room(other) {
                continue;
            }
            if other != room && !allowed.contains(&other) {
                findings.push(source.finding(line, &format!("{room} must not use {other}")));
            }
            if other != room && WIRE.contains(&other) && path.get(1).is_some_and(|it| it == "wire") {
                findings.push(source.finding(line, &format!("{room} names generated types of {other}")));
            }
        }
    }
    for (_, crates, why) in FOREIGN.iter().filter(|(name, ..)| *name == room) {
        for name in *crates {
            let whole = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            let follows = |at: usize| code[at + name.len()..].starts_with("::");
            for (at, _) in code.match_indices(name).filter(|(at, _)| whole(*at) && follows(*at)) {
                findings.push(source.finding(
                    code[..at].matches('\n').count() + 1,
                    &format!("{room} names {name}: {why}"),
                ));
            }
        }
    }
    let declares = concat!("include_", "proto!");
    if code.contains(declares) && !WIRE.contains(&room) {
        findings.push(source.finding(1, "generated types are declared in protocol/ and plugin/ only"));
    }
    findings
}

/// Every Rust file begins with what it is for.
fn first_comment(source: &Source) -> Vec<String> {
    let missing = source.is_rust() && !source.text.starts_with("//! ");
    missing
        .then(|| source.finding(1, "begins without a `//!` comment"))
        .into_iter()
        .collect()
}

fn name(source: &Source) -> Vec<String> {
    let empty = |part: &&str| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default());
    source
        .path
        .split('/')
        .filter(empty)
        .map(|part| source.finding(1, &format!("{part} names no noun")))
        .collect()
}

fn length(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let long = source.is_rust() && lines > LINES_MAX;
    long.then(|| source.finding(lines, &format!("longer than {LINES_MAX} lines: look for the next room")))
        .into_iter()
        .collect()
}

/// Every text file of the project, without what is built or fetched.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(root, &mut files);
    files.sort();
    let read = |file: PathBuf| {
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        // What is not text holds no words.
        fs::read_to_string(&file).ok().map(|text| Source { path, text })
    };
    files.into_iter().filter_map(read).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        let name = name.to_str().unwrap();
        let kind = entry.file_type().unwrap();
        let ours = !name.starts_with('.') || [".ci", ".cargo", ".github", ".gitignore"].contains(&name);
        if kind.is_dir() && ours && !["target", "__pycache__", "node_modules"].contains(&name) {
            walk(&entry.path(), files);
        } else if kind.is_file() && ours {
            files.push(entry.path());
        }
    }
}

#[test]
fn the_house_rules_hold() {
    let sources = sources();
    assert!(
        sources.iter().any(|it| it.path == "src/main.rs") && sources.len() > 20,
        "the walk found nothing"
    );
    let rules = [imports, first_comment, name, length, words];
    let findings: Vec<String> = sources
        .iter()
        .flat_map(|it| rules.iter().flat_map(|rule| rule(it)))
        .collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn every_room_is_in_the_map_and_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(root.join("lib.rs")).unwrap();
    for line in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let room = line.trim_end_matches(';');
        assert!(
            IMPORTS.iter().any(|(name, _)| *name == room),
            "{room} is missing in the import table"
        );
        assert!(
            lib.contains(&format!("//! * [`{room}`]: ")),
            "{room} is missing in the map of src/lib.rs"
        );
    }
}

#[test]
fn a_forbidden_import_is_found() {
    let cases = [
        (
            "src/acr/pool.rs",
            "use crate::framework::Value;",
            "acr must not use framework",
        ),
        (
            "src/azure/mod.rs",
            "use crate::{azure::Client, acr::Task};",
            "azure must not use acr",
        ),
        (
            "src/azure/a/b.rs",
            "fn f() { super::super::super::acr::x() }",
            "azure must not use acr",
        ),
        (
            "src/azure/mod.rs",
            "mod tests { use super::super::acr; }",
            "azure must not use acr",
        ),
        (
            "src/emulator/store.rs",
            "use crate::azure::ResourceId;",
            "emulator must not use azure",
        ),
        (
            "src/main.rs",
            "use terraform_provider_acr::{\n  azure,\n};",
            "main must not use azure",
        ),
        (
            "src/bin/acr-emulator.rs",
            "use terraform_provider_acr::provider;",
            "bin must not use provider",
        ),
        (
            "src/main.rs",
            "use terraform_provider_acr::protocol::{server, wire::X};",
            "names generated types of protocol",
        ),
        (
            "src/framework/plan.rs",
            "fn f(_: tonic::Status) {}",
            "framework names tonic",
        ),
        ("src/framework/plan.rs", "use std::fs::File;", "framework names std::fs"),
        (
            "src/emulator/mod.rs",
            "use azure_core::http::Url;",
            "emulator names azure_core",
        ),
        (
            "src/emulator/mod.rs",
            concat!("tonic::include_", "proto!(\"x\");"),
            "declared in protocol",
        ),
        ("src/stuff/mod.rs", "", "stuff is no room"),
    ];
    for (path, text, expected) in cases {
        let findings = imports(&Source::new(path, text)).join("\n");
        assert!(
            findings.contains(expected),
            "{path}: {text}\nshould give: {expected}\ngave: {findings}"
        );
    }
}

#[test]
fn an_allowed_import_is_no_finding() {
    let cases = [
        (
            "src/acr/pool.rs",
            "use crate::azure::{Client, ResourceId};\nuse super::Registry;",
        ),
        ("src/acr/mod.rs", "mod tests { use super::*; }"),
        (
            "src/azure/mod.rs",
            "//! Unlike crate::framework this knows Azure.\nconst A: &str = \"crate::acr\";",
        ),
        (
            "src/provider/diagnose.rs",
            "use crate::{acr, azure::Error, framework::{Value, plan}};",
        ),
        (
            "src/protocol/server.rs",
            "use crate::protocol::wire::Schema; use super::wire; use crate::framework::Value;",
        ),
        (
            "src/framework/plan.rs",
            "use crate::framework::protocol_x; use std::fmt;",
        ),
        ("tests/it/main.rs", "use terraform_provider_acr::{plugin, azure};"),
    ];
    for (path, text) in cases {
        assert_eq!(
            imports(&Source::new(path, text)),
            Vec::<String>::new(),
            "{path}: {text}"
        );
    }
}

#[test]
fn a_missing_first_comment_a_bad_name_and_a_long_file_are_found() {
    assert_eq!(first_comment(&Source::new("src/a.rs", "use x;\n")).len(), 1);
    assert_eq!(first_comment(&Source::new("src/a.rs", "//! What it is.\n")).len(), 0);
    assert_eq!(name(&Source::new("src/azure/utils.rs", "")).len(), 1);
    assert_eq!(name(&Source::new("src/common/mod.rs", "")).len(), 1);
    assert_eq!(name(&Source::new("src/azure/commonality.rs", "")).len(), 0);
    assert_eq!(length(&Source::new("src/a.rs", &"x\n".repeat(LINES_MAX + 1))).len(), 1);
    assert_eq!(length(&Source::new("src/a.rs", &"x\n".repeat(LINES_MAX))).len(), 0);
}
