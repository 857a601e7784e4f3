//! `registry_credential`: how runs log in to registries. Tasks, runs and builds share the block.
//!
//! `source` is the registry that the task or run belongs to, `custom` is any other. A password has a plain and a write-only
//! form; the model that is sent has them in one place, see [`RegistryCredential::with_write_only`].

mod checks;
mod convert;
mod schema;
#[cfg(test)]
mod tests;

pub use checks::check;
pub use schema::{LOGIN_MODES, block};

use crate::{framework::Field, framework::model::Secret, model, provider::blocks};

/// The name of the block.
pub const BLOCK: &str = "registry_credential";

/// The identity of the task itself.
pub const SYSTEM: &str = "[system]";

/// The identity of whoever starts a run.
pub const CALLER: &str = "[caller]";

/// Whose credentials a block describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A task, which has an identity of its own and no caller.
    Task,
    /// A run or a build, which has a caller and no identity of its own.
    Run,
}

model! {
    /// The whole block.
    pub struct RegistryCredential {
        /// Other registries.
        pub custom: Vec<CustomCredential>,
        /// The own registry.
        pub source: Vec<SourceCredential>,
    }
}

model! {
    /// Access to another registry.
    pub struct CustomCredential {
        /// `[system]` or a managed identity's client id.
        pub identity: String,
        /// The registry's host name.
        pub login_server: String,
        /// The password, or the URL of a key vault's secret.
        pub password: Secret,
        /// The password, never stored.
        pub password_wo: Secret,
        /// Changes when the write-only password does.
        pub password_wo_version: i64,
        /// The user, or the URL of a key vault's secret.
        pub username: String,
    }
}

model! {
    /// Access to the own registry.
    pub struct SourceCredential {
        /// `[system]`, `[caller]` or a managed identity's client id.
        pub identity: String,
        /// `None` or `Default`.
        pub login_mode: String,
    }
}

impl RegistryCredential {
    /// The planned block with the write-only values of the configured one, as it is sent.
    #[must_use]
    pub fn with_write_only(&self, config: &Self) -> Self {
        let complete = |planned: &CustomCredential, config: &CustomCredential| CustomCredential {
            password_wo: config.password_wo.clone(),
            ..planned.clone()
        };
        Self {
            custom: blocks::completed(&self.custom, &config.custom, complete),
            source: self.source.clone(),
        }
    }

    /// The identity that runs log in to their own registry with, as far as one is named: under `source`, or under `custom`
    /// for the registry of this name.
    #[must_use]
    pub fn own_identity(&self, registry_name: &str) -> Option<&str> {
        let source = blocks::one(&self.source).and_then(|source| source.identity.text());
        let own = |custom: &&CustomCredential| {
            let host = custom.login_server.text().and_then(|server| server.split('.').next());
            // A registry whose domain name is scoped has a hash behind its name, which has no hyphen itself.
            let name = host.and_then(|host| host.split('-').next());
            name.is_some_and(|name| name.eq_ignore_ascii_case(registry_name))
        };
        let custom = blocks::all(&self.custom).iter().find(own);
        source.or_else(|| custom.and_then(|custom| custom.identity.text()))
    }
}

impl CustomCredential {
    /// The password in whichever form it was given.
    fn any_password(&self) -> &Field<Secret> {
        if self.password.is_null() {
            &self.password_wo
        } else {
            &self.password
        }
    }
}
