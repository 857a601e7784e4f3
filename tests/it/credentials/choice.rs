//! Which way is taken when several are configured, and what is said when none is.

use super::{TENANT, World};

/// What the log of a run says about the choice: the credential of each `signing in` line.
fn chosen(output: &str) -> Vec<String> {
    let lines = output.lines().filter(|line| line.contains("signing in to Azure"));
    let name = |line: &str| {
        let (_, after) = line.split_once("credential=")?;
        let after = after.trim_start_matches('"');
        Some(after.split(['"', ':']).next()?.trim().to_owned())
    };
    lines.filter_map(name).collect()
}

/// Everything at once; each row then takes the winner away.
#[test]
fn the_order_is_azurerms_and_is_logged() {
    let subject = "repo:contoso/builds:ref:refs/heads/main";
    let removed: [(&str, &[&str]); 7] = [
        ("client certificate", &[]),
        ("client secret", &["ARM_CLIENT_CERTIFICATE_PATH"]),
        ("OIDC token", &["ARM_CLIENT_SECRET"]),
        ("OIDC token file", &["ARM_OIDC_TOKEN"]),
        ("GitHub OIDC", &["ARM_OIDC_TOKEN_FILE_PATH"]),
        ("AKS workload identity", &["ARM_USE_OIDC"]),
        ("managed identity", &["ARM_USE_AKS_WORKLOAD_IDENTITY"]),
    ];
    let mut world = World::new().with_secret();
    world.emulator.register_certificate(&super::certificate()).unwrap();
    let token = world.emulator.federated_token(subject);
    let file = world.file("token.txt", &token);
    let certificate = super::fixture("open.pfx").display().to_string();
    world = world.env(&[
        ("TF_LOG_PROVIDER", "INFO"),
        ("ARM_CLIENT_CERTIFICATE_PATH", &certificate),
        ("ARM_USE_OIDC", "true"),
        ("ARM_OIDC_TOKEN", &token),
        ("ARM_OIDC_TOKEN_FILE_PATH", &file),
        ("AZURE_FEDERATED_TOKEN_FILE", &file),
        ("ARM_USE_AKS_WORKLOAD_IDENTITY", "true"),
        ("ARM_USE_MSI", "true"),
    ]);
    let variables = [
        world.emulator.github_environment(),
        world.emulator.machine_environment(),
    ]
    .concat();
    world = world.envs(variables);
    for (name, gone) in removed {
        for variable in gone {
            world = world.env(&[(variable, "")]);
        }
        world.emulator.clear_requests();
        let run = world.plan();
        assert_eq!(chosen(&run.stderr).first().map(String::as_str), Some(name), "{run}");
        assert_eq!(world.sign_ins().len(), 1, "{run}");
    }
    let run = world.plan();
    assert!(
        run.stderr.contains("client secret: neither client_secret"),
        "what was passed over is logged: {run}"
    );
}

#[test]
fn nothing_works_and_one_diagnostic_says_why() {
    let world = World::new().env(&[("ARM_USE_OIDC", "true")]);
    let run = world.sandbox.fails(&["plan"]);
    let text = run.stderr.replace('\u{2502}', "");
    let (_, told) = text
        .split_once("Error: No Azure credentials")
        .unwrap_or_else(|| panic!("{run}"));
    assert_eq!(told.matches("Error:").count(), 0, "{run}");
    let (_, detail) = told.split_once("No way to sign in").unwrap_or_else(|| panic!("{run}"));
    let detail: Vec<&str> = detail
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let golden = [
        " to Azure applies. In the order in which they are looked at:",
        "  1. client certificate: neither client_certificate (ARM_CLIENT_CERTIFICATE) nor client_certificate_path (ARM_CLIENT_CERTIFICATE_PATH) is set",
        "  2. client secret: neither client_secret (ARM_CLIENT_SECRET) nor client_secret_file_path (ARM_CLIENT_SECRET_FILE_PATH) is set",
        "  3. OIDC token: oidc_token (ARM_OIDC_TOKEN) is not set",
        "  4. OIDC token file: oidc_token_file_path (ARM_OIDC_TOKEN_FILE_PATH) is not set",
        "  5. Azure Pipelines OIDC: ado_pipeline_service_connection_id (ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID) is not set",
        "  6. GitHub OIDC: oidc_request_url (ARM_OIDC_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_URL, SYSTEM_OIDCREQUESTURI) and oidc_request_token (ARM_OIDC_REQUEST_TOKEN, ACTIONS_ID_TOKEN_REQUEST_TOKEN, SYSTEM_ACCESSTOKEN) are not set; a GitHub job gets them with `permissions: id-token: write`",
        "  7. AKS workload identity: use_aks_workload_identity (ARM_USE_AKS_WORKLOAD_IDENTITY) is not true",
        "  8. managed identity: use_msi (ARM_USE_MSI) is not true",
        "  9. Azure CLI: the command `az` is not on the PATH",
        "Set what one of them needs, in the provider block or in the environment.",
    ];
    assert_eq!(detail, golden, "{run}");
    assert!(world.emulator.requests().is_empty(), "no network in Configure");
}

#[test]
fn what_was_begun_and_is_passed_over_is_warned_of() {
    let world = World::new()
        .with_secret()
        .env(&[("ARM_CLIENT_ID", ""), ("ARM_USE_MSI", "true")]);
    let variables = world.emulator.machine_environment();
    let world = world.envs(variables);
    let run = world.plan();
    run.says("Incomplete credentials passed over")
        .says("client_id (ARM_CLIENT_ID) is not set");
    assert!(world.sign_ins()[0].contains("managed identity"));
}

#[test]
fn correlation_ids_can_be_switched_off() {
    for (off, sent) in [("", true), ("true", false)] {
        let world = World::new()
            .with_secret()
            .env(&[("ARM_DISABLE_CORRELATION_REQUEST_ID", off)]);
        world.plan();
        let requests = world
            .emulator
            .requests()
            .into_iter()
            .filter(|entry| entry.identity.is_some());
        let with: Vec<bool> = requests.map(|entry| entry.correlation_id.is_some()).collect();
        assert!(
            !with.is_empty() && with.iter().all(|with| *with == sent),
            "{off}: {with:?}"
        );
    }
}

#[test]
fn an_unknown_argument_is_never_taken_as_empty() {
    // The environment has a secret; a client id that another resource determines must not fall back to it.
    let world = World::new().with_secret();
    world.block("  client_id = terraform_data.later.output");
    let mut text = std::fs::read_to_string(world.sandbox.path().join("main.tf")).unwrap();
    text.push_str(&format!(
        "\nresource \"terraform_data\" \"later\" {{\n  input = \"{TENANT}\"\n}}\n"
    ));
    world.sandbox.write("main.tf", &text);
    world
        .sandbox
        .fails(&["plan"])
        .says("Provider configuration not known yet")
        .says("client_id");
    assert!(world.sign_ins().is_empty());
}
