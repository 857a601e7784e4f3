//! The life of a task.

use serde_json::json;

use super::{SMALLEST, configuration, kept, named, task, task_id, tasks, writes};
use crate::{
    agent_pool::{HEADER, World, attributes, registry},
    sandbox::{Sandbox, Version},
};

/// Everything that a task can have.
const FULL: &str = "
  agent_pool_name    = acr_agent_pool.builds.name
  log_template       = \"acr/logs:{{.Run.ID}}\"
  timeout_in_seconds = 1800
  enabled            = false
  tags               = { team = \"build\" }

  platform {
    os = \"Linux\"
  }

  docker_step {
    dockerfile_path      = \"Dockerfile\"
    context_path         = \"https://github.com/contoso/app.git#main\"
    context_access_token = \"s3cr3t-context\"
    image_names          = [\"app:{{.Run.ID}}\", \"app:latest\"]
    cache_enabled        = false
    target               = \"final\"
    arguments            = { OPEN = \"plain\" }
    secret_arguments     = { SHUT = \"s3cr3t-argument\" }
  }

  timer_trigger {
    name     = \"every-night\"
    schedule = \"0 21 * * *\"
  }

  source_trigger {
    name           = \"commits\"
    events         = [\"commit\"]
    source_type    = \"Github\"
    repository_url = \"https://github.com/contoso/app\"
    branch         = \"main\"
    enabled        = false
    authentication {
      token_type = \"PAT\"
      token      = \"s3cr3t-trigger\"
    }
  }

  base_image_trigger {
    name                    = \"base\"
    type                    = \"Runtime\"
    update_trigger_endpoint = \"https://s3cr3t.example/\"
  }

  identity {
    type = \"SystemAssigned\"
  }

  registry_credential {
    source {
      login_mode = \"Default\"
      identity   = \"[system]\"
    }
    custom {
      login_server = \"other.example\"
      username     = \"me\"
      password     = \"s3cr3t-password\"
    }
  }
";

fn pool() -> String {
    format!(
        "\nresource \"acr_agent_pool\" \"builds\" {{\n  name        = \"builds\"\n  registry_id = \"{}\"\n}}\n",
        registry()
    )
}

#[test]
fn create_update_destroy_with_its_pool_in_one_apply() {
    for version in Version::both() {
        let world = World::new(version);
        world.sandbox.write("main.tf", &(configuration(FULL) + &pool()));
        world.sandbox.ok(&["apply", "-auto-approve"]);
        world.sandbox.plan_is_empty();
        let state = task(&world);
        assert_eq!(state["id"], task_id("nightly"));
        assert_eq!(
            (&state["location"], &state["base_image_dependencies"]),
            (&json!("eastus"), &json!([]))
        );
        assert!(state["identity"][0]["principal_id"].is_string(), "{state}");
        let properties = &kept(&world)["properties"];
        assert_eq!(properties["agentPoolName"], "builds");
        assert_eq!(properties["step"]["contextAccessToken"], "s3cr3t-context");
        assert_eq!(
            properties["step"]["arguments"],
            json!([{"name": "OPEN", "value": "plain", "isSecret": false},
                   {"name": "SHUT", "value": "s3cr3t-argument", "isSecret": true}])
        );
        assert_eq!(properties["status"], "Disabled");

        // What is removed from the configuration is removed in Azure, and what stays keeps its secrets.
        let smaller = FULL
            .replace("  agent_pool_name    = acr_agent_pool.builds.name\n", "")
            .replace("  log_template       = \"acr/logs:{{.Run.ID}}\"\n", "")
            .replace("  enabled            = false\n  tags", "  tags")
            .replace("  tags               = { team = \"build\" }\n", "");
        world.sandbox.write("main.tf", &(configuration(&smaller) + &pool()));
        world
            .sandbox
            .ok(&["apply", "-auto-approve"])
            .says("0 added, 1 changed, 0 destroyed");
        world.sandbox.plan_is_empty();
        let after = kept(&world);
        let properties = &after["properties"];
        assert_eq!(
            (&properties["agentPoolName"], &properties["logTemplate"]),
            (&json!(null), &json!(null))
        );
        assert_eq!(properties["status"], "Enabled");
        assert_eq!(after["tags"], json!({}));
        assert_eq!(properties["step"]["contextAccessToken"], "s3cr3t-context");
        assert_eq!(task(&world)["identity"], state["identity"], "the identity is the same");
        assert_eq!(task(&world)["creation_date"], state["creation_date"]);

        world.sandbox.ok(&["destroy", "-auto-approve"]);
        assert_eq!((tasks(&world), world.pools()), (vec![], vec![]));
        assert_eq!(writes(&world), ["PUT 200", "PUT 200", "DELETE 200"]);
    }
}

#[test]
fn a_task_in_place_of_another_kind() {
    let world = World::new(Version::Newest);
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    let file = "
  platform {
    os           = \"Linux\"
    architecture = \"arm64\"
    variant      = \"v8\"
  }
  file_step {
    task_file_path  = \"acr-task.yaml\"
    context_path    = \"https://github.com/contoso/app.git\"
    value_file_path = \"values.yaml\"
    values          = { A = \"1\" }
    secret_values   = { B = \"s3cr3t\" }
  }
  agent_setting {
    cpu = 2
  }
";
    world.sandbox.write("main.tf", &configuration(file));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    let step = &kept(&world)["properties"]["step"];
    assert_eq!(
        (&step["type"], &step["encodedTaskContent"]),
        (&json!("FileTask"), &json!(null))
    );
    world.sandbox.write("main.tf", &named("weekly", SMALLEST));
    world.sandbox.run(&["plan"]).says("1 to add, 0 to change, 1 to destroy");
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    assert_eq!(tasks(&world), ["weekly"]);
    world
        .sandbox
        .write("main.tf", &named("quicktask", "  is_system_task = true\n"));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    world.sandbox.ok(&["destroy", "-auto-approve"]);
    assert_eq!(tasks(&world), Vec::<String>::new());
}

#[test]
fn import_in_any_casing_and_with_a_list_of_what_is_missing() {
    let world = World::new(Version::Newest);
    let text = configuration(FULL).replace("acr_agent_pool.builds.name", "\"builds\"");
    let mut both = configuration(FULL) + &pool();
    world.sandbox.write("main.tf", &both);
    world.sandbox.ok(&["apply", "-auto-approve"]);
    let second = world.another();
    second.write("main.tf", &text);
    let run = second.ok(&["import", super::ADDRESS, &task_id("nightly").to_uppercase()]);
    for missing in [
        "secret_arguments (SHUT)",
        "docker_step: context_access_token",
        "source_trigger \"commits\": authentication: its tokens",
        "base_image_trigger \"base\": update_trigger_endpoint",
        "custom \"other.example\": password",
        "has null for them as generated configuration does, removes them from the task in Azure",
    ] {
        run.says(missing);
    }
    assert!(!run.output().contains("s3cr3t"), "{run}");
    let imported = attributes(&second, super::ADDRESS);
    let created = task(&world);
    assert!(
        !second.state().to_string().contains("s3cr3t"),
        "no secret gets into a state that nobody asked to hold it"
    );
    assert_eq!(imported["source_trigger"][0]["authentication"][0]["token_type"], "PAT");
    assert_eq!(imported["registry_credential"][0]["custom"][0]["username"], "me");
    // A reader gets less, and is told.
    let reader = Sandbox::new(Version::Newest).env(world.emulator.reader_environment());
    reader.write("main.tf", &text);
    reader
        .ok(&["import", super::ADDRESS, &task_id("nightly")])
        .says("context_access_token, if there is one")
        .says("custom \"other.example\": username, password, identity");
    for name in [
        "id",
        "name",
        "registry_id",
        "platform",
        "timer_trigger",
        "identity",
        "log_template",
        "agent_pool_name",
        "enabled",
        "tags",
        "creation_date",
        "location",
        "timeout_in_seconds",
    ] {
        assert_eq!(imported[name], created[name], "{name}");
    }
    second
        .ok(&["apply", "-auto-approve"])
        .says("0 added, 1 changed, 0 destroyed");
    second.plan_is_empty();
    assert_eq!(
        kept(&world)["properties"]["step"]["contextAccessToken"],
        "s3cr3t-context"
    );

    // A task without secrets is there at once.
    let identity = "
  identity {
    type = \"SystemAssigned\"
  }
  registry_credential {
    custom {
      login_server = \"other.example\"
      identity     = \"[system]\"
    }
  }
";
    both = named("plain", &format!("{SMALLEST}{identity}"));
    let third = world.another();
    third.write("main.tf", &both);
    third.ok(&["apply", "-auto-approve"]);
    let fourth = world.another();
    let block = format!(
        "\nimport {{\n  to = acr_task.t\n  id = \"{}\"\n}}\n",
        task_id("plain").to_lowercase()
    );
    fourth.write("main.tf", &(both + &block));
    fourth
        .ok(&["apply", "-auto-approve"])
        .says("1 imported, 0 added, 0 changed, 0 destroyed");
    fourth.plan_is_empty();
    for wrong in [
        "nightly",
        "/subscriptions/x",
        &registry(),
        &format!("{}/agentPools/builds", registry()),
    ] {
        world.another().fails(&["import", super::ADDRESS, wrong]);
    }
}

#[test]
fn nothing_secret_is_logged() {
    let world = World::new(Version::Newest);
    let mut logs = String::new();
    let traced = world.another().env(
        [("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "TRACE")].map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    for more in ["", "  timeout_in_seconds = 600\n"] {
        let text = configuration(&FULL.replace("  timeout_in_seconds = 1800\n", more)) + &pool();
        traced.write("main.tf", &text);
        logs += &traced.ok(&["apply", "-auto-approve"]).output();
        logs += &traced.ok(&["plan"]).output();
    }
    world.fault(
        json!({"match": {"method": "PUT", "path_contains": "/tasks/"}, "times": 1,
        "action": {"respond": {"status": 400, "body": {"error": {"code": "InvalidRepositoryUrl", "message": "no"}}}}}),
    );
    traced.write("main.tf", &(configuration(FULL) + &pool()));
    logs += &traced.fails(&["apply", "-auto-approve"]).output();
    let secret = logs.lines().find(|line| line.contains("s3cr3t"));
    assert_eq!(secret, None);
    for planted in ["contextAccessToken", "SHUT", "other.example", "InvalidRepositoryUrl"] {
        assert!(logs.contains(planted), "the logs tell of bodies: {planted}");
    }
    let details = world.emulator.task_secrets(&task_id("nightly")).unwrap().to_string();
    for secret in [
        "s3cr3t-context",
        "s3cr3t-argument",
        "s3cr3t-trigger",
        "s3cr3t.example",
        "s3cr3t-password",
    ] {
        assert!(details.contains(secret), "{secret} was sent");
    }
}

#[test]
fn a_task_that_exists_is_not_adopted() {
    let world = World::new(Version::Newest);
    world.sandbox.write("main.tf", &configuration(SMALLEST));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    let second = world.another();
    second.write("main.tf", &configuration(SMALLEST));
    second.ok(&["plan"]).says("exists now").says(&task_id("nightly"));
    second
        .fails(&["apply", "-auto-approve"])
        .says("exists already")
        .says("import {");
    assert_eq!(writes(&world), ["PUT 200"]);
    // Neither is a task written of whose registry nothing exists.
    let elsewhere = world.another();
    elsewhere.write(
        "main.tf",
        &format!(
            "{HEADER}{}",
            configuration(SMALLEST)
                .replace(HEADER, "")
                .replace("contosobuilds", "fabrikambuilds")
        ),
    );
    elsewhere.fails(&["apply", "-auto-approve"]);
    assert_eq!(writes(&world), ["PUT 200"]);
}
