//! Every fault at every position.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::JournalEntry;
use tokio::task::JoinSet;

use super::life::{Outcome, READ_TIMEOUT, live};

/// What the paths of looks at operations contain.
const LOOKS: [&str; 2] = ["/operationStatuses/", "/agentPoolsOperationResults/"];

/// The name of a refused token.
pub(super) const EXPIRED: &str = "401";

/// Lives at once: they mostly wait.
pub(super) const AT_ONCE: usize = 32;

/// One fault at one request.
struct Case {
    name: String,
    /// The provider mends it alone.
    retried: bool,
    /// The request is certainly made.
    certain: bool,
    fault: Value,
}

/// Each fault, by name. `retried`: the provider mends it alone, so that the user sees no error at all.
pub(super) fn faults() -> Vec<(&'static str, bool, Value)> {
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

/// The fault at the request that is the `index`th of a clean life: not the `index`th of any, because how often a running
/// operation is looked at differs from life to life.
pub(super) fn at(clean: &[JournalEntry], index: usize, fault: &Value) -> Value {
    let times = fault.get("times").cloned().unwrap_or(json!(1));
    let fault = with(fault.clone(), "times", times);
    let wanted = &clean[index];
    let same = |entry: &&JournalEntry| entry.method == wanted.method && kind(&entry.path) == kind(&wanted.path);
    let skip = clean[..index].iter().filter(same).count();
    let (member, part) = kind(&wanted.path);
    with(
        fault,
        "match",
        json!({"method": wanted.method, "skip": skip, member: part}),
    )
}

/// What a request is to: the path's end, or for the looks at an operation what its path contains.
fn kind(path: &str) -> (&'static str, String) {
    for looks in LOOKS {
        if path.contains(looks) {
            return ("path_contains", looks.to_owned());
        }
    }
    let end: Vec<&str> = path.rsplit('/').take(2).collect();
    ("path_ends", format!("/{}/{}", end[1], end[0]))
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let short = |path: &str| path.rsplit("/providers/").next().unwrap_or_default().to_owned();
    let line = |entry: &JournalEntry| format!("{} {} {:?}", entry.method, short(&entry.path), entry.status);
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
    let mut cases = Vec::new();
    for position in 0..positions {
        for (name, retried, fault) in faults() {
            // To the request for a token itself there is no fresher token.
            let retried = retried && (position, name) != (0, EXPIRED);
            // One look less is no news; every other request is made in each life.
            let certain = !LOOKS.iter().any(|looks| clean.requests[position].path.contains(looks));
            let case = Case {
                name: format!("{name} at request {}", position + 1),
                retried,
                certain,
                fault: at(&clean.requests, position, &fault),
            };
            cases.push(case);
        }
    }
    let (total, mut failures, mut told) = (cases.len(), Vec::new(), 0);
    let (mut running, mut waiting) = (JoinSet::new(), cases.into_iter());
    loop {
        while running.len() < AT_ONCE
            && let Some(case) = waiting.next()
        {
            running.spawn(async move { (live(Some(case.fault.clone())).await, case) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (outcome, case) = ended.unwrap();
        told += usize::from(!outcome.errors.is_empty());
        let surprised = case.retried && !outcome.errors.is_empty();
        let missed = case.certain && outcome.fired == 0;
        if !outcome.wrong.is_empty() || surprised || missed {
            let requests = lines(&outcome).join("\n    ");
            failures.push(format!(
                "{}, which struck {} times: {:#?}\n  errors {:#?}\n    {requests}",
                case.name, outcome.fired, outcome.wrong, outcome.errors
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
