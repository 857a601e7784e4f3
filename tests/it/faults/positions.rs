//! Every fault at every position.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::life::{Outcome, READ_TIMEOUT, live};

/// The name of a refused token.
const EXPIRED: &str = "401";

/// Lives at once: they mostly wait.
const AT_ONCE: usize = 16;

/// Each fault, by name. `retried`: the provider mends it alone, so that the user sees no error at all.
fn faults() -> Vec<(&'static str, bool, Value)> {
    let answer = |status: u16, headers: Value, applied: bool| {
        let body = json!({"error": {"code": format!("Injected{status}"), "message": "on purpose"}});
        json!({"applied": applied, "action": {"respond": {"status": status, "headers": headers, "body": body}}})
    };
    let stall = READ_TIMEOUT.as_secs_f64() + 0.5;
    vec![
        (
            "429 with Retry-After",
            true,
            answer(429, json!({"Retry-After": "1"}), false),
        ),
        ("429", true, answer(429, json!({}), false)),
        ("500", true, answer(500, json!({}), false)),
        ("500 after it took effect", true, answer(500, json!({}), true)),
        ("503", true, answer(503, json!({}), false)),
        ("503 after it took effect", true, answer(503, json!({}), true)),
        ("reset", true, json!({"action": {"reset": true}})),
        (
            "reset after it took effect",
            true,
            json!({"applied": true, "action": {"reset": true}}),
        ),
        ("truncated body", true, json!({"action": {"truncate": true}})),
        ("stall", true, json!({"action": {"stall_seconds": stall}})),
        (
            "stall after it took effect",
            true,
            json!({"applied": true, "action": {"stall_seconds": stall}}),
        ),
        (
            "503 three times",
            true,
            with(answer(503, json!({}), false), "times", json!(3)),
        ),
        (EXPIRED, true, answer(401, json!({}), false)),
        // What is not repeated: the user is told, once, and goes on.
        ("a proxy's page", false, page(403)),
        ("a proxy's page for what is not found", false, page(404)),
        ("a portal's page as success", false, page(200)),
        ("a refusal", false, answer(409, json!({}), false)),
    ]
}

fn page(status: u16) -> Value {
    json!({"action": {"respond": {"status": status, "body": "<html><title>Sign in</title></html>"}}})
}

fn with(mut fault: Value, member: &str, value: Value) -> Value {
    fault[member] = value;
    fault
}

fn at(position: usize, fault: &Value) -> Value {
    let times = fault.get("times").cloned().unwrap_or(json!(1));
    let fault = with(fault.clone(), "times", times);
    with(fault, "match", json!({ "skip": position }))
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let short = |path: &str| path.rsplit("/providers/").next().unwrap_or_default().to_owned();
    let line = |entry: &terraform_provider_acr::emulator::JournalEntry| {
        format!("{} {} {:?}", entry.method, short(&entry.path), entry.status)
    };
    outcome.requests.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_at_every_position_ends_the_same() {
    let clean = live(None).await;
    assert!(clean.errors.is_empty() && clean.wrong.is_empty(), "{clean:#?}");
    let positions = clean.requests.len();
    println!(
        "a clean life is {positions} requests:\n  {}",
        lines(&clean).join("\n  ")
    );
    let mut cases: Vec<(String, bool, Value)> = Vec::new();
    for position in 0..positions {
        for (name, retried, fault) in faults() {
            // To the request for a token itself there is no fresher token.
            let retried = retried && (position, name) != (0, EXPIRED);
            cases.push((
                format!("{name} at request {}", position + 1),
                retried,
                at(position, &fault),
            ));
        }
    }
    let (total, mut failures, mut told) = (cases.len(), Vec::new(), 0);
    let (mut running, mut waiting) = (JoinSet::new(), cases.into_iter());
    loop {
        while running.len() < AT_ONCE
            && let Some((name, retried, fault)) = waiting.next()
        {
            running.spawn(async move { (name, retried, live(Some(fault)).await) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (name, retried, outcome) = ended.unwrap();
        told += usize::from(!outcome.errors.is_empty());
        let surprised = retried && !outcome.errors.is_empty();
        if !outcome.wrong.is_empty() || surprised {
            let requests = lines(&outcome).join("\n    ");
            failures.push(format!(
                "{name}: {:#?}\n  errors {:#?}\n    {requests}",
                outcome.wrong, outcome.errors
            ));
        }
    }
    println!("{total} lives, {told} of them with an error that the next step mended");
    assert!(
        failures.is_empty(),
        "{} of {total}:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}
