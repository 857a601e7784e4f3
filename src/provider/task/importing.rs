//! Importing a task: all that Azure returns, and a word about what it does not.

use crate::{
    acr::{
        TaskId,
        task::{Step, Task},
    },
    framework::{Diagnostic, Diagnostics, Field},
};

use super::model::TaskModel;

/// The stub from which a read fills in the rest.
pub fn stub(id: &str) -> Result<TaskModel, Diagnostics> {
    let id: TaskId = id.parse().map_err(|error| {
        Diagnostic::error(
            "Importing a task",
            format!("\"{id}\" is not the id of a task: {error}. Expected is /subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerRegistry/registries/…/tasks/…, in any casing."),
        )
    })?;
    Ok(TaskModel {
        id: Field::Known(id.to_string()),
        name: Field::Known(id.name().to_owned()),
        registry_id: Field::Known(id.registry().to_string()),
        ..TaskModel::bare()
    })
}

/// Whether a state is a stub that no read has filled in yet.
pub fn is_stub(state: &TaskModel) -> bool {
    state.location.is_null() && state.is_system_task.is_null()
}

/// What Azure does not return of this task, as far as it can be told; `None` when there is nothing of the kind.
pub fn not_told(id: &TaskId, task: &Task) -> Option<Diagnostic> {
    let properties = &task.properties;
    let mut missing: Vec<String> = Vec::new();
    if let Some(step) = &properties.step {
        let (block, secrets) = match step {
            Step::Docker(_) => ("docker_step", "secret_arguments"),
            Step::FileTask(_) => ("file_step", "secret_values"),
            Step::EncodedTask(_) | Step::Unknown => ("encoded_step", "secret_values"),
        };
        if step.source().is_some_and(|source| source.context_path.is_some()) {
            missing.push(format!("{block}: context_access_token, if there is one"));
        }
        let names = step
            .arguments()
            .iter()
            .filter(|it| it.is_secret)
            .map(|it| it.name.as_str());
        let names: Vec<&str> = names.collect();
        if !names.is_empty() {
            missing.push(format!("{block}: the values of {secrets} ({})", names.join(", ")));
        }
    }
    let trigger = properties.trigger.clone().unwrap_or_default();
    for source in trigger.source_triggers.iter().flatten() {
        missing.push(format!("source_trigger \"{}\": authentication", source.name));
    }
    if let Some(base_image) = &trigger.base_image_trigger {
        missing.push(format!(
            "base_image_trigger \"{}\": update_trigger_endpoint, if there is one",
            base_image.name
        ));
    }
    let credentials = properties.credentials.as_ref();
    for (server, _) in credentials
        .and_then(|it| it.custom_registries.as_ref())
        .into_iter()
        .flatten()
    {
        missing.push(format!(
            "registry_credential, custom \"{server}\": username, password, identity"
        ));
    }
    let detail = format!(
        "Azure does not return secrets and what belongs to them. Give these in the configuration; the next apply writes the task anew with them:\n\n  {}",
        missing.join("\n  ")
    );
    (!missing.is_empty())
        .then(|| Diagnostic::warning(format!("What the import of {} cannot recover", id.human()), detail))
}
