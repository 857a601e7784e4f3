//! Whole TRACE logs of whole runs, searched for every secret that was planted, and for a planted text that is none.

use super::{AUXILIARY, PASSWORD, World, fixture};

/// Plants no secret: it must be found, or the search finds nothing.
const HARMLESS: &str = "contosobuilds";

/// Runs with the most talkative log, and searches it.
fn tells_no_secret(world: World, secrets: &[&str], succeeds: bool) {
    let log = world.sandbox.path().join("trace.log");
    let path = log.display().to_string();
    let world = world.env(&[("TF_LOG", "TRACE"), ("TF_LOG_PATH", &path)]);
    let run = world.sandbox.run(&["plan"]);
    assert_eq!(run.code == Some(0), succeeds, "{run}");
    let told = format!("{}{}", std::fs::read_to_string(log).unwrap(), run.output());
    assert!(
        told.contains("signing in to Azure") && told.contains(HARMLESS),
        "the log is not there: {run}"
    );
    for secret in secrets {
        assert!(
            !secret.is_empty() && !told.contains(secret),
            "a secret of {} letters is in the log",
            secret.len()
        );
    }
    // Tokens of all kinds begin so: the base64 of a JSON header.
    let token = told.lines().find(|line| line.contains("eyJ"));
    assert!(token.is_none(), "a token is in the log: {token:?}");
    let journal = serde_json::to_string(&world.emulator.requests()).unwrap();
    for secret in secrets {
        assert!(!journal.contains(secret), "a secret is in the journal");
    }
    assert!(!journal.contains("eyJ"), "a token is in the journal");
}

#[test]
fn of_a_client_secret() {
    let world = World::new()
        .with_secret()
        .env(&[("ARM_AUXILIARY_TENANT_IDS", AUXILIARY[0])]);
    let secret = world.secret();
    tells_no_secret(world, &[&secret], true);
    let wrong = "planted-secret-4716";
    tells_no_secret(World::new().env(&[("ARM_CLIENT_SECRET", wrong)]), &[wrong], false);
}

#[test]
fn of_a_certificate() {
    use base64::Engine;
    let bytes = std::fs::read(fixture("modern.pfx")).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let (head, tail) = (&text[..40], &text[text.len() - 40..]);
    let world = World::new().env(&[
        ("ARM_CLIENT_CERTIFICATE", &text),
        ("ARM_CLIENT_CERTIFICATE_PASSWORD", PASSWORD),
    ]);
    world.emulator.register_certificate(&super::certificate()).unwrap();
    tells_no_secret(world, &[head, tail, PASSWORD], true);
}

#[test]
fn of_federated_tokens() {
    let world = World::new().env(&[("ARM_USE_OIDC", "true")]);
    let variables = world.emulator.github_environment();
    let job = variables[1].1.clone();
    tells_no_secret(world.envs(variables), &[&job], true);

    let world = World::new();
    let token = world.emulator.federated_token("nobody:in:particular");
    let signature = token.rsplit('.').next().unwrap().to_owned();
    let world = world.env(&[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN", &token)]);
    tells_no_secret(world, &[&token, &signature], false);
}

#[test]
fn of_a_managed_identity_and_of_the_cli() {
    let world = World::new().env(&[("ARM_CLIENT_ID", ""), ("ARM_USE_MSI", "true")]);
    let variables = world.emulator.app_service_environment();
    let header = variables[1].1.clone();
    tells_no_secret(world.envs(variables), &[&header], true);

    let world = World::new();
    let answer = world.emulator.cli_answer(super::TENANT);
    let file = world.file("answer.json", &answer);
    tells_no_secret(world.az(&format!("cat '{file}'")), &[&answer], true);
}
