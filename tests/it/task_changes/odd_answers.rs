//! Answers that other clients have stumbled over: nothing here takes for granted what the specification does not promise.

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Mutation;

use super::{stored, task_id, world};
use crate::{
    agent_pool::{HEADER, World, registry},
    sandbox::Run,
};

const NAME: &str = "build-app";

fn applied(more: &str) -> World {
    let world = world(&json!({}));
    let text = format!(
        "{HEADER}\nresource \"acr_task\" \"t\" {{\n  name = \"{NAME}\"\n  registry_id = \"{}\"\n  platform {{\n    os = \"Linux\"\n  }}\n  encoded_step {{\n    task_content = \"steps: [{{cmd: bash}}]\\n\"\n  }}\n{more}}}\n",
        registry()
    );
    world.sandbox.write("main.tf", &text);
    world.apply();
    world
}

fn no_crash(run: &Run) {
    for word in ["panic", "crash", "bug in the provider", "Plugin did not respond"] {
        assert!(!run.output().contains(word), "{run}");
    }
}

#[test]
fn a_task_that_the_azure_cli_gave_an_identity() {
    let world = applied("");
    for source in [
        json!({"identity": "[system]"}),
        json!({"identity": "12345678-9abc-def0-1234-56789abcdef0", "loginMode": "Default"}),
        json!({"loginMode": "None"}),
    ] {
        let credentials = json!({"sourceRegistry": source});
        let change = Mutation::set("credentials", credentials.clone());
        world.emulator.mutate(&task_id(NAME), change).unwrap();
        assert_eq!(stored(&world.emulator, NAME)["properties"]["credentials"], credentials);
        let run = world.sandbox.run(&["plan", "-detailed-exitcode"]);
        assert_eq!(run.code, Some(2), "{run}");
        no_crash(&run);
        run.says("- registry_credential {");
        world.apply();
        assert_eq!(stored(&world.emulator, NAME)["properties"]["credentials"], Value::Null);
        world.sandbox.plan_is_empty();
    }
}

const TRIGGERS: &str = "
timer_trigger {
  name     = \"nightly\"
  schedule = \"0 21 * * *\"
}

source_trigger {
  name           = \"push\"
  events         = [\"commit\"]
  source_type    = \"Github\"
  repository_url = \"https://github.com/contoso/app\"

  authentication {
    token_type = \"PAT\"
    token      = \"not-a-token\"
  }
}

base_image_trigger {
  name = \"base\"
  type = \"Runtime\"
}

registry_credential {
  custom {
    login_server = \"other.example\"
    username     = \"me\"
    password     = \"not-a-password\"
  }
}
";

/// An answer without any status, payload type or date is as good as one with Azure's defaults.
#[test]
fn triggers_without_anything_optional() {
    let world = applied(TRIGGERS);
    let task = stored(&world.emulator, NAME);
    let properties = json!({"platform": {"os": "Linux"}, "creationDate": task["properties"]["creationDate"],
        "step": {"type": "EncodedTask", "encodedTaskContent": task["properties"]["step"]["encodedTaskContent"]},
        "trigger": {
            "timerTriggers": [{"name": "nightly", "schedule": "0 21 * * *"}],
            "sourceTriggers": [{"name": "push", "sourceTriggerEvents": ["commit"], "sourceRepository":
                {"sourceControlType": "Github", "repositoryUrl": "https://github.com/contoso/app"}}],
            "baseImageTrigger": {"name": "base", "baseImageTriggerType": "Runtime"}},
        "credentials": {"customRegistries": {"other.example": null}}});
    let answer = |properties: &Value| {
        let body = json!({"id": task["id"], "name": NAME, "location": "eastus", "properties": properties});
        world.fault(json!({"match": {"method": "GET", "path_ends": format!("/tasks/{NAME}")}, "action": {"respond": {"status": 200, "body": body}}}));
    };
    answer(&properties);
    world.sandbox.plan_is_empty();

    // Of less than that nothing can be made; whatever is said, it is no crash, and the state stays.
    for hollow in [
        json!(null),
        json!({}),
        json!({"trigger": {"timerTriggers": [{}], "sourceTriggers": [{}], "baseImageTrigger": {}}}),
        json!({"platform": {}, "step": {}, "trigger": [], "credentials": []}),
        json!({"platform": null, "step": {"type": "Later"}, "trigger": {"sourceTriggers": [{"sourceRepository": null}]}}),
        json!("properties"),
    ] {
        answer(&hollow);
        let run = world.sandbox.fails(&["plan"]);
        no_crash(&run);
        run.says("task \"build-app\"");
    }
    world.emulator.set_faults(Vec::new());
    world.sandbox.plan_is_empty();
}
