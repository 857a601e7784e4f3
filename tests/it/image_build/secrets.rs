//! What is secret in a build is in no state, no plan and no log; what is not, is found by the same search.

use std::{fs, path::Path};

use super::{configure, requests, world_with};
use crate::{agent_pool::World, sandbox::Version};

/// No secret, and both in what is logged and in what is stored.
const PLANTED: &str = "planted-no-secret";

const BUILD_SECRET: &str = "build-arg-hush-7f3a";
const TOKEN: &str = "git-token-hush-91bc";
const SIGNATURE: &str = "sv=2024-11-04&sr=b&sig=blob-hush-aaaaaaaaaaaaaaaaaaaaaa%2B8%3D";
const PASSWORD: &str = "registry-hush-52de";

fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        // The configuration is where the secrets were written.
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_none_or(|it| it != "tf") {
            let bytes = fs::read(&path).unwrap();
            found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

fn search(world: &World, outputs: &[String]) {
    let mut all: Vec<(String, String)> = Vec::new();
    files(&world.sandbox.path(), &mut all);
    assert!(
        all.iter()
            .any(|(name, text)| name.ends_with("terraform.tfstate") && text.contains(PLANTED))
    );
    all.extend(outputs.iter().map(|text| ("output".to_owned(), text.clone())));
    let secrets = [BUILD_SECRET, TOKEN, SIGNATURE, "blob-hush", PASSWORD];
    for (name, text) in &all {
        for secret in secrets {
            if let Some(at) = text.find(secret) {
                let line = text[..at].rsplit('\n').next().unwrap_or_default();
                panic!("{name} holds {secret} after: {line}");
            }
        }
    }
}

/// The saved plan's own file is compressed, and says nothing to a search: what Terraform reads in it does.
fn saved_plan(world: &World) -> String {
    let shown = world.sandbox.show_json(Some("saved"));
    // Not `configuration`, where a secret that is written as it is is shown so.
    let text: String = ["planned_values", "resource_changes"]
        .map(|part| shown[part].to_string())
        .concat();
    assert!(text.contains(PLANTED), "{text}");
    text
}

fn traced() -> World {
    let mut world = world_with(Version::Newest, super::options());
    let variables = [
        ("TF_LOG", "TRACE"),
        ("TF_LOG_PROVIDER", "TRACE"),
        ("TF_LOG_CORE", "TRACE"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = world.emulator.environment().into_iter().chain(variables);
    world.sandbox = crate::sandbox::Sandbox::new(Version::Newest).env(environment);
    world
}

#[test]
fn secret_arguments_and_passwords_stay_secret() {
    let world = traced();
    let dockerfile = "FROM scratch\nARG SECRET\nARG OPEN\nRUN echo $SECRET $OPEN\n";
    world.sandbox.write("app/Dockerfile", dockerfile);
    let arguments = format!(
        "  image_names = [\"app:v1\"]\n  store_log_tail = true\n  build_args = {{\n    OPEN = \"{PLANTED}\"\n  }}\n  secret_build_args_wo = {{\n    SECRET = \"{BUILD_SECRET}\"\n  }}\n  secret_build_args_wo_version = 1\n  registry_credential {{\n    custom {{\n      login_server = \"base.azurecr.io\"\n      username = \"me\"\n      password_wo = \"{PASSWORD}\"\n      password_wo_version = 1\n    }}\n  }}"
    );
    configure(&world, super::LOCAL, &arguments);
    let mut outputs = vec![world.sandbox.ok(&["plan", "-out", "saved"]).output()];
    outputs.push(saved_plan(&world));
    outputs.push(world.sandbox.ok(&["apply", "saved"]).output());
    let log = super::build(&world)["log_tail"].as_str().unwrap().to_owned();
    assert!(log.contains(&format!("*** {PLANTED}")), "{log}");
    // A new secret builds again, by its version.
    configure(
        &world,
        super::LOCAL,
        &arguments.replace("secret_build_args_wo_version = 1", "secret_build_args_wo_version = 2"),
    );
    outputs.push(world.apply().says("1 added, 0 changed, 1 destroyed").output());
    outputs.push(world.sandbox.ok(&["plan"]).output());
    assert!(outputs[2].contains("[TRACE]") && outputs[2].contains("scheduleRun") && outputs[2].contains(PLANTED));
    search(&world, &outputs);
    assert_eq!(super::scheduled(&world), 2);
}

#[test]
fn tokens_of_sources_stay_secret() {
    for (place, token, sent) in [
        (
            "https://git.contoso.example/NAME.git#main",
            TOKEN,
            "https://<masked>@git.contoso.example/NAME.git#main",
        ),
        (
            "https://store.blob.core.windows.net/c/NAME.tar.gz",
            SIGNATURE,
            "https://store.blob.core.windows.net/c/NAME.tar.gz?sv=2024-11-04&sr=b&sig=<masked>",
        ),
    ] {
        let world = traced();
        let context = |name: &str, version: u8| {
            let url = place.replace("NAME", name);
            format!("url = {url:?}\n    token_wo = {token:?}\n    token_wo_version = {version}")
        };
        configure(&world, &context(PLANTED, 1), super::NAMES);
        let mut outputs = vec![world.sandbox.ok(&["plan", "-out", "saved"]).output()];
        outputs.push(saved_plan(&world));
        outputs.push(world.sandbox.ok(&["apply", "saved"]).output());
        let asked = requests(&world, "POST", "/scheduleRun")[0]
            .request_body
            .clone()
            .unwrap();
        assert_eq!(asked["sourceLocation"], sent.replace("NAME", PLANTED));
        // Another token is used by the next build only.
        configure(&world, &context(PLANTED, 2), super::NAMES);
        outputs.push(world.apply().says("0 added, 1 changed, 0 destroyed").output());
        search(&world, &outputs);
        assert_eq!(super::scheduled(&world), 1);
        // The log of a run may repeat the address that it was given.
        configure(&world, &context("missing", 2), super::NAMES);
        let failed = world.sandbox.fails(&["apply", "-auto-approve"]);
        failed.says("does not exist");
        let mut all = vec![failed.output()];
        all.push(world.sandbox.state().to_string());
        assert!(all.iter().all(|text| !text.contains("hush")), "{}", all[0]);
    }
}
