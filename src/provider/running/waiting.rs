//! From the scheduled run to its end: the log is followed meanwhile, a wait in the queue is explained, and a run for which
//! nobody waits any more is cancelled.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    acr::{
        condition::Condition,
        diagnosis::{ActiveRun, Cause, Diagnosis},
        log::{Follow, Log, run_to_the_end},
        run::{self, Observer, Run, RunId, Secret, WaitError},
    },
    azure::Call,
    provider::{connection::SIDE_READ_TIMEOUT, why_queued},
};

use super::{
    Order, Performed, Record, Runner,
    ended::{self, Cancelled, Unseen},
    gate::refuses_zero,
    masked,
};

/// How long a run may be queued before the reason is looked for: a free machine takes it sooner.
pub const EXPLAIN_AFTER: Duration = Duration::from_secs(5);

/// How long until the reason is looked for again.
const EXPLAIN_AGAIN: Duration = Duration::from_secs(60);

/// How long a cancellation may take to be asked for.
const CANCEL: Duration = Duration::from_secs(10);

/// How long a cancelled run is watched to its end, which comes soon as a rule.
const CANCEL_END: Duration = Duration::from_secs(5);

/// How long one explanation may take that is looked for after the end.
const LAST_EXPLANATION: Duration = Duration::from_secs(10);

/// What is known while somebody waits. It is told by the wait, and asked by the explanation.
struct Watch<'a> {
    observer: &'a dyn Observer,
    secrets: &'a [Secret],
    last: Mutex<Run>,
    why: Mutex<Option<String>>,
}

/// An explanation.
struct Why {
    text: String,
    /// It happens every day and passes by itself.
    usual: bool,
    /// Nothing will ever take the run.
    hopeless: bool,
}

impl Runner<'_> {
    /// Waits for the run's end and says what there is to say of it.
    pub(super) async fn see_through(
        &self,
        order: &Order<'_>,
        id: RunId,
        scheduled: Run,
        secrets: &[Secret],
    ) -> Performed {
        let watch = Watch {
            observer: self.observer,
            secrets,
            last: Mutex::new(scheduled.clone()),
            why: Mutex::default(),
        };
        let follow = Follow {
            secrets,
            tail_lines: order.options.log_tail_lines,
            observer: &watch,
        };
        let (result, log) = tokio::select! {
            biased;
            (result, log) = Box::pin(run_to_the_end(self.client, self.call, &id, &scheduled, follow)) => (Some(result), log),
            () = Box::pin(self.explain_while_queued(order, &id, &watch)) => (None, Log::default()),
        };
        match result {
            Some(Ok(run)) => {
                let run = masked(run, secrets);
                let record = Record { id, run, log };
                let diagnostics = ended::finished(order, &record);
                Performed {
                    record: Some(record),
                    diagnostics,
                    is_ending: true,
                }
            }
            Some(Err(WaitError { error, last })) => {
                Box::pin(self.unseen(order, &watch, Unseen::Lost(error), Record { id, run: last, log })).await
            }
            None => {
                let run = watch.last();
                Box::pin(self.unseen(order, &watch, Unseen::Hopeless, Record { id, run, log })).await
            }
        }
    }

    /// The run did not end before the wait did.
    async fn unseen(&self, order: &Order<'_>, watch: &Watch<'_>, why: Unseen, mut record: Record) -> Performed {
        record.run = masked(record.run, watch.secrets);
        // Losing sight of a run is no reason to end it.
        let abandoned = match &why {
            Unseen::Hopeless => true,
            Unseen::Lost(error) => error.is_interruption(),
        };
        let queued = record.run.is_queued();
        let mut explanation = watch.why().filter(|_| queued);
        if queued && explanation.is_none() && !self.call.cancel.is_cancelled() {
            let call = Call::new(CancellationToken::new(), LAST_EXPLANATION);
            explanation = self.explain(&call, order, &record.run).await.map(|why| why.text);
        }
        let cancelled = if abandoned && order.options.cancel_on_interrupt {
            let (cancelled, run) = self.cancel(&record.id, record.run.clone()).await;
            record.run = masked(run, watch.secrets);
            cancelled
        } else {
            Cancelled::NotAsked
        };
        // What came to its own end before anybody could cancel it is judged by that end.
        let came_first = matches!(cancelled, Cancelled::Ended) && !record.run.was_cancelled();
        let diagnostics = if came_first {
            ended::finished(order, &record)
        } else {
            ended::unseen(order, &record, &why, &cancelled, explanation.as_deref()).into()
        };
        Performed {
            record: Some(record),
            diagnostics,
            is_ending: matches!(cancelled, Cancelled::Ended | Cancelled::Asked),
        }
    }

    /// Asks for the run to be cancelled and watches it for a moment, in a time of its own. One that had ended already counts
    /// as ended.
    pub async fn cancel(&self, id: &RunId, last: Run) -> (Cancelled, Run) {
        let call = Call::new(CancellationToken::new(), CANCEL);
        if let Err(error) = run::cancel(self.client, &call, id).await {
            // A run that has come to its end in the meantime cannot be cancelled either.
            let call = Call::new(CancellationToken::new(), CANCEL_END);
            return match run::get(self.client, &call, id).await {
                Ok(run) if run.has_ended() => (Cancelled::Ended, run),
                Ok(run) => (Cancelled::Refused(error), run),
                Err(_) => (Cancelled::Refused(error), last),
            };
        }
        let call = Call::new(CancellationToken::new(), CANCEL_END);
        let mut seen = last;
        loop {
            if let Ok(run) = run::get(self.client, &call, id).await {
                seen = run;
            }
            if seen.has_ended() {
                return (Cancelled::Ended, seen);
            }
            if call.sleep(self.client.pace().poll_min).await.is_err() {
                return (Cancelled::Asked, seen);
            }
        }
    }

    /// Says in the log why the run is queued, again and again while it is. Returns only when it is certain that the pool will
    /// not take it, seen twice.
    async fn explain_while_queued(&self, order: &Order<'_>, id: &RunId, watch: &Watch<'_>) {
        let refuses = refuses_zero(self.preflight);
        let (mut pause, mut hopeless) = (EXPLAIN_AFTER, 0_u32);
        loop {
            tokio::time::sleep(pause).await;
            let run = watch.last();
            if !run.is_queued() || order.subject.pool.is_none() {
                return std::future::pending().await;
            }
            let call = Call::new(self.call.cancel.clone(), SIDE_READ_TIMEOUT);
            if let Some(why) = self.explain(&call, order, &run).await {
                match (watch.explained(&why.text), why.usual) {
                    (true, true) => tracing::info!("run \"{}\" is queued. {}", run.run_id, why.text),
                    (true, false) => tracing::warn!("run \"{}\" is queued. {}", run.run_id, why.text),
                    (false, _) => {}
                }
                hopeless = if why.hopeless && refuses { hopeless + 1 } else { 0 };
            }
            // It may have found a machine since it was last looked at; a run that cannot be looked at is not given up.
            if hopeless >= 2 {
                match run::get(self.client, &call, id).await {
                    Ok(run) if run.is_queued() => return,
                    Ok(_) => return std::future::pending().await,
                    Err(error) => tracing::debug!(%error, "the run cannot be looked at once more"),
                }
            }
            pause = if hopeless > 0 { EXPLAIN_AFTER } else { EXPLAIN_AGAIN };
        }
    }

    /// Why the run is queued.
    async fn explain(&self, call: &Call, order: &Order<'_>, run: &Run) -> Option<Why> {
        let pool = order.subject.pool.as_ref()?;
        let asked = Some(ActiveRun::from(run));
        let explained = Box::pin(why_queued::explain(self.client, call, self.preflight, pool, asked)).await;
        Some(Why {
            text: explained.paragraph()?,
            usual: is_usual(&explained.diagnosis),
            hopeless: is_hopeless(&explained),
        })
    }
}

/// Whether a run that waits on the pool waits for nothing: there is none, it is on its way out, or it has failed and nothing
/// runs on it. A pool whose last operation was given up may be well.
#[must_use]
pub fn is_hopeless(explained: &why_queued::Explained) -> bool {
    let observed = &explained.observed;
    let state = observed
        .pool
        .as_ref()
        .ok()
        .and_then(|pool| pool.properties.provisioning_state.as_deref());
    let failed = state.is_some_and(|state| Condition::of(Some(state)) == Condition::Failed);
    let lost = |cause: Cause| matches!(cause, Cause::PoolMissing | Cause::Deleting);
    let reasons = &explained.diagnosis.reasons;
    reasons.iter().any(|reason| lost(reason.cause)) || failed && observed.running() == Some(0)
}

/// Whether a run that waits has only to wait: for its turn, or for machines that are on their way.
#[must_use]
pub fn is_usual(diagnosis: &Diagnosis) -> bool {
    let passes = |cause: Cause| matches!(cause, Cause::JustQueued | Cause::AllBusy | Cause::Provisioning);
    diagnosis.reasons.iter().all(|reason| passes(reason.cause))
}

impl Watch<'_> {
    fn last(&self) -> Run {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes an explanation in. Whether it is news.
    fn explained(&self, text: &str) -> bool {
        let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        let news = why.as_deref() != Some(text);
        *why = Some(text.to_owned());
        if news {
            self.observer.waits(text);
        }
        news
    }
}

impl Observer for Watch<'_> {
    fn looked(&self, run: &Run, waited: Duration) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = run.clone();
        self.observer.looked(run, waited);
    }

    fn log_line(&self, line: &str) {
        self.observer.log_line(line);
    }
}
