//! `registry_credential` as Azure has it: of other registries it tells the names and nothing else.

use crate::{
    acr::task::{self, Credentials},
    framework::Field,
    provider::{
        blocks,
        registry_credential::{CustomCredential, LOGIN_MODES, RegistryCredential, SourceCredential},
    },
};

use super::{
    refresh::{by_name, keep, word},
    schema::same_text,
};

/// The block, if Azure has anything that belongs there.
pub(super) fn registry_credential(
    prior: Option<&RegistryCredential>,
    it: Option<&Credentials>,
) -> Option<RegistryCredential> {
    let it = it?;
    let old = prior.cloned().unwrap_or_default();
    let source = it.source_registry.as_ref();
    let source = source.and_then(|it| source_credential(blocks::one(&old.source), it));
    let servers: Vec<&String> = it
        .custom_registries
        .iter()
        .flatten()
        .map(|(server, _)| server)
        .collect();
    let custom = by_name(
        blocks::all(&old.custom),
        &servers,
        |prior| &prior.login_server,
        |server| server,
        |prior, server| custom_credential(prior, server),
    );
    let any = source.is_some() || !custom.is_empty();
    any.then_some(RegistryCredential {
        custom: blocks::of(custom),
        source: blocks::of(source),
    })
}

fn source_credential(prior: Option<&SourceCredential>, it: &task::SourceRegistry) -> Option<SourceCredential> {
    let null = Field::Null;
    let identity = keep(
        prior.map_or(&null, |prior| &prior.identity),
        it.identity.as_ref(),
        same_text,
    );
    let login_mode = match prior {
        // With an identity alone, the service may say how it logs in.
        Some(prior) if prior.login_mode.is_null() && !identity.is_null() => Field::Null,
        prior => word(
            prior.map(|prior| &prior.login_mode),
            it.login_mode.as_ref(),
            LOGIN_MODES,
        ),
    };
    (!identity.is_null() || !login_mode.is_null()).then_some(SourceCredential { identity, login_mode })
}

fn custom_credential(prior: Option<&CustomCredential>, server: &str) -> CustomCredential {
    CustomCredential {
        password_wo: Field::Null,
        ..prior.cloned().unwrap_or_else(|| CustomCredential {
            login_server: Field::Known(server.to_owned()),
            ..CustomCredential::default()
        })
    }
}
