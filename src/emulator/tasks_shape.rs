//! What a task is made of, as tables: every member in the order in which answers show it, with what the service fills in
//! and what it hides.
//!
//! The order within the recorded tasks is the service's; where `agentPoolName`, `logTemplate` and members that no
//! recording has stand among the others is an assumption, as is that members which no table knows are lost.

/// One kind of object.
#[derive(Debug)]
pub(super) struct Shape {
    /// How errors call it.
    pub(super) name: &'static str,
    pub(super) members: &'static [Member],
}

/// One member of an object.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) absent: Absent,
}

/// What a member holds, which says how it is read, merged and shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Flag,
    Number,
    Texts,
    /// A text that only `listDetails` shows.
    Secret,
    /// The text of an argument: a secret when its `isSecret` says so.
    SecretIfFlagged,
    /// A text that an explicit `null` takes away, which nothing else does.
    Clearable,
    Object(&'static Shape),
    /// An object that only `listDetails` shows.
    HiddenObject(&'static Shape),
    /// A list that a PATCH replaces.
    List(&'static Shape),
    /// A list that a PATCH merges by `name`.
    Named(&'static Shape),
    /// The step, whose shape its `type` names.
    Step,
    /// Credentials by login server: shown as `null` each, and a `null` in a PATCH removes one.
    Registries,
    /// The base images that the service found in the runs: never written by a client.
    Dependencies,
}

/// What happens when a member is not there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absent {
    Stays,
    Refused,
    Text(&'static str),
    Flag(bool),
    Number(i64),
    EmptyList,
}

/// The discriminators of steps, with their shapes.
pub(super) const STEPS: [(&str, &Shape); 3] = [
    ("Docker", &DOCKER_STEP),
    ("FileTask", &FILE_STEP),
    ("EncodedTask", &ENCODED_STEP),
];
/// The only discriminator's member.
pub(super) const DISCRIMINATOR: &str = "type";
/// What every step has, whatever its type.
pub(super) const CONTEXT: [&str; 2] = ["contextPath", "contextAccessToken"];
/// Seconds that a run may take unless the task says otherwise.
const DEFAULT_TIMEOUT: i64 = 3600;

/// `properties` of a task, without what the service alone writes.
pub(super) static TASK: Shape = Shape {
    name: "TaskProperties",
    members: &[
        Member::new("status", Kind::Text, Absent::Text("Enabled")),
        Member::new("platform", Kind::Object(&PLATFORM), Absent::Stays),
        Member::new("agentConfiguration", Kind::Object(&AGENT), Absent::Stays),
        Member::optional("agentPoolName", Kind::Text),
        Member::new("timeout", Kind::Number, Absent::Number(DEFAULT_TIMEOUT)),
        Member::optional("step", Kind::Step),
        Member::optional("trigger", Kind::Object(&TRIGGER)),
        Member::optional("credentials", Kind::Object(&CREDENTIALS)),
        Member::optional("logTemplate", Kind::Text),
        Member::new("isSystemTask", Kind::Flag, Absent::Flag(false)),
    ],
};

static PLATFORM: Shape = Shape {
    name: "PlatformProperties",
    members: &[
        Member::new("os", Kind::Text, Absent::Refused),
        // Every recorded client sends one; runs show amd64 where nobody chose.
        Member::new("architecture", Kind::Text, Absent::Text("amd64")),
        Member::optional("variant", Kind::Text),
    ],
};

static AGENT: Shape = Shape {
    name: "AgentProperties",
    members: &[Member::optional("cpu", Kind::Number)],
};

static DOCKER_STEP: Shape = Shape {
    name: "DockerBuildStep",
    members: &[
        Member::new(DISCRIMINATOR, Kind::Text, Absent::Refused),
        Member::optional("imageNames", Kind::Texts),
        Member::new("isPushEnabled", Kind::Flag, Absent::Flag(true)),
        Member::new("noCache", Kind::Flag, Absent::Flag(false)),
        Member::new("dockerFilePath", Kind::Text, Absent::Refused),
        Member::optional("target", Kind::Text),
        Member::new("arguments", Kind::List(&ARGUMENT), Absent::EmptyList),
        Member::optional("baseImageDependencies", Kind::Dependencies),
        Member::optional(CONTEXT[0], Kind::Text),
        Member::optional(CONTEXT[1], Kind::Secret),
    ],
};

static FILE_STEP: Shape = Shape {
    name: "FileTaskStep",
    members: &[
        Member::new(DISCRIMINATOR, Kind::Text, Absent::Refused),
        Member::new("taskFilePath", Kind::Text, Absent::Refused),
        Member::optional("valuesFilePath", Kind::Text),
        Member::new("values", Kind::List(&VALUE), Absent::EmptyList),
        Member::optional("baseImageDependencies", Kind::Dependencies),
        Member::optional(CONTEXT[0], Kind::Text),
        Member::optional(CONTEXT[1], Kind::Secret),
    ],
};

static ENCODED_STEP: Shape = Shape {
    name: "EncodedTaskStep",
    members: &[
        Member::new(DISCRIMINATOR, Kind::Text, Absent::Refused),
        Member::new("encodedTaskContent", Kind::Text, Absent::Refused),
        Member::optional("encodedValuesContent", Kind::Text),
        Member::new("values", Kind::List(&VALUE), Absent::EmptyList),
        Member::optional("baseImageDependencies", Kind::Dependencies),
        Member::optional(CONTEXT[0], Kind::Text),
        Member::optional(CONTEXT[1], Kind::Secret),
    ],
};

static ARGUMENT: Shape = Shape {
    name: "Argument",
    members: &ARGUMENT_MEMBERS,
};

static VALUE: Shape = Shape {
    name: "SetValue",
    members: &ARGUMENT_MEMBERS,
};

static ARGUMENT_MEMBERS: [Member; 3] = [
    Member::new("name", Kind::Text, Absent::Refused),
    Member::optional("value", Kind::SecretIfFlagged),
    Member::new("isSecret", Kind::Flag, Absent::Flag(false)),
];

static TRIGGER: Shape = Shape {
    name: "TriggerProperties",
    members: &[
        Member::optional("timerTriggers", Kind::Named(&TIMER)),
        Member::optional("sourceTriggers", Kind::Named(&SOURCE)),
        Member::optional("baseImageTrigger", Kind::Object(&BASE_IMAGE)),
    ],
};

static TIMER: Shape = Shape {
    name: "TimerTrigger",
    members: &[
        Member::new("schedule", Kind::Text, Absent::Refused),
        Member::new("status", Kind::Text, Absent::Text("Enabled")),
        Member::new("name", Kind::Text, Absent::Refused),
    ],
};

static SOURCE: Shape = Shape {
    name: "SourceTrigger",
    members: &[
        Member::new("sourceRepository", Kind::Object(&REPOSITORY), Absent::Refused),
        Member::new("sourceTriggerEvents", Kind::Texts, Absent::Refused),
        Member::new("status", Kind::Text, Absent::Text("Enabled")),
        Member::new("name", Kind::Text, Absent::Refused),
    ],
};

static REPOSITORY: Shape = Shape {
    name: "SourceProperties",
    members: &[
        Member::new("sourceControlType", Kind::Text, Absent::Refused),
        Member::new("repositoryUrl", Kind::Text, Absent::Refused),
        Member::optional("branch", Kind::Text),
        Member::optional("sourceControlAuthProperties", Kind::HiddenObject(&AUTHENTICATION)),
    ],
};

static AUTHENTICATION: Shape = Shape {
    name: "AuthInfo",
    members: &[
        Member::new("tokenType", Kind::Text, Absent::Refused),
        Member::new("token", Kind::Secret, Absent::Refused),
        Member::optional("refreshToken", Kind::Secret),
        Member::optional("scope", Kind::Text),
        Member::optional("expiresIn", Kind::Number),
    ],
};

static BASE_IMAGE: Shape = Shape {
    name: "BaseImageTrigger",
    members: &[
        Member::new("baseImageTriggerType", Kind::Text, Absent::Refused),
        Member::optional("updateTriggerEndpoint", Kind::Secret),
        Member::optional("updateTriggerPayloadType", Kind::Text),
        Member::new("status", Kind::Text, Absent::Text("Enabled")),
        Member::new("name", Kind::Text, Absent::Refused),
    ],
};

static CREDENTIALS: Shape = Shape {
    name: "Credentials",
    members: &[
        Member::optional("sourceRegistry", Kind::Object(&SOURCE_REGISTRY)),
        Member::optional("customRegistries", Kind::Registries),
    ],
};

static SOURCE_REGISTRY: Shape = Shape {
    name: "SourceRegistryCredentials",
    members: &[
        Member::optional(SOURCE_IDENTITY, Kind::Clearable),
        Member::optional("loginMode", Kind::Text),
    ],
};

/// The member that only the newest version has.
pub(super) const SOURCE_IDENTITY: &str = "identity";

/// The credentials of one custom registry.
pub(super) static CUSTOM_REGISTRY: Shape = Shape {
    name: "CustomRegistryCredentials",
    members: &[
        Member::optional("userName", Kind::Object(&SECRET_OBJECT)),
        Member::optional("password", Kind::Object(&SECRET_OBJECT)),
        Member::optional("identity", Kind::Text),
    ],
};

static SECRET_OBJECT: Shape = Shape {
    name: "SecretObject",
    members: &[
        Member::optional("value", Kind::Secret),
        Member::optional("type", Kind::Text),
    ],
};

impl Member {
    const fn new(name: &'static str, kind: Kind, absent: Absent) -> Member {
        Member { name, kind, absent }
    }

    const fn optional(name: &'static str, kind: Kind) -> Member {
        Member::new(name, kind, Absent::Stays)
    }
}

/// The shape of a step. Nothing when its discriminator is missing or none of the known ones.
pub(super) fn step_shape(step: &serde_json::Map<String, serde_json::Value>) -> Option<&'static Shape> {
    let wanted = step.get(DISCRIMINATOR)?.as_str()?;
    let known = STEPS.iter().find(|(name, _)| *name == wanted);
    known.map(|(_, shape)| *shape)
}
