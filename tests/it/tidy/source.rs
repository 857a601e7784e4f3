//! Reads just enough Rust to know which paths a file names.

/// The text with comments and literals blanked, at the same offsets, so that words in prose are no code.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match &bytes[at..] {
            [b'/', b'/', ..] => find(bytes, at, b"\n"),
            [b'/', b'*', ..] => find(bytes, at + 2, b"*/") + 2,
            [b'r', b'"', ..] | [b'r', b'#', b'"' | b'#', ..] => raw_end(bytes, at),
            [b'"', ..] => string_end(bytes, at),
            // A quoted character, as opposed to a lifetime.
            [b'\'', b'\\', _, rest @ ..] => at + 3 + rest.iter().position(|it| *it == b'\'').unwrap_or(0) + 1,
            [b'\'', _, b'\'', ..] => at + 3,
            _ => {
                at += 1;
                continue;
            }
        };
        let end = end.min(bytes.len());
        out[at..end]
            .iter_mut()
            .filter(|it| **it != b'\n')
            .for_each(|it| *it = b' ');
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Every path below `root`, with its line; a group in braces counts as one path a member.
pub fn paths(code: &str, root: &str) -> Vec<(usize, Vec<String>)> {
    let start = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&start) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c)) {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let mut trees = Vec::new();
        tree(&code[at + start.len()..], &mut Vec::new(), &mut trees);
        found.extend(
            trees
                .into_iter()
                .filter(|path| !path.is_empty())
                .map(|path| (line, path)),
        );
    }
    found
}

/// Reads one use tree and returns what follows it.
fn tree<'a>(code: &'a str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let code = code.trim_start();
    if let Some(group) = code.strip_prefix('{') {
        let mut rest = group;
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            if let Some(rest) = rest.strip_prefix('}') {
                return rest;
            }
            let after = tree(rest, prefix, found);
            // What is no use tree ends the group instead of looping over it.
            if after.len() == rest.len() {
                return rest;
            }
            rest = after;
        }
    }
    let end = code
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(code.len());
    let (name, mut rest) = code.split_at(end);
    if name.is_empty() {
        return rest.strip_prefix('*').unwrap_or(rest);
    }
    prefix.push(name.to_owned());
    if let Some(below) = rest.strip_prefix("::") {
        let before = found.len();
        rest = tree(below, prefix, found);
        // A glob or a turbofish ends the path here.
        if found.len() == before {
            found.push(prefix.clone());
        }
    } else {
        found.push(prefix.clone());
        if let Some(alias) = rest.strip_prefix(" as ") {
            rest = alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        }
    }
    prefix.pop();
    rest
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> usize {
    bytes[from..]
        .windows(what.len())
        .position(|it| it == what)
        .map_or(bytes.len(), |it| from + it)
}

fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_end(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at + 1..].iter().take_while(|it| **it == b'#').count();
    // `r#name` is an identifier.
    if bytes.get(at + 1 + hashes) != Some(&b'"') {
        return at + 1;
    }
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    find(bytes, at + hashes + 2, &close) + close.len()
}

#[test]
fn comments_and_literals_are_blanked_and_lines_kept() {
    let text =
        "a // crate::b\n/* c\nd */ e(\"f \\\" g\", 'h', '\\'', r#\"i \" j\"#, r\"k\") fn l<'m>(n: &'m u8) { r#type }";
    let code = code_only(text);
    assert_eq!(code.len(), text.len());
    assert_eq!(code.matches('\n').count(), 2);
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words.join(" "), "a e( , , , , ) fn l<'m>(n: &'m u8) { r#type }");
}

#[test]
fn groups_are_read_as_the_paths_they_stand_for() {
    let code = "x\nuse crate::{a::{b, c as d}, e, f::*};\nlet g = crate::h::<i>(); mycrate::j; crate::k::l!();";
    let found: Vec<(usize, String)> = paths(code, "crate")
        .into_iter()
        .map(|(line, it)| (line, it.join("::")))
        .collect();
    let expected = [(2, "a::b"), (2, "a::c"), (2, "e"), (2, "f"), (3, "h"), (3, "k::l")];
    assert_eq!(found, expected.map(|(line, it)| (line, it.to_owned())));
}

#[test]
fn a_group_that_never_ends_is_left() {
    assert_eq!(paths("crate::{a, (", "crate"), [(1, vec!["a".to_owned()])]);
}
