//! The pure decisions: what is said of an end, which runs may be ours, what the state keeps.

mod earlier;

use serde_json::json;
use time::macros::datetime;

use super::{
    desk::Desk,
    ended::{Cancelled, Unseen, finished, unseen},
    model::{duration_seconds, log_tail, options, planned_log},
    schema::create_limit,
    waiting::{is_hopeless, is_usual},
    *,
};
use crate::{
    acr::diagnosis::{ActiveRun, Cause, Diagnosis, Health, Reason, Sight, Situation, diagnose},
    azure::Error,
    framework::{Field, Severity, timeouts::Timeouts},
    provider::why_queued::{Explained, Observed},
};

const REGISTRY: &str = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds";

fn subject() -> RunSubject {
    RunSubject {
        registry: REGISTRY.parse().unwrap(),
        pool: None,
        system_identity: false,
        user_identity: false,
        identity_attribute: "task_id",
    }
}

fn usual() -> Options {
    options(&Field::Null, &Field::Null, &Field::Null, &Field::Null, &Field::Null)
}

fn record(run: serde_json::Value, tail: &[&str]) -> Record {
    let run: Run = serde_json::from_value(run).unwrap();
    Record {
        id: RunId::new(REGISTRY.parse().unwrap(), &run.run_id),
        run,
        log: Log {
            tail: tail.iter().map(|line| (*line).to_owned()).collect(),
            ..Log::default()
        },
    }
}

/// Severity, summary and detail of each diagnostic.
fn told(options: &Options, record: &Record) -> String {
    let subject = subject();
    let order = Order {
        what: "task \"nightly\"",
        subject: &subject,
        options,
        attribute: Some("task_id"),
    };
    let all = finished(&order, record).0;
    let all = all.into_iter();
    all.map(|it| format!("{:?}: {}\n{}", it.severity, it.summary, it.detail))
        .collect()
}

#[test]
fn a_failure_has_its_run_its_cause_and_its_logs_end() {
    let run = json!({"runId": "cf7", "status": "Failed", "startTime": "2026-11-02T08:00:00Z",
        "runErrorMessage": "failed during run, err: exit status 1"});
    assert_eq!(
        told(&usual(), &record(run.clone(), &["step 1", "", "boom"])),
        "Error: Running task \"nightly\"
Run \"cf7\" (registry \"builds\", resource group \"rg\") ended as Failed: failed during run, err: exit status 1.

The last 3 lines of its log:

  step 1

  boom

The whole log: az acr task logs --registry builds --run-id cf7

The run is kept in the state as tainted: the next apply runs again."
    );
    let lenient = Options {
        fail_on: vec!["Error".into()],
        ..usual()
    };
    let mild = told(&lenient, &record(run, &[]));
    assert!(
        mild.starts_with("Warning: ") && mild.ends_with("Failed is not in fail_on, so that the apply goes on."),
        "{mild}"
    );
}

#[test]
fn ends_without_a_reason_are_told_by_their_status() {
    for (status, said) in [
        ("Timeout", "ended as Timeout: it took longer than it may"),
        (
            "Canceled",
            "ended as Canceled: somebody cancelled it. It never started.",
        ),
        ("Error", "ended as Error, and Azure gives no reason. It never started."),
    ] {
        let text = told(&usual(), &record(json!({"runId": "cf7", "status": status}), &[]));
        assert!(text.starts_with("Error: ") && text.contains(said), "{text}");
    }
}

#[test]
fn a_success_is_silent_but_for_a_log_that_is_not_all_there() {
    let mut good = record(json!({"runId": "cf7", "status": "Succeeded"}), &["done"]);
    assert_eq!(told(&usual(), &good), "");
    good.log.warning = Some("the log of run \"cf7\" cannot be read: no".into());
    assert_eq!(
        told(&usual(), &good),
        "Warning: The log of run \"cf7\" (registry \"builds\", resource group \"rg\") is not all there
The log of run \"cf7\" cannot be read: no. The run itself has succeeded."
    );
}

#[test]
fn whoever_stops_waiting_learns_what_goes_on() {
    let subject = subject();
    let options = usual();
    let order = Order {
        what: "task \"nightly\"",
        subject: &subject,
        options: &options,
        attribute: None,
    };
    let interrupted = Unseen::Lost(Error::Cancelled {
        last: None,
        in_flight: false,
    });
    let queued = record(json!({"runId": "cf7", "status": "Queued"}), &[]);
    let refused = Cancelled::Refused(Error::InvalidRequest("not on pools".into()));
    let said = unseen(&order, &queued, &interrupted, &refused, Some("Why it is queued: zero.")).detail;
    for part in [
        "Why it is queued: zero.",
        "Run \"cf7\" (registry \"builds\", resource group \"rg\") goes on, last seen as Queued: it could not be cancelled (",
        "not on pools",
        "az acr task cancel-run --registry builds --run-id cf7",
        "tainted",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let ended = record(json!({"runId": "cf7", "status": "Canceled"}), &[]);
    let said = unseen(&order, &ended, &Unseen::Hopeless, &Cancelled::Ended, None).detail;
    assert!(said.contains("was cancelled: it ended as Canceled."), "{said}");
}

/// What is known of a pool of one machine, of the runs on it, and of the run that waits.
fn explained(state: Option<&str>, active: Option<&[&str]>) -> Explained {
    let run = |status: &&str| -> Run {
        serde_json::from_value(json!({"runId": format!("cf-{status}"), "status": status})).unwrap()
    };
    let active: Option<Vec<Run>> = active.map(|active| active.iter().map(run).collect());
    let pool = |state: &str| {
        serde_json::from_value(
            json!({"id": "p01", "name": "p01", "location": "westeurope", "properties": {"provisioningState": state, "count": 1}}),
        )
    };
    let gone = || Error::InvalidRequest("not to be read".into());
    let diagnosis = diagnose(&Situation {
        name: "p01".into(),
        pool: match state {
            Some(state) => Sight::Found {
                state: Some(state.into()),
                count: Some(1),
            },
            None => Sight::Missing,
        },
        queued: Some(1),
        active: active
            .as_ref()
            .map(|active| active.iter().map(ActiveRun::from).collect()),
        blocked: Vec::new(),
        quota: None,
        run: None,
        now: datetime!(2026-11-24 10:00:00 UTC),
    });
    Explained {
        observed: Observed {
            pool: state.map_or_else(|| Err(gone()), |state| Ok(pool(state).unwrap())),
            queued: Ok(1),
            active: active.ok_or_else(gone),
        },
        diagnosis,
        unread: Vec::new(),
    }
}

#[test]
fn only_a_pool_that_is_lost_is_hopeless() {
    for (state, active, hopeless) in [
        (Some("Failed"), Some(&["Queued"][..]), true),
        // What runs on it shows that it has machines that take runs.
        (Some("Failed"), Some(&["Running", "Queued"][..]), false),
        (Some("Failed"), None, false),
        // Its last operation was given up, and it may be well.
        (Some("Canceled"), Some(&["Queued"][..]), false),
        (Some("Canceled"), Some(&["Running", "Queued"][..]), false),
        (Some("Deleting"), Some(&["Running", "Queued"][..]), true),
        (None, None, true),
        (Some("Succeeded"), Some(&["Queued"][..]), false),
        (Some("Updating"), Some(&["Queued"][..]), false),
    ] {
        assert_eq!(is_hopeless(&explained(state, active)), hopeless, "{state:?} {active:?}");
    }
}

#[test]
fn what_passes_by_itself_is_usual() {
    for (cause, usual) in [
        (Cause::Failed, false),
        (Cause::PoolMissing, false),
        (Cause::Deleting, false),
        (Cause::ScaledToZero, false),
        (Cause::NetworkBlocked, false),
        (Cause::Unexplained, false),
        (Cause::AllBusy, true),
        (Cause::JustQueued, true),
        (Cause::Provisioning, true),
    ] {
        let diagnosis = Diagnosis {
            health: Health::Ready,
            reasons: vec![Reason {
                cause,
                explanation: String::new(),
                remedy: String::new(),
            }],
            accepting_runs: true,
            oldest_queued: None,
        };
        assert_eq!(is_usual(&diagnosis), usual, "{cause:?}");
    }
}

#[test]
fn options_have_defaults() {
    let usual = usual();
    assert!(usual.wait && usual.cancel_on_interrupt && usual.scale.is_none());
    assert_eq!((usual.log_tail_lines, usual.fail_on.len()), (50, 4));
    let scale = Field::Known(ScaleModel {
        instances: Field::Known(2),
        restore: Field::Known(true),
    });
    let given = options(
        &Field::Known(false),
        &Field::Null,
        &Field::Null,
        &Field::Known(0),
        &scale,
    );
    let scale = Some(Scale {
        instances: 2,
        restore: true,
    });
    assert_eq!((given.wait, given.log_tail_lines, given.scale), (false, 0, scale));
}

#[test]
fn a_log_is_stored_only_where_it_is_asked_for() {
    let lines = ["a".to_owned(), "b".to_owned()];
    assert_eq!(log_tail(&Field::Known(true), &lines), Field::Known("a\nb".into()));
    assert_eq!(log_tail(&Field::Known(false), &lines), Field::Null);
    let stored = Field::Known("a".to_owned());
    for (store, prior, planned) in [
        (Field::Known(true), None, Field::Unknown),
        (Field::Known(false), None, Field::Null),
        (Field::Unknown, None, Field::Unknown),
        (Field::Known(true), Some(&stored), stored.clone()),
        (Field::Known(false), Some(&stored), Field::Null),
        (Field::Unknown, Some(&stored), Field::Unknown),
        (Field::Known(true), Some(&Field::Null), Field::Null),
        (Field::Unknown, Some(&Field::Null), Field::Null),
    ] {
        assert_eq!(planned_log(&store, prior), planned, "{store:?} {prior:?}");
    }
}

#[test]
fn a_duration_needs_both_ends() {
    let run = |start: Option<&str>, finish: Option<&str>| Run {
        start_time: start.map(str::to_owned),
        finish_time: finish.map(str::to_owned),
        ..Run::default()
    };
    let (start, finish) = (
        Some("2026-11-24T10:00:00.25+00:00"),
        Some("2026-11-24T10:01:10.5+00:00"),
    );
    assert_eq!(duration_seconds(&run(start, finish)), Field::Known(70));
    assert_eq!(duration_seconds(&run(start, None)), Field::Null);
    assert_eq!(duration_seconds(&run(None, finish)), Field::Null);
}

#[test]
fn the_last_of_those_who_hold_a_pool_puts_it_back() {
    let (desk, pool) = (Desk::default(), format!("{REGISTRY}/agentPools/p01").parse().unwrap());
    let (first, second) = (desk.hold(&pool), desk.hold(&pool));
    assert!(first.release().is_none());
    let third = desk.hold(&pool);
    assert!(second.release().is_none());
    let held = third.release().expect("the third is the last");
    assert!(!held.is_claimed());
    let _fourth = desk.hold(&pool);
    assert!(held.is_claimed());
    let run = RunId::new(REGISTRY.parse().unwrap(), "cf1");
    assert!(!desk.knows(&run));
    desk.is_known(&run);
    assert!(
        desk.knows(&RunId::new(
            REGISTRY
                .to_uppercase()
                .replace("/SUBSCRIPTIONS", "/subscriptions")
                .parse()
                .unwrap(),
            "cf1"
        ))
    );
}

#[test]
fn severities_follow_fail_on() {
    let subject = subject();
    let options = usual();
    let order = Order {
        what: "x",
        subject: &subject,
        options: &options,
        attribute: None,
    };
    for (status, severity) in [
        ("Failed", Some(Severity::Error)),
        ("succeeded", None),
        ("TIMEOUT", Some(Severity::Error)),
    ] {
        let said = finished(&order, &record(json!({"runId": "cf1", "status": status}), &[]));
        assert_eq!(said.0.first().map(|it| it.severity), severity, "{status}");
    }
}

#[test]
fn a_run_that_may_take_long_is_waited_for_that_long() {
    let minutes = |limit: std::time::Duration| limit.as_secs() / 60;
    let timeouts = |create: Field<String>| {
        Field::Known(Timeouts {
            create,
            ..Timeouts::default()
        })
    };
    for (given, run, limit) in [
        (Field::Null, None, 90),
        (Field::Null, Some(3_600), 90),
        (Field::Null, Some(28_800), 510),
        (timeouts(Field::Null), Some(28_800), 510),
        (timeouts(Field::Known("2h".into())), Some(28_800), 120),
    ] {
        assert_eq!(minutes(create_limit(&given, run)), limit, "{given:?} {run:?}");
    }
}
