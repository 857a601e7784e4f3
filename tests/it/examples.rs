//! Every example is formatted, applied, planned again (empty) and destroyed, and the emulator is asked what is left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use terraform_provider_acr::emulator::{self, Options, Seed};

use crate::sandbox::{Sandbox, Version};

const GROUP: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers";

/// The folders below `examples/` that hold a configuration.
fn examples() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")]);
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        if entries
            .iter()
            .any(|path| path.extension().is_some_and(|extension| extension == "tf"))
        {
            found.push(folder);
        }
        folders.extend(entries.into_iter().filter(|path| path.is_dir()));
    }
    found.sort();
    found
}

/// An example that another provider is needed for, which no test can install: it is formatted and parsed only.
const NOT_APPLIED: &str = "composed-with-azurerm";

/// An example whose plan is refused in the network of the demonstration.
const REFUSED: &str = "broken-network";

/// Runs one example. `import.tf` needs a pool that exists: it is tried in a second state.
fn run(folder: &Path) {
    let name = folder
        .strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .display()
        .to_string();
    if name.ends_with(NOT_APPLIED) {
        println!("{name} is not applied: azurerm cannot be installed here");
        return check_format(folder);
    }
    let options = Options {
        provisioning: std::time::Duration::from_millis(300),
        retry_after: std::time::Duration::from_secs(1),
        seed: if name.ends_with(REFUSED) {
            demonstration()
        } else {
            Seed::built_in()
        },
        ..Options::default()
    };
    let emulator = emulator::start_blocking(options).unwrap();
    let variables = [
        (
            "TF_VAR_registry_id",
            format!("{GROUP}/Microsoft.ContainerRegistry/registries/contosobuilds"),
        ),
        (
            "TF_VAR_subnet_id",
            format!("{GROUP}/Microsoft.Network/virtualNetworks/vnet-builds/subnets/snet-agents"),
        ),
    ];
    let token = ("TF_VAR_repository_token", "t0ken-of-the-example".to_owned());
    let variables = variables.into_iter().chain([token]).collect::<Vec<_>>();
    let sandbox = || {
        let variables = variables
            .clone()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Sandbox::new(Version::Newest).env(emulator.environment().into_iter().chain(variables))
    };
    let provider =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/provider/provider.tf")).unwrap();
    let copy = |sandbox: &Sandbox, with_import: bool| {
        let mut text = String::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            if file.ends_with(".tf") && (with_import || file != "import.tf") {
                let content = fs::read_to_string(&path).unwrap();
                sandbox.write(&file, &content);
                text.push_str(&content);
            } else if path.is_dir() {
                copy_folder(&path, &sandbox.path().join(file));
            }
        }
        if !text.contains("required_providers") {
            sandbox.write("provider.tf", &provider);
        }
    };
    let first = sandbox();
    copy(&first, false);
    first.ok(&["fmt", "-check", "-diff"]);
    first.ok(&["validate"]);
    if name.ends_with(REFUSED) {
        first
            .fails(&["plan"])
            .says("The network blocks what the machines need")
            .says("DenyAllEgress")
            .says("AllowAcr");
        assert!(
            emulator.requests().iter().all(|request| request.method != "PUT"),
            "a refused plan writes nothing"
        );
        return;
    }
    first.ok(&["apply", "-auto-approve"]);
    first.plan_is_empty();
    if folder.join("import.tf").exists() {
        let second = sandbox();
        copy(&second, true);
        second
            .ok(&["apply", "-auto-approve"])
            .says("1 imported, 0 added, 0 changed, 0 destroyed");
        second.plan_is_empty();
    }
    first.ok(&["destroy", "-auto-approve"]);
    let left: Vec<String> = emulator
        .live_ids()
        .into_iter()
        .filter(|id| id.contains("/agentPools/") || id.contains("/tasks/"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "{name} left something behind");
}

/// A folder that an example builds from, with the rights of its files.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &place);
        } else {
            fs::copy(&path, &place).unwrap();
        }
    }
}

/// The network of the demonstration, which denies all egress.
fn demonstration() -> Seed {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo_seed.json");
    Seed::from_json(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Terraform formats what it can parse.
fn check_format(folder: &Path) {
    let sandbox = Sandbox::new(Version::Newest);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "tf") {
            sandbox.write("main.tf", &fs::read_to_string(&path).unwrap());
            sandbox.ok(&["fmt", "-check", "-diff"]);
        }
    }
}

#[test]
fn every_example_is_applied_and_destroyed() {
    let examples = examples();
    assert!(examples.len() >= 4, "the examples are found: {examples:?}");
    for example in &examples {
        run(example);
    }
}
