//! The little of a shell that runs need: what a command prints, how long it sleeps, whether it fails.
//!
//! `echo` prints, `sleep N` takes that long on the emulator's clock, `exit N` and `false` fail, `sh -c` and `bash -c` run
//! their word; `&&`, `||` and `;` join. Everything else succeeds and prints nothing: nothing is ever executed.

use std::collections::BTreeMap;
use std::time::Duration;

/// How deep `sh -c` may nest.
const MAX_DEPTH: usize = 8;
/// The longest sleep: beyond every timeout of a run.
const LONGEST_SLEEP: f64 = 1e6;

/// What a command did.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) lines: Vec<String>,
    pub(super) slept: Duration,
    /// The exit code.
    pub(super) code: u32,
}

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Plain(String),
    /// `&&`, `||`, `;`, or a redirection.
    Operator(&'static str),
}

/// Runs a command line with these variables.
pub(super) fn run(command: &str, variables: &BTreeMap<String, String>) -> Outcome {
    let mut outcome = Outcome::default();
    run_line(command, variables, &mut outcome, 0);
    outcome
}

/// Runs words that are already apart, as the JSON form of an instruction has them.
pub(super) fn run_words(words: &[String], variables: &BTreeMap<String, String>) -> Outcome {
    let mut outcome = Outcome::default();
    run_simple(words, false, variables, &mut outcome, 0);
    outcome
}

/// Runs a line; whether the shell goes on after it.
fn run_line(command: &str, variables: &BTreeMap<String, String>, outcome: &mut Outcome, depth: usize) -> bool {
    let mut simple: Vec<String> = Vec::new();
    let mut redirected = false;
    let mut skipping = false;
    let mut words = words(command, variables);
    words.push(Word::Operator(";"));
    for word in words {
        match word {
            Word::Plain(_) if redirected => {}
            Word::Plain(text) => simple.push(text),
            Word::Operator(">") => redirected = true,
            Word::Operator(operator) => {
                if !skipping && !simple.is_empty() && !run_simple(&simple, redirected, variables, outcome, depth) {
                    return false;
                }
                skipping = match operator {
                    "&&" => outcome.code != 0,
                    "||" => outcome.code == 0,
                    _ => false,
                };
                simple.clear();
                redirected = false;
            }
        }
    }
    true
}

/// Runs one command; whether the shell goes on after it.
fn run_simple(
    words: &[String],
    redirected: bool,
    variables: &BTreeMap<String, String>,
    outcome: &mut Outcome,
    depth: usize,
) -> bool {
    outcome.code = 0;
    let arguments = words.get(1..).unwrap_or_default();
    let name = words
        .first()
        .map_or("", |first| first.rsplit('/').next().unwrap_or(first));
    match name {
        "echo" | "printf" => {
            let shown: Vec<&str> = arguments
                .iter()
                .map(String::as_str)
                .skip_while(|word| matches!(*word, "-n" | "-e"))
                .collect();
            if !redirected {
                let text = shown.join(" ").replace("\\n", "\n");
                outcome
                    .lines
                    .extend(text.trim_end_matches('\n').split('\n').map(str::to_string));
            }
        }
        "sleep" => outcome.slept += arguments.iter().filter_map(|text| slept(text)).sum::<Duration>(),
        "false" => outcome.code = 1,
        "exit" => {
            outcome.code = arguments.first().and_then(|code| code.parse().ok()).unwrap_or(0);
            return false;
        }
        "sh" | "bash" | "ash" => {
            let script = arguments
                .iter()
                .position(|word| word.starts_with('-') && word.ends_with('c'));
            match script.and_then(|at| arguments.get(at + 1)) {
                Some(script) if depth < MAX_DEPTH => {
                    run_line(script, variables, outcome, depth + 1);
                }
                _ => {}
            }
        }
        _ => {}
    }
    true
}

fn slept(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = digits.parse::<f64>().ok()? * unit;
    (0.0..=LONGEST_SLEEP)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

fn words(command: &str, variables: &BTreeMap<String, String>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = command.chars().peekable();
    let mut quote: Option<char> = None;
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                if let Some(next) = letters.next().filter(|next| *next != '\n') {
                    let kept = !matches!(next, '"' | '\\' | '$' | '\'' | ' ');
                    let word = word.get_or_insert_default();
                    if kept {
                        word.push('\\');
                    }
                    word.push(next);
                }
            }
            (None | Some('"'), '$') => {
                let name = variable(&mut letters);
                let value = name.map(|name| variables.get(&name).cloned().unwrap_or_default());
                word.get_or_insert_default()
                    .push_str(&value.unwrap_or_else(|| "$".into()));
            }
            (None, ';' | '&' | '|' | '\n' | '>') => {
                words.extend(word.take().map(Word::Plain));
                while letters.next_if(|next| *next == letter || *next == '&').is_some() {}
                words.push(Word::Operator(match letter {
                    '&' => "&&",
                    '|' => "||",
                    '>' => ">",
                    _ => ";",
                }));
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take().map(Word::Plain)),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word.map(Word::Plain));
    words
}

/// The name after a dollar sign, with or without braces.
fn variable(letters: &mut std::iter::Peekable<std::str::Chars>) -> Option<String> {
    let braced = letters.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(letter) = letters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(letter);
    }
    if braced {
        // Whatever else stands in braces (defaults, substitutions) is beyond this shell.
        while letters.next().is_some_and(|letter| letter != '}') {}
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let variables = BTreeMap::from([("NAME".to_string(), "world".to_string())]);
        for (command, lines, slept, code) in [
            ("echo hello", vec!["hello"], 0, 0),
            ("echo \"hello $NAME\" && exit 3", vec!["hello world"], 0, 3),
            ("echo 'hello $NAME'; exit 0", vec!["hello $NAME"], 0, 0),
            ("false && echo no", vec![], 0, 1),
            ("false || echo yes", vec!["yes"], 0, 0),
            ("false; echo yes", vec!["yes"], 0, 0),
            ("sleep 90 && sleep 1m", vec![], 150, 0),
            ("sh -c 'echo a; exit 2'", vec!["a"], 0, 2),
            ("/bin/bash -ec \"echo ${NAME}!\"", vec!["world!"], 0, 0),
            ("echo secret > file && echo shown", vec!["shown"], 0, 0),
            ("make all", vec![], 0, 0),
            ("echo \"unclosed", vec!["unclosed"], 0, 0),
            ("", vec![], 0, 0),
        ] {
            let expected = Outcome {
                lines: lines.into_iter().map(str::to_string).collect(),
                slept: Duration::from_secs(slept),
                code,
            };
            assert_eq!(run(command, &variables), expected, "{command}");
        }
    }
}
