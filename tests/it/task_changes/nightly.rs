//! The scenario that this provider is for: an image is built every night on a pool of the company's own.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    agent_pool::HEADER,
    emulator::lab::{Lab, POOLS},
    sandbox::{Sandbox, Version},
};

/// Pool and task in one configuration; the commit trigger is there and switched off. Nothing may be wrong at plan already.
const CONFIGURATION: &str = r#"
resource "acr_agent_pool" "builds" {
  name           = "builds"
  registry_id    = "REGISTRY"
  instance_count = 1
}

resource "acr_task" "nightly" {
  name            = "build-app"
  registry_id     = acr_agent_pool.builds.registry_id
  agent_pool_name = acr_agent_pool.builds.name

  platform {
    os = "Linux"
  }

  docker_step {
    dockerfile_path = "Dockerfile"
    context_path    = "https://github.com/contoso/app.git#main"
    image_names     = ["app:{{.Run.ID}}"]
  }

  timer_trigger {
    name     = "nightly"
    schedule = "0 21 * * *"
  }

  source_trigger {
    name           = "commit"
    events         = ["commit"]
    source_type    = "Github"
    repository_url = "https://github.com/contoso/app"
    enabled        = false

    authentication {
      token_type = "PAT"
      token      = "not-a-token"
    }
  }
}
"#;

/// How long operations take here: they are waited for in real time.
const PROVISIONING: Duration = Duration::from_millis(300);

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// The properties of all runs of the registry, oldest first. A day on the emulator's clock is as long as a token lives.
async fn runs(lab: &mut Lab) -> Vec<Value> {
    lab.token = lab.token_of("ARM_CLIENT_ID", "ARM_CLIENT_SECRET").await;
    let url = format!("{}/runs?api-version={POOLS}&$top=1000", lab.registry());
    let list = lab.get(&url).await.json();
    let runs = list["value"].as_array().unwrap().iter();
    runs.rev().map(|run| run["properties"].clone()).collect()
}

/// Advances the clock to this minute of the next day.
async fn wait_until(lab: &Lab, hour: u64, minute: u64) {
    let clock = lab.control("GET", "clock", None).await.json();
    let now = clock["now"].as_str().unwrap();
    let part = |at: usize| now[at..at + 2].parse::<u64>().unwrap();
    let passed = part(11) * 3600 + part(14) * 60 + part(17);
    lab.emulator
        .advance(Duration::from_secs((hour + 24) * 3600 + minute * 60 - passed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_built_every_night_on_the_pool() {
    let mut lab = Lab::with(|options| {
        options.provisioning = PROVISIONING;
        options.retry_after = Duration::from_secs(1);
    })
    .await;
    lab.emulator.set_frozen(false);
    let sandbox = Sandbox::new(Version::Newest).env(lab.emulator.environment());
    let configuration = CONFIGURATION.replace("REGISTRY", &lab.registry());
    sandbox.write("main.tf", &format!("{HEADER}{configuration}"));
    let run = sandbox.ok(&["apply", "-auto-approve"]);
    run.says("2 added, 0 changed, 0 destroyed");
    assert!(!run.output().contains("Warning: Agent pool"), "{run}");
    sandbox.plan_is_empty();
    lab.emulator.set_frozen(true);

    // 21:00 UTC may have passed between apply and now: what fired then is not what is looked for.
    wait_until(&lab, 20, 59).await;
    let before = runs(&mut lab).await.len();
    lab.emulator.advance(MINUTE + MINUTE / 2);
    let nights = runs(&mut lab).await;
    assert_eq!(nights.len(), before + 1, "{nights:#?}");
    lab.emulator.advance(HOUR);
    lab.emulator.advance(22 * HOUR);
    assert_eq!(runs(&mut lab).await.len(), before + 1, "once a night");
    lab.emulator.advance(HOUR);
    let nights = runs(&mut lab).await;
    assert_eq!(nights.len(), before + 2, "{nights:#?}");
    lab.emulator.advance(HOUR);
    for night in &runs(&mut lab).await[before..] {
        assert_eq!(night["task"], "build-app", "{night:#}");
        assert_eq!(night["agentPoolName"], "builds", "{night:#}");
        assert_eq!(night["status"], "Succeeded", "{night:#}");
        assert_eq!(night["timerTrigger"]["timerTriggerName"], "nightly", "{night:#}");
        assert!(night["createTime"].as_str().unwrap().contains("T21:00:"), "{night:#}");
        assert_eq!(night["outputImages"][0]["repository"], "app", "{night:#}");
    }
    let task = lab
        .emulator
        .task_secrets(&format!("{}/tasks/build-app", lab.registry()));
    let trigger = &task.unwrap()["properties"]["trigger"]["sourceTriggers"][0];
    assert_eq!(
        (&trigger["name"], &trigger["status"]),
        (&json!("commit"), &json!("Disabled"))
    );

    // What runs have found out about the image is told, and is no change of anybody's.
    lab.emulator.set_frozen(false);
    sandbox.plan_is_empty();
    sandbox.ok(&["destroy", "-auto-approve"]);
    let left = lab.emulator.live_ids();
    assert!(
        !left
            .iter()
            .any(|id| id.contains("/tasks/") || id.contains("/agentPools/")),
        "{left:?}"
    );
}
