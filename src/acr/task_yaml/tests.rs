//! Task files as tables: what is found, where, and what is left alone.

use super::*;

/// Findings as `line:column problem`.
fn found(text: &str) -> Vec<String> {
    let told = |finding: &Finding| format!("{}:{} {}", finding.line, finding.column, finding.problem);
    check(text).iter().map(told).collect()
}

/// Files that ACR runs, or that nobody can judge before it renders them.
const FINE: &[&str] = &[
    "version: v1.1.0\nsteps:\n  - build: -t $Registry/hello-world:$ID -f Dockerfile .\n  - push: [\"$Registry/hello-world:$ID\"]\n",
    "steps:\n- cmd: bash echo hello\n",
    "version: v1.1.0\nsteps:\n  - push:\n    - $Registry/hello:$ID\n    - $Registry/hello:latest\n",
    "# A comment\n---\nversion: V1.0.0\nsteps: [{cmd: bash}]\n...\nwhat: follows: is not read",
    "{\"version\": \"v1.1.0\", \"steps\": [{\"cmd\": \"bash\", \"timeout\": 60}]}",
    "version: v1.1.0\nsteps: \n  - cmd: az acr purge\n    disableWorkingDirectoryOverride: true\n    timeout: 3600\n",
    "version:\nsteps:\n  - cmd: bash\n    timeout:\n    when: [\"-\"]\n",
    "stepTimeout: 600\nenv: [A=B]\nsecrets: []\nnetworks: []\nvolumes: []\nworkingDirectory: /x\nalias: {values: {a: b}}\nsteps: [{cmd: a}]",
    "steps:\n  - id: one\n    cmd: a\n  - cmd: b\n    when: [one]\n  - cmd: c\n    when: [acb_step_1, one]\n",
    // Templates.
    "steps:\n  - cmd: {{.Run.Registry}}/tool:{{.Run.ID}} run\n",
    "steps:\n  - build: -t {{ .Values.image }} .\n    timeout: {{ .Values.timeout }}\n",
    "version: {{ .Values.version }}\nsteps:\n  - cmd: a\n",
    "steps:\n  - push: {{ .Values.images }}\n",
    "steps: {{ .Values.steps }}\n",
    "steps:\n  - {{ .Values.step }}\n",
    "version: v1.1.0\nname: value\n{{ .Values.rest }}\n",
    "steps:\n{{ range .Values.images }}\n  - build: -t {{ . }} .\n{{ end }}\n",
    "steps:\n  - cmd: a\n    {{ if .Values.b }}build: b{{ end }}\n",
    "steps:\n  - {{ .Values.kind }}: a\n",
    "steps:\n  - cmd: \"{{ .Values.quote }}\" b: c\n",
    "{{ .Values.all }}",
    "version: {{ .Values.version }}\n",
    "steps:\n  - id: {{ .Values.id }}\n    cmd: a\n  - cmd: b\n    when: [one]\n",
    // Aliases of ACR and of YAML.
    "alias:\n  values:\n    step: x\nsteps:\n  - $step\n",
    "alias:\n  values:\n    more: x\nsteps:\n  - cmd: a\n  $more\n",
    "alias:\n  src: [x]\nversion: v1.1.0\n$rest\n",
    "alias:\n  directive: \"@\"\nsteps:\n  - @step\n  - cmd: a\n    build: b\n",
    "x-base: &base\n  cmd: a\nsteps:\n  - *base\n  - <<: *base\n    timeout: 5\n",
    "steps:\n  - cmd: $Registry/a\n    timeout: $time\n$key: b\n",
    // Ways to write a number.
    "stepTimeout: 0x10\nsteps:\n  - cmd: a\n    timeout: 1_000\n    retries: \"3\"\n    repeat: 1.0\n",
    // What the reader of ACR is lenient about.
    "steps:\n  - push: [\n\"a\",\n\"b\"\n]\n",
    "steps:\n  - cmd: \"a\nb\"\n",
    "steps:\n  - cmd:\ta\n",
    // Text that may be rendered to something that ends before the next line.
    "steps:\n  - cmd: >\n      {{ .Values.a }} b\n    c\n  - cmd: d\n",
];

#[test]
fn what_runs_or_cannot_be_judged_is_left_alone() {
    for text in FINE {
        assert_eq!(found(text), Vec::<String>::new(), "{text}");
        let encoded = canonical_base64(text);
        assert_eq!(found(&encoded), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_fails_every_run_is_found_where_it_is() {
    for (text, expected) in [
        ("", &["1:1 the task file is empty"][..]),
        ("# nothing\n", &["1:1 the task file is empty"]),
        ("hello", &["1:1 a task file is a map"]),
        ("- cmd: bash", &["1:1 a task file is a map"]),
        ("version: v1.1.0\n", &["1:1 the task has no `steps`"]),
        ("version: v1.1.0\nsteps:\n", &["`steps` is empty"]),
        ("version: v1.1.0\nsteps: []\n", &["2:8 `steps` is empty"]),
        ("steps:\n  cmd: bash\n", &["2:3 `steps` is a list"]),
        ("steps: bash\n", &["1:8 `steps` is a list"]),
        (
            "version: v2\nsteps:\n  - cmd: a",
            &["1:10 the version \"v2\" is none; documented are v1.0.0 and v1.1.0"],
        ),
        (
            "version: 1.1.0\nsteps:\n  - cmd: a",
            &["1:10 the version \"1.1.0\" is none"],
        ),
        (
            "step:\n  - cmd: a\n",
            &[
                "1:1 `step` is no documented property of a task; `steps` is meant",
                "1:1 the task has no `steps`",
            ],
        ),
        (
            "Steps:\n  - cmd: a\n",
            &[
                "1:1 `Steps` is no documented property of a task; `steps` is meant",
                "no `steps`",
            ],
        ),
        (
            "trigger: x\nsteps:\n  - cmd: a\n",
            &["1:1 `trigger` is no documented property of a task; documented are version, stepTimeout"],
        ),
        (
            "steps:\n  - id: a\n",
            &["2:5 this step has none of `cmd`, `build` and `push`"],
        ),
        ("steps:\n  - cmd:\n", &["2:5 this step has none of"]),
        ("steps:\n  - cmd: \"\"\n    push: []\n", &["2:5 this step has none of"]),
        (
            "steps:\n  - cmd: a\n    build: b\n",
            &["3:5 this step has `cmd` and `build`; it needs exactly one"],
        ),
        (
            "steps:\n  - cmd: {{.Values.a}}\n    build: b\n",
            &["3:5 this step has `cmd` and `build`"],
        ),
        ("steps:\n  - bash\n", &["2:5 a step is a map"]),
        ("steps:\n  -\n", &["a step is a map"]),
        ("steps:\n  - push: image:tag\n", &["2:11 `push` is a list of images"]),
        ("steps:\n  - cmd: [bash, echo]\n", &["2:10 `cmd` is one text"]),
        ("steps:\n  - build:\n      context: .\n", &["3:7 `build` is one text"]),
        (
            "stepTimeout: 10m\nsteps:\n  - cmd: a\n    retries: many\n",
            &[
                "1:14 `stepTimeout` is a whole number",
                "4:14 `retries` is a whole number",
            ],
        ),
        (
            "steps:\n  - id: a\n    cmd: a\n  - id: a\n    cmd: b\n",
            &["4:9 another step has the id \"a\" already"],
        ),
        (
            "steps:\n  - id: a\n    cmd: a\n  - cmd: b\n    when: [a, b]\n",
            &["5:15 no step has the id \"b\""],
        ),
        // Several at once, in their order.
        (
            "versoin: v1\nsteps:\n  - cmd: a\n    build: b\n  - id: x\n",
            &["1:1 `versoin`", "4:5 this step has", "5:5 this step has none"],
        ),
        // Syntax.
        (
            "steps:\n  - cmd: a: b\n",
            &["2:11 this is no valid YAML: mapping values are not allowed"],
        ),
        (
            "steps:\n  - cmd: \"a\n",
            &["this is no valid YAML: while scanning a quoted scalar"],
        ),
        ("steps:\n\t- cmd: a\n", &["2:"]),
        ("version 1.1.0\nsteps:\n- cmd: a\n", &["this is no valid YAML"]),
        ("steps:\n  - cmd: a\n - cmd: b\n", &["this is no valid YAML"]),
        (
            "steps:\n  - cmd: |\n    a\n",
            &["a line before this one is a key without a colon, or text that is not indented enough"],
        ),
        ("steps: [{cmd: a}\n", &["this is no valid YAML"]),
        (
            "steps:\n  - cmd: {{.Run.ID}}\n  - cmd: b\n  - cmd: c: d\n",
            &["4:11 this is no valid YAML"],
        ),
        // Templates.
        (
            "steps:\n  - cmd: {{.Run.ID}\n",
            &["2:10 `{{` begins a template here that never ends"],
        ),
        ("{{ if .Values.x }}\nsteps: {{\n", &["2:8 `{{` begins a template"]),
    ] {
        let found = found(text);
        assert_eq!(found.len(), expected.len(), "{text}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            let fits = if expected.starts_with(|c: char| c.is_ascii_digit()) {
                found.starts_with(expected)
            } else {
                found.contains(expected)
            };
            assert!(fits, "{text}: expected {expected}, found {found}");
        }
    }
}

#[test]
fn plain_and_encoded_content_are_told_apart() {
    const TEXT: &str = "version: v1.1.0\nsteps:\n  - cmd: bash echo hello, world and everybody in it\n";
    let encoded = STANDARD.encode(TEXT);
    let lines: Vec<String> = encoded
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    for (content, encoding) in [
        (TEXT.to_owned(), Encoding::Plain),
        (encoded.clone(), Encoding::Base64),
        (format!("{encoded}\n"), Encoding::Base64),
        (lines.join("\n"), Encoding::Base64),
        (lines.join("\r\n"), Encoding::Base64),
        (encoded.trim_end_matches('=').to_owned(), Encoding::Base64),
    ] {
        assert_eq!(task_content_encoding(&content), encoding, "{content}");
        assert_eq!(canonical_base64(&content), encoded, "{content}");
        assert_eq!(decoded(&content).as_deref(), Some(TEXT), "{content}");
    }
    for plain in [
        "",
        "steps",
        "a: b",
        "steps: []",
        "hello world",
        "====",
        "abcdefgh====",
        "image",
    ] {
        assert_eq!(task_content_encoding(plain), Encoding::Plain, "{plain}");
    }
}

#[test]
fn base64_of_no_text_is_sent_as_it_is_and_told() {
    let content = STANDARD.encode([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    assert_eq!((canonical_base64(&content), decoded(&content)), (content.clone(), None));
    assert!(found(&content)[0].contains("of no UTF-8 text"));
}

#[test]
fn hostile_files_end() {
    let deep = format!("steps: {}", "[".repeat(100_000));
    let wide = format!("steps:\n{}", "  - cmd: a\n".repeat(20_000));
    let anchors = format!("x: &a [b]\nsteps: [{}]", "*a, ".repeat(10_000));
    for text in [
        deep.as_str(),
        wide.as_str(),
        anchors.as_str(),
        "%",
        "\u{0}",
        "? ? ?",
        "&a *a",
        "{{{{{{",
        "}}}}",
        "- - - -",
        "!!x !!y",
    ] {
        let _ = check(text);
    }
}
