//! The resource's schema: what is built, where, how the run goes, what it leaves.

use std::path::{Component, Path};

use crate::{
    acr::{image_platform, run::request::TIMEOUT_SECONDS},
    framework::{
        Type, Value,
        schema::{Attribute, Block, NestedBlock, Schema},
        validators::{Problem, Validator},
    },
    provider::{
        agent_pool::schema::{name_check, registry_id_check},
        registry_credential::{self, Owner},
        running,
    },
};

use super::{context, image_names};

/// What is built for when the user says nothing.
pub const PLATFORM: &str = "linux/amd64";

/// The Dockerfile when the user says nothing.
pub const DOCKERFILE: &str = "Dockerfile";

/// The service's own default, in seconds.
const TIMEOUT_DEFAULT: i64 = 3600;

/// The schema of `acr_image_build`.
#[must_use]
pub fn schema() -> Schema {
    let outputs = [running::schema::outputs(), computed()].concat();
    Schema::new(Block {
        attributes: [arguments(), running::schema::options(), sorted(outputs)].concat(),
        blocks: vec![
            NestedBlock {
                min_items: 1,
                max_items: 1,
                ..NestedBlock::single(context::BLOCK, context_block())
            },
            registry_credential::block(Owner::Run),
            running::schema::scale(),
            running::schema::timeouts(),
        ],
        description: "Builds a container image with ACR Tasks, from a folder of this machine or from an address that Azure reads, on an agent pool or on Azure's shared machines.",
    })
}

fn sorted(mut attributes: Vec<Attribute>) -> Vec<Attribute> {
    attributes.sort_by_key(|attribute| attribute.name);
    attributes
}

fn arguments() -> Vec<Attribute> {
    let [low, high] = [*TIMEOUT_SECONDS.start(), *TIMEOUT_SECONDS.end()];
    vec![
        Attribute::required(
            "registry_id",
            Type::String,
            "The ARM id of the registry that builds, and that images are pushed to. Its casing does not matter.",
        )
        .replaces()
        .equivalent(same)
        .check(registry_id_check()),
        Attribute::optional(
            "agent_pool_name",
            Type::String,
            "The agent pool of that registry to build on; without it Azure's shared machines build. Its casing does not matter.",
        )
        .replaces()
        .equivalent(same)
        .check(name_check()),
        Attribute::optional(
            "build_args",
            Type::map(Type::String),
            "Build arguments. They are stored in the state, and whoever can read the image's history sees them.",
        )
        .replaces()
        .check(argument_names()),
        Attribute::optional(
            "dockerfile",
            Type::String,
            "The path of the Dockerfile, relative to the context. In a local context it may also lie elsewhere on this machine.",
        )
        .default(Value::string(DOCKERFILE))
        .replaces()
        .equivalent(same_path)
        .check(not_empty()),
        Attribute::optional(
            "image_names",
            Type::list(Type::String),
            "Repositories and tags, such as `app:v1`; `{{.Run.ID}}` stands for the run's id. Without a registry's host name they are in `registry_id`'s registry. Without any, the image is built and not kept.",
        )
        .replaces()
        .check(image_names::check()),
        Attribute::optional("no_cache", Type::Bool, "Whether layers of earlier builds are left aside.")
            .default(Value::Bool(false))
            .replaces(),
        Attribute::optional(
            "platform",
            Type::String,
            "What the image is built for: operating system, architecture and variant, such as `linux/arm64` or `linux/arm/v7`. Agent pools build for `linux` only.",
        )
        .default(Value::string(PLATFORM))
        .replaces()
        .equivalent(same)
        .check(Validator::text("`os/architecture/variant`, the last two optional", |text| {
            image_platform::parse(text).map(|_| ()).map_err(|error| Problem {
                summary: "Unsupported platform".into(),
                detail: error.to_string(),
            })
        })),
        Attribute::optional(
            "push",
            Type::Bool,
            "Whether the images are pushed. Without `image_names` there is nothing to push.",
        )
        .default(Value::Bool(true))
        .replaces(),
        Attribute::optional(
            "secret_build_args_wo",
            Type::map(Type::String),
            "Build arguments that no state, plan or log ever holds. The Dockerfile still has to keep them out of the image. With `secret_build_args_wo_version`.",
        )
        .write_only()
        .check(argument_names()),
        Attribute::optional(
            "secret_build_args_wo_version",
            Type::Number,
            "Any number; change it to build again with new `secret_build_args_wo`.",
        )
        .replaces(),
        Attribute::optional("target", Type::String, "The stage of the Dockerfile to build; the last one when not set.")
            .replaces()
            .check(not_empty()),
        Attribute::optional(
            "timeout_in_seconds",
            Type::Number,
            "How long the run may take before Azure ends it, in seconds. A change alone builds nothing.",
        )
        .default(Value::integer(TIMEOUT_DEFAULT))
        .check(Validator::whole_number(low, high, "Azure accepts 5 minutes to 8 hours.")),
        Attribute::optional(
            "triggers",
            Type::map(Type::String),
            "Any values; a change builds again. For what the source does not show: a base image's digest, a date.",
        )
        .replaces(),
    ]
}

fn context_block() -> Block {
    Block {
        attributes: vec![
            Attribute::optional(
                "path",
                Type::String,
                "A folder of this machine. What `.dockerignore` lets through is hashed at plan, and packed and uploaded at apply. A relative path counts from the folder in which Terraform runs.",
            ),
            Attribute::optional(
                "url",
                Type::String,
                "An address that Azure reads itself: a git repository (`https://host/repository.git#branch:folder`), an artifact (`oci://registry/repository:tag`), or an archive (`https://host/app.tar.gz`). A new commit there is not noticed: name the commit, or use `triggers`.",
            )
            .replaces(),
            Attribute::optional(
                "token_wo",
                Type::String,
                "What opens the address, never stored: for a git repository a personal access token (or `user:token`), for an archive its signature, which is its query. With `token_wo_version`.",
            )
            .write_only(),
            Attribute::optional(
                "token_wo_version",
                Type::Number,
                "Any number, to be changed with `token_wo`. A change alone builds nothing: the next build uses the new token.",
            ),
        ],
        blocks: Vec::new(),
        description: "The source: `path` or `url`.",
    }
}

fn computed() -> Vec<Attribute> {
    vec![
        Attribute::computed(
            "image_digests",
            Type::map(Type::String),
            "The digests (`sha256:…`) of what was pushed, by the names in `image_names`; for names with `{{…}}`, by repository and tag as they became.",
        )
        .stable(),
        Attribute::computed(
            "source_hash",
            Type::String,
            "A hash over names, modes and contents of what is sent from a local context, known at plan; its change builds again. Null for an address.",
        )
        .stable(),
    ]
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Whether two texts are one path, `./` and doubled slashes aside. What `..` leads to is the disc's matter.
fn same_path(a: &str, b: &str) -> bool {
    let parts = |path: &str| -> Vec<String> {
        let parts = Path::new(path).components();
        let parts = parts.filter(|part| *part != Component::CurDir);
        parts
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect()
    };
    parts(a) == parts(b)
}

fn not_empty() -> Validator {
    Validator::text("not empty", |text| match text.trim().is_empty() {
        false => Ok(()),
        true => Err(Problem {
            summary: "Empty value".into(),
            detail: "An empty text is never right here. Leave the argument out instead.".into(),
        }),
    })
}

/// Names as Dockerfiles have them: what is no name would be lost without a word.
fn argument_names() -> Validator {
    Validator::new("named as in the Dockerfile's `ARG`", |value| {
        let Value::Map(members) = value else { return Ok(()) };
        let bad = |name: &&String| {
            let starts = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        match members.keys().find(bad) {
            None => Ok(()),
            Some(name) => Err(Problem {
                summary: "Invalid name of a build argument".into(),
                detail: format!(
                    "\"{name}\" is no name of a build argument: letters, digits and underscores, and no digit first, as in the Dockerfile's ARG."
                ),
            }),
        }
    })
}
