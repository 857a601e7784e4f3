//! A task's parts as objects that users see: their types as tables, their values beside them.
//!
//! ARM leaves out what is not set; it is null here. Secrets are never in what a `GET` returns, and of secret arguments only the
//! names are told.

use std::collections::BTreeMap;

use crate::{
    acr::{
        task::{
            AgentConfiguration, Argument, BaseImageDependency, BaseImageTrigger, Credentials, DockerStep, EncodedStep,
            FileStep, Identity, Platform, SourceTrigger, Step, Task, TimerTrigger,
        },
        task_yaml,
    },
    framework::{
        Path, Type, Value,
        model::{FieldType, Mismatch},
    },
};

/// The members of an object, by name, in the order in which its function gives their values.
type Members<const N: usize> = [(&'static str, Is); N];

/// What a member is.
#[derive(Clone, Copy, Debug)]
pub enum Is {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A flag.
    Flag,
    /// A list of texts.
    Texts,
    /// A map of texts.
    Map,
    /// How runs log in to the task's own registry.
    Source,
}

/// An object without a struct of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown(pub Value);

/// See [`agent_setting`].
pub const AGENT_SETTING: Members<1> = [("cpu", Is::Number)];

/// See [`base_image_dependency`].
pub const BASE_IMAGE_DEPENDENCY: Members<5> = [
    ("type", Is::Text),
    ("registry", Is::Text),
    ("repository", Is::Text),
    ("tag", Is::Text),
    ("digest", Is::Text),
];

/// See [`base_image_trigger`].
pub const BASE_IMAGE_TRIGGER: Members<4> = [
    ("name", Is::Text),
    ("type", Is::Text),
    ("enabled", Is::Flag),
    ("update_trigger_payload_type", Is::Text),
];

/// See [`docker_step`].
pub const DOCKER_STEP: Members<8> = [
    ("dockerfile_path", Is::Text),
    ("context_path", Is::Text),
    ("image_names", Is::Texts),
    ("push_enabled", Is::Flag),
    ("cache_enabled", Is::Flag),
    ("target", Is::Text),
    ("arguments", Is::Map),
    ("secret_argument_names", Is::Texts),
];

/// See [`file_step`].
pub const FILE_STEP: Members<5> = [
    ("task_file_path", Is::Text),
    ("value_file_path", Is::Text),
    ("context_path", Is::Text),
    ("values", Is::Map),
    ("secret_value_names", Is::Texts),
];

/// See [`encoded_step`].
pub const ENCODED_STEP: Members<5> = [
    ("task_content", Is::Text),
    ("value_content", Is::Text),
    ("context_path", Is::Text),
    ("values", Is::Map),
    ("secret_value_names", Is::Texts),
];

/// See [`identity`].
pub const IDENTITY: Members<4> = [
    ("type", Is::Text),
    ("identity_ids", Is::Texts),
    ("principal_id", Is::Text),
    ("tenant_id", Is::Text),
];

/// See [`platform`].
pub const PLATFORM: Members<3> = [("os", Is::Text), ("architecture", Is::Text), ("variant", Is::Text)];

const SOURCE: Members<2> = [("login_mode", Is::Text), ("identity", Is::Text)];

/// See [`registry_credential`].
pub const REGISTRY_CREDENTIAL: Members<2> = [("source", Is::Source), ("custom_login_servers", Is::Texts)];

/// See [`source_trigger`].
pub const SOURCE_TRIGGER: Members<6> = [
    ("name", Is::Text),
    ("events", Is::Texts),
    ("source_type", Is::Text),
    ("repository_url", Is::Text),
    ("branch", Is::Text),
    ("enabled", Is::Flag),
];

/// See [`timer_trigger`].
pub const TIMER_TRIGGER: Members<3> = [("name", Is::Text), ("schedule", Is::Text), ("enabled", Is::Flag)];

/// See [`summary`].
pub const SUMMARY: Members<9> = [
    ("id", Is::Text),
    ("name", Is::Text),
    ("enabled", Is::Flag),
    ("agent_pool_name", Is::Text),
    ("step_type", Is::Text),
    ("is_system_task", Is::Flag),
    ("timeout_in_seconds", Is::Number),
    ("creation_date", Is::Text),
    ("provisioning_state", Is::Text),
];

/// The type of an object of these members.
#[must_use]
pub fn ty(members: &[(&'static str, Is)]) -> Type {
    let members = members.iter().map(|(name, is)| ((*name).to_owned(), is.ty()));
    Type::Object(members.collect::<BTreeMap<_, _>>())
}

impl Is {
    fn ty(self) -> Type {
        match self {
            Self::Text => Type::String,
            Self::Number => Type::Number,
            Self::Flag => Type::Bool,
            Self::Texts => Type::list(Type::String),
            Self::Map => Type::map(Type::String),
            Self::Source => ty(&SOURCE),
        }
    }
}

impl FieldType for Shown {
    fn from_known(value: &Value, _path: &Path) -> Result<Self, Mismatch> {
        Ok(Self(value.clone()))
    }

    fn to_known(&self) -> Value {
        self.0.clone()
    }
}

fn object<const N: usize>(members: Members<N>, values: [Value; N]) -> Value {
    Value::object(members.map(|(name, _)| name).into_iter().zip(values))
}

fn text(text: &str) -> Value {
    Value::string(text)
}

fn maybe(text: Option<&String>) -> Value {
    text.map_or(Value::Null, Value::string)
}

fn flag(flag: Option<bool>) -> Value {
    flag.map_or(Value::Null, Value::Bool)
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Value {
    Value::List(texts.into_iter().map(Value::string).collect())
}

/// Whether a status is not `Disabled`; ARM's default is `Enabled`.
#[must_use]
pub fn is_enabled(status: Option<&String>) -> bool {
    !status.is_some_and(|status| status.eq_ignore_ascii_case("Disabled"))
}

/// Arguments that are no secret, with their values; and the names of those that are.
fn arguments(arguments: Option<&Vec<Argument>>) -> [Value; 2] {
    let (secret, plain): (Vec<&Argument>, Vec<&Argument>) =
        arguments.into_iter().flatten().partition(|argument| argument.is_secret);
    let value = |argument: &Argument| {
        argument
            .value
            .as_ref()
            .map_or(Value::Null, |value| text(value.expose()))
    };
    let plain = plain
        .into_iter()
        .map(|argument| (argument.name.clone(), value(argument)));
    [
        Value::object(plain),
        texts(secret.into_iter().map(|argument| &argument.name)),
    ]
}

/// Base64 as text, where it is one.
fn content(content: &str) -> Value {
    Value::string(task_yaml::decoded(content).unwrap_or_else(|| content.to_owned()))
}

/// The machine on shared compute.
#[must_use]
pub fn agent_setting(it: &AgentConfiguration) -> Value {
    object(AGENT_SETTING, [Value::integer(it.cpu)])
}

/// An image that the task's images are based on.
#[must_use]
pub fn base_image_dependency(it: &BaseImageDependency) -> Value {
    let members = [&it.kind, &it.registry, &it.repository, &it.tag, &it.digest];
    object(BASE_IMAGE_DEPENDENCY, members.map(|member| maybe(member.as_ref())))
}

/// The trigger by new base images.
#[must_use]
pub fn base_image_trigger(it: &BaseImageTrigger) -> Value {
    let members = [
        text(&it.name),
        text(&it.base_image_trigger_type),
        Value::Bool(is_enabled(it.status.as_ref())),
        maybe(it.update_trigger_payload_type.as_ref()),
    ];
    object(BASE_IMAGE_TRIGGER, members)
}

/// A step that builds an image.
#[must_use]
pub fn docker_step(it: &DockerStep) -> Value {
    let [plain, secret] = arguments(it.arguments.as_ref());
    let members = [
        text(&it.docker_file_path),
        maybe(it.source.context_path.as_ref()),
        texts(it.image_names.iter().flatten()),
        flag(it.is_push_enabled),
        flag(it.no_cache.map(|no_cache| !no_cache)),
        maybe(it.target.as_ref()),
        plain,
        secret,
    ];
    object(DOCKER_STEP, members)
}

/// A step whose task file is in the source.
#[must_use]
pub fn file_step(it: &FileStep) -> Value {
    let [plain, secret] = arguments(it.values.as_ref());
    let members = [
        text(&it.task_file_path),
        maybe(it.values_file_path.as_ref()),
        maybe(it.source.context_path.as_ref()),
        plain,
        secret,
    ];
    object(FILE_STEP, members)
}

/// A step whose task file is in the task.
#[must_use]
pub fn encoded_step(it: &EncodedStep) -> Value {
    let [plain, secret] = arguments(it.values.as_ref());
    let values = it.encoded_values_content.as_ref();
    let members = [
        content(&it.encoded_task_content),
        values.map_or(Value::Null, |values| content(values.expose())),
        maybe(it.source.context_path.as_ref()),
        plain,
        secret,
    ];
    object(ENCODED_STEP, members)
}

/// The managed identities.
#[must_use]
pub fn identity(it: &Identity) -> Value {
    let ids = it.user_assigned_identities.iter().flat_map(BTreeMap::keys);
    let members = [
        maybe(it.kind.as_ref()),
        texts(ids),
        maybe(it.principal_id.as_ref()),
        maybe(it.tenant_id.as_ref()),
    ];
    object(IDENTITY, members)
}

/// What runs run on.
#[must_use]
pub fn platform(it: &Platform) -> Value {
    let members = [
        text(&it.os),
        maybe(it.architecture.as_ref()),
        maybe(it.variant.as_ref()),
    ];
    object(PLATFORM, members)
}

/// How runs log in to registries.
#[must_use]
pub fn registry_credential(it: &Credentials) -> Value {
    let source = it.source_registry.as_ref().map_or(Value::Null, |source| {
        object(
            SOURCE,
            [maybe(source.login_mode.as_ref()), maybe(source.identity.as_ref())],
        )
    });
    let servers = it.custom_registries.iter().flat_map(BTreeMap::keys);
    object(REGISTRY_CREDENTIAL, [source, texts(servers)])
}

/// A trigger by changed source.
#[must_use]
pub fn source_trigger(it: &SourceTrigger) -> Value {
    let source = &it.source_repository;
    let members = [
        text(&it.name),
        texts(&it.source_trigger_events),
        text(&source.source_control_type),
        text(&source.repository_url),
        maybe(source.branch.as_ref()),
        Value::Bool(is_enabled(it.status.as_ref())),
    ];
    object(SOURCE_TRIGGER, members)
}

/// A trigger by schedule.
#[must_use]
pub fn timer_trigger(it: &TimerTrigger) -> Value {
    let enabled = Value::Bool(is_enabled(it.status.as_ref()));
    object(TIMER_TRIGGER, [text(&it.name), text(&it.schedule), enabled])
}

/// A task in short.
#[must_use]
pub fn summary(it: &Task) -> Value {
    let properties = &it.properties;
    let kind = match properties.step {
        Some(Step::Docker(_)) => text("Docker"),
        Some(Step::FileTask(_)) => text("FileTask"),
        Some(Step::EncodedTask(_)) => text("EncodedTask"),
        Some(Step::Unknown) | None => Value::Null,
    };
    let members = [
        text(&it.id),
        text(&it.name),
        Value::Bool(is_enabled(properties.status.as_ref())),
        maybe(properties.agent_pool_name.as_ref()),
        kind,
        Value::Bool(properties.is_system_task == Some(true)),
        properties.timeout.map_or(Value::Null, Value::integer),
        maybe(properties.creation_date.as_ref()),
        maybe(properties.provisioning_state.as_ref()),
    ];
    object(SUMMARY, members)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::framework::msgpack;

    /// Core refuses a value that is not exactly of its type.
    fn fits(members: &[(&'static str, Is)], value: &Value) {
        let ty = ty(members);
        let bytes = msgpack::encode(&ty, value);
        assert_eq!(msgpack::decode(&ty, &bytes).as_ref(), Ok(value), "{members:?}");
    }

    fn of<T: serde::de::DeserializeOwned>(body: Json) -> T {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn values_are_of_their_types() {
        for value in [
            json!({}),
            json!({"noCache": true, "arguments": [{"name": "A", "value": "b"}]}),
        ] {
            fits(&DOCKER_STEP, &docker_step(&of(value)));
        }
        fits(&FILE_STEP, &file_step(&of(json!({"taskFilePath": "t"}))));
        fits(
            &ENCODED_STEP,
            &encoded_step(&of(json!({"encodedTaskContent": "c3RlcHM6IFtdCg=="}))),
        );
        fits(
            &IDENTITY,
            &identity(&of(
                json!({"type": "UserAssigned", "userAssignedIdentities": {"/a": {}}}),
            )),
        );
        fits(&PLATFORM, &platform(&of(json!({"os": "Linux"}))));
        fits(&AGENT_SETTING, &agent_setting(&of(json!({"cpu": 2}))));
        fits(
            &BASE_IMAGE_DEPENDENCY,
            &base_image_dependency(&of(json!({"type": "Runtime"}))),
        );
        fits(&BASE_IMAGE_TRIGGER, &base_image_trigger(&of(json!({}))));
        fits(
            &SOURCE_TRIGGER,
            &source_trigger(&of(json!({"sourceTriggerEvents": ["commit"]}))),
        );
        fits(&TIMER_TRIGGER, &timer_trigger(&of(json!({}))));
        for value in [
            json!({}),
            json!({"sourceRegistry": {}, "customRegistries": {"x.example": null}}),
        ] {
            fits(&REGISTRY_CREDENTIAL, &registry_credential(&of(value)));
        }
        fits(&SUMMARY, &summary(&of(json!({"id": "i", "name": "n"}))));
    }

    #[test]
    fn statuses() {
        for (status, enabled) in [(None, true), (Some("Enabled"), true), (Some("disabled"), false)] {
            assert_eq!(is_enabled(status.map(str::to_owned).as_ref()), enabled, "{status:?}");
        }
    }
}
