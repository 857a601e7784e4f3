//! What ACR Tasks makes of a document.

use std::collections::BTreeSet;

use super::{
    Finding,
    document::{Content, Document, Node},
    template::UNKNOWN,
};

/// The documented properties of a task.
const PROPERTIES: &[&str] = &[
    "version",
    "stepTimeout",
    "workingDirectory",
    "env",
    "secrets",
    "networks",
    "volumes",
    "alias",
    "steps",
];

/// What a step does: exactly one of these.
const KINDS: [&str; 3] = ["cmd", "build", "push"];

/// Documented versions of task files; casing does not matter.
const VERSIONS: &[&str] = &["v1.1.0", "v1.0.0", "1.0-preview-1"];

/// Properties of a step that are whole numbers; those of time are seconds.
const NUMBERS: &[&str] = &["timeout", "startDelay", "retryDelay", "retries", "repeat"];

/// In `when`: depends on nothing.
const AT_ONCE: &str = "-";

/// Longest piece of a text that a finding repeats, in characters.
const SHOWN_MAX: usize = 40;

/// Judges a document; in an `open` one a missing part may be rendered.
pub(super) fn judge(document: &Document, open: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(root) = &document.root else {
        return vec![Finding::at((1, 1), "the task file is empty; it needs steps")];
    };
    let Content::Map(task) = &root.content else {
        if !root.is_open() {
            let problem = "a task file is a map with the key `steps`, and this is none";
            findings.push(Finding::at(root.place, problem));
        }
        return findings;
    };
    for (key, _) in task {
        findings.extend(unknown_property(key));
    }
    findings.extend(value(task, "version").and_then(version));
    findings.extend(value(task, "stepTimeout").and_then(|node| number("stepTimeout", node)));
    match value(task, "steps") {
        Some(steps) => findings.extend(judge_steps(steps)),
        // Another map may be merged into this one.
        None if open || value(task, "<<").is_some() => {}
        None => findings.push(Finding::at(
            root.place,
            "the task has no `steps`, so that nothing would run",
        )),
    }
    findings
}

impl Node {
    fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            Content::List(_) | Content::Map(_) | Content::Alias => None,
        }
    }

    /// Whether nobody knows what it stands for before ACR has rendered it.
    fn is_open(&self) -> bool {
        match &self.content {
            Content::Scalar { text, .. } => text.contains([UNKNOWN, '$']),
            Content::Alias => true,
            Content::List(_) | Content::Map(_) => false,
        }
    }

    /// Whether it is null or an empty text.
    fn is_empty(&self) -> bool {
        match &self.content {
            Content::Scalar { text, plain } => text.is_empty() || *plain && matches!(text.as_str(), "~" | "null"),
            Content::List(list) => list.is_empty(),
            Content::Map(_) | Content::Alias => false,
        }
    }
}

fn value<'a>(map: &'a [(Node, Node)], name: &str) -> Option<&'a Node> {
    let found = map.iter().find(|(key, _)| key.text() == Some(name));
    found.map(|(_, value)| value)
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn unknown_property(key: &Node) -> Option<Finding> {
    let name = key.text().filter(|_| !key.is_open())?;
    // `x-` is where people keep what they refer to elsewhere.
    if PROPERTIES.contains(&name) || name == "<<" || name.starts_with("x-") {
        return None;
    }
    let bare = |text: &str| text.to_ascii_lowercase().trim_end_matches('s').to_owned();
    let advice = match PROPERTIES.iter().find(|known| bare(known) == bare(name)) {
        Some(known) => format!("`{known}` is meant, probably"),
        None => format!("documented are {}", PROPERTIES.join(", ")),
    };
    let problem = format!("`{}` is no documented property of a task; {advice}", shown(name));
    Some(Finding::at(key.place, problem))
}

fn version(node: &Node) -> Option<Finding> {
    let text = node.text().filter(|_| !node.is_open() && !node.is_empty())?;
    if VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(text)) {
        return None;
    }
    let problem = format!(
        "the version \"{}\" is none; documented are v1.0.0 and v1.1.0",
        shown(text)
    );
    Some(Finding::at(node.place, problem))
}

fn number(name: &str, node: &Node) -> Option<Finding> {
    let Content::Scalar { text, plain: true } = &node.content else {
        return None;
    };
    // Other ways to write a number, such as 0x10 and 1_000, are for ACR to judge.
    let may_be = text.replace('_', "").parse::<f64>().is_ok() || text.starts_with('0');
    if node.is_open() || node.is_empty() || may_be {
        return None;
    }
    let problem = format!(
        "`{name}` is a whole number, in seconds where it is a time, and \"{}\" is none",
        shown(text)
    );
    Some(Finding::at(node.place, problem))
}

fn judge_steps(steps: &Node) -> Vec<Finding> {
    if steps.is_open() {
        return Vec::new();
    }
    let list = match &steps.content {
        _ if steps.is_empty() => {
            return vec![Finding::at(steps.place, "`steps` is empty, so that nothing would run")];
        }
        Content::List(list) => list,
        _ => {
            return vec![Finding::at(
                steps.place,
                "`steps` is a list: each step begins with a hyphen",
            )];
        }
    };
    let mut findings: Vec<Finding> = list.iter().flat_map(judge_step).collect();
    findings.extend(references(list));
    findings
}

fn judge_step(step: &Node) -> Vec<Finding> {
    if step.is_open() {
        return Vec::new();
    }
    let Content::Map(map) = &step.content else {
        let problem = "a step is a map with exactly one of `cmd`, `build` and `push`, and this is none";
        return vec![Finding::at(step.place, problem)];
    };
    let mut findings: Vec<Finding> = NUMBERS
        .iter()
        .filter_map(|name| number(name, value(map, name)?))
        .collect();
    let given: Vec<&(Node, Node)> = map
        .iter()
        .filter(|(key, value)| key.text().is_some_and(|key| KINDS.contains(&key)) && !value.is_empty())
        .collect();
    match given[..] {
        [] => {
            // Keys that are rendered or merged may be the one.
            let settled = map.iter().all(|(key, _)| !key.is_open() && key.text() != Some("<<"));
            if settled {
                let problem = "this step has none of `cmd`, `build` and `push`; it needs exactly one";
                findings.push(Finding::at(step.place, problem));
            }
        }
        [(key, value)] => findings.extend(wrong_kind(key, value)),
        [_, second, ..] => {
            let names: Vec<String> = given
                .iter()
                .filter_map(|(key, _)| key.text().map(|key| format!("`{key}`")))
                .collect();
            let problem = format!("this step has {}; it needs exactly one", names.join(" and "));
            findings.push(Finding::at(second.0.place, problem));
        }
    }
    findings
}

fn wrong_kind(key: &Node, value: &Node) -> Option<Finding> {
    let problem = match (key.text()?, &value.content) {
        _ if value.is_open() => return None,
        ("push", Content::List(_)) | ("cmd" | "build", Content::Scalar { .. }) => return None,
        ("push", _) => "`push` is a list of images, even of one: push: [\"image:tag\"]".to_owned(),
        (name, _) => format!("`{name}` is one text, not a list or a map"),
    };
    Some(Finding::at(value.place, problem))
}

/// Ids that two steps share, and ids in `when` that no step has.
fn references(steps: &[Node]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ids = BTreeSet::new();
    // An id that is not known yet may be the one that is referred to.
    let mut settled = true;
    for (index, step) in steps.iter().enumerate() {
        let Content::Map(map) = &step.content else {
            settled = false;
            continue;
        };
        settled &= map.iter().all(|(key, _)| !key.is_open() && key.text() != Some("<<"));
        match value(map, "id").filter(|id| !id.is_empty()) {
            Some(id) if id.is_open() => settled = false,
            Some(id) => {
                let text = id.text().unwrap_or_default();
                if !ids.insert(text.to_owned()) {
                    let problem = format!("another step has the id \"{}\" already", shown(text));
                    findings.push(Finding::at(id.place, problem));
                }
            }
            None => {
                ids.insert(format!("acb_step_{index}"));
            }
        }
    }
    let Some(ids) = settled.then_some(ids) else {
        return findings;
    };
    for step in steps {
        let Content::Map(map) = &step.content else { continue };
        let Some(Content::List(when)) = value(map, "when").map(|node| &node.content) else {
            continue;
        };
        for id in when.iter().filter(|id| !id.is_open()) {
            let text = id.text().unwrap_or(AT_ONCE);
            if text != AT_ONCE && !ids.contains(text) {
                let problem = format!("no step has the id \"{}\"", shown(text));
                findings.push(Finding::at(id.place, problem));
            }
        }
    }
    findings
}
