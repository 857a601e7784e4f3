//! The whole story in one configuration: a pool in a virtual network, a quick build on it, a task every night, the task run by
//! hand, what waits in the queue, and a pool that is scaled to zero.

use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Options;

use crate::{
    agent_pool::{HEADER, World, attributes, options, pool_id, registry, subnet},
    sandbox::Version,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The configuration of one chapter: how many machines there are, and what is added to pool, build and task.
fn chapter(instances: u32, more: &str) -> String {
    let (registry, subnet) = (registry(), subnet());
    format!(
        r#"{HEADER}
resource "acr_agent_pool" "builds" {{
  name           = "builds"
  registry_id    = "{registry}"
  subnet_id      = "{subnet}"
  tier           = "S2"
  instance_count = {instances}
}}

resource "acr_image_build" "quick" {{
  registry_id     = "{registry}"
  agent_pool_name = acr_agent_pool.builds.name
  image_names     = ["shop:quick"]

  context {{
    path = "shop"
  }}
}}

resource "acr_task" "nightly" {{
  name            = "nightly"
  registry_id     = "{registry}"
  agent_pool_name = acr_agent_pool.builds.name

  platform {{
    os = "Linux"
  }}

  docker_step {{
    dockerfile_path = "Dockerfile"
    context_path    = "https://github.com/contoso/shop.git#main"
    image_names     = ["shop:{{{{.Run.ID}}}}"]
  }}

  timer_trigger {{
    name     = "every-night"
    schedule = "0 21 * * *"
  }}
}}
{more}"#
    )
}

/// A run of the task by hand.
fn by_hand(label: &str, wait: bool) -> String {
    format!("\nresource \"acr_task_run\" \"{label}\" {{\n  task_id = acr_task.nightly.id\n  wait    = {wait}\n}}\n")
}

/// The status of the pool and what has run on it.
const LOOK: &str = r#"
data "acr_agent_pool" "builds" {
  id = acr_agent_pool.builds.id
}

data "acr_task_runs" "on_the_pool" {
  registry_id     = acr_agent_pool.builds.registry_id
  agent_pool_name = acr_agent_pool.builds.name
}
"#;

impl World {
    fn tells(&self, configuration: &str) {
        self.sandbox.write("main.tf", configuration);
        self.apply();
    }

    /// Task (if any), status and trigger of each run on the pool, newest first, as the data source has them.
    fn on_the_pool(&self) -> Vec<Value> {
        let listed = attributes(&self.sandbox, "data.acr_task_runs.on_the_pool");
        let runs = listed["runs"].as_array().unwrap();
        let told = |run: &Value| json!([run["task_name"], run["status"], run["timer_trigger"]["name"]]);
        runs.iter().map(told).collect()
    }
}

#[test]
fn the_whole_story() {
    let world = World::with(
        Version::Newest,
        Options {
            run_duration: Duration::from_millis(300),
            ..options()
        },
    );
    world
        .sandbox
        .write("shop/Dockerfile", "FROM scratch\nCOPY index.html /\n");
    world.sandbox.write("shop/index.html", "<h1>Shop</h1>\n");

    // A pool in the network, a quick build on it, and the task: in one go.
    world.tells(&chapter(1, ""));
    world.sandbox.plan_is_empty();
    let pool = attributes(&world.sandbox, "acr_agent_pool.builds");
    assert_eq!((&pool["subnet_id"], &pool["total_vcpu"]), (&json!(subnet()), &json!(4)));
    let quick = attributes(&world.sandbox, "acr_image_build.quick");
    assert_eq!(quick["status"], "Succeeded");
    let digest = quick["image_digests"]["shop:quick"].as_str().unwrap();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");

    // A night passes; then somebody runs the task by hand.
    world.emulator.advance(DAY);
    world.tells(&chapter(1, &by_hand("again", true)));
    world.sandbox.plan_is_empty();
    let again = attributes(&world.sandbox, "acr_task_run.again");
    assert_eq!(again["status"], "Succeeded");
    assert_eq!(again["output_images"][0]["repository"], "shop");
    world.tells(&chapter(1, &format!("{}{LOOK}", by_hand("again", true))));
    assert_eq!(
        world.on_the_pool(),
        [
            json!(["nightly", "Succeeded", null]),
            json!(["nightly", "Succeeded", "every-night"]),
            json!([null, "Succeeded", null]),
        ]
    );
    let status = attributes(&world.sandbox, "data.acr_agent_pool.builds");
    assert_eq!(
        (&status["health"], &status["queued_runs"], &status["running_runs"]),
        (&json!("ready"), &json!(0), &json!(0))
    );

    // To zero: the plan says what that means for the task, and what is started waits and says why.
    world
        .sandbox
        .write("main.tf", &chapter(0, &format!("{}{LOOK}", by_hand("again", true))));
    world
        .sandbox
        .ok(&["plan"])
        .says("total_vcpu")
        .says("4 -> 0")
        .says("nightly");
    world.apply();
    let both = format!("{}{}", by_hand("again", true), by_hand("waiting", false));
    world.tells(&chapter(0, &format!("{both}{LOOK}")));
    world.sandbox.ok(&["apply", "-auto-approve", "-refresh-only"]);
    let waiting = attributes(&world.sandbox, "acr_task_run.waiting");
    assert_eq!(waiting["status"], "Queued");
    let status = attributes(&world.sandbox, "data.acr_agent_pool.builds");
    assert_eq!(
        (&status["health"], &status["queued_runs"], &status["accepting_runs"]),
        // The run is taken up when there is a machine again.
        (&json!("scaled_to_zero"), &json!(1), &json!(true)),
        "{status:#}"
    );
    let reasons = status["health_reasons"].to_string();
    assert!(
        reasons.contains("has no machine") && reasons.contains("Raise instance_count"),
        "{reasons}"
    );

    // A machine comes back, and what has waited runs.
    world.tells(&chapter(1, &format!("{both}{LOOK}")));
    let ended = || {
        world.sandbox.ok(&["apply", "-auto-approve", "-refresh-only"]);
        attributes(&world.sandbox, "acr_task_run.waiting")["status"].clone()
    };
    assert!((0..10).any(|_| ended() == "Succeeded"), "what waited runs at last");

    world.destroy();
    let left = world.emulator.live_ids();
    assert!(!left.iter().any(|id| id.contains("/tasks/")), "{left:?}");
    assert!(!left.contains(&pool_id("builds")), "{left:?}");
}
