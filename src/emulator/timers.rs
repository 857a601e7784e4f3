//! Timer triggers, which really fire on the emulator's clock.
//!
//! Assumed: each occurrence starts a run of its own, also when earlier ones are not over; what happened between two looks
//! at the clock is made up for, one by one and in order; a disabled trigger or a trigger of a disabled task misses its
//! occurrences for good.

use serde_json::Value;
use time::OffsetDateTime;

use super::cron::Schedule;
use super::run_record::Timer;
use super::store::{Store, Task};
use super::tasks::is_enabled;

/// Occurrences that one jump of the clock makes up for: a day of every minute. A jump of years would fill the memory.
const MAX_FIRINGS: usize = 24 * 60;

/// One occurrence of one timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Firing {
    pub(super) at: OffsetDateTime,
    /// The store's key of the task.
    pub(super) task: String,
    /// The trigger's name.
    pub(super) timer: String,
}

impl Store {
    /// Lets everything happen that is due by now, in the order of time.
    pub(super) fn advance_to(&mut self, now: OffsetDateTime) {
        for firing in self.due_timers(now) {
            self.settle(firing.at);
            self.fire(&firing);
        }
        self.settle(now);
        self.timers_checked = self.timers_checked.max(now);
    }

    /// Starts the run of one occurrence, on the pool that the task names.
    fn fire(&mut self, firing: &Firing) {
        let timer = Timer {
            name: firing.timer.clone(),
            occurrence: firing.at,
        };
        self.run_task(&firing.task, Some(timer), firing.at);
    }

    /// Whatever became due since the last look, earliest first.
    fn due_timers(&self, now: OffsetDateTime) -> Vec<Firing> {
        let mut due = Vec::new();
        for (key, task) in self.tasks.iter().filter(|(_, task)| task.is_enabled()) {
            for (timer, schedule) in timers(task) {
                let mut base = self.timers_checked;
                let mut left = MAX_FIRINGS;
                while left > 0
                    && let Some(at) = schedule.next(base, now)
                {
                    let (task, timer) = (key.clone(), timer.to_string());
                    due.push(Firing { at, task, timer });
                    base = at;
                    left -= 1;
                }
            }
        }
        // Stable, so that the timers of a task keep their order within one minute.
        due.sort_by_key(|firing| firing.at);
        due.truncate(MAX_FIRINGS);
        due
    }
}

/// The enabled timers of a task.
fn timers(task: &Task) -> impl Iterator<Item = (&str, Schedule)> {
    let triggers = task
        .property("trigger")
        .and_then(|trigger| trigger["timerTriggers"].as_array());
    triggers.into_iter().flatten().filter_map(|trigger| {
        let schedule = trigger["schedule"]
            .as_str()
            .filter(|_| is_enabled(trigger.get("status")))?;
        let name = trigger.get("name").and_then(Value::as_str)?;
        Some((name, Schedule::parse(schedule).ok()?))
    })
}
