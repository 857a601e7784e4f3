//! Looking at a run until it has ended. `Machine` is pure: it is told what was seen and says whether to look again.
//!
//! The run's own status decides, never its log. Looks begin fast and settle at the client's steady pace, and begin anew
//! whenever the status changes; a hint (the log has ended) makes the next one come at once.

use std::fmt;
use std::time::Duration;

use tokio::sync::Notify;

use super::{Run, RunId, get};
use crate::azure::poll::poll_wait;
use crate::azure::{Call, Client, Error};

/// How many looks in a row may fail for a passing reason (each was retried already) before the wait is given up.
pub const FAULTS_MAX: u32 = 10;
/// How many looks in a row may find no run: reads may lag behind an accepted request.
pub const MISSING_MAX: u32 = 5;

/// Who is told how a run goes. Called between requests, so an implementation must return at once; what takes time it hands
/// to somebody else.
pub trait Observer: Send + Sync {
    /// The run was looked at; `waited` is the time since the operation began. It is still queued when [`Run::is_queued`]
    /// says so: after some of that somebody may want to know why.
    fn looked(&self, run: &Run, waited: Duration) {
        let _ = (run, waited);
    }

    /// The run is still queued, for the reasons in `why`; told when the reasons change.
    fn waits(&self, why: &str) {
        let _ = why;
    }

    /// The log has grown by this line, without its end; secrets are masked.
    fn log_line(&self, line: &str) {
        let _ = line;
    }
}

/// An observer who wants to know nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

/// A wait that did not see the run end.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitError {
    /// What went wrong.
    pub error: Error,
    /// The run as it was last seen; it may still be running.
    pub last: Run,
}

/// What was seen.
enum Seen {
    Run(Box<Run>),
    Error(Error),
}

/// What to do next.
#[derive(Debug, PartialEq)]
enum Next {
    /// Look again, after the usual pause.
    Look,
    /// The run has ended, well or badly.
    Done,
    /// Further looks are pointless.
    Failed(Error),
}

/// The wait so far.
struct Machine {
    last: Run,
    /// Looks since the status last changed: the pace begins anew with each change.
    looks: u32,
    faults: u32,
    missing: u32,
}

/// Waits until `scheduled` (the answer to the request, or any later look at the run) has ended. How it ended is not judged
/// here. Each look is told to `observer` and logged at INFO: `run "ch1": Queued, 2m10s`. A `hint` makes the next look
/// come at once.
///
/// # Errors
/// [`WaitError`] with [`Error::Cancelled`] or [`Error::DeadlineExceeded`] when the operation ended first (the run goes on),
/// else what made further looks pointless.
pub async fn wait_until_finished(
    client: &Client,
    call: &Call,
    id: &RunId,
    scheduled: &Run,
    observer: &dyn Observer,
    hint: &Notify,
) -> Result<Run, WaitError> {
    let mut machine = Machine::start(scheduled.clone());
    let mut last_error = None;
    report(call, id, &machine.last, observer);
    while !machine.last.has_ended() {
        machine.looks += 1;
        let pause = poll_wait(machine.looks, None, client.pace());
        let rest = async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = hint.notified() => {}
            }
        };
        if let Err(by) = call.guard(rest).await {
            return Err(machine.ended(call.interrupted(by, last_error)));
        }
        let seen = match get(client, call, id).await {
            Ok(run) => {
                last_error = None;
                Seen::Run(Box::new(run))
            }
            Err(error) if error.is_interruption() => return Err(machine.ended(error.remembering(last_error))),
            Err(error) => {
                tracing::debug!(run = id.run_id(), %error, "the run cannot be looked at");
                last_error = Some(error.clone());
                Seen::Error(error)
            }
        };
        match machine.step(seen) {
            Next::Look | Next::Done => report(call, id, &machine.last, observer),
            Next::Failed(error) => return Err(machine.ended(error)),
        }
    }
    Ok(machine.last)
}

/// `2m10s`, `5s`, `1h02m00s`: durations as they stand in progress.
pub fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes:02}m{seconds:02}s"),
    }
}

fn report(call: &Call, id: &RunId, run: &Run, observer: &dyn Observer) {
    let waited = call.elapsed();
    tracing::info!("run \"{}\": {}, {}", id.run_id(), run.status, spoken(waited));
    observer.looked(run, waited);
}

impl Machine {
    fn start(scheduled: Run) -> Self {
        Self {
            last: scheduled,
            looks: 0,
            faults: 0,
            missing: 0,
        }
    }

    /// Takes in one look.
    fn step(&mut self, seen: Seen) -> Next {
        let error = match seen {
            Seen::Run(run) => {
                (self.faults, self.missing) = (0, 0);
                if !run.status.eq_ignore_ascii_case(&self.last.status) {
                    self.looks = 0;
                }
                self.last = *run;
                return if self.last.has_ended() { Next::Done } else { Next::Look };
            }
            Seen::Error(error) => error,
        };
        if error.is_gone() && self.missing < MISSING_MAX {
            self.missing += 1;
            return Next::Look;
        }
        let passing = match &error {
            // Entra ID's refusal is final. Without a code nobody has refused: the authority cannot be reached just now.
            Error::Credential { code, .. } => code.is_none(),
            // A proxy's page says nothing about the run, and the next look may get through.
            Error::NotArm(_) | Error::InvalidResponse { .. } => true,
            other => other.is_transient(),
        };
        if passing && self.faults < FAULTS_MAX {
            self.faults += 1;
            Next::Look
        } else {
            Next::Failed(error)
        }
    }

    fn ended(self, error: Error) -> WaitError {
        WaitError { error, last: self.last }
    }
}

impl Observer for Unobserved {}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (run, status) = (&self.last.run_id, &self.last.status);
        write!(f, "waiting for run \"{run}\" (last seen as {status}): {}", self.error)
    }
}

impl std::error::Error for WaitError {}

#[cfg(test)]
mod tests;
