//! `acr_task_run`: one run of a task, by `registries/scheduleRun` and never by `taskRuns`, whose operations cannot be followed.
//!
//! What surprises in this API: a run has no mark of who started it; the pool is the task's and cannot be named in the request;
//! a run's record expires after 30 days.

mod request;
pub mod resource;
mod schema;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    acr::TaskId,
    framework::{Diagnostics, Field, Path, model::Secret, timeouts::Timeouts},
    model,
    provider::{
        running::{ImageModel, RunModel, ScaleModel},
        secrets,
    },
    run_model,
};

model! {
    /// A task's run as configured, planned and stored.
    pub struct TaskRunModel {
        /// Build arguments instead of the task's of the same name.
        pub arguments: BTreeMap<String, Field<String>>,
        /// Whether it is cancelled when nobody waits any more.
        pub cancel_on_interrupt: bool,
        /// Another source.
        pub context_path: String,
        /// When it was queued.
        pub created_at: String,
        /// From start to end.
        pub duration_seconds: i64,
        /// Why it failed.
        pub error_message: String,
        /// Statuses that are failures.
        pub fail_on: Vec<Field<String>>,
        /// Another Dockerfile or task file.
        pub file: String,
        /// When it ended.
        pub finished_at: String,
        /// ARM id.
        pub id: String,
        /// The log's last lines.
        pub log_tail: String,
        /// How many of them.
        pub log_tail_lines: i64,
        /// What it pushed.
        pub output_images: Vec<ImageModel>,
        /// `cf1` and the like.
        pub run_id: String,
        /// Machines for it.
        pub scale: ScaleModel,
        /// Secret build arguments, never stored.
        pub secret_arguments_wo: BTreeMap<String, Field<Secret>>,
        /// A number that changes with them.
        pub secret_arguments_wo_version: i64,
        /// Secret values, never stored.
        pub secret_values_wo: BTreeMap<String, Field<Secret>>,
        /// A number that changes with them.
        pub secret_values_wo_version: i64,
        /// When it found a machine.
        pub started_at: String,
        /// How it goes or ended.
        pub status: String,
        /// Whether the log's last lines are stored.
        pub store_log_tail: bool,
        /// Another stage of the Dockerfile.
        pub target: String,
        /// ARM id of the task.
        pub task_id: String,
        /// How long to wait.
        pub timeouts: Timeouts,
        /// Anything whose change runs anew.
        pub triggers: BTreeMap<String, Field<String>>,
        /// Values instead of the task's of the same name.
        pub values: BTreeMap<String, Field<String>>,
        /// Whether somebody waits for its end.
        pub wait: bool,
    }
}

run_model!(TaskRunModel);

impl TaskRunModel {
    /// The task; `None` while it is unknown.
    fn task(&self) -> Option<TaskId> {
        self.task_id.text()?.parse().ok()
    }

    /// What concerns several arguments at once.
    fn check(&self) -> Diagnostics {
        let mut found = crate::provider::running::schema::check(&self.wait, &self.scale);
        let root = Path::root();
        let none: Field<BTreeMap<String, Field<Secret>>> = Field::Null;
        for (name, write_only, version) in [
            (
                "secret_arguments",
                &self.secret_arguments_wo,
                &self.secret_arguments_wo_version,
            ),
            ("secret_values", &self.secret_values_wo, &self.secret_values_wo_version),
        ] {
            secrets::check_pair(&root, name, &none, write_only, version, &mut found);
        }
        for (name, plain, secret) in [
            ("arguments", &self.arguments, &self.secret_arguments_wo),
            ("values", &self.values, &self.secret_values_wo),
        ] {
            found.extend(request::given_twice(name, plain, secret));
        }
        found
    }

    /// The model with the write-only values of the configuration, for the request.
    fn with_secrets(&self, config: &Self) -> Self {
        Self {
            secret_arguments_wo: config.secret_arguments_wo.clone(),
            secret_values_wo: config.secret_values_wo.clone(),
            ..self.clone()
        }
    }

    /// What a plan knows of the run before it is: nothing, but that no log is stored where none is asked for.
    fn predicted(mut self, prior: Option<&Self>) -> Self {
        self.predict(prior);
        self
    }
}
