//! From bytes, in pieces of any size, to lines without secrets. Pure; holds one unfinished line and nothing more.

use std::ops::Range;

use crate::acr::run::Secret;
use crate::azure::mask::MASKED;

/// How long a line may get, in bytes, before it is handed on in parts: a log without line ends must not fill the memory.
pub const LINE_BYTES_MAX: usize = 8 << 10;

/// How long a line of a secret of many lines must be to be taken out by itself, in bytes: taking out each `}` would leave no
/// log, and tells nobody anything.
const SECRET_LINE_BYTES_MIN: usize = 4;

/// Puts pieces together to lines and takes secrets out of them.
pub(super) struct Lines {
    /// The bytes since the last line end.
    pending: Vec<u8>,
    secrets: Vec<Vec<u8>>,
    line_max: usize,
    /// The latest piece ended with a carriage return, whose line feed may be the next one's first byte.
    after_return: bool,
}

impl Lines {
    pub(super) fn new(secrets: &[Secret]) -> Self {
        let secrets: Vec<Vec<u8>> = secrets.iter().flat_map(parts).collect();
        // A line is only cut where at least one secret's length is left after the cut.
        let longest = secrets.iter().map(Vec::len).max().unwrap_or_default();
        Self {
            pending: Vec::new(),
            secrets,
            line_max: LINE_BYTES_MAX.max(2 * longest),
            after_return: false,
        }
    }

    /// Takes a piece in and hands out each line that has come to its end, without the end.
    pub(super) fn push(&mut self, piece: &[u8], mut line: impl FnMut(String)) {
        for &byte in piece {
            // "\r\n" is one end; a lone "\r" (progress bars) is one as well.
            let ends = byte == b'\n' || byte == b'\r';
            let second_half = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if second_half {
                continue;
            }
            if ends {
                let whole = std::mem::take(&mut self.pending);
                line(self.shown(&whole));
                continue;
            }
            self.pending.push(byte);
            if self.pending.len() >= self.line_max {
                line(self.cut());
            }
        }
    }

    /// Hands out what is left without a line end.
    pub(super) fn finish(&mut self, mut line: impl FnMut(String)) {
        if !self.pending.is_empty() {
            let rest = std::mem::take(&mut self.pending);
            line(self.shown(&rest));
        }
    }

    /// The first part of a line that is too long: cut before a character and never within a secret.
    fn cut(&mut self) -> String {
        let longest = self.secrets.iter().map(Vec::len).max().unwrap_or_default();
        let mut at = self.pending.len() - longest.max(1);
        if let Some(span) = self.spans(&self.pending).into_iter().find(|span| span.contains(&at)) {
            at = span.start;
        }
        // Continuation bytes of UTF-8 begin with the bits 10; no character has more than three.
        let begins = |byte: u8| byte & 0b1100_0000 != 0b1000_0000;
        at = (at.saturating_sub(3)..=at)
            .rev()
            .find(|at| begins(self.pending[*at]))
            .unwrap_or(at);
        // A secret at the very beginning is handed out whole.
        let at = if at == 0 { self.pending.len() } else { at };
        let rest = self.pending.split_off(at);
        let first = std::mem::replace(&mut self.pending, rest);
        self.shown(&first)
    }

    pub(super) fn shown(&self, line: &[u8]) -> String {
        let (mut shown, mut from) = (String::new(), 0);
        for span in self.spans(line) {
            shown.push_str(&String::from_utf8_lossy(&line[from..span.start]));
            shown.push_str(MASKED);
            from = span.end;
        }
        shown.push_str(&String::from_utf8_lossy(&line[from..]));
        shown
    }

    /// Where secrets are: in order, those that touch joined, so that nothing of either is left.
    fn spans(&self, line: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for secret in &self.secrets {
            for (at, window) in line.windows(secret.len()).enumerate() {
                if window == secret {
                    found.push(at..at + secret.len());
                }
            }
        }
        found.sort_by_key(|span| span.start);
        let mut joined: Vec<Range<usize>> = Vec::new();
        for span in found {
            match joined.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => joined.push(span),
            }
        }
        joined
    }
}

/// What is looked for of a secret: a log is read in lines, so one of several lines is several.
fn parts(secret: &Secret) -> Vec<Vec<u8>> {
    let text = secret.expose();
    let lines: Vec<&str> = text.split(['\n', '\r']).filter(|line| !line.is_empty()).collect();
    let least = if lines.len() > 1 { SECRET_LINE_BYTES_MIN } else { 1 };
    lines
        .into_iter()
        .filter(|line| line.len() >= least)
        .map(|line| line.as_bytes().to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], size: usize, secrets: &[&str]) -> Vec<String> {
        let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::new(*text)).collect();
        let (mut lines, mut read) = (Lines::new(&secrets), Vec::new());
        for piece in text.chunks(size) {
            lines.push(piece, |line| read.push(line));
        }
        lines.finish(|line| read.push(line));
        read
    }

    #[test]
    fn the_size_of_pieces_does_not_matter() {
        let text = "Schritt 1: größer ✓\r\n\nlast: hush-hush\rmore hush\r\nno end 日本";
        let want = ["Schritt 1: größer ✓", "", "last: …", "more hush", "no end 日本"];
        for size in 1..=text.len() {
            assert_eq!(read(text.as_bytes(), size, &["hush-hush"]), want, "{size}");
        }
    }

    #[test]
    fn secrets_are_taken_out_whole() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            ("abcdef", &["abcd", "cdef"], &["…"]),
            ("aaaaa", &["aa"], &["…"]),
            ("a-secret, a-secret-too", &["a-secret", "a-secret-too"], &["…, …"]),
            ("key {\nAAAABBBB\n}", &["{\nAAAABBBB\n}"], &["key {", "…", "}"]),
            ("nothing", &["", "\n"], &["nothing"]),
            ("x", &["x"], &["…"]),
        ];
        for (text, secrets, want) in cases {
            assert_eq!(read(text.as_bytes(), 3, secrets), want, "{text}");
        }
    }

    #[test]
    fn a_line_without_end_is_handed_on_in_parts_and_hides_its_secret() {
        for before in LINE_BYTES_MAX - 40..LINE_BYTES_MAX + 10 {
            let text = format!("{}hush-hush{}", "ü".repeat(before / 2), "é".repeat(LINE_BYTES_MAX));
            let read = read(text.as_bytes(), 1000, &["hush-hush"]);
            assert!(read.len() > 2 && read.iter().all(|line| line.len() <= LINE_BYTES_MAX + MASKED.len()));
            assert_eq!(read.concat(), text.replace("hush-hush", MASKED), "{before}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        assert_eq!(
            read(&[b'a', 0xff, b'b', b'\n', 0x80], 1, &[]),
            ["a\u{fffd}b", "\u{fffd}"]
        );
        let endless = vec![0x80; 3 * LINE_BYTES_MAX];
        assert!(read(&endless, 4096, &["s"]).len() >= 3);
    }
}
