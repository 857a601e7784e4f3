//! Runs of the seed: read-only in this version.

use super::answer::Answer;
use super::arm::Call;
use super::clock::{in_seconds, with_offset};
use super::filter::Filter;
use super::json::Json;
use super::refusals::Refusal;
use super::store::{Run, Store, key};

/// Runs on a page when `$top` is absent. The service pages by its own measure, which is not recorded.
const DEFAULT_TOP: usize = 100;

impl Store {
    /// The runs of a registry, newest first.
    pub(super) fn runs_of(&self, registry: &str) -> Vec<&Run> {
        let prefix = format!("{}/runs/", key(registry));
        let mut runs: Vec<&Run> = self
            .runs
            .iter()
            .filter(|(id, _)| id.starts_with(&prefix))
            .map(|(_, run)| run)
            .collect();
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

    /// A run in the recorded member order; a run that has started or finished did so the moment it was created.
    fn run_json(&self, run: &Run) -> Json {
        let started = !matches!(run.status.as_str(), "Queued" | "Started");
        let finished = started && run.status != "Running";
        let created = || Json::from(with_offset(run.created));
        let failed = matches!(run.status.as_str(), "Failed" | "Error");
        let properties = Json::present([
            ("runId", Some((&run.run_id).into())),
            ("status", Some((&run.status).into())),
            ("lastUpdatedTime", Some(in_seconds(run.created).into())),
            ("runType", Some("QuickRun".into())),
            ("agentPoolName", run.agent_pool_name.as_ref().map(Json::from)),
            ("createTime", Some(created())),
            ("startTime", started.then(created)),
            ("finishTime", finished.then(created)),
            ("task", run.task.as_ref().map(Json::from)),
            ("platform", Some(platform())),
            ("agentConfiguration", Some(Json::object([("cpu", 2.into())]))),
            (
                "runErrorMessage",
                failed.then(|| "failed during run, err: exit status 1".into()),
            ),
            ("provisioningState", Some("Succeeded".into())),
            ("isArchiveEnabled", Some(false.into())),
        ]);
        let system_data = Json::object([
            ("lastModifiedBy", "seed".into()),
            ("lastModifiedByType", "Application".into()),
            ("lastModifiedAt", created()),
        ]);
        Json::object([
            ("type", "Microsoft.ContainerRegistry/registries/runs".into()),
            ("properties", properties),
            ("id", self.shown(&run.id).into()),
            ("name", (&run.run_id).into()),
            ("systemData", system_data),
        ])
    }
}

fn platform() -> Json {
    Json::object([("os", "linux".into()), ("architecture", "amd64".into())])
}

/// A member of a run as filters name it. Nothing for one that is absent.
fn member(run: &Run, name: &str) -> Option<String> {
    match name {
        "RunId" => Some(run.run_id.clone()),
        "RunType" => Some("QuickRun".into()),
        "Status" => Some(run.status.clone()),
        "TaskName" => run.task.clone(),
        "AgentPoolName" => run.agent_pool_name.clone(),
        _ => None,
    }
}
