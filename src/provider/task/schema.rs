//! The resource's schema, in azurerm's names.

use std::time::Duration;

use crate::{
    acr::{TaskId, task_id},
    framework::{
        Type, Value,
        schema::{Attribute, Block, NestedBlock, Schema},
        timeouts::{self, Defaults},
        validators::{Problem, Validator},
    },
    provider::{
        agent_pool::schema::{name_check as pool_name_check, registry_id_check},
        registry_credential::{self, Owner},
        tasks::shape,
    },
};

use super::{
    step_schema::{docker_step, encoded_step, file_step},
    trigger_schema::{base_image_trigger, source_trigger, timer_trigger},
};

/// Seconds that a run may take. Source: the API's specification.
const TIMEOUT_MIN: i64 = 300;
const TIMEOUT_MAX: i64 = 28_800;

/// Seconds that a run may take unless the task says otherwise; also the service's own default.
pub const TIMEOUT_DEFAULT: i64 = 3_600;

/// How many tags Azure keeps, and how long they may be. Source: Azure's documents of resource tags.
const TAGS_MAX: usize = 50;
const TAG_NAME_MAX: usize = 512;
const TAG_VALUE_MAX: usize = 256;

/// What is said of operating systems and processors; Azure echoes any casing.
pub const SYSTEMS: &[&str] = &["Linux", "Windows"];
/// See [`SYSTEMS`].
pub const ARCHITECTURES: &[&str] = &["amd64", "arm", "arm64", "386", "x86"];
/// See [`SYSTEMS`].
pub const VARIANTS: &[&str] = &["v6", "v7", "v8"];
/// The kinds of identities of a task.
pub const IDENTITY_TYPES: &[&str] = &["SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned"];

const HALF_HOUR: Duration = Duration::from_secs(30 * 60);

/// How long operations may take when the user says nothing. Azure answers at once; the rest is for retries.
pub const TIMEOUTS: Defaults = Defaults {
    create: HALF_HOUR,
    read: Duration::from_secs(5 * 60),
    update: HALF_HOUR,
    delete: HALF_HOUR,
};

/// Whether two texts differ in nothing but casing.
pub fn same_text(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// What a check says.
pub fn problem(summary: &str, detail: impl Into<String>) -> Problem {
    Problem {
        summary: summary.into(),
        detail: detail.into(),
    }
}

/// A check that text is there.
pub fn not_empty() -> Validator {
    Validator::text("", |text| match text.trim().is_empty() {
        true => Err(problem(
            "Empty value",
            "An empty text is never right here. Leave the argument out, or give it a value.",
        )),
        false => Ok(()),
    })
}

/// An optional text.
pub fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute::optional(name, Type::String, description)
}

/// A secret that the state holds.
pub fn plain_secret(name: &'static str, description: &'static str) -> Attribute {
    text(name, description).sensitive().check(not_empty())
}

/// A secret that nothing holds.
pub fn write_only_secret(name: &'static str, description: &'static str) -> Attribute {
    text(name, description).write_only().check(not_empty())
}

/// The number that stands beside a write-only secret.
pub fn version(name: &'static str, description: &'static str) -> Attribute {
    Attribute::optional(name, Type::Number, description)
}

/// Whether something is switched on, which it is unless the user says otherwise.
pub fn switch(name: &'static str, description: &'static str) -> Attribute {
    Attribute::optional(name, Type::Bool, description).default(Value::Bool(true))
}

/// At most one block of a kind, kept as a list.
pub fn at_most_one(name: &'static str, block: Block) -> NestedBlock {
    NestedBlock {
        max_items: 1,
        ..NestedBlock::list(name, block)
    }
}

/// A block of attributes.
pub fn attributes(description: &'static str, attributes: Vec<Attribute>) -> Block {
    Block {
        attributes,
        blocks: Vec::new(),
        description,
    }
}

/// The check of a task's name.
pub fn name_check() -> Validator {
    Validator::text("5 to 50 letters, digits, hyphens and underscores", |text| {
        task_id::check_name(text).map_err(|error| problem("Invalid task name", format!("Not a task's name: {error}.")))
    })
}

/// The check of a task's id.
pub fn id_check() -> Validator {
    crate::provider::agent_pool::schema::id_check::<TaskId>("the ARM id of a task", "Invalid task id")
}

/// The schema of `acr_task`.
pub fn schema() -> Schema {
    Schema::new(Block {
        attributes: [arguments(), computed()].concat(),
        blocks: vec![
            at_most_one("platform", platform()),
            at_most_one("docker_step", docker_step()),
            at_most_one("file_step", file_step()),
            at_most_one("encoded_step", encoded_step()),
            NestedBlock::list("timer_trigger", timer_trigger()),
            NestedBlock::list("source_trigger", source_trigger()),
            at_most_one("base_image_trigger", base_image_trigger()),
            at_most_one("identity", identity()),
            registry_credential::block(Owner::Task),
            at_most_one("agent_setting", agent_setting()),
            timeouts::block([
                "For creating a task; default `30m`.",
                "For reading a task; default `5m`.",
                "For updating a task; default `30m`.",
                "For deleting a task; default `30m`.",
            ]),
        ],
        description: "A task of an Azure container registry: what is built or run, where, and what starts it.",
    })
}

fn arguments() -> Vec<Attribute> {
    vec![
        Attribute::required("name", Type::String, "The task's name within its registry; `quicktask` for the system task.")
            .replaces()
            .equivalent(same_text)
            .check(name_check()),
        Attribute::required("registry_id", Type::String, "The ARM id of the registry. Its casing does not matter.")
            .replaces()
            .equivalent(same_text)
            .check(registry_id_check()),
        text(
            "agent_pool_name",
            "The agent pool of the registry that runs go to; without it they run on Azure's own machines. Pools run Linux only.",
        )
        .equivalent(same_text)
        .check(pool_name_check()),
        switch("enabled", "Whether triggers start runs. A disabled task keeps everything else."),
        Attribute::optional(
            "is_system_task",
            Type::Bool,
            "Whether it is the registry's system task, which sets what quick builds use: it is named `quicktask` and has no step, no platform and no trigger.",
        )
        .default(Value::Bool(false))
        .replaces(),
        text(
            "log_template",
            "The repository and tag under which logs of runs are kept as artifacts of the registry, such as `acr/logs:{{.Run.ID}}`.",
        )
        .check(not_empty()),
        Attribute::optional("tags", Type::map(Type::String), "Tags of the task.").check(Validator::new(
            "at most 50, with names of at most 512 characters and values of at most 256",
            check_tags,
        )),
        Attribute::optional(
            "timeout_in_seconds",
            Type::Number,
            "How long a run may take once it has started, in seconds: 300 (5 minutes) to 28800 (8 hours).",
        )
        .default(Value::integer(TIMEOUT_DEFAULT))
        .check(Validator::whole_number(
            TIMEOUT_MIN,
            TIMEOUT_MAX,
            "It counts seconds: from 5 minutes to 8 hours.",
        )),
    ]
}

fn check_tags(value: &Value) -> Result<(), Problem> {
    let Value::Map(tags) = value else { return Ok(()) };
    if tags.len() > TAGS_MAX {
        let detail = format!("There are {} tags; Azure keeps at most {TAGS_MAX}.", tags.len());
        return Err(problem("Too many tags", detail));
    }
    for (name, tag) in tags {
        if name.is_empty() || name.chars().count() > TAG_NAME_MAX {
            let detail = format!("A tag's name has 1 to {TAG_NAME_MAX} characters; \"{name:.40}\" does not.");
            return Err(problem("Invalid tag", detail));
        }
        if tag.as_str().unwrap_or_default().chars().count() > TAG_VALUE_MAX {
            let detail =
                format!("The tag {name} is longer than {TAG_VALUE_MAX} characters, which Azure does not keep.");
            return Err(problem("Invalid tag", detail));
        }
    }
    Ok(())
}

fn computed() -> Vec<Attribute> {
    vec![
        Attribute::computed("id", Type::String, "The ARM id of the task.").stable(),
        Attribute::computed("location", Type::String, "The Azure region, which is the registry's.").stable(),
        Attribute::computed("creation_date", Type::String, "When the task was created.").stable(),
        Attribute::computed(
            "base_image_dependencies",
            Type::list(shape::ty(&shape::BASE_IMAGE_DEPENDENCY)),
            "What the image is based on, which Azure knows after the first run: `type`, `registry`, `repository`, `tag`, `digest`.",
        ),
    ]
}

fn platform() -> Block {
    attributes(
        "What runs run on. Needed, but for the system task.",
        vec![
            Attribute::required("os", Type::String, "The operating system: `Linux` or `Windows`.")
                .check(Validator::one_of(SYSTEMS)),
            text(
                "architecture",
                "The processor: `amd64`, `arm`, `arm64`, `386` or `x86`.",
            )
            .default(Value::string("amd64"))
            .check(Validator::one_of(ARCHITECTURES)),
            text("variant", "The variant of an ARM processor: `v6`, `v7` or `v8`.").check(Validator::one_of(VARIANTS)),
        ],
    )
}

fn agent_setting() -> Block {
    let cpu = Attribute::required(
        "cpu",
        Type::Number,
        "The processors of a machine. Azure has been seen to accept 2 only, which is what it takes without this block.",
    );
    attributes(
        "Azure's own machines; not with `agent_pool_name`, whose tier says what its machines have.",
        vec![cpu.check(Validator::whole_number(1, i64::from(i32::MAX), "It counts processors."))],
    )
}

fn identity() -> Block {
    attributes(
        "The managed identities that runs may use.",
        vec![
            Attribute::required(
                "type",
                Type::String,
                "Which identities: `SystemAssigned`, `UserAssigned` or `SystemAssigned, UserAssigned`.",
            )
            .check(Validator::one_of(IDENTITY_TYPES)),
            Attribute::optional(
                "identity_ids",
                Type::set(Type::String),
                "The ARM ids of user-assigned identities; needed for the types that have one.",
            )
            .check(Validator::new(
                "ARM ids of user-assigned identities",
                check_identity_ids,
            )),
            Attribute::computed(
                "principal_id",
                Type::String,
                "The principal of the system-assigned identity.",
            )
            .stable(),
            Attribute::computed("tenant_id", Type::String, "The tenant of the system-assigned identity.").stable(),
        ],
    )
}

fn check_identity_ids(value: &Value) -> Result<(), Problem> {
    let Value::Set(ids) = value else { return Ok(()) };
    for id in ids.iter().filter_map(Value::as_str) {
        let lower = id.to_ascii_lowercase();
        let is_identity = lower.starts_with("/subscriptions/")
            && lower.contains("/providers/microsoft.managedidentity/userassignedidentities/");
        if !is_identity {
            let detail = format!(
                "\"{id}\" is no ARM id of a user-assigned identity, which is /subscriptions/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…. (A client id belongs into registry_credential.)"
            );
            return Err(problem("Invalid identity id", detail));
        }
    }
    Ok(())
}
