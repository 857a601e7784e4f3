//! Tokens that stop working in the middle of an operation.

use std::time::Duration;

use terraform_provider_acr::emulator::{Fault, Options};

use super::{configure, options, to_arm, world};

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn a_token_that_expires_while_waiting_is_replaced() {
    // The provider's clock does not know of the emulator's: a token that Azure no longer takes looks good to its owner.
    let options = Options {
        provisioning: 2 * HOUR,
        token_lifetime: HOUR,
        ..options()
    };
    let (emulator, sandbox) = world(options, &[]);
    configure(&sandbox, "");
    let running = sandbox.start(&["apply", "-auto-approve"]);
    while !to_arm(&emulator).iter().any(|entry| entry.method == "PUT") {
        std::thread::sleep(Duration::from_millis(20));
    }
    emulator.advance(3 * HOUR);
    let run = running.wait(crate::sandbox::COMMAND_TIMEOUT);
    assert_eq!(run.code, Some(0), "{run}");
    let refused = to_arm(&emulator)
        .iter()
        .filter(|entry| entry.status == Some(401))
        .count();
    assert_eq!(refused, 1, "one refusal, one fresh token");
    assert_eq!(
        to_arm(&emulator).iter().filter(|entry| entry.method == "PUT").count(),
        1
    );
}

#[test]
fn a_write_whose_token_is_refused_is_repeated_once() {
    let (emulator, sandbox) = world(options(), &[]);
    let fault = |times: &str| {
        let text = format!(
            r#"[{{"match": {{"method": "PUT"}}, {times} "action": {{"respond": {{"status": 401, "body": {{"error": {{"code": "ExpiredAuthenticationToken", "message": "expired"}}}}}}}}}}]"#
        );
        emulator.set_faults(serde_json::from_str::<Vec<Fault>>(&text).unwrap());
    };
    configure(&sandbox, "");
    fault("");
    let run = sandbox.fails(&["apply", "-auto-approve"]);
    run.says("ExpiredAuthenticationToken").says("nor a fresh one");
    assert_eq!(
        to_arm(&emulator).iter().filter(|entry| entry.method == "PUT").count(),
        2
    );
    fault(r#""times": 1,"#);
    sandbox.ok(&["apply", "-auto-approve"]);
    emulator.set_faults(Vec::new());
    sandbox.plan_is_empty();
}
