//! What no single argument of the block tells.

use crate::{
    framework::{Diagnostic, Diagnostics, Field, Path},
    provider::{blocks, secrets},
};

use super::{BLOCK, CustomCredential, RegistryCredential, SourceCredential};

/// Checks the block of a configuration. Values may be unknown, and then nothing is said of them.
#[must_use]
pub fn check(block: &Field<Vec<RegistryCredential>>) -> Diagnostics {
    let mut found = Diagnostics::new();
    for (index, credential) in blocks::all(block).iter().enumerate() {
        check_one(credential, &Path::attribute(BLOCK).index(index), &mut found);
    }
    found
}

fn check_one(credential: &RegistryCredential, at: &Path, found: &mut Diagnostics) {
    if blocks::count(&credential.source) == Some(0) && blocks::count(&credential.custom) == Some(0) {
        let detail = "A registry_credential without source and custom says nothing. Add one of them, or leave it out.";
        found.push(Diagnostic::error("Empty registry_credential", detail).at(at.clone()));
    }
    for (index, source) in blocks::all(&credential.source).iter().enumerate() {
        check_source(source, &at.then("source").index(index), found);
    }
    let custom = blocks::all(&credential.custom);
    for (index, one) in custom.iter().enumerate() {
        let at = at.then("custom").index(index);
        check_custom(one, &at, found);
        let server = |it: &CustomCredential| it.login_server.text().map(str::to_ascii_lowercase);
        if let Some(name) = server(one)
            && custom[..index]
                .iter()
                .any(|other| server(other).as_ref() == Some(&name))
        {
            let detail = format!("There is a custom block for {name} already, and Azure keeps one for each.");
            found.push(Diagnostic::error("Login server named twice", detail).at(at.then("login_server")));
        }
    }
}

fn check_source(source: &SourceCredential, at: &Path, found: &mut Diagnostics) {
    if source.login_mode.is_null() && source.identity.is_null() {
        let detail = "Give login_mode, or the identity to log in with.";
        found.push(Diagnostic::error("Empty source", detail).at(at.clone()));
    }
}

fn check_custom(custom: &CustomCredential, at: &Path, found: &mut Diagnostics) {
    let (plain, write_only) = (&custom.password, &custom.password_wo);
    secrets::check_pair(at, "password", plain, write_only, &custom.password_wo_version, found);
    let no_password = plain.is_null() && write_only.is_null();
    if custom.username.is_null() && !no_password && (plain.known().is_some() || write_only.known().is_some()) {
        let detail = "A password belongs to a user: give username.";
        found.push(Diagnostic::error("Password without a user", detail).at(at.then("username")));
    } else if custom.username.known().is_some() && no_password {
        let detail = "A user belongs to a password: give password or password_wo.";
        found.push(Diagnostic::error("User without a password", detail).at(at.then("password")));
    } else if custom.username.is_null() && no_password && custom.identity.is_null() {
        let detail = "Give username with password or password_wo, or the identity to log in with.";
        found.push(Diagnostic::error("No way to log in", detail).at(at.clone()));
    }
}
