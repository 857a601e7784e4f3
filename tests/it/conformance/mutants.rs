//! The judge on trial: an honest provider breaks no rule, and each mutant breaks the rule that it is named after.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use terraform_provider_acr::protocol::wire::{provider_client::ProviderClient, provider_server::ProviderServer};

use super::{
    core::{Core, in_memory},
    json::unknown,
    rules::{Violation, plan::Action},
    thing::{TYPE, Thing, UNLUCKY_SIZE},
};

/// Every rule id of the harness that an answer or a driver can break, or that is said not to be breakable.
const RULES: [&str; 40] = [
    "S1", "U1", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9",
    "P10", "P11", "P12", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "I1", "I2", "I3", "I4", "I5", "D1", "D2", "DIAG",
    "LEGACY", "DEFER", "RPC",
];

/// Rules that no answer can break, and why that is so.
const NOT_IN_ANSWERS: [(&str, &str); 4] = [
    (
        "R8",
        "says what a read is not given: the request has no field for a configuration",
    ),
    (
        "P9",
        "sensitivity comes from the schema, and a plan has no field for it",
    ),
    (
        "P12",
        "a planned state beside an error is ignored: `errors_beside_a_plan_are_all_that_counts` shows it",
    ),
    (
        "D1",
        "is about when Core asks: `data_sources_are_read_when_all_is_known` shows that the driver is held to it",
    ),
];

/// Wrong answers by the rule that they break, which is the part before the dash.
pub const MUTANTS: [&str; 65] = [
    "S1",
    "S1-nothing",
    "U1",
    "U1-unknown",
    "U1-refresh",
    "U1-shape",
    "U1-token",
    "U1-identity",
    "R1",
    "R1-shape",
    "R1-token",
    "R2",
    "R3",
    "R4",
    "R5",
    "R6",
    "R6-identity",
    "R7",
    "R7-other",
    "P1",
    "P1-block",
    "P1-destroy",
    "P2",
    "P3",
    "P3-null",
    "P4",
    "P4-default",
    "P4-prior",
    "P5",
    "P5-null",
    "P6",
    "P7",
    "P7-copy",
    "P8",
    "P8-other",
    "P10",
    "P11",
    "A1",
    "A1-delete",
    "A2",
    "A3",
    "A4",
    "A4-case",
    "A5",
    "A6",
    "A7",
    "I1",
    "I1-type",
    "I1-none",
    "I2",
    "I2-unknown",
    "I3",
    "I4",
    "I5",
    "D2",
    "D2-config",
    "D2-unknown",
    "DIAG",
    "DIAG-stop",
    "DIAG-empty",
    "DIAG-path",
    "DIAG-secret",
    "LEGACY",
    "DEFER",
    "RPC",
];

/// The value that no diagnostic may tell.
const SECRET: &str = "open-sesame";

/// A configuration with one of everything.
pub fn full_config(size: Json) -> Json {
    json!({
        "name": "alpha",
        "size": size,
        "labels": ["b", "a"],
        "tags": {"k": "v"},
        "token": SECRET,
        "token_version": 1,
        "rule": [{"port": 1, "note": "first"}, {"port": 2}],
        "timeouts": {"create": "30m"},
    })
}

/// One life of a thing, from creation with an unknown value to destruction, with import and data source.
async fn life(thing: Thing, by_identity: bool) -> Vec<Violation> {
    let mut core = Core::connect(in_memory(thing).await, json!({})).await;
    core.keep_secret(SECRET);
    let mut object = core.resource(TYPE);
    object
        .apply_after(full_config(unknown()), full_config(json!("0.30")))
        .await;
    // As an older provider left it.
    let identity = object.stored().as_mut().and_then(|stored| stored.identity.as_mut());
    if let Some(identity) = identity {
        (identity.json, identity.schema_version) = (r#"{"name":"alpha"}"#.to_owned(), 0);
    }
    object.plan(full_config(json!("0.3"))).await;
    let mut updated = full_config(json!(5));
    updated["tier"] = unknown();
    let mut settled = full_config(json!(5));
    settled["tier"] = json!("large");
    object.apply_after(updated, settled).await;
    object.apply(json!({"name": "alpha"})).await;
    object.plan(json!({"name": "alpha"})).await;
    let identity = by_identity.then(|| json!({"id": "thing-alpha"}));
    // A mutant may refuse the import; what it broke by that is on the list.
    let _ = core.import_forms(TYPE, &["thing-alpha", "THING-ALPHA"], identity).await;
    object
        .apply(json!({"name": "beta", "timeouts": {"delete": "1m"}}))
        .await;
    object.refresh().await;
    core.data(TYPE, json!({"name": "alpha"})).await;
    object.destroy().await;
    core.violations()
}

fn rule_of(mutant: &str) -> &str {
    mutant.split('-').next().unwrap()
}

#[tokio::test]
async fn the_honest_provider_breaks_no_rule() {
    for (thing, by_identity) in [(Thing::honest(), true), (Thing::honest().without_identity(), false)] {
        let violations = life(thing, by_identity).await;
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

#[tokio::test]
async fn the_driver_acts_as_core_does() {
    let core = Core::connect(in_memory(Thing::honest()).await, json!({})).await;
    let mut object = core.resource(TYPE);
    let created = object.apply(full_config(json!(1))).await;
    assert_eq!(created.action, Action::Create);
    assert_eq!(created.state.get("id").text(), Some("thing-alpha"));
    assert!(created.state.get("token").is_null(), "write-only values are not stored");
    assert_eq!(object.plan(full_config(json!(1))).await.action, Action::NoOp);
    assert_eq!(object.apply(full_config(json!(2))).await.action, Action::Update);
    let replaced = object.plan(json!({"name": "beta"})).await;
    assert_eq!(
        (replaced.action, replaced.replaces),
        (Action::Replace, vec![".name".to_owned()])
    );
    assert!(
        replaced.planned.get("id").is_unknown(),
        "the plan of a replacement is a plan of a creation"
    );
    let applied = object.apply(json!({"name": "beta"})).await;
    assert_eq!(
        (applied.action, applied.state.get("id").text()),
        (Action::Replace, Some("thing-beta"))
    );
    let applied = object.apply_create_before_destroy(json!({"name": "gamma"})).await;
    assert_eq!(
        (applied.action, applied.state.get("id").text()),
        (Action::Replace, Some("thing-gamma"))
    );
    let destroyed = object.destroy().await;
    assert_eq!((destroyed.action, destroyed.state.is_null()), (Action::Delete, true));
    core.expect_clean();
}

#[tokio::test]
async fn a_creation_that_fails_half_way_is_tainted_and_then_replaced() {
    let core = Core::connect(in_memory(Thing::honest()).await, json!({})).await;
    let mut object = core.resource(TYPE);
    let config = |size: i64| json!({"name": "alpha", "size": size});
    let failed = object.apply(config(UNLUCKY_SIZE)).await;
    assert_eq!(failed.errors(), ["Making the thing: It was made, and broke."]);
    assert!(
        failed.tainted && failed.state.get("id").text() == Some("thing-alpha"),
        "{failed:?}"
    );
    assert_eq!(object.plan(config(1)).await.action, Action::Replace);
    let mended = object.apply(config(1)).await;
    assert_eq!(
        (mended.action, mended.tainted, mended.errors().len()),
        (Action::Replace, false, 0)
    );
    let updated = object.apply(config(UNLUCKY_SIZE)).await;
    assert!(!updated.tainted && updated.errors().len() == 1, "only creations taint");
    core.expect_clean();
}

#[tokio::test]
async fn what_happens_outside_is_drift_when_the_test_says_so_and_a_fault_when_not() {
    for told in [true, false] {
        let mut core = Core::connect(in_memory(Thing::honest()).await, json!({})).await;
        let mut object = core.resource(TYPE);
        object.apply(json!({"name": "alpha"})).await;
        let mut other = core.import(TYPE, "thing-alpha").await.unwrap();
        other.destroy().await;
        if told {
            object.changed_outside();
        }
        assert!(object.refresh().await.gone);
        let rules: Vec<_> = core.violations().iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, if told { vec![] } else { vec!["R2"] });
    }
}

#[tokio::test]
async fn any_transport_will_do() {
    let service = ProviderServer::new(Thing::honest());
    let core = Core::connect(ProviderClient::new(service), json!({})).await;
    assert_eq!(
        core.resource(TYPE).apply(full_config(json!(1))).await.action,
        Action::Create
    );
    core.expect_clean();
}

#[tokio::test]
async fn each_mutant_breaks_the_rule_that_it_is_named_after() {
    let mut missed = Vec::new();
    for mutant in MUTANTS {
        let violations = life(Thing::wrong(mutant), true).await;
        // The first finding: what follows may be the aftermath.
        if violations.first().is_none_or(|first| first.rule != rule_of(mutant)) {
            missed.push(format!("{mutant} breaks {violations:#?}"));
        }
    }
    assert!(missed.is_empty(), "mutants survived: {}", missed.join("\n"));
}

#[tokio::test]
async fn identities_of_a_type_without_any_are_refused() {
    for (mutant, rule) in [
        ("R7-stray", "R7"),
        ("P8-stray", "P8"),
        ("A6-stray", "A6"),
        ("I3-stray", "I3"),
    ] {
        let violations = life(Thing::wrong(mutant).without_identity(), false).await;
        assert!(
            violations.iter().any(|violation| violation.rule == rule),
            "{mutant}: {violations:#?}"
        );
    }
}

#[test]
fn each_rule_has_a_mutant_or_a_reason() {
    let excused: BTreeSet<_> = NOT_IN_ANSWERS.iter().map(|(rule, _)| *rule).collect();
    let tried: BTreeSet<_> = MUTANTS.into_iter().map(rule_of).collect();
    for rule in RULES {
        assert!(
            excused.contains(rule) != tried.contains(rule),
            "{rule} needs a mutant, or a reason for having none"
        );
    }
}

#[tokio::test]
async fn errors_beside_a_plan_are_all_that_counts() {
    let core = Core::connect(in_memory(Thing::wrong("P12")).await, json!({})).await;
    let planned = core.resource(TYPE).plan(full_config(json!(1))).await;
    assert_eq!(planned.action, Action::Refused);
    assert_eq!(planned.errors(), ["Planning the thing: It cannot be done today."]);
    core.expect_clean();
}

#[tokio::test]
async fn data_sources_are_read_when_all_is_known() {
    let mut core = Core::connect(in_memory(Thing::honest()).await, json!({})).await;
    core.data(TYPE, json!({"name": unknown()})).await;
    assert!(
        core.violations().iter().any(|violation| violation.rule == "D1"),
        "{:?}",
        core.violations()
    );
}
