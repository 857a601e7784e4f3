//! Importing a task: all that Azure returns, and a word about what it does not.
//!
//! A read hides more than secrets: how Azure signs in at a repository, and what it knows of other registries. `listDetails`
//! shows them, for which readers have no right; what is no secret is taken from there when it may be. Secrets are not: a
//! state that nobody asked to hold them shall not.

use crate::{
    acr::{
        TaskId,
        task::{self, SecretObject, Step, Task},
    },
    azure::{Call, Client},
    framework::{Diagnostic, Diagnostics, Field, model::Secret, resource::Outcome},
    provider::{blocks, registry_credential::CustomCredential},
};

use super::model::{Authentication, TaskModel};

/// How ARM calls the address of a key vault's secret.
const VAULT_SECRET: &str = "Vaultsecret";

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

/// The state of an imported task, with what its details add, and a warning that lists what is still missing.
pub async fn imported(client: &Client, call: &Call, id: &TaskId, stub: &TaskModel, task: &Task) -> Outcome<TaskModel> {
    let mut state = stub.refreshed(task);
    let details = match task::list_details(client, call, id).await {
        Ok(details) => {
            recover(&mut state, &details);
            Some(details)
        }
        Err(error) => {
            tracing::debug!(%error, "the details of the task cannot be read; the import goes without them");
            None
        }
    };
    let missing = match &details {
        Some(details) => not_told(details, true),
        None => not_told(task, false),
    };
    let outcome = Outcome::of(state);
    if missing.is_empty() {
        return outcome;
    }
    let detail = format!(
        "Azure does not return secrets and what belongs to them, or a secret has no business in a state that nobody asked to hold it. Give these in the configuration; the next apply writes the task with them:\n\n  {}\n\nA task is always written as a whole: an apply that changes it while the configuration lacks them, or has null for them as generated configuration does, removes them from the task in Azure, and its runs go without them.",
        missing.join("\n  ")
    );
    outcome.with(Diagnostic::warning(
        format!("What the import of {} cannot recover", id.human()),
        detail,
    ))
}

/// Adds what only details tell and is no secret.
fn recover(state: &mut TaskModel, details: &Task) {
    let properties = &details.properties;
    let trigger = properties.trigger.clone().unwrap_or_default();
    if let Field::Known(triggers) = &mut state.source_trigger {
        for trigger_state in triggers {
            let sources = trigger.source_triggers.iter().flatten();
            let mut named = sources.filter(|it| trigger_state.name.text() == Some(it.name.as_str()));
            let found = named.find_map(|it| it.source_repository.source_control_auth_properties.as_ref());
            trigger_state.authentication = blocks::of(found.map(|found| Authentication {
                token_type: Field::Known(found.token_type.clone()),
                scope: found.scope.clone().into(),
                expire_in_seconds: found.expires_in.into(),
                ..Authentication::default()
            }));
        }
    }
    let servers = properties
        .credentials
        .as_ref()
        .and_then(|it| it.custom_registries.as_ref());
    if let Field::Known(credentials) = &mut state.registry_credential
        && let Some(Field::Known(custom)) = credentials.first_mut().map(|it| &mut it.custom)
    {
        for entry in custom {
            let found = servers.zip(entry.login_server.text());
            let found = found
                .and_then(|(servers, name)| servers.get(name))
                .and_then(Option::as_ref);
            if let Some(found) = found {
                recover_custom(entry, found);
            }
        }
    }
}

/// A user is no secret here, and neither is the address of a key vault's secret.
fn recover_custom(entry: &mut CustomCredential, found: &task::CustomRegistry) {
    let text = |object: &SecretObject| object.value.as_ref().map(|value| value.expose().to_owned());
    entry.identity = found.identity.clone().into();
    entry.username = found.user_name.as_ref().and_then(text).into();
    let vault = found
        .password
        .as_ref()
        .filter(|it| it.kind.as_deref() == Some(VAULT_SECRET));
    entry.password = vault.and_then(text).map(Secret).into();
}

/// What is missing in the state of an imported task. Without details it may be less.
fn not_told(task: &Task, has_details: bool) -> Vec<String> {
    let properties = &task.properties;
    let mut missing: Vec<String> = Vec::new();
    if let Some(step) = &properties.step {
        let (block, secrets) = match step {
            Step::Docker(_) => ("docker_step", "secret_arguments"),
            Step::FileTask(_) => ("file_step", "secret_values"),
            Step::EncodedTask(_) | Step::Unknown => ("encoded_step", "secret_values"),
        };
        match step.source() {
            Some(source) if source.context_access_token.is_some() => {
                missing.push(format!("{block}: context_access_token"));
            }
            Some(source) if !has_details && source.context_path.is_some() => {
                missing.push(format!("{block}: context_access_token, if there is one"));
            }
            _ => {}
        }
        let secret = step.arguments().iter().filter(|it| it.is_secret);
        let names: Vec<&str> = secret.map(|it| it.name.as_str()).collect();
        if !names.is_empty() {
            missing.push(format!("{block}: the values of {secrets} ({})", names.join(", ")));
        }
    }
    let trigger = properties.trigger.clone().unwrap_or_default();
    for source in trigger.source_triggers.iter().flatten() {
        let what = if has_details {
            "authentication: its tokens"
        } else {
            "authentication"
        };
        missing.push(format!("source_trigger \"{}\": {what}", source.name));
    }
    match &trigger.base_image_trigger {
        Some(it) if it.update_trigger_endpoint.is_some() => {
            missing.push(format!("base_image_trigger \"{}\": update_trigger_endpoint", it.name));
        }
        Some(it) if !has_details => {
            missing.push(format!(
                "base_image_trigger \"{}\": update_trigger_endpoint, if there is one",
                it.name
            ));
        }
        _ => {}
    }
    let servers = properties
        .credentials
        .as_ref()
        .and_then(|it| it.custom_registries.as_ref());
    for (server, found) in servers.into_iter().flatten() {
        let what = match found {
            None => "username, password, identity",
            Some(found)
                if found
                    .password
                    .as_ref()
                    .is_some_and(|it| it.kind.as_deref() != Some(VAULT_SECRET)) =>
            {
                "password"
            }
            Some(_) => continue,
        };
        missing.push(format!("registry_credential, custom \"{server}\": {what}"));
    }
    missing
}
