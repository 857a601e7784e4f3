//! What somebody changed behind Terraform's back is shown and put right. What Azure only spells otherwise, fills in or
//! sorts anew is not.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Mutation;

use super::{stored, task_id, world};
use crate::{
    agent_pool::{HEADER, World, attributes, registry},
    sandbox::Run,
};

const NAME: &str = "build-app";

/// A task with something of everything that a read shows.
fn configuration() -> String {
    format!(
        r#"{HEADER}
resource "acr_task" "t" {{
  name            = "{NAME}"
  registry_id     = "{}"
  agent_pool_name = "pool-a"
  log_template    = "acr/logs:{{{{.Run.ID}}}}"
  tags            = {{ team = "build", cost = "1" }}

  platform {{
    os      = "Linux"
    architecture = "arm"
    variant = "v7"
  }}

  docker_step {{
    dockerfile_path  = "Dockerfile"
    context_path     = "https://github.com/contoso/app.git#main"
    image_names      = ["app:{{{{.Run.ID}}}}", "app:latest"]
    target           = "final"
    arguments        = {{ LEVEL = "info", COLOUR = "blue" }}
    secret_arguments = {{ TOKEN = "secret-one", PASSWORD = "secret-two" }}
  }}

  timer_trigger {{
    name     = "nightly"
    schedule = "0 21 * * *"
  }}

  timer_trigger {{
    name     = "weekly"
    schedule = "0 3 * * 0"
    enabled  = false
  }}

  source_trigger {{
    name           = "push"
    events         = ["commit", "pullrequest"]
    source_type    = "Github"
    repository_url = "https://github.com/contoso/app"
    branch         = "main"

    authentication {{
      token_type = "PAT"
      token      = "secret-three"
    }}
  }}

  base_image_trigger {{
    name                    = "base"
    type                    = "Runtime"
    update_trigger_endpoint = "https://secret-four.example/"
  }}

  identity {{
    type = "SystemAssigned"
  }}

  registry_credential {{
    source {{
      login_mode = "Default"
    }}

    custom {{
      login_server = "one.example"
      username     = "user"
      password     = "secret-five"
    }}

    custom {{
      login_server = "two.example"
      identity     = "[system]"
    }}
  }}
}}
"#,
        registry()
    )
}

fn applied() -> World {
    applied_where(&json!({}))
}

fn applied_where(assumptions: &Value) -> World {
    let world = world(assumptions);
    world.sandbox.write("main.tf", &configuration());
    world.apply();
    world.sandbox.plan_is_empty();
    world
}

fn azure(world: &World) -> Value {
    stored(&world.emulator, NAME)
}

/// Sets a property of the task behind ARM's back; `null` takes it away.
fn set(world: &World, name: &str, value: Value) {
    world
        .emulator
        .mutate(&task_id(NAME), Mutation::set(name, value))
        .unwrap();
}

/// Sets what a JSON pointer into the task leads to, in an object or at the end of a list; `null` takes it away.
fn edit(world: &World, pointer: &str, value: &Value) {
    let mut task = azure(world);
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match task.pointer_mut(parent).unwrap() {
        Value::Array(items) if last == "-" => items.push(value.clone()),
        Value::Array(items) if value.is_null() => drop(items.remove(last.parse().unwrap())),
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value.clone(),
        object => object[last] = value.clone(),
    }
    let member = pointer
        .split('/')
        .nth(if pointer.starts_with("/properties") { 2 } else { 1 })
        .unwrap();
    let changed = match pointer.starts_with("/properties") {
        true => task["properties"][member].clone(),
        false => task[member].clone(),
    };
    set(world, member, changed);
}

/// What is changed elsewhere, and what the plan shows of it.
fn changes() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let hourly = json!({"name": "hourly", "schedule": "0 * * * *", "status": "Enabled"});
    vec![
        ("/tags/team", json!("ship"), &["\"team\" = \"ship\" -> \"build\""]),
        ("/tags", json!({}), &["\"team\" = \"build\""]),
        ("/properties/status", json!("Disabled"), &["enabled", "false -> true"]),
        (
            "/properties/agentPoolName",
            Value::Null,
            &["agent_pool_name", "\"pool-a\""],
        ),
        (
            "/properties/agentPoolName",
            json!("pool-b"),
            &["\"pool-b\" -> \"pool-a\""],
        ),
        (
            "/properties/timeout",
            json!(600),
            &["timeout_in_seconds", "600 -> 3600"],
        ),
        ("/properties/logTemplate", Value::Null, &["log_template", "acr/logs"]),
        ("/properties/platform/variant", Value::Null, &["variant", "\"v7\""]),
        (
            "/properties/trigger/timerTriggers/-",
            hourly,
            &["timer_trigger", "\"hourly\" -> null"],
        ),
        (
            "/properties/trigger/timerTriggers/0",
            Value::Null,
            &["timer_trigger", "\"nightly\""],
        ),
        (
            "/properties/trigger/timerTriggers/0/schedule",
            json!("0 22 * * *"),
            &["\"0 22 * * *\" -> \"0 21 * * *\""],
        ),
        (
            "/properties/trigger/timerTriggers/1/status",
            json!("Enabled"),
            &["enabled", "true -> false"],
        ),
        (
            "/properties/trigger/sourceTriggers/0/sourceRepository/branch",
            json!("dev"),
            &["\"dev\" -> \"main\""],
        ),
        (
            "/properties/trigger/sourceTriggers",
            Value::Null,
            &["source_trigger", "\"push\""],
        ),
        (
            "/properties/trigger/baseImageTrigger/status",
            json!("Disabled"),
            &["false -> true"],
        ),
        (
            "/properties/trigger",
            Value::Null,
            &["\"nightly\"", "\"push\"", "\"base\""],
        ),
        ("/properties/step/target", json!("test"), &["\"test\" -> \"final\""]),
        (
            "/properties/step/noCache",
            json!(true),
            &["cache_enabled", "false -> true"],
        ),
        (
            "/properties/step/imageNames/1",
            json!("app:old"),
            &["\"app:old\"", "\"app:latest\""],
        ),
        (
            "/properties/step/contextPath",
            json!("https://github.com/contoso/fork.git"),
            &["fork.git", "app.git#main"],
        ),
        // What was there as `az acr task update --source-acr-auth-id` leaves it.
        (
            "/properties/credentials/sourceRegistry/identity",
            json!("[system]"),
            &["identity", "\"[system]\" -> null"],
        ),
        (
            "/properties/credentials/sourceRegistry",
            Value::Null,
            &["login_mode", "\"Default\""],
        ),
        (
            "/properties/credentials/customRegistries/three.example",
            json!({"identity": "[system]"}),
            &["three.example"],
        ),
        ("/properties/credentials", Value::Null, &["one.example", "two.example"]),
    ]
}

#[test]
fn what_was_changed_elsewhere_is_shown_and_put_right() {
    let world = applied();
    let whole = azure(&world);
    for (pointer, value, shows) in changes() {
        edit(&world, pointer, &value);
        let found = azure(&world).pointer(pointer).cloned();
        assert!(
            pointer.ends_with('-') || found != whole.pointer(pointer).cloned(),
            "{pointer} has not been changed"
        );
        let run = world.apply();
        run.says("0 added, 1 changed, 0 destroyed");
        for text in shows {
            assert!(run.output().contains(text), "{pointer}: no {text} in\n{run}");
        }
        assert!(!run.output().contains("secret-"), "{pointer}:\n{run}");
        let mut after = azure(&world);
        after["systemData"] = whole["systemData"].clone();
        assert_eq!(after, whole, "{pointer} has not been put right");
    }
    world.sandbox.plan_is_empty();
}

/// Names are all that Azure shows of secrets: values that somebody else gave cannot be seen, names can.
#[test]
fn secrets_that_came_or_went_are_noticed_by_their_names() {
    let world = applied();
    let whole = azure(&world);
    let stranger = json!({"name": "STRANGER", "value": "secret-six", "isSecret": true});
    let of_step = |world: &World| azure(world)["properties"]["step"]["arguments"].clone();
    let taken = of_step(&world)
        .as_array()
        .unwrap()
        .iter()
        .position(|it| it["name"] == "TOKEN")
        .unwrap();
    for (pointer, value) in [
        ("/properties/step/arguments/-".to_owned(), stranger),
        (format!("/properties/step/arguments/{taken}"), Value::Null),
    ] {
        edit(&world, &pointer, &value);
        assert_ne!(of_step(&world), whole["properties"]["step"]["arguments"]);
        let run = world.apply();
        run.says("0 added, 1 changed, 0 destroyed").says("secret_arguments");
        assert!(!run.output().contains("secret-"), "{run}");
        assert_eq!(of_step(&world), whole["properties"]["step"]["arguments"], "{pointer}");
    }
}

#[test]
fn a_task_deleted_elsewhere_is_made_again() {
    let world = applied();
    world.emulator.mutate(&task_id(NAME), Mutation::delete()).unwrap();
    world.apply().says("1 added, 0 changed, 0 destroyed");
    world.sandbox.plan_is_empty();
    // A destroy that finds the task gone has done its work.
    world.emulator.mutate(&task_id(NAME), Mutation::delete()).unwrap();
    world.sandbox.ok(&["destroy", "-auto-approve", "-refresh=false"]);
}

/// A plan that finds nothing to do and nothing changed outside of Terraform.
fn nothing(world: &World, why: &str) -> Run {
    let run = world.sandbox.run(&["plan", "-detailed-exitcode"]);
    assert_eq!(run.code, Some(0), "{why}\n{run}");
    assert!(
        !run.output().contains("Objects have changed outside of Terraform"),
        "{why}\n{run}"
    );
    let refreshed = world.sandbox.run(&["plan", "-refresh-only", "-detailed-exitcode"]);
    assert_eq!(refreshed.code, Some(0), "{why}\n{refreshed}");
    run
}

/// Reverses the lists of the task whose order means nothing.
fn reordered(world: &World) {
    let mut properties = azure(world)["properties"].take();
    for list in [
        "/step/imageNames",
        "/step/arguments",
        "/trigger/timerTriggers",
        "/trigger/sourceTriggers/0/sourceTriggerEvents",
    ] {
        let items = properties.pointer_mut(list).unwrap().as_array_mut().unwrap();
        assert!(items.len() > 1, "{list}");
        items.reverse();
    }
    for member in ["step", "trigger"] {
        set(world, member, properties[member].clone());
    }
}

/// Spells every word of the task otherwise, and fills in what means nothing.
fn recased(world: &World) {
    for (pointer, value) in [
        ("/properties/status", "enabled"),
        ("/properties/agentPoolName", "POOL-A"),
        ("/properties/platform/os", "linux"),
        ("/properties/platform/architecture", "ARM"),
        ("/properties/platform/variant", "V7"),
        ("/properties/trigger/timerTriggers/0/status", "ENABLED"),
        ("/properties/trigger/timerTriggers/0/name", "Nightly"),
        ("/properties/trigger/timerTriggers/1/status", "disabled"),
        (
            "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlType",
            "GitHub",
        ),
        ("/properties/trigger/sourceTriggers/0/sourceTriggerEvents/0", "Commit"),
        // Clients know the base images as `Runtime` and the specification has `RunTime` elsewhere.
        ("/properties/trigger/baseImageTrigger/baseImageTriggerType", "RunTime"),
        (
            "/properties/trigger/baseImageTrigger/updateTriggerPayloadType",
            "default",
        ),
        ("/properties/credentials/sourceRegistry/loginMode", "default"),
    ] {
        edit(world, pointer, &json!(value));
    }
    // Azure fills that in for a task on a pool as well.
    set(world, "agentConfiguration", json!({"cpu": 2}));
}

#[test]
fn other_spellings_and_orders_are_no_drift() {
    // Ids come back in another casing as well.
    let world = applied_where(&json!({"id_casing": "recased"}));
    let before = attributes(&world.sandbox, "acr_task.t");
    recased(&world);
    nothing(&world, "words in another casing");
    reordered(&world);
    nothing(&world, "lists in another order");
    world.sandbox.ok(&["apply", "-refresh-only", "-auto-approve"]);
    assert_eq!(attributes(&world.sandbox, "acr_task.t"), before);
}

/// A `null` is as good as nothing, and so is an empty list or object; what is left out is as good as its default.
#[test]
fn nulls_and_what_is_left_out_are_no_drift() {
    let world = world(&json!({}));
    world.sandbox.write(
        "main.tf",
        &format!(
            "{HEADER}\nresource \"acr_task\" \"t\" {{\n  name = \"{NAME}\"\n  registry_id = \"{}\"\n  platform {{\n    os = \"Linux\"\n  }}\n  encoded_step {{\n    task_content = \"steps: [{{cmd: bash}}]\\n\"\n  }}\n}}\n",
            registry()
        ),
    );
    world.apply();
    nothing(&world, "as Azure has it");
    let task = azure(&world);
    let step = &task["properties"]["step"];
    let body = |properties: Value| json!({"id": task["id"], "name": task["name"], "type": task["type"], "location": task["location"], "properties": properties});
    let date = &task["properties"]["creationDate"];
    let spare = json!({"platform": {"os": "Linux"}, "creationDate": date,
        "step": {"type": "EncodedTask", "encodedTaskContent": step["encodedTaskContent"]}});
    let mut nulls = body(
        json!({"provisioningState": "Succeeded", "status": "Enabled", "creationDate": date, "timeout": 3600, "isSystemTask": false,
        "platform": {"os": "Linux", "architecture": "amd64", "variant": null}, "agentConfiguration": {"cpu": 2},
        "agentPoolName": null, "logTemplate": null,
        "step": {"type": "EncodedTask", "encodedTaskContent": step["encodedTaskContent"], "encodedValuesContent": null, "values": null,
            "contextPath": null, "contextAccessToken": null, "baseImageDependencies": null},
        "trigger": {"timerTriggers": null, "sourceTriggers": null, "baseImageTrigger": null},
        "credentials": {"sourceRegistry": null, "customRegistries": null}}),
    );
    nulls["tags"] = Value::Null;
    nulls["identity"] = Value::Null;
    let mut empty = nulls.clone();
    empty["properties"]["trigger"] = json!({"timerTriggers": [], "sourceTriggers": []});
    empty["properties"]["credentials"] = json!({"sourceRegistry": {}, "customRegistries": {}});
    empty["properties"]["step"]["values"] = json!([]);
    empty["properties"]["step"]["contextPath"] = json!("");
    empty["properties"]["agentPoolName"] = json!("");
    empty["properties"]["logTemplate"] = json!("");
    empty["tags"] = json!({});
    empty["identity"] = json!({"type": "None"});
    let mut null_parts = nulls.clone();
    null_parts["properties"]["trigger"] = Value::Null;
    null_parts["properties"]["credentials"] = Value::Null;
    null_parts["properties"]["agentConfiguration"] = Value::Null;
    for (why, answer) in [
        ("no member that is not needed", body(spare)),
        ("nulls within", nulls),
        ("null parts", null_parts),
        ("empty parts", empty),
    ] {
        world.fault(json!({"match": {"method": "GET", "path_ends": format!("/tasks/{NAME}")}, "action": {"respond": {"status": 200, "body": answer}}}));
        nothing(&world, why);
    }
}
