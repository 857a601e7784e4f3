//! The judge's judge: with real Terraform the honest thing works, and the mutants fail where the table says that Core
//! can see them. Where Core is blind the table says why, and the mutant lives its whole life unnoticed: that is what
//! the harness is for.
//!
//! The texts are those of Terraform 1.15.5, which knows identities and write-only arguments.

mod verdicts;

use std::{collections::BTreeSet, path::Path};

use serde_json::json;
use tempfile::TempDir;
use terraform_provider_acr::protocol::wire::provider_server::ProviderServer;
use tokio::{net::UnixListener, runtime::Runtime};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;

use super::{mutants::MUTANTS, thing::Thing};
use crate::sandbox::{Run, Sandbox, Version};
use verdicts::{Step, VERDICTS, Verdict};

/// The provider's full address, under which Terraform looks for a running process.
const ADDRESS: &str = "registry.terraform.io/agentpools/acr";
/// What every configuration begins with.
const HEAD: &str = "terraform {\n  required_providers {\n    acr = { source = \"agentpools/acr\" }\n  }\n}\n";
/// A thing with one of everything, one value of which is known only at apply.
const FULL: &str = r#"
  name          = "alpha"
  size          = terraform_data.size.output
  labels        = ["b", "a"]
  tags          = { k = "v" }
  token_version = 1
  rule {
    port = 1
  }
  rule {
    port = 2
    note = "second"
  }
  timeouts {
    create = "30m"
  }
"#;
/// The write-only argument, which Terraform knows since 1.11.
const TOKEN: &str = "token = \"open-sesame\"\n";
const SIZE: &str = "resource \"terraform_data\" \"size\" {\n  input = 0.3\n}\n";
const UPDATED: &str = "name = \"alpha\"\nsize = 7\ntier = terraform_data.tier.output\n";
const TIER: &str = "resource \"terraform_data\" \"tier\" {\n  input = \"large\"\n}\n";
const KNOWN: &str = "name = \"alpha\"\nsize = 7\ntier = \"large\"\n";
const IMPORT: &str = "import {\n  to = acr_thing.this\n  identity = { id = \"thing-alpha\" }\n}\n";
const REPLACED: &str = "name = \"beta\"\n";
const DATA: &str = "data \"acr_thing\" \"one\" {\n  name = \"one\"\n}\n";

/// A thing served from this process, and a Terraform that uses it. Dropped, both are gone.
struct Served {
    sandbox: Sandbox,
    _runtime: Runtime,
    _socket: TempDir,
}

impl Served {
    fn new(thing: Thing, version: Version) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::Builder::new().prefix("acr-").tempdir().unwrap();
        let socket = folder.path().join("thing");
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(&socket).unwrap()
        };
        let service = ProviderServer::new(thing);
        let serve = Server::builder()
            .add_service(service)
            .serve_with_incoming(UnixListenerStream::new(listener));
        runtime.spawn(async move { serve.await.unwrap() });
        let sandbox = Sandbox::new(version).reattach(&reattach(&socket));
        Self {
            sandbox,
            _runtime: runtime,
            _socket: folder,
        }
    }

    /// Writes the configuration: a thing with this body, beside whatever else.
    fn configure(&self, body: &str, beside: &str) {
        let text = format!("{HEAD}\nresource \"acr_thing\" \"this\" {{\n{body}}}\n{beside}");
        self.sandbox.write("main.tf", &text);
    }

    /// Takes one step of a thing's life. An honest thing's step ends with code 0.
    fn step(&self, step: Step, with_token: bool) -> Run {
        let sandbox = &self.sandbox;
        match step {
            Step::Create => {
                self.configure(&format!("{FULL}{}", if with_token { TOKEN } else { "" }), SIZE);
                sandbox.run(&["apply", "-auto-approve"])
            }
            Step::Rest => sandbox.run(&["plan", "-detailed-exitcode"]),
            Step::Unrefreshed => sandbox.run(&["plan", "-detailed-exitcode", "-refresh=false"]),
            Step::Update => {
                self.configure(UPDATED, TIER);
                sandbox.run(&["apply", "-auto-approve"])
            }
            Step::Import => {
                sandbox.ok(&["state", "rm", "acr_thing.this"]);
                sandbox.run(&["import", "acr_thing.this", "thing-alpha"])
            }
            Step::ImportBlock => {
                // A mutant may have imported nothing: then there is nothing to forget.
                sandbox.run(&["state", "rm", "acr_thing.this"]);
                self.configure(KNOWN, IMPORT);
                sandbox.run(&["apply", "-auto-approve"])
            }
            Step::Replace => {
                self.configure(REPLACED, DATA);
                sandbox.run(&["apply", "-auto-approve"])
            }
            Step::Destroy => sandbox.run(&["destroy", "-auto-approve"]),
        }
    }
}

/// What a provider that runs already is announced by.
fn reattach(socket: &Path) -> String {
    let provider = json!({
        "Protocol": "grpc",
        "ProtocolVersion": 5,
        "Pid": std::process::id(),
        "Test": true,
        "Addr": {"Network": "unix", "String": socket},
    });
    json!({ ADDRESS: provider }).to_string()
}

/// Lives a mutant's life up to the step at which Core sees it, or to the end when it sees nothing.
fn judge(Verdict { mutant, at, text }: &Verdict) -> Result<(), String> {
    let served = Served::new(Thing::wrong(mutant), Version::Newest);
    for step in Step::LIFE {
        let run = served.step(step, true);
        if *at == Some(step) {
            if run.code == Some(0) {
                return Err(format!("{mutant}: {step:?} should have failed\n{run}"));
            }
            run.says(text);
            return Ok(());
        }
        if run.code != Some(0) {
            return Err(format!("{mutant}: {step:?} failed already\n{run}"));
        }
    }
    Ok(())
}

/// Judges every mutant of these rule families.
fn judge_all(families: &[&str]) {
    let chosen = VERDICTS.iter().filter(|verdict| families.contains(&verdict.family()));
    let wrong: Vec<String> = chosen.filter_map(|verdict| judge(verdict).err()).collect();
    assert!(
        wrong.is_empty(),
        "{} verdicts are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_honest_thing_lives_its_life() {
    let served = Served::new(Thing::honest(), Version::Newest);
    for step in Step::LIFE {
        let run = served.step(step, true);
        assert_eq!(run.code, Some(0), "{step:?}\n{run}");
    }
}

#[test]
fn the_honest_thing_lives_its_life_with_the_oldest_terraform() {
    let served = Served::new(Thing::honest().without_identity(), Version::Oldest);
    for step in Step::LIFE.into_iter().filter(|step| *step != Step::ImportBlock) {
        let run = served.step(step, false);
        assert_eq!(run.code, Some(0), "{step:?}\n{run}");
    }
}

#[test]
fn core_sees_wrong_schemas_upgrades_and_reads() {
    judge_all(&["S", "U", "R"]);
}

#[test]
fn core_sees_wrong_plans() {
    judge_all(&["P"]);
}

#[test]
fn core_sees_wrong_applies() {
    judge_all(&["A"]);
}

#[test]
fn core_sees_wrong_imports_and_data() {
    judge_all(&["I", "D"]);
}

#[test]
fn core_sees_little_of_what_concerns_every_answer() {
    judge_all(&["DIAG", "LEGACY", "DEFER", "RPC"]);
}

#[test]
fn each_mutant_has_one_verdict() {
    let judged: Vec<_> = VERDICTS.iter().map(|verdict| verdict.mutant).collect();
    assert_eq!(judged.len(), MUTANTS.len());
    assert_eq!(judged.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(MUTANTS));
    for verdict in VERDICTS {
        assert!(
            ["S", "U", "R", "P", "A", "I", "D", "DIAG", "LEGACY", "DEFER", "RPC"].contains(&verdict.family()),
            "{verdict:?}"
        );
    }
}
