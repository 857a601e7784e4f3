//! What a run is asked for: the four kinds of request that `scheduleRun` takes, as they are written on the wire.

use std::collections::BTreeMap;

use serde::Serialize;

use super::secret::Secret;

/// Shortest and longest time a run may take, in seconds. Source: the API's specification.
pub const TIMEOUT_SECONDS: std::ops::RangeInclusive<i64> = 300..=28_800;

/// From which length on a value in a URL's query is taken for a signature or a token rather than for a version or a date.
const SIGNATURE_LENGTH_MIN: usize = 24;

/// A request for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRequest {
    /// The pool to run on; Azure's shared machines without one. For a task its own pool is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_pool_name: Option<String>,
    /// Whether the run's record and log are kept beyond the usual 30 days.
    #[serde(skip_serializing_if = "is_false")]
    pub is_archive_enabled: bool,
    /// Repository and tag under which the log is kept in the registry (registries with customer-managed keys only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_template: Option<String>,
    /// What is run.
    #[serde(flatten)]
    pub work: Work,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type")]
pub enum Work {
    /// An image is built from a Dockerfile.
    #[serde(rename = "DockerBuildRequest")]
    DockerBuild(DockerBuild),
    /// Steps in YAML, handed over with the request.
    #[serde(rename = "EncodedTaskRunRequest")]
    EncodedTask(EncodedTask),
    /// Steps in a YAML file of the source.
    #[serde(rename = "FileTaskRunRequest")]
    FileTask(FileTask),
    /// A task that exists.
    #[serde(rename = "TaskRunRequest")]
    Task(TaskRun),
}

/// The parts that all kinds but a task's run have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// What the run takes at most, in seconds: see [`TIMEOUT_SECONDS`]. The service's default is 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// What it runs on.
    pub platform: Platform,
    /// The machine, on shared compute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_configuration: Option<AgentConfiguration>,
    /// Where the source is: the relative path of an upload, or a URL. It may carry a token, so it is never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_location: Option<Secret>,
    /// Access to registries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
}

/// A build from a Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DockerBuild {
    /// Repositories and tags; without the registry's host they are in the registry itself.
    pub image_names: Vec<String>,
    /// Whether the images are pushed.
    pub is_push_enabled: bool,
    /// Whether cached layers are left aside.
    #[serde(skip_serializing_if = "is_false")]
    pub no_cache: bool,
    /// The Dockerfile, relative to the source.
    pub docker_file_path: String,
    /// The stage to build; the last one without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
    /// The rest.
    #[serde(flatten)]
    pub frame: Frame,
}

/// Steps handed over with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EncodedTask {
    /// The steps' YAML in base64. It may hold secrets, so it is never shown.
    pub encoded_task_content: Secret,
    /// Values in YAML, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoded_values_content: Option<Secret>,
    /// Values, which go before those in YAML.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Argument>,
    /// The rest.
    #[serde(flatten)]
    pub frame: Frame,
}

/// Steps in a file of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileTask {
    /// The file with the steps, relative to the source.
    pub task_file_path: String,
    /// The file with values, relative to the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_file_path: Option<String>,
    /// Values, which go before those in the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Argument>,
    /// The rest.
    #[serde(flatten)]
    pub frame: Frame,
}

/// A run of a task. Its timeout, platform and credentials are the task's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRun {
    /// The task's id.
    pub task_id: String,
    /// What differs from the task this time.
    #[serde(rename = "overrideTaskStepProperties", skip_serializing_if = "Overrides::is_empty")]
    pub overrides: Overrides,
}

/// What one run of a task does differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overrides {
    /// Another source. It may carry a token, so it is never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_path: Option<Secret>,
    /// Another file: the Dockerfile, or the one with the steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Build arguments that replace those of the same name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
    /// Another stage to build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Values that replace those of the same name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Argument>,
    /// Given back in the notification of an updated image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_trigger_token: Option<Secret>,
}

/// A named value: a build argument, or a value of steps. All of them are kept out of logs, because a value that is no secret
/// to the service may still be one to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
    /// Whether the service keeps it out of the log and of answers.
    pub is_secret: bool,
}

/// What a run runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Platform {
    /// `Linux` or `Windows`; echoed in the casing it was sent with.
    pub os: String,
    /// `amd64`, `x86`, `386`, `arm`, `arm64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// `v6`, `v7`, `v8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// The machine on shared compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(default)]
pub struct AgentConfiguration {
    /// Cores. On shared compute only 2 has been seen to be accepted.
    pub cpu: i64,
}

/// Access to registries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The registry that the run belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_registry: Option<SourceRegistry>,
    /// Other registries, by login server.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_registries: BTreeMap<String, CustomRegistry>,
}

/// Access to the registry that the run belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRegistry {
    /// `None` or `Default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_mode: Option<String>,
    /// `[caller]`, `[system]` or a managed identity's client id: registries in ABAC mode need one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Access to another registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomRegistry {
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<SecretObject>,
    /// The password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretObject>,
    /// `[system]` or a managed identity's client id, instead of user and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// A secret, or where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretObject {
    /// The secret itself, or the URL of one in a key vault.
    pub value: Secret,
    /// `Opaque` or `Vaultsecret`.
    #[serde(rename = "type")]
    pub kind: String,
}

impl RunRequest {
    /// A request with nothing special about it.
    pub fn new(work: Work) -> Self {
        Self {
            agent_pool_name: None,
            is_archive_enabled: false,
            log_template: None,
            work,
        }
    }

    /// The name of the task that is run, if one is.
    pub fn task_name(&self) -> Option<&str> {
        match &self.work {
            Work::Task(run) => run.task_id.rsplit('/').next(),
            _ => None,
        }
    }

    /// Every text of the request that its sender calls secret: what must be taken out of the run's log. Arguments and values
    /// that are not marked as secret are not among them, as the service shows them as well.
    pub fn secrets(&self) -> Vec<Secret> {
        let arguments: Vec<&Argument> = match &self.work {
            Work::DockerBuild(build) => build.arguments.iter().collect(),
            Work::EncodedTask(task) => task.values.iter().collect(),
            Work::FileTask(task) => task.values.iter().collect(),
            Work::Task(run) => run.overrides.arguments.iter().chain(&run.overrides.values).collect(),
        };
        let frame = match &self.work {
            Work::DockerBuild(build) => Some(&build.frame),
            Work::EncodedTask(task) => Some(&task.frame),
            Work::FileTask(task) => Some(&task.frame),
            Work::Task(_) => None,
        };
        let registries = frame
            .and_then(|frame| frame.credentials.as_ref())
            .into_iter()
            .flat_map(|credentials| credentials.custom_registries.values());
        let passwords = registries
            .filter_map(|registry| registry.password.as_ref())
            .filter(|password| !password.kind.eq_ignore_ascii_case("Vaultsecret"))
            .map(|password| &password.value);
        let token = match &self.work {
            Work::Task(run) => run.overrides.update_trigger_token.as_ref(),
            _ => None,
        };
        let marked = arguments.into_iter().filter(|argument| argument.is_secret);
        let location = match &self.work {
            Work::Task(run) => run.overrides.context_path.as_ref(),
            _ => frame.and_then(|frame| frame.source_location.as_ref()),
        };
        let in_url = location
            .map(|location| secrets_in_url(location.expose()))
            .unwrap_or_default();
        marked
            .map(|argument| argument.value.clone())
            .chain(passwords.chain(token).cloned())
            .chain(in_url)
            .collect()
    }
}

impl Overrides {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What opens a URL: the token in its user info (what stands after the colon, or all of it) and its query, as they are
/// written there and as they were before they were encoded.
fn secrets_in_url(url: &str) -> Vec<Secret> {
    let Some((_, after)) = url.split_once("://") else {
        return Vec::new();
    };
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let user_info = authority.rsplit_once('@').map(|(user_info, _)| user_info);
    let token = user_info.map(|text| text.split_once(':').map_or(text, |(_, password)| password));
    let query = after.split('#').next().and_then(|text| text.split_once('?'));
    let query = query.map(|(_, query)| query);
    // A log may show the signature without the rest of the query.
    let values = query.into_iter().flat_map(|query| query.split('&'));
    let values = values.filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
    let values = values.filter(|value| value.len() >= SIGNATURE_LENGTH_MIN);
    let mut found: Vec<String> = Vec::new();
    for text in token.into_iter().chain(query).chain(values) {
        for form in [text.to_owned(), decoded(text)] {
            if !form.is_empty() && !found.contains(&form) {
                found.push(form);
            }
        }
    }
    found.into_iter().map(Secret::new).collect()
}

/// The text without percent-encoding; what is no encoding stays.
fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        if let Some(value) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.push(value);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

// Serde hands the field over by reference.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests;
