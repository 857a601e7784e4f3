//! Words that betray an unfinished thing or one developer's machine.

use super::Source;

/// Words that no file may hold. They are put together here, or this file would be its own first finding.
pub fn words(source: &Source) -> Vec<String> {
    // The lock file names where its packages come from.
    if source.path == "Cargo.lock" {
        return Vec::new();
    }
    let everywhere = [
        (concat!("TO", "DO"), "unfinished"),
        (concat!("FIX", "ME"), "unfinished"),
        (concat!("XX", "X"), "unfinished"),
        (concat!("todo", "!("), "unfinished"),
        (concat!("unimplemented", "!("), "unfinished"),
        (
            concat!("#[ig", "nore"),
            "a test that does not run; what could not run is printed by name",
        ),
        (concat!("../sha", "red"), "a folder that a clone does not have"),
        (concat!("/ro", "ot"), "a path of one machine"),
        (concat!("/tm", "p/"), "a path of one machine"),
        (concat!("/ho", "me/"), "a path of one machine"),
        (concat!("/wo", "rk/"), "a path of one machine"),
        (concat!("pypi", ".org"), "a package registry's host"),
        (concat!("python", "hosted.org"), "a package registry's host"),
        (concat!("crates", ".io"), "a package registry's host"),
        (concat!("npm", "js.org"), "a package registry's host"),
        (concat!("proxy.go", "lang.org"), "a package registry's host"),
    ];
    let mut findings = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for (word, why) in &everywhere {
            if line
                .match_indices(word)
                .any(|(found, _)| stands_alone(line, found, word))
            {
                findings.push(source.finding(at + 1, &format!("{word}: {why}")));
            }
        }
    }
    findings
}

/// Whether a hit is the word itself: `/values/root_module` and `s.replace("/home")` differ from a machine's path in what stands around.
fn stands_alone(line: &str, at: usize, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let (before, after) = (&line[..at], &line[at + word.len()..]);
    let open = !before.ends_with(|c: char| inner(c) || (word.starts_with('/') && "/}.~".contains(c)));
    // A word that ends in punctuation ends itself.
    let closed = word.ends_with(|c: char| !c.is_alphanumeric()) || !after.starts_with(inner);
    // A host may have others below it, a path has to begin where the word does.
    (open || word.contains(".") && !word.starts_with('.')) && closed
}

#[test]
fn a_forbidden_word_is_found_where_it_stands_alone() {
    let found = [
        concat!("// TO", "DO: later"),
        concat!("    todo", "!()"),
        concat!("#[ig", "nore]"),
        concat!("#[ig", "nore = \"slow\"]"),
        concat!("see ../sha", "red/facts"),
        concat!("HOME=/ro", "ot"),
        concat!("\"/ro", "ot/x\""),
        concat!("cp x /tm", "p/y"),
        concat!("https://files.python", "hosted.org/x"),
        concat!("https://static.crates", ".io"),
    ];
    for text in found {
        assert_eq!(words(&Source::new("README.md", text)).len(), 1, "{text}");
    }
    let fine = [
        concat!("/values/ro", "ot_module"),
        "a {}/root of",
        "METHODS",
        "~/root",
        "$TMPDIR/x",
        "${base}/home/x",
    ];
    for text in fine {
        assert_eq!(words(&Source::new("README.md", text)), Vec::<String>::new(), "{text}");
    }
    assert!(words(&Source::new("Cargo.lock", concat!("crates", ".io-index"))).is_empty());
}
