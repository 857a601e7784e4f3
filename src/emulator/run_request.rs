//! `POST {registry}/scheduleRun`: four kinds of requests, and what each is refused for.
//!
//! # Assumed, beside the switches
//! * The code `InvalidSourceLocation`; that an image build or a task file without a source is refused as an invalid property,
//!   and that a pool or a task that is not there is 404 `EntityNotFound`.
//! * Without a pool only a `cpu` of 2 is accepted, with one any: the Azure CLI always sends 2.
//! * A system task's run does nothing and succeeds.
//! * A timeout that is not sent is the specification's default.
//! * `sourceRegistryAuth` of a run is the identity or the login mode that the request names.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::answer::Answer;
use super::arm::Call;
use super::assumptions::{DisabledTask, TaskRunPool, UnknownPool};
use super::blobs;
use super::operations::Fate;
use super::refusals::Refusal;
use super::run_record::{RunStart, Setting, Source, Step, TaskFile, Timer, Work};
use super::store::{Store, Task, key, parent};

/// How a request is called in errors.
const PARAMETERS: &str = "runRequest";
/// Seconds that a run may take, from the specification.
const TIMEOUTS: std::ops::RangeInclusive<i64> = 300..=28_800;
/// The specification's default, in seconds.
const DEFAULT_TIMEOUT: i64 = 3600;
/// The only CPU count of shared agents, as reported from the field, and the default in every recorded run.
const CPU: i64 = 2;
/// What a system task runs, which has no step of its own.
const NO_STEPS: &str = "steps: []";
/// Where a context is that is none, as the Azure CLI writes it.
const NO_CONTEXT: &str = "/dev/null";

type Members = Map<String, Value>;

impl Store {
    /// `POST {registry}/listBuildSourceUploadUrl`.
    pub(super) fn list_upload_url(&mut self, call: &Call, registry: &str) -> Result<Answer, Refusal> {
        let container = blobs::container(self.registry_of(registry)?);
        let relative = blobs::source_path(call.correlation, call.now);
        let url = self.upload_url(&format!("{container}/{relative}"), call.now);
        let members = [("relativePath", relative.into()), ("uploadUrl", url.into())];
        Ok(Answer::json(200, super::json::Json::object(members)))
    }

    /// `POST {registry}/scheduleRun`.
    pub(super) fn schedule_run(&mut self, call: &Call, registry: &str) -> Result<Answer, Refusal> {
        self.registry_of(registry)?;
        let body = match call.body.is_empty() {
            true => return Err(Refusal::unreadable()),
            false => call.json_body()?,
        };
        let start = match text(&body, "type").unwrap_or_default() {
            kind @ ("DockerBuildRequest" | "FileTaskRunRequest" | "EncodedTaskRunRequest") => {
                self.quick(call, registry, kind, &body)?
            }
            "TaskRunRequest" => self.of_task(call, &body)?,
            _ => return Err(Refusal::unreadable()),
        };
        let id = self.start_run(start, call.now);
        self.scheduled(&id)
    }

    /// Starts a run of a stored task, as its timers do. Nothing when the task is not there.
    pub(super) fn run_task(&mut self, task: &str, timer: Option<Timer>, now: OffsetDateTime) -> Option<String> {
        let mut start = self.start_of(self.tasks.get(&key(task))?, &Members::new()).ok()?;
        start.timer = timer;
        Some(self.start_run(start, now))
    }

    fn quick(&self, call: &Call, registry: &str, kind: &str, body: &Members) -> Result<RunStart, Refusal> {
        let pool = self.pool_for(registry, text(body, "agentPoolName"))?;
        let platform = platform(body.get("platform"))?;
        let cpu = cpu(body, pool.is_some())?;
        let timeout = timeout(body.get("timeout"))?;
        let source = self.source(registry, text(body, "sourceLocation"))?;
        let step = step(kind, body)?;
        let needs = matches!(
            step,
            Step::Docker { .. }
                | Step::Tasks {
                    file: TaskFile::Path(_),
                    ..
                }
        );
        if needs && source == Source::Nothing {
            return Err(invalid("SourceLocation", "This request needs a source."));
        }
        let (source_registry_auth, custom_registries) = credentials(body.get("credentials"));
        Ok(RunStart {
            registry: registry.into(),
            task: None,
            agent_pool_name: pool,
            work: Work {
                step,
                source,
                system_identity: false,
            },
            timeout,
            platform,
            cpu,
            archived: body.get("isArchiveEnabled") == Some(&Value::Bool(true)),
            by: call.object_id.into(),
            timer: None,
            update_trigger_token: None,
            source_registry_auth,
            custom_registries,
            fate: call.fate.clone().unwrap_or(Fate::Succeed),
        })
    }

    fn of_task(&self, call: &Call, body: &Members) -> Result<RunStart, Refusal> {
        let id = text(body, "taskId").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| invalid("TaskId", "A task run needs the id of a task."))?;
        let task = self.tasks.get(&key(id)).ok_or_else(|| no_entity(id))?;
        if !task.is_enabled() && self.assumptions.disabled_task == DisabledTask::Refused {
            let message = format!("The task '{}' is disabled and cannot be run.", task.name);
            return Err(Refusal::provider(400, "TaskDisabled", message));
        }
        let empty = Members::new();
        let overrides = body
            .get("overrideTaskStepProperties")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let mut start = self.start_of(task, overrides)?;
        if let Some(pool) = text(body, "agentPoolName").filter(|pool| !pool.is_empty()) {
            if self.assumptions.task_run_pool == TaskRunPool::Refused {
                let message = "An agent pool cannot be named in a task run; name it in the task.";
                return Err(invalid("AgentPoolName", message));
            }
            start.agent_pool_name = self.pool_for(parent(&task.id), Some(pool))?;
        }
        start.archived = body.get("isArchiveEnabled") == Some(&Value::Bool(true));
        start.by = call.object_id.into();
        start.update_trigger_token = text(overrides, "updateTriggerToken").map(str::to_string);
        start.fate = call.fate.clone().unwrap_or(Fate::Succeed);
        Ok(start)
    }

    /// What a run of a stored task is, with overrides.
    fn start_of(&self, task: &Task, overrides: &Members) -> Result<RunStart, Refusal> {
        let empty = Members::new();
        let step_of_task = task.property("step").and_then(Value::as_object);
        let merged = overridden(step_of_task.unwrap_or(&empty), overrides);
        let context = text(&merged, "contextPath").filter(|path| !path.is_empty() && *path != NO_CONTEXT);
        let step = match step_of_task {
            Some(_) => step(text(&merged, "type").unwrap_or_default(), &merged)?,
            None => Step::Tasks {
                file: TaskFile::Text(NO_STEPS.into()),
                values_file: None,
                values: Vec::new(),
            },
        };
        let (source_registry_auth, custom_registries) = credentials(task.property("credentials"));
        let platform = task.property("platform").and_then(Value::as_object).unwrap_or(&empty);
        let cpu = task
            .property("agentConfiguration")
            .and_then(|agent| agent["cpu"].as_i64());
        let seconds = task.property("timeout").and_then(Value::as_u64);
        Ok(RunStart {
            registry: parent(&task.id).into(),
            task: Some(task.name.clone()),
            agent_pool_name: task
                .agent_pool_name()
                .filter(|name| !name.is_empty())
                .map(str::to_string),
            work: Work {
                step,
                source: context.map_or(Source::Nothing, |path| Source::Remote(path.into())),
                system_identity: task
                    .identity
                    .as_ref()
                    .is_some_and(|identity| identity.principal.is_some()),
            },
            timeout: Duration::from_secs(seconds.unwrap_or(DEFAULT_TIMEOUT.unsigned_abs())),
            platform: shown_platform(platform),
            cpu: cpu.unwrap_or(CPU),
            archived: false,
            by: task.provenance.modified_by.clone(),
            timer: None,
            update_trigger_token: None,
            source_registry_auth,
            custom_registries,
            fate: Fate::Succeed,
        })
    }

    /// The pool of a run, as it is spelled in the request. See [`UnknownPool`].
    fn pool_for(&self, registry: &str, name: Option<&str>) -> Result<Option<String>, Refusal> {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let there = self.pools.contains_key(&key(&format!("{registry}/agentPools/{name}")));
        if !there && self.assumptions.unknown_pool == UnknownPool::Refused {
            return Err(no_entity(name));
        }
        Ok(Some(name.into()))
    }

    fn source(&self, registry: &str, location: Option<&str>) -> Result<Source, Refusal> {
        let Some(location) = location.filter(|location| !location.is_empty() && *location != NO_CONTEXT) else {
            return Ok(Source::Nothing);
        };
        let elsewhere = location.contains("://") || location.starts_with("git@") || location.ends_with(".git");
        if elsewhere {
            return Ok(Source::Remote(location.into()));
        }
        let container = blobs::container(self.registry_of(registry)?);
        let path = format!("{container}/{location}");
        if !self.blobs.objects.contains_key(&path) {
            let message = format!(
                "The source location '{location}' is invalid or was never uploaded. listBuildSourceUploadUrl tells a valid one."
            );
            return Err(Refusal::provider(400, "InvalidSourceLocation", message));
        }
        Ok(Source::Upload(path))
    }
}

/// The step of a request, or of a task, whose members have the same names.
fn step(kind: &str, members: &Members) -> Result<Step, Refusal> {
    let required = |name: &'static str, shown: &'static str| {
        let given = text(members, name).filter(|given| !given.is_empty());
        given
            .map(str::to_string)
            .ok_or_else(|| invalid(shown, "A value is required."))
    };
    Ok(match kind {
        "DockerBuildRequest" | "Docker" => Step::Docker {
            file: required("dockerFilePath", "DockerFilePath")?,
            image_names: strings(members.get("imageNames")),
            push: members.get("isPushEnabled") != Some(&Value::Bool(false)),
            target: text(members, "target").map(str::to_string),
            arguments: settings(members.get("arguments"), "Arguments")?,
        },
        "FileTaskRunRequest" | "FileTask" => Step::Tasks {
            file: TaskFile::Path(required("taskFilePath", "TaskFilePath")?),
            values_file: text(members, "valuesFilePath")
                .filter(|path| !path.is_empty())
                .map(str::to_string),
            values: settings(members.get("values"), "Values")?,
        },
        _ => {
            let mut values = match text(members, "encodedValuesContent").filter(|given| !given.is_empty()) {
                None => Vec::new(),
                Some(encoded) => super::task_file::values(&decoded(encoded, "EncodedValuesContent")?)
                    .into_iter()
                    .map(|(name, value)| Setting {
                        name,
                        value,
                        secret: false,
                    })
                    .collect(),
            };
            values.extend(settings(members.get("values"), "Values")?);
            let content = required("encodedTaskContent", "EncodedTaskContent")?;
            Step::Tasks {
                file: TaskFile::Text(decoded(&content, "EncodedTaskContent")?),
                values_file: None,
                values,
            }
        }
    })
}

/// A step with what a request overrides.
fn overridden(stored: &Members, overrides: &Members) -> Members {
    let mut merged = stored.clone();
    let file = match text(stored, "type").unwrap_or_default() {
        "Docker" => "dockerFilePath",
        _ => "taskFilePath",
    };
    for (from, to) in [("contextPath", "contextPath"), ("target", "target"), ("file", file)] {
        if let Some(value) = text(overrides, from).filter(|value| !value.is_empty()) {
            merged.insert(to.into(), value.into());
        }
    }
    for list in ["arguments", "values"] {
        let given = overrides
            .get(list)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let known = merged.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
        let replaced = |item: &Value| given.iter().any(|other| other["name"] == item["name"]);
        let kept = known.into_iter().filter(|item| !replaced(item));
        let all: Vec<Value> = kept.chain(given.iter().cloned()).collect();
        merged.insert(list.into(), all.into());
    }
    merged
}

fn text<'a>(members: &'a Members, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_string).collect()
}

fn settings(value: Option<&Value>, shown: &str) -> Result<Vec<Setting>, Refusal> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    let settings = items.map(|item| {
        let name = item["name"].as_str().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid(shown, "Each item needs a name."))?;
        Ok(Setting {
            name: name.into(),
            value: item["value"].as_str().unwrap_or_default().into(),
            secret: item["isSecret"] == Value::Bool(true),
        })
    });
    settings.collect()
}

fn decoded(encoded: &str, shown: &'static str) -> Result<String, Refusal> {
    let bytes = STANDARD.decode(encoded.trim()).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| invalid(shown, "The value is no base64 of a text."))
}

fn platform(value: Option<&Value>) -> Result<Value, Refusal> {
    let empty = Members::new();
    let members = value.and_then(Value::as_object).unwrap_or(&empty);
    if text(members, "os").unwrap_or_default().is_empty() {
        return Err(invalid("Platform", "The operating system is required."));
    }
    Ok(shown_platform(members))
}

fn shown_platform(members: &Members) -> Value {
    let mut shown = json!({
        "os": text(members, "os").unwrap_or("linux"),
        "architecture": text(members, "architecture").unwrap_or("amd64"),
    });
    if let Some(variant) = text(members, "variant") {
        shown["variant"] = variant.into();
    }
    shown
}

fn cpu(body: &Members, on_pool: bool) -> Result<i64, Refusal> {
    let given = body.get("agentConfiguration").and_then(|agent| agent["cpu"].as_i64());
    match given {
        Some(given) if given != CPU && !on_pool => {
            let text = format!("{given} is no supported CPU core count. The supported values are ({CPU})");
            Err(Refusal::input(PARAMETERS, "AgentProperties", &text))
        }
        given => Ok(given.unwrap_or(CPU)),
    }
}

fn timeout(value: Option<&Value>) -> Result<Duration, Refusal> {
    let seconds = match value {
        None | Some(Value::Null) => DEFAULT_TIMEOUT,
        Some(value) => value.as_i64().unwrap_or_default(),
    };
    if !TIMEOUTS.contains(&seconds) {
        let (least, most) = (TIMEOUTS.start(), TIMEOUTS.end());
        let text = format!("The value must be between {least} and {most} seconds.");
        return Err(invalid("Timeout", &text));
    }
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}

/// `sourceRegistryAuth` and `customRegistries` of a run.
fn credentials(value: Option<&Value>) -> (Option<String>, Vec<String>) {
    let Some(credentials) = value else {
        return (None, Vec::new());
    };
    let source = &credentials["sourceRegistry"];
    let auth = source["identity"].as_str().or(source["loginMode"].as_str());
    let custom = credentials["customRegistries"].as_object();
    let custom = custom.map(|servers| servers.keys().cloned().collect());
    (auth.map(str::to_string), custom.unwrap_or_default())
}

fn invalid(property: &str, text: &str) -> Refusal {
    Refusal::input(PARAMETERS, property, text)
}

/// 404 of the provider itself, whose code is recorded for pools.
fn no_entity(id: &str) -> Refusal {
    let name = id.rsplit('/').next().unwrap_or_default();
    Refusal::provider(404, "EntityNotFound", format!("There is no resource '{name}'."))
}
