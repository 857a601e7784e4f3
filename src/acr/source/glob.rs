//! One pattern of a `.dockerignore`, compiled and matched as Docker does: Go's path patterns plus `**`. Pure.
//!
//! Docker turns a pattern into a regular expression. This builds the same machine by hand: `*` and `?` stop at slashes, `**`
//! does not, `**/` also stands for nothing, a class may hold ranges and `^`, a backslash takes the next character's meaning
//! away. Matching takes time in proportion to pattern times path, whatever the pattern.

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    /// The pattern itself when nothing in it is special: by far the most common case.
    literal: Option<String>,
    program: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    One(OneOf),
    /// Go on at both places.
    Split(usize, usize),
    Jump(usize),
}

#[derive(Clone, Debug)]
enum OneOf {
    Exactly(char),
    NotSlash,
    Anything,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Compiles a cleaned pattern.
    ///
    /// # Errors
    /// What is wrong with it, as a clause.
    pub(super) fn compile(pattern: &str) -> Result<Self, String> {
        let mut program = Vec::new();
        if let Some(ending) = ending(pattern) {
            repeat(&mut program, OneOf::Anything);
            program.extend(ending.chars().map(|char| Step::One(OneOf::Exactly(char))));
            let literal = None;
            return Ok(Self { literal, program });
        }
        let mut chars = pattern.chars().peekable();
        let mut literal = true;
        while let Some(char) = chars.next() {
            literal &= !matches!(char, '*' | '?' | '[' | '\\');
            match char {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    // "**/" is "**" that may also stand for nothing.
                    chars.next_if_eq(&'/');
                    if chars.peek().is_none() {
                        repeat(&mut program, OneOf::Anything);
                    } else {
                        let start = program.len();
                        program.push(Step::Jump(0));
                        repeat(&mut program, OneOf::Anything);
                        program.push(Step::One(OneOf::Exactly('/')));
                        program[start] = Step::Split(start + 1, program.len());
                    }
                }
                '*' => repeat(&mut program, OneOf::NotSlash),
                '?' => program.push(Step::One(OneOf::NotSlash)),
                '[' => program.push(Step::One(class(&mut chars)?)),
                '\\' => {
                    let next = chars.next().ok_or("it ends with a backslash")?;
                    program.push(Step::One(OneOf::Exactly(next)));
                }
                other => program.push(Step::One(OneOf::Exactly(other))),
            }
        }
        Ok(Self {
            literal: literal.then(|| pattern.to_string()),
            program,
        })
    }

    /// Whether the whole path matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        if let Some(literal) = &self.literal {
            return literal == path;
        }
        let mut now = Places::new(self.program.len());
        now.reach(&self.program, 0);
        for char in path.chars() {
            let mut next = Places::new(self.program.len());
            for place in &now.list {
                if let Some(Step::One(one)) = self.program.get(*place)
                    && one.is(char)
                {
                    next.reach(&self.program, place + 1);
                }
            }
            if next.list.is_empty() {
                return false;
            }
            now = next;
        }
        now.seen[self.program.len()]
    }

    /// Whether the pattern may match something below the folder `path`.
    pub(super) fn may_match_below(&self, path: &str) -> bool {
        match &self.literal {
            Some(literal) => literal.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')),
            // A wildcard may; to find out is not worth the trouble.
            None => true,
        }
    }
}

/// Where the machine may be, without repetition.
struct Places {
    list: Vec<usize>,
    seen: Vec<bool>,
}

impl Places {
    fn new(length: usize) -> Self {
        Self {
            list: Vec::new(),
            seen: vec![false; length + 1],
        }
    }

    fn reach(&mut self, program: &[Step], place: usize) {
        if std::mem::replace(&mut self.seen[place], true) {
            return;
        }
        match program.get(place) {
            Some(Step::Split(one, other)) => {
                self.reach(program, *one);
                self.reach(program, *other);
            }
            Some(Step::Jump(to)) => self.reach(program, *to),
            _ => self.list.push(place),
        }
    }
}

impl OneOf {
    fn is(&self, char: char) -> bool {
        match self {
            Self::Exactly(wanted) => *wanted == char,
            Self::NotSlash => char != '/',
            Self::Anything => true,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&char)) != *negated
            }
        }
    }
}

/// The ending that `**.log` asks for: with two stars first and nothing else that is special, what a path ends with counts, also
/// within a name. With anything special behind, Docker takes whole names only.
fn ending(pattern: &str) -> Option<&str> {
    let rest = pattern.strip_prefix("**")?;
    let plain = !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['*', '?', '[', ']', '\\']);
    plain.then_some(rest)
}

/// Any number of `one`.
fn repeat(program: &mut Vec<Step>, one: OneOf) {
    let start = program.len();
    program.push(Step::Split(start + 1, start + 3));
    program.push(Step::One(one));
    program.push(Step::Jump(start));
}

/// The class after its opening bracket.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<OneOf, String> {
    const OPEN: &str = "a `[` is not closed";
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match chars.next().ok_or(OPEN)? {
            ']' if ranges.is_empty() => return Err("a `[]` holds nothing".to_string()),
            ']' => return Ok(OneOf::Class { negated, ranges }),
            '\\' => chars.next().ok_or(OPEN)?,
            '-' => return Err("a `-` in brackets stands alone".to_string()),
            other => other,
        };
        let mut last = first;
        if chars.next_if_eq(&'-').is_some() {
            last = match chars.next().ok_or(OPEN)? {
                '\\' => chars.next().ok_or(OPEN)?,
                ']' | '-' => return Err("a range in brackets has no end".to_string()),
                other => other,
            };
        }
        if last < first {
            return Err(format!("the range `{first}-{last}` is backwards"));
        }
        ranges.push((first, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_as_documented() {
        let cases = [
            ("a", "a", true),
            ("a", "a/b", false),
            ("*", "a", true),
            ("*", "a/b", false),
            ("*.md", "README.md", true),
            ("*/temp*", "somedir/temporary.txt", true),
            ("*/temp*", "a/b/temp", false),
            ("temp?", "tempa", true),
            ("temp?", "temp", false),
            ("a?b", "a/b", false),
            ("**", "a/b/c", true),
            ("**/b", "b", true),
            ("**/b", "a/c/b", true),
            ("**/b", "ab", false),
            ("**.log", "a.log", true),
            ("**.log", "x/a.log", true),
            ("**.log", "a.log/x", false),
            ("**b", "a/cab", true),
            ("**b*", "cab", false),
            ("**b*", "a/bc", true),
            ("**/*.go", "x.go", true),
            ("**/*.go", "a/b/x.go", true),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("a**", "abc/d", true),
            ("**/a/**/c", "x/a/y/z/c", true),
            ("a[b-d]e", "ace", true),
            ("a[b-d]e", "aze", false),
            ("a[^b-d]e", "aze", true),
            ("a[\\]x]e", "a]e", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a.b", "axb", false),
            ("a+(b)|{c}$", "a+(b)|{c}$", true),
            ("日本*", "日本語", true),
        ];
        for (pattern, path, want) in cases {
            assert_eq!(
                Glob::compile(pattern).unwrap().matches(path),
                want,
                "{pattern} on {path}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (pattern, why) in [
            ("a[b", "not closed"),
            ("a[]b", "holds nothing"),
            ("a[z-a]", "backwards"),
            ("a\\", "backslash"),
            ("[-a]", "stands alone"),
            ("[a-]", "no end"),
        ] {
            assert!(Glob::compile(pattern).unwrap_err().contains(why), "{pattern}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_longer_than_others() {
        let pattern = "**/*a".repeat(40);
        assert!(!Glob::compile(&pattern).unwrap().matches(&"a/".repeat(500)));
    }
}
