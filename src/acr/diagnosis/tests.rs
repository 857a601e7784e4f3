//! Golden sentences: what a user reads for each situation.

use super::*;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_900_000_000 + seconds)
}

fn found(state: &str, count: i64) -> Sight {
    Sight::Found {
        state: Some(state.into()),
        count: Some(count),
    }
}

/// A pool with nothing on it, asked about at second 0.
fn idle(state: &str, count: i64) -> Situation {
    Situation {
        name: "builds".into(),
        pool: found(state, count),
        queued: Some(0),
        active: Some(Vec::new()),
        blocked: Vec::new(),
        quota: None,
        run: None,
        now: at(0),
    }
}

/// A run queued so many seconds ago.
fn queued(id: &str, ago: i64) -> ActiveRun {
    ActiveRun {
        id: id.into(),
        queued: true,
        created: Some(at(-ago)),
    }
}

fn running(id: &str) -> ActiveRun {
    ActiveRun {
        queued: false,
        ..queued(id, 60)
    }
}

/// The pool with these runs on it; the first is asked about if `asks`.
fn with(state: &str, count: i64, active: Vec<ActiveRun>, asks: bool) -> Situation {
    Situation {
        queued: Some(super::count(active.iter().filter(|run| run.queued).count())),
        run: asks.then(|| active[0].clone()),
        active: Some(active),
        ..idle(state, count)
    }
}

fn blocked(situation: Situation) -> Situation {
    Situation {
        blocked: vec!["Storage on port 443".into(), "EventHub on port 443".into()],
        ..situation
    }
}

fn limited(used: i64, declared: bool, situation: Situation) -> Situation {
    let quota = Quota {
        kind: "standard",
        used,
        granted: 16,
        declared,
        per_machine: 4,
    };
    Situation {
        quota: Some(quota),
        ..situation
    }
}

const NETWORK: &str = "The pool's network blocks what its machines need: Storage on port 443, EventHub on port 443. Open it; data.acr_subnet_readiness has the rule that blocks and the one that mends it.";
const ZERO: &str = "The pool has no machine (instance_count is 0), so that runs stay queued. Raise instance_count.";
const FAILED: &str = "Azure reports the pool as Failed and gives no reason. It cannot be mended or scaled, only replaced; before that, look for a change in its subnet's network security group or routes, which is the usual cause.";
const CREATING: &str =
    "Azure is changing the pool (Creating), which takes 4 to 14 minutes as a rule. Wait until it is done.";
const UPDATING: &str =
    "Azure is changing the pool (Updating), which takes 4 to 14 minutes as a rule. Wait until it is done.";
const QUOTA: &str = "16 of the registry's documented 16 standard vCPU are in use, so that the pool cannot have another machine. Take machines from another pool, or ask Azure support to raise the quota.";
const LONG: &str = " although a machine is free, and nothing that can be read explains it. A pool whose machines cannot reach what they need looks like this: compare its network and firewall with the required rules; if they are right, replace the pool or ask Azure support.";

#[test]
fn sentences() {
    let two_wait = || vec![queued("cf3", 30), queued("cf2", 40), running("cf1")];
    let long = |who: &str, waited: &str| format!("{who} has been queued for {waited}{LONG}");
    let cases: Vec<(&str, Situation, &str, bool, Vec<String>)> = vec![
        ("idle", idle("Succeeded", 1), "ready", true, vec![]),
        ("zero", idle("Succeeded", 0), "scaled_to_zero", true, vec![ZERO.into()]),
        ("creating", idle("Creating", 1), "provisioning", true, vec![CREATING.into()]),
        ("to zero", idle("Updating", 0), "provisioning", true, vec![ZERO.into(), UPDATING.into()]),
        ("failed", idle("Failed", 0), "failed", false, vec![FAILED.into()]),
        (
            "canceled",
            idle("Canceled", 1),
            "failed",
            false,
            vec!["Azure reports the last operation on the pool as Canceled, and whether the pool can be used is not known. Replace the pool if its runs stay queued.".into()],
        ),
        (
            "deleting",
            idle("Deleting", 2),
            "provisioning",
            false,
            vec!["Azure is deleting the pool. What is queued on it is lost; create the pool anew when it is gone.".into()],
        ),
        (
            "missing",
            Situation { pool: Sight::Missing, ..idle("", 0) },
            "failed",
            false,
            vec!["The registry has no agent pool \"builds\": what is scheduled on it waits for ever. Create the pool, or name one that exists.".into()],
        ),
        ("unread", Situation { pool: Sight::Unread, ..idle("", 0) }, "ready", true, vec![]),
        ("blocked and idle", blocked(idle("Succeeded", 1)), "stalled", false, vec![NETWORK.into()]),
        ("blocked at zero", blocked(idle("Succeeded", 0)), "scaled_to_zero", true, vec![ZERO.into()]),
        ("blocked and failed", blocked(idle("Failed", 1)), "failed", false, vec![FAILED.into(), NETWORK.into()]),
        (
            "a run runs, so the network is no reason",
            blocked(with("Succeeded", 2, vec![running("cf1")], false)),
            "ready",
            true,
            vec![],
        ),
        ("no room at zero", limited(16, false, idle("Succeeded", 0)), "scaled_to_zero", true, vec![ZERO.into(), QUOTA.into()]),
        ("room at zero", limited(12, false, idle("Succeeded", 0)), "scaled_to_zero", true, vec![ZERO.into()]),
        ("raised by support", limited(20, false, idle("Succeeded", 0)), "scaled_to_zero", true, vec![ZERO.into()]),
        (
            "more in use than declared",
            limited(20, true, idle("Succeeded", 0)),
            "scaled_to_zero",
            true,
            vec![
                ZERO.into(),
                "20 of the registry's declared 16 standard vCPU are in use, so that the pool cannot have another machine. Take machines from another pool, or ask Azure support to raise the quota.".into(),
            ],
        ),
        ("no room and no need", limited(16, false, idle("Succeeded", 1)), "ready", true, vec![]),
        (
            "busy",
            with("Succeeded", 1, two_wait(), false),
            "ready",
            true,
            vec!["The pool's only machine is busy: 1 run is running and 2 are waiting. Wait, or raise instance_count.".into()],
        ),
        (
            "busy, one asks, and no room",
            limited(16, false, with("Succeeded", 1, two_wait(), true)),
            "ready",
            true,
            vec![
                QUOTA.into(),
                "The pool's only machine is busy: 1 run is running and this one is number 2 of 2 in the queue. Wait, or raise instance_count.".into(),
            ],
        ),
        (
            "the free machine is the other's",
            with("Succeeded", 2, two_wait(), true),
            "ready",
            true,
            vec!["The runs before it take the pool's free machines: 1 run is running and this one is number 2 of 2 in the queue. Wait, or raise instance_count.".into()],
        ),
        ("full and nobody waits", with("Succeeded", 1, vec![running("cf1")], false), "ready", true, vec![]),
        (
            "just queued",
            with("Succeeded", 1, vec![queued("cf1", 42)], true),
            "ready",
            true,
            vec!["Nothing is known to keep the run from starting; it has waited for 42 seconds. More than 5 minutes beside a free machine would be strange.".into()],
        ),
        ("just queued, nobody asks", with("Succeeded", 1, vec![queued("cf1", 299)], false), "ready", true, vec![]),
        ("old", with("Succeeded", 1, vec![queued("cf1", 300)], true), "stalled", false, vec![long("The run", "5 minutes")]),
        (
            "very old, nobody asks, another runs",
            with("Succeeded", 2, vec![queued("cf1", 7_300), running("cf2")], false),
            "stalled",
            false,
            vec![long("A run", "2 hours")],
        ),
        (
            "old on a blocked network",
            blocked(with("Succeeded", 1, vec![queued("cf1", 900)], true)),
            "stalled",
            false,
            vec![NETWORK.into()],
        ),
        (
            "old at zero",
            with("Succeeded", 0, vec![queued("cf1", 900)], true),
            "scaled_to_zero",
            true,
            vec![ZERO.into()],
        ),
        (
            "runs cannot be listed",
            Situation { active: None, queued: Some(4), ..idle("Succeeded", 1) },
            "ready",
            true,
            vec![],
        ),
    ];
    for (name, situation, health, accepting, reasons) in cases {
        let diagnosis = diagnose(&situation);
        let texts: Vec<String> = diagnosis.reasons.iter().map(Reason::text).collect();
        assert_eq!(texts, reasons, "{name}");
        assert_eq!(
            (diagnosis.health.as_str(), diagnosis.accepting_runs),
            (health, accepting),
            "{name}"
        );
    }
}

#[test]
fn the_oldest_wait_is_the_longest_of_those_that_wait() {
    let oldest = |active| diagnose(&with("Succeeded", 1, active, false)).oldest_queued;
    assert_eq!(oldest(vec![running("cf1")]), None);
    assert_eq!(
        oldest(vec![queued("cf3", 5), queued("cf2", 70), running("cf1")]),
        Some(Duration::from_secs(70))
    );
    // A clock that is behind the service's.
    assert_eq!(oldest(vec![queued("cf1", -3)]), None);
}

#[test]
fn runs_as_the_service_writes_them() {
    let run = Run {
        run_id: "cf1".into(),
        status: "Queued".into(),
        create_time: Some("2026-06-26T23:15:10.7005898+00:00".into()),
        ..Run::default()
    };
    let active = ActiveRun::from(&run);
    assert!(active.queued && active.created.is_some_and(|it| it.nanosecond() == 700_589_800));
    let shouted = Run {
        status: "QUEUED".into(),
        ..run.clone()
    };
    assert!(ActiveRun::from(&shouted).queued);
    let started = Run {
        status: "Started".into(),
        create_time: Some("yesterday".into()),
        ..run
    };
    assert_eq!(
        ActiveRun::from(&started),
        ActiveRun {
            id: "cf1".into(),
            queued: false,
            created: None
        }
    );
}
