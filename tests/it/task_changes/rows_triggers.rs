//! The rows of what starts runs.

use serde_json::{Value::Null, json};

use super::row::{Base, Row, Secret, row};

/// All of them.
pub fn rows() -> Vec<Row> {
    [timer(), source(), authentication(), base_image()]
        .into_iter()
        .flatten()
        .collect()
}

fn timer() -> Vec<Row> {
    use Base::{Encoded, Timer};
    let block =
        |name: &str, schedule: &str| format!("timer_trigger {{\nname = \"{name}\"\nschedule = \"{schedule}\"\n}}\n");
    let shown = |name: &str, schedule: &str| json!({"name": name, "schedule": schedule, "status": "Enabled"});
    vec![
        row(
            "timer_trigger",
            Encoded,
            [
                String::new(),
                block("one", "0 21 * * *"),
                block("two", "30 3 * * 1-5") + &block("one", "0 21 * * *"),
            ],
            "/properties/trigger/timerTriggers",
            [
                Null,
                json!([shown("one", "0 21 * * *")]),
                json!([shown("two", "30 3 * * 1-5"), shown("one", "0 21 * * *")]),
            ],
        ),
        row(
            "timer_trigger.name",
            Timer,
            ["", "name = \"one\"", "name = \"two\""],
            "/properties/trigger/timerTriggers/0/name",
            [json!("nightly"), json!("one"), json!("two")],
        ),
        row(
            "timer_trigger.schedule",
            Timer,
            ["", "schedule = \"*/5 * * * *\"", "schedule = \"0 0 1 jan *\""],
            "/properties/trigger/timerTriggers/0/schedule",
            [json!("0 21 * * *"), json!("*/5 * * * *"), json!("0 0 1 jan *")],
        ),
        switch(
            "timer_trigger.enabled",
            Timer,
            "/properties/trigger/timerTriggers/0/status",
        ),
    ]
}

/// The argument that switches a trigger.
fn switch(path: &'static str, base: Base, pointer: &'static str) -> Row {
    row(
        path,
        base,
        ["", "enabled = false", "enabled = true"],
        pointer,
        [json!("Enabled"), json!("Disabled"), json!("Enabled")],
    )
}

fn source() -> Vec<Row> {
    use Base::{Encoded, Source};
    let block = |name: &str, token: &str| {
        format!(
            "source_trigger {{\nname = \"{name}\"\nevents = [\"commit\"]\nsource_type = \"Github\"\nrepository_url = \"https://github.com/contoso/{name}\"\nauthentication {{\ntoken_type = \"PAT\"\ntoken = \"{token}\"\n}}\n}}\n"
        )
    };
    let shown = |name: &str, token: &str| {
        json!({"name": name, "sourceTriggerEvents": ["commit"], "status": "Enabled",
            "sourceRepository": {"sourceControlType": "Github", "repositoryUrl": format!("https://github.com/contoso/{name}"),
                "sourceControlAuthProperties": {"tokenType": "PAT", "token": token}}})
    };
    let devops =
        "source_type = \"VisualStudioTeamService\"\nrepository_url = \"https://dev.azure.com/contoso/shop/_git/app\"";
    vec![
        row(
            "source_trigger",
            Encoded,
            [
                String::new(),
                block("one", "token-one"),
                block("two", "token-two") + &block("one", "token-one"),
            ],
            "/properties/trigger/sourceTriggers",
            [
                Null,
                json!([shown("one", "token-one")]),
                json!([shown("two", "token-two"), shown("one", "token-one")]),
            ],
        ),
        row(
            "source_trigger.name",
            Source,
            ["", "name = \"one\"", "name = \"two\""],
            "/properties/trigger/sourceTriggers/0/name",
            [json!("push"), json!("one"), json!("two")],
        ),
        row(
            "source_trigger.events",
            Source,
            [
                "",
                "events = [\"pullrequest\"]",
                "events = [\"commit\", \"pullrequest\"]",
            ],
            "/properties/trigger/sourceTriggers/0/sourceTriggerEvents",
            [
                json!(["commit"]),
                json!(["pullrequest"]),
                json!(["commit", "pullrequest"]),
            ],
        ),
        row(
            "source_trigger.source_type",
            Source,
            ["", devops, "source_type = \"Github\""],
            "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlType",
            [json!("Github"), json!("VisualStudioTeamService"), json!("Github")],
        ),
        // A company's own GitHub Enterprise has any host.
        row(
            "source_trigger.repository_url",
            Source,
            [
                "",
                "repository_url = \"https://git.contoso.example/team/app\"",
                "repository_url = \"https://github.com/contoso/other.git\"",
            ],
            "/properties/trigger/sourceTriggers/0/sourceRepository/repositoryUrl",
            [
                json!("https://github.com/contoso/app"),
                json!("https://git.contoso.example/team/app"),
                json!("https://github.com/contoso/other.git"),
            ],
        ),
        row(
            "source_trigger.branch",
            Source,
            ["", "branch = \"one\"", "branch = \"two\""],
            "/properties/trigger/sourceTriggers/0/sourceRepository/branch",
            [Null, json!("one"), json!("two")],
        ),
        switch(
            "source_trigger.enabled",
            Source,
            "/properties/trigger/sourceTriggers/0/status",
        ),
    ]
}

fn authentication() -> Vec<Row> {
    use Base::Source;
    let one = |path, texts, pointer, shows| row(path, Source, texts, pointer, shows);
    let mut rows = vec![
        one(
            "source_trigger.authentication.token_type",
            ["", "token_type = \"OAuth\"", "token_type = \"PAT\""],
            "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/tokenType",
            [json!("PAT"), json!("OAuth"), json!("PAT")],
        ),
        one(
            "source_trigger.authentication.scope",
            [
                "token_type = \"OAuth\"",
                "token_type = \"OAuth\"\nscope = \"one\"",
                "token_type = \"OAuth\"\nscope = \"two\"",
            ],
            "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/scope",
            [Null, json!("one"), json!("two")],
        ),
        one(
            "source_trigger.authentication.expire_in_seconds",
            [
                "token_type = \"OAuth\"",
                "token_type = \"OAuth\"\nexpire_in_seconds = 1",
                "token_type = \"OAuth\"\nexpire_in_seconds = 2",
            ],
            "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/expiresIn",
            [Null, json!(1), json!(2)],
        ),
    ];
    let token = Secret {
        base: Source,
        paths: [
            "source_trigger.authentication.token",
            "source_trigger.authentication.token_wo",
            "source_trigger.authentication.token_wo_version",
        ],
        state: [
            "/source_trigger/0/authentication/0/token",
            "/source_trigger/0/authentication/0/token_wo",
            "/source_trigger/0/authentication/0/token_wo_version",
        ],
        azure: "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/token",
        lines: "",
        beside: "",
        absent: ("token = \"without\"", json!("without")),
        values: ["one", "two"],
    };
    let refresh = Secret {
        base: Source,
        paths: [
            "source_trigger.authentication.refresh_token",
            "source_trigger.authentication.refresh_token_wo",
            "source_trigger.authentication.refresh_token_wo_version",
        ],
        state: [
            "/source_trigger/0/authentication/0/refresh_token",
            "/source_trigger/0/authentication/0/refresh_token_wo",
            "/source_trigger/0/authentication/0/refresh_token_wo_version",
        ],
        azure: "/properties/trigger/sourceTriggers/0/sourceRepository/sourceControlAuthProperties/refreshToken",
        lines: "token_type = \"OAuth\"\n",
        beside: "",
        absent: ("", Null),
        values: ["one", "two"],
    };
    rows.extend(token.rows());
    rows.extend(refresh.rows());
    rows
}

fn base_image() -> Vec<Row> {
    use Base::{Encoded, WatchedImage};
    let block = |kind: &str| format!("base_image_trigger {{\nname = \"base\"\ntype = \"{kind}\"\n}}");
    let mut rows = vec![
        row(
            "base_image_trigger",
            Encoded,
            [String::new(), block("All"), block("Runtime")],
            "/properties/trigger/baseImageTrigger/baseImageTriggerType",
            [Null, json!("All"), json!("Runtime")],
        ),
        row(
            "base_image_trigger.name",
            WatchedImage,
            ["", "name = \"one\"", "name = \"two\""],
            "/properties/trigger/baseImageTrigger/name",
            [json!("base"), json!("one"), json!("two")],
        ),
        row(
            "base_image_trigger.type",
            WatchedImage,
            ["", "type = \"All\"", "type = \"Runtime\""],
            "/properties/trigger/baseImageTrigger/baseImageTriggerType",
            [json!("Runtime"), json!("All"), json!("Runtime")],
        ),
        switch(
            "base_image_trigger.enabled",
            WatchedImage,
            "/properties/trigger/baseImageTrigger/status",
        ),
        row(
            "base_image_trigger.update_trigger_payload_type",
            WatchedImage,
            [
                "",
                "update_trigger_payload_type = \"Token\"",
                "update_trigger_payload_type = \"Default\"",
            ],
            "/properties/trigger/baseImageTrigger/updateTriggerPayloadType",
            [json!("Default"), json!("Token"), json!("Default")],
        ),
    ];
    let endpoint = Secret {
        base: WatchedImage,
        paths: [
            "base_image_trigger.update_trigger_endpoint",
            "base_image_trigger.update_trigger_endpoint_wo",
            "base_image_trigger.update_trigger_endpoint_wo_version",
        ],
        state: [
            "/base_image_trigger/0/update_trigger_endpoint",
            "/base_image_trigger/0/update_trigger_endpoint_wo",
            "/base_image_trigger/0/update_trigger_endpoint_wo_version",
        ],
        azure: "/properties/trigger/baseImageTrigger/updateTriggerEndpoint",
        lines: "",
        beside: "",
        absent: ("", Null),
        values: ["https://one.example/", "https://two.example/"],
    };
    rows.extend(endpoint.rows());
    rows
}
