//! Secrets that were removed and may have stayed.
//!
//! A write leaves out what was removed. Whether Azure then forgets a secret, or keeps it as it keeps nothing else, nobody has
//! recorded; so it is looked for where one was removed, and told if it is still there.

use crate::{
    acr::{
        TaskId,
        task::{self, NewTask, Properties, Step},
    },
    azure::{Call, Client},
    framework::{Diagnostic, Field, model::Secret},
    provider::blocks,
};

use super::model::TaskModel;

/// Looks for removed secrets after an update, and says which Azure still has. A principal that may not look is told nothing.
pub async fn look(
    client: &Client,
    call: &Call,
    id: &TaskId,
    prior: &TaskModel,
    written: &NewTask,
) -> Option<Diagnostic> {
    let before = stored(prior);
    let after = sent(&written.properties);
    if before.iter().all(|secret| after.contains(secret)) {
        return None;
    }
    let details = match task::list_details(client, call, id).await {
        Ok(details) => details,
        Err(error) => {
            tracing::debug!(%error, "whether removed secrets are gone cannot be seen");
            return None;
        }
    };
    let there = sent(&details.properties);
    let left: Vec<String> = before
        .into_iter()
        .filter(|secret| !after.contains(secret) && there.contains(secret))
        .collect();
    let detail = format!(
        "The configuration no longer has them and the task was written without them, but Azure has kept: {}. To be rid of them, replace the task:\n\n  terraform apply -replace=ADDRESS\n\nwith the address of this resource, or make them worthless where they were issued.",
        left.join(", ")
    );
    (!left.is_empty()).then(|| Diagnostic::warning(format!("Removed secrets are still in {}", id.human()), detail))
}

/// The secrets of a state that a write can only leave out: by the arguments that hold them.
fn stored(state: &TaskModel) -> Vec<String> {
    let has = |plain: &Field<Secret>, version: &Field<i64>| plain.known().is_some() || version.known().is_some();
    let docker = blocks::all(&state.docker_step).iter();
    let docker = docker.map(|it| (&it.context_access_token, &it.context_access_token_wo_version));
    let file = blocks::all(&state.file_step).iter();
    let file = file.map(|it| (&it.context_access_token, &it.context_access_token_wo_version));
    let encoded = blocks::all(&state.encoded_step).iter();
    let encoded = encoded.map(|it| (&it.context_access_token, &it.context_access_token_wo_version));
    let mut steps = docker.chain(file).chain(encoded);
    let mut found = Vec::new();
    found.extend(steps.any(|(plain, version)| has(plain, version)).then(context_token));
    for trigger in blocks::all(&state.source_trigger) {
        let name = trigger.name.text().unwrap_or_default();
        let renewal = blocks::one(&trigger.authentication);
        let renewal = renewal.is_some_and(|it| has(&it.refresh_token, &it.refresh_token_wo_version));
        found.extend(renewal.then(|| refresh_token(name)));
    }
    let endpoint = blocks::one(&state.base_image_trigger);
    let endpoint = endpoint.is_some_and(|it| has(&it.update_trigger_endpoint, &it.update_trigger_endpoint_wo_version));
    found.extend(endpoint.then(update_trigger_endpoint));
    found
}

/// The same of what is sent, or of details.
fn sent(properties: &Properties) -> Vec<String> {
    let mut found = Vec::new();
    let source = properties.step.as_ref().and_then(Step::source);
    let token = source.is_some_and(|source| source.context_access_token.is_some());
    found.extend(token.then(context_token));
    let trigger = properties.trigger.as_ref();
    for source in trigger.and_then(|it| it.source_triggers.as_ref()).into_iter().flatten() {
        let authentication = source.source_repository.source_control_auth_properties.as_ref();
        let renewal = authentication.is_some_and(|it| it.refresh_token.is_some());
        found.extend(renewal.then(|| refresh_token(&source.name)));
    }
    let base_image = trigger.and_then(|it| it.base_image_trigger.as_ref());
    let endpoint = base_image.is_some_and(|it| it.update_trigger_endpoint.is_some());
    found.extend(endpoint.then(update_trigger_endpoint));
    found
}

fn context_token() -> String {
    "context_access_token".to_owned()
}

fn update_trigger_endpoint() -> String {
    "base_image_trigger: update_trigger_endpoint".to_owned()
}

fn refresh_token(trigger: &str) -> String {
    format!("source_trigger \"{}\": refresh_token", trigger.to_lowercase())
}
