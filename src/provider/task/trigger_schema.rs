//! The schemas of what starts runs.

use azure_core::http::Url;

use crate::{
    acr::schedule::Schedule,
    framework::{
        Type, Value,
        schema::{Attribute, Block},
        validators::{Problem, Validator},
    },
};

use super::schema::{
    at_most_one, attributes, not_empty, plain_secret, problem, switch, text, version, write_only_secret,
};

/// What a source trigger waits for.
pub const EVENTS: &[&str] = &["commit", "pullrequest"];
/// Who serves a repository.
pub const SOURCE_TYPES: &[&str] = &["Github", "VisualStudioTeamService"];
/// Kinds of tokens.
pub const TOKEN_TYPES: &[&str] = &["PAT", "OAuth"];
/// Which base images are watched.
pub const BASE_IMAGE_TYPES: &[&str] = &["All", "Runtime"];
/// What is sent to a trigger's endpoint.
pub const PAYLOAD_TYPES: &[&str] = &["Default", "Token"];

fn name() -> Attribute {
    Attribute::required(
        "name",
        Type::String,
        "The trigger's name, once for each kind of trigger.",
    )
    .check(not_empty())
}

/// Runs by schedule.
pub fn timer_trigger() -> Block {
    let schedule = Validator::text("five fields, in UTC", |text| {
        Schedule::parse(text)
            .map(|_| ())
            .map_err(|error| problem("Invalid schedule", format!("{error}.")))
    });
    attributes(
        "Runs by schedule; any number of them.",
        vec![
            name(),
            Attribute::required(
                "schedule",
                Type::String,
                "When it fires, in UTC: minute, hour, day of month, month, day of week, such as `0 21 * * *`. Both days must match, and Sunday is 0.",
            )
            .check(schedule),
            switch("enabled", "Whether it starts runs."),
        ],
    )
}

/// Runs when a base image changes.
pub fn base_image_trigger() -> Block {
    attributes(
        "Runs when an image changes that the task's images are based on.",
        vec![
            name(),
            Attribute::required(
                "type",
                Type::String,
                "Which images are watched: `Runtime` those that the image runs on, `All` also those that it is built with.",
            )
            .check(Validator::one_of(BASE_IMAGE_TYPES)),
            switch("enabled", "Whether it starts runs."),
            plain_secret(
                "update_trigger_endpoint",
                "The https address that is told of updates. It may carry a secret and is stored in the state; `update_trigger_endpoint_wo` is not.",
            )
            .check(endpoint_check()),
            write_only_secret(
                "update_trigger_endpoint_wo",
                "The https address that is told of updates, which no state or plan ever holds. With `update_trigger_endpoint_wo_version`.",
            )
            .check(endpoint_check()),
            version(
                "update_trigger_endpoint_wo_version",
                "Any number; change it to have a new `update_trigger_endpoint_wo` sent.",
            ),
            text("update_trigger_payload_type", "What is sent there: `Default` or `Token`.")
                .default(Value::string("Default"))
                .check(Validator::one_of(PAYLOAD_TYPES)),
        ],
    )
}

/// The address may be a secret: no message repeats it.
fn endpoint_check() -> Validator {
    Validator::text("an https address", |text| match Url::parse(text) {
        Ok(url) if url.scheme() == "https" && url.host_str().is_some() => Ok(()),
        _ => Err(problem("Invalid endpoint", "An https address is expected.")),
    })
}

/// Runs when source changes.
pub fn source_trigger() -> Block {
    let events = Attribute::required(
        "events",
        Type::list(Type::String),
        "What starts a run: `commit`, `pullrequest`. Their order does not matter.",
    )
    .check(Validator::new("some of `commit`, `pullrequest`", check_events));
    let url = Attribute::required(
        "repository_url",
        Type::String,
        "The repository, such as `https://github.com/contoso/app` or `https://dev.azure.com/contoso/shop/_git/app`.",
    )
    .check(Validator::text("the https address of a repository", check_repository));
    Block {
        attributes: vec![
            name(),
            events,
            Attribute::required(
                "source_type",
                Type::String,
                "Who serves the repository: `Github`, also for GitHub Enterprise, or `VisualStudioTeamService` for Azure DevOps.",
            )
            .check(Validator::one_of(SOURCE_TYPES)),
            url,
            text("branch", "The branch that is watched.").check(not_empty()),
            switch("enabled", "Whether it starts runs."),
        ],
        blocks: vec![at_most_one("authentication", authentication())],
        description: "Runs when source changes; any number of them.",
    }
}

fn authentication() -> Block {
    attributes(
        "How Azure registers its webhook at the repository. Needed: Azure registers none without.",
        vec![
            Attribute::required("token_type", Type::String, "The kind of token: `PAT` or `OAuth`.")
                .check(Validator::one_of(TOKEN_TYPES)),
            plain_secret(
                "token",
                "The token; one of GitHub needs the scopes `repo` and `admin:repo_hook`. It is stored in the state; `token_wo` is not.",
            ),
            write_only_secret(
                "token_wo",
                "The token, which no state or plan ever holds. With `token_wo_version`.",
            ),
            version(
                "token_wo_version",
                "Any number; change it to have a new `token_wo` sent.",
            ),
            plain_secret(
                "refresh_token",
                "The token that renews an OAuth token. It is stored in the state; `refresh_token_wo` is not.",
            ),
            write_only_secret(
                "refresh_token_wo",
                "The token that renews an OAuth token, which no state or plan ever holds. With `refresh_token_wo_version`.",
            ),
            version(
                "refresh_token_wo_version",
                "Any number; change it to have a new `refresh_token_wo` sent.",
            ),
            text("scope", "What an OAuth token is good for.").check(not_empty()),
            Attribute::optional(
                "expire_in_seconds",
                Type::Number,
                "How long an OAuth token is valid, in seconds.",
            )
            .check(Validator::whole_number(1, i64::from(i32::MAX), "It counts seconds.")),
        ],
    )
}

fn check_events(value: &Value) -> Result<(), Problem> {
    let Value::List(events) = value else { return Ok(()) };
    if events.is_empty() {
        return Err(problem(
            "No event",
            "Name what starts a run: \"commit\", \"pullrequest\" or both.",
        ));
    }
    for (index, event) in events.iter().enumerate() {
        let text = event.as_str().unwrap_or_default();
        if !EVENTS.contains(&text) {
            let detail = format!("\"{text}\" starts no run. Supported are commit, pullrequest.");
            return Err(problem("Unsupported event", detail));
        }
        if events[..index].contains(event) {
            return Err(problem("Event named twice", format!("\"{text}\" is there already.")));
        }
    }
    Ok(())
}

/// What Azure takes is narrower, by who serves the repository: see the checks of whole tasks. No message repeats what may
/// be a password.
fn check_repository(text: &str) -> Result<(), Problem> {
    let wrong = |detail: &str| Err(problem("Invalid repository", detail));
    let Ok(url) = Url::parse(text) else {
        return wrong("The https address of a repository is expected.");
    };
    if url.scheme() != "https" || url.host_str().is_none() {
        return wrong("The https address of a repository is expected: Azure registers its webhook there.");
    }
    if url.password().is_some() || !is_organisation(url.username(), &url) {
        return wrong(
            "The address has a password or a token in it, and an address is no secret: Azure shows it to every reader. Take out what stands between // and @, and give the token as token or token_wo.",
        );
    }
    Ok(())
}

/// Whether a user name is none, or the organisation, as addresses of Azure DevOps have it. Anything else may be a token.
fn is_organisation(user: &str, url: &Url) -> bool {
    let first = url.path().split('/').find(|part| !part.is_empty()).unwrap_or_default();
    user.is_empty() || url.host_str() == Some("dev.azure.com") && user.eq_ignore_ascii_case(first)
}
