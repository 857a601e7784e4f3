//! Proofs that Entra ID, a CI system or a machine refuses: what the user reads.

use std::{fs, net::TcpListener};

use super::{PASSWORD, World, fixture};

#[test]
fn a_wrong_secret_is_told_with_advice() {
    let world = World::new().env(&[("ARM_CLIENT_SECRET", "quite-wrong-4712")]);
    let run = world.sandbox.fails(&["plan"]);
    run.says("client secret: AADSTS7000215: ").says("not its id");
    assert!(!run.output().contains("quite-wrong-4712"), "{run}");
}

#[test]
fn an_unknown_tenant_and_an_unknown_application_are_told_apart() {
    let nobody = "12121212-3434-5656-7878-909090909090";
    for (variable, code) in [("ARM_TENANT_ID", "AADSTS90002"), ("ARM_CLIENT_ID", "AADSTS700016")] {
        let world = World::new().with_secret().env(&[(variable, nobody)]);
        world.sandbox.fails(&["plan"]).says(code).says("Check ");
    }
}

#[test]
fn a_certificate_that_is_not_registered() {
    let path = fixture("open.pfx").display().to_string();
    let world = World::new().env(&[("ARM_CLIENT_CERTIFICATE_PATH", &path)]);
    world
        .sandbox
        .fails(&["plan"])
        .says("client certificate: AADSTS700027: ")
        .says("Certificates & secrets");
}

#[test]
fn a_token_about_somebody_else() {
    let world = World::new();
    let token = world.emulator.federated_token("repo:elsewhere/builds:pull_request");
    let world = world.env(&[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN", &token)]);
    world
        .sandbox
        .fails(&["plan"])
        .says("AADSTS700213")
        .says("repo:elsewhere/builds:pull_request")
        .says("federated credential");
}

#[test]
fn a_token_that_has_expired() {
    let world = World::new();
    world.emulator.trust_subject("late");
    let token = world.emulator.federated_token("late");
    world.emulator.advance(std::time::Duration::from_secs(3600));
    let world = world.env(&[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN", &token)]);
    world
        .sandbox
        .fails(&["plan"])
        .says("OIDC token: AADSTS700024")
        .says("oidc_token_file_path");
}

#[test]
fn a_job_without_permission() {
    let world = World::new().env(&[("ARM_USE_OIDC", "true")]);
    let variables = world.emulator.github_environment();
    let world = world
        .envs(variables)
        .env(&[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "stale-4713")]);
    let run = world.sandbox.fails(&["plan"]);
    run.says("GitHub OIDC: GitHub gave no token: its endpoint answered HTTP 401.")
        .says("id-token: write");
    assert!(!run.output().contains("stale-4713"), "{run}");

    let world = World::new().env(&[("ARM_USE_OIDC", "true")]);
    let variables = world.emulator.pipelines_environment();
    let world = world
        .envs(variables)
        .env(&[("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "none")]);
    world
        .sandbox
        .fails(&["plan"])
        .says("Azure Pipelines OIDC: Azure Pipelines gave no token: its endpoint answered HTTP 404.")
        .says("ado_pipeline_service_connection_id");
}

#[test]
fn a_request_url_in_plain_text_gets_no_token() {
    let world = World::new().env(&[
        ("ARM_USE_OIDC", "true"),
        ("ARM_OIDC_REQUEST_URL", "http://localhost:1/token"),
        ("ARM_OIDC_REQUEST_TOKEN", "hush-4714"),
    ]);
    let run = world.sandbox.fails(&["plan"]);
    run.says("oidc_request_url is not https");
    assert!(!run.output().contains("hush-4714"), "{run}");
}

#[test]
fn files_that_are_not_there_are_named_before_anything_is_asked() {
    for (variables, want) in [
        (
            vec![("ARM_CLIENT_CERTIFICATE_PATH", "no/such.pfx")],
            "the file no/such.pfx cannot be read",
        ),
        (
            vec![("ARM_CLIENT_SECRET_FILE_PATH", "no/such.txt")],
            "The file no/such.txt cannot be read",
        ),
        (
            vec![("ARM_CLIENT_ID_FILE_PATH", "no/such.txt")],
            "The file no/such.txt cannot be read",
        ),
        (
            vec![("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN_FILE_PATH", "no/such.jwt")],
            "OIDC token file: the token file no/such.jwt cannot be read",
        ),
    ] {
        let world = World::new().env(&variables);
        world.sandbox.fails(&["plan"]).says(want);
        assert!(world.emulator.requests().is_empty(), "{variables:?}");
    }
}

#[test]
fn certificates_that_cannot_be_used_are_told_apart_before_anything_is_asked() {
    let key = fs::read_to_string(fixture("key.pem")).unwrap();
    let certificate = fs::read_to_string(fixture("certificate.pem")).unwrap();
    let own = rcgen::KeyPair::generate().unwrap();
    let foreign = rcgen::CertificateParams::default().self_signed(&own).unwrap().pem();
    let (expired, early) = (dated(&key, 2001, 2002), dated(&key, 2090, 2091));
    let elliptic = fs::read_to_string(fixture("elliptic.pem")).unwrap();
    let cases = [
        (certificate.clone(), "", "holds no private key"),
        (key.clone(), "", "holds no certificate"),
        (format!("{key}{foreign}"), "", "do not belong together"),
        (format!("{key}{expired}"), "", "that expired at 2002-01-01"),
        (format!("{key}{early}"), "", "not valid before 2090-01-01"),
        (elliptic, "", "is not RSA"),
        (
            fs::read_to_string(fixture("encrypted.pem")).unwrap(),
            "",
            "Set client_certificate_password",
        ),
        (
            fs::read_to_string(fixture("encrypted.pem")).unwrap(),
            "wrong-4715",
            "the password is wrong",
        ),
        ("nonsense".to_owned(), "", "is neither PKCS#12 nor PEM"),
    ];
    for (text, password, want) in cases {
        let world = World::new();
        let path = world.file("client.pem", &text);
        fails_at_once(
            &world.env(&[
                ("ARM_CLIENT_CERTIFICATE_PATH", &path),
                ("ARM_CLIENT_CERTIFICATE_PASSWORD", password),
            ]),
            want,
        );
    }
    for name in ["modern.pfx", "legacy.pfx"] {
        let path = fixture(name).display().to_string();
        let with = |password: &str| {
            World::new().env(&[
                ("ARM_CLIENT_CERTIFICATE_PATH", &path),
                ("ARM_CLIENT_CERTIFICATE_PASSWORD", password),
            ])
        };
        fails_at_once(&with("wrong-4715"), "the password is wrong");
        fails_at_once(&with(""), "Set client_certificate_password");
    }
}

fn fails_at_once(world: &World, want: &str) {
    let run = world.sandbox.fails(&["plan"]);
    run.says(want);
    for secret in ["wrong-4715", PASSWORD, "PRIVATE KEY"] {
        assert!(!run.stderr.contains(secret), "{run}");
    }
    assert!(world.emulator.requests().is_empty(), "{run}");
}

/// A certificate of the fixtures' key, valid from one year's first day to another's.
fn dated(key: &str, from: i32, to: i32) -> String {
    let key = rcgen::KeyPair::from_pem(key).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    params.self_signed(&key).unwrap().pem()
}

#[test]
fn a_machine_without_managed_identity_is_known_soon() {
    // Takes connections and never answers, as a network does that drops what it does not know.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", silent.local_addr().unwrap());
    let world = World::new().env(&[("ARM_USE_MSI", "true"), ("HTTP_PROXY", &proxy), ("http_proxy", &proxy)]);
    world
        .sandbox
        .fails(&["plan"])
        .says("managed identity: there is no managed identity here")
        .says("no answer within 3 s")
        .says("use_msi = false");

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = format!("http://{closed}");
    let world = World::new().env(&[("ARM_USE_MSI", "true"), ("HTTP_PROXY", &proxy), ("http_proxy", &proxy)]);
    world.sandbox.fails(&["plan"]).says("onnection refused");
}

#[test]
fn an_identity_that_the_machine_does_not_have() {
    let world = World::new().env(&[("ARM_USE_MSI", "true"), ("ARM_CLIENT_ID", "nobody")]);
    let variables = world.emulator.machine_environment();
    world
        .envs(variables)
        .sandbox
        .fails(&["plan"])
        .says("managed identity: Identity not found.")
        .says("must be assigned to this machine or app");
}
