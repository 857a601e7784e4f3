//! The log of a run: an append blob that grows while the run goes on.
//!
//! Recorded: lines of the service begin with a time, what steps print does not; each block ends with a carriage return and
//! a line feed; the last one comes together with the metadata that ends the log. The words of all lines but the first and
//! the last are ours.

use std::time::Duration;

use time::OffsetDateTime;

use super::blobs;
use super::clock;
use super::run_record::{Ending, Run};
use super::store::Store;

/// One block, as it was or will be appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) lines: Vec<Line>,
    /// Time that what it tells takes beyond the usual share.
    pub(super) extra: Duration,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The service's own: begins with the time.
    Told(String),
    /// A step's.
    Printed(String),
}

/// A log as its reader sees it at some moment.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) text: String,
    pub(super) blocks: usize,
    pub(super) created: OffsetDateTime,
    pub(super) modified: OffsetDateTime,
    /// The word that ends it.
    pub(super) complete: Option<&'static str>,
}

impl Block {
    /// A block that the service tells.
    pub(super) fn told<const N: usize>(lines: [String; N]) -> Block {
        Block {
            lines: lines.into_iter().map(Line::Told).collect(),
            extra: Duration::ZERO,
        }
    }

    /// A block that a step prints.
    pub(super) fn printed(lines: impl IntoIterator<Item = String>) -> Block {
        Block {
            lines: lines.into_iter().map(Line::Printed).collect(),
            extra: Duration::ZERO,
        }
    }

    fn text(&self, at: OffsetDateTime) -> String {
        let lines = self.lines.iter().map(|line| match line {
            Line::Told(text) => format!("{} {text}", clock::in_log(at)),
            Line::Printed(text) => text.clone(),
        });
        lines.collect::<Vec<_>>().join("\n") + "\r\n"
    }
}

/// The last line, as recorded for success and failure; the others follow them.
pub(super) fn last_line(run_id: &str, ending: &Ending, took: Duration) -> String {
    let took = in_words(took);
    match ending {
        Ending::Succeeded(_) => format!("Run ID: {run_id} was successful after {took}"),
        Ending::Failed(error) | Ending::Broken(error) => {
            format!("Run ID: {run_id} failed after {took}. Error: {error}")
        }
        Ending::TimedOut => format!("Run ID: {run_id} timed out after {took}"),
        Ending::Canceled => format!("Run ID: {run_id} was canceled after {took}"),
    }
}

/// A duration as Go writes whole seconds.
pub(super) fn in_words(took: Duration) -> String {
    let seconds = took.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

/// What the blob's metadata says of a status.
fn word(status: &str) -> Option<&'static str> {
    match status {
        "Succeeded" => Some("successful"),
        "Failed" => Some("failed"),
        "Timeout" => Some("timedout"),
        "Canceled" => Some("canceled"),
        "Error" => Some("internalerror"),
        _ => None,
    }
}

impl Store {
    /// The log at a path of the storage account. Nothing before its run has started, or for what is no log.
    pub(super) fn log_at(&self, path: &str, now: OffsetDateTime) -> Option<Log> {
        let (container, rest) = path.split_once('/')?;
        let registry = self
            .registries
            .values()
            .find(|registry| blobs::container(registry) == container)?;
        let run = self
            .runs_of(&registry.id)
            .into_iter()
            .find(|run| blobs::log_path(&run.run_id) == rest)?;
        written(run, now)
    }
}

fn written(run: &Run, now: OffsetDateTime) -> Option<Log> {
    let created = run.started?;
    let shown: Vec<&(OffsetDateTime, Block)> = run.log.iter().filter(|(at, _)| *at <= now).collect();
    let modified = shown.last().map_or(created, |(at, _)| *at);
    Some(Log {
        text: shown.iter().map(|(at, block)| block.text(*at)).collect(),
        blocks: shown.len(),
        created,
        modified,
        complete: word(&run.status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (seconds, expected) in [(0, "0s"), (3, "3s"), (69, "1m9s"), (120, "2m0s"), (28_800, "8h0m0s")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn blocks_end_as_recorded_and_only_the_service_tells_the_time() {
        let block = Block {
            lines: vec![Line::Told("Step".into()), Line::Printed("hello".into())],
            extra: Duration::ZERO,
        };
        let at = time::macros::datetime!(2026-03-04 05:06:07 UTC);
        assert_eq!(block.text(at), "2026/03/04 05:06:07 Step\nhello\r\n");
    }
}
