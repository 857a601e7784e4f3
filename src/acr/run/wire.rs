//! A run as ARM returns it.

use serde::Deserialize;

use super::request::{AgentConfiguration, Platform};

/// The states of a run that has not ended. Source: the API's specification.
pub const ACTIVE: [&str; 3] = ["Queued", "Started", "Running"];

/// The states of a run that has ended, the good one first. Source: the API's specification.
pub const ENDED: [&str; 5] = ["Succeeded", "Failed", "Canceled", "Error", "Timeout"];

/// A run. What the specification does not promise is an `Option`; the answer to `scheduleRun` holds id and status and little
/// else. Times are RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// `cf1` and the like; counts up within a registry.
    #[serde(default)]
    pub run_id: String,
    /// `Queued`, `Started`, `Running`, `Succeeded`, `Failed`, `Canceled`, `Error`, `Timeout`.
    #[serde(default)]
    pub status: String,
    /// `QuickRun` is all that has been recorded, also for builds.
    pub run_type: Option<String>,
    /// The pool it was scheduled on, if any.
    pub agent_pool_name: Option<String>,
    /// The task's name, if a task started it.
    pub task: Option<String>,
    /// When it was queued.
    pub create_time: Option<String>,
    /// When it began; absent while it is queued.
    pub start_time: Option<String>,
    /// When it ended; absent before.
    pub finish_time: Option<String>,
    /// When the record was last written.
    pub last_updated_time: Option<String>,
    /// What it pushed, once it has succeeded.
    pub output_images: Option<Vec<Image>>,
    /// Why it failed, in the service's words.
    pub run_error_message: Option<String>,
    /// What it runs on.
    pub platform: Option<Platform>,
    /// The machine, on shared compute.
    pub agent_configuration: Option<AgentConfiguration>,
    /// How it logs in to its own registry.
    pub source_registry_auth: Option<String>,
    /// Login servers of the other registries it has access to.
    pub custom_registries: Option<Vec<String>>,
    /// The base image whose update started it.
    pub image_update_trigger: Option<ImageUpdateTrigger>,
    /// The commit or pull request that started it.
    pub source_trigger: Option<SourceTrigger>,
    /// The schedule that started it.
    pub timer_trigger: Option<TimerTrigger>,
    /// The image that holds the log (registries with customer-managed keys only).
    pub log_artifact: Option<Image>,
    /// ARM's word about the record itself; `Succeeded` also for failed runs.
    pub provisioning_state: Option<String>,
    /// Whether record and log are kept beyond the usual 30 days.
    pub is_archive_enabled: Option<bool>,
}

/// An image in a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Image {
    /// The login server.
    pub registry: Option<String>,
    /// The repository.
    pub repository: Option<String>,
    /// The tag.
    pub tag: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: Option<String>,
}

/// The update of base images that started a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ImageUpdateTrigger {
    /// The event's id.
    pub id: Option<String>,
    /// When the images were updated.
    pub timestamp: Option<String>,
    /// The images.
    pub images: Option<Vec<Image>>,
}

/// The commit or pull request that started a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceTrigger {
    /// The event's id.
    pub id: Option<String>,
    /// `commit` or `pullrequest`.
    pub event_type: Option<String>,
    /// The commit.
    pub commit_id: Option<String>,
    /// The pull request.
    pub pull_request_id: Option<String>,
    /// The repository.
    pub repository_url: Option<String>,
    /// The branch.
    pub branch_name: Option<String>,
    /// `Github` or `VisualStudioTeamService`.
    pub provider_type: Option<String>,
}

/// The schedule that started a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimerTrigger {
    /// The schedule's name within the task.
    pub timer_trigger_name: Option<String>,
    /// The instant it was due.
    pub schedule_occurrence: Option<String>,
}

/// The envelope of a run in ARM.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    #[serde(default)]
    name: String,
    #[serde(default)]
    properties: Run,
}

impl Run {
    /// Whether it has ended, well or badly. A word that is not known is no end: the service may have learnt new ones.
    pub fn has_ended(&self) -> bool {
        ENDED.iter().any(|status| self.status.eq_ignore_ascii_case(status))
    }

    /// Whether it has ended well.
    pub fn has_succeeded(&self) -> bool {
        self.status.eq_ignore_ascii_case(ENDED[0])
    }

    /// Whether somebody has cancelled it.
    pub fn was_cancelled(&self) -> bool {
        self.status.eq_ignore_ascii_case(ENDED[2])
    }

    /// Whether it waits for a machine.
    pub fn is_queued(&self) -> bool {
        self.status.eq_ignore_ascii_case(ACTIVE[0])
    }
}

impl Envelope {
    /// The run itself; its id is told twice, and once is enough.
    pub(super) fn into_run(self) -> Run {
        let mut run = self.properties;
        if run.run_id.is_empty() {
            run.run_id = self.name;
        }
        run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_as_far_as_it_goes() {
        let scheduled = r#"{"name":"ch7","properties":{"status":"Queued","provisioningState":"Succeeded","isArchiveEnabled":false}}"#;
        let run = serde_json::from_str::<Envelope>(scheduled).unwrap().into_run();
        assert_eq!(
            (run.run_id.as_str(), run.is_queued(), run.has_ended()),
            ("ch7", true, false)
        );
        let ended = r#"{"properties":{"runId":"ch7","status":"Succeeded","runType":"QuickRun","createTime":"2026-11-02T08:00:00.1234567+00:00",
            "startTime":"2026-11-02T08:00:04+00:00","finishTime":"2026-11-02T08:01:09+00:00","platform":{"os":"linux","architecture":"amd64"},
            "agentConfiguration":{"cpu":2},"agentPoolName":"p01","outputImages":[{"registry":"b.example","repository":"app","tag":"1","digest":"sha256:00"}],
            "timerTrigger":{"timerTriggerName":"t1","scheduleOccurrence":"2026-11-02T08:00:00Z"},"newThing":{}}}"#;
        let run = serde_json::from_str::<Envelope>(ended).unwrap().into_run();
        assert!(run.has_succeeded() && run.has_ended());
        assert_eq!(run.output_images.unwrap()[0].digest.as_deref(), Some("sha256:00"));
        assert_eq!(run.timer_trigger.unwrap().timer_trigger_name.as_deref(), Some("t1"));
        assert_eq!(run.agent_configuration, Some(AgentConfiguration { cpu: 2 }));
    }

    #[test]
    fn an_unknown_word_is_no_end() {
        for (status, ended) in [
            ("Paused", false),
            ("", false),
            ("failed", true),
            ("Timeout", true),
            ("Running", false),
        ] {
            let run = Run {
                status: status.into(),
                ..Run::default()
            };
            assert_eq!(run.has_ended(), ended, "{status}");
        }
    }
}
