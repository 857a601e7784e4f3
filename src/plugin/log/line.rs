//! One event as one line of text: for Terraform, or for a person.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::Level;

/// The longest line in bytes, its break included. Terraform reads with a buffer of 64 KiB and takes a longer line for
/// several plain ones; the margin costs nothing.
const LINE_BYTES_MAX: usize = 60 << 10;

/// How many bytes of one text are kept at first when a line is too long; halved until the line fits.
const TEXT_BYTES_KEPT: usize = 16 << 10;

/// Stands at the end of a text that was cut.
const CUT_MARK: &str = " [cut]";

/// The one layout of time that Terraform recognises: UTC, exactly six digits of a second.
const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Our own crate, whose name is left out of the module field.
pub const OWN_CRATE: &str = env!("CARGO_CRATE_NAME");

/// One line of JSON with its break, of at most [`LINE_BYTES_MAX`] bytes.
pub fn hclog_line(level: &Level, target: &str, mut fields: Map<String, Value>, now: OffsetDateTime) -> String {
    let message = match fields.remove("message") {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let special = [
        ("@level", level.as_str().to_lowercase()),
        ("@message", message),
        ("@module", module(target)),
        ("@timestamp", now.format(TIMESTAMP).unwrap_or_default()),
    ];
    fields.extend(special.map(|(name, value)| (name.to_owned(), Value::String(value))));
    let mut line = render(&fields);
    let mut kept = TEXT_BYTES_KEPT;
    while line.len() > LINE_BYTES_MAX && kept > CUT_MARK.len() {
        for value in fields.values_mut() {
            if let Value::String(text) = value {
                cut(text, kept);
            }
        }
        line = render(&fields);
        kept /= 2;
    }
    line
}

fn render(fields: &Map<String, Value>) -> String {
    // Text, numbers and booleans always have a JSON form.
    let mut line = serde_json::to_string(fields).unwrap_or_default();
    line.push('\n');
    line
}

/// Shortens `text` to at most `bytes` bytes, the mark included, between two characters.
fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let room = bytes.saturating_sub(CUT_MARK.len());
        // Zero is always a boundary.
        let end = (0..=room)
            .rev()
            .find(|&end| text.is_char_boundary(end))
            .unwrap_or_default();
        text.truncate(end);
        text.push_str(CUT_MARK);
    }
}

/// One line for a person, with its break.
pub fn plain_line(level: &Level, target: &str, fields: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let message = fields.get("message").map(text).unwrap_or_default();
    let mut line = format!("[{level}] {}: {message}", module(target));
    for (name, value) in fields.iter().filter(|(name, _)| *name != "message") {
        // Writing to a String cannot fail.
        let _ = write!(line, " {name}={}", text(value));
    }
    line.push('\n');
    line
}

/// The module field of a log target: `provider`, then the room within our crate, or the other crate.
fn module(target: &str) -> String {
    let path = target.strip_prefix(OWN_CRATE).unwrap_or(target).replace("::", ".");
    let path = path.trim_start_matches('.');
    if path.is_empty() {
        "provider".to_owned()
    } else {
        format!("provider.{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_fields_that_terraform_takes_apart() {
        let mut fields = Map::new();
        fields.insert("message".to_owned(), "said \"it\"\n".into());
        fields.insert("count".to_owned(), 3.into());
        let now = OffsetDateTime::from_unix_timestamp_nanos(1_790_000_000_120_000_000).unwrap();
        let line = hclog_line(&Level::WARN, "terraform_provider_acr::plugin::log", fields, now);
        assert_eq!(
            line,
            "{\"@level\":\"warn\",\"@message\":\"said \\\"it\\\"\\n\",\"@module\":\"provider.plugin.log\",\
             \"@timestamp\":\"2026-09-21T14:13:20.120000Z\",\"count\":3}\n"
        );
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        for text in ["x".repeat(1 << 20), "é".repeat(1 << 19), "\u{1}".repeat(1 << 18)] {
            let mut fields = Map::new();
            fields.insert("message".to_owned(), text.clone().into());
            for number in 0..20 {
                fields.insert(format!("field{number}"), text.clone().into());
            }
            let line = hclog_line(&Level::INFO, "t", fields, OffsetDateTime::UNIX_EPOCH);
            assert!(line.len() <= LINE_BYTES_MAX, "{}", line.len());
            let value: Value = serde_json::from_str(&line).unwrap();
            assert!(value["@message"].as_str().unwrap().ends_with(CUT_MARK));
            assert_eq!(value["@timestamp"], "1970-01-01T00:00:00.000000Z");
        }
    }

    #[test]
    fn plain_lines_are_for_people() {
        let mut fields = Map::new();
        fields.insert("message".to_owned(), "listening".into());
        fields.insert("tls".to_owned(), false.into());
        assert_eq!(
            plain_line(&Level::INFO, "terraform_provider_acr", &fields),
            "[INFO] provider: listening tls=false\n"
        );
    }
}
