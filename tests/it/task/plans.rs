//! What is said of a task before it is written.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::{Options, Seed};

use super::{SMALLEST, configuration, kept, task, task_id, tasks, writes};
use crate::{
    agent_pool::{World, change, options, registry, seed},
    sandbox::{Sandbox, Version},
};

/// How long a refused write may wait for somebody to mend what is wrong.
const SHORT: &str = "
  timeouts {
    create = \"3s\"
    update = \"3s\"
  }
";

fn with(more: Value) -> World {
    World::with(
        Version::Newest,
        Options {
            seed: seed(more),
            ..options()
        },
    )
}

fn on_pool(pool: &str) -> String {
    configuration(&format!("  agent_pool_name = \"{pool}\"\n{SMALLEST}{SHORT}"))
}

#[test]
fn a_pool_that_cannot_run_anything() {
    let pool = |name: &str, more: Value| {
        let mut pool = json!({"registry": "contosobuilds", "name": name});
        for (name, value) in more.as_object().unwrap() {
            pool[name] = value.clone();
        }
        pool
    };
    let world = with(json!({"agent_pools": [
        pool("good", json!({})),
        pool("failed", json!({"provisioning_state": "Failed"})),
        pool("empty", json!({"count": 0})),
    ]}));
    for (name, says) in [
        ("missing", "The agent pool does not exist"),
        ("failed", "The agent pool has failed"),
    ] {
        world.sandbox.write("main.tf", &on_pool(name));
        world.sandbox.ok(&["plan"]).says(says).says("Apply will be refused");
        world
            .sandbox
            .fails(&["apply", "-auto-approve"])
            .says(says)
            .says("Nothing was written.");
        assert_eq!(writes(&world), Vec::<String>::new(), "{name}");
    }
    // A pool without machines is a warning: its runs wait.
    world.sandbox.write("main.tf", &on_pool("empty"));
    world
        .sandbox
        .ok(&["apply", "-auto-approve"])
        .says("The agent pool has no machine");
    // Nothing is said of a task that does not change, whatever its pool.
    let said = world.sandbox.ok(&["plan", "-detailed-exitcode"]).output();
    assert!(!said.contains("no machine"), "{said}");

    // An update is refused like a create, and leaves the state as it was.
    world.sandbox.write("main.tf", &on_pool("missing"));
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("The agent pool does not exist");
    assert_eq!(
        (task(&world)["agent_pool_name"].clone(), writes(&world)),
        (json!("empty"), vec!["PUT 200".into()])
    );
    world.sandbox.write("main.tf", &on_pool("good"));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();

    // A pool that goes with the same plan.
    let pool = format!(
        "\nresource \"acr_agent_pool\" \"builds\" {{\n  name = \"builds\"\n  registry_id = \"{}\"\n  instance_count = 0\n}}\n",
        registry()
    );
    let together = on_pool("good").replace("\"good\"", "acr_agent_pool.builds.name") + &pool;
    world.sandbox.write("main.tf", &together);
    world
        .sandbox
        .ok(&["plan"])
        .says("The agent pool has no machine")
        .says("1 to add, 1 to change");
}

#[test]
fn the_trap_of_the_network_bypass() {
    let restricted = json!({"name": "contosobuilds", "resource_group": "rg-builds", "properties": {"publicNetworkAccess": "Disabled"}});
    let world = with(json!({"registries": [restricted]}));
    let system = "
  identity {
    type = \"SystemAssigned\"
  }
  registry_credential {
    source {
      identity = \"[system]\"
    }
  }
";
    world
        .sandbox
        .write("main.tf", &configuration(&format!("{SMALLEST}{system}")));
    world
        .sandbox
        .ok(&["apply", "-auto-approve"])
        .says("The registry refuses the identity of these runs")
        .says("networkRuleBypassAllowedForTasks");
    world.sandbox.plan_is_empty();
    assert_eq!(
        kept(&world)["properties"]["credentials"]["sourceRegistry"],
        json!({"identity": "[system]"})
    );
}

#[test]
fn what_azure_accepts_and_no_run_survives() {
    let world = World::new(Version::Newest);
    let body = SMALLEST.replace("  - cmd: bash echo hello\\n", "  - cmdd: bash\\n")
        + "  timer_trigger {\n    name = \"never\"\n    schedule = \"0 0 31 2 *\"\n  }\n";
    world.sandbox.write("main.tf", &configuration(&body));
    let run = world.sandbox.ok(&["plan"]);
    run.says("The task file cannot run")
        .says("line 3, column")
        .says("cmdd")
        .says("It never fires");
    let encoded = body.replace(
        "\"version: v1.1.0\\nsteps:\\n  - cmdd: bash\\n\"",
        "base64encode(\"version: v1.1.0\\nsteps:\\n  - cmdd: bash\\n\")",
    );
    assert_ne!(encoded, body);
    world.sandbox.write("main.tf", &configuration(&encoded));
    world.sandbox.ok(&["apply", "-auto-approve"]).says("line 3, column");
    let said = world.sandbox.ok(&["plan", "-detailed-exitcode"]).output();
    assert!(!said.contains("cannot run"), "said once: {said}");
    // The same file as text: an update of the state's words, and nothing for Azure to change.
    world.sandbox.write("main.tf", &configuration(&body));
    world.sandbox.plan_is_empty();
}

#[test]
fn errors_point_at_the_argument() {
    let world = World::new(Version::Newest);
    let refused = |body: &str, says: &[&str]| {
        world.sandbox.write("main.tf", &configuration(body));
        let run = world.sandbox.fails(&["validate"]);
        for says in says {
            run.says(says);
        }
    };
    refused(
        &format!("{SMALLEST}  timer_trigger {{\n    name = \"t\"\n    schedule = \"0 25 * * *\"\n  }}\n"),
        &["schedule = \"0 25 * * *\"", "hour", "25"],
    );
    refused(
        &format!("  agent_pool_name = \"builds\"\n{SMALLEST}  agent_setting {{\n    cpu = 2\n  }}\n"),
        &[
            "in resource \"acr_task\" \"t\":",
            "agent_setting {",
            "Remove agent_setting",
        ],
    );
    refused(
        "  platform {\n    os = \"Linux\"\n  }\n",
        &["add docker_step, file_step or encoded_step"],
    );
}

#[test]
fn a_cloud_without_the_newest_version() {
    let world = World::with(
        Version::Newest,
        Options {
            seed: Seed {
                task_api_versions: Some(vec!["2019-06-01-preview".into()]),
                ..seed(json!({}))
            },
            ..options()
        },
    );
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    let identity = "
  identity {
    type = \"SystemAssigned\"
  }
  registry_credential {
    source {
      login_mode = \"Default\"
      identity   = \"[system]\"
    }
  }
";
    world
        .sandbox
        .write("main.tf", &configuration(&format!("{SMALLEST}{identity}")));
    world
        .sandbox
        .fails(&["plan"])
        .says("identity   = \"[system]\"")
        .says("2025-03-01-preview");
    world.sandbox.write(
        "main.tf",
        &configuration(&format!("{SMALLEST}{identity}").replace("      identity   = \"[system]\"\n", "")),
    );
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
}

#[test]
fn a_plan_knows_what_can_be_known() {
    let world = World::new(Version::Newest);
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["plan", "-out=saved.plan"]);
    let planned = change(&world.sandbox.show_json(Some("saved.plan")), super::ADDRESS);
    assert_eq!(planned["after"]["location"], "eastus");
    assert_eq!(planned["after_unknown"]["id"], true);
    world.sandbox.ok(&["apply", "saved.plan"]);
    world.sandbox.write(
        "main.tf",
        &configuration(&format!("{SMALLEST}\n  timeout_in_seconds = 600\n")),
    );
    world.sandbox.ok(&["plan", "-out=saved.plan"]);
    let planned = change(&world.sandbox.show_json(Some("saved.plan")), super::ADDRESS);
    assert_eq!(planned["after_unknown"], json!({}), "an update leaves nothing open");
}

#[test]
fn a_reader_can_plan_and_refresh_everything() {
    let pools = json!({"agent_pools": [{"registry": "contosobuilds", "name": "builds"}]});
    let world = with(pools);
    let secret = "
  registry_credential {
    custom {
      login_server = \"other.example\"
      username     = \"me\"
      password     = \"s3cr3t\"
    }
  }
";
    let text = configuration(&format!("  agent_pool_name = \"builds\"\n{SMALLEST}{secret}"));
    world.sandbox.write("main.tf", &text);
    world.sandbox.ok(&["apply", "-auto-approve"]);
    let reader = Sandbox::new(Version::Newest).env(world.emulator.reader_environment());
    let state = std::fs::read_to_string(world.sandbox.path().join("terraform.tfstate")).unwrap();
    reader.write("terraform.tfstate", &state);
    reader.write("main.tf", &text);
    reader.ok(&["apply", "-refresh-only", "-auto-approve"]);
    reader.write(
        "main.tf",
        &text.replace("\"builds\"\n", "\"builds\"\n  enabled = false\n"),
    );
    let said = reader.ok(&["plan"]).output();
    // Terraform itself warns of the development override.
    assert_eq!(said.matches("Warning:").count(), 1, "without a warning of ours: {said}");
    reader
        .fails(&["apply", "-auto-approve"])
        .says("AuthorizationFailed")
        .says("registries/tasks/write")
        .says("Container Registry Tasks Contributor");
    reader.write("main.tf", &text);
    reader.plan_is_empty();
    assert_eq!(tasks(&world), ["nightly"]);
    assert!(kept(&world)["id"] == task_id("nightly"));
}

#[test]
fn nothing_is_written_of_a_task_when_only_timeouts_change() {
    let world = with(json!({}));
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world
        .sandbox
        .write("main.tf", &configuration(&format!("{SMALLEST}{SHORT}")));
    world.sandbox.ok(&["apply", "-auto-approve"]).says("1 changed");
    world.sandbox.plan_is_empty();
    assert_eq!(writes(&world), ["PUT 200"]);
}

#[test]
fn an_empty_map_is_as_good_as_none() {
    let world = with(json!({}));
    let with_maps = |tags: &str, in_step: &str| {
        configuration(&(tags.to_owned() + SMALLEST)).replace("    task_content", &format!("{in_step}    task_content"))
    };
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    // Terraform shows a change, and nothing is sent for it.
    for (tags, in_step) in [
        ("  tags = {}\n", ""),
        ("  tags = {}\n", "    values = {}\n    secret_values = {}\n"),
        ("", ""),
    ] {
        world.sandbox.write("main.tf", &with_maps(tags, in_step));
        world.sandbox.ok(&["plan", "-out=saved.plan"]);
        let planned = change(&world.sandbox.show_json(Some("saved.plan")), super::ADDRESS);
        assert_eq!(planned["after_unknown"], json!({}), "{tags}{in_step}");
        world.sandbox.ok(&["apply", "saved.plan"]).says("1 changed");
        world.sandbox.plan_is_empty();
        assert_eq!(writes(&world), ["PUT 200"], "{tags}{in_step}");
    }
}

#[test]
fn a_registry_that_does_not_exist_is_told_once() {
    let world = with(json!({}));
    let elsewhere = configuration(SMALLEST).replace("/registries/contosobuilds", "/registries/contosoother");
    world.sandbox.write("main.tf", &elsewhere);
    let planned = world.sandbox.ok(&["plan"]);
    planned.says("The registry does not exist").says("registry_id");
    // Terraform itself warns of the development override.
    assert_eq!(planned.output().matches("Warning:").count(), 2, "{planned}");
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("ResourceNotFound");
}

#[test]
fn values_that_are_known_after_apply() {
    let world = World::new(Version::Newest);
    let body = "
  platform {
    os = \"Linux\"
  }
  docker_step {
    dockerfile_path  = terraform_data.later.output
    context_path     = \"https://github.com/contoso/${terraform_data.later.output}.git\"
    image_names      = [terraform_data.later.output]
    arguments        = { A = terraform_data.later.output }
    secret_arguments = { B = terraform_data.later.output }
  }
  dynamic \"timer_trigger\" {
    for_each = toset([terraform_data.later.output])
    content {
      name     = timer_trigger.value
      schedule = \"0 21 * * *\"
    }
  }
  dynamic \"registry_credential\" {
    for_each = toset([terraform_data.later.output])
    content {
      dynamic \"custom\" {
        for_each = toset([terraform_data.later.output])
        content {
          login_server = \"${custom.value}.example\"
          username     = \"me\"
          password     = terraform_data.later.output
        }
      }
    }
  }
";
    let later = |value: &str| format!("\nresource \"terraform_data\" \"later\" {{\n  input = \"{value}\"\n}}\n");
    for value in ["app", "other"] {
        world.sandbox.write("main.tf", &(configuration(body) + &later(value)));
        world.sandbox.ok(&["apply", "-auto-approve"]);
        world.sandbox.plan_is_empty();
        let properties = &kept(&world)["properties"];
        assert_eq!(properties["trigger"]["timerTriggers"][0]["name"], value);
        assert_eq!(
            properties["credentials"]["customRegistries"][format!("{value}.example")]["password"]["value"],
            value
        );
    }
    // What turns out wrong at apply is refused before anything is written.
    world
        .sandbox
        .write("main.tf", &(configuration(body) + &later("with space")));
    world.sandbox.ok(&["plan"]);
    world.sandbox.fails(&["apply", "-auto-approve"]).says("white space");
    assert_eq!(writes(&world), ["PUT 200", "PUT 200"]);
}

#[test]
fn write_only_arguments_need_a_terraform_that_has_them() {
    let body = SMALLEST.replace(
        "  encoded_step {\n",
        "  encoded_step {\n    context_access_token_wo = \"s3cr3t\"\n    context_access_token_wo_version = 1\n",
    );
    let world = World::new(Version::Oldest);
    world.sandbox.write("main.tf", &configuration(&body));
    world
        .sandbox
        .fails(&["validate"])
        .says("Use 1.11 or newer, or the plain argument");
    let world = World::new(Version::Newest);
    world.sandbox.write("main.tf", &configuration(&body));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    assert!(!world.sandbox.state().to_string().contains("s3cr3t"));
    assert_eq!(kept(&world)["properties"]["step"]["contextAccessToken"], "s3cr3t");
}

#[test]
fn a_run_is_judged_by_what_its_task_will_be() {
    let world = with(json!({}));
    let pool = |name: &str| {
        format!(
            "\nresource \"acr_agent_pool\" \"{name}\" {{\n  name = \"{name}\"\n  registry_id = \"{}\"\n}}\n",
            registry()
        )
    };
    let on = |name: &str| on_pool("x").replace("\"x\"", &format!("acr_agent_pool.{name}.name"));
    world
        .sandbox
        .write("main.tf", &(on("first") + &pool("first") + &pool("second")));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    let run = "\nresource \"acr_task_run\" \"r\" {\n  task_id = acr_task.t.id\n}\n";
    world.sandbox.write("main.tf", &(on("second") + &pool("second") + run));
    let planned = world.sandbox.ok(&["plan"]);
    planned.says("1 to add, 1 to change, 1 to destroy");
    assert!(!planned.output().contains("is removed"), "{planned}");
}
