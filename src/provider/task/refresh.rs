//! A task as Azure has it, in the words of the state: what differs in meaning is drift, what differs in spelling is not.
//!
//! Azure echoes any casing, fills in its defaults, keeps lists in an order of its own, and shows no secret. What it cannot
//! know comes from the prior state; blocks that have names are found by them.

use crate::{
    acr::task::{self, Step, Task},
    framework::{Field, Value},
    provider::{
        blocks,
        tasks::shape::{self, Shown, is_enabled},
    },
};

use super::{
    model::{AgentSetting, BaseImageTrigger, Identity, Platform, SourceTrigger, TaskModel, TimerTrigger},
    refresh_credential::registry_credential,
    refresh_step::{docker_step, encoded_step, file_step},
    schema::{ARCHITECTURES, IDENTITY_TYPES, SYSTEMS, TIMEOUT_DEFAULT, VARIANTS, same_text},
    trigger_schema::{BASE_IMAGE_TYPES, EVENTS, PAYLOAD_TYPES, SOURCE_TYPES},
};

/// Processors of Azure's own machines, which the service fills in.
const SHARED_CPU: i64 = 2;

impl TaskModel {
    /// The task as the service returns it, seen from this state.
    #[must_use]
    pub fn refreshed(&self, task: &Task) -> Self {
        let properties = &task.properties;
        let id = task.id.parse::<crate::acr::TaskId>().ok();
        let imported = self.location.is_null() && self.creation_date.is_null();
        let spelled = |prior: &Field<String>, current: String| match imported {
            // The id of an import may have been typed in any casing.
            true => Field::Known(current),
            false => keep(prior, Some(&current), same_text),
        };
        let trigger = properties.trigger.clone().unwrap_or_default();
        let (docker, file, encoded) = match &properties.step {
            Some(Step::Docker(step)) => (Some(docker_step(blocks::one(&self.docker_step), step)), None, None),
            Some(Step::FileTask(step)) => (None, Some(file_step(blocks::one(&self.file_step), step)), None),
            Some(Step::EncodedTask(step)) => (None, None, Some(encoded_step(blocks::one(&self.encoded_step), step))),
            Some(Step::Unknown) | None => (None, None, None),
        };
        let base_image = trigger.base_image_trigger.as_ref();
        Self {
            agent_pool_name: keep(&self.agent_pool_name, properties.agent_pool_name.as_ref(), same_text),
            agent_setting: blocks::of(agent_setting(blocks::one(&self.agent_setting), properties)),
            base_image_dependencies: Field::Known(dependencies(properties.step.as_ref())),
            base_image_trigger: blocks::of(
                base_image.map(|it| base_image_trigger(blocks::one(&self.base_image_trigger), it)),
            ),
            creation_date: properties.creation_date.clone().into(),
            docker_step: blocks::of(docker),
            enabled: Field::Known(is_enabled(properties.status.as_ref())),
            encoded_step: blocks::of(encoded),
            file_step: blocks::of(file),
            id: spelled(
                &self.id,
                id.as_ref().map_or_else(|| task.id.clone(), ToString::to_string),
            ),
            identity: blocks::of(
                task.identity
                    .as_ref()
                    .and_then(|it| identity(blocks::one(&self.identity), it)),
            ),
            is_system_task: Field::Known(properties.is_system_task == Some(true)),
            location: keep(&self.location, Some(&task.location), same_text),
            log_template: keep(&self.log_template, properties.log_template.as_ref(), exact),
            name: spelled(&self.name, task.name.clone()),
            platform: blocks::of(
                properties
                    .platform
                    .as_ref()
                    .map(|it| platform(blocks::one(&self.platform), it)),
            ),
            registry_credential: blocks::of(registry_credential(
                blocks::one(&self.registry_credential),
                properties.credentials.as_ref(),
            )),
            registry_id: match &id {
                Some(id) => spelled(&self.registry_id, id.registry().to_string()),
                None => self.registry_id.clone(),
            },
            source_trigger: blocks::of(by_name(
                blocks::all(&self.source_trigger),
                trigger.source_triggers.as_deref().unwrap_or_default(),
                |prior| &prior.name,
                |current| &current.name,
                source_trigger,
            )),
            tags: tags(&self.tags, task),
            timeout_in_seconds: Field::Known(properties.timeout.unwrap_or(TIMEOUT_DEFAULT)),
            timeouts: self.timeouts.clone(),
            timer_trigger: blocks::of(by_name(
                blocks::all(&self.timer_trigger),
                trigger.timer_triggers.as_deref().unwrap_or_default(),
                |prior| &prior.name,
                |current| &current.name,
                timer_trigger,
            )),
        }
    }
}

/// Two texts that are the same text.
pub(super) fn exact(a: &str, b: &str) -> bool {
    a == b
}

/// The prior spelling where it means the same as the service's, else the service's. An empty text is none.
pub(super) fn keep(prior: &Field<String>, current: Option<&String>, same: fn(&str, &str) -> bool) -> Field<String> {
    match (prior.text(), current.filter(|current| !current.is_empty())) {
        (_, None) => Field::Null,
        (Some(old), Some(new)) if same(old, new) => Field::Known(old.to_owned()),
        (_, Some(new)) => Field::Known(new.clone()),
    }
}

/// One of the words that the service takes in any casing: spelled as before, else as documents do.
pub(super) fn word(prior: Option<&Field<String>>, current: Option<&String>, words: &[&str]) -> Field<String> {
    let documented = current.map(|current| {
        let word = words.iter().find(|word| word.eq_ignore_ascii_case(current));
        word.map_or_else(|| current.clone(), |word| (*word).to_owned())
    });
    keep(prior.unwrap_or(&Field::Null), documented.as_ref(), same_text)
}

/// A list whose order means nothing: as before when it has the same elements.
pub(super) fn unordered(
    prior: Option<&Field<Vec<Field<String>>>>,
    current: &[String],
    same: fn(&str, &str) -> bool,
) -> Field<Vec<Field<String>>> {
    if let Some(Field::Known(prior)) = prior {
        let mut left: Vec<&String> = current.iter().collect();
        let mut take = |text: &str| {
            let place = left.iter().position(|current| same(text, current));
            place.map(|place| left.remove(place)).is_some()
        };
        let all_there = prior.iter().all(|element| element.text().is_some_and(&mut take));
        if all_there && left.is_empty() {
            return Field::Known(prior.clone());
        }
    } else if current.is_empty() {
        return Field::Null;
    }
    Field::Known(current.iter().cloned().map(Field::Known).collect())
}

/// Blocks with names: those that were there in their order, and then those that nobody configured.
pub(super) fn by_name<P, C, M>(
    prior: &[P],
    current: &[C],
    prior_name: impl Fn(&P) -> &Field<String>,
    current_name: impl Fn(&C) -> &String,
    make: impl Fn(Option<&P>, &C) -> M,
) -> Vec<M> {
    let same = |prior: &P, current: &C| {
        let name = prior_name(prior).text();
        name.is_some_and(|name| name.eq_ignore_ascii_case(current_name(current)))
    };
    let kept = prior.iter().filter_map(|prior| {
        current
            .iter()
            .find(|it| same(prior, it))
            .map(|it| make(Some(prior), it))
    });
    let added = current
        .iter()
        .filter(|it| !prior.iter().any(|prior| same(prior, it)))
        .map(|it| make(None, it));
    kept.chain(added).collect()
}

fn tags(prior: &Field<super::model::Map>, task: &Task) -> Field<super::model::Map> {
    match &task.tags {
        Some(tags) if !tags.is_empty() => {
            let tags = tags
                .iter()
                .map(|(name, value)| (name.clone(), Field::Known(value.clone())));
            Field::Known(tags.collect())
        }
        _ => match prior {
            // No tags are as good as an empty map of them.
            Field::Known(_) => Field::Known(super::model::Map::new()),
            Field::Null | Field::Unknown => Field::Null,
        },
    }
}

fn dependencies(step: Option<&Step>) -> Shown {
    let found = step
        .and_then(Step::source)
        .and_then(|source| source.base_image_dependencies.as_ref());
    let shown = found.into_iter().flatten().map(shape::base_image_dependency);
    Shown(Value::List(shown.collect()))
}

/// The service fills in its default, and for a pool anything: that is nobody's setting.
fn agent_setting(prior: Option<&AgentSetting>, properties: &task::Properties) -> Option<AgentSetting> {
    let cpu = properties.agent_configuration.as_ref().map(|agent| agent.cpu)?;
    let default = cpu == SHARED_CPU || properties.agent_pool_name.is_some();
    (prior.is_some() || !default).then_some(AgentSetting { cpu: Field::Known(cpu) })
}

fn platform(prior: Option<&Platform>, it: &task::Platform) -> Platform {
    let architecture = it.architecture.clone().unwrap_or_else(|| ARCHITECTURES[0].to_owned());
    Platform {
        architecture: word(
            prior.map(|prior| &prior.architecture),
            Some(&architecture),
            ARCHITECTURES,
        ),
        os: word(prior.map(|prior| &prior.os), Some(&it.os), SYSTEMS),
        variant: word(prior.map(|prior| &prior.variant), it.variant.as_ref(), VARIANTS),
    }
}

fn timer_trigger(prior: Option<&TimerTrigger>, it: &task::TimerTrigger) -> TimerTrigger {
    let null = Field::Null;
    TimerTrigger {
        enabled: Field::Known(is_enabled(it.status.as_ref())),
        name: keep(prior.map_or(&null, |prior| &prior.name), Some(&it.name), same_text),
        schedule: keep(prior.map_or(&null, |prior| &prior.schedule), Some(&it.schedule), exact),
    }
}

fn source_trigger(prior: Option<&SourceTrigger>, it: &task::SourceTrigger) -> SourceTrigger {
    let null = Field::Null;
    let repository = &it.source_repository;
    let url = prior.map_or(&null, |prior| &prior.repository_url);
    let branch = prior.map_or(&null, |prior| &prior.branch);
    let events: Vec<String> = it
        .source_trigger_events
        .iter()
        .map(|event| word(None, Some(event), EVENTS).text().unwrap_or(event).to_owned())
        .collect();
    SourceTrigger {
        // No read tells of it, not even whether there is any.
        authentication: prior.map_or_else(|| blocks::of([]), |prior| prior.authentication.clone()),
        branch: keep(branch, repository.branch.as_ref(), exact),
        enabled: Field::Known(is_enabled(it.status.as_ref())),
        events: unordered(prior.map(|prior| &prior.events), &events, same_text),
        name: keep(prior.map_or(&null, |prior| &prior.name), Some(&it.name), same_text),
        repository_url: keep(url, Some(&repository.repository_url), same_text),
        source_type: word(
            prior.map(|prior| &prior.source_type),
            Some(&repository.source_control_type),
            SOURCE_TYPES,
        ),
    }
}

fn base_image_trigger(prior: Option<&BaseImageTrigger>, it: &task::BaseImageTrigger) -> BaseImageTrigger {
    let payload = it.update_trigger_payload_type.clone();
    let payload = payload.unwrap_or_else(|| PAYLOAD_TYPES[0].to_owned());
    let old = prior.cloned().unwrap_or_default();
    BaseImageTrigger {
        enabled: Field::Known(is_enabled(it.status.as_ref())),
        name: keep(&old.name, Some(&it.name), same_text),
        kind: word(Some(&old.kind), Some(&it.base_image_trigger_type), BASE_IMAGE_TYPES),
        update_trigger_endpoint: old.update_trigger_endpoint,
        update_trigger_endpoint_wo: Field::Null,
        update_trigger_endpoint_wo_version: old.update_trigger_endpoint_wo_version,
        update_trigger_payload_type: word(Some(&old.update_trigger_payload_type), Some(&payload), PAYLOAD_TYPES),
    }
}

/// `SystemAssigned, UserAssigned` comes with and without the space.
fn identity(prior: Option<&Identity>, it: &task::Identity) -> Option<Identity> {
    let kind = it.kind.as_ref()?.replace(' ', "").replace(',', ", ");
    if kind.eq_ignore_ascii_case("None") {
        return None;
    }
    let ids: Vec<String> = it
        .user_assigned_identities
        .iter()
        .flatten()
        .map(|(id, _)| id.clone())
        .collect();
    let before = prior.map(|prior| prior.identity_ids.map(|ids| ids.0.clone()));
    let identity_ids = unordered(before.as_ref(), &ids, same_text);
    Some(Identity {
        identity_ids: identity_ids.map(|ids| crate::framework::model::Set(ids.clone())),
        principal_id: it.principal_id.clone().into(),
        tenant_id: it.tenant_id.clone().into(),
        kind: word(prior.map(|prior| &prior.kind), Some(&kind), IDENTITY_TYPES),
    })
}
