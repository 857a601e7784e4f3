//! Each way to sign in, with the request that it really sends.

use std::fs;

use base64::Engine;

use super::{PASSWORD, World, fixture, token_request};

/// Plans, and checks the one sign-in and the read that follows.
fn signs_in(world: &World, expected: &str) {
    world.plan().says("tier = \"S1\"");
    assert_eq!(world.sign_ins(), [expected]);
    let reads = world.reads();
    assert!(
        !reads.is_empty() && reads.iter().all(|read| read.ends_with(" 200 full")),
        "{reads:?}"
    );
}

#[test]
fn client_secret_from_value_and_files() {
    let expected = token_request("client secret", false);
    signs_in(&World::new().with_secret(), &expected);

    let world = World::new();
    let secret = world.file("secret.txt", &format!("{}\n", world.secret()));
    let id = world.file("id.txt", &format!("{}\n", world.emulator.client_id()));
    let world = world.env(&[
        ("ARM_CLIENT_SECRET_FILE_PATH", &secret),
        ("ARM_CLIENT_ID_FILE_PATH", &id),
        ("ARM_CLIENT_ID", ""),
    ]);
    signs_in(&world, &expected);

    let world = World::new().env(&[("ARM_CLIENT_ID", ""), ("ARM_TENANT_ID", "")]);
    world.block(&format!(
        "  tenant_id = \"{}\"\n  client_id = \"{}\"\n  client_secret = \"{}\"",
        super::TENANT,
        world.emulator.client_id(),
        world.secret()
    ));
    signs_in(&world, &expected);
}

#[test]
fn client_certificate_from_every_kind_of_file() {
    let expected = token_request("certificate", true);
    for (name, password) in [
        ("modern.pfx", PASSWORD),
        ("legacy.pfx", PASSWORD),
        ("open.pfx", ""),
        ("encrypted.pem", PASSWORD),
    ] {
        let world = World::new();
        world.emulator.register_certificate(&super::certificate()).unwrap();
        let path = fixture(name).display().to_string();
        let world = world.env(&[
            ("ARM_CLIENT_CERTIFICATE_PATH", &path),
            ("ARM_CLIENT_CERTIFICATE_PASSWORD", password),
        ]);
        signs_in(&world, &expected);
    }
}

#[test]
fn client_certificate_in_base64() {
    let expected = token_request("certificate", true);
    let key = fs::read(fixture("key.pem")).unwrap();
    let pem = [key, fs::read(fixture("certificate.pem")).unwrap()].concat();
    for (bytes, password) in [(fs::read(fixture("modern.pfx")).unwrap(), PASSWORD), (pem, "")] {
        let world = World::new();
        world.emulator.register_certificate(&super::certificate()).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        let world = world.env(&[
            ("ARM_CLIENT_CERTIFICATE", &text),
            ("ARM_CLIENT_CERTIFICATE_PASSWORD", password),
        ]);
        signs_in(&world, &expected);
    }
}

#[test]
fn oidc_with_a_token_and_with_a_file() {
    let expected = token_request("federated token", true);
    let subject = "anyone:at:all";
    let world = World::new();
    world.emulator.trust_subject(subject);
    let token = world.emulator.federated_token(subject);
    signs_in(
        &world.env(&[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN", &token)]),
        &expected,
    );

    let world = World::new();
    world.emulator.trust_subject(subject);
    let file = world.file("token.txt", &format!("{}\n", world.emulator.federated_token(subject)));
    world.block(&format!("  use_oidc = true\n  oidc_token_file_path = \"{file}\""));
    signs_in(&world, &expected);
}

#[test]
fn oidc_of_github_and_of_azure_pipelines() {
    let expected = token_request("federated token", true);
    let world = World::new().env(&[("ARM_USE_OIDC", "true")]);
    let variables = world.emulator.github_environment();
    let world = world.envs(variables);
    signs_in(&world, &expected);
    assert_eq!(
        issuer_requests(&world),
        ["GET /_oidc/github api-version=2.0&audience=api://AzureADTokenExchange 200"]
    );

    let world = World::new().env(&[("ARM_USE_OIDC", "true")]);
    let variables = world.emulator.pipelines_environment();
    let connection = variables[2].1.clone();
    let world = world.envs(variables);
    signs_in(&world, &expected);
    let asked = format!("POST /_oidc/pipelines api-version=7.1&serviceConnectionId={connection} 200");
    assert_eq!(issuer_requests(&world), [asked]);
}

fn issuer_requests(world: &World) -> Vec<String> {
    let requests = world
        .emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.path.starts_with("/_oidc/"));
    requests
        .map(|entry| {
            format!(
                "{} {} {} {}",
                entry.method,
                entry.path,
                entry.query,
                entry.status.unwrap()
            )
        })
        .collect()
}

#[test]
fn aks_workload_identity() {
    let subject = "system:serviceaccount:builds:terraform";
    let world = World::new();
    world.emulator.trust_subject(subject);
    let file = world.file("projected/token", &world.emulator.federated_token(subject));
    let client_id = world.emulator.client_id();
    let world = world.env(&[
        ("ARM_USE_AKS_WORKLOAD_IDENTITY", "true"),
        ("AZURE_FEDERATED_TOKEN_FILE", &file),
        ("AZURE_CLIENT_ID", &client_id),
        ("AZURE_TENANT_ID", super::TENANT),
        ("ARM_CLIENT_ID", ""),
        ("ARM_TENANT_ID", ""),
    ]);
    signs_in(&world, &token_request("federated token", true));
}

#[test]
fn managed_identity_of_a_machine_and_of_an_app() {
    let asked = "api-version=2019-08-01&resource=https://localhost:PORT";
    let machine = |world: World| {
        let variables = world.emulator.machine_environment();
        world.envs(variables).env(&[("ARM_USE_MSI", "true")])
    };
    let world = machine(World::new()).env(&[("ARM_CLIENT_ID", "")]);
    signs_in(
        &world,
        &format!("GET /metadata/identity/oauth2/token {asked} 200 managed identity"),
    );

    let world = machine(World::new());
    let expected = format!("GET /metadata/identity/oauth2/token {asked}&client_id=CLIENT 200 managed identity");
    signs_in(&world, &expected);

    let world = World::new().env(&[("ARM_CLIENT_ID", ""), ("ARM_USE_MSI", "true")]);
    let variables = world.emulator.app_service_environment();
    let asked = "api-version=2019-08-01&resource=https://localhost:PORT";
    signs_in(
        &world.envs(variables),
        &format!("GET /msi/token {asked} 200 managed identity"),
    );
}

#[test]
fn azure_cli() {
    let world = World::new();
    let answer = world.file("answer.json", &world.emulator.cli_answer(super::TENANT));
    let asked = world.sandbox.path().join("asked.txt").display().to_string();
    let world = world.az(&format!("echo \"$@\" >> '{asked}'\ncat '{answer}'"));
    world.plan().says("tier = \"S1\"");
    let scope = format!("{}/.default", world.emulator.url());
    let line = format!(
        "account get-access-token -o json --scope {scope} --tenant {}\n",
        super::TENANT
    );
    assert_eq!(fs::read_to_string(&asked).unwrap(), line);
    assert!(world.sign_ins().is_empty() && world.reads().iter().all(|read| read.ends_with(" 200 full")));
}
