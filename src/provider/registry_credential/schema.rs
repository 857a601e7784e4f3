//! The block's schema.

use crate::framework::{
    Type,
    schema::{Attribute, Block, NestedBlock},
    validators::{Problem, Validator},
};

use super::{BLOCK, CALLER, Owner, SYSTEM};

/// What `login_mode` may be.
pub const LOGIN_MODES: &[&str] = &["None", "Default"];

/// The block for a task, or for a run.
#[must_use]
pub fn block(owner: Owner) -> NestedBlock {
    let source = NestedBlock {
        max_items: 1,
        ..NestedBlock::list("source", source(owner))
    };
    NestedBlock {
        max_items: 1,
        ..NestedBlock::list(
            BLOCK,
            Block {
                attributes: Vec::new(),
                blocks: vec![source, NestedBlock::list("custom", custom(owner))],
                description: "How runs log in to registries.",
            },
        )
    }
}

fn source(owner: Owner) -> Block {
    let identity = match owner {
        Owner::Task => {
            "The identity that runs log in with, which registries in ABAC mode need: `[system]` for the task's system-assigned identity, or the client id of a user-assigned one. Only in clouds that serve API version 2025-03-01-preview."
        }
        Owner::Run => {
            "The identity that the run logs in with, which registries in ABAC mode need: `[caller]` for whoever Terraform signs in as, or the client id of a user-assigned identity. Only in clouds that serve API version 2025-03-01-preview."
        }
    };
    Block {
        attributes: vec![
            Attribute::optional(
                "login_mode",
                Type::String,
                "Whether runs log in at all: `Default` or `None`. Needed unless there is an `identity`.",
            )
            .check(Validator::one_of(LOGIN_MODES)),
            Attribute::optional("identity", Type::String, identity).check(identity_check(match owner {
                Owner::Task => Named::System,
                Owner::Run => Named::Caller,
            })),
        ],
        blocks: Vec::new(),
        description: match owner {
            Owner::Task => "The registry that the task belongs to.",
            Owner::Run => "The registry that the run belongs to.",
        },
    }
}

fn custom(owner: Owner) -> Block {
    // A caller is known to its own registry only.
    let (named, identity) = match owner {
        Owner::Task => (
            Named::System,
            "The identity that reads key vaults or, without user and password, logs in: `[system]`, or the client id (not the ARM id) of a user-assigned one.",
        ),
        Owner::Run => (
            Named::ClientIdOnly,
            "The identity that reads key vaults or, without user and password, logs in: the client id (not the ARM id) of a user-assigned one.",
        ),
    };
    let text = |name, description| Attribute::optional(name, Type::String, description);
    let given = || Validator::text("", refuse_empty);
    Block {
        attributes: vec![
            Attribute::required(
                "login_server",
                Type::String,
                "The registry's host name, such as `other.azurecr.io`. Each only once; its casing does not matter.",
            )
            .equivalent(|a, b| a.eq_ignore_ascii_case(b))
            .check(Validator::text("a host name", login_server)),
            text(
                "username",
                "The user, or the address of a key vault's secret that holds it, such as `https://vault.vault.azure.net/secrets/user`. With a password.",
            )
            .check(given()),
            text(
                "password",
                "The password, or the address of a key vault's secret that holds it. It is stored in the state; `password_wo` is not.",
            )
            .sensitive()
            .check(given()),
            text("password_wo", "The password, which no state or plan ever holds. With `password_wo_version`.")
                .write_only()
                .check(given()),
            Attribute::optional(
                "password_wo_version",
                Type::Number,
                "Any number; change it to have a new `password_wo` sent.",
            ),
            text("identity", identity).check(identity_check(named)),
        ],
        blocks: Vec::new(),
        description: "Another registry.",
    }
}

fn problem(summary: &str, detail: impl Into<String>) -> Problem {
    Problem {
        summary: summary.into(),
        detail: detail.into(),
    }
}

fn refuse_empty(text: &str) -> Result<(), Problem> {
    match text.is_empty() {
        true => Err(problem(
            "Empty value",
            "An empty text is never right here. Leave the argument out instead.",
        )),
        false => Ok(()),
    }
}

fn login_server(text: &str) -> Result<(), Problem> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
    let bad = if text.contains("://") {
        "it has a scheme"
    } else if text.contains('/') {
        "it has a path"
    } else if text.is_empty() || !text.chars().all(is_host) {
        "host names have letters, digits, hyphens and dots only"
    } else {
        return Ok(());
    };
    let detail = format!("\"{text}\" is no host name: {bad}. Write it as in docker login: other.azurecr.io.");
    Err(problem("Invalid login server", detail))
}

/// What an identity may be named by, besides its client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// `[system]`: of a task.
    System,
    /// `[caller]`: of a run, for its own registry. A run has no system-assigned identity, as its request cannot name one.
    Caller,
    /// Nothing: of a run, for other registries.
    ClientIdOnly,
}

fn identity_check(named: Named) -> Validator {
    let rule = match named {
        Named::System => "`[system]` or a client id",
        Named::Caller => "`[caller]` or a client id",
        Named::ClientIdOnly => "a client id",
    };
    Validator::text(rule, move |text| identity(named, text))
}

/// What is asked for is what Azure's own clients send: a word in brackets, or a client id.
fn identity(named: Named, text: &str) -> Result<(), Problem> {
    let detail = match (text, named) {
        (SYSTEM, Named::System) | (CALLER, Named::Caller) => return Ok(()),
        (SYSTEM, Named::Caller) => "[system] is the identity of a task, and a build has none. Use [caller], which is whoever Terraform signs in as.".to_owned(),
        (SYSTEM, Named::ClientIdOnly) => "[system] is the identity of a task, and a build has none. Use username and password, or run a task that has an identity.".to_owned(),
        (CALLER, Named::System) => "[caller] is whoever starts a run, which a task does not know. Use [system], or the client id of a user-assigned identity.".to_owned(),
        (CALLER, Named::ClientIdOnly) => "[caller] is whoever starts a run, and only its own registry knows it. Use username and password.".to_owned(),
        _ if is_uuid(text) => return Ok(()),
        _ if text.to_ascii_lowercase().starts_with("/subscriptions/") => {
            "An identity is named here by its client id, and this is an ARM id. Take client_id from the same resource; the ARM id belongs into the identity block.".to_owned()
        }
        _ => {
            let word = match named {
                Named::System => "neither [system] nor",
                Named::Caller => "neither [caller] nor",
                Named::ClientIdOnly => "not",
            };
            format!("\"{text}\" is {word} the client id of an identity, which is a UUID.")
        }
    };
    Err(problem("Invalid identity", detail))
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.concat().chars().all(|c| c.is_ascii_hexdigit())
}
