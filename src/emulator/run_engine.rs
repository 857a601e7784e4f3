//! Runs that go on by themselves: queue, instances, time.
//!
//! A run waits `created + pick-up` at least, then starts as soon as an instance of its pool is free: the pool is
//! `Succeeded`, has instances, and its subnet is not declared dead. Without a pool there is room at once. It is `Started`
//! for a moment, then `Running`, and ends after [`Durations::run`](super::store::Durations) and whatever its steps sleep, or
//! at its timeout.
//!
//! Assumed: queues are first come, first served; scaling in leaves running runs alone; what a deleted pool's runs do is the
//! switch [`LostPool`]; that `Started` comes before `Running` (the recordings, 30 s apart, show no `Started`).

use std::time::Duration;

use time::OffsetDateTime;

use super::assumptions::LostPool;
use super::operations::Fate;
use super::run_log::{Block, last_line};
use super::run_record::{Ending, Progress, Run, RunStart};
use super::store::{Store, key, parent};

/// Which part of a run's duration passes before it starts, and again before it is `Running`.
const PICK_UP_PART: u32 = 8;
/// How run ids of a registry begin, as recorded.
const RUN_ID_PREFIX: &str = "cf";

impl Store {
    /// Starts a run, which is `Queued` first, and returns its store key.
    pub(super) fn start_run(&mut self, start: RunStart, now: OffsetDateTime) -> String {
        let run_id = self.next_run_id(&start.registry);
        let id = format!("{}/runs/{run_id}", start.registry);
        let pool = start.agent_pool_name.as_ref();
        let pool = pool.map(|name| key(&format!("{}/agentPools/{name}", start.registry)));
        let run = Run {
            id: id.clone(),
            run_id,
            status: "Queued".into(),
            agent_pool_name: start.agent_pool_name,
            task: start.task,
            created: now,
            started: None,
            finished: None,
            updated: now,
            born: self.next_birth(),
            platform: start.platform,
            cpu: start.cpu,
            error: None,
            images: Vec::new(),
            archived: start.archived,
            by: start.by,
            changed: None,
            timer: start.timer,
            update_trigger_token: start.update_trigger_token,
            source_registry_auth: start.source_registry_auth,
            custom_registries: start.custom_registries,
            log: Vec::new(),
            progress: Some(Progress {
                work: start.work,
                timeout: start.timeout,
                ready: now + self.durations.run / PICK_UP_PART,
                pool_was_there: pool.is_some_and(|pool| self.pools.contains_key(&pool)),
                running: None,
                end: None,
                fate: start.fate,
            }),
        };
        self.runs.insert(key(&id), run);
        self.going.push(key(&id));
        key(&id)
    }

    /// The ids of a registry's runs count up, whatever the seed has.
    fn next_run_id(&self, registry: &str) -> String {
        let taken = |number: &usize| {
            let id = key(&format!("{registry}/runs/{RUN_ID_PREFIX}{number}"));
            self.runs.contains_key(&id)
        };
        let prefix = format!("{}/runs/{RUN_ID_PREFIX}", key(registry));
        let last = self
            .runs
            .range(prefix.clone()..)
            .take_while(|(id, _)| id.starts_with(&prefix))
            .filter_map(|(id, _)| id[prefix.len()..].parse::<usize>().ok())
            .max()
            .unwrap_or_default();
        let free = (last + 1..).find(|number| !taken(number)).unwrap_or(last);
        format!("{RUN_ID_PREFIX}{free}")
    }

    /// The next moment after `since` in which a run may change by itself.
    pub(super) fn next_run_event(&self, since: OffsetDateTime) -> Option<OffsetDateTime> {
        let moments = self.going.iter().filter_map(|id| self.runs.get(id)).flat_map(|run| {
            let progress = run.progress.as_ref();
            [
                progress.map(|progress| progress.ready),
                progress.and_then(|progress| progress.running),
                progress.and_then(|progress| Some(progress.end.as_ref()?.0)),
            ]
        });
        moments.flatten().filter(|at| *at > since).min()
    }

    /// Lets runs go on to what they are at this moment.
    pub(super) fn settle_runs(&mut self, now: OffsetDateTime) {
        loop {
            let mut changed = false;
            for id in self.going.clone() {
                changed |= self.move_run(&id, now);
            }
            self.going
                .retain(|id| self.runs.get(id).is_some_and(|run| !run.is_over()));
            if !changed {
                return;
            }
        }
    }

    /// Whether a run became something else.
    fn move_run(&mut self, id: &str, now: OffsetDateTime) -> bool {
        let Some(run) = self.runs.get(id) else { return false };
        let Some(progress) = &run.progress else { return false };
        let pool = run
            .agent_pool_name
            .as_ref()
            .map(|name| key(&format!("{}/agentPools/{name}", parent(&run.id))));
        let lost = pool.as_ref().is_some_and(|pool| !self.pools.contains_key(pool));
        match run.status.as_str() {
            "Queued" if lost && progress.pool_was_there => self.lose(id, now),
            "Queued" => {
                let starts = now >= progress.ready && pool.is_none_or(|pool| self.has_room(&pool));
                if starts {
                    self.begin_run(id, now);
                }
                starts
            }
            "Started" | "Running" if lost => self.lose(id, now),
            "Started" if progress.running.is_some_and(|at| now >= at) && progress.end_after(now) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.status = "Running".into();
                    run.updated = now;
                }
                true
            }
            "Started" | "Running" => match progress.end.clone().filter(|(at, _)| now >= *at) {
                Some((at, ending)) => {
                    self.end_run(id, ending, at);
                    true
                }
                None => false,
            },
            _ => false,
        }
    }

    /// What becomes of a run whose pool has been deleted.
    fn lose(&mut self, id: &str, now: OffsetDateTime) -> bool {
        let queued = self.runs.get(id).is_some_and(|run| run.status == "Queued");
        match self.assumptions.lost_pool {
            LostPool::RunningFail if queued => return false,
            LostPool::RunningFail => {
                let error = "the agent pool of this run was deleted".to_string();
                self.end_run(id, Ending::Broken(error), now);
            }
            LostPool::AllCanceled => self.end_run(id, Ending::Canceled, now),
        }
        true
    }

    /// Whether an instance of a pool is free.
    fn has_room(&self, pool: &str) -> bool {
        let Some(known) = self.pools.get(pool) else {
            return false;
        };
        if known.state != "Succeeded" || self.is_dead(known) {
            return false;
        }
        let busy = self
            .runs_of(parent(pool))
            .into_iter()
            .filter(|run| run.is_active() && run.is_on(&known.name));
        (busy.count() as i64) < known.count
    }

    fn begin_run(&mut self, id: &str, now: OffsetDateTime) {
        let Some((mut blocks, ending)) = self.script_of(id) else {
            return;
        };
        let usual = self.durations.run;
        let share = usual / u32::try_from(blocks.len()).unwrap_or(u32::MAX).max(1);
        let Some(run) = self.runs.get_mut(id) else { return };
        let Some(progress) = &mut run.progress else { return };
        let ending = match &progress.fate {
            Fate::Fail(failure) => Ending::Failed(failure.message.clone()),
            _ => ending,
        };
        if matches!(progress.fate, Fate::Hang) {
            blocks.truncate(1);
        }
        let mut at = now;
        for block in blocks {
            at += block.extra;
            run.log.push((at, block));
            at += share;
        }
        // Shares are rounded down; the run takes what was promised all the same.
        let extra: Duration = run.log.iter().map(|(_, block)| block.extra).sum();
        let takes = usual + extra;
        progress.running = Some(now + usual / PICK_UP_PART);
        progress.end = match progress.fate {
            Fate::Hang => None,
            _ if takes > progress.timeout => Some((now + progress.timeout, Ending::TimedOut)),
            _ => Some((now + takes, ending)),
        };
        run.status = "Started".into();
        run.started = Some(now);
        run.updated = now;
    }

    /// Ends a run: what it has not yet written by then is never written.
    pub(super) fn end_run(&mut self, id: &str, ending: Ending, at: OffsetDateTime) {
        let Some(run) = self.runs.get_mut(id) else { return };
        run.status = ending.status().into();
        run.finished = Some(at);
        run.updated = at;
        run.log.retain(|(written, _)| *written <= at);
        if let Some(started) = run.started {
            let took = Duration::try_from(at - started).unwrap_or_default();
            let line = last_line(&run.run_id, &ending, took);
            run.log.push((at, Block::printed([line])));
        }
        match ending {
            Ending::Succeeded(images) => run.images = images,
            Ending::Failed(error) | Ending::Broken(error) => run.error = Some(error),
            Ending::TimedOut | Ending::Canceled => {}
        }
    }
}

impl Progress {
    fn end_after(&self, now: OffsetDateTime) -> bool {
        self.end.as_ref().is_none_or(|(at, _)| *at > now)
    }
}
