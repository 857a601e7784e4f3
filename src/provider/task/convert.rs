//! A task as it is sent: the whole of it, built from plan and configuration and never from what Azure has.

use std::collections::BTreeMap;

use crate::{
    acr::{
        run::Secret,
        task::{self, NewTask, Properties},
        task_yaml,
    },
    framework::{Field, model},
    provider::{blocks, registry_credential::RegistryCredential},
};

use super::model::{
    Authentication, BaseImageTrigger, DockerStep, EncodedStep, FileStep, Identity, Map, SecretMap, SourceTrigger,
    TaskModel, TimerTrigger,
};

/// ARM's word for a task without identities. Leaving them out need not take them away.
const NO_IDENTITY: &str = "None";

/// What is sent for a task. `sent` is the plan with its write-only values; `had_identity` says that one is to be taken away.
pub fn new_task(sent: &TaskModel, location: String, had_identity: bool) -> NewTask {
    let identity = match blocks::one(&sent.identity) {
        Some(found) => Some(identity(found)),
        None if had_identity => Some(task::Identity {
            kind: Some(NO_IDENTITY.to_owned()),
            ..task::Identity::default()
        }),
        None => None,
    };
    let platform = blocks::one(&sent.platform).map(|platform| task::Platform {
        os: platform.os.known().cloned().unwrap_or_default(),
        architecture: platform.architecture.known().cloned(),
        variant: platform.variant.known().cloned(),
    });
    let agent = blocks::one(&sent.agent_setting).and_then(|agent| agent.cpu.known());
    NewTask {
        location,
        tags: Some(plain(&sent.tags).collect()),
        identity,
        properties: Properties {
            status: Some(status(&sent.enabled)),
            platform,
            agent_configuration: agent.map(|cpu| task::AgentConfiguration { cpu: *cpu }),
            agent_pool_name: sent.agent_pool_name.known().cloned(),
            timeout: sent.timeout_in_seconds.known().copied(),
            step: step(sent),
            trigger: trigger(sent),
            credentials: blocks::one(&sent.registry_credential).map(RegistryCredential::to_task),
            log_template: sent.log_template.known().cloned(),
            is_system_task: sent.is_system_task.known().copied().filter(|system| *system),
            ..Properties::default()
        },
    }
}

fn status(enabled: &Field<bool>) -> String {
    let word = if *enabled == Field::Known(false) {
        "Disabled"
    } else {
        "Enabled"
    };
    word.to_owned()
}

fn identity(it: &Identity) -> task::Identity {
    let ids = it.identity_ids.known().map(|ids| ids.0.as_slice()).unwrap_or_default();
    let ids: BTreeMap<String, task::UserIdentity> = ids
        .iter()
        .filter_map(|id| Some((id.text()?.to_owned(), task::UserIdentity::default())))
        .collect();
    task::Identity {
        kind: it.kind.known().cloned(),
        user_assigned_identities: (!ids.is_empty()).then_some(ids),
        ..task::Identity::default()
    }
}

fn step(sent: &TaskModel) -> Option<task::Step> {
    let docker = blocks::one(&sent.docker_step).map(docker_step);
    let file = || blocks::one(&sent.file_step).map(file_step);
    let encoded = || blocks::one(&sent.encoded_step).map(encoded_step);
    docker.or_else(file).or_else(encoded)
}

/// The secret in whichever form it was given.
fn secret(plain: &Field<model::Secret>, write_only: &Field<model::Secret>) -> Option<Secret> {
    let given = plain.known().or_else(|| write_only.known())?;
    Some(Secret::new(given.0.clone()))
}

fn plain(map: &Field<Map>) -> impl Iterator<Item = (String, String)> {
    let named = |(name, value): (&String, &Field<String>)| Some((name.clone(), value.text()?.to_owned()));
    map.known().into_iter().flatten().filter_map(named)
}

fn arguments(
    open: &Field<Map>,
    secret: &Field<SecretMap>,
    write_only: &Field<SecretMap>,
) -> Option<Vec<task::Argument>> {
    let open = plain(open).map(|(name, value)| task::Argument {
        name,
        value: Some(Secret::new(value)),
        is_secret: false,
    });
    let secret = secret.known().or_else(|| write_only.known());
    let secret = secret.into_iter().flatten().filter_map(|(name, value)| {
        Some(task::Argument {
            name: name.clone(),
            value: Some(Secret::new(value.known()?.0.clone())),
            is_secret: true,
        })
    });
    let all: Vec<task::Argument> = open.chain(secret).collect();
    (!all.is_empty()).then_some(all)
}

fn source(context: &Field<String>, token: Option<Secret>) -> task::Source {
    task::Source {
        context_path: context.known().cloned(),
        context_access_token: token,
        base_image_dependencies: None,
    }
}

fn docker_step(it: &DockerStep) -> task::Step {
    let names = it.image_names.known().into_iter().flatten();
    let names: Vec<String> = names.filter_map(|name| name.known().cloned()).collect();
    task::Step::Docker(task::DockerStep {
        source: source(
            &it.context_path,
            secret(&it.context_access_token, &it.context_access_token_wo),
        ),
        image_names: (!names.is_empty()).then_some(names),
        is_push_enabled: it.push_enabled.known().copied(),
        no_cache: it.cache_enabled.known().map(|cache| !cache),
        docker_file_path: it.dockerfile_path.known().cloned().unwrap_or_default(),
        target: it.target.known().cloned(),
        arguments: arguments(&it.arguments, &it.secret_arguments, &it.secret_arguments_wo),
    })
}

fn file_step(it: &FileStep) -> task::Step {
    task::Step::FileTask(task::FileStep {
        source: source(
            &it.context_path,
            secret(&it.context_access_token, &it.context_access_token_wo),
        ),
        task_file_path: it.task_file_path.known().cloned().unwrap_or_default(),
        values_file_path: it.value_file_path.known().cloned(),
        values: arguments(&it.values, &it.secret_values, &it.secret_values_wo),
    })
}

fn encoded_step(it: &EncodedStep) -> task::Step {
    let content = it.task_content.text().unwrap_or_default();
    let values = it.value_content.text().map(task_yaml::canonical_base64);
    task::Step::EncodedTask(task::EncodedStep {
        source: source(
            &it.context_path,
            secret(&it.context_access_token, &it.context_access_token_wo),
        ),
        encoded_task_content: task_yaml::canonical_base64(content),
        encoded_values_content: values.map(Secret::new),
        values: arguments(&it.values, &it.secret_values, &it.secret_values_wo),
    })
}

fn trigger(sent: &TaskModel) -> Option<task::Trigger> {
    let timers: Vec<_> = blocks::all(&sent.timer_trigger).iter().map(timer).collect();
    let sources: Vec<_> = blocks::all(&sent.source_trigger).iter().map(source_trigger).collect();
    let base_image = blocks::one(&sent.base_image_trigger).map(base_image_trigger);
    let any = !timers.is_empty() || !sources.is_empty() || base_image.is_some();
    any.then_some(task::Trigger {
        timer_triggers: (!timers.is_empty()).then_some(timers),
        source_triggers: (!sources.is_empty()).then_some(sources),
        base_image_trigger: base_image,
    })
}

fn timer(it: &TimerTrigger) -> task::TimerTrigger {
    task::TimerTrigger {
        name: it.name.known().cloned().unwrap_or_default(),
        schedule: it.schedule.known().cloned().unwrap_or_default(),
        status: Some(status(&it.enabled)),
    }
}

fn source_trigger(it: &SourceTrigger) -> task::SourceTrigger {
    let events = it.events.known().into_iter().flatten();
    task::SourceTrigger {
        name: it.name.known().cloned().unwrap_or_default(),
        source_repository: task::SourceRepository {
            source_control_type: it.source_type.known().cloned().unwrap_or_default(),
            repository_url: it.repository_url.known().cloned().unwrap_or_default(),
            branch: it.branch.known().cloned(),
            source_control_auth_properties: blocks::one(&it.authentication).map(authentication),
        },
        source_trigger_events: events.filter_map(|event| event.known().cloned()).collect(),
        status: Some(status(&it.enabled)),
    }
}

fn authentication(it: &Authentication) -> task::Authentication {
    task::Authentication {
        token_type: it.token_type.known().cloned().unwrap_or_default(),
        token: secret(&it.token, &it.token_wo),
        refresh_token: secret(&it.refresh_token, &it.refresh_token_wo),
        scope: it.scope.known().cloned(),
        expires_in: it.expire_in_seconds.known().copied(),
    }
}

fn base_image_trigger(it: &BaseImageTrigger) -> task::BaseImageTrigger {
    task::BaseImageTrigger {
        name: it.name.known().cloned().unwrap_or_default(),
        base_image_trigger_type: it.kind.known().cloned().unwrap_or_default(),
        update_trigger_endpoint: secret(&it.update_trigger_endpoint, &it.update_trigger_endpoint_wo),
        update_trigger_payload_type: it.update_trigger_payload_type.known().cloned(),
        status: Some(status(&it.enabled)),
    }
}
