//! What a task consists of, as tables: the name that users know, the kind of value, and where ARM's body has it.
//!
//! One table gives both the type and the value of a nested object, so that they cannot differ. ARM leaves out what is not set;
//! it is null here. Secrets are never in the body of a `GET`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{
    acr::task_yaml,
    framework::{
        Path, Type, Value,
        model::{FieldType, Mismatch},
    },
};

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    name: &'static str,
    kind: Kind,
    /// A JSON pointer in ARM's object.
    at: &'static str,
}

/// What a member holds.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Number,
    Flag,
    /// A flag that ARM keeps the other way round.
    Opposite,
    /// Whether a status is not `Disabled`.
    Enabled,
    Texts,
    /// The names of an object's members.
    Keys,
    /// Base64 as text, where it is one.
    Content,
    /// Those of a list of names and values that are no secret, as a map.
    Plain,
    /// The names of those that are.
    SecretNames,
    Object(&'static [Member]),
}

/// A value that is read as its table says, with no struct of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown(pub Value);

const fn member(name: &'static str, kind: Kind, at: &'static str) -> Member {
    Member { name, kind, at }
}

/// `platform`.
pub const PLATFORM: &[Member] = &[
    member("architecture", Kind::Text, "/architecture"),
    member("os", Kind::Text, "/os"),
    member("variant", Kind::Text, "/variant"),
];

/// `agent_setting`.
pub const AGENT_SETTING: &[Member] = &[member("cpu", Kind::Number, "/cpu")];

/// `docker_step`.
pub const DOCKER_STEP: &[Member] = &[
    member("arguments", Kind::Plain, "/arguments"),
    member("cache_enabled", Kind::Opposite, "/noCache"),
    member("context_path", Kind::Text, "/contextPath"),
    member("dockerfile_path", Kind::Text, "/dockerFilePath"),
    member("image_names", Kind::Texts, "/imageNames"),
    member("push_enabled", Kind::Flag, "/isPushEnabled"),
    member("secret_argument_names", Kind::SecretNames, "/arguments"),
    member("target", Kind::Text, "/target"),
];

/// `file_step`.
pub const FILE_STEP: &[Member] = &[
    member("context_path", Kind::Text, "/contextPath"),
    member("secret_value_names", Kind::SecretNames, "/values"),
    member("task_file_path", Kind::Text, "/taskFilePath"),
    member("value_file_path", Kind::Text, "/valuesFilePath"),
    member("values", Kind::Plain, "/values"),
];

/// `encoded_step`.
pub const ENCODED_STEP: &[Member] = &[
    member("context_path", Kind::Text, "/contextPath"),
    member("secret_value_names", Kind::SecretNames, "/values"),
    member("task_content", Kind::Content, "/encodedTaskContent"),
    member("value_content", Kind::Content, "/encodedValuesContent"),
    member("values", Kind::Plain, "/values"),
];

/// One of `base_image_dependencies`.
pub const BASE_IMAGE_DEPENDENCY: &[Member] = &[
    member("digest", Kind::Text, "/digest"),
    member("registry", Kind::Text, "/registry"),
    member("repository", Kind::Text, "/repository"),
    member("tag", Kind::Text, "/tag"),
    member("type", Kind::Text, "/type"),
];

/// `base_image_trigger`.
pub const BASE_IMAGE_TRIGGER: &[Member] = &[
    member("enabled", Kind::Enabled, "/status"),
    member("name", Kind::Text, "/name"),
    member("type", Kind::Text, "/baseImageTriggerType"),
    member("update_trigger_payload_type", Kind::Text, "/updateTriggerPayloadType"),
];

/// One of `source_trigger`.
pub const SOURCE_TRIGGER: &[Member] = &[
    member("branch", Kind::Text, "/sourceRepository/branch"),
    member("enabled", Kind::Enabled, "/status"),
    member("events", Kind::Texts, "/sourceTriggerEvents"),
    member("name", Kind::Text, "/name"),
    member("repository_url", Kind::Text, "/sourceRepository/repositoryUrl"),
    member("source_type", Kind::Text, "/sourceRepository/sourceControlType"),
];

/// One of `timer_trigger`.
pub const TIMER_TRIGGER: &[Member] = &[
    member("enabled", Kind::Enabled, "/status"),
    member("name", Kind::Text, "/name"),
    member("schedule", Kind::Text, "/schedule"),
];

/// `identity`.
pub const IDENTITY: &[Member] = &[
    member("identity_ids", Kind::Keys, "/userAssignedIdentities"),
    member("principal_id", Kind::Text, "/principalId"),
    member("tenant_id", Kind::Text, "/tenantId"),
    member("type", Kind::Text, "/type"),
];

const SOURCE_CREDENTIAL: &[Member] = &[
    member("identity", Kind::Text, "/identity"),
    member("login_mode", Kind::Text, "/loginMode"),
];

/// `registry_credential`.
pub const REGISTRY_CREDENTIAL: &[Member] = &[
    member("custom_login_servers", Kind::Keys, "/customRegistries"),
    member("source", Kind::Object(SOURCE_CREDENTIAL), "/sourceRegistry"),
];

/// One of `acr_tasks`' tasks, out of a whole body.
pub const SUMMARY: &[Member] = &[
    member("agent_pool_name", Kind::Text, "/properties/agentPoolName"),
    member("creation_date", Kind::Text, "/properties/creationDate"),
    member("enabled", Kind::Enabled, "/properties/status"),
    member("id", Kind::Text, "/id"),
    member("is_system_task", Kind::Flag, "/properties/isSystemTask"),
    member("name", Kind::Text, "/name"),
    member("provisioning_state", Kind::Text, "/properties/provisioningState"),
    member("step_type", Kind::Text, "/properties/step/type"),
    member("timeout_in_seconds", Kind::Number, "/properties/timeout"),
];

/// The type of an object of these members.
#[must_use]
pub fn ty(members: &[Member]) -> Type {
    let members = members.iter().map(|member| (member.name.to_owned(), member.kind.ty()));
    Type::Object(members.collect::<BTreeMap<_, _>>())
}

/// The object of these members out of ARM's; null where ARM has none.
#[must_use]
pub fn value(members: &[Member], body: &Json) -> Value {
    if !body.is_object() {
        return Value::Null;
    }
    let read = |member: &Member| {
        let found = body.pointer(member.at).filter(|found| !found.is_null());
        (member.name, found.map_or(Value::Null, |found| member.kind.value(found)))
    };
    Value::object(members.iter().map(read))
}

/// The objects of a list; none where ARM has none.
#[must_use]
pub fn values(members: &[Member], body: Option<&Json>) -> Value {
    let items = body.and_then(Json::as_array).into_iter().flatten();
    Value::List(items.map(|item| value(members, item)).collect())
}

/// Whether a status is not `Disabled`; ARM's default is `Enabled`.
#[must_use]
pub fn is_enabled(status: Option<&Json>) -> bool {
    let status = status.and_then(Json::as_str).unwrap_or_default();
    !status.eq_ignore_ascii_case("Disabled")
}

impl Kind {
    fn ty(self) -> Type {
        match self {
            Self::Text | Self::Content => Type::String,
            Self::Number => Type::Number,
            Self::Flag | Self::Opposite | Self::Enabled => Type::Bool,
            Self::Texts | Self::Keys | Self::SecretNames => Type::list(Type::String),
            Self::Plain => Type::map(Type::String),
            Self::Object(members) => ty(members),
        }
    }

    fn value(self, found: &Json) -> Value {
        let text = |found: &Json| found.as_str().map_or(Value::Null, Value::string);
        match self {
            Self::Text => text(found),
            Self::Number => found.as_i64().map_or(Value::Null, Value::integer),
            Self::Flag => found.as_bool().map_or(Value::Null, Value::Bool),
            Self::Opposite => found.as_bool().map_or(Value::Null, |flag| Value::Bool(!flag)),
            Self::Enabled => Value::Bool(is_enabled(Some(found))),
            Self::Texts => Value::List(found.as_array().into_iter().flatten().map(text).collect()),
            Self::Keys => {
                let mut keys: Vec<&String> = found.as_object().into_iter().flat_map(|object| object.keys()).collect();
                keys.sort_unstable();
                Value::List(keys.into_iter().map(Value::string).collect())
            }
            Self::Content => {
                let content = found.as_str().unwrap_or_default();
                Value::string(task_yaml::decoded(content).unwrap_or_else(|| content.to_owned()))
            }
            Self::Plain => {
                let plain = named(found).filter(|(_, item)| !is_secret(item));
                Value::object(plain.map(|(name, item)| (name, item.get("value").map_or(Value::Null, text))))
            }
            Self::SecretNames => {
                let secret = named(found).filter(|(_, item)| is_secret(item));
                Value::List(secret.map(|(name, _)| Value::string(name)).collect())
            }
            Self::Object(members) => value(members, found),
        }
    }
}

fn named(list: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| Some((item.get("name")?.as_str()?, item)))
}

fn is_secret(item: &Json) -> bool {
    item.get("isSecret").and_then(Json::as_bool) == Some(true)
}

impl FieldType for Shown {
    fn from_known(value: &Value, _path: &Path) -> Result<Self, Mismatch> {
        Ok(Self(value.clone()))
    }

    fn to_known(&self) -> Value {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::framework::msgpack;

    #[test]
    fn values_are_of_their_types() {
        let step = json!({"noCache": true, "isPushEnabled": false, "contextPath": "/dev/null", "imageNames": ["a:b"], "more": 1,
            "arguments": [{"name": "OPEN", "value": "x", "isSecret": false}, {"name": "SHUT", "isSecret": true}],
            "encodedTaskContent": "c3RlcHM6IFtdCg==", "values": [{"name": "A", "value": "b"}]});
        for (members, body) in [
            (DOCKER_STEP, &step),
            (FILE_STEP, &step),
            (ENCODED_STEP, &step),
            (
                IDENTITY,
                &json!({"type": "UserAssigned", "userAssignedIdentities": {"/b": {}, "/a": {}}}),
            ),
            (
                REGISTRY_CREDENTIAL,
                &json!({"customRegistries": {"x.example": null}, "sourceRegistry": {"loginMode": "Default"}}),
            ),
            (PLATFORM, &json!({})),
            (SUMMARY, &json!({"id": 7, "properties": {"timeout": "soon"}})),
            (TIMER_TRIGGER, &Json::Null),
        ] {
            let value = value(members, body);
            let bytes = msgpack::encode(&ty(members), &value);
            assert_eq!(msgpack::decode(&ty(members), &bytes), Ok(value), "{body}");
        }
        let docker = value(DOCKER_STEP, &step);
        assert_eq!(docker.member("cache_enabled"), &Value::Bool(false));
        assert_eq!(
            docker.member("arguments"),
            &Value::object([("OPEN", Value::string("x"))])
        );
        let names = Value::List(vec![Value::string("SHUT")]);
        assert_eq!(docker.member("secret_argument_names"), &names);
        assert_eq!(
            value(ENCODED_STEP, &step).member("task_content"),
            &Value::string("steps: []\n")
        );
    }

    #[test]
    fn statuses() {
        for (status, enabled) in [
            (None, true),
            (Some("Enabled"), true),
            (Some("disabled"), false),
            (Some("Disabled"), false),
        ] {
            assert_eq!(is_enabled(status.map(Json::from).as_ref()), enabled, "{status:?}");
        }
    }
}
