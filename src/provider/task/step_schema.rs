//! The schemas of the three kinds of steps.

use crate::{
    acr::{context::Context, task_yaml},
    framework::{
        Type, Value,
        schema::{Attribute, Block},
        validators::Validator,
    },
    provider::image_build::image_names,
};

use super::schema::{attributes, not_empty, plain_secret, problem, switch, text, version, write_only_secret};

fn map(name: &'static str, description: &'static str) -> Attribute {
    Attribute::optional(name, Type::map(Type::String), description)
}

/// The token of a context: plain, write-only, and its version.
fn token() -> Vec<Attribute> {
    vec![
        plain_secret(
            "context_access_token",
            "The token that the source is read with; public sources need none. It is stored in the state; `context_access_token_wo` is not.",
        ),
        write_only_secret(
            "context_access_token_wo",
            "The token that the source is read with, which no state or plan ever holds. With `context_access_token_wo_version`.",
        ),
        version(
            "context_access_token_wo_version",
            "Any number; change it to have a new `context_access_token_wo` sent.",
        ),
    ]
}

const CONTEXT: &str = "Where the source is: a git repository (`https://github.com/contoso/app.git#branch:folder`), an artifact of a registry (`oci://contoso.azurecr.io/source:v1`) or the address of an archive.";

/// The check of a context; `needs` is what the step takes from it, if it needs anything.
pub fn context_check(needs: Option<&'static str>) -> Validator {
    let rule = match needs {
        Some(_) => "a git repository, an artifact or an archive",
        None => "a git repository, an artifact, an archive or `/dev/null`",
    };
    Validator::text(rule, move |text| match (Context::parse(text), needs) {
        (Ok(Context::Nothing), Some(what)) => {
            let detail = format!("/dev/null has no files, and this step takes its {what} from the context.");
            Err(problem("Context without files", detail))
        }
        (Ok(_), _) => Ok(()),
        (Err(error), _) => {
            let text = error.to_string();
            let sentence = format!("{}{}.", text[..1].to_uppercase(), &text[1..]);
            Err(problem("Invalid context", sentence))
        }
    })
}

/// Whether two contents are the same file, be it as text or in base64.
pub fn same_content(a: &str, b: &str) -> bool {
    task_yaml::canonical_base64(a) == task_yaml::canonical_base64(b)
}

/// As of image builds, and no name is null.
fn image_names() -> Validator {
    Validator::new(image_names::RULE, |value| match value {
        Value::List(names) if names.contains(&Value::Null) => {
            let detail = "An image name is null. Leave it out: compact([…]) removes what is null.";
            Err(problem("Invalid image name", detail))
        }
        value => image_names::check_list(value),
    })
}

/// An image build.
pub fn docker_step() -> Block {
    let mut all = vec![
        Attribute::required(
            "dockerfile_path",
            Type::String,
            "The Dockerfile, relative to the context.",
        )
        .check(not_empty()),
        Attribute::required("context_path", Type::String, CONTEXT).check(context_check(Some("Dockerfile"))),
    ];
    all.extend(token());
    all.extend([
        Attribute::optional(
            "image_names",
            Type::list(Type::String),
            "What the image is called, such as `app:{{.Run.ID}}`; needed unless `push_enabled` is false. Their order does not matter.",
        )
        .check(image_names()),
        switch("push_enabled", "Whether the image is pushed to the registry."),
        switch("cache_enabled", "Whether layers are taken from the cache."),
        text("target", "The stage of the Dockerfile that is built; the last one if none is given.").check(not_empty()),
        map("arguments", "Build arguments."),
        map(
            "secret_arguments",
            "Build arguments that Azure keeps secret. They are stored in the state; `secret_arguments_wo` is not.",
        )
        .sensitive(),
        map(
            "secret_arguments_wo",
            "Build arguments that Azure keeps secret and no state or plan ever holds. With `secret_arguments_wo_version`.",
        )
        .write_only(),
        version("secret_arguments_wo_version", "Any number; change it to have new `secret_arguments_wo` sent."),
    ]);
    attributes(
        "An image is built from a Dockerfile. Exactly one step is needed, but for the system task.",
        all,
    )
}

/// Values for a task file.
fn values() -> Vec<Attribute> {
    vec![
        map("values", "Values for the task file."),
        map(
            "secret_values",
            "Values for the task file that Azure keeps secret. They are stored in the state; `secret_values_wo` is not.",
        )
        .sensitive(),
        map(
            "secret_values_wo",
            "Values for the task file that Azure keeps secret and no state or plan ever holds. With `secret_values_wo_version`.",
        )
        .write_only(),
        version("secret_values_wo_version", "Any number; change it to have new `secret_values_wo` sent."),
    ]
}

/// A task file in the source.
pub fn file_step() -> Block {
    let mut all = vec![
        Attribute::required(
            "task_file_path",
            Type::String,
            "The task file, relative to the context.",
        )
        .check(not_empty()),
        Attribute::required("context_path", Type::String, CONTEXT).check(context_check(Some("task file"))),
        text("value_file_path", "The file with values, relative to the context.").check(not_empty()),
    ];
    all.extend(token());
    all.extend(values());
    attributes(
        "Steps in a YAML file of the source. Exactly one step is needed, but for the system task.",
        all,
    )
}

/// A task file within the task.
pub fn encoded_step() -> Block {
    let mut all = vec![
        Attribute::required(
            "task_content",
            Type::String,
            "The task file, as text or in base64. Azure takes anything and then fails every run, so what it cannot run is told in the plan.",
        )
        .equivalent(same_content)
        .check(not_empty()),
        text("value_content", "The values file, as text or in base64.")
            .equivalent(same_content)
            .check(not_empty()),
        text("context_path", CONTEXT).check(context_check(None)),
    ];
    all.extend(token());
    all.extend(values());
    attributes(
        "Steps in YAML that are stored with the task. Exactly one step is needed, but for the system task.",
        all,
    )
}
