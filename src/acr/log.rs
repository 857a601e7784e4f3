//! A run's log: an append blob behind a signed URL, read while it grows.
//!
//! What surprises: until an agent has started there is no blob (404); its end is told by metadata, not by a status; the URL
//! expires after an hour and a new one is asked for. The log tells nothing about how the run ended: a log that cannot be read
//! is a warning beside the run's result, never an error of its own.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use azure_core::http::Url;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::run::{self, Observer, Run, RunId, Secret, WaitError, wait_until_finished};
use crate::azure::poll::poll_wait;
use crate::azure::{Call, Client, Error};
use lines::Lines;

mod lines;

pub use lines::LINE_BYTES_MAX;

/// How long the log is still read after the run has ended: its last piece comes a little later than the status.
pub const LAST_PIECE_WAIT: Duration = Duration::from_secs(15);

/// How many looks in a row may fail for a passing reason (each was retried already) before the log is given up.
pub const FAULTS_MAX: u32 = 5;

/// How many URLs in a row may be refused: the first may have expired, a second fresh one has not.
pub const REFUSALS_MAX: u32 = 2;

/// A text of the service without these secrets.
#[must_use]
pub fn mask(text: &str, secrets: &[Secret]) -> String {
    Lines::new(secrets).shown(text.as_bytes())
}

/// What of a log is wanted.
#[derive(Clone, Copy)]
pub struct Follow<'a> {
    /// Texts that are taken out of each line, also where they lie across two pieces.
    pub secrets: &'a [Secret],
    /// How many of the last lines are kept.
    pub tail_lines: usize,
    /// Told each line.
    pub observer: &'a dyn Observer,
}

/// What is left of a log that was followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The last lines, oldest first, without line ends and secrets; each at most [`LINE_BYTES_MAX`] long.
    pub tail: Vec<String>,
    /// How many lines there were, at least.
    pub lines: u64,
    /// The service's word at the log's end: `successful`, `failed`, `internalerror`, `timedout`, `canceled`. The run's own
    /// status decides.
    pub outcome: Option<String>,
    /// Why the log is not all there, as a sentence; the run is not touched by it.
    pub warning: Option<String>,
}

/// Waits for a run and follows its log meanwhile: both to their ends. The log's end brings the next look at the run forward;
/// the run's end leaves the log [`LAST_PIECE_WAIT`].
///
/// # Errors
/// Those of [`wait_until_finished`], with the log as far as it was read.
pub async fn run_to_the_end(
    client: &Client,
    call: &Call,
    id: &RunId,
    scheduled: &Run,
    follow: Follow<'_>,
) -> (Result<Run, WaitError>, Log) {
    let (ended, hint) = (CancellationToken::new(), Notify::new());
    let waiting = async {
        let run = wait_until_finished(client, call, id, scheduled, follow.observer, &hint).await;
        ended.cancel();
        run
    };
    let following = async {
        let log = follow_log(client, call, id, follow, &ended).await;
        if log.outcome.is_some() {
            hint.notify_one();
        }
        log
    };
    tokio::join!(waiting, following)
}

/// Follows a log to its end, or until [`LAST_PIECE_WAIT`] after `ended` is tripped, or until the operation is interrupted.
/// Each line is logged at INFO and told to the observer. Cannot fail: [`Log::warning`] says what is missing.
pub async fn follow_log(
    client: &Client,
    call: &Call,
    id: &RunId,
    follow: Follow<'_>,
    ended: &CancellationToken,
) -> Log {
    let mut reader = Reader::new(client, call, id, follow);
    let too_late = async {
        ended.cancelled().await;
        tokio::time::sleep(LAST_PIECE_WAIT).await;
    };
    let stop = tokio::select! {
        biased;
        stop = reader.read_to_the_end(ended) => stop,
        () = too_late => Some(Stop::Late),
        // An interruption is told by the run's own wait.
        () = call.cancel.cancelled() => None,
        () = tokio::time::sleep_until(call.deadline) => None,
    };
    reader.into_log(stop)
}

/// Why reading ended before the log did.
enum Stop {
    Unreadable(Error),
    Shrunk,
    NoUrl,
    Late,
}

/// The reading so far.
struct Reader<'a> {
    client: &'a Client,
    call: &'a Call,
    id: &'a RunId,
    follow: Follow<'a>,
    url: Option<Url>,
    /// The first byte that is not read yet.
    offset: u64,
    lines: Lines,
    log: Log,
    tail: VecDeque<String>,
    seen: bool,
    idle: u32,
    faults: u32,
    refusals: u32,
    /// What the latest look failed with.
    last_fault: Option<Error>,
}

impl<'a> Reader<'a> {
    fn new(client: &'a Client, call: &'a Call, id: &'a RunId, follow: Follow<'a>) -> Self {
        Self {
            client,
            call,
            id,
            follow,
            url: None,
            offset: 0,
            lines: Lines::new(follow.secrets),
            log: Log::default(),
            tail: VecDeque::new(),
            seen: false,
            idle: 0,
            faults: 0,
            refusals: 0,
            last_fault: None,
        }
    }

    async fn read_to_the_end(&mut self, ended: &CancellationToken) -> Option<Stop> {
        loop {
            let before = self.offset;
            match self.look().await {
                Ok(true) => return None,
                Ok(false) => {
                    (self.faults, self.refusals, self.last_fault) = (0, 0, None);
                    self.idle = if self.offset > before { 0 } else { self.idle + 1 };
                }
                Err(Stop::Unreadable(error)) => {
                    if let Some(stop) = self.judge(error) {
                        return Some(stop);
                    }
                    self.idle += 1;
                }
                Err(stop) => return Some(stop),
            }
            // Once the run has ended, what is still to come comes soon.
            let looks = if ended.is_cancelled() { 1 } else { self.idle.max(1) };
            let pause = poll_wait(looks, None, self.client.pace());
            let wakes = async {
                if !ended.is_cancelled() {
                    ended.cancelled().await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = wakes => {}
            }
        }
    }

    /// Looks once and reads what is new. Whether that was the end.
    async fn look(&mut self) -> Result<bool, Stop> {
        let url = match self.url.clone() {
            Some(url) => url,
            None => {
                let signed = run::log_url(self.client, self.call, self.id).await;
                let signed = signed.map_err(Stop::Unreadable)?;
                let url = Url::parse(signed.expose()).map_err(|_| Stop::NoUrl)?;
                self.url.insert(url).clone()
            }
        };
        let head = match self.client.blob_head(self.call, &url).await {
            // No agent has started it yet.
            Err(error) if error.status() == Some(404) && !self.seen => return Ok(false),
            looked => looked.map_err(Stop::Unreadable)?,
        };
        self.seen = true;
        if head.length < self.offset {
            return Err(Stop::Shrunk);
        }
        while self.offset < head.length {
            let piece = self.client.blob_read(self.call, &url, self.offset).await;
            let piece = piece.map_err(Stop::Unreadable)?;
            if piece.is_empty() {
                return Ok(false);
            }
            self.offset += piece.len() as u64;
            self.take(Some(&piece));
        }
        if head.complete.is_some() {
            self.log.outcome = head.complete;
        }
        Ok(self.log.outcome.is_some() && self.offset == head.length)
    }

    /// Whether a failed look is the last one. Interruptions are met by whoever drives the reading.
    fn judge(&mut self, error: Error) -> Option<Stop> {
        tracing::debug!(run = self.id.run_id(), %error, "the log cannot be read just now");
        let stop = if error.is_forbidden() && self.url.take().is_some() {
            self.refusals += 1;
            self.refusals >= REFUSALS_MAX
        } else if error.is_transient()
            || error.is_interruption()
            || matches!(error, Error::Credential { code: None, .. })
        {
            self.faults += 1;
            self.faults >= FAULTS_MAX
        } else {
            true
        };
        if stop {
            return Some(Stop::Unreadable(error));
        }
        self.last_fault = Some(error);
        None
    }

    /// Takes a piece in, or the end.
    fn take(&mut self, piece: Option<&[u8]>) {
        let (log, tail, follow, id) = (&mut self.log, &mut self.tail, &self.follow, self.id.run_id());
        let line = |line: String| {
            tracing::info!("run \"{id}\" | {line}");
            follow.observer.log_line(&line);
            log.lines += 1;
            tail.push_back(line);
            if tail.len() > follow.tail_lines {
                tail.pop_front();
            }
        };
        match piece {
            Some(piece) => self.lines.push(piece, line),
            None => self.lines.finish(line),
        }
    }

    fn into_log(mut self, stop: Option<Stop>) -> Log {
        self.take(None);
        let id = self.id.run_id();
        let warning = stop.map(|stop| match stop {
            Stop::Late if self.last_fault.is_none() && !self.seen => {
                format!("run \"{id}\" has no log: none was written within {}s after its end", LAST_PIECE_WAIT.as_secs())
            }
            Stop::Late if self.last_fault.is_none() => {
                format!("the log of run \"{id}\" may lack its end: it was not marked as complete within {}s after the run's", LAST_PIECE_WAIT.as_secs())
            }
            Stop::Late => {
                let cause = self.last_fault.take().map(|fault| fault.to_string()).unwrap_or_default();
                format!("the log of run \"{id}\" cannot be read: {cause}")
            }
            Stop::Unreadable(error) => format!("the log of run \"{id}\" cannot be read: {error}"),
            Stop::Shrunk => format!("the log of run \"{id}\" was written anew while it was read; what was read before may be out of date"),
            Stop::NoUrl => format!("the log of run \"{id}\" cannot be read: the service named no URL for it"),
        });
        if let Some(warning) = &warning {
            tracing::warn!("{warning}");
        }
        Log {
            tail: self.tail.into(),
            warning,
            ..self.log
        }
    }
}

impl fmt::Debug for Follow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow")
            .field("secrets", &self.secrets.len())
            .field("tail_lines", &self.tail_lines)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
