//! The life of a pool, with the newest and the oldest supported Terraform.

use serde_json::json;

use super::{GROUP, HEADER, World, attributes, configuration, options, pool_id, registry, seed, subnet};
use crate::sandbox::{Sandbox, Version};

#[test]
fn create_scale_replace_destroy() {
    for version in Version::both() {
        let world = World::new(version);
        world.configure(&format!("  subnet_id = \"{}\"", subnet()));
        world.apply();
        world.sandbox.plan_is_empty();
        let pool = world.pool();
        assert_eq!(pool["id"], pool_id("builds"));
        assert_eq!(pool["location"], "eastus");
        assert_eq!(
            (&pool["registry_name"], &pool["resource_group_name"]),
            (&json!("contosobuilds"), &json!("rg-builds"))
        );
        assert_eq!(
            (&pool["tier"], &pool["instance_count"], &pool["total_vcpu"]),
            (&json!("S1"), &json!(1), &json!(2))
        );
        assert_eq!(
            (&pool["provisioning_state"], &pool["os"]),
            (&json!("Succeeded"), &json!("Linux"))
        );

        world.configure(&format!("  subnet_id = \"{}\"\n  instance_count = 3", subnet()));
        world.apply();
        world.sandbox.plan_is_empty();
        assert_eq!(
            (&world.pool()["instance_count"], &world.pool()["total_memory_gb"]),
            (&json!(3), &json!(9))
        );

        world.configure(&format!("  subnet_id = \"{}\"\n  instance_count = 0", subnet()));
        world.apply();
        world.sandbox.plan_is_empty();
        assert_eq!(world.pool()["total_vcpu"], json!(0));

        world.configure(&format!("  subnet_id = \"{}\"\n  tier = \"S2\"", subnet()));
        let run = world.apply();
        run.says("tier S1 -> S2 cannot change in place");
        world.sandbox.plan_is_empty();
        assert_eq!(
            (&world.pool()["tier"], &world.pool()["total_vcpu"]),
            (&json!("S2"), &json!(4))
        );

        world.destroy();
        assert_eq!(
            world.writes(),
            [
                "PUT 201",
                "PATCH 201",
                "PATCH 201",
                "DELETE 202",
                "PUT 201",
                "DELETE 202"
            ],
            "each step is one write"
        );
    }
}

#[test]
fn installed_as_a_user_would_with_a_saved_plan() {
    for version in Version::both() {
        let world = World::new(version);
        world.configure("");
        world.sandbox.mirror();
        world.sandbox.ok(&["plan", "-out=saved.plan"]);
        world.sandbox.ok(&["apply", "saved.plan"]);
        world.sandbox.plan_is_empty();
        world.destroy();
    }
}

#[test]
fn import_by_command_and_by_block() {
    for version in Version::both() {
        let world = World::new(version);
        world.configure("  instance_count = 2");
        world.apply();

        // Any casing of the id, and a configuration that spells the ids as it likes.
        let second = world.another();
        second.write(
            "main.tf",
            &configuration(
                &registry().to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions"),
                "  instance_count = 2",
            ),
        );
        second.ok(&["import", "acr_agent_pool.p", &pool_id("builds").to_lowercase()]);
        second.plan_is_empty();

        let third = world.another();
        let block = format!(
            "\nimport {{\n  to = acr_agent_pool.p\n  id = \"{}\"\n}}\n",
            pool_id("builds")
        );
        third.write(
            "main.tf",
            &(configuration(&registry(), "  instance_count = 2") + &block),
        );
        let run = third.ok(&["apply", "-auto-approve"]);
        run.says("1 imported, 0 added, 0 changed, 0 destroyed");
        third.plan_is_empty();
        assert_eq!(
            attributes(&third, "acr_agent_pool.p"),
            world.pool(),
            "an imported pool is a created pool"
        );

        // Provider-only arguments update alone, and Azure hears nothing of it.
        world.emulator.clear_requests();
        third.write(
            "main.tf",
            &configuration(
                &registry(),
                "  instance_count = 2\n  replace_when_failed = true\n\n  timeouts {\n    create = \"30m\"\n  }",
            ),
        );
        third
            .ok(&["apply", "-auto-approve"])
            .says("0 added, 1 changed, 0 destroyed");
        third.plan_is_empty();
        assert_eq!(world.writes(), Vec::<String>::new());

        for wrong in [
            "builds",
            "/subscriptions/x",
            &registry(),
            &format!("{}/tasks/build", registry()),
        ] {
            world.another().fails(&["import", "acr_agent_pool.p", wrong]);
        }
        let lost = world.another();
        lost.write("main.tf", &configuration(&registry(), ""));
        lost.fails(&["import", "acr_agent_pool.p", &pool_id("other")])
            .says("Cannot import non-existent remote object");
    }
}

#[test]
fn meta_arguments_behave() {
    let world = World::new(Version::Newest);
    let pools = |names: &str, lifecycle: &str| {
        format!(
            "{HEADER}\nvariable \"size\" {{\n  default = 1\n}}\n\nresource \"terraform_data\" \"image\" {{\n  input = \"v1\"\n}}\n\nresource \"acr_agent_pool\" \"p\" {{\n  for_each       = toset([{names}])\n  name           = each.key\n  registry_id    = \"{}\"\n  instance_count = var.size\n{lifecycle}\n}}\n",
            registry()
        )
    };
    world.sandbox.write("main.tf", &pools("\"pool-a\", \"pool-b\"", ""));
    world.apply();
    assert_eq!(world.pools(), ["pool-a", "pool-b"]);

    world.sandbox.write("main.tf", &pools("\"pool-b\", \"pool-c\"", ""));
    world
        .sandbox
        .ok(&["apply", "-auto-approve", "-target=acr_agent_pool.p[\"pool-c\"]"]);
    assert_eq!(world.pools(), ["pool-a", "pool-b", "pool-c"], "only the target");
    world.apply();
    assert_eq!(world.pools(), ["pool-b", "pool-c"]);

    let ignoring = "\n  lifecycle {\n    ignore_changes = [instance_count]\n  }";
    world
        .sandbox
        .write("main.tf", &pools("\"pool-b\", \"pool-c\"", ignoring));
    world.set("pool-b", "count", json!(4));
    world.sandbox.plan_is_empty();

    let bound = "\n  lifecycle {\n    replace_triggered_by = [terraform_data.image]\n  }";
    let second = pools("\"pool-b\", \"pool-c\"", bound).replace("\"v1\"", "\"v2\"");
    world.sandbox.write("main.tf", &second);
    world
        .sandbox
        .ok(&["apply", "-auto-approve"])
        .says("2 added, 1 changed, 2 destroyed");
    world.sandbox.plan_is_empty();
    world.destroy();
}

#[test]
fn the_subnet_can_be_destroyed_next() {
    let lag = std::time::Duration::from_secs(3);
    let world = World::with(
        Version::Newest,
        terraform_provider_acr::emulator::Options {
            subnet_release: lag,
            ..options()
        },
    );
    world.configure(&format!("  subnet_id = \"{}\"", subnet()));
    world.apply();
    world.emulator.clear_requests();
    world.destroy();
    let requests = world.emulator.requests();
    let looks: Vec<_> = requests
        .iter()
        .filter(|entry| entry.path.ends_with("/snet-agents"))
        .collect();
    assert!(looks.len() >= 2, "destroy waited for the subnet: {requests:#?}");
    assert!(
        requests.last().unwrap().path.ends_with("/snet-agents"),
        "the subnet is the last thing looked at"
    );
}

#[test]
fn what_azure_does_not_document_makes_no_difference() {
    for assumption in [
        json!({"patch_same_count": "noop"}),
        json!({"failed_pool_scales": "accepted"}),
        json!({"delete_end": "404"}),
        json!({"delete_missing_pool": "404"}),
        json!({"delete_busy_pool": "conflict"}),
        json!({"quota_failure": "late"}),
        json!({"failed_create_body": "bare_status"}),
        json!({"put_existing_pool": "conflict"}),
        json!({"id_casing": "recased"}),
    ] {
        let seed = seed(json!({"assumptions": assumption}));
        let world = World::with(
            Version::Newest,
            terraform_provider_acr::emulator::Options { seed, ..options() },
        );
        world.configure(&format!("  subnet_id = \"{}\"", subnet()));
        world.apply();
        world.sandbox.plan_is_empty();
        world.configure(&format!("  subnet_id = \"{}\"\n  instance_count = 2", subnet()));
        world.apply();
        world.sandbox.plan_is_empty();
        world.remove("builds");
        world.apply();
        world.destroy();
    }
}

#[test]
fn pools_of_one_registry_at_once() {
    let world = World::new(Version::Newest);
    let text = format!(
        "{HEADER}\nresource \"acr_agent_pool\" \"p\" {{\n  count       = 6\n  name        = \"pool-${{count.index}}\"\n  registry_id = \"{}\"\n}}\n",
        registry()
    );
    world.sandbox.write("main.tf", &text);
    world.apply();
    world.sandbox.plan_is_empty();
    assert_eq!(world.pools().len(), 6);
    world.destroy();
}

#[test]
fn a_pool_of_a_registry_in_another_group_names_it() {
    let seed = seed(json!({
        "resource_groups": [{"name": "rg-builds"}, {"name": "RG.Other_1"}],
        "registries": [{"name": "otherregistry", "resource_group": "RG.Other_1", "sku": "Premium"}],
    }));
    let world = World::with(
        Version::Newest,
        terraform_provider_acr::emulator::Options { seed, ..options() },
    );
    let registry = GROUP.replace("rg-builds", "RG.Other_1") + "/Microsoft.ContainerRegistry/registries/otherregistry";
    world.sandbox.write("main.tf", &configuration(&registry, ""));
    world.apply();
    assert_eq!(world.pool()["resource_group_name"], "RG.Other_1");
    world.sandbox.plan_is_empty();
    world.destroy();
}

/// A sandbox is what a user has: nothing of this test's environment may be needed.
#[test]
fn arguments_of_the_provider_block_work_as_the_environment_does() {
    let world = World::new(Version::Newest);
    let of = |name: &str| {
        let pairs = world.emulator.environment();
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
            .unwrap()
    };
    let sandbox = Sandbox::new(Version::Newest).env([("SSL_CERT_FILE".to_owned(), of("SSL_CERT_FILE"))]);
    let block = format!(
        "provider \"acr\" {{\n  environment   = \"custom\"\n  tenant_id     = \"{}\"\n  client_id     = \"{}\"\n  client_secret = \"{}\"\n\n  endpoint {{\n    resource_manager_endpoint       = \"{url}\"\n    active_directory_authority_host = \"{url}\"\n    resource_manager_audience       = \"{}\"\n  }}\n}}\n",
        of("ARM_TENANT_ID"),
        of("ARM_CLIENT_ID"),
        of("ARM_CLIENT_SECRET"),
        of("ARM_RESOURCE_MANAGER_AUDIENCE"),
        url = world.emulator.url(),
    );
    sandbox.write(
        "main.tf",
        &configuration(&registry(), "").replace("provider \"acr\" {}\n", &block),
    );
    sandbox.ok(&["apply", "-auto-approve"]);
    let secret = of("ARM_CLIENT_SECRET");
    assert!(
        !sandbox.state().to_string().contains(&secret),
        "the state holds the client secret"
    );
    assert!(
        sandbox.state().to_string().contains("contosobuilds"),
        "the search finds what is there"
    );
    sandbox.ok(&["destroy", "-auto-approve"]);
}
