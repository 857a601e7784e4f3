//! `data.acr_task_runs`: the runs of a registry that a filter lets through, newest first.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    acr::{
        diagnosis::instant,
        registry::RegistryId,
        run::{self, Filter, Run, Span},
        task_id,
    },
    azure::{Call, InvalidId},
    framework::{
        Diagnostic, Diagnostics, Field, Type, Value,
        data_source::DataSource,
        resource::{Operation, Outcome},
        schema::{Attribute, Block, Schema},
        validators::{Problem, Validator},
    },
    model,
    provider::{
        Connection,
        agent_pool::schema::{TIMEOUTS, name_check, registry_id_check},
        diagnose,
    },
};

use super::shape::{self, RunModel};

/// How many runs are listed when the user says nothing: as many as fit a page of most of Azure's lists.
const LIMIT_DEFAULT: i64 = 100;

/// How many may be listed: beyond that a state becomes unwieldy, and a narrower filter is meant.
const LIMIT_MAX: i64 = 1_000;

model! {
    /// A filter, and the runs that it lets through.
    pub struct TaskRunsModel {
        /// Only runs on this pool.
        pub agent_pool_name: String,
        /// Only runs queued then or later.
        pub created_after: String,
        /// Only runs queued before.
        pub created_before: String,
        /// Only runs that ended then or later.
        pub finished_after: String,
        /// Only runs that ended before.
        pub finished_before: String,
        /// Only runs whose record is kept, or is not.
        pub is_archived: bool,
        /// At most so many.
        pub limit: i64,
        /// Only runs that pushed this image.
        pub output_image: String,
        /// ARM id of the registry.
        pub registry_id: String,
        /// Only this run.
        pub run_id: String,
        /// The runs.
        pub runs: Vec<RunModel>,
        /// Only runs in one of these states.
        pub statuses: Vec<String>,
        /// Only runs of this task.
        pub task_name: String,
    }
}

/// The data source type.
pub struct TaskRunsDataSource {
    connection: Arc<Connection>,
}

impl TaskRunsDataSource {
    /// The data source type on a connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

impl DataSource for TaskRunsDataSource {
    type Model = TaskRunsModel;

    fn type_name(&self) -> &'static str {
        "acr_task_runs"
    }

    fn schema(&self) -> Schema {
        schema()
    }

    fn validate(&self, config: &TaskRunsModel) -> Diagnostics {
        let empty = |(after, before, name): (&Field<String>, &Field<String>, &str)| {
            let span = span(after, before);
            let (from, before) = (span.from?, span.before?);
            (from >= before).then(|| {
                let detail =
                    format!("No time lies between {name}_after and {name}_before: the first must be the earlier one.");
                Diagnostic::error("Empty time range", detail).at_attribute(&format!("{name}_before"))
            })
        };
        let mut diagnostics = Diagnostics::new();
        let ranges = [
            (&config.created_after, &config.created_before, "created"),
            (&config.finished_after, &config.finished_before, "finished"),
        ];
        for problem in ranges.into_iter().filter_map(empty) {
            diagnostics.push(problem);
        }
        diagnostics
    }

    async fn read(&self, operation: &Operation, config: TaskRunsModel) -> Outcome<TaskRunsModel> {
        let parsed: Result<RegistryId, InvalidId> = config.registry_id.text().unwrap_or_default().parse();
        let registry = match parsed {
            Ok(registry) => registry,
            Err(error) => {
                let error = Diagnostic::error("Invalid id", error.to_string()).at_attribute("registry_id");
                return Outcome::failed(None, error);
            }
        };
        let client = match self.connection.client() {
            Ok(client) => client,
            Err(error) => return Outcome::failed(None, error),
        };
        let call = Call::new(operation.cancel.clone(), TIMEOUTS.read);
        let statuses: Vec<&str> = config
            .statuses
            .known()
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let filter = filter(&config, &statuses);
        let limit = config.limit.known().copied().unwrap_or(LIMIT_DEFAULT);
        let limit = usize::try_from(limit).unwrap_or_default();
        match run::list(&client, &call, &registry, &filter, limit).await {
            Ok(found) => {
                let runs = newest_first(found, &filter);
                Outcome::of(TaskRunsModel {
                    runs: Field::Known(runs.iter().map(|run| shape::run(&registry, run)).collect()),
                    ..config
                })
            }
            Err(error) => Outcome::failed(
                None,
                diagnose::azure(&format!("listing the runs of {}", registry.human()), &error),
            ),
        }
    }
}

fn filter<'a>(config: &'a TaskRunsModel, statuses: &'a [&'a str]) -> Filter<'a> {
    Filter {
        run_id: config.run_id.text(),
        agent_pool_name: config.agent_pool_name.text(),
        statuses,
        task_name: config.task_name.text(),
        output_image: config.output_image.text(),
        is_archived: config.is_archived.known().copied(),
        created: span(&config.created_after, &config.created_before),
        finished: span(&config.finished_after, &config.finished_before),
    }
}

fn span(after: &Field<String>, before: &Field<String>) -> Span {
    Span {
        from: after.text().and_then(instant),
        before: before.text().and_then(instant),
    }
}

/// The runs in the order of being queued, the newest first. How the service compares times has not been recorded, so those
/// outside the time ranges are left out here once more.
fn newest_first(mut found: Vec<Run>, filter: &Filter<'_>) -> Vec<Run> {
    let at = |text: &Option<String>| text.as_deref().and_then(instant);
    found.retain(|run| filter.created.holds(at(&run.create_time)) && filter.finished.holds(at(&run.finish_time)));
    found.sort_by_key(|run| std::cmp::Reverse(at(&run.create_time)));
    found
}

fn time_check() -> Validator {
    Validator::text("a time in RFC 3339, such as `2026-11-02T08:00:00Z`", |text| {
        let found: Option<OffsetDateTime> = instant(text);
        found.map(drop).ok_or_else(|| Problem {
            summary: "Invalid time".into(),
            detail: format!(
                "\"{text}\" is no time in RFC 3339. Write it like 2026-11-02T08:00:00Z; timestamp(), timeadd() and plantimestamp() give such times."
            ),
        })
    })
}

fn statuses_check() -> Validator {
    let all = || run::ACTIVE.into_iter().chain(run::ENDED);
    let listed = all().map(|status| format!("`{status}`")).collect::<Vec<_>>().join(", ");
    Validator::new(format!("of {listed}, at least one"), move |value| {
        let (Value::List(statuses) | Value::Set(statuses)) = value else {
            return Ok(());
        };
        let supported = all().collect::<Vec<_>>().join(", ");
        let problem = |detail: String| Problem {
            summary: "Unsupported value".into(),
            detail: format!("{detail} Supported are {supported}."),
        };
        if statuses.is_empty() {
            return Err(problem(
                "No status lets no run through; leave the argument out for all.".into(),
            ));
        }
        for status in statuses.iter().filter_map(Value::as_str) {
            if all().any(|known| known == status) {
                continue;
            }
            let meant = all().find(|known| known.eq_ignore_ascii_case(status));
            let hint = meant.map_or(String::new(), |known| format!(" Did you mean \"{known}\"?"));
            return Err(problem(format!("\"{status}\" is no status of a run.{hint}")));
        }
        Ok(())
    })
}

fn not_empty(what: &'static str) -> Validator {
    Validator::text("not empty", move |text| match text.trim().is_empty() {
        false => Ok(()),
        true => Err(Problem {
            summary: "Empty value".into(),
            detail: format!("Give {what}, or leave the argument out."),
        }),
    })
}

fn schema() -> Schema {
    let optional = |name, description| Attribute::optional(name, Type::String, description);
    let time = |name, description| optional(name, description).check(time_check());
    let task_name = Validator::text("5 to 50 letters, digits, hyphens and underscores", |text| {
        task_id::check_name(text).map_err(|error| Problem {
            summary: "Invalid task name".into(),
            detail: error.to_string(),
        })
    });
    Schema::new(Block {
        attributes: vec![
            Attribute::required("registry_id", Type::String, "The ARM id of the registry.").check(registry_id_check()),
            optional("agent_pool_name", "Only runs on this pool.").check(name_check()),
            time(
                "created_after",
                "Only runs that were queued at this time or later, RFC 3339.",
            ),
            time(
                "created_before",
                "Only runs that were queued before this time, RFC 3339.",
            ),
            time(
                "finished_after",
                "Only runs that ended at this time or later, RFC 3339.",
            ),
            time("finished_before", "Only runs that ended before this time, RFC 3339."),
            Attribute::optional(
                "is_archived",
                Type::Bool,
                "Only runs whose record and log are kept beyond the usual 30 days (`true`), or are not (`false`).",
            ),
            Attribute::optional(
                "limit",
                Type::Number,
                "How many runs are listed at most, the newest of them; 100 when not set.",
            )
            .check(Validator::whole_number(
                1,
                LIMIT_MAX,
                "For more, narrow the filter, such as with created_after.",
            )),
            optional(
                "output_image",
                "Only runs that pushed this image: `repository@sha256:…`, or a part of it.",
            )
            .check(not_empty("an image or a part of its name")),
            optional("run_id", "Only this run, such as `cf1`.").check(not_empty("a run's id")),
            Attribute::optional(
                "statuses",
                Type::list(Type::String),
                "Only runs in one of these states.",
            )
            .check(statuses_check()),
            optional("task_name", "Only runs of this task.").check(task_name),
            Attribute::computed(
                "runs",
                Type::list(shape::run_type()),
                "The runs, newest first: `id`, `run_id`, `status`, `run_type`, `task_name`, `agent_pool_name`, `created_at`, `started_at`, `finished_at`, `queued_seconds` (from being queued to start), `duration_seconds` (from start to end), `error_message`, `is_archived`, `platform` {`os`, `architecture`, `variant`}, `output_images` {`registry`, `repository`, `tag`, `digest`}, and what started it, if it was not a person: `timer_trigger` {`name`, `occurrence`}, `source_trigger` {`event`, `commit_id`, `pull_request_id`, `branch`}, `base_image_trigger` {`images`, `updated_at`}.",
            ),
        ],
        blocks: Vec::new(),
        description: "The runs of a registry: of tasks, builds and commands, newest first.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, created: Option<&str>) -> Run {
        Run {
            run_id: id.into(),
            create_time: created.map(str::to_owned),
            ..Run::default()
        }
    }

    #[test]
    fn the_newest_first_whatever_the_service_compares() {
        let found = vec![
            run("cf1", Some("2026-11-02T08:00:00Z")),
            run("cf3", Some("2026-11-02T10:30:00+01:00")),
            run("cf0", None),
            run("cf2", Some("2026-11-02T09:00:00.1234567+00:00")),
        ];
        let ids = |filter: &Filter<'_>| -> Vec<String> {
            newest_first(found.clone(), filter)
                .into_iter()
                .map(|run| run.run_id)
                .collect()
        };
        assert_eq!(ids(&Filter::default()), ["cf3", "cf2", "cf1", "cf0"]);
        let since = Filter {
            created: Span {
                from: instant("2026-11-02T09:00:00Z"),
                before: instant("2026-11-02T09:15:00Z"),
            },
            ..Filter::default()
        };
        assert_eq!(ids(&since), ["cf2"]);
    }

    #[test]
    fn an_empty_time_range_is_refused() {
        let source = TaskRunsDataSource::new(Arc::default());
        let known = |text: &str| Field::Known(text.to_owned());
        for (after, before, refused) in [
            (known("2026-11-02T08:00:00Z"), known("2026-11-02T08:00:00Z"), true),
            (known("2026-11-02T08:00:00Z"), known("2026-11-02T07:00:00-02:00"), false),
            (known("2026-11-02T08:00:00Z"), Field::Unknown, false),
            (Field::Null, known("2026-11-02T08:00:00Z"), false),
        ] {
            let config = TaskRunsModel {
                finished_after: after,
                finished_before: before,
                ..TaskRunsModel::default()
            };
            assert_eq!(source.validate(&config).has_errors(), refused, "{config:?}");
        }
    }
}
