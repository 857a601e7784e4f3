//! The resource's schema: which task, what differs this time, and what every run has.

use crate::{
    acr::TaskId,
    framework::{
        Type,
        schema::{Attribute, Block, Schema},
        validators::{Problem, Validator},
    },
    provider::{agent_pool::schema::id_check, running, task::context_check},
};

/// The schema of `acr_task_run`.
pub fn schema() -> Schema {
    let mut attributes = arguments();
    attributes.extend(running::schema::options());
    let mut blocks = vec![running::schema::scale()];
    blocks.push(running::schema::timeouts());
    // In the order of the documents: what may be written first, by name.
    attributes[1..].sort_by_key(|attribute| attribute.name);
    attributes.extend(running::schema::outputs());
    Schema::new(Block {
        attributes,
        blocks,
        description: "A run of a task: scheduled when the resource is created, and waited for.",
    })
}

fn arguments() -> Vec<Attribute> {
    let text = |name, description| Attribute::optional(name, Type::String, description).replaces();
    let map = |name, description| Attribute::optional(name, Type::map(Type::String), description);
    let version = |name, description| Attribute::optional(name, Type::Number, description).replaces();
    vec![
        Attribute::required("task_id", Type::String, "The ARM id of the task. Its casing does not matter.")
            .replaces()
            .equivalent(|a, b| a.eq_ignore_ascii_case(b))
            .check(id_check::<TaskId>("the ARM id of a task", "Invalid task id")),
        map("arguments", "Build arguments; they take the place of the task's of the same name.").replaces(),
        text("context_path", "Another source than the task's: a git repository, an archive or an artifact.").check(context_check(None)),
        text("file", "Another Dockerfile or task file, relative to the source.").check(not_empty()),
        map(
            "secret_arguments_wo",
            "Build arguments that Azure keeps secret and no state or plan ever holds. With `secret_arguments_wo_version`.",
        )
        .write_only(),
        version("secret_arguments_wo_version", "Any number; change it to run anew with new `secret_arguments_wo`."),
        map(
            "secret_values_wo",
            "Values for the task file that Azure keeps secret and no state or plan ever holds. With `secret_values_wo_version`.",
        )
        .write_only(),
        version("secret_values_wo_version", "Any number; change it to run anew with new `secret_values_wo`."),
        text("target", "Another stage of the Dockerfile.").check(not_empty()),
        map(
            "triggers",
            "Anything whose change is a reason to run anew, such as the hash of a file or the digest of a base image.",
        )
        .replaces(),
        map("values", "Values for the task file; they take the place of the task's of the same name.").replaces(),
    ]
}

fn not_empty() -> Validator {
    Validator::text("not empty", |text| {
        if !text.trim().is_empty() {
            return Ok(());
        }
        Err(Problem {
            summary: "Empty value".into(),
            detail: "Leave the argument out where the task's own is to be used.".into(),
        })
    })
}
