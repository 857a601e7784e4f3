//! Names that do not resolve, certificates that nobody vouches for, services that nobody runs.

use std::fs;

use super::{configure, options, world};

/// A name that never resolves: the top-level domain is reserved for that.
const NOWHERE: &str = "https://management.nowhere.invalid";

/// Reading the registry for the plan has a minute; these connections fail at once, each time.
#[test]
fn a_name_that_does_not_resolve_is_named() {
    for variable in ["ARM_RESOURCE_MANAGER_ENDPOINT", "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"] {
        let (_emulator, sandbox) = world(options(), &[(variable, NOWHERE)]);
        configure(&sandbox, "");
        let run = sandbox.fails(&["plan"]);
        run.says("could not be resolved")
            .says("Reading registry \"contosobuilds\"");
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_at_once() {
    // Somebody else's authority: the public ones are enough.
    let (stranger, _) = world(options(), &[]);
    let (emulator, sandbox) = world(options(), &[("SSL_CERT_FILE", stranger.ca_file().to_str().unwrap())]);
    configure(&sandbox, "");
    let run = sandbox.fails(&["plan"]);
    run.says("invalid peer certificate").says("name it in SSL_CERT_FILE");
    assert!(emulator.requests().is_empty());
}

#[test]
fn a_private_authority_is_trusted_by_file() {
    let (emulator, sandbox) = world(options(), &[]);
    let authority = sandbox.path().join("authority.pem");
    fs::copy(emulator.ca_file(), &authority).unwrap();
    let sandbox = sandbox.env([("SSL_CERT_FILE".to_owned(), authority.display().to_string())]);
    configure(&sandbox, "");
    sandbox.ok(&["plan"]);
}

#[test]
fn a_host_where_nobody_listens_is_named() {
    let (_emulator, sandbox) = world(options(), &[("ARM_RESOURCE_MANAGER_ENDPOINT", "https://localhost:1")]);
    configure(&sandbox, "");
    let run = sandbox.fails(&["plan"]);
    run.says("onnection refused").says("Check the network");
}
