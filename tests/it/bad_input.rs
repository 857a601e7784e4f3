//! What a user may get wrong is refused by `terraform validate`, before Azure is asked, with a message that points at the
//! attribute and says what to write instead.

use crate::sandbox::{Sandbox, Version};

const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds";
const NETWORK: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.Network/virtualNetworks/vnet-builds";

/// A configuration whose one resource has these arguments, the rest being right.
fn pool(arguments: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("name", "\"builds\"".to_owned()),
        ("registry_id", format!("\"{REGISTRY}\"")),
    ];
    all.retain(|(name, _)| !arguments.iter().any(|(given, _)| given == name));
    all.extend(arguments.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let body: Vec<_> = all
        .into_iter()
        .map(|(name, value)| format!("  {name} = {value}\n"))
        .collect();
    format!("resource \"acr_agent_pool\" \"p\" {{\n{}}}\n", body.concat())
}

/// The diagnostics of `validate -json`: attribute line in the configuration, and the whole text.
fn diagnostics(sandbox: &Sandbox, configuration: &str) -> Vec<(String, String)> {
    sandbox.write("main.tf", &format!("terraform {{\n  required_providers {{\n    acr = {{\n      source = \"agentpools/acr\"\n    }}\n  }}\n}}\n\n{configuration}"));
    let report = sandbox.run(&["validate", "-json"]).json();
    let found = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["severity"] == "error");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    found
        .map(|found| {
            (
                text(&found["snippet"]["code"]),
                format!("{}: {}", text(&found["summary"]), text(&found["detail"])),
            )
        })
        .collect()
}

#[test]
fn each_wrong_argument_is_refused_where_it_stands() {
    let long = "\"abcdefghijklmnopqrstu\"";
    let subnet_of = |provider: &str| format!("\"{}/subnets/snet\"", NETWORK.replace("Microsoft.Network", provider));
    let cases: Vec<(&str, String, &str)> = vec![
        ("name", "\"ab\"".into(), "3 to 20 letters, digits and hyphens"),
        ("name", long.into(), "3 to 20 letters, digits and hyphens"),
        ("name", "\"my_pool\"".into(), "3 to 20 letters, digits and hyphens"),
        ("tier", "\"s2\"".into(), "Did you mean \"S2\"?"),
        ("tier", "\"S4\"".into(), "Supported are S1, S2, S3, I6."),
        ("instance_count", "-1".into(), "-1 is not a whole number from 0"),
        ("instance_count", "1.5".into(), "1.5 is not a whole number from 0"),
        (
            "instance_count",
            "1099511627776".into(),
            "1099511627776 is not a whole number from 0",
        ),
        ("subnet_id", format!("\"{NETWORK}\""), "virtual network id"),
        (
            "subnet_id",
            subnet_of("Microsoft.ClassicNetwork"),
            "Microsoft.ClassicNetwork",
        ),
        ("subnet_id", format!("\"{REGISTRY}\""), "virtualNetworks/subnets"),
        (
            "registry_id",
            format!("\"{}\"", REGISTRY.replace("ContainerRegistry", "Storage")),
            "Microsoft.Storage/registries",
        ),
        (
            "registry_id",
            format!("\"{REGISTRY}/agentPools/builds\""),
            "agent pool id",
        ),
        ("registry_id", "\"contosobuilds\"".into(), "is a name"),
        ("registry_id", "\"\"".into(), "registry"),
    ];
    for version in Version::both() {
        let sandbox = Sandbox::new(version);
        for (attribute, value, text) in &cases {
            let found = diagnostics(&sandbox, &pool(&[(attribute, value)]));
            assert_eq!(found.len(), 1, "{version:?} {attribute} = {value}: {found:#?}");
            let (code, message) = &found[0];
            assert!(
                code.trim_start().starts_with(attribute),
                "{version:?} {attribute} = {value} points at {code:?}"
            );
            assert!(
                message.contains(text),
                "{version:?} {attribute} = {value} says: {message}"
            );
        }
    }
}

#[test]
fn timeouts_are_durations() {
    let sandbox = Sandbox::new(Version::Newest);
    let with =
        |value: &str| pool(&[]).replace("}\n", &format!("\n  timeouts {{\n    create = \"{value}\"\n  }}\n}}\n"));
    assert!(diagnostics(&sandbox, &with("1h30m")).is_empty());
    for wrong in ["5 minutes", "60", "-5m", "0s", "1d"] {
        let found = diagnostics(&sandbox, &with(wrong));
        assert!(found.len() == 1 && found[0].0.contains("create"), "{wrong}: {found:#?}");
    }
}

#[test]
fn the_provider_block_is_checked() {
    let sandbox = Sandbox::new(Version::Newest);
    let found = diagnostics(
        &sandbox,
        "provider \"acr\" {\n  environment = \"Public\"\n}\n\ndata \"acr_agent_pool\" \"p\" {\n  id = \"x\"\n}\n",
    );
    assert!(
        found.iter().any(|(_, text)| text.contains("Did you mean \"public\"?")),
        "{found:#?}"
    );
    let endpoint = "provider \"acr\" {\n  environment = \"china\"\n\n  endpoint {\n    resource_manager_endpoint = \"https://localhost\"\n  }\n}\n";
    let found = diagnostics(&sandbox, &format!("{endpoint}\n{}", pool(&[])));
    assert!(
        found
            .iter()
            .any(|(_, text)| text.contains("Endpoint without a custom environment")),
        "{found:#?}"
    );
}

#[test]
fn a_plan_without_credentials_says_what_to_set() {
    let sandbox = Sandbox::new(Version::Newest);
    let header = "terraform {\n  required_providers {\n    acr = {\n      source = \"agentpools/acr\"\n    }\n  }\n}\n\nprovider \"acr\" {}\n\n";
    sandbox.write("main.tf", &format!("{header}{}", pool(&[])));
    sandbox
        .fails(&["plan"])
        .says("No Azure credentials")
        .says("ARM_CLIENT_SECRET");
}
