//! Clouds that serve different API versions, and what a plan costs in requests.

use std::collections::BTreeSet;

use serde_json::json;
use terraform_provider_acr::emulator::{Emulator, Fault, Options, Seed};

use super::{configure, live, options, to_arm, world};

const NEW: &str = "2025-03-01-preview";
const OLD: &str = "2019-06-01-preview";
/// Only the namespace's own metadata, not what lies below a resource group.
const METADATA: &str = "555555555555/providers/Microsoft.ContainerRegistry";

fn serving(versions: &[&str]) -> Options {
    let seed = Seed {
        task_api_versions: Some(versions.iter().map(|version| (*version).to_owned()).collect()),
        ..Seed::built_in()
    };
    Options { seed, ..options() }
}

/// The versions with which pools and what belongs to them were asked for, and whether every request was served.
fn versions(emulator: &Emulator) -> BTreeSet<String> {
    let requests = to_arm(emulator).into_iter();
    let of_pools = requests.filter(|entry| entry.path.to_lowercase().contains("/agentpools"));
    of_pools.filter_map(|entry| entry.api_version).collect()
}

#[test]
fn the_newest_version_that_a_cloud_serves_is_used() {
    for (served, want) in [(vec![NEW, OLD], NEW), (vec![NEW], NEW), (vec![OLD], OLD)] {
        let (emulator, sandbox) = world(serving(&served), &[]);
        live(&sandbox);
        assert_eq!(versions(&emulator), BTreeSet::from([want.to_owned()]), "{served:?}");
        let refused = to_arm(&emulator)
            .iter()
            .filter(|entry| entry.status == Some(400))
            .count();
        assert_eq!(refused, 0);
    }
}

#[test]
fn a_cloud_whose_metadata_is_not_for_us_costs_one_refusal_a_process() {
    let (emulator, sandbox) = world(serving(&[OLD]), &[]);
    let body = json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
    let fault = json!({"match": {"path_contains": METADATA}, "action": {"respond": {"status": 403, "body": body}}});
    emulator.set_faults(vec![serde_json::from_value::<Fault>(fault).unwrap()]);
    configure(&sandbox, "");
    sandbox.ok(&["apply", "-auto-approve"]);
    // Terraform plans in one process and applies in another; each is refused the newer version once and remembers it.
    let requests = to_arm(&emulator);
    let newer: Vec<Option<u16>> = requests
        .iter()
        .filter(|entry| entry.api_version.as_deref() == Some(NEW))
        .map(|entry| entry.status)
        .collect();
    assert_eq!(newer, [Some(404), Some(404)]);
    let created = requests.iter().find(|entry| entry.method == "PUT").unwrap();
    assert_eq!((created.api_version.as_deref(), created.status), (Some(OLD), Some(201)));
    sandbox.plan_is_empty();
    sandbox.ok(&["destroy", "-auto-approve"]);
}

#[test]
fn a_cloud_without_agent_pools_is_named() {
    let (_emulator, sandbox) = world(serving(&[]), &[]);
    configure(&sandbox, "");
    let run = sandbox.fails(&["apply", "-auto-approve"]);
    run.says("InvalidResourceType").says("it does not offer agent pools");
}

#[test]
fn plans_stay_cheap() {
    let (emulator, sandbox) = world(options(), &[]);
    let cost = |what: &str, arguments: &[&str]| {
        emulator.clear_requests();
        sandbox.ok(arguments);
        let requests = emulator.requests();
        println!("{what}: {} requests", requests.len());
        requests.len()
    };
    configure(&sandbox, "");
    // A token, the registry, which API versions and regions the cloud serves, and the registry's pools, for its quota and to
    // see whether the pool exists.
    assert_eq!(cost("plan of a new pool", &["plan"]), 4);
    sandbox.ok(&["apply", "-auto-approve"]);
    // A token, which API versions the cloud serves, and the pool.
    assert_eq!(cost("plan without a change", &["plan"]), 3);
    configure(&sandbox, "  instance_count = 2");
    // And the registry's pools, for its quota.
    assert_eq!(cost("plan of a scale", &["plan"]), 4);
    // And the registry, and what is queued and running on the pool, in each half of the plan.
    configure(&sandbox, "  tier = \"S2\"");
    assert_eq!(cost("plan of a replacement", &["plan"]), 9);
}
