//! Go templates in a task file: what is left of the text when nobody knows what they render to.

/// Stands for each character of an action: in the private use of Unicode, so that no task file has it for anything else.
pub(super) const UNKNOWN: char = '\u{E000}';

/// Words at the beginning of actions that decide what is rendered, and how often.
const DECIDING: &[&str] = &[
    "if", "else", "end", "range", "with", "define", "block", "break", "continue", "template",
];

/// A text whose actions are masked, each character by one, so that lines and columns stay what they were.
pub(super) struct Masked {
    pub(super) text: String,
    /// An action may add or remove whole lines.
    pub(super) may_be_anything: bool,
    /// Lines with an action, counted from 1.
    lines: Vec<usize>,
}

impl Masked {
    /// # Errors
    /// Line and column of an action that never ends.
    pub(super) fn of(text: &str) -> Result<Self, (usize, usize)> {
        let mut masked = Self {
            text: String::with_capacity(text.len()),
            may_be_anything: false,
            lines: Vec::new(),
        };
        let mut rest = text;
        let mut line = 1;
        while let Some(start) = rest.find("{{") {
            masked.text.push_str(&rest[..start]);
            line += rest[..start].matches('\n').count();
            let Some(length) = length(&rest[start..]) else {
                let before = masked.text.rsplit('\n').next().unwrap_or_default();
                return Err((line, before.chars().count() + 1));
            };
            let action = &rest[start..start + length];
            masked.may_be_anything |= is_structural(action);
            masked.lines.push(line);
            line += action.matches('\n').count();
            masked.text.extend(action.chars().map(|_| UNKNOWN));
            rest = &rest[start + length..];
        }
        masked.text.push_str(rest);
        let alone = |line: &str| line.contains(UNKNOWN) && line.chars().all(|c| c == UNKNOWN || c.is_whitespace());
        masked.may_be_anything |= masked.text.lines().any(alone);
        Ok(masked)
    }

    pub(super) fn has_actions(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Whether an action is on this line or on the one before it.
    pub(super) fn touches(&self, line: usize) -> bool {
        self.lines.iter().any(|at| *at == line || at + 1 == line)
    }
}

/// The length in bytes of the action that the text begins with. Braces within its quotes do not end it.
fn length(text: &str) -> Option<usize> {
    let comment = text[2..].trim_start_matches('-').trim_start().starts_with("/*");
    if comment {
        let end = text.find("*/")? + 2;
        return Some(end + text[end..].find("}}")? + 2);
    }
    let mut quote = None;
    let mut escaped = false;
    let mut previous = ' ';
    for (at, c) in text.char_indices().skip(2) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(open) if c == '\\' && open != '`' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if c == '}' && previous == '}' => return Some(at + 1),
            None => {}
        }
        previous = if quote.is_some() { ' ' } else { c };
    }
    None
}

/// Whether an action does more than put a value in its place.
fn is_structural(action: &str) -> bool {
    let inner = &action[2..action.len() - 2];
    let word = inner.split_whitespace().next().unwrap_or_default();
    inner.starts_with('-')
        || inner.ends_with('-')
        || inner.contains('\n')
        || word.starts_with("/*")
        || DECIDING.contains(&word)
        // Assignments render to nothing.
        || word.starts_with('$') && inner.contains('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_masked_in_their_place() {
        for (text, expected) in [
            ("a: b", "a: b"),
            ("a: {{.Run.ID}}!", "a: ___________!"),
            ("a: {{ printf \"}}\" }}!", "a: _________________!"),
            ("a: {{ `}}` }}{{ '}' }}", "a: ___________________"),
            ("é: {{.é}}", "é: ______"),
            ("a: {b: {c: 1}}", "a: {b: {c: 1}}"),
        ] {
            let masked = Masked::of(text).unwrap();
            assert_eq!(masked.text.replace(UNKNOWN, "_"), expected);
            assert!(!masked.may_be_anything, "{text}");
        }
    }

    #[test]
    fn what_may_be_anything_is_seen() {
        for (text, expected) in [
            ("{{if .Values.x}}a{{end}}: b", true),
            ("a: {{- .Values.x }}", true),
            ("a: {{ .Values.x -}}", true),
            ("a: b\n  {{ .Values.x }}\n", true),
            ("a: {{ $x := 1 }}b", true),
            ("a: {{/* a comment */}}b", true),
            ("a: {{ printf\n\"x\" }}", true),
            ("a: {{ .Values.if }}", false),
            ("- {{ .Values.step }}", false),
            ("a: {{ $x }}", false),
        ] {
            assert_eq!(Masked::of(text).unwrap().may_be_anything, expected, "{text}");
        }
    }

    #[test]
    fn an_action_that_never_ends_has_its_place() {
        for (text, place) in [
            ("a: {{.Run.ID}\nb: c", (1, 4)),
            ("a: b\né: x{{ \"}}\nb: c", (2, 5)),
            ("{{", (1, 1)),
            ("{{/* }}", (1, 1)),
        ] {
            assert_eq!(Masked::of(text).err(), Some(place), "{text}");
        }
    }

    #[test]
    fn lines_near_an_action_are_known() {
        let masked = Masked::of("a: b\nc: {{.x}}\nd: e\nf: g").unwrap();
        assert_eq!(
            [1, 2, 3, 4].map(|line| masked.touches(line)),
            [false, true, true, false]
        );
        assert!(masked.has_actions());
    }
}
