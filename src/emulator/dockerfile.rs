//! Dockerfiles: their instructions, and what building them prints.
//!
//! Nothing is built. `RUN` goes through the emulator's own [shell](super::run_shell); `COPY` and `ADD` look for what they
//! copy in the uploaded archive; a base image whose name starts with `missing` is not there.

use std::collections::BTreeMap;

use super::archives::Archive;
use super::run_log::{Block, Line};
use super::run_record::Setting;
use super::run_shell;

/// The mark of base images that cannot be pulled.
const MISSING: &str = "missing";

/// One instruction.
#[derive(Debug, PartialEq, Eq)]
struct Instruction {
    /// In upper case.
    word: String,
    rest: String,
}

/// A build, told.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) blocks: Vec<Block>,
    /// The base images, without the stages of the file itself.
    pub(super) bases: Vec<String>,
    /// Why it failed, if it did.
    pub(super) failure: Option<String>,
}

/// Builds a Dockerfile up to a stage.
pub(super) fn build(text: &str, target: Option<&str>, arguments: &[Setting], archive: Option<&Archive>) -> Build {
    let all = parse(text);
    let mut told = Build {
        blocks: Vec::new(),
        bases: Vec::new(),
        failure: None,
    };
    let Some(instructions) = up_to(&all, target) else {
        let wanted = target.unwrap_or_default();
        told.failure = Some(match wanted {
            "" => "the Dockerfile has no FROM".into(),
            wanted => format!("the Dockerfile has no stage '{wanted}'"),
        });
        return told;
    };
    let mut variables = BTreeMap::new();
    let mut stages = Vec::new();
    let count = instructions.len();
    for (at, instruction) in instructions.iter().enumerate() {
        let (word, rest) = (&instruction.word, &instruction.rest);
        let mut block = Block::printed([format!("Step {}/{count} : {word} {rest}", at + 1)]);
        let failure = match word.as_str() {
            "FROM" => {
                let (base, stage) = stage_of(rest);
                let known = stages.contains(&base.to_ascii_lowercase());
                stages.push(stage.to_ascii_lowercase());
                let image = base.rsplit('/').next().unwrap_or_default();
                let gone = !known && image.starts_with(MISSING);
                if !known && base != "scratch" && !told.bases.contains(&base) {
                    told.bases.push(base.clone());
                }
                gone.then(|| format!("the base image {base} does not exist"))
            }
            "ARG" => {
                let (name, default) = rest.split_once('=').unwrap_or((rest, ""));
                let given = arguments.iter().find(|argument| argument.name == name);
                let value = given.map_or(default.trim_matches('"'), |argument| argument.value.as_str());
                variables.insert(name.to_string(), value.to_string());
                None
            }
            "ENV" => {
                if let Some((name, value)) = rest.split_once(['=', ' ']) {
                    variables.insert(name.trim().into(), value.trim().trim_matches('"').into());
                }
                None
            }
            "RUN" => run_step(rest, &variables, &mut block),
            "COPY" | "ADD" => archive.and_then(|archive| not_there(rest, archive)),
            _ => None,
        };
        told.blocks.push(block);
        if failure.is_some() {
            told.failure = failure;
            break;
        }
    }
    told
}

fn run_step(rest: &str, variables: &BTreeMap<String, String>, block: &mut Block) -> Option<String> {
    let command = rest
        .split_whitespace()
        .find(|word| !word.starts_with("--"))
        .and_then(|first| Some(&rest[rest.find(first)?..]))
        .unwrap_or_default();
    let outcome = match serde_json::from_str::<Vec<String>>(command) {
        Ok(words) => run_shell::run_words(&words, variables),
        Err(_) => run_shell::run(command, variables),
    };
    block.lines.extend(outcome.lines.into_iter().map(Line::Printed));
    block.extra = outcome.slept;
    let code = outcome.code;
    (code != 0).then(|| format!("The command '/bin/sh -c {command}' returned a non-zero code: {code}"))
}

/// The first source of a `COPY` or `ADD` that the context does not have. Patterns, URLs, variables and other stages pass.
fn not_there(rest: &str, archive: &Archive) -> Option<String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    if words.iter().any(|word| word.starts_with("--from")) || rest.starts_with('[') || rest.contains("<<") {
        return None;
    }
    let mut sources: Vec<&str> = words.into_iter().filter(|word| !word.starts_with("--")).collect();
    sources.pop();
    let literal = |source: &&str| !source.contains(['*', '?', '[', '$']) && !source.contains("://");
    let gone = sources
        .into_iter()
        .filter(literal)
        .find(|source| !archive.holds(source));
    gone.map(|source| format!("COPY failed: '{source}' is not in the build context"))
}

/// The instructions that a build of this stage executes. Nothing when the stage is not there, or no stage at all.
fn up_to<'a>(all: &'a [Instruction], target: Option<&str>) -> Option<&'a [Instruction]> {
    let stages: Vec<(usize, String)> = all
        .iter()
        .enumerate()
        .filter(|(_, instruction)| instruction.word == "FROM")
        .map(|(at, instruction)| (at, stage_of(&instruction.rest).1))
        .collect();
    let last = match target.filter(|target| !target.is_empty()) {
        None => stages.len().checked_sub(1)?,
        Some(target) => {
            let number = target.parse().ok().filter(|number| *number < stages.len());
            let named = stages.iter().position(|(_, name)| name.eq_ignore_ascii_case(target));
            named.or(number)?
        }
    };
    let end = stages.get(last + 1).map_or(all.len(), |(at, _)| *at);
    Some(&all[..end])
}

/// Base image and stage name of what follows `FROM`.
fn stage_of(rest: &str) -> (String, String) {
    let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
    let named = words.get(1).is_some_and(|word| word.eq_ignore_ascii_case("as"));
    let stage = words.get(2).filter(|_| named).copied().unwrap_or_default();
    (words.first().copied().unwrap_or_default().into(), stage.into())
}

fn parse(text: &str) -> Vec<Instruction> {
    let mut instructions = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim().to_string();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        while let Some(begun) = line.strip_suffix('\\') {
            let next = lines.by_ref().find(|next| !next.trim_start().starts_with('#'));
            line = format!("{} {}", begun.trim_end(), next.unwrap_or_default().trim());
            if next.is_none() {
                break;
            }
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let (word, mut rest) = (word.to_ascii_uppercase(), rest.trim().to_string());
        // A here-document: what it holds is the command of a RUN, and nothing to us elsewhere.
        if let Some(mark) = rest
            .split_once("<<")
            .filter(|_| matches!(word.as_str(), "RUN" | "COPY" | "ADD"))
        {
            let end = mark
                .1
                .trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .to_string();
            let held: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != end).collect();
            if word == "RUN" {
                rest = held.join("; ");
            }
        }
        instructions.push(Instruction { word, rest });
    }
    instructions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str, target: Option<&str>) -> (String, Option<String>) {
        let secret = Setting {
            name: "V".into(),
            value: "given".into(),
            secret: false,
        };
        let build = build(text, target, &[secret], None);
        let lines = build.blocks.iter().flat_map(|block| &block.lines);
        let texts = lines.map(|line| match line {
            Line::Told(text) | Line::Printed(text) => text.as_str(),
        });
        (texts.collect::<Vec<_>>().join("|"), build.failure)
    }

    #[test]
    fn builds() {
        for (text, target, printed, failure) in [
            (
                "# comment\nFROM alpine\nARG V=default\nRUN echo $V \\\n  && echo done",
                None,
                "Step 1/3 : FROM alpine|Step 2/3 : ARG V=default|Step 3/3 : RUN echo $V && echo done|given|done",
                None,
            ),
            (
                "FROM alpine AS one\nRUN exit 1\nFROM one AS two",
                Some("two"),
                "Step 1/3 : FROM alpine AS one|Step 2/3 : RUN exit 1",
                Some("The command '/bin/sh -c exit 1' returned a non-zero code: 1"),
            ),
            (
                "FROM alpine AS one\nFROM one AS two\nRUN exit 1",
                Some("ONE"),
                "Step 1/1 : FROM alpine AS one",
                None,
            ),
            (
                "FROM alpine",
                Some("other"),
                "",
                Some("the Dockerfile has no stage 'other'"),
            ),
            ("RUN true", None, "", Some("the Dockerfile has no FROM")),
            (
                "FROM registry.example/team/missing-base:1",
                None,
                "Step 1/1 : FROM registry.example/team/missing-base:1",
                Some("the base image registry.example/team/missing-base:1 does not exist"),
            ),
            (
                "FROM a\nRUN <<EOF\necho one\nexit 4\nEOF\nRUN echo never",
                None,
                "Step 1/3 : FROM a|Step 2/3 : RUN echo one; exit 4|one",
                Some("The command '/bin/sh -c echo one; exit 4' returned a non-zero code: 4"),
            ),
            (
                "FROM a\nRUN [\"sh\", \"-c\", \"exit 2\"]",
                None,
                "Step 1/2 : FROM a|Step 2/2 : RUN [\"sh\", \"-c\", \"exit 2\"]",
                Some("The command '/bin/sh -c [\"sh\", \"-c\", \"exit 2\"]' returned a non-zero code: 2"),
            ),
        ] {
            let expected = (printed.to_string(), failure.map(str::to_string));
            assert_eq!(verdict(text, target), expected, "{text}");
        }
    }
}
