//! Runs of the seed.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::images::Image;
use super::run_log::Block;
use super::run_record::Run;
use super::seed::SeedRun;

/// The recorded message of a run whose step failed.
const STEP_FAILED: &str = "failed during run, err: exit status 1";

/// A run of the seed, which never changes by itself. The error says what in it cannot be read.
pub(super) fn seeded_run(run: &SeedRun, registry: &str, born: u64, now: OffsetDateTime) -> Result<Run, String> {
    let ago = |seconds: Option<u32>| seconds.map(|seconds| now - Duration::from_secs(seconds.into()));
    let created = match (&run.create_time, run.created_seconds_ago) {
        (None, age) => ago(age).unwrap_or(now),
        (Some(_), Some(_)) => return Err(format!("run '{}' has two create times", run.run_id)),
        (Some(text), None) => OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
            format!(
                "run '{}' has the create time '{text}', which is no RFC 3339",
                run.run_id
            )
        })?,
    };
    let over = !matches!(run.status.as_str(), "Queued" | "Started" | "Running");
    let started = (run.status != "Queued").then(|| ago(run.started_seconds_ago).unwrap_or(created));
    let finished = over.then(|| ago(run.finished_seconds_ago).or(started).unwrap_or(created));
    let failed = matches!(run.status.as_str(), "Failed" | "Error");
    let name = registry.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let server = format!("{name}.azurecr.io");
    let images = run.images.iter().map(|image| Image::named(image, &server, image));
    let log = run.log.as_ref().map(|text| (created, Block::printed([text.clone()])));
    Ok(Run {
        id: format!("{registry}/runs/{}", run.run_id),
        run_id: run.run_id.clone(),
        status: run.status.clone(),
        agent_pool_name: run.agent_pool_name.clone(),
        task: run.task.clone(),
        created,
        started,
        finished,
        updated: finished.or(started).unwrap_or(created),
        born,
        platform: json!({"os": "linux", "architecture": "amd64"}),
        cpu: 2,
        error: run.error_message.clone().or_else(|| failed.then(|| STEP_FAILED.into())),
        images: images.collect(),
        archived: false,
        by: "seed".into(),
        changed: None,
        timer: None,
        update_trigger_token: None,
        source_registry_auth: None,
        custom_registries: Vec::new(),
        log: log.into_iter().collect(),
        progress: None,
    })
}
