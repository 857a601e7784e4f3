//! What a run will do and write, put down at the moment it starts.
//!
//! # Marks
//! A run fails where what it runs would fail, as far as the emulator's [shell](super::run_shell) and
//! [Dockerfile](super::dockerfile) go: `RUN exit 1`, `cmd: bash -c "exit 1"`, a file that the archive lacks. Nothing is
//! fetched from other hosts: a repository whose name starts with `missing` is not there, one whose name starts with
//! `failing` fails in its build, and so is a path that starts with `missing`; every other remote context holds what is asked for.
//!
//! # Assumed
//! Build output shows no values of build arguments; secret values that a step prints are shown as `***`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::archives::Archive;
use super::clock;
use super::images::Image;
use super::run_log::{Block, Line};
use super::run_record::{Ending, Run, Setting, Source, Step, TaskFile, Work};
use super::store::{Registry, Store, key, parent};
use super::task_file::{self, Does, TaskStep};
use super::{dockerfile, run_shell};

/// What the service says of any step that failed, as recorded.
const STEP_FAILED: &str = "failed during run, err: exit status 1";
/// What the service says when the registry's network rules keep a run out, as reported from the field.
const KEPT_OUT: &str = "failed to get ACR refresh token, exchange API response code: 403 Forbidden";
/// What stands for a secret in a log.
const SECRET: &str = "***";

/// A run being told.
struct Script<'a> {
    run: &'a Run,
    work: &'a Work,
    login_server: String,
    archive: Option<Arc<Archive>>,
    known: BTreeMap<String, String>,
    blocks: Vec<Block>,
    /// Images that were built, by name as written.
    built: Vec<Image>,
    pushed: Vec<Image>,
}

impl Store {
    /// What a run writes and how it ends, as things are now.
    pub(super) fn script_of(&self, id: &str) -> Option<(Vec<Block>, Ending)> {
        let run = self.runs.get(id)?;
        let work = &run.progress.as_ref()?.work;
        let registry = self.registries.get(&key(parent(&run.id)))?;
        let login_server = format!("{}.azurecr.io", registry.name.to_ascii_lowercase());
        let archive = match &work.source {
            Source::Upload(path) => self
                .blobs
                .objects
                .get(path)
                .map(|object| object.content.archive.clone()),
            _ => None,
        };
        let known = [
            ("Run.ID", run.run_id.clone()),
            ("Run.Registry", login_server.clone()),
            ("Run.RegistryName", registry.name.clone()),
            ("Run.Date", clock::compact(run.created)),
            ("Run.TaskName", run.task.clone().unwrap_or_default()),
            ("Run.OS", run.platform["os"].as_str().unwrap_or_default().into()),
            (
                "Run.Architecture",
                run.platform["architecture"].as_str().unwrap_or_default().into(),
            ),
        ];
        let mut script = Script {
            run,
            work,
            login_server,
            archive,
            known: known.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            blocks: Vec::new(),
            built: Vec::new(),
            pushed: Vec::new(),
        };
        let result = script.tell(kept_out(registry, run, work));
        let mut blocks = script.blocks;
        mask(&mut blocks, work);
        Some((
            blocks,
            match result {
                Ok(()) => Ending::Succeeded(script.pushed),
                Err(error) => Ending::Failed(error),
            },
        ))
    }
}

/// Whether the registry's network rules keep the run out: a restricted registry, no pool, and no permitted bypass.
fn kept_out(registry: &Registry, run: &Run, work: &Work) -> bool {
    let text = |name: &str| registry.settings.get(name).and_then(|value| value.as_str());
    let denied = registry
        .settings
        .get("networkRuleSet")
        .is_some_and(|rules| rules["defaultAction"] == "Deny");
    let restricted = denied || text("publicNetworkAccess") == Some("Disabled");
    let trusted = text("networkRuleBypassOptions").is_none_or(|option| option == "AzureServices");
    let allowed = registry.settings.get("networkRuleBypassAllowedForTasks") == Some(&true.into());
    restricted && run.agent_pool_name.is_none() && !(work.system_identity && trusted && allowed)
}

/// Hides the values of secrets, the longest first.
fn mask(blocks: &mut [Block], work: &Work) {
    let settings = match &work.step {
        Step::Docker { arguments, .. } => arguments,
        Step::Tasks { values, .. } => values,
    };
    let secret = |setting: &&Setting| setting.secret && !setting.value.is_empty();
    let mut secrets: Vec<&str> = settings
        .iter()
        .filter(secret)
        .map(|setting| setting.value.as_str())
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for line in blocks.iter_mut().flat_map(|block| &mut block.lines) {
        let (Line::Told(text) | Line::Printed(text)) = line;
        for secret in &secrets {
            *text = text.replace(secret, SECRET);
        }
    }
}

impl Script<'_> {
    /// Tells everything; the error is the run's message.
    fn tell(&mut self, kept_out: bool) -> Result<(), String> {
        let source = &self.work.source;
        let begin = match source {
            Source::Nothing => "Preparing the workspace...".to_string(),
            _ => "Downloading source code...".to_string(),
        };
        self.blocks.push(Block::told([begin]));
        self.fetch()?;
        let server = self.login_server.clone();
        let mut ready = Block::told([
            "Source code is in place".to_string(),
            format!("Logging in to registry: {server}"),
        ]);
        if kept_out {
            ready.lines.push(Line::Told(KEPT_OUT.into()));
            self.blocks.push(ready);
            return Err(KEPT_OUT.into());
        }
        ready.lines.push(Line::Told(format!("Logged in to registry: {server}")));
        self.blocks.push(ready);
        match &self.work.step {
            Step::Docker {
                file,
                image_names,
                push,
                target,
                arguments,
            } => {
                let names: Vec<String> = image_names
                    .iter()
                    .map(|name| task_file::filled(name, &self.known))
                    .collect();
                let timeout = self
                    .run
                    .progress
                    .as_ref()
                    .map_or(0, |progress| progress.timeout.as_secs());
                self.begin_step("build", timeout);
                self.docker(file, target.as_deref(), arguments, &names)?;
                if *push {
                    self.begin_step("push", timeout);
                    self.push(&names)?;
                }
                Ok(())
            }
            Step::Tasks {
                file,
                values_file,
                values,
            } => {
                if let Some(path) = values_file {
                    let Some(text) = self.file(path, "") else {
                        return Err(self.fail(&format!("there is no values file '{path}' in the context")));
                    };
                    let given = task_file::values(&text).into_iter();
                    self.known
                        .extend(given.map(|(name, value)| (format!("Values.{name}"), value)));
                }
                self.tasks(file, values)
            }
        }
    }

    fn fetch(&mut self) -> Result<(), String> {
        let problem = match &self.work.source {
            Source::Nothing => None,
            Source::Remote(url) => lacking(url).then(|| format!("the source '{url}' does not exist")),
            Source::Upload(path) => match &self.archive {
                None => Some(format!("the source '{path}' does not exist")),
                Some(archive) => archive
                    .problem
                    .as_ref()
                    .map(|problem| format!("the source cannot be unpacked: {problem}")),
            },
        };
        match problem {
            None => Ok(()),
            Some(problem) => Err(self.fail(&problem)),
        }
    }

    /// Writes why a step failed; the run's message is the recorded one.
    fn fail(&mut self, problem: &str) -> String {
        self.blocks.push(Block::printed([problem.to_string()]));
        STEP_FAILED.into()
    }

    fn begin_step(&mut self, id: &str, timeout: u64) {
        self.blocks.push(Block::told([format!(
            "Executing step ID: {id}. Timeout(sec): {timeout}, Working directory: '', Network: ''"
        )]));
    }

    /// The text of a file of the context. Nothing when it is not there.
    fn file(&self, path: &str, default: &str) -> Option<String> {
        match (&self.work.source, &self.archive) {
            (Source::Upload(_), Some(archive)) => archive.text(path).map(str::to_string),
            (Source::Remote(_), _) => (!path.starts_with("missing")).then(|| default.to_string()),
            _ => None,
        }
    }

    fn docker(
        &mut self,
        file: &str,
        target: Option<&str>,
        arguments: &[Setting],
        names: &[String],
    ) -> Result<(), String> {
        let failing = matches!(&self.work.source, Source::Remote(url) if repository(url).starts_with("failing"));
        let default = if failing {
            "FROM scratch\nRUN exit 1"
        } else {
            "FROM scratch"
        };
        let Some(text) = self.file(file, default) else {
            return Err(self.fail(&format!(
                "unable to prepare the build: there is no '{file}' in the context"
            )));
        };
        // The content of a remote Dockerfile is not known, and so are its stages.
        let target = target.filter(|_| self.archive.is_some());
        let build = dockerfile::build(&text, target, arguments, self.archive.as_deref());
        self.blocks.extend(build.blocks);
        if let Some(failure) = build.failure {
            return Err(self.fail(&failure));
        }
        let context = match (&self.work.source, &self.archive) {
            (_, Some(archive)) => archive.digest.clone(),
            (Source::Remote(url), _) => url.clone(),
            _ => String::new(),
        };
        let content = format!("{context}\0{file}\0{target:?}\0{text}\0{arguments:?}");
        let images: Vec<Image> = names
            .iter()
            .map(|name| Image::named(name, &self.login_server, &content))
            .collect();
        let tagged = images.iter().map(|image| format!("Tagged {}", image.name()));
        self.blocks.push(Block::printed(
            ["Built the image".to_string()].into_iter().chain(tagged),
        ));
        self.built.extend(images);
        Ok(())
    }

    fn push(&mut self, names: &[String]) -> Result<(), String> {
        for name in names {
            let wanted = Image::named(name, &self.login_server, "").name();
            let Some(image) = self.built.iter().find(|image| image.name() == wanted).cloned() else {
                return Err(self.fail(&format!("there is no image '{wanted}' to push")));
            };
            self.blocks.push(Block::told([format!(
                "Pushed image: {wanted}, digest: {}",
                image.digest
            )]));
            self.pushed.push(image);
        }
        Ok(())
    }

    fn tasks(&mut self, file: &TaskFile, values: &[Setting]) -> Result<(), String> {
        let text = match file {
            TaskFile::Text(text) => Some(text.clone()),
            TaskFile::Path(path) => self.file(path, "steps:\n  - cmd: bash echo hello"),
        };
        let Some(text) = text else {
            let TaskFile::Path(path) = file else { return Ok(()) };
            return Err(self.fail(&format!("there is no task file '{path}' in the context")));
        };
        for value in values {
            self.known.insert(format!("Values.{}", value.name), value.value.clone());
        }
        let steps = match task_file::steps(&task_file::filled(&text, &self.known)) {
            Ok(steps) => steps,
            Err(problem) => return Err(self.fail(&problem)),
        };
        for step in steps {
            self.task_step(&step)?;
        }
        Ok(())
    }

    fn task_step(&mut self, step: &TaskStep) -> Result<(), String> {
        /// What a step may take that names no timeout, in seconds, as documented for task files.
        const STEP_TIMEOUT: u64 = 600;
        self.begin_step(&step.id, step.timeout.unwrap_or(STEP_TIMEOUT));
        match &step.does {
            Does::Build(arguments) => {
                let (file, names) = build_arguments(arguments);
                self.docker(&file, None, &[], &names)
            }
            Does::Push(names) => self.push(names),
            Does::Cmd(line) => {
                // The first word is the image; a script of its own shell follows, or what a container would run.
                let line = line.trim();
                let after = line
                    .split_once(char::is_whitespace)
                    .map_or("", |(_, after)| after.trim());
                let shell = matches!(line.split_whitespace().next(), Some("bash" | "sh" | "alpine"));
                let script = if shell && after.starts_with('-') { line } else { after };
                let outcome = run_shell::run(script, &BTreeMap::new());
                let mut block = Block::printed(outcome.lines);
                block.extra = outcome.slept;
                if !block.lines.is_empty() || !block.extra.is_zero() {
                    self.blocks.push(block);
                }
                match outcome.code {
                    0 => Ok(()),
                    code => Err(self.fail(&format!("Step ID: {} failed with exit code {code}", step.id))),
                }
            }
        }
    }
}

/// Dockerfile and image names of a `build` step's arguments.
fn build_arguments(arguments: &str) -> (String, Vec<String>) {
    let mut file = "Dockerfile".to_string();
    let mut names = Vec::new();
    let mut words = arguments.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "-t" | "--tag" => names.extend(words.next().map(str::to_string)),
            "-f" | "--file" => file = words.next().unwrap_or_default().into(),
            _ => {}
        }
    }
    (file, names)
}

/// The last part of a repository's path, without branch, folder and ending.
fn repository(url: &str) -> &str {
    let path = url.split(['#', '?']).next().unwrap_or_default().trim_end_matches('/');
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether a remote context carries the mark of one that is not there.
fn lacking(url: &str) -> bool {
    let reference = url.split_once('#').map_or("", |(_, reference)| reference);
    repository(url).starts_with("missing") || reference.split(':').any(|part| part.starts_with("missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_contexts() {
        for (url, name, gone) in [
            ("https://git.example/team/app.git#main:src", "app.git", false),
            ("https://git.example/team/missing-app.git", "missing-app.git", true),
            ("https://git.example/team/app.git#missing:src", "app.git", true),
            ("https://git.example/team/app.git#main:missing", "app.git", true),
            ("oci://contoso.azurecr.io/app:v1", "app:v1", false),
        ] {
            assert_eq!((repository(url), lacking(url)), (name, gone), "{url}");
        }
    }

    #[test]
    fn arguments_of_builds() {
        let (file, names) = build_arguments("-t a:1 --tag b -f docker/Dockerfile .");
        assert_eq!(
            (file.as_str(), names),
            ("docker/Dockerfile", vec!["a:1".into(), "b".into()])
        );
    }
}
