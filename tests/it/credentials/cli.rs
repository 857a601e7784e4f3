//! The Azure CLI when it cannot help: missing, not signed in, in another tenant, too old.

use super::{TENANT, World};

#[test]
fn each_failure_of_the_cli_has_its_own_sentence_and_the_list() {
    let cases = [
        (
            "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1",
            format!("`az` is not signed in, or no longer. Run `az login --tenant {TENANT}`."),
        ),
        (
            "echo \"ERROR: AADSTS90002: Tenant 'x' not found.\" >&2; exit 1",
            format!("has no access to the tenant {TENANT}"),
        ),
        (
            "echo '{\"accessToken\":\"t\",\"tokenType\":\"Bearer\",\"expiresOn\":\"2030-01-01 00:00:00.000000\"}'",
            "Update it to 2.54.0 or newer".to_owned(),
        ),
        (
            "echo 'ERROR: the moon is full' >&2; exit 3",
            "`az account get-access-token` failed: ERROR: the moon is full".to_owned(),
        ),
    ];
    for (script, want) in cases {
        let world = World::new().az(script);
        let run = world.sandbox.fails(&["plan"]);
        run.says(
            &format!("Azure CLI: {want}")
                .replace("Azure CLI: has", "has")
                .replace("Azure CLI: Update", "Update"),
        )
        .says("No other way to sign in applies.")
        .says("2. client secret: neither client_secret (ARM_CLIENT_SECRET)")
        .says("8. managed identity: use_msi (ARM_USE_MSI) is not true");
        assert!(world.emulator.requests().is_empty(), "{run}");
    }
}

#[test]
fn a_missing_cli_is_known_before_anything_is_asked() {
    let world = World::new();
    world
        .sandbox
        .fails(&["plan"])
        .says("9. Azure CLI: the command `az` is not on the PATH");
}

#[test]
fn a_token_of_another_tenant_is_refused_by_azure_and_said_so() {
    let world = World::new();
    let answer = world.file("answer.json", &world.emulator.cli_answer(super::AUXILIARY[0]));
    let world = world.az(&format!("cat '{answer}'"));
    world
        .sandbox
        .fails(&["plan"])
        .says("InvalidAuthenticationTokenTenant")
        .says("belongs to another tenant");
}

#[test]
fn the_cli_is_asked_for_no_tenant_when_none_is_set() {
    let world = World::new().env(&[("ARM_TENANT_ID", "")]);
    let asked = world.sandbox.path().join("asked.txt").display().to_string();
    let answer = world.file("answer.json", &world.emulator.cli_answer(TENANT));
    let world = world.az(&format!("echo \"$@\" >> '{asked}'\ncat '{answer}'"));
    world.plan();
    assert!(!std::fs::read_to_string(asked).unwrap().contains("--tenant"));
}
