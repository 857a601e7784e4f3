//! The sandbox's own tests: a tool that hides a failure would hide everybody's.

use std::{
    env,
    panic::{self, AssertUnwindSafe},
};

use serde_json::Value;

use super::{COMMAND_TIMEOUT, Sandbox, Version, with_flags};

/// One resource that needs no provider of ours.
const BUILTIN: &str = "resource \"terraform_data\" \"it\" {\n  input = \"hello\"\n}\n";

/// One whose creation takes far longer than the test may.
const SLOW: &str = r#"
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "sleep 600"
  }
}
"#;

#[test]
fn both_versions_are_the_pinned_ones() {
    for version in Version::both() {
        let found = Sandbox::new(version).ok(&["version", "-json"]).json();
        match (version, env::var_os("TF_CLI")) {
            (Version::Newest, None) => assert_eq!(found["terraform_version"], "1.15.5"),
            (Version::Newest, Some(_)) => assert!(found["terraform_version"].is_string()),
            (Version::Oldest, _) => assert_eq!(found["terraform_version"], "1.6.6"),
        }
    }
}

#[test]
fn an_empty_folder_initialises_and_validates() {
    for version in Version::both() {
        let sandbox = Sandbox::new(version);
        sandbox.ok(&["init"]);
        sandbox.ok(&["validate"]).says("The configuration is valid");
    }
}

#[test]
fn a_builtin_resource_is_applied_and_destroyed() {
    for version in Version::both() {
        let sandbox = Sandbox::new(version);
        sandbox.write("main.tf", BUILTIN);
        sandbox.ok(&["init"]);
        assert_eq!(sandbox.state(), Value::Null);
        sandbox.ok(&["plan", "-out", "saved"]);
        assert_eq!(
            sandbox.show_json(Some("saved"))["resource_changes"][0]["change"]["actions"][0],
            "create"
        );
        sandbox.ok(&["apply", "-auto-approve"]).says("1 added");
        sandbox.plan_is_empty();
        assert_eq!(sandbox.state()["resources"][0]["name"], "it");
        assert_eq!(
            sandbox.show_json(None)["values"]["root_module"]["resources"][0]["values"]["output"],
            "hello"
        );
        sandbox.ok(&["destroy", "-auto-approve"]).says("1 destroyed");
        assert_eq!(sandbox.state()["resources"], serde_json::json!([]));
    }
}

#[test]
fn a_failure_shows_command_folder_configuration_and_output() {
    let sandbox = Sandbox::new(Version::Newest);
    sandbox.write("main.tf", "resource \"terraform_data\" \"it\" {\n  nonsense = 1\n}\n");
    sandbox.ok(&["init"]);
    let text = sandbox.fails(&["validate"]).to_string();
    for part in [
        "validate -no-color",
        "nonsense = 1",
        "Unsupported argument",
        "exit status: 1",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.contains(&sandbox.path().display().to_string()));
}

#[test]
fn a_plan_with_a_change_is_not_empty() {
    let sandbox = Sandbox::new(Version::Newest);
    sandbox.write("main.tf", BUILTIN);
    sandbox.ok(&["init"]);
    let failure = panic::catch_unwind(AssertUnwindSafe(|| sandbox.plan_is_empty())).expect_err("a change is planned");
    let text = failure.downcast_ref::<String>().expect("assertions panic with a text");
    assert!(text.contains("1 to add"), "{text}");
}

#[test]
fn a_command_that_should_fail_or_succeed_is_held_to_it() {
    let sandbox = Sandbox::new(Version::Newest);
    assert!(panic::catch_unwind(AssertUnwindSafe(|| sandbox.ok(&["no-such-command"]))).is_err());
    assert!(panic::catch_unwind(AssertUnwindSafe(|| sandbox.fails(&["version"]))).is_err());
    assert!(
        panic::catch_unwind(AssertUnwindSafe(|| {
            sandbox.ok(&["version"]).says("no such text");
        }))
        .is_err()
    );
}

#[test]
fn an_interrupt_ends_terraform_gracefully() {
    for version in Version::both() {
        for group in [false, true] {
            let sandbox = Sandbox::new(version);
            sandbox.write("main.tf", SLOW);
            sandbox.ok(&["init"]);
            let mut running = sandbox.start(&["apply", "-auto-approve"]);
            running.until("Executing");
            if group {
                running.interrupt_group()
            } else {
                running.interrupt()
            }
            let run = running.wait(COMMAND_TIMEOUT);
            assert_eq!(run.code, Some(1), "{run}");
            run.says("Interrupt received");
            assert_eq!(
                sandbox.state()["resources"][0]["instances"][0]["status"],
                "tainted",
                "{run}"
            );
        }
    }
}

#[test]
fn flags_stand_before_the_arguments_of_a_command() {
    assert_eq!(
        with_flags(&["import", "a.b", "id"]),
        ["import", "-input=false", "-no-color", "a.b", "id"]
    );
    assert_eq!(
        with_flags(&["show", "-json", "saved"]),
        ["show", "-no-color", "-json", "saved"]
    );
    assert_eq!(
        with_flags(&["state", "show", "a.b"]),
        ["state", "show", "-no-color", "a.b"]
    );
    assert_eq!(with_flags(&["version"]), ["version"]);
}
