//! What was given as a secret is in no log, no output and no state; what was not is found in them.

use serde_json::json;

use super::{lab, pool, task, world};

#[test]
fn secrets_stay_where_they_belong() {
    const SECRET: &str = "hush-4f9b1c-never-to-be-seen";
    const PLAIN: &str = "plain-4f9b1c-for-all-to-see";
    let world = world(lab(
        &[pool(1)],
        &[task(
            "prints",
            Some("builds"),
            "bash echo \"{{.Values.plain}} and {{.Values.secret}}\" && exit 1",
        )],
    ));
    let sandbox = world
        .another()
        .env([("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "TRACE")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let arguments = format!(
        "  values = {{ plain = \"{PLAIN}\" }}\n  secret_values_wo = {{ secret = var.secret }}\n  secret_values_wo_version = 1\n  store_log_tail = true"
    );
    let variable = "variable \"secret\" {\n  type = string\n  ephemeral = true\n}\n";
    sandbox.write("main.tf", &(super::run("prints", &arguments) + variable));
    let sandbox = sandbox.env([("TF_VAR_secret".to_owned(), SECRET.to_owned())]);
    let failed = sandbox.fails(&["apply", "-auto-approve"]);
    let state = sandbox.state().to_string();
    for (what, text) in [("output and log", &failed.output()), ("state", &state)] {
        assert!(!text.contains(SECRET), "the secret is in the {what}");
        assert!(text.contains(PLAIN), "nothing is in the {what}");
    }
    let stored = crate::agent_pool::attributes(&sandbox, "acr_task_run.r");
    assert!(stored["log_tail"].as_str().unwrap().contains("and ***"), "{stored}");
    assert_eq!(stored["secret_values_wo"], json!(null));
    let sent = world
        .emulator
        .requests()
        .into_iter()
        .find(|entry| entry.path.ends_with("/scheduleRun"));
    assert!(sent.is_some());
}

#[test]
fn a_service_that_prints_secrets_is_masked_here() {
    const SECRET: &str = "hush-7d2e-from-the-service";
    // The value is no secret to the service, which prints it; the same text is one to this run.
    let world = world(lab(
        &[],
        &[task("prints", None, &format!("bash echo \"found {SECRET}\" && exit 1"))],
    ));
    let sandbox = world
        .another()
        .env([("TF_LOG_PROVIDER".to_owned(), "TRACE".to_owned())]);
    let arguments =
        format!("  secret_values_wo = {{ a = \"{SECRET}\" }}\n  secret_values_wo_version = 1\n  store_log_tail = true");
    sandbox.write("main.tf", &super::run("prints", &arguments));
    let failed = sandbox.fails(&["apply", "-auto-approve"]);
    failed.says("found ***");
    // The snippet of the configuration that Terraform shows is the user's own.
    let ours: String = failed
        .output()
        .lines()
        .filter(|line| !line.contains("secret_values_wo ="))
        .collect();
    assert!(!ours.contains(SECRET), "{failed}");
    assert!(!sandbox.state().to_string().contains(SECRET));
}

#[test]
fn a_service_that_repeats_secrets_in_its_reason_is_masked_here() {
    const SECRET: &str = "hush-51c0-in-the-reason";
    for wait in [true, false] {
        let world = world(lab(&[], &[task("prints", None, "bash exit 1")]));
        let failed = json!({"name": "cf1", "properties": {"runId": "cf1", "status": "Failed",
            "runErrorMessage": format!("unable to fetch https://{SECRET}@git.example/app: denied")}});
        world.fault(json!({"match": {"method": "GET", "path_ends": "/runs/cf1"},
            "action": {"respond": {"status": 200, "body": failed}}}));
        let variable = "variable \"secret\" {\n  type = string\n  ephemeral = true\n}\n";
        let arguments =
            format!("  wait = {wait}\n  secret_values_wo = {{ a = var.secret }}\n  secret_values_wo_version = 1");
        let sandbox = world.another().env([("TF_VAR_secret".to_owned(), SECRET.to_owned())]);
        sandbox.write("main.tf", &(super::run("prints", &arguments) + variable));
        let run = sandbox.run(&["apply", "-auto-approve"]);
        assert_eq!(run.code, Some(i32::from(wait)), "{run}");
        assert!(!run.output().contains(SECRET), "{run}");
        let state = sandbox.state().to_string();
        assert!(!state.contains(SECRET), "{state}");
        let message = crate::agent_pool::attributes(&sandbox, "acr_task_run.r")["error_message"].clone();
        assert!(
            message.as_str().unwrap().contains("@git.example/app: denied"),
            "{message}"
        );
    }
}
