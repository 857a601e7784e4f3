//! Steps as Azure has them, in the words of the state.

use std::collections::BTreeMap;

use crate::{
    acr::{
        task::{self, Argument},
        task_yaml,
    },
    framework::{Field, model::Secret},
};

use super::{
    model::{DockerStep, EncodedStep, FileStep, Map, SecretMap},
    refresh::{exact, keep, unordered},
    step_schema::same_content,
};

/// An image build.
pub(super) fn docker_step(prior: Option<&DockerStep>, it: &task::DockerStep) -> DockerStep {
    let old = prior.cloned().unwrap_or_default();
    let arguments = it.arguments.as_deref().unwrap_or_default();
    let names = it.image_names.as_deref().unwrap_or_default();
    DockerStep {
        arguments: open(&old.arguments, arguments),
        cache_enabled: Field::Known(it.no_cache != Some(true)),
        context_access_token: old.context_access_token,
        context_access_token_wo: Field::Null,
        context_access_token_wo_version: old.context_access_token_wo_version,
        context_path: keep(&old.context_path, it.source.context_path.as_ref(), exact),
        dockerfile_path: keep(&old.dockerfile_path, Some(&it.docker_file_path), exact),
        image_names: unordered(Some(&old.image_names), names, exact),
        push_enabled: Field::Known(it.is_push_enabled != Some(false)),
        secret_arguments: secret(&old.secret_arguments, &old.secret_arguments_wo_version, arguments),
        secret_arguments_wo: Field::Null,
        secret_arguments_wo_version: old.secret_arguments_wo_version,
        target: keep(&old.target, it.target.as_ref(), exact),
    }
}

/// A task file in the source.
pub(super) fn file_step(prior: Option<&FileStep>, it: &task::FileStep) -> FileStep {
    let old = prior.cloned().unwrap_or_default();
    let values = it.values.as_deref().unwrap_or_default();
    FileStep {
        context_access_token: old.context_access_token,
        context_access_token_wo: Field::Null,
        context_access_token_wo_version: old.context_access_token_wo_version,
        context_path: keep(&old.context_path, it.source.context_path.as_ref(), exact),
        secret_values: secret(&old.secret_values, &old.secret_values_wo_version, values),
        secret_values_wo: Field::Null,
        secret_values_wo_version: old.secret_values_wo_version,
        task_file_path: keep(&old.task_file_path, Some(&it.task_file_path), exact),
        value_file_path: keep(&old.value_file_path, it.values_file_path.as_ref(), exact),
        values: open(&old.values, values),
    }
}

/// A task file within the task.
pub(super) fn encoded_step(prior: Option<&EncodedStep>, it: &task::EncodedStep) -> EncodedStep {
    let old = prior.cloned().unwrap_or_default();
    let values = it.values.as_deref().unwrap_or_default();
    let value_content = it
        .encoded_values_content
        .as_ref()
        .map(|content| content.expose().to_owned());
    EncodedStep {
        context_access_token: old.context_access_token,
        context_access_token_wo: Field::Null,
        context_access_token_wo_version: old.context_access_token_wo_version,
        context_path: keep(&old.context_path, it.source.context_path.as_ref(), exact),
        secret_values: secret(&old.secret_values, &old.secret_values_wo_version, values),
        secret_values_wo: Field::Null,
        secret_values_wo_version: old.secret_values_wo_version,
        task_content: content(&old.task_content, Some(it.encoded_task_content.clone())),
        value_content: content(&old.value_content, value_content),
        values: open(&old.values, values),
    }
}

/// Content as before when it is the same file; else as text, which can be compared by eye, where it is text.
fn content(prior: &Field<String>, current: Option<String>) -> Field<String> {
    match (prior.text(), current) {
        (_, None) => Field::Null,
        (Some(old), Some(new)) if same_content(old, &new) => Field::Known(old.to_owned()),
        (_, Some(new)) => Field::Known(task_yaml::decoded(&new).unwrap_or(new)),
    }
}

/// Arguments that are no secret. None are as good as an empty map of them.
fn open(prior: &Field<Map>, arguments: &[Argument]) -> Field<Map> {
    let shown = |argument: &Argument| {
        let value = argument.value.as_ref().map(|value| value.expose().to_owned());
        (argument.name.clone(), Field::Known(value.unwrap_or_default()))
    };
    let found: Map = arguments.iter().filter(|it| !it.is_secret).map(shown).collect();
    match prior {
        Field::Null | Field::Unknown if found.is_empty() => Field::Null,
        _ => Field::Known(found),
    }
}

/// Arguments that are secret, of which a read tells the names: values are those of the state. Where the state has the version
/// of a write-only form, it does not know which there should be. Names that nobody configured show as empty values.
fn secret(prior: &Field<SecretMap>, write_only_version: &Field<i64>, arguments: &[Argument]) -> Field<SecretMap> {
    let none = BTreeMap::new();
    let (known, is_configured) = match prior {
        Field::Known(known) => (known, true),
        Field::Null | Field::Unknown => (&none, false),
    };
    let value = |name: &String| {
        let value = known.get(name).cloned();
        value.unwrap_or_else(|| Field::Known(Secret(String::new())))
    };
    let names = arguments.iter().filter(|it| it.is_secret).map(|it| &it.name);
    let found: SecretMap = names.map(|name| (name.clone(), value(name))).collect();
    let unknowable = !is_configured && (found.is_empty() || write_only_version.known().is_some());
    if unknowable { Field::Null } else { Field::Known(found) }
}
