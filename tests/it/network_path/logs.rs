//! What is logged of a life: progress at INFO, requests at DEBUG, and who we say that we are.

use super::{configure, live, options, to_arm, world};

#[test]
fn progress_is_logged_at_info() {
    let (_emulator, sandbox) = world(options(), &[("TF_LOG_PROVIDER", "INFO")]);
    let log: String = live(&sandbox).iter().map(|run| run.stderr.clone()).collect();
    for word in ["Creating", "Updating", "Deleting", "Succeeded"] {
        // In the form that the documentation shows: agent pool "p": Creating, 2m10s.
        let begin = format!("agent pool \"builds\": {word}, 0m0");
        let line = log.lines().find(|line| line.contains(&begin));
        let line = line.unwrap_or_else(|| panic!("{begin} is missing in\n{log}"));
        assert!(line.contains("[INFO]"), "{line}");
    }
    assert!(!log.contains("[DEBUG]"), "{log}");
}

#[test]
fn requests_are_logged_at_debug_with_all_that_support_asks_for() {
    let (emulator, sandbox) = world(options(), &[("TF_LOG_PROVIDER", "DEBUG")]);
    configure(&sandbox, "");
    let log = sandbox.ok(&["apply", "-auto-approve"]).stderr;
    let put = to_arm(&emulator)
        .into_iter()
        .find(|entry| entry.method == "PUT")
        .unwrap();
    let id = put.correlation_id.unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("answered") && line.contains("method=PUT"))
        .unwrap_or_else(|| panic!("no line for the PUT in\n{log}"));
    for part in [
        &format!("path={}", put.path),
        "status=201",
        "ms=",
        &format!("correlation_id={id}"),
        "[DEBUG]",
    ] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
    assert!(!log.contains("[TRACE]"));
}

#[test]
fn every_request_says_who_asks_and_for_which_operation() {
    let (emulator, sandbox) = world(options(), &[]);
    live(&sandbox);
    let requests = to_arm(&emulator);
    let terraform = sandbox.ok(&["version", "-json"]).json()["terraform_version"]
        .as_str()
        .unwrap()
        .to_owned();
    let agent = format!(
        "Terraform/{terraform} terraform-provider-acr/{} (",
        env!("CARGO_PKG_VERSION")
    );
    for entry in &requests {
        let sent = entry.user_agent.clone().unwrap_or_default();
        assert!(sent.starts_with(&agent), "{sent}");
    }
    // One id from the write to the end of its operation, another for the next operation.
    let writes: Vec<usize> = (0..requests.len())
        .filter(|at| ["PUT", "PATCH", "DELETE"].contains(&requests[*at].method.as_str()))
        .collect();
    assert_eq!(writes.len(), 5, "create, scale, replace (two), destroy");
    let mut ids = Vec::new();
    for at in writes {
        let id = requests[at].correlation_id.clone().unwrap();
        assert_eq!(
            requests[at + 1].correlation_id.as_ref(),
            Some(&id),
            "the look at the operation"
        );
        assert!(!ids.contains(&id), "{ids:?}");
        ids.push(id);
    }
}
