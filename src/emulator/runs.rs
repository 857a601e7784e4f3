//! Runs: their history, and what can be done to one.
//!
//! Assumed: canceling a run that is over is 409 `RunAlreadyFinished`; a run that is canceled before it starts has no log.

use serde_json::Value;

use super::answer::Answer;
use super::arm::Call;
use super::assumptions::CancelRun;
use super::blobs;
use super::clock::{in_seconds, with_offset};
use super::filter::Filter;
use super::images::Image;
use super::json::Json;
use super::refusals::Refusal;
use super::run_record::{Ending, Run};
use super::store::{Store, key, parent};

/// Runs on a page when `$top` is absent. The service pages by its own measure, which is not recorded.
const DEFAULT_TOP: usize = 100;
/// What `type` says.
const RUN_TYPE: &str = "Microsoft.ContainerRegistry/registries/runs";
/// The recorded `runType`, whatever the run does.
const QUICK_RUN: &str = "QuickRun";

impl Store {
    /// The runs of a registry, newest first.
    pub(super) fn runs_of(&self, registry: &str) -> Vec<&Run> {
        let prefix = format!("{}/runs/", key(registry));
        let inside = self
            .runs
            .range(prefix.clone()..)
            .take_while(|(id, _)| id.starts_with(&prefix));
        let mut runs: Vec<&Run> = inside.map(|(_, run)| run).collect();
        runs.sort_by_key(|run| std::cmp::Reverse((run.created, run.born)));
        runs
    }

    /// `GET {registry}/runs?$filter=&$top=`.
    pub(super) fn list_runs(&self, call: &Call, registry: &str) -> Result<Answer, Refusal> {
        self.registry_of(registry)?;
        let filter = match call.query.get("$filter").filter(|filter| !filter.trim().is_empty()) {
            None => None,
            Some(text) => Some(Filter::parse(text).map_err(|problem| {
                Refusal::provider(
                    400,
                    "InvalidFilter",
                    format!("The filter '{text}' is invalid: {problem}"),
                )
            })?),
        };
        let top = match call.query.get("$top") {
            None => DEFAULT_TOP,
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| Refusal::provider(400, "InvalidTop", format!("'{text}' is no number of runs.")))?,
        };
        let matching = self.runs_of(registry).into_iter().filter(|run| {
            filter
                .as_ref()
                .is_none_or(|filter| filter.matches(&|name| member(run, name)))
        });
        Ok(Answer::json(
            200,
            Json::list(matching.take(top).map(|run| self.run_json(run)).collect()),
        ))
    }

    /// `GET` of one run.
    pub(super) fn get_run(&self, id: &str) -> Result<Answer, Refusal> {
        let run = self.runs.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        Ok(Answer::json(200, self.run_json(run)))
    }

    /// `PATCH` of one run: only whether it is kept can change.
    pub(super) fn patch_run(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        if call.body.is_empty() {
            return Err(Refusal::unreadable());
        }
        let body = call.json_body()?;
        if !self.runs.contains_key(&key(id)) {
            return Err(self.not_found(id));
        }
        if let Some(run) = self.runs.get_mut(&key(id)) {
            match body.get("isArchiveEnabled") {
                None | Some(Value::Null) => {}
                Some(Value::Bool(archived)) => run.archived = *archived,
                Some(_) => {
                    let text = "The value is neither true nor false.";
                    return Err(Refusal::input("runUpdateParameters", "IsArchiveEnabled", text));
                }
            }
            run.changed = Some((call.object_id.into(), call.now));
            run.updated = call.now;
        }
        self.get_run(id)
    }

    /// `POST {run}/cancel`: 200 without a body. See [`CancelRun`].
    pub(super) fn cancel_run(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        let run = self.runs.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        if run.is_over() {
            let message = format!("The run '{}' is over: {}.", run.run_id, run.status);
            return Err(Refusal::provider(409, "RunAlreadyFinished", message));
        }
        if run.agent_pool_name.is_some() && self.assumptions.cancel_run == CancelRun::RefusedOnPools {
            let message = format!("The run '{}' is on an agent pool and cannot be canceled.", run.run_id);
            return Err(Refusal::provider(400, "RunCancelNotSupported", message));
        }
        self.end_run(&key(id), Ending::Canceled, call.now);
        // What it leaves free is taken at once.
        self.settle_runs(call.now);
        Ok(Answer::empty(200))
    }

    /// `POST {run}/listLogSasUrl`: also for a run that has no log yet.
    pub(super) fn list_log_url(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        let run = self.runs.get(&key(id)).ok_or_else(|| self.not_found(id))?;
        let container = blobs::container(self.registry_of(parent(id))?);
        let path = format!("{container}/{}", blobs::log_path(&run.run_id));
        let url = self.log_url(&path, call.now);
        Ok(Answer::json(200, Json::object([("logLink", url.into())])))
    }

    /// The answer to an accepted request: fewer members than every other answer has, as recorded.
    pub(super) fn scheduled(&self, id: &str) -> Result<Answer, Refusal> {
        let run = self.runs.get(id).ok_or_else(|| self.not_found(id))?;
        let properties = Json::object([
            ("runId", (&run.run_id).into()),
            ("status", (&run.status).into()),
            ("lastUpdatedTime", in_seconds(run.updated).into()),
            ("provisioningState", "Succeeded".into()),
            ("isArchiveEnabled", run.archived.into()),
        ]);
        Ok(Answer::json(200, self.enveloped(run, properties)))
    }

    /// A run in the recorded member order.
    fn run_json(&self, run: &Run) -> Json {
        let text = |value: &Option<String>| value.as_ref().map(Json::from);
        let images: Vec<Json> = run.images.iter().map(Image::to_json).collect();
        let custom: Vec<Json> = run.custom_registries.iter().map(Json::from).collect();
        let timer = run.timer.as_ref().map(|timer| {
            Json::object([
                ("timerTriggerName", (&timer.name).into()),
                ("scheduleOccurrence", with_offset(timer.occurrence).into()),
            ])
        });
        let given = |name: &str| run.platform.get(name).cloned().map(Json::from);
        let platform = Json::present([
            ("os", given("os")),
            ("architecture", given("architecture")),
            ("variant", given("variant")),
        ]);
        let properties = Json::present([
            ("runId", Some((&run.run_id).into())),
            ("status", Some((&run.status).into())),
            ("lastUpdatedTime", Some(in_seconds(run.updated).into())),
            ("runType", Some(QUICK_RUN.into())),
            ("agentPoolName", text(&run.agent_pool_name)),
            ("createTime", Some(with_offset(run.created).into())),
            ("startTime", run.started.map(|at| with_offset(at).into())),
            ("finishTime", run.finished.map(|at| with_offset(at).into())),
            ("outputImages", (!images.is_empty()).then_some(Json::Array(images))),
            ("task", text(&run.task)),
            ("timerTrigger", timer),
            ("platform", Some(platform)),
            ("agentConfiguration", Some(Json::object([("cpu", run.cpu.into())]))),
            ("sourceRegistryAuth", text(&run.source_registry_auth)),
            ("customRegistries", (!custom.is_empty()).then_some(Json::Array(custom))),
            ("runErrorMessage", text(&run.error)),
            ("updateTriggerToken", text(&run.update_trigger_token)),
            ("provisioningState", Some("Succeeded".into())),
            ("isArchiveEnabled", Some(run.archived.into())),
        ]);
        self.enveloped(run, properties)
    }

    fn enveloped(&self, run: &Run, properties: Json) -> Json {
        let mut system_data = Vec::new();
        let (by, at) = run.changed.clone().unwrap_or_else(|| (run.by.clone(), run.created));
        let at = with_offset(at);
        if run.changed.is_some() {
            // Recorded: a change claims to have made the run.
            system_data.extend([
                ("createdBy", Json::from(&by)),
                ("createdByType", "Application".into()),
                ("createdAt", (&at).into()),
            ]);
        }
        system_data.extend([
            ("lastModifiedBy", Json::from(by)),
            ("lastModifiedByType", "Application".into()),
            ("lastModifiedAt", at.into()),
        ]);
        Json::object([
            ("type", RUN_TYPE.into()),
            ("properties", properties),
            ("id", self.shown(&run.id).into()),
            ("name", (&run.run_id).into()),
            ("systemData", Json::Object(system_data)),
        ])
    }
}

/// A member of a run as filters name it. Nothing for one that is absent.
fn member(run: &Run, name: &str) -> Option<String> {
    match name {
        "RunId" => Some(run.run_id.clone()),
        "RunType" => Some(QUICK_RUN.into()),
        "Status" => Some(run.status.clone()),
        "TaskName" => run.task.clone(),
        "AgentPoolName" => run.agent_pool_name.clone(),
        "CreateTime" => Some(with_offset(run.created)),
        "FinishTime" => run.finished.map(with_offset),
        "IsArchiveEnabled" => Some(run.archived.to_string()),
        "OutputImageManifests" => {
            let names = run
                .images
                .iter()
                .map(|image| format!("{}@{}", image.repository, image.digest));
            Some(names.collect::<Vec<_>>().join(","))
        }
        _ => None,
    }
}
