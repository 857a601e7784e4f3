//! The rows of how runs log in to registries.

use serde_json::{Value::Null, json};

use super::row::{Base, Place, Row, Secret, row};

/// All of them.
pub fn rows() -> Vec<Row> {
    own_registry().into_iter().chain(other_registry()).collect()
}

/// A client id of a managed identity.
const CLIENT_ID: &str = "12345678-9abc-def0-1234-56789abcdef0";

fn own_registry() -> Vec<Row> {
    use Base::{OtherRegistry, OwnRegistry};
    vec![
        row(
            "registry_credential",
            Base::Identity,
            [
                "",
                "registry_credential {\nsource {\nlogin_mode = \"Default\"\n}\n}",
                "registry_credential {\ncustom {\nlogin_server = \"other.example\"\nidentity = \"[system]\"\n}\n}",
            ],
            "/properties/credentials",
            [
                Null,
                json!({"sourceRegistry": {"loginMode": "Default"}}),
                json!({"customRegistries": {"other.example": {"identity": "[system]"}}}),
            ],
        ),
        row(
            "registry_credential.source",
            OtherRegistry,
            [
                "",
                "source {\nlogin_mode = \"Default\"\n}",
                "source {\nlogin_mode = \"None\"\n}",
            ],
            "/properties/credentials/sourceRegistry",
            [Null, json!({"loginMode": "Default"}), json!({"loginMode": "None"})],
        ),
        row(
            "registry_credential.source.login_mode",
            OwnRegistry,
            [
                "login_mode = null\nidentity = \"[system]\"",
                "identity = \"[system]\"\nlogin_mode = \"Default\"",
                "identity = \"[system]\"\nlogin_mode = \"None\"",
            ],
            "/properties/credentials/sourceRegistry/loginMode",
            [Null, json!("Default"), json!("None")],
        ),
        row(
            "registry_credential.source.identity",
            OwnRegistry,
            [
                String::new(),
                "identity = \"[system]\"".to_owned(),
                format!("identity = \"{CLIENT_ID}\""),
            ],
            "/properties/credentials/sourceRegistry/identity",
            [Null, json!("[system]"), json!(CLIENT_ID)],
        ),
    ]
}

fn other_registry() -> Vec<Row> {
    use Base::{OtherRegistry, OwnRegistry};
    let block = |server: &str| format!("custom {{\nlogin_server = \"{server}\"\nidentity = \"[system]\"\n}}\n");
    let shown = json!({"identity": "[system]"});
    let user = "/properties/credentials/customRegistries/other.example/userName/value";
    let with_password = |user: &str| format!("username = \"{user}\"\npassword = \"secret\"");
    let mut rows = vec![
        row(
            "registry_credential.custom",
            OwnRegistry,
            [
                String::new(),
                block("one.example"),
                block("two.example") + &block("one.example"),
            ],
            "/properties/credentials/customRegistries",
            [
                Null,
                json!({"one.example": shown}),
                json!({"one.example": shown, "two.example": shown}),
            ],
        ),
        row(
            "registry_credential.custom.login_server",
            OtherRegistry,
            ["", "login_server = \"one.example\"", "login_server = \"two.example\""],
            "/properties/credentials/customRegistries",
            [
                json!({"other.example": shown}),
                json!({"one.example": shown}),
                json!({"two.example": shown}),
            ],
        ),
        row(
            "registry_credential.custom.username",
            OtherRegistry,
            [
                String::new(),
                with_password("one"),
                with_password("https://vault.vault.azure.net/secrets/two"),
            ],
            user,
            [Null, json!("one"), json!("https://vault.vault.azure.net/secrets/two")],
        )
        .and(
            Place::Azure("/properties/credentials/customRegistries/other.example/userName/type"),
            [Null, json!("Opaque"), json!("Vaultsecret")],
        ),
        row(
            "registry_credential.custom.identity",
            OtherRegistry,
            [
                format!("{}\nidentity = null", with_password("one")),
                format!("{}\nidentity = \"[system]\"", with_password("one")),
                format!("{}\nidentity = \"{CLIENT_ID}\"", with_password("one")),
            ],
            "/properties/credentials/customRegistries/other.example/identity",
            [Null, json!("[system]"), json!(CLIENT_ID)],
        ),
    ];
    let password = Secret {
        base: OtherRegistry,
        paths: [
            "registry_credential.custom.password",
            "registry_credential.custom.password_wo",
            "registry_credential.custom.password_wo_version",
        ],
        state: [
            "/registry_credential/0/custom/0/password",
            "/registry_credential/0/custom/0/password_wo",
            "/registry_credential/0/custom/0/password_wo_version",
        ],
        azure: "/properties/credentials/customRegistries/other.example/password/value",
        lines: "",
        beside: "username = \"one\"\n",
        absent: ("", Null),
        values: ["one", "two"],
    };
    rows.extend(password.rows());
    rows
}
