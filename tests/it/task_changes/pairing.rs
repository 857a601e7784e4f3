//! What is sent with what: secrets with their triggers and servers, processors with Azure's own machines only, an identity
//! for the own registry only where Azure keeps it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use terraform_provider_acr::emulator::Options;

use super::{stored, task_id, world};
use crate::{
    agent_pool::{HEADER, World, options, registry, seed},
    sandbox::Version,
};

const NAME: &str = "build-app";

/// A task with an encoded step and more.
fn configuration(more: &str) -> String {
    format!(
        "{HEADER}\nresource \"acr_task\" \"t\" {{\n  name = \"{NAME}\"\n  registry_id = \"{}\"\n  platform {{\n    os = \"Linux\"\n  }}\n  encoded_step {{\n    task_content = \"steps: [{{cmd: bash}}]\\n\"\n  }}\n{more}}}\n",
        registry()
    )
}

/// A source trigger and a credential for each of these, in this order, each with a secret that has its name.
fn secrets(names: &[&str], write_only: bool, more: &str) -> String {
    let written = |name: &str, value: &str| match write_only {
        false => format!("{name} = \"of-{value}\"\n"),
        true => format!("{name}_wo = \"of-{value}\"\n{name}_wo_version = 1\n"),
    };
    let trigger = |name: &&str| {
        format!(
            "source_trigger {{\nname = \"{name}\"\nevents = [\"commit\"]\nsource_type = \"Github\"\nrepository_url = \"https://github.com/contoso/{name}\"\nauthentication {{\ntoken_type = \"PAT\"\n{}}}\n}}\n",
            written("token", name)
        )
    };
    let custom = |name: &&str| {
        format!(
            "custom {{\nlogin_server = \"{name}.example\"\nusername = \"{name}\"\n{}}}\n",
            written("password", name)
        )
    };
    let triggers: String = names.iter().map(trigger).collect();
    let customs: String = names.iter().map(custom).collect();
    configuration(&format!("{triggers}registry_credential {{\n{customs}}}\n{more}"))
}

/// Which secrets Azure has for which trigger and server.
fn found(task: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or("nothing").to_owned();
    let triggers = task["properties"]["trigger"]["sourceTriggers"]
        .as_array()
        .unwrap()
        .iter();
    let tokens = triggers.map(|trigger| {
        let token = &trigger["sourceRepository"]["sourceControlAuthProperties"]["token"];
        (text(&trigger["name"]), text(token))
    });
    let servers = task["properties"]["credentials"]["customRegistries"]
        .as_object()
        .unwrap();
    let passwords = servers
        .iter()
        .map(|(server, custom)| (server.clone(), text(&custom["password"]["value"])));
    tokens.chain(passwords).collect()
}

#[test]
fn every_secret_stays_with_what_it_belongs_to() {
    for (omitted, write_only) in [("wiped", false), ("kept", false), ("wiped", true), ("kept", true)] {
        let world = world(&json!({"put_omitted_secrets": omitted}));
        for (names, more) in [
            (&["one", "two", "three"][..], ""),
            // Another order, others away, others new; and something that has nothing to do with it.
            (&["three", "one", "two"], ""),
            (&["three", "two"], ""),
            (&["zero", "two", "three"], ""),
            (&["two", "zero"], "tags = { a = \"b\" }\n"),
        ] {
            world.sandbox.write("main.tf", &secrets(names, write_only, more));
            world.apply();
            let mut expected = BTreeMap::new();
            for name in names {
                expected.insert((*name).to_owned(), format!("of-{name}"));
                expected.insert(format!("{name}.example"), format!("of-{name}"));
            }
            assert_eq!(
                found(&stored(&world.emulator, NAME)),
                expected,
                "{omitted}, write-only: {write_only}"
            );
        }
        world.sandbox.plan_is_empty();
    }
}

#[test]
fn no_processors_are_sent_with_a_pool() {
    let world = world(&json!({"pool_with_cpu": "refused"}));
    for more in [
        "agent_pool_name = \"pool-a\"\n",
        "agent_pool_name = \"pool-b\"\n",
        "agent_setting {\ncpu = 2\n}\n",
        "agent_pool_name = \"pool-a\"\n",
        "",
        "agent_pool_name = \"pool-a\"\ntags = { a = \"b\" }\n",
    ] {
        world.sandbox.write("main.tf", &configuration(more));
        world.apply();
        let pool = &stored(&world.emulator, NAME)["properties"]["agentPoolName"];
        let expected = more.split('"').nth(1).filter(|_| more.contains("agent_pool_name"));
        assert_eq!(pool.as_str(), expected, "{more}");
        world.sandbox.plan_is_empty();
    }
    let written = world.emulator.requests().into_iter().filter(|it| it.method == "PUT");
    let bodies: Vec<Value> = written.filter_map(|it| it.request_body).collect();
    assert_eq!(bodies.len(), 6);
    for properties in bodies.iter().map(|body| &body["properties"]) {
        let (pool, cpu) = (&properties["agentPoolName"], &properties["agentConfiguration"]);
        assert!(pool.is_null() || cpu.is_null(), "{properties}");
    }
}

#[test]
fn an_identity_for_the_own_registry_is_refused_where_it_would_be_lost() {
    let seed = seed(json!({"task_api_versions": ["2019-06-01-preview"]}));
    let world = World::with(Version::Newest, Options { seed, ..options() });
    let own = |identity: &str| {
        format!(
            "identity {{\ntype = \"SystemAssigned\"\n}}\nregistry_credential {{\nsource {{\nlogin_mode = \"Default\"\n{identity}}}\n}}\n"
        )
    };
    world
        .sandbox
        .write("main.tf", &configuration(&own("identity = \"[system]\"\n")));
    for command in [&["plan"][..], &["apply", "-auto-approve"]] {
        world
            .sandbox
            .fails(command)
            .says("Identity of the source registry is not supported here")
            .says("identity = \"[system]\"");
    }
    assert_eq!(world.emulator.task_secrets(&task_id(NAME)), None);
    // Everything else works in such a cloud.
    world.sandbox.write("main.tf", &configuration(&own("")));
    world.apply();
    world.sandbox.plan_is_empty();
    assert_eq!(
        stored(&world.emulator, NAME)["properties"]["credentials"],
        json!({"sourceRegistry": {"loginMode": "Default"}})
    );
}
