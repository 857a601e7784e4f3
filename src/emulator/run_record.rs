//! A run, and what the emulator needs to carry it out.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use super::images::Image;
use super::operations::Fate;
use super::run_log::Block;

/// A run: of the seed, which stays as it is, or one that the emulator carries out.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) run_id: String,
    pub(super) status: String,
    pub(super) agent_pool_name: Option<String>,
    pub(super) task: Option<String>,
    pub(super) created: OffsetDateTime,
    pub(super) started: Option<OffsetDateTime>,
    pub(super) finished: Option<OffsetDateTime>,
    pub(super) updated: OffsetDateTime,
    pub(super) born: u64,
    /// `os`, `architecture`, `variant`, in the caller's casing.
    pub(super) platform: Value,
    pub(super) cpu: i64,
    pub(super) error: Option<String>,
    pub(super) images: Vec<Image>,
    pub(super) archived: bool,
    /// Who asked for it.
    pub(super) by: String,
    /// Who changed it afterwards, and when.
    pub(super) changed: Option<(String, OffsetDateTime)>,
    /// The timer that fired, and the occurrence.
    pub(super) timer: Option<Timer>,
    pub(super) update_trigger_token: Option<String>,
    pub(super) source_registry_auth: Option<String>,
    pub(super) custom_registries: Vec<String>,
    /// What has been or will be written, each block with the moment in which it can be read.
    pub(super) log: Vec<(OffsetDateTime, Block)>,
    /// Nothing for runs of the seed.
    pub(super) progress: Option<Progress>,
}

/// A timer that fired.
#[derive(Clone, Debug)]
pub(super) struct Timer {
    /// Its name in the task.
    pub(super) name: String,
    /// The moment for which it was set.
    pub(super) occurrence: OffsetDateTime,
}

/// How a run that is carried out goes on.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) work: Work,
    /// How long it may take.
    pub(super) timeout: Duration,
    /// Before this moment nobody takes it from its queue.
    pub(super) ready: OffsetDateTime,
    /// Its pool existed when it was asked for.
    pub(super) pool_was_there: bool,
    /// When `Started` turns `Running`.
    pub(super) running: Option<OffsetDateTime>,
    /// When it ends, and how; nothing for one that hangs.
    pub(super) end: Option<(OffsetDateTime, Ending)>,
    pub(super) fate: Fate,
}

/// How a run ends.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// With these images pushed.
    Succeeded(Vec<Image>),
    /// With this message, `runErrorMessage`.
    Failed(String),
    /// Its time was over.
    TimedOut,
    /// Somebody canceled it.
    Canceled,
    /// The service's own fault, with a message.
    Broken(String),
}

/// What a run does.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) step: Step,
    pub(super) source: Source,
    /// The task has an identity of its own, which the registry's network rules may let pass.
    pub(super) system_identity: bool,
}

/// The kind of work.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Builds an image.
    Docker {
        /// The Dockerfile's path in the context.
        file: String,
        image_names: Vec<String>,
        push: bool,
        target: Option<String>,
        arguments: Vec<Setting>,
    },
    /// Carries out the steps of a task file.
    Tasks {
        /// The file: its text, or its path in the context.
        file: TaskFile,
        /// The path of a file of further values, which those beside it override.
        values_file: Option<String>,
        values: Vec<Setting>,
    },
}

/// A task file, given or to be found.
#[derive(Clone, Debug)]
pub(super) enum TaskFile {
    /// Its text.
    Text(String),
    /// Its path in the context.
    Path(String),
}

/// A build argument or a value of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) secret: bool,
}

/// Where the context comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// There is none.
    Nothing,
    /// An upload: its path in the storage account.
    Upload(String),
    /// A git repository, a tarball or an artifact somewhere else. It is never fetched.
    Remote(String),
}

/// Everything that starts a run.
#[derive(Clone, Debug)]
pub(super) struct RunStart {
    /// The registry's ARM id.
    pub(super) registry: String,
    pub(super) task: Option<String>,
    pub(super) agent_pool_name: Option<String>,
    pub(super) work: Work,
    pub(super) timeout: Duration,
    pub(super) platform: Value,
    pub(super) cpu: i64,
    pub(super) archived: bool,
    pub(super) by: String,
    pub(super) timer: Option<Timer>,
    pub(super) update_trigger_token: Option<String>,
    pub(super) source_registry_auth: Option<String>,
    pub(super) custom_registries: Vec<String>,
    pub(super) fate: Fate,
}

impl Run {
    /// Whether it has ended, in whatever way.
    pub(super) fn is_over(&self) -> bool {
        matches!(
            self.status.as_str(),
            "Succeeded" | "Failed" | "Canceled" | "Error" | "Timeout"
        )
    }

    /// A status set from outside, with the times that belong to it.
    pub(super) fn set_status(&mut self, status: &str, now: OffsetDateTime) {
        self.status = status.into();
        self.updated = now;
        if status != "Queued" {
            self.started.get_or_insert(now);
        }
        self.finished = self.is_over().then(|| self.finished.unwrap_or(now));
    }

    /// Whether it occupies an instance.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.status.as_str(), "Started" | "Running")
    }

    /// Whether it is on a pool of this name.
    pub(super) fn is_on(&self, pool: &str) -> bool {
        self.agent_pool_name
            .as_ref()
            .is_some_and(|name| name.eq_ignore_ascii_case(pool))
    }
}

impl Ending {
    /// The run's status.
    pub(super) fn status(&self) -> &'static str {
        match self {
            Ending::Succeeded(_) => "Succeeded",
            Ending::Failed(_) => "Failed",
            Ending::TimedOut => "Timeout",
            Ending::Canceled => "Canceled",
            Ending::Broken(_) => "Error",
        }
    }
}
