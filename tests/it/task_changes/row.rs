//! One row of the table of changes: an argument or a block of `acr_task`, the texts that it goes through, and where each must show.

use serde_json::{Map, Value, json};

use crate::agent_pool::registry;

/// The texts of a row: without the argument or block, with one value, and with another one.
pub type Three<T> = [T; 3];

/// In which order a row goes through its texts: not there, set, changed, removed.
pub const STAGES: [(usize, &str); 4] = [(0, "not there"), (1, "set"), (2, "changed"), (0, "removed")];

/// A task that the row's argument or block is added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// A name and nothing else.
    Bare,
    /// A platform, and no step.
    Stepless,
    /// An image build that pushes nothing.
    Docker,
    /// An image build that pushes.
    Pushed,
    /// A task file in the source.
    File,
    /// A task file within the task.
    Encoded,
    /// An encoded task with a timer.
    Timer,
    /// An encoded task with a source trigger that has its token.
    Source,
    /// An encoded task with a base image trigger.
    WatchedImage,
    /// An encoded task with a system-assigned identity.
    Identity,
    /// An encoded task that logs in to its own registry.
    OwnRegistry,
    /// An encoded task that logs in to another registry, by its identity.
    OtherRegistry,
    /// An encoded task with an empty block of timeouts.
    Timeouts,
}

/// Where a value must show.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// In the task as Azure stores it, secrets among it; a JSON pointer.
    Azure(&'static str),
    /// The names of the members of an object there.
    Names(&'static str),
    /// In the attributes of Terraform's state; a JSON pointer.
    State(&'static str),
}

/// One row.
pub struct Row {
    /// The argument or block, from the top: `docker_step.target`.
    pub path: &'static str,
    /// What it is added to.
    base: Base,
    /// What is written in the block that holds it.
    texts: Three<String>,
    /// What then shows, and where. Null where nothing is.
    shows: Vec<(Place, Three<Value>)>,
}

/// A row whose value shows in Azure.
pub fn row<T: Into<String>>(
    path: &'static str,
    base: Base,
    texts: Three<T>,
    pointer: &'static str,
    shows: Three<Value>,
) -> Row {
    Row {
        path,
        base,
        texts: texts.map(Into::into),
        shows: vec![(Place::Azure(pointer), shows)],
    }
}

impl Row {
    /// A row whose value shows in Terraform's state only.
    pub fn of_state(
        path: &'static str,
        base: Base,
        texts: Three<String>,
        pointer: &'static str,
        shows: Three<Value>,
    ) -> Self {
        Self {
            path,
            base,
            texts,
            shows: vec![(Place::State(pointer), shows)],
        }
    }

    /// What else shows.
    pub fn and(mut self, place: Place, shows: Three<Value>) -> Self {
        self.shows.push((place, shows));
        self
    }

    /// What must show nowhere but in Azure.
    pub fn never_in_state(self, pointer: &'static str) -> Self {
        self.and(Place::State(pointer), [Value::Null, Value::Null, Value::Null])
    }

    /// The texts, to be compared.
    pub fn texts(&self) -> &Three<String> {
        &self.texts
    }

    /// The task's name: the only row with a bare base is about the system task, whose name is given.
    pub fn task(&self, number: usize) -> String {
        match self.base {
            Base::Bare => "quicktask".to_owned(),
            _ => format!("row-{number:03}"),
        }
    }

    /// The resource's name, which failures show: the path and the row's number.
    pub fn label(&self, number: usize) -> String {
        format!("{}-{number:03}", self.path.replace('.', "-"))
    }

    /// The resource with its text of this index.
    pub fn resource(&self, number: usize, text: usize) -> String {
        let holder = self.path.rsplit_once('.').map_or("", |(holder, _)| holder);
        let body = self.base.with(holder, &self.texts[text]);
        format!(
            "resource \"acr_task\" \"{}\" {{\n  name        = \"{}\"\n  registry_id = \"{}\"\n{body}}}\n",
            self.label(number),
            self.task(number),
            registry()
        )
    }

    /// What is wrong in Azure and in the state after the text of this index.
    pub fn problems(&self, text: usize, azure: &Value, state: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        for (place, shows) in &self.shows {
            let found = match place {
                Place::Azure(pointer) => azure.pointer(pointer).cloned(),
                Place::State(pointer) => state.pointer(pointer).cloned(),
                Place::Names(pointer) => azure.pointer(pointer).and_then(Value::as_object).map(names),
            };
            let found = found.unwrap_or(Value::Null);
            if found != shows[text] {
                problems.push(format!("{place:?} is {found} and should be {}", shows[text]));
            }
        }
        problems
    }
}

fn names(object: &Map<String, Value>) -> Value {
    let mut names: Vec<&String> = object.keys().collect();
    names.sort();
    json!(names)
}

/// A secret in its two forms, with the version of the write-only one. `lines` stand beside each text, also where there is
/// no secret.
pub struct Secret {
    pub base: Base,
    /// The paths of the argument, of its write-only form and of the version.
    pub paths: Three<&'static str>,
    /// Where each of them would be in the state.
    pub state: Three<&'static str>,
    pub azure: &'static str,
    pub lines: &'static str,
    /// What a secret needs beside it, and nothing else does.
    pub beside: &'static str,
    pub absent: (&'static str, Value),
    pub values: [&'static str; 2],
}

impl Secret {
    pub fn rows(self) -> [Row; 3] {
        let [at_plain, at_write_only, at_version] = self.paths;
        let [plain, write_only, version] = self.state;
        let [one, two] = self.values;
        let (text, shown) = self.absent;
        let name = at_plain.rsplit_once('.').unwrap().1;
        let texts = |one: String, two: String| {
            let with = |secret: String| format!("{}{}{secret}", self.lines, self.beside);
            [format!("{}{text}", self.lines), with(one), with(two)]
        };
        let versioned =
            |value: &str, version: u8| format!("{name} = null\n{name}_wo = \"{value}\"\n{name}_wo_version = {version}");
        let shows = [shown.clone(), json!(one), json!(two)];
        [
            row(
                at_plain,
                self.base,
                texts(format!("{name} = \"{one}\""), format!("{name} = \"{two}\"")),
                self.azure,
                shows.clone(),
            )
            .and(Place::State(plain), shows.clone()),
            row(
                at_write_only,
                self.base,
                texts(versioned(one, 1), versioned(two, 2)),
                self.azure,
                shows,
            )
            .and(Place::State(plain), [shown.clone(), Value::Null, Value::Null])
            .never_in_state(write_only),
            row(
                at_version,
                self.base,
                texts(versioned(one, 1), versioned(one, 7)),
                self.azure,
                [shown, json!(one), json!(one)],
            )
            .and(Place::State(version), [Value::Null, json!(1), json!(7)]),
        ]
    }
}

/// A platform, and a place for the row's text beside it. `~block~` is where the text of a row about that block goes.
const PLATFORM: &str = "platform {\n~platform~\nos = \"Linux\"\n}\n";

const DOCKER: &str = "docker_step {\n~docker_step~\ndockerfile_path = \"Dockerfile\"\ncontext_path = \"https://github.com/contoso/app.git#main\"\n";

const FILE: &str = "file_step {\n~file_step~\ntask_file_path = \"acb.yaml\"\ncontext_path = \"https://github.com/contoso/app.git#main\"\n}\n";

const ENCODED: &str =
    "encoded_step {\n~encoded_step~\ntask_content = \"version: v1.1.0\\nsteps:\\n  - cmd: bash echo hello\\n\"\n}\n";

const TIMER: &str = "timer_trigger {\n~timer_trigger~\nname = \"nightly\"\nschedule = \"0 21 * * *\"\n}\n";

const SOURCE: &str = "source_trigger {\n~source_trigger~\nname = \"push\"\nevents = [\"commit\"]\nsource_type = \"Github\"\nrepository_url = \"https://github.com/contoso/app\"\nauthentication {\n~source_trigger.authentication~\ntoken_type = \"PAT\"\ntoken = \"base-token\"\n}\n}\n";

const BASE_IMAGE: &str = "base_image_trigger {\n~base_image_trigger~\nname = \"base\"\ntype = \"Runtime\"\n}\n";

const IDENTITY: &str = "identity {\n~identity~\ntype = \"SystemAssigned\"\n}\n";

const OWN_REGISTRY: &str = "registry_credential {\n~registry_credential~\nsource {\n~registry_credential.source~\nlogin_mode = \"Default\"\n}\n}\n";

const OTHER_REGISTRY: &str = "registry_credential {\n~registry_credential~\ncustom {\n~registry_credential.custom~\nlogin_server = \"other.example\"\nidentity = \"[system]\"\n}\n}\n";

const TIMEOUTS: &str = "timeouts {\n~timeouts~\n}\n";

impl Base {
    /// The body of a task with `text` in the block `holder`. An argument of the base that the text has too gives way.
    fn with(self, holder: &str, text: &str) -> String {
        let hole = format!("~{holder}~");
        let given: Vec<&str> = text.lines().filter_map(argument).collect();
        let template = self.template();
        assert!(template.contains(&hole), "{self:?} has no block {holder:?}");
        let mut body = String::new();
        let mut inside = false;
        for line in template.lines() {
            if line == hole {
                inside = true;
                body += text;
                body.push('\n');
            } else if line.starts_with('~') {
                // A block that the row is not about.
            } else {
                inside = inside && argument(line).is_some();
                if !(inside && argument(line).is_some_and(|name| given.contains(&name))) {
                    body += line;
                    body.push('\n');
                }
            }
        }
        body
    }

    fn template(self) -> String {
        let encoded = |more: &str| format!("~~\n{PLATFORM}{ENCODED}{more}");
        match self {
            Self::Bare => "~~\n".to_owned(),
            Self::Stepless => format!("~~\n{PLATFORM}"),
            Self::Docker => format!("~~\n{PLATFORM}{DOCKER}push_enabled = false\n}}\n"),
            Self::Pushed => format!("~~\n{PLATFORM}{DOCKER}image_names = [\"app:v1\"]\n}}\n"),
            Self::File => format!("~~\n{PLATFORM}{FILE}"),
            Self::Encoded => encoded(""),
            Self::Timer => encoded(TIMER),
            Self::Source => encoded(SOURCE),
            Self::WatchedImage => encoded(BASE_IMAGE),
            Self::Identity => encoded(IDENTITY),
            Self::OwnRegistry => encoded(&format!("{IDENTITY}{OWN_REGISTRY}")),
            Self::OtherRegistry => encoded(&format!("{IDENTITY}{OTHER_REGISTRY}")),
            Self::Timeouts => encoded(TIMEOUTS),
        }
    }
}

/// The name of the argument that a line sets; nothing for a block and its end.
fn argument(line: &str) -> Option<&str> {
    line.split_once(" = ").map(|(name, _)| name.trim())
}

#[test]
fn a_text_goes_into_its_block_and_what_it_names_gives_way() {
    let body = Base::Timer.with("timer_trigger", "name = \"other\"\nenabled = false");
    assert!(
        body.ends_with("timer_trigger {\nname = \"other\"\nenabled = false\nschedule = \"0 21 * * *\"\n}\n"),
        "{body}"
    );
    let body = Base::Source.with("source_trigger.authentication", "token = \"other\"");
    assert!(
        body.contains("name = \"push\"") && body.contains("token = \"other\"") && !body.contains("base-token"),
        "{body}"
    );
    assert!(!body.contains('~'), "{body}");
}
