//! What happens behind Terraform's back is seen and mended; what only looks different is not.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Mutation;

use super::{SMALLEST, configuration, kept, task, task_id};
use crate::{agent_pool::World, sandbox::Version};

const BODY: &str = "
  agent_pool_name = \"builds\"
  platform {
    os = \"Linux\"
  }
  docker_step {
    dockerfile_path  = \"Dockerfile\"
    context_path     = \"https://github.com/contoso/app.git\"
    image_names      = [\"b\", \"a\"]
    secret_arguments = { SHUT = \"s3cr3t\" }
  }
  timer_trigger {
    name     = \"two\"
    schedule = \"0 2 * * *\"
  }
  timer_trigger {
    name     = \"one\"
    schedule = \"0 1 * * *\"
  }
  registry_credential {
    custom {
      login_server = \"b.example\"
      username     = \"me\"
      password     = \"s3cr3t\"
    }
    custom {
      login_server = \"a.example\"
      username     = \"me\"
      password     = \"s3cr3t\"
    }
  }
";

fn world() -> World {
    let seed = crate::agent_pool::seed(json!({"agent_pools": [{"registry": "contosobuilds", "name": "builds"}]}));
    World::with(
        Version::Newest,
        terraform_provider_acr::emulator::Options {
            seed,
            ..crate::agent_pool::options()
        },
    )
}

fn set(world: &World, member: &str, value: Value) {
    let set = [(member.to_owned(), value)].into_iter().collect();
    world
        .emulator
        .mutate(&task_id("nightly"), Mutation { set, delete: false })
        .unwrap();
}

#[test]
fn what_is_changed_elsewhere_is_mended() {
    let world = world();
    world.sandbox.write("main.tf", &configuration(BODY));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    let before = kept(&world);
    let two = json!({"name": "two", "schedule": "0 2 * * *"});
    for (member, value, shows) in [
        (
            "trigger",
            json!({"timerTriggers": [two, {"name": "three", "schedule": "0 3 * * *"}, {"name": "one", "schedule": "0 1 * * *"}]}),
            "\"three\" -> null",
        ),
        ("trigger", json!({"timerTriggers": [two]}), "+ timer_trigger"),
        ("agentPoolName", Value::Null, "+ agent_pool_name"),
        ("timeout", json!(600), "600 -> 3600"),
        ("status", json!("Disabled"), "false -> true"),
        ("logTemplate", json!("logs:x"), "\"logs:x\" -> null"),
        ("credentials", Value::Null, "+ registry_credential"),
        ("tags", json!({"a": "b"}), "- tags"),
    ] {
        set(&world, member, value.clone());
        let run = world.sandbox.run(&["plan", "-detailed-exitcode"]);
        assert_eq!(run.code, Some(2), "{member} {value}: {run}");
        run.says(shows).says("0 to add, 1 to change, 0 to destroy");
        world.sandbox.ok(&["apply", "-auto-approve"]);
        world.sandbox.plan_is_empty();
        let after = kept(&world);
        assert_eq!(
            (&after["properties"], &after["tags"]),
            (&before["properties"], &before["tags"]),
            "{member}"
        );
    }
    world
        .emulator
        .mutate(
            &task_id("nightly"),
            Mutation {
                set: serde_json::Map::new(),
                delete: true,
            },
        )
        .unwrap();
    world.sandbox.run(&["plan"]).says("1 to add, 0 to change, 0 to destroy");
    world.sandbox.ok(&["apply", "-auto-approve"]);
    world.sandbox.plan_is_empty();
    assert_eq!(
        kept(&world)["properties"]["step"],
        before["properties"]["step"],
        "with its secrets"
    );
}

#[test]
fn what_only_looks_different_is_no_change() {
    let world = world();
    world.sandbox.write("main.tf", &configuration(BODY));
    world.sandbox.ok(&["apply", "-auto-approve"]);
    let properties = kept(&world)["properties"].clone();
    let mut step = properties["step"].clone();
    step["imageNames"] = json!(["a", "b"]);
    let timer = |at: usize| properties["trigger"]["timerTriggers"][at].clone();
    for (member, value) in [
        ("status", json!("enabled")),
        ("agentPoolName", json!("BUILDS")),
        ("agentConfiguration", json!({"cpu": 2})),
        ("platform", json!({"os": "linux", "architecture": "AMD64"})),
        ("step", step),
        ("trigger", json!({"timerTriggers": [timer(1), timer(0)]})),
        ("tags", json!({})),
    ] {
        set(&world, member, value.clone());
        let run = world.sandbox.run(&["plan", "-detailed-exitcode"]);
        assert_eq!(run.code, Some(0), "{member} {value}: {run}");
    }
}

#[test]
fn a_destroy_finds_the_task_gone() {
    for version in Version::both() {
        let world = World::new(version);
        world.sandbox.write("main.tf", &configuration(SMALLEST));
        world.sandbox.ok(&["apply", "-auto-approve"]);
        let gone = Mutation {
            set: serde_json::Map::new(),
            delete: true,
        };
        world.emulator.mutate(&task_id("nightly"), gone).unwrap();
        world.sandbox.ok(&["destroy", "-auto-approve", "-refresh=false"]);
        assert_eq!(task(&world), Value::Null);
    }
}
