//! The block as it is sent: with a task, or with a run.

use std::collections::BTreeMap;

use crate::{
    acr::{
        run::{Secret, request},
        task,
    },
    framework::Field,
    provider::blocks,
};

use super::{CustomCredential, RegistryCredential};

/// How the addresses of key vaults end, by cloud.
const VAULT_HOSTS: [&str; 4] = [
    ".vault.azure.net",
    ".vault.azure.cn",
    ".vault.usgovcloudapi.net",
    ".vault.microsoftazure.de",
];

impl RegistryCredential {
    /// The block as a task has it.
    #[must_use]
    pub fn to_task(&self) -> task::Credentials {
        let source = blocks::one(&self.source).map(|source| task::SourceRegistry {
            login_mode: source.login_mode.known().cloned(),
            identity: source.identity.known().cloned(),
        });
        let object = |secret: Option<Secret>| {
            secret.map(|value| task::SecretObject {
                kind: Some(kind(&value).to_owned()),
                value: Some(value),
            })
        };
        let custom = self.servers().map(|(server, custom)| {
            let registry = task::CustomRegistry {
                user_name: object(user(custom)),
                password: object(password(custom)),
                identity: custom.identity.known().cloned(),
            };
            (server, Some(registry))
        });
        let custom: BTreeMap<_, _> = custom.collect();
        task::Credentials {
            source_registry: source,
            custom_registries: (!custom.is_empty()).then_some(custom),
        }
    }

    /// The block as a run has it.
    #[must_use]
    pub fn to_run(&self) -> request::Credentials {
        let source = blocks::one(&self.source).map(|source| request::SourceRegistry {
            login_mode: source.login_mode.known().cloned(),
            identity: source.identity.known().cloned(),
        });
        let object = |secret: Option<Secret>| {
            secret.map(|value| request::SecretObject {
                kind: kind(&value).to_owned(),
                value,
            })
        };
        let custom = self.servers().map(|(server, custom)| {
            let registry = request::CustomRegistry {
                user_name: object(user(custom)),
                password: object(password(custom)),
                identity: custom.identity.known().cloned(),
            };
            (server, registry)
        });
        request::Credentials {
            source_registry: source,
            custom_registries: custom.collect(),
        }
    }

    fn servers(&self) -> impl Iterator<Item = (String, &CustomCredential)> {
        blocks::all(&self.custom)
            .iter()
            .filter_map(|custom| Some((custom.login_server.text()?.to_owned(), custom)))
    }
}

fn user(custom: &CustomCredential) -> Option<Secret> {
    custom.username.text().map(Secret::new)
}

fn password(custom: &CustomCredential) -> Option<Secret> {
    match custom.any_password() {
        Field::Known(password) => Some(Secret::new(password.0.clone())),
        Field::Null | Field::Unknown => None,
    }
}

/// What a value is: the secret itself, or the address of one in a key vault.
fn kind(value: &Secret) -> &'static str {
    match is_vault_secret(value.expose()) {
        true => "Vaultsecret",
        false => "Opaque",
    }
}

/// Whether a text is the address of a key vault's secret, with or without a version.
pub(super) fn is_vault_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some((host, path)) = lower.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    VAULT_HOSTS.iter().any(|end| host.ends_with(end)) && path.strip_prefix("secrets/").is_some_and(|it| !it.is_empty())
}
