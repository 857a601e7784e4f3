//! `.dockerignore` as Docker reads it. Pure.
//!
//! It is not `.gitignore`: a pattern without a slash is anchored at the root (`*.md` leaves `docs/a.md` in), a trailing slash
//! changes nothing, and a file below an excluded folder can be included again. A pattern holds for what it matches and all
//! that lies below; of all patterns that hold the last one decides.

use super::glob::Glob;

/// The patterns of one file, in order.
#[derive(Clone, Debug, Default)]
pub struct Dockerignore {
    patterns: Vec<Pattern>,
}

/// Which patterns hold for a folder: all of them hold below it as well.
#[derive(Clone, Debug, Default)]
pub struct Held(Vec<bool>);

#[derive(Clone, Debug)]
struct Pattern {
    glob: Glob,
    /// It began with `!`: what it holds for is included.
    includes: bool,
}

impl Dockerignore {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The line and what is wrong with it, as a clause.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (at, line) in text.lines().enumerate() {
            // Only a `#` in the first column is a comment.
            let pattern = line.trim();
            if line.starts_with('#') || pattern.is_empty() {
                continue;
            }
            let says = |why: String| format!("line {}, `{pattern}`: {why}", at + 1);
            let (includes, bare) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, pattern),
            };
            if bare.is_empty() {
                return Err(says("there is no pattern after the `!`".to_string()));
            }
            let glob = Glob::compile(&clean(bare)).map_err(says)?;
            patterns.push(Pattern { glob, includes });
        }
        Ok(Self { patterns })
    }

    /// Whether `path` (with slashes, relative to the context) is left out, and what holds below it. `parent` is what this
    /// gave for the folder that it lies in.
    pub fn excludes(&self, path: &str, parent: &Held) -> (bool, Held) {
        let mut excluded = false;
        let mut held = vec![false; self.patterns.len()];
        for (at, pattern) in self.patterns.iter().enumerate() {
            let above = parent.0.get(at).copied().unwrap_or_default();
            // One that would change nothing here is not even tried, and so does not hold below either: as Docker has it.
            held[at] = above || (pattern.includes == excluded && pattern.glob.matches(path));
            if held[at] {
                excluded = !pattern.includes;
            }
        }
        (excluded, Held(held))
    }

    /// Whether something below the excluded folder `path` may be included again.
    pub fn may_include_below(&self, path: &str) -> bool {
        let includes = |pattern: &Pattern| pattern.includes && pattern.glob.may_match_below(path);
        self.patterns.iter().any(includes)
    }
}

/// A pattern without what makes no difference: `.` and empty parts, a slash at either end; `..` takes the part before away.
/// What leads out of the context stays so and matches nothing.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|part| *part != "..") => {
                parts.pop();
            }
            ".." if pattern.starts_with('/') => {}
            other => parts.push(other),
        }
    }
    if parts.is_empty() {
        ".".to_string()
    } else {
        parts.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the walk asks: folder by folder.
    fn excluded(ignore: &Dockerignore, path: &str) -> bool {
        let (mut held, mut excluded) = (Held::default(), false);
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            (excluded, held) = ignore.excludes(&path[..end], &held);
        }
        excluded
    }

    #[test]
    fn the_last_pattern_that_holds_decides() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            // Text, what is left out, what is sent.
            ("", &[], &["a", "a/b"]),
            ("# note\n #a\na", &["a", "a/b/c", "#a"], &["b", "xa", "x/a"]),
            ("/a/\n\n ./b//c ", &["a", "a/x", "b/c", "b/c/d"], &["b", "b/d"]),
            ("*.md\n!README.md", &["a.md"], &["README.md", "docs/a.md"]),
            (
                "*.md\n!README*.md\nREADME-secret.md",
                &["README-secret.md"],
                &["README-1.md"],
            ),
            ("*.md\nREADME-secret.md\n!README*.md", &["a.md"], &["README-secret.md"]),
            ("*\n!src\n!Dockerfile", &["a", "b/c"], &["src", "src/a/b", "Dockerfile"]),
            (
                "node_modules\n!node_modules/keep/it",
                &["node_modules", "node_modules/x", "node_modules/keep"],
                &["node_modules/keep/it"],
            ),
            ("a\n!a/b\na/b/c", &["a", "a/x", "a/b/c", "a/b/c/d"], &["a/b", "a/b/d"]),
            ("!a\na", &["a"], &[]),
            (
                "**/*.log\n!logs/**",
                &["x.log", "a/b/x.log"],
                &["logs/x.log", "logs/a/x.log"],
            ),
            ("\u{feff}a", &["a"], &[]),
            ("a/../b", &["b"], &["a", "a/b"]),
            ("../x\n/../y", &["y"], &["x", "a"]),
            ("! a \nb", &["b"], &["a"]),
            ("a\r\nb\r\n", &["a", "b"], &[]),
            (".", &[], &["a"]),
        ];
        for (text, out, sent) in cases {
            let ignore = Dockerignore::parse(text).unwrap();
            for path in *out {
                assert!(excluded(&ignore, path), "{text:?} leaves {path} out");
            }
            for path in *sent {
                assert!(!excluded(&ignore, path), "{text:?} sends {path}");
            }
        }
    }

    /// A folder that nothing has excluded cannot be included again: `!` of it is lost for what is below.
    #[test]
    fn what_includes_a_folder_that_is_not_excluded_does_nothing_below() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "**/*.pem\n!certs",
                &["a.pem", "certs/a.pem", "certs/b/c.pem"],
                &["certs", "certs/a"],
            ),
            (
                "**/*.pem\n!certs/*",
                &["a.pem", "certs/b/c.pem"],
                &["certs/a.pem", "certs/b"],
            ),
            ("**/*.pem\n!certs/**", &["a.pem"], &["certs/a.pem", "certs/b/c.pem"]),
            // Here the folder is excluded before.
            ("*\n**/*.pem\n!certs", &["a.pem", "b/a.pem"], &["certs", "certs/a.pem"]),
            ("certs\n**/*.pem\n!certs", &["a.pem"], &["certs/a.pem", "certs/b/c.pem"]),
            // And here what excludes comes too late for the folder, not for what is below.
            (
                "!certs\ncerts\n!certs/a",
                &["certs", "certs/b"],
                &["certs/a", "certs/a/b"],
            ),
            ("b\n!a\na/b\n!a/b/c", &["b", "a/b", "a/b/d"], &["a", "a/c", "a/b/c"]),
        ];
        for (text, out, sent) in cases {
            let ignore = Dockerignore::parse(text).unwrap();
            for path in *out {
                assert!(excluded(&ignore, path), "{text:?} leaves {path} out");
            }
            for path in *sent {
                assert!(!excluded(&ignore, path), "{text:?} sends {path}");
            }
        }
    }

    /// An excluding pattern that changes nothing at a folder does not hold below either.
    #[test]
    fn what_excludes_a_folder_twice_holds_once() {
        let ignore = Dockerignore::parse("a\n!a/b\n").unwrap();
        assert!(!excluded(&ignore, "a/b/c"));
        // At `x`, `x*` is not tried, as `x` has excluded it; at `x/y` it does not match.
        let ignore = Dockerignore::parse("x\nx*\n!x").unwrap();
        assert!(!excluded(&ignore, "x/y"));
        let ignore = Dockerignore::parse("x\nx*\n!x/y\n").unwrap();
        assert!(excluded(&ignore, "x/z") && !excluded(&ignore, "x/y"));
    }

    /// Where Git's rules would give another answer.
    #[test]
    fn it_is_not_gitignore() {
        for (text, path, docker) in [
            ("*.md", "docs/a.md", false),
            ("a", "x/a", false),
            ("dir/\n", "dir", true),
            ("dir\n!dir/file", "dir/file", false),
            ("foo/*\n!foo/bar", "foo/bar/baz", false),
            ("\\#a", "#a", true),
        ] {
            assert_eq!(
                excluded(&Dockerignore::parse(text).unwrap(), path),
                docker,
                "{text:?} on {path}"
            );
        }
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(
            Dockerignore::parse("a\n!").unwrap_err(),
            "line 2, `!`: there is no pattern after the `!`"
        );
        assert_eq!(
            Dockerignore::parse("a[").unwrap_err(),
            "line 1, `a[`: a `[` is not closed"
        );
    }

    #[test]
    fn folders_are_walked_only_where_something_may_be_included() {
        let ignore = Dockerignore::parse("a\nb\n!a/b/c").unwrap();
        assert!(ignore.may_include_below("a") && ignore.may_include_below("a/b"));
        assert!(!ignore.may_include_below("b") && !ignore.may_include_below("a/b/c"));
        assert!(Dockerignore::parse("a\n!**/c").unwrap().may_include_below("a"));
    }
}
