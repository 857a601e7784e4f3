//! Every way to sign in, with real Terraform and the real provider process, against the emulator's login endpoint.
//!
//! The files under `tests/fixtures/credentials` are keys and certificates made with OpenSSL for these tests alone.

mod auxiliary;
mod choice;
mod cli;
mod endpoints;
mod failures;
mod refresh;
mod requests;
mod secrets;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::json;
use terraform_provider_acr::emulator::{self, Emulator, JournalEntry, Options, Seed};

use crate::sandbox::{Run, Sandbox, Version};

/// What the fixtures are encrypted with.
const PASSWORD: &str = "open-sesame-4711";

/// The tenant of the emulator's subscription.
const TENANT: &str = "99999999-8888-7777-6666-555555555555";

/// Two more tenants, in the seed.
const AUXILIARY: [&str; 2] = [
    "aaaaaaaa-0000-4000-8000-000000000001",
    "aaaaaaaa-0000-4000-8000-000000000002",
];

/// A file of the fixtures.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/credentials")
        .join(name)
}

/// The DER of the fixtures' certificate.
fn certificate() -> Vec<u8> {
    pem_body(&fs::read_to_string(fixture("certificate.pem")).unwrap())
}

fn pem_body(pem: &str) -> Vec<u8> {
    use base64::Engine;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

/// An emulator with a pool to read, and a Terraform that reads it.
struct World {
    emulator: Emulator,
    sandbox: Sandbox,
}

fn options() -> Options {
    let seed = json!({
        "resource_groups": [{"name": "rg-builds"}],
        "registries": [{"name": "contosobuilds", "resource_group": "rg-builds"}],
        "agent_pools": [{"registry": "contosobuilds", "name": "builds"}],
        "auxiliary_tenants": AUXILIARY,
    });
    Options {
        seed: Seed::from_json(&seed.to_string()).unwrap(),
        managed_identity: true,
        provisioning: std::time::Duration::from_millis(300),
        retry_after: std::time::Duration::from_secs(1),
        ..Options::default()
    }
}

impl World {
    /// The environment says which cloud, tenant and application, but holds no proof of who asks.
    fn new() -> Self {
        Self::with(options())
    }

    fn with(options: Options) -> Self {
        let emulator = emulator::start_blocking(options).unwrap();
        let proof = [
            "ARM_CLIENT_SECRET",
            "AZURE_CLIENT_SECRET",
            "AZURE_CLIENT_ID",
            "AZURE_TENANT_ID",
        ];
        let variables = emulator
            .environment()
            .into_iter()
            .filter(|(name, _)| !proof.contains(&name.as_str()));
        let sandbox = Sandbox::new(Version::Newest).env(variables);
        let world = Self { emulator, sandbox };
        world.block("");
        world.env(&[("PATH", &path_without_az())])
    }

    /// Adds to the environment; an empty value takes away.
    fn env(mut self, pairs: &[(&str, &str)]) -> Self {
        self.sandbox = self.sandbox.env(owned(pairs));
        self
    }

    /// As [`World::env`].
    fn envs(mut self, pairs: Vec<(String, String)>) -> Self {
        self.sandbox = self.sandbox.env(pairs);
        self
    }

    /// The emulator's own environment: a client secret.
    fn with_secret(self) -> Self {
        let secret = self.secret();
        self.env(&[("ARM_CLIENT_SECRET", &secret)])
    }

    /// The client secret that the emulator made up.
    fn secret(&self) -> String {
        let variables = self.emulator.environment();
        variables
            .into_iter()
            .find(|(name, _)| name == "ARM_CLIENT_SECRET")
            .unwrap()
            .1
    }

    /// Writes the configuration with these lines in the provider block.
    fn block(&self, lines: &str) {
        let id = format!(
            "/subscriptions/{}/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds/agentPools/builds",
            self.emulator.subscription_id()
        );
        let text = format!(
            "terraform {{\n  required_providers {{\n    acr = {{\n      source = \"agentpools/acr\"\n    }}\n  }}\n}}\n\nprovider \"acr\" {{\n{lines}\n}}\n\ndata \"acr_agent_pool\" \"p\" {{\n  id = \"{id}\"\n}}\n\noutput \"tier\" {{\n  value = data.acr_agent_pool.p.tier\n}}\n"
        );
        self.sandbox.write("main.tf", &text);
    }

    /// Writes a file beside the configuration.
    fn file(&self, name: &str, text: &str) -> String {
        self.sandbox.write(name, text);
        self.sandbox.path().join(name).display().to_string()
    }

    /// Puts a command `az` in front of the PATH: a shell script with this body.
    fn az(self, script: &str) -> Self {
        let az = self.file("bin/az", &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
        let folder = self.sandbox.path().join("bin");
        let path = format!("{}:{}", folder.display(), path_without_az());
        self.env(&[("PATH", &path)])
    }

    fn plan(&self) -> Run {
        self.sandbox.ok(&["plan"])
    }

    /// The requests by which somebody signed in or tried to: `METHOD path?query status sign-in body`.
    fn sign_ins(&self) -> Vec<String> {
        let is_sign_in = |entry: &JournalEntry| entry.path.ends_with("/token");
        let told = |entry: JournalEntry| {
            let body = entry
                .request_body
                .as_ref()
                .and_then(|body| body.as_str().map(str::to_owned));
            let parts = [
                Some(format!("{} {}", entry.method, entry.path)),
                Some(entry.query).filter(|query| !query.is_empty()),
                entry.status.map(|status| status.to_string()),
                entry.sign_in.map(str::to_owned),
                body,
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let port = self.emulator.url().rsplit(':').next().unwrap().to_owned();
        let requests = self.emulator.requests().into_iter().filter(is_sign_in).map(told);
        // The port and the application's id are random.
        requests
            .map(|line| {
                line.replace(&port, "PORT")
                    .replace(&self.emulator.client_id(), "CLIENT")
            })
            .collect()
    }

    /// The requests to the resource manager, as `METHOD status identity`.
    fn reads(&self) -> Vec<String> {
        let requests = self.emulator.requests().into_iter();
        requests
            .filter(|entry| entry.path.starts_with("/subscriptions/"))
            .map(|entry| {
                let identity = entry.identity.unwrap_or_default();
                format!("{} {} {identity}", entry.method, entry.status.unwrap_or_default())
            })
            .collect()
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// This machine's PATH without the folders that hold an Azure CLI: what a test says about `az` must not depend on them.
fn path_without_az() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| !folder.join("az").exists());
    std::env::join_paths(folders).unwrap().into_string().unwrap()
}

/// What a token request with this proof looks like in the journal.
fn token_request(sign_in: &str, assertion: bool) -> String {
    let proof = if assertion {
        "client_assertion=<masked>&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_id=CLIENT&grant_type=client_credentials"
    } else {
        "client_id=CLIENT&client_secret=<masked>&grant_type=client_credentials"
    };
    format!("POST /{TENANT}/oauth2/v2.0/token 200 {sign_in} {proof}&scope=https://localhost:PORT/.default")
}
