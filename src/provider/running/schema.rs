//! The parts of a schema that everything that runs has: options, the `scale` block, timeouts, and what a run leaves.

use std::time::Duration;

use crate::framework::{
    Diagnostic, Diagnostics, Field, Type, Value,
    schema::{Attribute, Block, NestedBlock},
    timeouts::{self, Defaults, Timeouts, effective},
    validators::{Problem, Validator},
};

use super::model::{LOG_TAIL_LINES, ScaleModel};

/// The statuses of a run that has ended badly.
pub const FAIL_ON: [&str; 4] = ["Failed", "Error", "Timeout", "Canceled"];

/// The most lines that may be kept of a log: a diagnostic or a state is no place for a whole one.
const LOG_TAIL_LINES_MAX: i64 = 1_000;

/// The most machines that a pool is scaled to for a run. What a registry may really have is its quota's matter.
const INSTANCES_MAX: i64 = 1_000;

/// How long operations may take when the user says nothing: a task takes at most an hour unless it says otherwise, and a pool
/// is scaled in 4 to 12 minutes, twice.
pub const TIMEOUTS: Defaults = Defaults {
    create: Duration::from_secs(90 * 60),
    read: Duration::from_secs(5 * 60),
    update: Duration::from_secs(5 * 60),
    delete: Duration::from_secs(5 * 60),
};

/// What a run may wait beside its own time: for a machine, and for its pool to be scaled up and back.
const BESIDE: Duration = Duration::from_secs(30 * 60);

/// How long a create may take: what the user says; else the default, or `BESIDE` more than the run itself may take (in
/// seconds) if that is longer.
#[must_use]
pub fn create_limit(timeouts: &Field<Timeouts>, run: Option<i64>) -> Duration {
    let own = run.and_then(|seconds| u64::try_from(seconds).ok());
    let own = own.map_or(Duration::ZERO, |seconds| {
        Duration::from_secs(seconds).saturating_add(BESIDE)
    });
    let usual = TIMEOUTS.create.max(own);
    timeouts
        .known()
        .map_or(usual, |timeouts| effective(&timeouts.create, usual))
}

/// What the user may say about any run.
#[must_use]
pub fn options() -> Vec<Attribute> {
    let statuses = Value::List(FAIL_ON.map(Value::string).to_vec());
    vec![
        Attribute::optional(
            "cancel_on_interrupt",
            Type::Bool,
            "Whether the run is cancelled when nobody waits for it any more: when Terraform is interrupted, when the time for creating is over, or when the resource is destroyed before the run has ended.",
        )
        .default(Value::Bool(true)),
        Attribute::optional(
            "fail_on",
            Type::list(Type::String),
            "The statuses of the ended run that fail the apply and taint the resource, so that the next apply runs again. With another bad end the apply warns. Without effect when `wait` is `false`.",
        )
        .default(statuses)
        .check(statuses_check()),
        Attribute::optional(
            "log_tail_lines",
            Type::Number,
            "How many of the log's last lines a failure shows.",
        )
        .default(Value::integer(LOG_TAIL_LINES))
        .check(Validator::whole_number(0, LOG_TAIL_LINES_MAX, "0 shows none.")),
        Attribute::optional(
            "store_log_tail",
            Type::Bool,
            "Whether these lines are also stored in the state, as `log_tail`. Secrets of the request are masked in them; what else a build prints is not.",
        )
        .default(Value::Bool(false)),
        Attribute::optional(
            "wait",
            Type::Bool,
            "Whether the apply waits for the run to end. With `false` the run is recorded as it was queued, and later refreshes bring its status.",
        )
        .default(Value::Bool(true)),
    ]
}

/// What a run leaves in the state. Stable: nothing that is changed in place changes a run that has been.
#[must_use]
pub fn outputs() -> Vec<Attribute> {
    let text = |name, description| Attribute::computed(name, Type::String, description).stable();
    let image = ["digest", "registry", "repository", "tag"].map(|name| (name.to_owned(), Type::String));
    vec![
        text(
            "created_at",
            "When the run was queued (RFC 3339); null if nobody has looked since.",
        ),
        Attribute::computed(
            "duration_seconds",
            Type::Number,
            "How long the run took, without the time in the queue; null for one that has not ended or never started.",
        )
        .stable(),
        text("error_message", "Why the run failed, in Azure's words."),
        text("finished_at", "When the run ended (RFC 3339)."),
        text("id", "The ARM id of the run."),
        text("log_tail", "The last lines of the log, if `store_log_tail` is `true`."),
        Attribute::computed(
            "output_images",
            Type::list(Type::Object(image.into_iter().collect())),
            "The images that the run has pushed.",
        )
        .stable(),
        text("run_id", "The run's id within its registry, such as `cf1`."),
        text("started_at", "When the run found a machine (RFC 3339)."),
        text(
            "status",
            "The run's status: `Queued`, `Started`, `Running`, `Succeeded`, `Failed`, `Canceled`, `Error` or `Timeout`.",
        ),
    ]
}

/// The `scale` block.
#[must_use]
pub fn scale() -> NestedBlock {
    NestedBlock::single(
        "scale",
        Block {
            attributes: vec![
                Attribute::required(
                    "instances",
                    Type::Number,
                    "The number of machines that the pool has at least while the run is on it. A pool that has as many already is left alone.",
                )
                .check(Validator::whole_number(1, INSTANCES_MAX, "A run needs a machine.")),
                Attribute::optional(
                    "restore",
                    Type::Bool,
                    "Whether the pool gets its former number of machines back afterwards, also when the run fails or the apply is interrupted. It is left as it is, with a warning, when its number has been changed by somebody else, when other runs are queued or running on it, or when the apply is interrupted while Azure is still scaling it.",
                )
                .default(Value::Bool(true)),
            ],
            blocks: Vec::new(),
            description: "Machines for the run: a pool that is at zero between builds costs nothing. Scaling takes Azure 4 to 12 minutes each way.",
        },
    )
}

/// Checks what concerns both: whoever does not wait cannot put a pool back.
pub fn check(wait: &Field<bool>, scale: &Field<ScaleModel>) -> Diagnostics {
    let restores = scale
        .known()
        .is_some_and(|scale| !matches!(scale.restore, Field::Known(false) | Field::Unknown));
    if *wait != Field::Known(false) || !restores {
        return Diagnostics::new();
    }
    let detail = "With wait = false nobody is there to put the pool back when the run has ended. Set restore = false in the scale block, or wait for the run.";
    Diagnostic::error("Nobody puts the pool back", detail)
        .at_attribute("scale")
        .into()
}

/// The `timeouts` block.
#[must_use]
pub fn timeouts() -> NestedBlock {
    timeouts::block([
        "For the whole run with its time in the queue, and for scaling the pool up and back; default `90m`, or half an hour more than the run itself may take, if that is longer.",
        "For reading a run; default `5m`.",
        "For changing what only Terraform keeps; default `5m`.",
        "For cancelling a run that has not ended; default `5m`.",
    ])
}

fn statuses_check() -> Validator {
    let rule = format!("any of `{}`", FAIL_ON.join("`, `"));
    Validator::new(rule, |value| {
        let Value::List(statuses) = value else { return Ok(()) };
        let strange = |status: &&Value| status.as_str().is_some_and(|status| !FAIL_ON.contains(&status));
        let Some(status) = statuses.iter().find(strange).and_then(Value::as_str) else {
            return Ok(());
        };
        let meant = FAIL_ON.iter().find(|known| known.eq_ignore_ascii_case(status));
        let hint = meant.map_or(String::new(), |known| format!(" Did you mean \"{known}\"?"));
        Err(Problem {
            summary: "Unsupported value".into(),
            detail: format!(
                "\"{status}\" is no status of a run that has ended badly.{hint} There are {}.",
                FAIL_ON.join(", ")
            ),
        })
    })
}
