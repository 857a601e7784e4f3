//! What happens behind Terraform's back is seen, told and mended; what only looks different is not.

use serde_json::json;

use super::{World, pool_id, subnet};
use crate::sandbox::Version;

#[test]
fn a_pool_scaled_or_deleted_elsewhere() {
    for version in Version::both() {
        let world = World::new(version);
        world.configure("  instance_count = 2");
        world.apply();

        world.set("builds", "count", json!(5));
        world.sandbox.ok(&["plan", "-refresh=false", "-detailed-exitcode"]);
        let run = world.sandbox.run(&["plan", "-detailed-exitcode"]);
        assert_eq!(run.code, Some(2), "{run}");
        run.says("5 -> 2").says("0 to add, 1 to change, 0 to destroy");
        world.sandbox.ok(&["apply", "-refresh-only", "-auto-approve"]);
        assert_eq!(
            (&world.pool()["instance_count"], &world.pool()["total_vcpu"]),
            (&json!(5), &json!(10))
        );
        world.apply();
        world.sandbox.plan_is_empty();

        world.remove("builds");
        world.sandbox.run(&["plan"]).says("1 to add, 0 to change, 0 to destroy");
        world.apply();
        world.sandbox.plan_is_empty();

        // A destroy that finds the pool gone has done its work.
        world.remove("builds");
        world.sandbox.ok(&["destroy", "-auto-approve", "-refresh=false"]);
    }
}

#[test]
fn a_tier_changed_elsewhere_is_a_replacement() {
    let world = World::new(Version::Newest);
    world.configure(&format!("  subnet_id = \"{}\"", subnet()));
    world.apply();
    world.set("builds", "tier", json!("S3"));
    world
        .sandbox
        .run(&["plan"])
        .says("tier S3 -> S1 cannot change in place")
        .says("1 to add, 0 to change, 1 to destroy");
}

#[test]
fn somebody_elses_operation_plans_nothing_and_is_waited_for() {
    let world = World::new(Version::Newest);
    world.configure("  timeouts {\n    update = \"2s\"\n  }");
    world.apply();
    for state in ["Updating", "Deleting"] {
        world.set("builds", "provisioningState", json!(state));
        world.sandbox.plan_is_empty();
        world.sandbox.ok(&["apply", "-refresh-only", "-auto-approve"]);
        assert_eq!(world.pool()["provisioning_state"], state);
    }
    // An operation that does not end within the timeout is an error that says so, and the state keeps the old count.
    world.set("builds", "provisioningState", json!("Updating"));
    world.configure("  instance_count = 2\n\n  timeouts {\n    update = \"2s\"\n  }");
    let run = world.sandbox.fails(&["apply", "-auto-approve"]);
    run.says("RegistryStatusConflict");
    assert_eq!(world.pool()["instance_count"], 1);
    world.set("builds", "provisioningState", json!("Succeeded"));
    world.apply();
    world.sandbox.plan_is_empty();
}

#[test]
fn a_failed_pool_warns_or_is_replaced_as_asked() {
    let world = World::new(Version::Newest);
    world.configure("");
    world.apply();
    world.set("builds", "provisioningState", json!("Failed"));
    let run = world.sandbox.ok(&["plan", "-detailed-exitcode"]);
    run.says("Agent pool \"builds\" has failed")
        .says("terraform apply -replace=ADDRESS");

    // Scaling it is refused by Azure; the message says what to do.
    world.configure("  instance_count = 2");
    world
        .sandbox
        .fails(&["apply", "-auto-approve"])
        .says("RegistryStatusConflict")
        .says("-replace=");
    assert_eq!(
        world.pool()["instance_count"],
        1,
        "what was not done is not in the state"
    );

    world.configure("  replace_when_failed = true");
    let run = world.apply();
    run.says("the pool has failed and replace_when_failed is set")
        .says("1 added, 0 changed, 1 destroyed");
    world.sandbox.plan_is_empty();
    assert_eq!(world.pool()["provisioning_state"], "Succeeded");
    assert_eq!(world.pool()["id"], pool_id("builds"));

    // A pool without that argument is replaced by the printed command.
    world.configure("");
    world.apply();
    world.set("builds", "provisioningState", json!("Failed"));
    world
        .sandbox
        .ok(&["apply", "-auto-approve", "-replace=acr_agent_pool.p"]);
    world.sandbox.plan_is_empty();
    world.destroy();
}

#[test]
fn half_an_answer_is_not_taken_for_drift() {
    let world = World::new(Version::Newest);
    world.configure("");
    world.apply();
    let whole = json!({"id": pool_id("builds"), "name": "builds", "location": "eastus",
        "properties": {"count": 1, "tier": "S1", "os": "Linux", "provisioningState": "Succeeded"}});
    let without = |pointer: &str| {
        let mut body = whole.clone();
        *body.pointer_mut(pointer).unwrap() = json!(null);
        body
    };
    let mut other = whole.clone();
    other["id"] = json!(pool_id("other"));
    for body in [
        without("/properties/tier"),
        without("/properties/count"),
        other,
        json!({"id": "x", "name": "builds"}),
    ] {
        world.fault(json!({"match": {"method": "GET", "path_contains": "/agentPools/"}, "action": {"respond": {"status": 200, "body": body}}}));
        world
            .sandbox
            .fails(&["plan"])
            .says("Unusable answer about agent pool \"builds\"");
        assert_eq!(world.pool()["tier"], "S1");
    }
    world.fault(json!({"match": {"method": "GET", "path_contains": "/agentPools/"}, "action": {"respond": {"status": 200, "body": whole}}}));
    world.sandbox.plan_is_empty();
}

#[test]
fn a_pool_on_its_way_out_is_told_and_not_scaled() {
    let hour = std::time::Duration::from_secs(3_600);
    let world = World::with(
        Version::Newest,
        terraform_provider_acr::emulator::Options {
            provisioning: hour,
            ..super::options()
        },
    );
    world.configure("");
    let mut running = world.sandbox.start(&["apply", "-auto-approve"]);
    running.until("Creating...");
    while world.writes().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    world.emulator.advance(hour);
    assert_eq!(running.wait(hour).code, Some(0));

    let mut destroying = world.sandbox.start(&["destroy", "-auto-approve"]);
    destroying.until("Destroying...");
    while world.writes().last().map(String::as_str) != Some("DELETE 202") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    destroying.interrupt_group();
    let run = destroying.wait(hour);
    run.says("Azure has accepted the deletion and goes on with it");
    assert_eq!(world.pool()["id"], pool_id("builds"), "the state still has it");
    world
        .sandbox
        .ok(&["plan"])
        .says("is being deleted")
        .says("Plan again when it is gone");

    // Scaling waits for the deletion and says what came of it.
    world.configure("  instance_count = 2");
    let mut scaling = world.sandbox.start(&["apply", "-auto-approve"]);
    scaling.until("Modifying...");
    while !world.writes().iter().any(|write| write.starts_with("PATCH")) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    world.emulator.advance(hour);
    scaling.wait(hour).says("has been deleted since the plan was made");
    world.sandbox.ok(&["plan"]).says("1 to add, 0 to change, 0 to destroy");
}

#[test]
fn a_canceled_pool_is_told_once_and_for_all() {
    let world = World::new(Version::Newest);
    world.configure("  replace_when_failed = true");
    world.apply();
    world.set("builds", "provisioningState", json!("Canceled"));
    let run = world.sandbox.ok(&["plan", "-detailed-exitcode"]);
    run.says("may not be usable").says("Canceled");
}
