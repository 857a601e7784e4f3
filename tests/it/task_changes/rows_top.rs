//! The rows of the top of a task: its own arguments, its platform, machines, identities and timeouts.

use serde_json::{
    Value::{self, Null},
    json,
};

use terraform_provider_acr::emulator::Seed;

use super::row::{Base, Place, Row, row};
use crate::agent_pool::GROUP;

/// Platform and step, which all tasks but the system task have.
const ORDINARY: &str = "platform {\nos = \"Linux\"\n}\nencoded_step {\ntask_content = \"version: v1.1.0\\nsteps:\\n  - cmd: bash echo hello\\n\"\n}";

/// All of them.
pub fn rows() -> Vec<Row> {
    [arguments(), machines(), identity(), timeouts()]
        .into_iter()
        .flatten()
        .collect()
}

fn arguments() -> Vec<Row> {
    use Base::{Bare, Encoded};
    let linux = json!({"os": "Linux", "architecture": "amd64"});
    vec![
        row(
            "agent_pool_name",
            Encoded,
            ["", "agent_pool_name = \"pool-a\"", "agent_pool_name = \"pool-b\""],
            "/properties/agentPoolName",
            [Null, json!("pool-a"), json!("pool-b")],
        ),
        row(
            "enabled",
            Encoded,
            ["", "enabled = false", "enabled = true"],
            "/properties/status",
            [json!("Enabled"), json!("Disabled"), json!("Enabled")],
        ),
        // The only one here that replaces. The system task has no platform: it is removed when this is set.
        row(
            "is_system_task",
            Bare,
            [
                ORDINARY.to_owned(),
                "is_system_task = true".to_owned(),
                format!("is_system_task = false\n{ORDINARY}"),
            ],
            "/properties/isSystemTask",
            [json!(false), json!(true), json!(false)],
        )
        .and(Place::Azure("/properties/platform"), [linux.clone(), Null, linux]),
        row(
            "log_template",
            Encoded,
            [
                "",
                "log_template = \"acr/logs:{{.Run.ID}}\"",
                "log_template = \"acr/other:{{.Run.ID}}\"",
            ],
            "/properties/logTemplate",
            [Null, json!("acr/logs:{{.Run.ID}}"), json!("acr/other:{{.Run.ID}}")],
        ),
        row(
            "tags",
            Encoded,
            [
                "",
                "tags = { team = \"build\", cost = \"1\" }",
                "tags = { team = \"ship\" }",
            ],
            "/tags",
            [
                json!({}),
                json!({"team": "build", "cost": "1"}),
                json!({"team": "ship"}),
            ],
        ),
        row(
            "timeout_in_seconds",
            Encoded,
            ["", "timeout_in_seconds = 300", "timeout_in_seconds = 28800"],
            "/properties/timeout",
            [json!(3600), json!(300), json!(28800)],
        ),
    ]
}

fn machines() -> Vec<Row> {
    use Base::Encoded;
    let setting = "agent_setting {\ncpu = 2\n}";
    vec![
        row(
            "platform.os",
            Encoded,
            ["", "os = \"Windows\"", "os = \"Linux\""],
            "/properties/platform/os",
            [json!("Linux"), json!("Windows"), json!("Linux")],
        ),
        row(
            "platform.architecture",
            Encoded,
            ["", "architecture = \"arm64\"", "architecture = \"386\""],
            "/properties/platform/architecture",
            [json!("amd64"), json!("arm64"), json!("386")],
        ),
        row(
            "platform.variant",
            Encoded,
            [
                "architecture = \"arm\"",
                "architecture = \"arm\"\nvariant = \"v6\"",
                "architecture = \"arm\"\nvariant = \"v7\"",
            ],
            "/properties/platform/variant",
            [Null, json!("v6"), json!("v7")],
        ),
        // Azure takes one value, and fills it in.
        row(
            "agent_setting",
            Encoded,
            ["", setting, setting],
            "/properties/agentConfiguration/cpu",
            [json!(2), json!(2), json!(2)],
        )
        .and(Place::State("/agent_setting/0/cpu"), [Null, json!(2), json!(2)]),
    ]
}

/// The two arguments of an identity block.
fn identities(kind: &str, users: &[&str]) -> String {
    let ids = users.iter().map(|user| format!("{:?}", user_id(user)));
    let ids: Vec<String> = ids.collect();
    match ids.is_empty() {
        true => format!("type = {kind:?}"),
        false => format!("type = {kind:?}\nidentity_ids = [{}]", ids.join(", ")),
    }
}

fn user_id(user: &str) -> String {
    format!("{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/{user}")
}

fn identity() -> Vec<Row> {
    let pointer = "/identity/type";
    let (system, user, both) = ("SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned");
    let block = |kind, users: &[&str]| format!("identity {{\n{}\n}}", identities(kind, users));
    let users = Place::Names("/identity/userAssignedIdentities");
    let ids = |users: &[&str]| -> Value { users.iter().map(|user| user_id(user)).collect() };
    vec![
        row(
            "identity",
            Base::Encoded,
            [String::new(), block(system, &[]), block(user, &["one"])],
            pointer,
            [Null, json!(system), json!(user)],
        )
        .and(users, [Null, Null, ids(&["one"])])
        .and(Place::State("/identity/0/tenant_id"), [Null, tenant(), Null]),
        row(
            "identity.type",
            Base::Identity,
            [
                identities(system, &[]),
                identities(user, &["one"]),
                identities(both, &["one"]),
            ],
            pointer,
            [json!(system), json!(user), json!(both)],
        ),
        row(
            "identity.identity_ids",
            Base::Identity,
            [
                identities(system, &[]),
                identities(both, &["two", "one"]),
                identities(both, &["two"]),
            ],
            pointer,
            [json!(system), json!(both), json!(both)],
        )
        .and(users, [Null, ids(&["one", "two"]), ids(&["two"])]),
    ]
}

/// The tenant of the emulator's subscription.
fn tenant() -> Value {
    json!(Seed::built_in().tenant_id)
}

/// They say how long the provider waits, and Azure never hears of them.
fn timeouts() -> Vec<Row> {
    let one = |path, name: &str, pointer| {
        let texts = [String::new(), format!("{name} = \"7m\""), format!("{name} = \"8m\"")];
        Row::of_state(path, Base::Timeouts, texts, pointer, [Null, json!("7m"), json!("8m")])
    };
    let block = |text: &str| format!("timeouts {{\n{text}\n}}");
    vec![
        Row::of_state(
            "timeouts",
            Base::Encoded,
            [
                String::new(),
                block("create = \"7m\""),
                block("create = \"8m\"\ndelete = \"9m\""),
            ],
            "/timeouts/create",
            [Null, json!("7m"), json!("8m")],
        ),
        one("timeouts.create", "create", "/timeouts/create"),
        one("timeouts.read", "read", "/timeouts/read"),
        one("timeouts.update", "update", "/timeouts/update"),
        one("timeouts.delete", "delete", "/timeouts/delete"),
    ]
}
