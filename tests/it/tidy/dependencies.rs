//! What the provider is linked from: licences, and crates that must stay out.
//!
//! Read from `cargo tree`, which knows the features that are really on, for the machine that runs the test: the packages of other
//! systems are not downloaded here.

use std::{collections::BTreeSet, process::Command};

/// One `expression | reason` a line.
const LICENCES: &str = include_str!("../../fixtures/licences.txt");

/// Crates that must not be linked, and why.
const BANNED: &[(&str, &str)] = &[
    (
        "ring",
        "cannot verify P-521, which Terraform's certificate uses; and two rustls providers in one process panic",
    ),
    ("openssl", "a system library that a user's machine may lack"),
    ("openssl-sys", "a system library that a user's machine may lack"),
    ("native-tls", "another TLS, with other trust roots"),
];

/// Features that must stay off, and why.
const BANNED_FEATURES: &[(&str, &str, &str)] = &[
    ("azure_core", "debug", "switches the redaction of logs off"),
    ("typespec_client_core", "debug", "switches the redaction of logs off"),
    ("azure_core", "test", "changes the timing of polls"),
    ("typespec_client_core", "test", "changes the timing of polls"),
];

/// Crates of which two versions would not know each other's types.
const SINGLE: &[&str] = &["rustls", "aws-lc-rs", "tokio", "hyper", "reqwest", "azure_core"];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
    features: Vec<String>,
}

fn tree(edges: &str) -> Vec<Package> {
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            edges,
            "--prefix",
            "none",
            "--format",
            "{p};{l};{f}",
        ])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let packages = parse(&String::from_utf8(output.stdout).unwrap());
    assert!(
        packages.len() > 100,
        "cargo tree listed only {} packages",
        packages.len()
    );
    packages
}

/// Lines of `name vVERSION (SOURCE);LICENCE;FEATURE,…`, each package once. The project itself, which has a path, is left out.
fn parse(text: &str) -> Vec<Package> {
    let mut packages = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        // Cargo marks a package that it has listed before.
        let mut fields = line.trim_end_matches(" (*)").split(';');
        let [id, licence, features] = [(); 3].map(|()| fields.next().unwrap_or_default());
        let mut words = id.split(' ');
        let name = words.next().unwrap_or_default().to_owned();
        let version = words.next().unwrap_or_default().to_owned();
        if name != env!("CARGO_PKG_NAME") {
            let features = features.split(',').map(str::to_owned).collect();
            packages.insert(Package {
                name,
                version,
                licence: licence.to_owned(),
                features,
            });
        }
    }
    packages.into_iter().collect()
}

fn licence_findings(packages: &[Package], table: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let rows: Vec<(&str, &str)> = table.lines().filter_map(|line| line.split_once(" | ")).collect();
    for package in packages
        .iter()
        .filter(|it| !rows.iter().any(|(expression, _)| *expression == it.licence))
    {
        findings.push(format!(
            "{}: the licence {:?} is not in the table",
            package.name, package.licence
        ));
    }
    // Another system links other crates; the table is kept exact where the project is tested.
    let exact = cfg!(target_os = "linux");
    for (expression, _) in rows
        .iter()
        .filter(|_| exact)
        .filter(|(expression, _)| !packages.iter().any(|it| it.licence == *expression))
    {
        findings.push(format!("no dependency has the licence {expression:?} any more"));
    }
    for line in table
        .lines()
        .filter(|line| line.split_once(" | ").is_none_or(|(_, why)| why.trim().is_empty()))
    {
        findings.push(format!("no reason given: {line}"));
    }
    findings
}

fn graph_findings(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        for (_, why) in BANNED.iter().filter(|(name, _)| *name == package.name) {
            findings.push(format!("{} is linked: {why}", package.name));
        }
        for (_, feature, why) in BANNED_FEATURES.iter().filter(|(name, ..)| *name == package.name) {
            if package.features.iter().any(|it| it == feature) {
                findings.push(format!("{} has the feature {feature}, which {why}", package.name));
            }
        }
    }
    for name in SINGLE {
        let versions: BTreeSet<&str> = packages
            .iter()
            .filter(|it| it.name == *name)
            .map(|it| &*it.version)
            .collect();
        if versions.len() != 1 {
            findings.push(format!("{name} should be there in one version: {versions:?}"));
        }
    }
    findings
}

#[test]
fn every_licence_is_known_and_has_a_reason() {
    let findings = licence_findings(&tree("normal,build,dev"), LICENCES);
    assert!(
        findings.is_empty(),
        "tests/fixtures/licences.txt:\n{}",
        findings.join("\n")
    );
}

#[test]
fn nothing_is_linked_that_must_stay_out() {
    let findings = graph_findings(&tree("normal,build"));
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn a_bad_licence_table_is_found() {
    let packages = parse("a v1.0.0;MIT;\nb v1.0.0;GPL-3.0;\n");
    assert_eq!(
        licence_findings(&packages, "MIT | free\nZlib | free\nISC |\n"),
        [
            "b: the licence \"GPL-3.0\" is not in the table",
            "no dependency has the licence \"Zlib\" any more",
            "no reason given: ISC |",
        ]
    );
}

#[test]
fn a_banned_crate_a_feature_and_a_second_version_are_found() {
    let mut text = SINGLE
        .iter()
        .map(|name| format!("{name} v1.0.0;MIT;default\n"))
        .collect::<String>();
    assert_eq!(graph_findings(&parse(&text)), Vec::<String>::new());
    text += "ring v0.17.14;MIT;\nrustls v2.0.0;MIT;\ntypespec_client_core v1.0.0;MIT;default,debug\n";
    let findings = graph_findings(&parse(&text)).join("\n");
    for part in [
        "ring is linked",
        "rustls should be there in one version",
        "typespec_client_core has the feature debug",
    ] {
        assert!(findings.contains(part), "{part} is missing in {findings}");
    }
}
