//! What Azure would refuse, or take and never run, is refused before anything is written, at the argument that is wrong. And
//! what is told of secrets and tokens beforehand.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde_json::{Value, json};
use terraform_provider_acr::{
    emulator::Options,
    framework::schema::{Attribute, Block},
    provider::task::schema::schema,
};

use super::world;
use crate::{
    agent_pool::{GROUP, HEADER, World, options, registry, seed},
    sandbox::Version,
};

const PLATFORM: &str = "  platform {\n    os = \"Linux\"\n  }\n";
const STEP: &str = "  encoded_step {\n    task_content = \"steps: [{cmd: bash}]\\n\"\n  }\n";

fn task(label: &str, name: &str, body: &str) -> String {
    format!(
        "\nresource \"acr_task\" \"{label}\" {{\n  name = \"{name}\"\n  registry_id = \"{}\"\n{body}}}\n",
        registry()
    )
}

/// A body with an encoded step and this block.
fn with(block: &str) -> String {
    format!("{PLATFORM}{STEP}{block}\n")
}

fn timer(schedule: &str) -> String {
    with(&format!(
        "  timer_trigger {{\n    name = \"t\"\n    schedule = \"{schedule}\"\n  }}"
    ))
}

/// What is wrong, what is said, and the line that it points at.
fn wrong() -> Vec<(String, String, &'static str, &'static str)> {
    let name = |name: &str| (name.to_owned(), with(""), "Invalid task name", "name = ");
    let schedule = |text: &str, says: &'static str| ("build-app".to_owned(), timer(text), says, "schedule = ");
    let block = |text: &str, says: &'static str, line: &'static str| ("build-app".to_owned(), with(text), says, line);
    let arm_id = format!("{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/one");
    let custom = |identity: &str| {
        format!(
            "  registry_credential {{\n    custom {{\n      login_server = \"other.example\"\n      identity = \"{identity}\"\n    }}\n  }}"
        )
    };
    let source = "  source_trigger {\n    name = \"push\"\n    events = [\"commit\"]\n    source_type = \"Github\"\n    repository_url = \"https://github.com/contoso/app\"\n";
    vec![
        name("abcd"),
        name(&"a".repeat(51)),
        name("build app"),
        name("build.app"),
        schedule("0 21 * * 7", "day of week"),
        schedule("60 21 * * *", "minute"),
        schedule("0 24 * * *", "hour"),
        schedule("0 21 0 * *", "day of month"),
        schedule("0 21 * 13 *", "month"),
        schedule("0 21 * *", "five fields"),
        schedule("0 0 21 * * *", "five fields"),
        schedule("@daily", "no shorthands"),
        block(&custom(&arm_id), "by its client id", "identity = "),
        block(&custom("one"), "neither [system] nor the client id", "identity = "),
        block(&custom("[system]"), "it has none", "identity = "),
        block(
            "  agent_pool_name = \"pool-a\"\n  agent_setting {\n    cpu = 2\n  }",
            "Processors of a pool's machines",
            "agent_setting",
        ),
        block(
            &format!("{source}  }}"),
            "Source trigger without a token",
            "source_trigger",
        ),
        block(
            &format!("{source}    authentication {{\n      token_type = \"PAT\"\n    }}\n  }}"),
            "Source trigger without a token",
            "",
        ),
        (
            "build-app".to_owned(),
            format!("  agent_pool_name = \"pool-a\"\n  platform {{\n    os = \"Windows\"\n  }}\n{STEP}"),
            "Windows on an agent pool",
            "os = ",
        ),
        (
            "build-app".to_owned(),
            "  is_system_task = true\n".to_owned(),
            "Name of the system task",
            "name = ",
        ),
        ("build-app".to_owned(), PLATFORM.to_owned(), "No step", ""),
        ("build-app".to_owned(), STEP.to_owned(), "No platform", ""),
    ]
}

#[test]
fn what_azure_would_refuse_or_never_run_is_refused_before() {
    let world = world(&json!({}));
    let mut text = HEADER.to_owned();
    for (number, (name, body, _, _)) in wrong().iter().enumerate() {
        text += &task(&format!("wrong-{number}"), name, body);
    }
    world.sandbox.write("main.tf", &text);
    let told = world.sandbox.fails(&["validate", "-json"]).json();
    let mut by_task: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for diagnostic in told["diagnostics"].as_array().unwrap() {
        if diagnostic["severity"] == "error" {
            let address = diagnostic["address"].as_str().unwrap_or_default().to_owned();
            by_task.entry(address).or_default().push(diagnostic.clone());
        }
    }
    for (number, (name, body, says, line)) in wrong().iter().enumerate() {
        let found = by_task.remove(&format!("acr_task.wrong-{number}")).unwrap_or_default();
        let [diagnostic] = &found[..] else {
            panic!("{name} {body}: one error with \"{says}\" was expected, not {found:#?}");
        };
        let words = format!("{}\n{}", diagnostic["summary"], diagnostic["detail"]);
        assert!(words.contains(says), "{name} {body}: no \"{says}\" in {words}");
        let code = diagnostic["snippet"]["code"].as_str().unwrap_or_default();
        assert!(code.trim_start().starts_with(line), "{name} {body}: points at {code}");
    }
    assert!(by_task.is_empty(), "{by_task:#?}");
    assert!(world.emulator.requests().is_empty(), "nothing was asked of Azure");
}

#[test]
fn a_registry_that_would_refuse_the_task_is_told_at_plan() {
    let closed = |more: Value| {
        let mut properties = json!({"publicNetworkAccess": "Disabled", "networkRuleBypassOptions": "AzureServices"});
        for (name, value) in more.as_object().unwrap() {
            properties[name] = value.clone();
        }
        seed(
            json!({"registries": [{"name": "contosobuilds", "resource_group": "rg-builds", "sku": "Premium", "properties": properties}]}),
        )
    };
    let own = "  identity {\n    type = \"SystemAssigned\"\n  }\n  registry_credential {\n    source {\n      identity = \"[system]\"\n    }\n  }";
    for (allowed, told) in [(false, true), (true, false)] {
        let seed = closed(json!({"networkRuleBypassAllowedForTasks": allowed}));
        let world = World::with(Version::Newest, Options { seed, ..options() });
        world
            .sandbox
            .write("main.tf", &format!("{HEADER}{}", task("t", "build-app", &with(own))));
        let run = world.sandbox.ok(&["plan"]);
        let summary = "The registry refuses the identity of these runs";
        assert_eq!(run.output().contains(summary), told, "{run}");
        if told {
            run.says("networkRuleBypassAllowedForTasks is false").says("403");
        }
    }
}

/// What is secret in the schema: its name says so.
fn secret(attribute: &Attribute) -> bool {
    let is = |word: &str| attribute.name.starts_with(word) || attribute.name.ends_with(word);
    let about_one = attribute.name.ends_with("_version") || attribute.name.ends_with("_type");
    let name = attribute.name.trim_end_matches("_wo");
    !about_one
        && (is("secret_")
            || ["token", "password", "endpoint"]
                .iter()
                .any(|word| name.ends_with(word)))
}

fn secrets(block: &Block, found: &mut Vec<Attribute>) {
    found.extend(block.attributes.iter().filter(|it| secret(it)).cloned());
    for nested in &block.blocks {
        secrets(&nested.block, found);
    }
}

#[test]
fn plans_show_what_is_no_secret_and_nothing_else() {
    let mut found = Vec::new();
    secrets(&schema().block, &mut found);
    assert_eq!(found.len(), 20, "each in two forms");
    for attribute in &found {
        let write_only = attribute.name.ends_with("_wo");
        assert_eq!(attribute.write_only, write_only, "{}", attribute.name);
        assert!(attribute.sensitive || write_only, "{}", attribute.name);
    }

    let world = world(&json!({}));
    let body = "  registry_credential {\n    custom {\n      login_server = \"other.example\"\n      username = \"builder\"\n      password = \"not-to-be-seen\"\n    }\n  }";
    let mut text = HEADER.to_owned();
    write!(text, "{}", task("t", "build-app", &with(body))).unwrap();
    world.sandbox.write("main.tf", &text);
    let first = world.apply();
    world.sandbox.write(
        "main.tf",
        &text.replace("not-to", "never-to").replace("other", "another"),
    );
    let second = world.apply();
    first.says("\"builder\"");
    for (run, server) in [(first, "other.example"), (second, "another.example")] {
        run.says(server).says("(sensitive value)");
        assert!(!run.output().contains("to-be-seen"), "{run}");
    }
}

#[test]
fn the_scopes_of_a_token_are_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/resources/task.md");
    let page = fs::read_to_string(page).unwrap();
    let lines = page.lines().filter(|line| line.contains("admin:repo_hook"));
    assert!(lines.count() > 0);
    // And where there is none, the error says why one is needed.
    let source = "  source_trigger {\n    name = \"push\"\n    events = [\"commit\"]\n    source_type = \"Github\"\n    repository_url = \"https://github.com/contoso/app\"\n  }";
    let world = world(&json!({}));
    world
        .sandbox
        .write("main.tf", &format!("{HEADER}{}", task("t", "build-app", &with(source))));
    world
        .sandbox
        .fails(&["plan"])
        .says("Azure registers a webhook at the repository, also a public one, and needs a token for that.");
}
