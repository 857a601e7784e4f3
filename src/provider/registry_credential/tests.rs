//! The block's rules and what is sent of it.

use serde_json::json;

use super::*;
use crate::framework::{Diagnostics, Value, model::FieldType, validators};

fn text(text: &str) -> Field<String> {
    Field::Known(text.to_owned())
}

fn secret(text: &str) -> Field<Secret> {
    Field::Known(Secret(text.to_owned()))
}

fn custom(server: &str) -> CustomCredential {
    CustomCredential {
        login_server: text(server),
        username: text("u"),
        password: secret("p"),
        ..CustomCredential::default()
    }
}

fn credential(custom: Vec<CustomCredential>, source: Vec<SourceCredential>) -> RegistryCredential {
    RegistryCredential {
        custom: Field::Known(custom),
        source: Field::Known(source),
    }
}

fn told(found: Diagnostics) -> Vec<String> {
    let told = |it: crate::framework::Diagnostic| format!("{}: {}", it.path.unwrap_or_default(), it.summary);
    found.0.into_iter().map(told).collect()
}

#[test]
fn what_belongs_together() {
    let checked = |it: RegistryCredential| told(check(&Field::Known(vec![it])));
    let one = |it: CustomCredential| checked(credential(vec![it], vec![]));
    assert_eq!(one(custom("a.example")), Vec::<String>::new());
    assert_eq!(
        checked(credential(vec![], vec![])),
        ["registry_credential[0]: Empty registry_credential"]
    );
    assert_eq!(
        checked(credential(vec![], vec![SourceCredential::default()])),
        ["registry_credential[0].source[0]: Empty source"]
    );
    assert_eq!(
        checked(credential(vec![custom("a.example"), custom("A.EXAMPLE")], vec![])),
        ["registry_credential[0].custom[1].login_server: Login server named twice"]
    );
    let at = "registry_credential[0].custom[0]";
    for (change, says) in [
        (
            CustomCredential {
                username: Field::Null,
                ..custom("a")
            },
            format!("{at}.username: Password without a user"),
        ),
        (
            CustomCredential {
                password: Field::Null,
                ..custom("a")
            },
            format!("{at}.password: User without a password"),
        ),
        (
            CustomCredential {
                login_server: text("a"),
                ..CustomCredential::default()
            },
            format!("{at}: No way to log in"),
        ),
        (
            CustomCredential {
                password_wo: secret("q"),
                password_wo_version: Field::Known(1),
                ..custom("a")
            },
            format!("{at}.password_wo: Secret given twice"),
        ),
        (
            CustomCredential {
                password: Field::Null,
                password_wo: secret("q"),
                ..custom("a")
            },
            format!("{at}.password_wo_version: Write-only argument without a version"),
        ),
        (
            CustomCredential {
                password_wo_version: Field::Known(1),
                ..custom("a")
            },
            format!("{at}.password_wo_version: Version without its argument"),
        ),
    ] {
        assert_eq!(one(change), [says]);
    }
    // What is unknown may turn out to be what is missing.
    for open in [
        CustomCredential {
            username: Field::Unknown,
            ..custom("a")
        },
        CustomCredential {
            password: Field::Unknown,
            ..custom("a")
        },
        CustomCredential {
            password: Field::Null,
            password_wo: Field::Unknown,
            ..custom("a")
        },
        CustomCredential {
            identity: Field::Unknown,
            login_server: text("a"),
            ..CustomCredential::default()
        },
    ] {
        assert_eq!(one(open), Vec::<String>::new());
    }
    assert!(check(&Field::Unknown).0.is_empty());
}

#[test]
fn single_values() {
    for (owner, member, value, says) in [
        (Owner::Task, "source", "[system]", ""),
        (Owner::Task, "source", "0f0e0d0c-0b0a-4908-8706-050403020100", ""),
        (Owner::Task, "source", "[caller]", "whoever starts a run"),
        (Owner::Run, "source", "[caller]", ""),
        (Owner::Run, "custom", "[caller]", "whoever starts a run"),
        (Owner::Run, "source", "[system]", "a build has none. Use [caller]"),
        (Owner::Run, "custom", "[system]", "a build has none. Use username"),
        (Owner::Run, "custom", "0f0e0d0c-0b0a-4908-8706-050403020100", ""),
        (Owner::Run, "source", "caller", "neither [caller] nor the client id"),
        (Owner::Task, "custom", "/subscriptions/s/x", "by its client id"),
        (Owner::Task, "custom", "system", "neither [system] nor the client id"),
    ] {
        let inside = Value::object([("identity", Value::string(value))]);
        let object = Value::object([(member, Value::List(vec![inside]))]);
        let found = validators::validate(&block(owner).block, &object);
        let said: String = found.0.into_iter().map(|it| it.detail).collect();
        assert_eq!(said.is_empty(), says.is_empty(), "{owner:?} {member} {value}: {said}");
        assert!(said.contains(says), "{said}");
    }
    for (server, says) in [
        ("other.azurecr.io", ""),
        ("localhost:5000", ""),
        ("https://other.azurecr.io", "it has a scheme"),
        ("other.azurecr.io/app", "it has a path"),
        ("", "letters, digits"),
    ] {
        let inside = Value::object([("login_server", Value::string(server))]);
        let object = Value::object([("custom", Value::List(vec![inside]))]);
        let found = validators::validate(&block(Owner::Task).block, &object);
        let said: String = found.0.into_iter().map(|it| it.detail).collect();
        assert!(
            said.contains(says) && said.is_empty() == says.is_empty(),
            "{server}: {said}"
        );
    }
}

#[test]
fn what_is_sent() {
    let vault = "https://contoso.vault.azure.net/secrets/password/1";
    let planned = credential(
        vec![
            CustomCredential {
                password: Field::Null,
                password_wo_version: Field::Known(1),
                ..custom("a.example")
            },
            CustomCredential {
                identity: text(SYSTEM),
                password: secret(vault),
                ..custom("b.example")
            },
        ],
        vec![SourceCredential {
            identity: text(SYSTEM),
            login_mode: text("Default"),
        }],
    );
    let mut config = planned.clone();
    if let Field::Known(custom) = &mut config.custom {
        custom[0].password_wo = secret("hush");
    }
    let sent = planned.with_write_only(&config);
    let expected = json!({
        "sourceRegistry": {"loginMode": "Default", "identity": "[system]"},
        "customRegistries": {
            "a.example": {"userName": {"type": "Opaque", "value": "u"}, "password": {"type": "Opaque", "value": "hush"}},
            "b.example": {"userName": {"type": "Opaque", "value": "u"},
                "password": {"type": "Vaultsecret", "value": vault}, "identity": "[system]"}}});
    assert_eq!(json!(sent.to_task()), expected);
    assert_eq!(json!(sent.to_run()), expected);
    assert!(!format!("{sent:?}").contains("hush"));
    assert_eq!(sent.own_identity("contoso"), Some(SYSTEM));
    let other = credential(
        vec![CustomCredential {
            identity: text("c"),
            ..custom("contoso.azurecr.io")
        }],
        vec![],
    );
    let scoped = credential(
        vec![CustomCredential {
            identity: text("c"),
            ..custom("contoso-c1d2e3f4.azurecr.io")
        }],
        vec![],
    );
    assert_eq!(scoped.own_identity("contoso"), Some("c"));
    assert_eq!(
        (other.own_identity("Contoso"), other.own_identity("fabrikam")),
        (Some("c"), None)
    );
}

#[test]
fn addresses_of_key_vaults() {
    for (text, is) in [
        ("https://contoso.vault.azure.net/secrets/p", true),
        ("https://CONTOSO.vault.azure.net/secrets/p/0123", true),
        ("https://contoso.vault.azure.cn/secrets/p", true),
        ("https://contoso.vault.azure.net/keys/p", false),
        ("https://contoso.example/secrets/p", false),
        ("p4ssw0rd", false),
    ] {
        assert_eq!(convert::is_vault_secret(text), is, "{text}");
    }
}

#[test]
fn model_and_schema_agree() {
    let value = credential(vec![custom("a")], vec![SourceCredential::default()]).to_known();
    let ty = block(Owner::Task).block.ty();
    let bytes = crate::framework::msgpack::encode(&ty, &value);
    assert_eq!(crate::framework::msgpack::decode(&ty, &bytes), Ok(value));
}
