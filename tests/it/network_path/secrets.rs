//! No secret leaves the process: whole TRACE logs of whole lives, the state and the output are searched for everything that
//! was secret in them, and for something that was not, so that the search is known to look.

use std::{fs, path::Path};

use terraform_provider_acr::emulator::Emulator;

use super::{configure, options, world};
use crate::sandbox::Sandbox;

/// No secret, and in everything that is logged and stored: the pool's name.
const PLANTED: &str = "planted-no-secret";

/// So much of the beginning of a secret would already be too much.
const PART: usize = 24;

/// What was secret in an emulator's life: passwords, tokens, the signatures of polling URLs.
fn secrets(emulator: &Emulator) -> Vec<String> {
    let passwords = emulator.environment().into_iter();
    let passwords = passwords.filter(|(name, _)| name.ends_with("SECRET") || name.ends_with("TOKEN"));
    let mut secrets: Vec<String> = passwords.map(|(_, value)| value).collect();
    secrets.extend(emulator.issued_tokens());
    secrets.extend(emulator.issued_signatures());
    secrets
}

/// Every file below a folder, as text.
pub(super) fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

/// Fails when a file of the sandbox (configuration, state, logs, crash reports) holds a secret.
fn search(emulator: &Emulator, sandbox: &Sandbox, texts: &[(String, String)]) {
    let secrets = secrets(emulator);
    assert!(emulator.issued_tokens().len() > 1 && !emulator.issued_signatures().is_empty());
    let mut all = texts.to_vec();
    files(&sandbox.path(), &mut all);
    for (name, text) in &all {
        for secret in &secrets {
            assert!(!secret.is_empty());
            if let Some(at) = text.find(secret.as_str()) {
                let line = text[..at].rsplit('\n').next().unwrap_or_default();
                panic!("{name} holds a secret after: {line}");
            }
            // A part of a token or signature is one as well.
            let part = &secret[..secret.len().min(PART)];
            assert!(!text.contains(part), "{name} holds the beginning of a secret");
        }
    }
}

#[test]
fn nothing_secret_is_logged_or_stored() {
    let variables = [
        ("TF_LOG", "TRACE"),
        ("TF_LOG_PROVIDER", "TRACE"),
        ("TF_LOG_CORE", "TRACE"),
    ];
    let (emulator, sandbox) = world(options(), &variables);
    let mut runs = Vec::new();
    for arguments in ["", "  instance_count = 2", "  instance_count = 2\n  tier = \"S2\""] {
        configure(&sandbox, arguments);
        let text = fs::read_to_string(sandbox.path().join("main.tf")).unwrap();
        sandbox.write("main.tf", &text.replace("\"builds\"", &format!("{PLANTED:?}")));
        runs.push(sandbox.ok(&["apply", "-auto-approve"]));
    }
    runs.push(sandbox.ok(&["destroy", "-auto-approve"]));
    let texts: Vec<(String, String)> = runs
        .iter()
        .enumerate()
        .map(|(at, run)| (format!("run {at}"), run.output()))
        .collect();
    search(&emulator, &sandbox, &texts);

    // It looks, and at logs worth looking at: at our own bodies and at the libraries that log requests of their own. What was
    // planted and is no secret is found in each of them.
    let log: String = texts.iter().map(|(_, text)| text.as_str()).collect();
    let holds = |parts: &[&str]| log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    for parts in [
        ["[TRACE]", "azure.exchange", "provisioningState", PLANTED],
        ["[DEBUG]", "azure.exchange", "operationStatuses", PLANTED],
        ["[DEBUG]", "typespec_client_core", "operationStatuses", PLANTED],
        ["[DEBUG]", "typespec_client_core", "oauth2/v2.0/token", "POST"],
    ] {
        assert!(holds(&parts), "no line with {parts:?}: was anything logged?");
    }
    let mut stored = Vec::new();
    files(&sandbox.path(), &mut stored);
    let states: Vec<_> = stored.iter().filter(|(name, _)| name.contains(".tfstate")).collect();
    assert!(
        states.iter().any(|(_, text)| text.contains(PLANTED)),
        "no state holds {PLANTED}"
    );
}

#[test]
fn nothing_secret_is_in_errors() {
    let variables = [("TF_LOG_PROVIDER", "TRACE")];
    let (emulator, sandbox) = world(options(), &variables);
    let mut texts = Vec::new();
    configure(&sandbox, "");
    sandbox.ok(&["apply", "-auto-approve"]);
    let polling = "/agentPoolsOperationResults/";
    let answers = [
        r#"{"respond": {"status": 400, "body": "<html><title>no</title>"}}"#,
        r#"{"respond": {"status": 400, "body": {"error": {"code": "No", "message": "not at all"}}}}"#,
        r#"{"respond": {"status": 307, "headers": {"Location": "https://evil.example/?sig=hush-hush"}}}"#,
    ];
    for answer in answers {
        for part in ["/token", polling, "/agentPools/"] {
            let fault = format!(r#"[{{"match": {{"path_contains": "{part}"}}, "action": {answer}}}]"#);
            emulator.set_faults(serde_json::from_str(&fault).unwrap());
            let run = sandbox.run(&["plan", "-destroy"]);
            texts.push((format!("{answer} at {part}"), run.output()));
            assert!(!run.output().contains("hush-hush"), "{run}");
        }
    }
    emulator.set_faults(Vec::new());
    texts.push(("destroy".into(), sandbox.ok(&["destroy", "-auto-approve"]).output()));
    search(&emulator, &sandbox, &texts);
}
