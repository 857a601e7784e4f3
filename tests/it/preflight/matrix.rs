//! Every check in every cell of its life, as one table: what a plan and then an apply come to.
//!
//! In each cell all other checks are off, so that nothing else can speak for the one in question. The plan is `silent`, `warned`
//! or `refused`; the apply is `written` (the pool was asked for, nothing was said), `told` (asked for, with a warning) or `refused`
//! (an error, and the emulator's journal shows no write). Terraform itself is not needed for that: the small Core of the
//! conformance tests asks as Terraform does, and holds every answer to Terraform's rules; [`super::checks`] looks at the texts.

mod rows;

use std::thread;

use serde_json::{Value, json};
use terraform_provider_acr::{
    emulator::Emulator,
    protocol::wire::{self, diagnostic::Severity},
    provider::preflight::settings::{CHECKS, Check},
};
use tokio::runtime::Runtime;

use super::conformance::started_with;
use crate::{
    agent_pool::registry,
    conformance::{core::Core, json::unknown, rules::plan::Action},
};
use rows::Row;

/// Checks of tasks, which no pool meets: they have tests of their own.
const NOT_OF_POOLS: [Check; 1] = [Check::Pool];

/// The columns. `passes`: a world right beside the wrong one. `wrong`: by default. `late`: an argument is unknown at plan.
/// `unreadable`: Azure answers 403. `capped` and `off`: by the block, and once more by the environment variable.
const COLUMNS: [&str; 7] = ["passes", "wrong", "fail_at_plan", "late", "unreadable", "capped", "off"];

/// Why a cell is not what the column is about:
/// (1) an immovable region fails every plan at once, and by Azure's own metadata never as a warning;
/// (2) without the metadata the documentation's list of regions is asked, which only warns;
/// (3) it only ever warns, because Azure may let it pass;
/// (4) without the registry nobody knows where to create the pool, which is an error of its own (nothing is written);
/// (5) what is read is the virtual network or the registry, and the check that owns the object tells of it.
#[rustfmt::skip]
const TABLE: [(&str, [&str; 7]); 10] = [
    //                         passes           wrong             fail_at_plan   late               unreadable            capped         off
    ("region",                ["silent written", "refused"/*1*/,   "refused",     "silent refused",  "warned told"/*2*/,   "warned told", "silent written"]),
    ("sku",                   ["silent written", "warned refused", "refused",     "silent refused",  "warned stopped"/*4*/, "warned told", "silent written"]),
    ("quota",                 ["silent written", "warned refused", "refused",     "silent refused",  "warned told",        "warned told", "silent written"]),
    ("quota as documented",   ["silent written", "warned told"/*3*/, "warned told", "silent told",    "warned told",        "warned told", "silent written"]),
    ("subnet",                ["silent written", "warned refused", "refused",     "silent refused",  "warned told",        "warned told", "silent written"]),
    ("subnet delegated",      ["silent written", "warned told"/*3*/, "warned told", "silent told",    "warned told",        "warned told", "silent written"]),
    ("network",               ["silent written", "warned refused", "refused",     "silent refused",  "warned told",        "warned told", "silent written"]),
    ("network not certain",   ["silent written", "warned told"/*3*/, "warned told", "silent told",    "warned told",        "warned told", "silent written"]),
    ("dns",                   ["silent written", "warned refused", "refused",     "silent refused",  "warned told"/*5*/,   "warned told", "silent written"]),
    ("private_registry",      ["silent written", "warned told"/*3*/, "warned told", "silent told",    "warned stopped"/*4,5*/, "warned told", "silent written"]),
];

impl Row {
    fn check(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or_default()
    }

    /// The provider's `preflight` block: every check off but this one.
    fn block(&self, column: &str, spoken: &str) -> Value {
        let others = CHECKS.map(Check::name).into_iter().filter(|check| *check != spoken);
        let mut block: serde_json::Map<String, Value> = others.map(|check| (check.to_owned(), json!("off"))).collect();
        let settings = &self.settings[usize::from(column == "passes")];
        block.extend(settings.as_object().unwrap().clone());
        let level = match column {
            "capped" => Some(json!("warning")),
            "off" => Some(json!("off")),
            _ => None,
        };
        block.extend(level.map(|level| (spoken.to_owned(), level)));
        if ["passes", "fail_at_plan"].contains(&column) {
            block.insert("fail_at_plan".into(), json!(true));
        }
        Value::Object(block)
    }

    /// Lives through a cell. `variable` is an argument of the block that comes from the environment instead. `refused`: an apply
    /// is expected to end without a write, so that nothing is gained by waiting for somebody to mend it.
    async fn outcome(&self, column: &str, mut block: Value, variable: Option<(&str, String)>, refused: bool) -> String {
        let unreadable = column == "unreadable";
        let world = match column {
            "passes" => &self.right,
            "unreadable" => &self.unreadable.seed,
            _ => &self.wrong,
        };
        let variable = variable.map(|(argument, value)| {
            block.as_object_mut().unwrap().remove(argument);
            (format!("ACR_PREFLIGHT_{}", argument.to_uppercase()), value)
        });
        let (emulator, process) = started_with(world.clone(), variable);
        if unreadable {
            forbid(&emulator, self.unreadable.path_ends);
        }
        let core = Core::connect(process.provider_client().await, json!({"preflight": block})).await;
        let says: Vec<&str> = match unreadable {
            true => self.unreadable.says.iter().map(String::as_str).collect(),
            false => vec![self.says],
        };
        let mut pool = json!({"name": "builds", "registry_id": registry(),
            "timeouts": {"create": if refused { "5s" } else { "30m" }}});
        pool.as_object_mut()
            .unwrap()
            .extend(self.pool.as_object().unwrap().clone());
        let mut early = pool.clone();
        if column == "late" {
            early[self.late] = unknown();
        }
        let mut object = core.resource("acr_agent_pool");
        let planned = object.plan(early).await;
        let at_plan = match (planned.action, told(&planned.diagnostics, &says)) {
            (Action::Refused, Some(Severity::Error)) => return "refused".to_owned() + no_write(&emulator),
            (Action::Create, Some(Severity::Warning)) => "warned",
            (Action::Create, None) if planned.diagnostics.is_empty() => "silent",
            other => return format!("{other:?} {:?}", summaries(&planned.diagnostics)),
        };
        let applied = object.apply_plan(&planned, pool).await;
        let news = &applied.diagnostics[planned.diagnostics.len()..];
        let at_apply = match (is_written(&emulator), told(news, &says)) {
            (false, Some(Severity::Error)) => "refused",
            (false, _) if unreadable && !applied.errors().is_empty() => "stopped",
            (true, Some(Severity::Warning)) => "told",
            (true, None) => "written",
            other => return format!("{at_plan}, then {other:?} {:?}", summaries(news)),
        };
        core.expect_clean();
        format!("{at_plan} {at_apply}")
    }
}

fn is_written(emulator: &Emulator) -> bool {
    let requests = emulator.requests();
    let mut writes = requests.iter().filter(|it| it.method == "PUT");
    writes.any(|it| it.path.contains("/agentPools/"))
}

/// Nothing, or what is wrong.
fn no_write(emulator: &Emulator) -> &'static str {
    if is_written(emulator) { ", but written" } else { "" }
}

/// How bad the worst message is that says all of this.
fn told(diagnostics: &[wire::Diagnostic], says: &[&str]) -> Option<Severity> {
    let text = |it: &wire::Diagnostic| format!("{}\n{}", it.summary, it.detail);
    let all = |it: &&wire::Diagnostic| says.iter().all(|part| text(it).contains(part));
    let severities = diagnostics.iter().filter(all).map(wire::Diagnostic::severity);
    severities.min_by_key(|severity| *severity as i32)
}

fn summaries(diagnostics: &[wire::Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|it| it.summary.as_str()).collect()
}

fn forbid(emulator: &Emulator, path_ends: &str) {
    let fault = json!([{"match": {"method": "GET", "path_ends": path_ends}, "action": {"respond": {"status": 403,
        "body": {"error": {"code": "AuthorizationFailed", "message": "not allowed here"}}}}}]);
    emulator.set_faults(serde_json::from_value(fault).unwrap());
}

/// Lives through one column of the table, all rows at once, and fails with every cell that is another.
fn column(name: &str) {
    let at = COLUMNS.iter().position(|it| *it == name).unwrap();
    let live = |row: &Row| {
        let (_, cells) = TABLE.into_iter().find(|(row_name, _)| *row_name == row.name).unwrap();
        Runtime::new().unwrap().block_on(cell(row, name, cells[at]))
    };
    let rows = rows::all();
    let wrong: Vec<String> = thread::scope(|scope| {
        let lives: Vec<_> = rows.iter().map(|row| scope.spawn(move || live(row))).collect();
        lives.into_iter().flat_map(|life| life.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

/// Lives through one cell, by block and by variable; what was not as expected.
async fn cell(row: &Row, name: &str, expected: &str) -> Vec<String> {
    let spoken = if name == "unreadable" {
        row.unreadable.by
    } else {
        row.check()
    };
    let block = row.block(name, spoken);
    let mut variables = vec![None];
    if let "capped" | "off" = name {
        let level = block[spoken].as_str().unwrap().to_owned();
        variables.push(Some((spoken, level)));
    }
    if name == "fail_at_plan" {
        variables.push(Some(("fail_at_plan", "true".to_owned())));
    }
    let mut wrong = Vec::new();
    for variable in variables {
        let by = variable.as_ref().map_or("block", |_| "variable");
        let outcome = row
            .outcome(name, block.clone(), variable, expected.ends_with("refused"))
            .await;
        if outcome != expected {
            wrong.push(format!("{}, by {by}: {outcome} instead of {expected}", row.name));
        }
    }
    wrong
}

#[test]
fn every_check_has_a_row() {
    let mut rows: Vec<_> = rows::all().iter().map(|row| row.name).collect();
    let mut named = TABLE.map(|(name, _)| name);
    for check in CHECKS {
        let has_row = named.contains(&check.name());
        assert_ne!(has_row, NOT_OF_POOLS.contains(&check), "{check:?}");
    }
    rows.sort_unstable();
    named.sort_unstable();
    assert_eq!(rows, named);
}

#[test]
fn each_check_passes() {
    column("passes");
}

#[test]
fn each_check_warns_at_plan_and_refuses_at_apply() {
    column("wrong");
}

#[test]
fn each_check_fails_at_plan_when_asked_to() {
    column("fail_at_plan");
}

#[test]
fn each_check_judges_late_what_it_could_not_know() {
    column("late");
}

#[test]
fn each_check_says_what_it_cannot_read() {
    column("unreadable");
}

#[test]
fn each_check_is_capped() {
    column("capped");
}

#[test]
fn each_check_is_switched_off() {
    column("off");
}
