//! The rows of the three kinds of steps.

use serde_json::{
    Value::{self, Null},
    json,
};

use super::row::{Base, Place, Row, Three, row};

/// All of them.
pub fn rows() -> Vec<Row> {
    [docker(), file(), encoded()].into_iter().flatten().collect()
}

/// `steps: [{cmd: bash}]` and `steps: [{cmd: sh}]`, each with a line break, in base64.
const BASH: &str = "c3RlcHM6IFt7Y21kOiBiYXNofV0K";
const SH: &str = "c3RlcHM6IFt7Y21kOiBzaH1dCg==";

const DOCKER_STEP: &str = "docker_step {\ndockerfile_path = \"Dockerfile\"\ncontext_path = \"https://github.com/contoso/app\"\npush_enabled = false\n";
const FILE_STEP: &str =
    "file_step {\ntask_file_path = \"acb.yaml\"\ncontext_path = \"https://github.com/contoso/app\"\n";
const ENCODED_STEP: &str = "encoded_step {\ntask_content = \"steps: [{cmd: bash}]\\n\"\n";

/// A block in the place of another kind of step, because a task without a step is none.
fn step(path: &'static str, otherwise: &str, block: &str, more: &str, member: &str, shows: Three<Value>) -> Row {
    let pointer: &'static str = match member {
        "target" => "/properties/step/target",
        "valuesFilePath" => "/properties/step/valuesFilePath",
        _ => "/properties/step/encodedValuesContent",
    };
    let kind = match path {
        "docker_step" => "Docker",
        "file_step" => "FileTask",
        _ => "EncodedTask",
    };
    let other = match otherwise {
        DOCKER_STEP => "Docker",
        FILE_STEP => "FileTask",
        _ => "EncodedTask",
    };
    let texts = [
        format!("{otherwise}}}"),
        format!("{block}}}"),
        format!("{block}{more}\n}}"),
    ];
    row(path, Base::Stepless, texts, pointer, shows).and(
        Place::Azure("/properties/step/type"),
        [json!(other), json!(kind), json!(kind)],
    )
}

fn docker() -> Vec<Row> {
    use Base::{Docker, Pushed};
    let mut rows = vec![
        step(
            "docker_step",
            FILE_STEP,
            DOCKER_STEP,
            "target = \"one\"",
            "target",
            [Null, Null, json!("one")],
        ),
        row(
            "docker_step.dockerfile_path",
            Docker,
            ["", "dockerfile_path = \"one\"", "dockerfile_path = \"two\""],
            "/properties/step/dockerFilePath",
            [json!("Dockerfile"), json!("one"), json!("two")],
        ),
        context_path("docker_step.context_path", Docker),
        row(
            "docker_step.image_names",
            Docker,
            [
                "",
                "image_names = [\"one:{{.Run.ID}}\", \"one\"]",
                "image_names = [\"two\"]",
            ],
            "/properties/step/imageNames",
            [Null, json!(["one:{{.Run.ID}}", "one"]), json!(["two"])],
        ),
        row(
            "docker_step.push_enabled",
            Pushed,
            ["", "push_enabled = false", "push_enabled = true"],
            "/properties/step/isPushEnabled",
            [json!(true), json!(false), json!(true)],
        ),
        row(
            "docker_step.cache_enabled",
            Docker,
            ["", "cache_enabled = false", "cache_enabled = true"],
            "/properties/step/noCache",
            [json!(false), json!(true), json!(false)],
        ),
        row(
            "docker_step.target",
            Docker,
            ["", "target = \"one\"", "target = \"two\""],
            "/properties/step/target",
            [Null, json!("one"), json!("two")],
        ),
    ];
    rows.extend(token(
        [
            "docker_step.context_access_token",
            "docker_step.context_access_token_wo",
            "docker_step.context_access_token_wo_version",
        ],
        Docker,
        "/docker_step/0/context_access_token",
        "/docker_step/0/context_access_token_wo",
        "/docker_step/0/context_access_token_wo_version",
    ));
    rows.extend(named(
        [
            "docker_step.arguments",
            "docker_step.secret_arguments",
            "docker_step.secret_arguments_wo",
            "docker_step.secret_arguments_wo_version",
        ],
        Docker,
        "/properties/step/arguments",
        [
            "/docker_step/0/secret_arguments",
            "/docker_step/0/secret_arguments_wo",
            "/docker_step/0/secret_arguments_wo_version",
        ],
    ));
    rows
}

fn file() -> Vec<Row> {
    use Base::File;
    let mut rows = vec![
        step(
            "file_step",
            ENCODED_STEP,
            FILE_STEP,
            "value_file_path = \"one\"",
            "valuesFilePath",
            [Null, Null, json!("one")],
        ),
        row(
            "file_step.task_file_path",
            File,
            ["", "task_file_path = \"one.yaml\"", "task_file_path = \"two.yaml\""],
            "/properties/step/taskFilePath",
            [json!("acb.yaml"), json!("one.yaml"), json!("two.yaml")],
        ),
        context_path("file_step.context_path", File),
        row(
            "file_step.value_file_path",
            File,
            ["", "value_file_path = \"one.yaml\"", "value_file_path = \"two.yaml\""],
            "/properties/step/valuesFilePath",
            [Null, json!("one.yaml"), json!("two.yaml")],
        ),
    ];
    rows.extend(token(
        [
            "file_step.context_access_token",
            "file_step.context_access_token_wo",
            "file_step.context_access_token_wo_version",
        ],
        File,
        "/file_step/0/context_access_token",
        "/file_step/0/context_access_token_wo",
        "/file_step/0/context_access_token_wo_version",
    ));
    rows.extend(named(
        [
            "file_step.values",
            "file_step.secret_values",
            "file_step.secret_values_wo",
            "file_step.secret_values_wo_version",
        ],
        File,
        "/properties/step/values",
        [
            "/file_step/0/secret_values",
            "/file_step/0/secret_values_wo",
            "/file_step/0/secret_values_wo_version",
        ],
    ));
    rows
}

fn encoded() -> Vec<Row> {
    use Base::Encoded;
    let mut rows = vec![
        step(
            "encoded_step",
            DOCKER_STEP,
            ENCODED_STEP,
            "value_content = \"steps: [{cmd: sh}]\\n\"",
            "encodedValuesContent",
            [Null, Null, json!(SH)],
        ),
        row(
            "encoded_step.task_content",
            Encoded,
            [
                "task_content = \"steps: [{cmd: bash}]\\n\"".to_owned(),
                format!("task_content = \"{SH}\""),
                "task_content = \"steps: [{cmd: zsh}]\\n\"".to_owned(),
            ],
            "/properties/step/encodedTaskContent",
            [json!(BASH), json!(SH), json!("c3RlcHM6IFt7Y21kOiB6c2h9XQo=")],
        ),
        row(
            "encoded_step.value_content",
            Encoded,
            ["", "value_content = \"a: 1\\n\"", "value_content = \"Yjogd28K\""],
            "/properties/step/encodedValuesContent",
            [Null, json!("YTogMQo="), json!("Yjogd28K")],
        ),
        row(
            "encoded_step.context_path",
            Encoded,
            [
                "",
                "context_path = \"https://github.com/contoso/app#main:src\"",
                "context_path = \"/dev/null\"",
            ],
            "/properties/step/contextPath",
            [
                Null,
                json!("https://github.com/contoso/app#main:src"),
                json!("/dev/null"),
            ],
        ),
    ];
    rows.extend(token(
        [
            "encoded_step.context_access_token",
            "encoded_step.context_access_token_wo",
            "encoded_step.context_access_token_wo_version",
        ],
        Encoded,
        "/encoded_step/0/context_access_token",
        "/encoded_step/0/context_access_token_wo",
        "/encoded_step/0/context_access_token_wo_version",
    ));
    rows.extend(named(
        [
            "encoded_step.values",
            "encoded_step.secret_values",
            "encoded_step.secret_values_wo",
            "encoded_step.secret_values_wo_version",
        ],
        Encoded,
        "/properties/step/values",
        [
            "/encoded_step/0/secret_values",
            "/encoded_step/0/secret_values_wo",
            "/encoded_step/0/secret_values_wo_version",
        ],
    ));
    rows
}

fn context_path(path: &'static str, base: Base) -> Row {
    row(
        path,
        base,
        [
            "",
            "context_path = \"https://github.com/contoso/one.git#dev:src\"",
            "context_path = \"oci://contoso.azurecr.io/source:v1\"",
        ],
        "/properties/step/contextPath",
        [
            json!("https://github.com/contoso/app.git#main"),
            json!("https://github.com/contoso/one.git#dev:src"),
            json!("oci://contoso.azurecr.io/source:v1"),
        ],
    )
}

/// The three arguments of a context's token. An encoded step gets a context, for a token without one is for nothing.
fn token(
    paths: Three<&'static str>,
    base: Base,
    plain: &'static str,
    write_only: &'static str,
    version: &'static str,
) -> [Row; 3] {
    let azure = "/properties/step/contextAccessToken";
    let with = |lines: &str| match base {
        Base::Encoded => format!("context_path = \"https://github.com/contoso/app\"\n{lines}"),
        _ => lines.to_owned(),
    };
    let texts = |one: &str, two: &str| [with(""), with(one), with(two)];
    let name = "context_access_token";
    let shows = || [Null, json!("one"), json!("two")];
    let [at_plain, at_write_only, at_version] = paths;
    [
        row(
            at_plain,
            base,
            texts(&format!("{name} = \"one\""), &format!("{name} = \"two\"")),
            azure,
            shows(),
        )
        .and(Place::State(plain), shows()),
        row(
            at_write_only,
            base,
            texts(
                &format!("{name}_wo = \"one\"\n{name}_wo_version = 1"),
                &format!("{name}_wo = \"two\"\n{name}_wo_version = 2"),
            ),
            azure,
            shows(),
        )
        .never_in_state(plain)
        .never_in_state(write_only),
        row(
            at_version,
            base,
            texts(
                &format!("{name}_wo = \"one\"\n{name}_wo_version = 1"),
                &format!("{name}_wo = \"one\"\n{name}_wo_version = 7"),
            ),
            azure,
            [Null, json!("one"), json!("one")],
        )
        .and(Place::State(version), [Null, json!(1), json!(7)]),
    ]
}

/// The four arguments of named values: open, secret, write-only with its version.
fn named(
    paths: [&'static str; 4],
    base: Base,
    azure: &'static str,
    [plain, write_only, version]: Three<&'static str>,
) -> [Row; 4] {
    let [at_open, at_plain, at_write_only, at_version] = paths;
    let name = |path: &str| path.rsplit_once('.').unwrap().1.to_owned();
    let one = |value: &str, secret: bool| json!([{"name": "KEY", "value": value, "isSecret": secret}]);
    let texts = |path: &str| {
        let name = name(path);
        [
            String::new(),
            format!("{name} = {{ KEY = \"one\" }}"),
            format!("{name} = {{ KEY = \"two\" }}"),
        ]
    };
    let secret = name(at_plain);
    let versioned =
        |value: &str, version: u8| format!("{secret}_wo = {{ KEY = \"{value}\" }}\n{secret}_wo_version = {version}");
    [
        row(
            at_open,
            base,
            texts(at_open),
            azure,
            [json!([]), one("one", false), one("two", false)],
        ),
        row(
            at_plain,
            base,
            texts(at_plain),
            azure,
            [json!([]), one("one", true), one("two", true)],
        )
        .and(
            Place::State(plain),
            [Null, json!({"KEY": "one"}), json!({"KEY": "two"})],
        ),
        row(
            at_write_only,
            base,
            [String::new(), versioned("one", 1), versioned("two", 2)],
            azure,
            [json!([]), one("one", true), one("two", true)],
        )
        .never_in_state(plain)
        .never_in_state(write_only),
        row(
            at_version,
            base,
            [String::new(), versioned("one", 1), versioned("one", 7)],
            azure,
            [json!([]), one("one", true), one("one", true)],
        )
        .and(Place::State(version), [Null, json!(1), json!(7)]),
    ]
}
