//! The readiness probe: a run of next to nothing must really finish on the pool before it counts as ready.
//!
//! It runs `bash` by the name under which each machine has it already: a name with a tag would be pulled.

use std::time::Duration;

use base64::Engine as _;
use tokio_util::sync::CancellationToken;

use crate::{
    acr::{
        agent_pool::AgentPoolId,
        diagnosis::ActiveRun,
        log::{Follow, follow_log},
        run::{
            self, Run, RunId, RunRequest, ScheduleError, Secret, WaitError, Work,
            request::{EncodedTask, Frame, Platform},
            wait::{Unobserved, spoken},
            wait_until_finished,
        },
    },
    azure::{Call, Client},
    framework::duration,
    provider::{diagnose, preflight::Preflight, why_queued},
};

use super::{
    AgentPoolModel, OS,
    readiness::{Probed, TIMEOUT},
};

/// How long anything may take that is done after the probe's own time is over or the user has interrupted it.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// How many lines of the log are shown.
const LOG_LINES: usize = 10;

/// The steps: one, whose image is on the machine already, and which needs no source.
const STEPS: &str = "version: v1.1.0\nsteps:\n  - cmd: bash echo ready\n    disableWorkingDirectoryOverride: true\n";

/// Schedules the probe's run on the pool and waits for its end. What it leaves unfinished it cancels.
pub async fn probe(
    client: &Client,
    cancel: &CancellationToken,
    preflight: &Preflight,
    id: &AgentPoolId,
    model: &AgentPoolModel,
) -> Probed {
    let given = model.readiness_probe.known().and_then(|probe| probe.timeout.text());
    let Ok(timeout) = duration::parse(given.unwrap_or(TIMEOUT)) else {
        return failed(format!("The probe's timeout is no duration: {given:?}."));
    };
    let (call, request) = (Call::new(cancel.clone(), timeout), request(id));
    tracing::info!("agent pool \"{}\": probing its readiness", id.name());
    let scheduled = match run::schedule(client, &call, id.registry(), &request).await {
        Ok(run) => run,
        Err(refused) if refused.error.is_forbidden() => return Probed::NotAllowed(refused.error.to_string()),
        Err(refused) => {
            return Probed::Failed {
                why: unscheduled(client, id, &request, &refused).await,
                interrupted: cancel.is_cancelled(),
            };
        }
    };
    let run_id = RunId::new(id.registry().clone(), &scheduled.run_id);
    let nobody = tokio::sync::Notify::new();
    match wait_until_finished(client, &call, &run_id, &scheduled, &Unobserved, &nobody).await {
        Ok(run) if run.has_succeeded() => {
            let (name, took) = (id.name(), spoken(call.elapsed()));
            tracing::info!(
                "agent pool \"{name}\": run \"{}\" has finished on it, {took}",
                run.run_id
            );
            Probed::Passed
        }
        Ok(run) => failed(ended_badly(client, &run_id, &run).await),
        Err(lost) => unfinished(client, cancel, preflight, id, &run_id, lost).await,
    }
}

/// The request of the probe's run.
fn request(id: &AgentPoolId) -> RunRequest {
    let content = base64::engine::general_purpose::STANDARD.encode(STEPS);
    let frame = Frame {
        timeout: Some(*run::request::TIMEOUT_SECONDS.start()),
        platform: Platform {
            os: OS.to_owned(),
            architecture: Some("amd64".to_owned()),
            variant: None,
        },
        agent_configuration: None,
        source_location: None,
        credentials: None,
    };
    RunRequest {
        agent_pool_name: Some(id.name().to_owned()),
        ..RunRequest::new(Work::EncodedTask(EncodedTask {
            encoded_task_content: Secret::new(content),
            encoded_values_content: None,
            values: Vec::new(),
            frame,
        }))
    }
}

fn failed(why: String) -> Probed {
    Probed::Failed {
        why,
        interrupted: false,
    }
}

/// The run was refused, or nobody knows whether it began: then those are named that it may be.
async fn unscheduled(client: &Client, id: &AgentPoolId, request: &RunRequest, refused: &ScheduleError) -> String {
    let said = diagnose::azure("scheduling the probe's run", &refused.error).detail;
    if !refused.may_have_started() {
        return format!("Its run was not accepted. {said}");
    }
    let call = Call::new(CancellationToken::new(), AFTERWARDS);
    let found = run::candidates(client, &call, id.registry(), request, refused).await;
    let found = match &found {
        Ok(runs) if runs.is_empty() => "No run of that time is to be found.".to_owned(),
        Ok(runs) => {
            let ids: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
            format!(
                "It may be one of these, or they are somebody else's: {}.",
                ids.join(", ")
            )
        }
        Err(unread) => format!("Runs of that time cannot be listed: {unread}."),
    };
    format!("Whether its run began is not known. {said}\n\n{found}")
}

/// The run has ended, and not well.
async fn ended_badly(client: &Client, id: &RunId, run: &Run) -> String {
    let call = Call::new(CancellationToken::new(), AFTERWARDS);
    let over = CancellationToken::new();
    over.cancel();
    let follow = Follow {
        secrets: &[],
        tail_lines: LOG_LINES,
        observer: &Unobserved,
    };
    let log = follow_log(client, &call, id, follow, &over).await;
    let message = run
        .run_error_message
        .as_deref()
        .unwrap_or("the service gives no reason");
    let mut why = format!(
        "Run \"{}\" found a machine and ended as {}: {message}.",
        run.run_id, run.status
    );
    if !log.tail.is_empty() {
        why.push_str(&format!("\n\nThe end of its log:\n\n  {}", log.tail.join("\n  ")));
    }
    if let Some(missing) = log.warning {
        why.push_str(&format!("\n\n{missing}"));
    }
    why
}

/// The run was not seen to end. It is cancelled, so that it holds up nobody.
async fn unfinished(
    client: &Client,
    cancel: &CancellationToken,
    preflight: &Preflight,
    id: &AgentPoolId,
    run_id: &RunId,
    lost: WaitError,
) -> Probed {
    let WaitError { error, last } = lost;
    let call = Call::new(CancellationToken::new(), AFTERWARDS);
    let interrupted = cancel.is_cancelled();
    let mut why = if interrupted {
        format!("You interrupted it while run \"{}\" was {}.", last.run_id, last.status)
    } else if error.is_interruption() {
        format!(
            "Run \"{}\" was still {} when the time of the probe was over.",
            last.run_id, last.status
        )
    } else {
        format!(
            "Run \"{}\" was lost sight of while it was {}: {error}.",
            last.run_id, last.status
        )
    };
    if last.is_queued() && !interrupted {
        let asked = Some(ActiveRun::from(&last));
        let explained = why_queued::explain(client, &call, preflight, id, asked).await;
        if let Some(paragraph) = explained.paragraph() {
            why.push_str(&format!("\n\n{paragraph}"));
        }
    }
    let call = Call::new(CancellationToken::new(), AFTERWARDS);
    why.push_str(&match run::cancel(client, &call, run_id).await {
        Ok(()) => "\n\nAzure has been asked to cancel the run, and has accepted that.".to_owned(),
        Err(refused) => format!(
            "\n\nThe run could not be cancelled ({refused}) and goes on or stays queued. Cancel it with: az acr task cancel-run --registry {} --run-id {}.",
            run_id.registry().name(),
            run_id.run_id()
        ),
    });
    Probed::Failed { why, interrupted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_needs_nothing_but_the_pool() {
        let id: AgentPoolId = "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds/agentPools/p01".parse().unwrap();
        let body = serde_json::to_value(request(&id)).unwrap();
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            ["agentPoolName", "encodedTaskContent", "platform", "timeout", "type"]
        );
        let steps = base64::engine::general_purpose::STANDARD.decode(body["encodedTaskContent"].as_str().unwrap());
        let steps = String::from_utf8(steps.unwrap()).unwrap();
        assert!(
            steps.contains("cmd: bash echo ready"),
            "an image without a tag is not pulled: {steps}"
        );
        assert_eq!(body["platform"]["os"], "Linux");
    }
}
