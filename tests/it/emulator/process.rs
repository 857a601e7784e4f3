//! The binary: its one line, its env file, its clean end.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use terraform_provider_acr::emulator::{Emulator, Mutation, Options, start_blocking};

fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acr-emulator"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn one_line_an_env_file_and_a_clean_end() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let env_file = folder.path().join("env");
        let mut child = spawn(&[
            "--env-file",
            env_file.to_str().unwrap(),
            "--provisioning-seconds",
            "0.5",
        ]);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["pid"], child.id());
        assert_eq!(ready["subscription_id"], "11111111-2222-3333-4444-555555555555");
        assert_eq!(ready["env_file"], env_file.to_str().unwrap());
        let url = ready["url"].as_str().unwrap();
        assert!(url.starts_with("https://localhost:"), "{url}");
        let text = std::fs::read_to_string(&env_file).unwrap();
        assert!(
            text.contains(&format!("export ARM_RESOURCE_MANAGER_ENDPOINT='{url}'\n")),
            "{text}"
        );
        let bundle = text
            .lines()
            .find_map(|line| line.strip_prefix("export SSL_CERT_FILE='"))
            .unwrap();
        let bundle = Path::new(bundle.trim_end_matches('\''));
        assert!(bundle.exists());
        assert!(
            Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        assert!(child.wait().unwrap().success(), "{signal}");
        assert!(!bundle.exists(), "{signal} leaves nothing behind");
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one line and no more");
    }
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    std::fs::write(
        &seed,
        r#"{"registries":[{"name":"lonely","resource_group":"rg-none"}]}"#,
    )
    .unwrap();
    for (arguments, part) in [
        (vec!["--listen", "0.0.0.0:0"], "loopback"),
        (vec!["--seed", seed.to_str().unwrap()], "rg-none"),
        (vec!["--seed", "/nowhere/seed.json"], "/nowhere/seed.json"),
        (vec!["--provisioning-seconds=-1"], "provisioning-seconds"),
        (vec!["--env-file", folder.path().to_str().unwrap()], "no regular file"),
    ] {
        let output = spawn(&arguments).wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(part), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "nothing is ready");
    }
}

#[test]
fn in_process_without_any_runtime() {
    let emulator = start_blocking(Options::default()).unwrap();
    let pool = |emulator: &Emulator| emulator.live_ids().iter().filter(|id| id.contains("/subnets/")).count();
    assert_eq!(pool(&emulator), 1);
    let subnet = emulator
        .live_ids()
        .into_iter()
        .find(|id| id.contains("/subnets/"))
        .unwrap();
    emulator.mutate(&subnet, Mutation::delete()).unwrap();
    assert_eq!(pool(&emulator), 0);
    assert!(emulator.mutate(&subnet, Mutation::delete()).is_err());
    emulator.reset().unwrap();
    assert_eq!(pool(&emulator), 1);
    let file = emulator.ca_file().to_path_buf();
    drop(emulator);
    assert!(!file.exists());
}
