//! Task files: the steps of a YAML document, and what a run writes of them.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser};

/// How deep a document may nest: a task file has four levels.
const DEPTH_LIMIT: usize = 50;

/// One step.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TaskStep {
    /// Its id, or `acb_step_N`.
    pub(super) id: String,
    pub(super) does: Does,
    /// Its own timeout in seconds, if it has one.
    pub(super) timeout: Option<u64>,
}

/// What a step does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// `docker build` with these arguments.
    Build(String),
    /// Pushes these images.
    Push(Vec<String>),
    /// Runs a container: image and arguments.
    Cmd(String),
}

/// The nodes of a document. Aliases are not followed.
enum Node {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    fn text(&self) -> Option<&str> {
        match self {
            Node::Scalar(text) => Some(text),
            _ => None,
        }
    }

    fn get(&self, name: &str) -> Option<&Node> {
        match self {
            Node::Map(members) => members
                .iter()
                .find(|(key, _)| key.text() == Some(name))
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

/// Reads a task file. The error is what the run fails with.
pub(super) fn steps(text: &str) -> Result<Vec<TaskStep>, String> {
    let document = read(text)?.ok_or("the task file is empty")?;
    let Some(Node::List(steps)) = document.get("steps") else {
        return Err("the task file has no steps".into());
    };
    let steps = steps.iter().enumerate().map(|(at, step)| {
        let text = |name: &str| step.get(name).and_then(Node::text).map(str::to_string);
        let push = match step.get("push") {
            Some(Node::List(names)) => Some(names.iter().filter_map(Node::text).map(str::to_string).collect()),
            Some(Node::Scalar(name)) => Some(vec![name.clone()]),
            _ => None,
        };
        let does = (text("build").map(Does::Build))
            .or(push.map(Does::Push))
            .or(text("cmd").map(Does::Cmd))
            .ok_or_else(|| format!("step {at} of the task file is none of build, push and cmd"))?;
        Ok(TaskStep {
            id: text("id").unwrap_or_else(|| format!("acb_step_{at}")),
            does,
            timeout: text("timeout").and_then(|timeout| timeout.parse().ok()),
        })
    });
    steps.collect()
}

/// The values of a values file: a map of scalars.
pub(super) fn values(text: &str) -> BTreeMap<String, String> {
    match read(text) {
        Ok(Some(Node::Map(members))) => members
            .iter()
            .filter_map(|(name, value)| Some((name.text()?.to_string(), value.text()?.to_string())))
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn read(text: &str) -> Result<Option<Node>, String> {
    let mut open: Vec<(bool, Vec<Node>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| format!("the task file is no YAML: {error}"))?;
        let node = match event {
            Event::Scalar(text, ..) => Node::Scalar(text.into_owned()),
            Event::Alias(_) => Node::Scalar(String::new()),
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == DEPTH_LIMIT => {
                return Err("the task file nests too deep".into());
            }
            Event::SequenceStart(..) => {
                open.push((false, Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push((true, Vec::new()));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                None => continue,
                Some((false, nodes)) => Node::List(nodes),
                Some((true, nodes)) => {
                    let mut nodes = nodes.into_iter();
                    let pairs = std::iter::from_fn(|| Some((nodes.next()?, nodes.next()?)));
                    Node::Map(pairs.collect())
                }
            },
            _ => continue,
        };
        match open.last_mut() {
            Some((_, nodes)) => nodes.push(node),
            None => return Ok(Some(node)),
        }
    }
    Ok(None)
}

/// A text with its placeholders filled: `{{.Run.ID}}`, `{{ .Values.name }}`, `$ID`, `$Registry`.
pub(super) fn filled(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        done.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            rest = after;
            done.push_str("{{");
            continue;
        };
        let name = name.trim().trim_start_matches('.');
        done.push_str(known.get(name).map_or("", String::as_str));
        rest = after;
    }
    done.push_str(rest);
    for (alias, name) in [("$Registry", "Run.Registry"), ("$ID", "Run.ID")] {
        done = done.replace(alias, known.get(name).map_or("", String::as_str));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_files() {
        let text = "version: v1.1.0\nsteps:\n  - cmd: bash echo hello\n    timeout: 30\n  - id: image\n    build: -t app .\n  - push: [app]\n  - push:\n    - a\n    - b\n";
        let step = |id: &str, does, timeout| TaskStep {
            id: id.into(),
            does,
            timeout,
        };
        assert_eq!(
            steps(text).unwrap(),
            [
                step("acb_step_0", Does::Cmd("bash echo hello".into()), Some(30)),
                step("image", Does::Build("-t app .".into()), None),
                step("acb_step_2", Does::Push(vec!["app".into()]), None),
                step("acb_step_3", Does::Push(vec!["a".into(), "b".into()]), None),
            ]
        );
        for text in [
            "",
            "steps: 1",
            "version: v1.1.0",
            "steps:\n  - when: now",
            "a: [",
            "\"steps",
        ] {
            assert!(steps(text).is_err(), "{text}");
        }
        assert!(steps(&"[".repeat(1000)).is_err());
    }

    #[test]
    fn placeholders() {
        let known = BTreeMap::from(
            [("Run.ID", "cf7"), ("Run.Registry", "r.example"), ("Values.x", "1")].map(|(k, v)| (k.into(), v.into())),
        );
        for (text, expected) in [
            ("app:{{.Run.ID}}", "app:cf7"),
            ("$Registry/app:{{ .Values.x }}-$ID", "r.example/app:1-cf7"),
            ("{{.Run.Other}}", ""),
            ("{{open", "{{open"),
        ] {
            assert_eq!(filled(text, &known), expected);
        }
    }
}
