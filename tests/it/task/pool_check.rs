//! The preflight check `pool` in every column that the other checks have in their matrix, for a task under real Terraform.

use serde_json::json;

use super::{SMALLEST, configuration, writes};
use crate::{
    agent_pool::{World, options, seed},
    sandbox::{Run, Version},
};

/// What has the pool be known only at apply.
const LATE: &str = "
resource \"terraform_data\" \"name\" {
  input = \"POOL\"
}
";

/// How a column is configured.
struct Column {
    name: &'static str,
    variable: Option<(&'static str, &'static str)>,
    late: bool,
    forbidden: bool,
    /// What the plan says of a pool that does not exist, of one that has failed and of one that is well.
    plan: [Said; 3],
    /// What apply does then.
    apply: [Said; 3],
}

/// How often the finding is made, and as what.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    /// It goes on, and nothing is said of the pool.
    Nothing,
    /// It goes on with a warning.
    Warning,
    /// It ends with an error.
    Error,
}

use Said::{Error, Nothing, Warning};

const POOLS: [(&str, &str); 3] = [
    ("missing", "The agent pool does not exist"),
    ("failed", "The agent pool has failed"),
    ("good", "The agent pool"),
];

/// What is said of a pool that cannot be read.
const UNREADABLE: &str = "Preflight could not read contosobuilds/agentPools";

const COLUMNS: [Column; 6] = [
    Column {
        name: "as it is",
        variable: None,
        late: false,
        forbidden: false,
        plan: [Warning, Warning, Nothing],
        apply: [Error, Error, Nothing],
    },
    Column {
        name: "fail_at_plan",
        variable: Some(("ACR_PREFLIGHT_FAIL_AT_PLAN", "true")),
        late: false,
        forbidden: false,
        plan: [Error, Error, Nothing],
        apply: [Error, Error, Nothing],
    },
    Column {
        name: "known after apply",
        variable: None,
        late: true,
        forbidden: false,
        plan: [Nothing, Nothing, Nothing],
        apply: [Error, Error, Nothing],
    },
    Column {
        name: "unreadable",
        variable: None,
        late: false,
        forbidden: true,
        plan: [Warning, Warning, Warning],
        apply: [Warning, Warning, Warning],
    },
    Column {
        name: "a warning",
        variable: Some(("ACR_PREFLIGHT_POOL", "warning")),
        late: false,
        forbidden: false,
        plan: [Warning, Warning, Nothing],
        apply: [Warning, Warning, Nothing],
    },
    Column {
        name: "off",
        variable: Some(("ACR_PREFLIGHT_POOL", "off")),
        late: false,
        forbidden: false,
        plan: [Nothing, Nothing, Nothing],
        apply: [Nothing, Nothing, Nothing],
    },
];

/// What a command said of the pool; an error of something else is none of this table's.
fn said(run: &Run, summary: &str) -> Said {
    let output = run.output();
    let titled = |level: &str| output.contains(&format!("{level}: {summary}"));
    match (titled("Error"), titled("Warning")) {
        (true, _) => Error,
        (false, true) => Warning,
        (false, false) => Nothing,
    }
}

/// Plans and applies one cell, and compares what was said and written.
fn cell(column: &Column, at: usize) {
    let (pool, summary) = POOLS[at];
    let summary = if column.forbidden { UNREADABLE } else { summary };
    let pools = json!([
        {"registry": "contosobuilds", "name": "good"},
        {"registry": "contosobuilds", "name": "failed", "provisioning_state": "Failed"},
    ]);
    let mut world = World::with(
        Version::Newest,
        terraform_provider_acr::emulator::Options {
            seed: seed(json!({"agent_pools": pools})),
            ..options()
        },
    );
    if let Some((name, value)) = column.variable {
        world.sandbox = world.sandbox.env([(name.to_owned(), value.to_owned())]);
    }
    if column.forbidden {
        let body = json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
        world.fault(json!({"match": {"method": "GET", "path_contains": "/agentPools"}, "action": {"respond": {"status": 403, "body": body}}}));
    }
    let name = if column.late {
        "terraform_data.name.output".to_owned()
    } else {
        format!("\"{pool}\"")
    };
    let late = if column.late {
        LATE.replace("POOL", pool)
    } else {
        String::new()
    };
    // How long a refused write waits for somebody to mend what is wrong.
    let short = "  timeouts {\n    create = \"3s\"\n  }\n";
    let body = format!("  agent_pool_name = {name}\n{SMALLEST}{short}");
    world
        .sandbox
        .write("main.tf", &format!("{}{late}", configuration(&body)));
    let title = format!("{}, {pool}", column.name);

    let plan = if column.plan[at] == Error {
        world.sandbox.fails(&["plan"])
    } else {
        world.sandbox.ok(&["plan"])
    };
    assert_eq!(said(&plan, summary), column.plan[at], "{title}: plan\n{plan}");
    let apply = if column.apply[at] == Error {
        world.sandbox.fails(&["apply", "-auto-approve"])
    } else {
        world.sandbox.ok(&["apply", "-auto-approve"])
    };
    assert_eq!(said(&apply, summary), column.apply[at], "{title}: apply\n{apply}");
    let written: &[&str] = if column.apply[at] == Error { &[] } else { &["PUT 200"] };
    let writes: Vec<String> = writes(&world).iter().map(|write| write.replace("201", "200")).collect();
    assert_eq!(writes, written, "{title}");
}

/// One test for each pool, so that they run side by side.
fn every_column(at: usize) {
    for column in &COLUMNS {
        cell(column, at);
    }
}

#[test]
fn a_pool_that_does_not_exist() {
    every_column(0);
}

#[test]
fn a_pool_that_has_failed() {
    every_column(1);
}

#[test]
fn a_pool_that_is_well() {
    every_column(2);
}
