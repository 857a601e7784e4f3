//! What no single argument of a task tells. Nothing is said of what is unknown: it may turn out right, or null.

use azure_core::http::Url;

use crate::{
    acr::task::SYSTEM_TASK_NAME,
    framework::{Diagnostic, Diagnostics, Field, Path},
    provider::{
        blocks,
        registry_credential::{self, SYSTEM},
        secrets::check_pair,
    },
};

use super::{
    model::{BaseImageTrigger, DockerStep, EncodedStep, FileStep, Identity, Map, SecretMap, SourceTrigger, TaskModel},
    schema::ARCHITECTURES,
};

/// Checks a configuration.
pub fn check(config: &TaskModel) -> Diagnostics {
    let mut found = Diagnostics::new();
    check_kind(config, &mut found);
    check_machine(config, &mut found);
    check_variant(config, &mut found);
    for (index, step) in blocks::all(&config.docker_step).iter().enumerate() {
        docker_step(step, &Path::attribute("docker_step").index(index), &mut found);
    }
    for (index, step) in blocks::all(&config.file_step).iter().enumerate() {
        file_step(step, &Path::attribute("file_step").index(index), &mut found);
    }
    for (index, step) in blocks::all(&config.encoded_step).iter().enumerate() {
        encoded_step(step, &Path::attribute("encoded_step").index(index), &mut found);
    }
    let timers = blocks::all(&config.timer_trigger).iter().map(|it| &it.name);
    names("timer_trigger", timers, &mut found);
    let sources = blocks::all(&config.source_trigger);
    names("source_trigger", sources.iter().map(|it| &it.name), &mut found);
    for (index, trigger) in sources.iter().enumerate() {
        source_trigger(trigger, &Path::attribute("source_trigger").index(index), &mut found);
    }
    for (index, trigger) in blocks::all(&config.base_image_trigger).iter().enumerate() {
        base_image_trigger(trigger, &Path::attribute("base_image_trigger").index(index), &mut found);
    }
    for (index, it) in blocks::all(&config.identity).iter().enumerate() {
        identity(it, &Path::attribute("identity").index(index), &mut found);
    }
    found.extend(registry_credential::check(&config.registry_credential));
    system_identity(config, &mut found);
    nulls(&config.tags, &Path::attribute("tags"), &mut found);
    found
}

fn error(found: &mut Diagnostics, at: Path, summary: &str, detail: impl Into<String>) {
    found.push(Diagnostic::error(summary, detail).at(at));
}

/// What a task must have, and what the system task must not.
fn check_kind(config: &TaskModel, found: &mut Diagnostics) {
    let is_system = match config.is_system_task {
        Field::Known(is_system) => Some(is_system),
        Field::Null => Some(false),
        Field::Unknown => None,
    };
    let steps = [
        ("docker_step", blocks::count(&config.docker_step)),
        ("file_step", blocks::count(&config.file_step)),
        ("encoded_step", blocks::count(&config.encoded_step)),
    ];
    let given: Vec<&str> = steps
        .iter()
        .filter(|(_, count)| count.is_some_and(|count| count > 0))
        .map(|(name, _)| *name)
        .collect();
    if is_system == Some(true) {
        let rest = [
            ("platform", blocks::count(&config.platform)),
            ("timer_trigger", blocks::count(&config.timer_trigger)),
            ("source_trigger", blocks::count(&config.source_trigger)),
            ("base_image_trigger", blocks::count(&config.base_image_trigger)),
        ];
        for (name, count) in steps.into_iter().chain(rest) {
            if count.is_some_and(|count| count > 0) {
                let detail = format!(
                    "The system task has no step, no platform and no trigger of its own. Remove {name}, or is_system_task."
                );
                error(found, Path::attribute(name).index(0), "Not for the system task", detail);
            }
        }
        if config.agent_pool_name.known().is_some() {
            let detail = "The system task has no pool of its own, and Azure refuses one. Remove agent_pool_name, or is_system_task; a quick build names its pool itself.";
            error(
                found,
                Path::attribute("agent_pool_name"),
                "Not for the system task",
                detail,
            );
        }
        if config.name.text().is_some_and(|name| name != SYSTEM_TASK_NAME) {
            let detail = format!("The system task is named {SYSTEM_TASK_NAME}, and a registry has one only.");
            error(found, Path::attribute("name"), "Name of the system task", detail);
        }
        return;
    }
    if let [_, second, ..] = given[..] {
        let detail = format!(
            "A task has exactly one step, and this one has {}. Keep one of them.",
            given.join(" and ")
        );
        error(found, Path::attribute(second).index(0), "More than one step", detail);
    }
    if is_system.is_none() {
        return;
    }
    if given.is_empty() && steps.iter().all(|(_, count)| *count == Some(0)) {
        let detail = "A task has exactly one step: add docker_step, file_step or encoded_step. Only the system task (is_system_task = true) has none.";
        found.push(Diagnostic::error("No step", detail));
    }
    if blocks::count(&config.platform) == Some(0) {
        let detail = "Add platform { os = \"Linux\" }. Only the system task (is_system_task = true) has none.";
        found.push(Diagnostic::error("No platform", detail));
    }
}

/// A pool's machines are what the pool says, and run Linux.
fn check_machine(config: &TaskModel, found: &mut Diagnostics) {
    if config.agent_pool_name.known().is_none() {
        return;
    }
    if blocks::count(&config.agent_setting).is_some_and(|count| count > 0) {
        let detail = "The machines of a pool have the processors of its tier, and Azure refuses another number. Remove agent_setting, or agent_pool_name.";
        error(
            found,
            Path::attribute("agent_setting").index(0),
            "Processors of a pool's machines",
            detail,
        );
    }
    let windows = |os: &str| os.eq_ignore_ascii_case("Windows");
    if let Some(platform) = blocks::one(&config.platform)
        && platform.os.text().is_some_and(windows)
    {
        let detail = "Agent pools run Linux only, so that runs of this task would never start. Remove agent_pool_name to run it on Azure's own machines.";
        error(
            found,
            Path::attribute("platform").index(0).then("os"),
            "Windows on an agent pool",
            detail,
        );
    }
}

/// Only ARM processors have variants.
fn check_variant(config: &TaskModel, found: &mut Diagnostics) {
    let Some(platform) = blocks::one(&config.platform) else {
        return;
    };
    let architecture = match &platform.architecture {
        Field::Known(architecture) => architecture.as_str(),
        Field::Null => ARCHITECTURES[0],
        Field::Unknown => return,
    };
    if platform.variant.known().is_some() && !["arm", "arm64"].contains(&architecture) {
        let detail = format!(
            "The variants v6, v7 and v8 are of ARM processors, and the architecture is {architecture}. Remove variant, or set architecture = \"arm\" or \"arm64\"."
        );
        error(
            found,
            Path::attribute("platform").index(0).then("variant"),
            "Variant of another processor",
            detail,
        );
    }
}

fn docker_step(step: &DockerStep, at: &Path, found: &mut Diagnostics) {
    let no_names = match &step.image_names {
        Field::Known(names) => names.is_empty(),
        Field::Null => true,
        Field::Unknown => false,
    };
    let pushes = match step.push_enabled {
        Field::Known(pushes) => pushes,
        Field::Null => true,
        Field::Unknown => false,
    };
    if no_names && pushes {
        let detail = "An image that is pushed needs a name. Give image_names, such as [\"app:{{.Run.ID}}\"], or set push_enabled = false.";
        error(found, at.then("image_names"), "Image without a name", detail);
    }
    check_pair(
        at,
        "context_access_token",
        &step.context_access_token,
        &step.context_access_token_wo,
        &step.context_access_token_wo_version,
        found,
    );
    check_pair(
        at,
        "secret_arguments",
        &step.secret_arguments,
        &step.secret_arguments_wo,
        &step.secret_arguments_wo_version,
        found,
    );
    let secrets = [
        ("secret_arguments", &step.secret_arguments),
        ("secret_arguments_wo", &step.secret_arguments_wo),
    ];
    check_names("arguments", &step.arguments, secrets, at, found);
}

fn file_step(step: &FileStep, at: &Path, found: &mut Diagnostics) {
    check_pair(
        at,
        "context_access_token",
        &step.context_access_token,
        &step.context_access_token_wo,
        &step.context_access_token_wo_version,
        found,
    );
    check_values(
        at,
        &step.values,
        &step.secret_values,
        &step.secret_values_wo,
        &step.secret_values_wo_version,
        found,
    );
}

fn encoded_step(step: &EncodedStep, at: &Path, found: &mut Diagnostics) {
    check_pair(
        at,
        "context_access_token",
        &step.context_access_token,
        &step.context_access_token_wo,
        &step.context_access_token_wo_version,
        found,
    );
    check_values(
        at,
        &step.values,
        &step.secret_values,
        &step.secret_values_wo,
        &step.secret_values_wo_version,
        found,
    );
}

/// The values of steps in YAML, in a file or encoded.
fn check_values(
    at: &Path,
    open: &Field<Map>,
    secret: &Field<SecretMap>,
    write_only: &Field<SecretMap>,
    version: &Field<i64>,
    found: &mut Diagnostics,
) {
    check_pair(at, "secret_values", secret, write_only, version, found);
    let secrets = [("secret_values", secret), ("secret_values_wo", write_only)];
    check_names("values", open, secrets, at, found);
}

/// Azure keeps arguments in one list: a name is secret or it is not.
fn check_names(
    name: &str,
    open: &Field<Map>,
    secrets: [(&str, &Field<SecretMap>); 2],
    at: &Path,
    found: &mut Diagnostics,
) {
    nulls(open, &at.then(name), found);
    for (secret_name, secret) in secrets {
        nulls(secret, &at.then(secret_name), found);
        let Some(secret) = secret.known() else { continue };
        for both in open
            .known()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .filter(|it| secret.contains_key(*it))
        {
            let detail = format!("\"{both}\" is in {name} and in {secret_name}. Keep it in one of them.");
            error(found, at.then(secret_name), "Named twice", detail);
        }
    }
}

/// Azure has no null in a map.
fn nulls<T>(map: &Field<std::collections::BTreeMap<String, Field<T>>>, at: &Path, found: &mut Diagnostics) {
    for (name, _) in map.known().into_iter().flatten().filter(|(_, value)| value.is_null()) {
        let detail = format!("\"{name}\" is null. Give it a value, or leave it out.");
        error(found, at.key(name), "Value is null", detail);
    }
}

fn names<'a>(block: &str, names: impl Iterator<Item = &'a Field<String>>, found: &mut Diagnostics) {
    let mut seen: Vec<String> = Vec::new();
    for (index, name) in names.enumerate() {
        let Some(name) = name.text() else { continue };
        let lower = name.to_ascii_lowercase();
        if seen.contains(&lower) {
            let detail = format!(
                "There is a {block} named \"{name}\" already. Azure tells them by their names, whatever the casing."
            );
            error(
                found,
                Path::attribute(block).index(index).then("name"),
                "Trigger named twice",
                detail,
            );
        }
        seen.push(lower);
    }
}

fn source_trigger(trigger: &SourceTrigger, at: &Path, found: &mut Diagnostics) {
    if blocks::count(&trigger.authentication) == Some(0) {
        let detail = "Azure registers a webhook at the repository, also a public one, and needs a token for that. Add authentication { token_type = \"PAT\", token_wo = …, token_wo_version = 1 }, or token.";
        error(found, at.clone(), "Source trigger without a token", detail);
    }
    for (index, it) in blocks::all(&trigger.authentication).iter().enumerate() {
        let at = at.then("authentication").index(index);
        check_pair(&at, "token", &it.token, &it.token_wo, &it.token_wo_version, found);
        check_pair(
            &at,
            "refresh_token",
            &it.refresh_token,
            &it.refresh_token_wo,
            &it.refresh_token_wo_version,
            found,
        );
        if it.token.is_null() && it.token_wo.is_null() {
            let detail = "Give the token as token_wo with token_wo_version, or as token.";
            error(found, at.then("token"), "Source trigger without a token", detail);
        }
    }
    let (Some(kind), Some(url)) = (trigger.source_type.text(), trigger.repository_url.text()) else {
        return;
    };
    if let Err(detail) = repository(kind, url) {
        error(found, at.then("repository_url"), "Invalid repository", detail);
    }
}

/// What Azure takes for a repository of each kind. GitHub may have any host, because companies run their own.
fn repository(kind: &str, url: &str) -> Result<(), &'static str> {
    // A text that is no address has been refused by the schema.
    let Ok(url) = Url::parse(url) else { return Ok(()) };
    let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let azure = host == "dev.azure.com" || host.ends_with(".visualstudio.com");
    match kind {
        "Github" if azure => {
            Err("This is a repository of Azure DevOps: set source_type = \"VisualStudioTeamService\".")
        }
        "Github" if parts.len() != 2 => {
            Err("A repository of GitHub is https://host/owner/repository, without a branch: that is branch's matter.")
        }
        "VisualStudioTeamService" if !azure => Err(
            "A repository of Azure DevOps is https://dev.azure.com/organisation/project/_git/repository. For GitHub, set source_type = \"Github\".",
        ),
        "VisualStudioTeamService" if !parts.contains(&"_git") || parts.last() == Some(&"_git") => Err(
            "A repository of Azure DevOps is https://dev.azure.com/organisation/project/_git/repository; behind _git/ stands its name.",
        ),
        _ => Ok(()),
    }
}

fn base_image_trigger(trigger: &BaseImageTrigger, at: &Path, found: &mut Diagnostics) {
    check_pair(
        at,
        "update_trigger_endpoint",
        &trigger.update_trigger_endpoint,
        &trigger.update_trigger_endpoint_wo,
        &trigger.update_trigger_endpoint_wo_version,
        found,
    );
}

fn identity(it: &Identity, at: &Path, found: &mut Diagnostics) {
    let Some(kind) = it.kind.text() else { return };
    let wants_ids = kind.contains("UserAssigned");
    let no_ids = match &it.identity_ids {
        Field::Known(ids) => ids.0.is_empty(),
        Field::Null => true,
        Field::Unknown => return,
    };
    if wants_ids && no_ids {
        let detail = format!("type \"{kind}\" needs the ARM ids of the identities in identity_ids.");
        error(found, at.then("identity_ids"), "No user-assigned identity", detail);
    } else if !wants_ids && !no_ids {
        let detail = "identity_ids names user-assigned identities. Set type = \"UserAssigned\" or \"SystemAssigned, UserAssigned\", or remove them.";
        error(
            found,
            at.then("identity_ids"),
            "User-assigned identities without their type",
            detail,
        );
    }
}

/// `[system]` is an identity that the task must have.
fn system_identity(config: &TaskModel, found: &mut Diagnostics) {
    let has_one = match (&config.identity, blocks::one(&config.identity)) {
        (Field::Unknown, _) => return,
        (_, None) => false,
        (_, Some(it)) => match it.kind.text() {
            Some(kind) => kind.contains("SystemAssigned"),
            None => return,
        },
    };
    if has_one {
        return;
    }
    let detail =
        "[system] is the task's system-assigned identity, and it has none. Add identity { type = \"SystemAssigned\" }.";
    for (index, credential) in blocks::all(&config.registry_credential).iter().enumerate() {
        let at = Path::attribute(registry_credential::BLOCK).index(index);
        let source = blocks::all(&credential.source).iter().map(|it| &it.identity);
        let custom = blocks::all(&credential.custom).iter().map(|it| &it.identity);
        let named = [("source", source.collect::<Vec<_>>()), ("custom", custom.collect())];
        for (block, identities) in named {
            for (index, identity) in identities.into_iter().enumerate() {
                if identity.text() == Some(SYSTEM) {
                    error(
                        found,
                        at.then(block).index(index).then("identity"),
                        "No system-assigned identity",
                        detail,
                    );
                }
            }
        }
    }
}
