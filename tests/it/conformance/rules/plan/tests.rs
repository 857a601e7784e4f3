//! Plans that the thing of the mutants cannot make: blocks in sets, maps and groups, blocks not yet known.

use std::collections::BTreeMap;

use super::*;
use crate::conformance::value::Type;

fn attribute(optional: bool, computed: bool) -> Attribute {
    Attribute {
        ty: Type::String,
        required: false,
        optional,
        computed,
        sensitive: false,
        write_only: false,
    }
}

/// A schema with one block `b` that holds `given` (optional), `either` (optional and computed) and `told` (computed).
fn schema(nesting: Nesting) -> Schema {
    let attributes = BTreeMap::from([
        ("given".to_owned(), attribute(true, false)),
        ("either".to_owned(), attribute(true, true)),
        ("told".to_owned(), attribute(false, true)),
    ]);
    let inner = Block {
        attributes,
        blocks: BTreeMap::new(),
    };
    let blocks = BTreeMap::from([(
        "b".to_owned(),
        NestedBlock {
            nesting,
            required: false,
            block: inner,
        },
    )]);
    let block = Block {
        attributes: BTreeMap::new(),
        blocks,
    };
    Schema {
        version: 0,
        ty: block.ty(),
        block,
        identity: None,
    }
}

fn inner(given: CoreValue, either: CoreValue, told: CoreValue) -> CoreValue {
    CoreValue::object([("given", given), ("either", either), ("told", told)])
}

fn configured(given: &str) -> CoreValue {
    inner(CoreValue::string(given), CoreValue::Null, CoreValue::Null)
}

fn broken(nesting: Nesting, prior: CoreValue, config: CoreValue, planned: CoreValue) -> Vec<&'static str> {
    let schema = schema(nesting);
    let outer = |value: CoreValue| CoreValue::object([("b", value)]);
    let prior = if prior.is_null() { prior } else { outer(prior) };
    let (config, planned) = (outer(config), outer(planned));
    let asked = Asked {
        prior: &prior,
        config: &config,
        proposed: &config,
        prior_identity: None,
    };
    let planned_state = Some(msgpack::encode(&planned, &schema.ty));
    let answer = Response {
        planned_state,
        ..Default::default()
    };
    check_plan(&schema, &asked, &answer)
        .into_iter()
        .map(|violation| violation.rule)
        .collect()
}

#[test]
fn attributes_in_blocks_follow_the_configuration() {
    let (null, unknown) = (|| CoreValue::Null, CoreValue::unknown);
    let text = CoreValue::string;
    let a_or_b = || inner(text("a"), text("b"), null());
    let table: [(&[&str], CoreValue, CoreValue, CoreValue); 11] = [
        // Rules broken, prior, configured, planned.
        (&[], null(), configured("a"), inner(text("a"), unknown(), unknown())),
        (&[], null(), configured("a"), inner(text("a"), text("b"), text("c"))),
        (&["P3"], null(), configured("a"), inner(text("A"), unknown(), unknown())),
        (
            &[],
            inner(text("A"), null(), null()),
            configured("a"),
            inner(text("A"), null(), text("c")),
        ),
        (
            &["P3"],
            null(),
            inner(null(), null(), null()),
            inner(text("a"), null(), null()),
        ),
        (
            &["P3"],
            null(),
            inner(null(), null(), null()),
            inner(unknown(), null(), null()),
        ),
        (
            &[],
            null(),
            inner(unknown(), null(), null()),
            inner(unknown(), null(), null()),
        ),
        (
            &["P4"],
            null(),
            inner(unknown(), null(), null()),
            inner(text("a"), null(), null()),
        ),
        (
            &["P4"],
            null(),
            inner(null(), unknown(), null()),
            inner(null(), text("b"), null()),
        ),
        (&["P4"], a_or_b(), inner(unknown(), text("b"), null()), a_or_b()),
        (&["P3"], null(), a_or_b(), inner(text("a"), unknown(), null())),
    ];
    for (rules, prior, config, planned) in table {
        assert_eq!(
            broken(Nesting::Single, prior.clone(), config.clone(), planned.clone()),
            rules,
            "{config} {planned}"
        );
        let list = |value: &CoreValue| {
            if value.is_null() {
                null()
            } else {
                CoreValue::List(vec![value.clone()])
            }
        };
        assert_eq!(
            broken(Nesting::List, list(&prior), list(&config), list(&planned)),
            rules,
            "{config} {planned}"
        );
        let map = |value: &CoreValue| {
            if value.is_null() {
                null()
            } else {
                CoreValue::Map([("k".to_owned(), value.clone())].into())
            }
        };
        assert_eq!(
            broken(Nesting::Map, map(&prior), map(&config), map(&planned)),
            rules,
            "{config} {planned}"
        );
    }
}

#[test]
fn blocks_are_as_many_as_configured() {
    let null = || CoreValue::Null;
    let one = || configured("a");
    let list = |count: usize| CoreValue::List(vec![one(); count]);
    let map = |key: &str| CoreValue::Map([(key.to_owned(), one())].into());
    let set = |names: &[&str]| CoreValue::set(names.iter().map(|name| configured(name)).collect());
    let table: [(&[&str], Nesting, CoreValue, CoreValue); 16] = [
        (&[], Nesting::List, list(2), list(2)),
        (&["P5"], Nesting::List, list(2), list(1)),
        (&["P5"], Nesting::List, list(0), null()),
        (
            &["P5"],
            Nesting::List,
            list(1),
            CoreValue::List(vec![CoreValue::unknown()]),
        ),
        (&["P5"], Nesting::List, list(1), CoreValue::unknown()),
        (&[], Nesting::List, CoreValue::unknown(), CoreValue::unknown()),
        (&["P5"], Nesting::List, CoreValue::unknown(), list(1)),
        (&[], Nesting::Map, map("k"), map("k")),
        (&["P5"], Nesting::Map, map("k"), map("l")),
        (&[], Nesting::Set, set(&["a", "b"]), set(&["b", "a"])),
        (&["P5"], Nesting::Set, set(&["a", "b"]), set(&["a"])),
        (
            &["P5"],
            Nesting::Set,
            set(&["a"]),
            CoreValue::set(vec![CoreValue::unknown()]),
        ),
        (&["P1"], Nesting::Single, one(), null()),
        (&["P1"], Nesting::Single, null(), one()),
        (&[], Nesting::Single, null(), null()),
        (&[], Nesting::Group, one(), one()),
    ];
    for (rules, nesting, config, planned) in table {
        assert_eq!(
            broken(nesting, null(), config.clone(), planned.clone()),
            rules,
            "{nesting:?} {config} {planned}"
        );
    }
}

#[test]
fn actions_are_what_core_makes_of_them() {
    let schema = schema(Nesting::Single);
    let value = |given: CoreValue| CoreValue::object([("b", inner(given, CoreValue::Null, CoreValue::Null))]);
    let (a, b) = (|| value(CoreValue::string("a")), || value(CoreValue::string("b")));
    let path = |names: &[&str]| wire::AttributePath {
        steps: names
            .iter()
            .map(|name| wire::attribute_path::Step {
                selector: Some(wire::attribute_path::step::Selector::AttributeName((*name).to_owned())),
            })
            .collect(),
    };
    let given = || vec![path(&["b", "given"])];
    let table = [
        (Action::Create, CoreValue::Null, a(), given()),
        (Action::Delete, a(), CoreValue::Null, vec![]),
        (Action::NoOp, CoreValue::Null, CoreValue::Null, vec![]),
        (Action::NoOp, a(), a(), given()),
        (Action::Update, a(), b(), vec![]),
        (Action::Update, a(), b(), vec![path(&["b", "told"])]),
        (Action::Replace, a(), b(), given()),
        (Action::Replace, a(), value(CoreValue::unknown()), given()),
    ];
    for (expected, prior, planned, paths) in table {
        assert_eq!(
            action(&schema, &prior, &planned, &paths),
            expected,
            "{prior} {planned} {paths:?}"
        );
    }
}

#[test]
fn a_plan_at_apply_keeps_the_action_or_turns_out_to_be_nothing() {
    let value = CoreValue::object([("a", CoreValue::string("x"))]);
    let table = [
        (Action::Update, Action::NoOp, true),
        (Action::Update, Action::Update, true),
        (Action::Replace, Action::Create, true),
        (Action::Update, Action::Replace, false),
        (Action::Create, Action::Update, false),
        (Action::Create, Action::NoOp, false),
    ];
    for (first, second, kept) in table {
        let violations = check_plan_again((first, &value), (second, &value));
        assert_eq!(violations.is_empty(), kept, "{first:?} then {second:?}");
    }
}
