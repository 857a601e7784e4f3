//! What is said of a run at its end: pure, from what was seen to diagnostics.

use crate::{
    acr::run::{Run, RunId},
    azure::Error,
    framework::{Diagnostic, Diagnostics},
    provider::diagnose,
};

use super::{Order, Record, cancel_command, failed, human, log_command};

/// Why the end was not seen.
#[derive(Clone, Debug)]
pub enum Unseen {
    /// The wait ended: the user interrupted it, its time was over, or the run could not be looked at any more.
    Lost(Error),
    /// The pool will never take the run.
    Hopeless,
}

/// What became of a cancellation.
#[derive(Clone, Debug)]
pub enum Cancelled {
    /// None was asked for.
    NotAsked,
    /// It was asked for, and the run had not ended some seconds later.
    Asked,
    /// The run has ended, by it or before it.
    Ended,
    /// Azure did not take it.
    Refused(Error),
}

/// What happens to the resource when a create ends with an error and a run.
const TAINTED: &str = "The run is kept in the state as tainted: the next apply runs again.";

/// A run that has ended.
#[must_use]
pub fn finished(order: &Order<'_>, record: &Record) -> Diagnostics {
    let (run, what) = (&record.run, order.what);
    let incomplete = record.log.warning.as_deref();
    if run.has_succeeded() {
        let warning = incomplete.map(|warning| {
            Diagnostic::warning(
                format!("The log of {} is not all there", human(&record.id)),
                format!("{}. The run itself has succeeded.", sentence(warning)),
            )
        });
        return warning.map(Diagnostics::from).unwrap_or_default();
    }
    let fails = order
        .options
        .fail_on
        .iter()
        .any(|status| status.eq_ignore_ascii_case(&run.status));
    let mut parts = vec![cause(record)];
    parts.extend(tail(record));
    parts.extend(advice(record).map(str::to_owned));
    parts.push(format!("The whole log: {}", log_command(&record.id)));
    if fails {
        parts.push(TAINTED.to_owned());
        failed(what, parts.join("\n\n")).into()
    } else {
        parts.push(format!("{} is not in fail_on, so that the apply goes on.", run.status));
        Diagnostic::warning(format!("Running {what}"), parts.join("\n\n")).into()
    }
}

/// A run whose end was not seen. `explanation` says why it is queued.
#[must_use]
pub fn unseen(
    order: &Order<'_>,
    record: &Record,
    why: &Unseen,
    cancelled: &Cancelled,
    explanation: Option<&str>,
) -> Diagnostic {
    let mut diagnostic = match why {
        Unseen::Lost(error) => diagnose::azure(&format!("running {}", order.what), error),
        Unseen::Hopeless => failed(
            order.what,
            "Nobody waits for the run any longer, because its agent pool will not take it.",
        ),
    };
    let mut parts = vec![std::mem::take(&mut diagnostic.detail)];
    parts.extend(explanation.map(str::to_owned));
    parts.extend(tail(record));
    parts.push(remains(&record.id, &record.run, cancelled));
    parts.push(TAINTED.to_owned());
    diagnostic.detail = parts.join("\n\n");
    diagnostic
}

/// How a run ended, and why, as far as it is known.
fn cause(record: &Record) -> String {
    let run = &record.run;
    let mut text = format!("{} ended as {}", capitalised(&human(&record.id)), run.status);
    match run.run_error_message.as_deref().filter(|message| !message.is_empty()) {
        Some(message) => text.push_str(&format!(": {message}")),
        None => text.push_str(match run.status.to_ascii_lowercase().as_str() {
            "timeout" => ": it took longer than it may (timeout_in_seconds)",
            "canceled" => ": somebody cancelled it",
            _ => ", and Azure gives no reason",
        }),
    }
    text.push('.');
    if run.start_time.is_none() {
        text.push_str(" It never started.");
    }
    text
}

/// What to do about a cause that many have met and that says little by itself.
fn advice(record: &Record) -> Option<&'static str> {
    let message = record.run.run_error_message.iter();
    let mut said = message.chain(&record.log.tail);
    said.any(|text| text.contains("ACR refresh token") && text.contains("403 Forbidden")).then_some(
        "The registry's network rules keep the run out. Let it run on an agent pool in a subnet that the registry accepts; or, for a task with a system-assigned identity, set networkRuleBypassAllowedForTasks to true on the registry.",
    )
}

/// The log's last lines; why there are none, if something went wrong with it.
fn tail(record: &Record) -> Option<String> {
    let lines = &record.log.tail;
    let mut parts = Vec::new();
    if !lines.is_empty() {
        let indented: Vec<String> = lines
            .iter()
            .map(|line| format!("  {line}").trim_end().to_owned())
            .collect();
        let heading = match lines.len() {
            1 => "The last line of its log:".to_owned(),
            number => format!("The last {number} lines of its log:"),
        };
        parts.push(format!("{heading}\n\n{}", indented.join("\n")));
    }
    parts.extend(
        record
            .log
            .warning
            .as_deref()
            .map(|warning| format!("{}.", sentence(warning))),
    );
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// What goes on in Azure.
#[must_use]
pub fn remains(id: &RunId, seen: &Run, cancelled: &Cancelled) -> String {
    let (run, command, status) = (capitalised(&human(id)), cancel_command(id), &seen.status);
    match cancelled {
        Cancelled::Ended if seen.has_succeeded() => {
            format!("{run} was to be cancelled and had succeeded by then.")
        }
        Cancelled::Ended if seen.was_cancelled() => format!("{run} was cancelled: it ended as {status}."),
        Cancelled::Ended => format!("{run} was to be cancelled and had ended as {status} by then."),
        Cancelled::Asked => {
            format!("{run} is being cancelled; some seconds after it was asked for, it was still {status}.")
        }
        Cancelled::Refused(error) => format!(
            "{run} goes on, last seen as {status}: it could not be cancelled ({error}). To try again: {command}"
        ),
        Cancelled::NotAsked if seen.has_ended() => format!("{run} ended as {status}."),
        Cancelled::NotAsked => format!("{run} goes on, last seen as {status}. To cancel it: {command}"),
    }
}

/// The text with a capital.
fn capitalised(text: &str) -> String {
    text.get(..1)
        .map_or_else(String::new, |first| first.to_uppercase() + &text[1..])
}

/// A clause as the beginning of a sentence, without a full stop.
fn sentence(clause: &str) -> String {
    capitalised(clause.trim_end_matches('.'))
}
