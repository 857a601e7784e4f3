//! Every optional argument and block of `acr_task`: not there, set, changed, removed. Each time Azure has exactly that, and
//! a second plan finds nothing to do.
//!
//! Each row is a task of its own, and all of them are in one configuration: an apply and a plan for each stage.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use serde_json::{Value, json};
use terraform_provider_acr::{
    framework::schema::{Block, Mode},
    provider::task::schema::schema,
};

use super::{
    row::{Row, STAGES},
    rows_registries, rows_steps, rows_top, rows_triggers, stored, world,
};
use crate::agent_pool::{HEADER, World};

/// What no row changes, and why.
const WITHOUT_ROW: [(&str, &str); 5] = [
    ("name", "another name is another task"),
    ("registry_id", "another registry has another task"),
    ("platform", "only the system task has none: the row of is_system_task"),
    ("agent_setting.cpu", "Azure takes one value: the row of agent_setting"),
    (
        "source_trigger.authentication",
        "Azure needs the token for its webhook; without it the task is refused",
    ),
];

fn rows() -> Vec<Row> {
    [
        rows_top::rows(),
        rows_steps::rows(),
        rows_triggers::rows(),
        rows_registries::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Everything of a block that somebody may write, by its path.
fn paths(block: &Block, holder: &str, found: &mut BTreeSet<String>) {
    let path = |name: &str| match holder {
        "" => name.to_owned(),
        _ => format!("{holder}.{name}"),
    };
    let written = block.attributes.iter().filter(|it| it.mode != Mode::Computed);
    found.extend(written.map(|attribute| path(attribute.name)));
    for nested in &block.blocks {
        found.insert(path(nested.name));
        paths(&nested.block, &path(nested.name), found);
    }
}

#[test]
fn whatever_can_be_written_has_a_row() {
    let mut expected = BTreeSet::new();
    paths(&schema().block, "", &mut expected);
    assert!(expected.len() > 70, "{expected:#?}");
    let rows = rows();
    let covered = rows.iter().map(|row| row.path).chain(WITHOUT_ROW.map(|(path, _)| path));
    let covered: BTreeSet<String> = covered.map(str::to_owned).collect();
    assert_eq!(expected, covered);
    for row in rows.iter().filter(|row| row.path != "agent_setting") {
        let [without, one, other] = row.texts();
        assert!(without != one && one != other && other != without, "{}", row.path);
    }
}

/// The attributes of a resource in the stored state.
fn in_state(state: &Value, label: &str) -> Value {
    let resources = state["resources"].as_array().unwrap().iter();
    let mut named = resources.filter(|resource| resource["name"] == label);
    named
        .next()
        .map_or(Value::Null, |resource| resource["instances"][0]["attributes"].clone())
}

/// What is left when the argument or block is gone again: all but what Azure writes anew each time.
fn comparable(mut task: Value) -> Value {
    task["systemData"] = json!(null);
    task["properties"]["creationDate"] = json!(null);
    task["identity"]["principalId"] = json!(null);
    task
}

/// The addresses of what a plan would change.
fn planned(world: &World) -> Vec<String> {
    let plan = world.sandbox.show_json(Some("plan"));
    let changes = plan["resource_changes"].as_array().unwrap().iter();
    changes
        .filter(|it| it["change"]["actions"] != json!(["no-op"]))
        .map(|it| format!("{} would be changed again: {}", it["address"], it["change"]))
        .collect()
}

#[test]
fn every_argument_and_block_is_set_changed_and_removed() {
    let world = world(&json!({}));
    let rows = rows();
    let mut at_first = Vec::new();
    for (stage, (text, what)) in STAGES.into_iter().enumerate() {
        let mut configuration = HEADER.to_owned();
        for (number, row) in rows.iter().enumerate() {
            write!(configuration, "\n{}", row.resource(number, text)).unwrap();
        }
        world.sandbox.write("main.tf", &configuration);
        world.apply();

        let state = fs::read_to_string(world.sandbox.path().join("terraform.tfstate")).unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        let mut problems = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let label = row.label(number);
            let azure = stored(&world.emulator, &row.task(number));
            let found = row.problems(text, &azure, &in_state(&state, &label));
            problems.extend(found.into_iter().map(|problem| format!("{label}: {problem}")));
            match stage {
                0 => at_first.push(comparable(azure)),
                3 if at_first[number] != comparable(azure.clone()) => {
                    problems.push(format!("{label}: {} is not what it was: {azure}", at_first[number]));
                }
                _ => {}
            }
        }
        let plan = world.sandbox.run(&["plan", "-detailed-exitcode", "-out=plan"]);
        match plan.code {
            Some(0) => {}
            Some(2) => problems.extend(planned(&world)),
            _ => problems.push(plan.to_string()),
        }
        assert!(problems.is_empty(), "{what}:\n{}", problems.join("\n"));
    }
    // Nothing was done by deleting and making again, but for the row whose argument says that it is.
    let deleted = world.emulator.requests().into_iter();
    let deleted = deleted.filter(|it| it.method == "DELETE").map(|it| it.path);
    let others: Vec<String> = deleted.filter(|path| !path.ends_with("/quicktask")).collect();
    assert_eq!(others, Vec::<String>::new());
}
