//! No secret of a task is lost by an update that has nothing to do with it, whichever way Azure treats what is not sent;
//! and none is logged. In both forms: plain, and write-only with ephemeral values.
//!
//! azurerm reads a task, changes a part and writes it back, without what reads do not show.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use serde_json::{Value, json};

use super::{stored, world};
use crate::{
    agent_pool::{HEADER, World, registry},
    sandbox::Sandbox,
};

/// How every secret here begins.
const PLANTED: &str = "planted-";

/// What is searched for too, and is no secret: a tag.
const OPEN: &str = "planted-openly";

/// How a secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Sensitive, and in the state.
    Plain,
    /// Ephemeral, and nowhere.
    WriteOnly,
}

/// The three tasks, by their kind of step: the block with its other arguments, and the argument that is a map of secrets.
const TASKS: [(&str, &str, &str); 3] = [
    (
        "docker",
        "docker_step {\n  dockerfile_path = \"Dockerfile\"\n  push_enabled = false\n",
        "secret_arguments",
    ),
    (
        "file",
        "file_step {\n  task_file_path = \"acb.yaml\"\n",
        "secret_values",
    ),
    (
        "encoded",
        "encoded_step {\n  task_content = \"steps: [{cmd: bash}]\\n\"\n",
        "secret_values",
    ),
];

/// What is secret in each task, and where it is in Azure. The names of arguments and values are sorted there.
const SECRETS: [(&str, &str); 10] = [
    ("context", "/properties/step/contextAccessToken"),
    ("first", "/properties/step/LIST/0/value"),
    ("second", "/properties/step/LIST/1/value"),
    (
        "token",
        "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/token",
    ),
    (
        "refresh",
        "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/refreshToken",
    ),
    (
        "other-token",
        "/properties/trigger/sourceTriggers/1/sourceRepository/sourceControlAuthProperties/token",
    ),
    (
        "other-refresh",
        "/properties/trigger/sourceTriggers/1/sourceRepository/sourceControlAuthProperties/refreshToken",
    ),
    ("endpoint", "/properties/trigger/baseImageTrigger/updateTriggerEndpoint"),
    (
        "password",
        "/properties/credentials/customRegistries/one.example/password/value",
    ),
    (
        "other-password",
        "/properties/credentials/customRegistries/two.example/password/value",
    ),
];

/// The secrets of all tasks, by `task-secret`. `generation` makes other ones.
pub fn planted(generation: u8) -> BTreeMap<String, String> {
    let mut planted = BTreeMap::new();
    for (task, _, _) in TASKS {
        for (secret, _) in SECRETS {
            let value = format!("{PLANTED}{task}-{secret}-{generation}");
            let value = match secret {
                "endpoint" => format!("https://{value}.example/"),
                _ => value,
            };
            planted.insert(format!("{task}-{secret}"), value);
        }
    }
    planted
}

/// The variable that hands the secrets to Terraform.
pub fn variable(generation: u8) -> [(String, String); 1] {
    [("TF_VAR_planted".to_owned(), json!(planted(generation)).to_string())]
}

/// Three tasks with every secret that there is. `more` stands in each of them, `schedule` is when their timer fires.
pub fn configuration(form: Form, version: u8, schedule: &str, more: &str) -> String {
    let kind = match form {
        Form::Plain => "sensitive",
        Form::WriteOnly => "ephemeral",
    };
    let mut text = format!("{HEADER}\nvariable \"planted\" {{\n  type = map(string)\n  {kind} = true\n}}\n");
    let written = |name: &str, value: String| match form {
        Form::Plain => format!("  {name} = {value}\n"),
        Form::WriteOnly => format!("  {name}_wo = {value}\n  {name}_wo_version = {version}\n"),
    };
    for (task, step, map) in TASKS {
        let of = |secret: &str| format!("var.planted[\"{task}-{secret}\"]");
        let trigger = |name: &str, prefix: &str| {
            format!(
                "source_trigger {{\n  name = \"{name}\"\n  events = [\"commit\"]\n  source_type = \"Github\"\n  repository_url = \"https://github.com/contoso/{name}\"\n  authentication {{\n  token_type = \"OAuth\"\n{}{}  }}\n}}\n",
                written("token", of(&format!("{prefix}token"))),
                written("refresh_token", of(&format!("{prefix}refresh")))
            )
        };
        let custom = |server: &str, secret: &str| {
            format!(
                "  custom {{\n  login_server = \"{server}\"\n  username = \"user\"\n{}  }}\n",
                written("password", of(secret))
            )
        };
        let values = format!("{{ FIRST = {}, SECOND = {} }}", of("first"), of("second"));
        write!(
            text,
            "\nresource \"acr_task\" \"{task}\" {{\n  name = \"{task}\"\n  registry_id = \"{}\"\n{more}\nplatform {{\n  os = \"Linux\"\n}}\n{step}  context_path = \"https://github.com/contoso/app\"\n{}{}}}\ntimer_trigger {{\n  name = \"nightly\"\n  schedule = \"{schedule}\"\n}}\n{}{}base_image_trigger {{\n  name = \"base\"\n  type = \"All\"\n{}}}\nregistry_credential {{\n{}{}}}\n}}\n",
            registry(),
            written("context_access_token", of("context")),
            written(map, values),
            trigger("one", ""),
            trigger("two", "other-"),
            written("update_trigger_endpoint", of("endpoint")),
            custom("one.example", "password"),
            custom("two.example", "other-password"),
        )
        .unwrap();
    }
    // The names of tasks have five letters at least.
    text.replace("name = \"file\"", "name = \"file-task\"")
}

/// A task here, as Azure has it.
pub fn azure(world: &World, task: &str) -> Value {
    stored(&world.emulator, if task == "file" { "file-task" } else { task })
}

/// Fails unless Azure has all secrets of a generation, each in its place, and no others.
pub fn all_there(world: &World, generation: u8, after: &str) {
    let planted = planted(generation);
    for (task, _, _) in TASKS {
        let mut found = BTreeMap::new();
        let azure = azure(world, task);
        collect(&azure, "", &mut found);
        let list = if task == "docker" { "arguments" } else { "values" };
        let expected = SECRETS
            .iter()
            .map(|(secret, pointer)| {
                (
                    pointer.replace("LIST", list),
                    planted[&format!("{task}-{secret}")].clone(),
                )
            })
            .collect::<BTreeMap<_, _>>();
        assert_eq!(found, expected, "{task} after {after}");
    }
}

/// Every planted text, by where it is.
fn collect(value: &Value, at: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) if text.contains(PLANTED) && text != OPEN => {
            found.insert(at.to_owned(), text.clone());
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// The updates that have nothing to do with secrets, one on top of the other: its name, the schedule, the arguments, and
/// what Azure then has at a place.
const UPDATES: [(&str, &str, &str, &str, &str); 4] = [
    (
        "tags",
        "0 21 * * *",
        "  tags = { team = \"planted-openly\" }\n",
        "/tags/team",
        "\"planted-openly\"",
    ),
    (
        "timeout",
        "0 21 * * *",
        "  tags = { team = \"planted-openly\" }\n  timeout_in_seconds = 600\n",
        "/properties/timeout",
        "600",
    ),
    (
        "enabled",
        "0 21 * * *",
        "  tags = { team = \"planted-openly\" }\n  timeout_in_seconds = 600\n  enabled = false\n",
        "/properties/status",
        "\"Disabled\"",
    ),
    (
        "schedule",
        "30 22 * * *",
        "  tags = { team = \"planted-openly\" }\n  timeout_in_seconds = 600\n  enabled = false\n",
        "/properties/trigger/timerTriggers/0/schedule",
        "\"30 22 * * *\"",
    ),
];

/// Lives through all updates, and returns what Terraform and the provider have logged and printed.
fn live(world: &World, form: Form) -> String {
    let sandbox = &world.sandbox;
    let mut printed = String::new();
    sandbox.write("main.tf", &configuration(form, 1, "0 21 * * *", ""));
    printed += &world.apply().output();
    all_there(world, 1, "create");
    for (update, schedule, more, pointer, expected) in UPDATES {
        sandbox.write("main.tf", &configuration(form, 1, schedule, more));
        let run = world.apply();
        run.says("0 added, 3 changed, 0 destroyed");
        printed += &run.output();
        for (task, _, _) in TASKS {
            let expected: Value = serde_json::from_str(expected).unwrap();
            assert_eq!(azure(world, task).pointer(pointer), Some(&expected), "{task}: {update}");
        }
        all_there(world, 1, update);
    }
    let run = sandbox.run(&["plan", "-detailed-exitcode"]);
    assert_eq!(run.code, Some(0), "{run}");
    printed + &run.output()
}

/// Fails when a text holds one of the secrets, or does not hold what is no secret.
pub fn search(name: &str, text: &str) {
    assert!(text.contains(OPEN), "{name} does not hold {OPEN}: was it looked at?");
    for (at, secret) in planted(1).into_iter().chain(planted(2)) {
        let secret = secret.trim_start_matches("https://").trim_end_matches(".example/");
        assert!(!text.contains(secret), "{name} holds the secret {at}");
    }
}

/// The state files of a sandbox, backups among them.
pub fn states(sandbox: &Sandbox) -> Vec<(String, String)> {
    let files = fs::read_dir(sandbox.path()).unwrap().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let states = names.filter(|name| name.contains("tfstate"));
    states
        .map(|name| (name.clone(), fs::read_to_string(sandbox.path().join(name)).unwrap()))
        .collect()
}

/// What logs everything that there is to log.
const TRACE: [(&str, &str); 3] = [
    ("TF_LOG", "TRACE"),
    ("TF_LOG_CORE", "TRACE"),
    ("TF_LOG_PROVIDER", "TRACE"),
];

/// A world with the secrets of the first generation, in which everything is logged.
fn traced(omitted: &str) -> World {
    let World { emulator, sandbox } = world(&json!({"put_omitted_secrets": omitted}));
    let trace = TRACE.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sandbox = sandbox.env(variable(1)).env(trace);
    World { emulator, sandbox }
}

#[test]
fn plain_secrets_survive_every_unrelated_update() {
    for omitted in ["wiped", "kept"] {
        let world = traced(omitted);
        search("the log", &live(&world, Form::Plain));
    }
}

#[test]
fn write_only_secrets_survive_every_unrelated_update_and_are_stored_nowhere() {
    for omitted in ["wiped", "kept"] {
        let world = traced(omitted);
        search("the log", &live(&world, Form::WriteOnly));
        let states = states(&world.sandbox);
        assert!(states.len() > 1, "the state and its backup");
        for (name, text) in states {
            search(&name, &text);
        }
    }
}
