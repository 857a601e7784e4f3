//! Log lines in the form that Terraform takes apart: one JSON object a line on standard error, as hclog writes it.
//!
//! Terraform decides for its user which lines to show, but has to parse every one of them: what is below the level that the
//! environment asks for is not written at all.

use std::{
    fmt::Debug,
    io::{self, Write},
};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt, registry::LookupSpan};

use self::line::{OWN_CRATE, hclog_line, plain_line};
use super::{Environment, handshake};

mod line;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// JSON, for Terraform.
    Hclog,
    /// Plain text, for a person who started the program by hand.
    Plain,
}

/// Sends the program's log to standard error from here on: JSON under Terraform, plain text in `debug` mode or without
/// Terraform's cookie. A second call changes nothing.
///
/// `name` is the provider's short name, for its level variable. `verbose` are the crates, by the beginning of their log
/// targets, that are logged at the level asked for; of all others only warnings and errors are, because a network
/// library's chatter helps nobody and may hold what is sent.
pub fn init(environment: &Environment, name: &str, verbose: &'static [&'static str], debug: bool) {
    let hosted = !debug && handshake::cookie_matches(environment(handshake::COOKIE_NAME).as_deref());
    // A person at a terminal sees what goes wrong without asking.
    let (format, default) = if hosted {
        (Format::Hclog, LevelFilter::OFF)
    } else {
        (Format::Plain, LevelFilter::WARN)
    };
    let level = level(environment, name).unwrap_or(default);
    let layer = LineLayer {
        write: io::stderr,
        format,
        level,
        verbose,
    };
    // Fails only when a subscriber is set already, which then stays.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
}

/// The level that the environment asks for: the provider's own variable, then the one for all providers, then the one for
/// everything. `None` when none is set. As in Terraform, `JSON` and words that are no level mean everything.
pub fn level(environment: &Environment, name: &str) -> Option<LevelFilter> {
    let own = format!("TF_LOG_PROVIDER_{}", name.to_uppercase().replace('-', "_"));
    let asked = [own.as_str(), "TF_LOG_PROVIDER", "TF_LOG"]
        .into_iter()
        .find_map(|variable| {
            let value = environment(variable)?;
            (!value.is_empty()).then_some(value)
        })?;
    Some(match asked.to_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    })
}

/// Writes each event as one line.
struct LineLayer<W> {
    write: W,
    format: Format,
    level: LevelFilter,
    verbose: &'static [&'static str],
}

/// The fields of a span, kept with it until events within it are written.
struct SpanFields(Map<String, Value>);

impl<W> LineLayer<W> {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let chosen = target.starts_with(OWN_CRATE) || self.verbose.iter().any(|prefix| target.starts_with(prefix));
        let level = if chosen {
            self.level
        } else {
            self.level.min(LevelFilter::WARN)
        };
        *metadata.level() <= level
    }
}

impl<S, O, W> Layer<S> for LineLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    O: Write,
    W: Fn() -> O + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(SpanFields(fields.0));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(SpanFields(known)) = span.extensions_mut().get_mut() {
            known.append(&mut fields.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(SpanFields(known)) = span.extensions().get() {
                fields
                    .0
                    .extend(known.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        let line = match self.format {
            Format::Hclog => hclog_line(metadata.level(), metadata.target(), fields.0, OffsetDateTime::now_utc()),
            Format::Plain => plain_line(metadata.level(), metadata.target(), &fields.0),
        };
        // A log that cannot be written is no reason to fail, and there is nowhere to say so.
        let _ = (self.write)().write_all(line.as_bytes());
    }
}

/// Collects fields as JSON. The message is the field named `message`.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        // Names with an at sign belong to the format; Terraform crashes when it finds another type there.
        self.0.insert(field.name().trim_start_matches('@').to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A place to write to that a test can read.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        /// What `act` logs at `level`, line by line.
        fn by(level: LevelFilter, act: impl FnOnce()) -> Vec<Map<String, Value>> {
            let written = Self::default();
            let write = {
                let written = written.clone();
                move || written.clone()
            };
            let layer = LineLayer {
                write,
                format: Format::Hclog,
                level,
                verbose: &["talker"],
            };
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
            let bytes = written.0.lock().unwrap().clone();
            String::from_utf8(bytes)
                .unwrap()
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        }
    }

    #[test]
    fn levels_by_variable() {
        let cases = [
            (&[] as &[(&str, &str)], None),
            (&[("TF_LOG", "")], None),
            (&[("TF_LOG", "JSON")], Some(LevelFilter::TRACE)),
            (&[("TF_LOG", "nonsense")], Some(LevelFilter::TRACE)),
            (&[("TF_LOG", "info")], Some(LevelFilter::INFO)),
            (&[("TF_LOG", "off")], Some(LevelFilter::OFF)),
            (
                &[("TF_LOG", "ERROR"), ("TF_LOG_PROVIDER", "WARN")],
                Some(LevelFilter::WARN),
            ),
            (
                &[
                    ("TF_LOG", "ERROR"),
                    ("TF_LOG_PROVIDER", ""),
                    ("TF_LOG_PROVIDER_A_B", "DEBUG"),
                ],
                Some(LevelFilter::DEBUG),
            ),
            (
                &[("TF_LOG", "ERROR"), ("TF_LOG_PROVIDER_OTHER", "DEBUG")],
                Some(LevelFilter::ERROR),
            ),
        ];
        for (variables, expected) in cases {
            let variables: Vec<(String, String)> = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let shown = format!("{variables:?}");
            let environment: Environment = Box::new(move |asked| {
                variables
                    .iter()
                    .find(|(name, _)| name == asked)
                    .map(|(_, value)| value.clone())
            });
            assert_eq!(level(&environment, "a-b"), expected, "{shown}");
        }
    }

    #[test]
    fn events_carry_the_fields_of_their_spans_and_keep_special_names_text() {
        let lines = Written::by(LevelFilter::INFO, || {
            let outer = tracing::error_span!("call", tf_rpc = "Apply", tf_resource_type = tracing::field::Empty);
            outer.record("tf_resource_type", "a_thing");
            outer.in_scope(|| {
                tracing::info!(tries = 2_u64, done = true, "@level" = 7, "working");
                tracing::debug!("unheard");
            });
            tracing::info!("outside");
        });
        assert_eq!(lines.len(), 2);
        let [inside, outside] = &lines[..] else {
            panic!("two lines")
        };
        let expected = [
            ("@level", Value::from("info")),
            ("@message", "working".into()),
            ("tf_rpc", "Apply".into()),
            ("tf_resource_type", "a_thing".into()),
            ("tries", 2.into()),
            ("done", true.into()),
            ("level", 7.into()),
        ];
        for (name, value) in expected {
            assert_eq!(inside[name], value, "{name}");
        }
        assert!(!outside.contains_key("tf_rpc"));
    }

    #[test]
    fn other_crates_only_warn_unless_chosen() {
        let lines = Written::by(LevelFilter::TRACE, || {
            tracing::info!(target: "h2::proto", "chatter");
            tracing::warn!(target: "h2::proto", "trouble");
            tracing::trace!(target: "talker::http", "chosen");
        });
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line["@module"].as_str(), line["@message"].as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (Some("provider.h2.proto"), Some("trouble")),
                (Some("provider.talker.http"), Some("chosen"))
            ]
        );
    }

    #[test]
    fn nothing_is_written_when_off() {
        assert!(Written::by(LevelFilter::OFF, || tracing::error!("lost")).is_empty());
    }
}
