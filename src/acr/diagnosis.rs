//! Why is it queued? From what is known of a pool, its runs, its network and its quota to reasons in plain sentences.
//!
//! Pure: the time is an argument, what could not be read is left out, and nothing is concluded from what is not there.

use std::time::Duration;

use time::OffsetDateTime;

use super::condition::Condition;
use super::run::Run;

/// How long a run may wait beside a free machine before that is strange. An assumption: runs on Azure's shared machines
/// have been recorded to start within seconds, nothing is recorded for pools, and a machine may be cleaned between runs.
pub const START_EXPECTED: Duration = Duration::from_secs(5 * 60);

/// What is known when somebody asks.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The pool's name.
    pub name: String,
    /// The pool.
    pub pool: Sight,
    /// How many runs the service says are queued; `None` when nobody may ask.
    pub queued: Option<i64>,
    /// The runs of the pool that have not ended, in any order; `None` when they cannot be listed.
    pub active: Option<Vec<ActiveRun>>,
    /// What the machines certainly cannot reach and need, such as `Storage on port 443`. Empty when nothing is known to be
    /// blocked.
    pub blocked: Vec<String>,
    /// The registry's processors of the pool's kind, as far as they are known.
    pub quota: Option<Quota>,
    /// The run that is asked about, if it is one run.
    pub run: Option<ActiveRun>,
    /// The time of asking.
    pub now: OffsetDateTime,
}

/// What was seen of the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It is there.
    Found {
        /// ARM's provisioning state.
        state: Option<String>,
        /// Its desired number of machines.
        count: Option<i64>,
    },
    /// It certainly does not exist.
    Missing,
    /// Nobody could look.
    Unread,
}

/// A run that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveRun {
    /// `cf1` and the like.
    pub id: String,
    /// Whether it waits for a machine.
    pub queued: bool,
    /// When it was queued, if the service has said.
    pub created: Option<OffsetDateTime>,
}

/// The registry's virtual CPUs of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// `standard` or `isolated`.
    pub kind: &'static str,
    /// In use by all pools of that kind.
    pub used: i64,
    /// Granted.
    pub granted: i64,
    /// Whether the user has declared the grant; else it is the documented one, which support may have raised.
    pub declared: bool,
    /// What one more machine of the pool takes.
    pub per_machine: i64,
}

/// A pool's status in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// A run that is queued now finds a machine, at once or when the runs before it have ended.
    Ready,
    /// There is no machine.
    ScaledToZero,
    /// Azure is creating, changing or deleting the pool.
    Provisioning,
    /// Azure has given the pool, or the last operation on it, up.
    Failed,
    /// Azure calls the pool well, and it does not take runs.
    Stalled,
}

/// What keeps runs waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The pool does not exist.
    PoolMissing,
    /// The pool has failed, or its last operation was given up.
    Failed,
    /// The pool is being deleted.
    Deleting,
    /// The pool has no machine.
    ScaledToZero,
    /// The pool is being created or changed.
    Provisioning,
    /// The machines cannot reach what they need.
    NetworkBlocked,
    /// The registry has no processors left for another machine.
    Quota,
    /// Other runs have the machines.
    AllBusy,
    /// It has not waited for long.
    JustQueued,
    /// It waits longer than it should, and nothing explains it.
    Unexplained,
}

/// One reason, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is.
    pub cause: Cause,
    /// One sentence.
    pub explanation: String,
    /// One sentence.
    pub remedy: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The pool's status.
    pub health: Health,
    /// What keeps runs, or the run, waiting; the most certain first. Empty when nothing does.
    pub reasons: Vec<Reason>,
    /// Whether a run that is queued now would be taken up sooner or later without anybody doing anything to the pool but
    /// giving it machines.
    pub accepting_runs: bool,
    /// How long the oldest queued run waits; `None` when none does or nobody may look.
    pub oldest_queued: Option<Duration>,
}

impl Health {
    /// As it is spelled in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::ScaledToZero => "scaled_to_zero",
            Self::Provisioning => "provisioning",
            Self::Failed => "failed",
            Self::Stalled => "stalled",
        }
    }
}

impl Reason {
    fn new(cause: Cause, explanation: String, remedy: &str) -> Self {
        Self {
            cause,
            explanation,
            remedy: remedy.to_owned(),
        }
    }

    /// Explanation and remedy as one text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.explanation, self.remedy)
    }
}

impl From<&Run> for ActiveRun {
    fn from(run: &Run) -> Self {
        Self {
            id: run.run_id.clone(),
            queued: run.is_queued(),
            created: run.create_time.as_deref().and_then(instant),
        }
    }
}

impl Quota {
    /// Whether one more machine does not fit. More in use than the documentation grants shows that support has raised the
    /// quota, nobody knows how far.
    fn is_exhausted(&self) -> bool {
        let known = self.declared || self.used <= self.granted;
        known && self.used.saturating_add(self.per_machine) > self.granted
    }
}

/// A time as the service writes it.
#[must_use]
pub fn instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()
}

/// Whether the network has nothing to do with it: a run that runs has reached what it needs.
#[must_use]
pub fn network_matters(situation: &Situation) -> bool {
    situation.running() == 0
}

/// Finds the reasons.
#[must_use]
pub fn diagnose(situation: &Situation) -> Diagnosis {
    let mut reasons: Vec<Reason> = Vec::new();
    let (condition, count) = match &situation.pool {
        Sight::Missing => {
            reasons.push(missing(&situation.name));
            (Some(Condition::Failed), None)
        }
        Sight::Unread => (None, None),
        Sight::Found { state, count } => {
            let condition = Condition::of(state.as_deref());
            reasons.extend(by_state(condition, state.as_deref(), *count));
            (Some(condition), *count)
        }
    };
    let blocked = !situation.blocked.is_empty() && network_matters(situation);
    if blocked && count != Some(0) {
        reasons.push(network(&situation.blocked));
    }
    let busy = busy(situation, count);
    let usable = matches!(condition, Some(Condition::Settled | Condition::Busy));
    if usable && (busy.is_some() || count == Some(0) || condition == Some(Condition::Busy)) {
        reasons.extend(situation.quota.as_ref().and_then(quota));
    }
    reasons.extend(busy);
    let mut stalled = blocked;
    if reasons.is_empty() && condition == Some(Condition::Settled) {
        let waited = waited(situation);
        reasons.extend(waited);
        stalled = reasons.iter().any(|reason| reason.cause == Cause::Unexplained);
    }
    let health = match (condition, count) {
        (None, _) => Health::Ready,
        (Some(Condition::Failed | Condition::Canceled), _) => Health::Failed,
        (Some(Condition::Busy | Condition::Deleting), _) => Health::Provisioning,
        (Some(Condition::Settled), Some(0)) => Health::ScaledToZero,
        (Some(Condition::Settled), _) if stalled => Health::Stalled,
        (Some(Condition::Settled), _) => Health::Ready,
    };
    let lost = matches!(health, Health::Failed | Health::Stalled) || condition == Some(Condition::Deleting);
    Diagnosis {
        health,
        reasons,
        accepting_runs: !lost,
        oldest_queued: situation.oldest_queued(),
    }
}

impl Situation {
    fn running(&self) -> i64 {
        let active = self.active.iter().flatten();
        count(active.filter(|run| !run.queued).count())
    }

    /// Runs that wait: as many as the service says, else as many as are listed.
    fn waiting(&self) -> i64 {
        let listed = self.active.iter().flatten().filter(|run| run.queued).count();
        self.queued.unwrap_or_else(|| count(listed)).max(0)
    }

    /// The place of the run that is asked about among those that wait; 1 is the next.
    fn position(&self) -> Option<i64> {
        let own = self.run.as_ref()?;
        let created = own.created?;
        let before =
            |other: &&ActiveRun| other.queued && other.id != own.id && other.created.is_some_and(|it| it < created);
        Some(count(self.active.as_ref()?.iter().filter(before).count()) + 1)
    }

    fn age(&self, run: &ActiveRun) -> Option<Duration> {
        Duration::try_from(self.now - run.created?).ok()
    }

    fn oldest_queued(&self) -> Option<Duration> {
        let queued = self.active.iter().flatten().filter(|run| run.queued);
        queued.filter_map(|run| self.age(run)).max()
    }
}

fn missing(name: &str) -> Reason {
    Reason::new(
        Cause::PoolMissing,
        format!("The registry has no agent pool \"{name}\": what is scheduled on it waits for ever."),
        "Create the pool, or name one that exists.",
    )
}

/// What ARM's state and the count say by themselves, the more certain first.
fn by_state(condition: Condition, state: Option<&str>, count: Option<i64>) -> Vec<Reason> {
    let told = state.unwrap_or("no state");
    let by_condition = match condition {
        Condition::Settled => None,
        Condition::Failed => Some(Reason::new(
            Cause::Failed,
            format!("Azure reports the pool as {told} and gives no reason."),
            "It cannot be mended or scaled, only replaced; before that, look for a change in its subnet's network security group or routes, which is the usual cause.",
        )),
        Condition::Canceled => Some(Reason::new(
            Cause::Failed,
            format!(
                "Azure reports the last operation on the pool as {told}, and whether the pool can be used is not known."
            ),
            "Replace the pool if its runs stay queued.",
        )),
        Condition::Deleting => Some(Reason::new(
            Cause::Deleting,
            "Azure is deleting the pool.".into(),
            "What is queued on it is lost; create the pool anew when it is gone.",
        )),
        Condition::Busy => Some(Reason::new(
            Cause::Provisioning,
            format!("Azure is changing the pool ({told}), which takes 4 to 14 minutes as a rule."),
            "Wait until it is done.",
        )),
    };
    let hopeless = matches!(condition, Condition::Failed | Condition::Deleting);
    let empty = (count == Some(0) && !hopeless).then(|| {
        Reason::new(
            Cause::ScaledToZero,
            "The pool has no machine (instance_count is 0), so that runs stay queued.".into(),
            "Raise instance_count.",
        )
    });
    empty.into_iter().chain(by_condition).collect()
}

fn network(blocked: &[String]) -> Reason {
    Reason::new(
        Cause::NetworkBlocked,
        format!(
            "The pool's network blocks what its machines need: {}.",
            blocked.join(", ")
        ),
        "Open it; data.acr_subnet_readiness has the rule that blocks and the one that mends it.",
    )
}

fn quota(quota: &Quota) -> Option<Reason> {
    if !quota.is_exhausted() {
        return None;
    }
    let source = if quota.declared { "declared" } else { "documented" };
    Some(Reason::new(
        Cause::Quota,
        format!(
            "{} of the registry's {source} {} {} vCPU are in use, so that the pool cannot have another machine.",
            quota.used, quota.granted, quota.kind
        ),
        "Take machines from another pool, or ask Azure support to raise the quota.",
    ))
}

/// Other runs have the machines, or are next for them.
fn busy(situation: &Situation, machines: Option<i64>) -> Option<Reason> {
    let machines = machines.filter(|machines| *machines > 0)?;
    situation.active.as_ref()?;
    let (running, waiting) = (situation.running(), situation.waiting());
    let full = running >= machines;
    let number = situation.position();
    let next = number.filter(|number| running > 0 && running + number > machines);
    if (!full && next.is_none()) || (waiting == 0 && situation.run.is_none()) {
        return None;
    }
    let what = if full {
        match machines {
            1 => "The pool's only machine is busy".to_owned(),
            _ => format!("The pool's {machines} machines are all busy"),
        }
    } else {
        "The runs before it take the pool's free machines".to_owned()
    };
    let runs = plural(running, "run is", "runs are");
    let queue = match number {
        Some(number) => format!("this one is number {number} of {} in the queue", waiting.max(number)),
        None => format!("{} waiting", plural(waiting, "is", "are")),
    };
    Some(Reason::new(
        Cause::AllBusy,
        format!("{what}: {runs} running and {queue}."),
        "Wait, or raise instance_count.",
    ))
}

/// Nothing else explains the wait: has it been long?
fn waited(situation: &Situation) -> Option<Reason> {
    let age = match &situation.run {
        Some(run) => situation.age(run)?,
        None => situation.oldest_queued().filter(|age| *age >= START_EXPECTED)?,
    };
    let (waited, expected) = (told(age), told(START_EXPECTED));
    if age < START_EXPECTED {
        let explanation = format!("Nothing is known to keep the run from starting; it has waited for {waited}.");
        let remedy = format!("More than {expected} beside a free machine would be strange.");
        return Some(Reason::new(Cause::JustQueued, explanation, &remedy));
    }
    let who = situation.run.as_ref().map_or("A run", |_| "The run");
    Some(Reason::new(
        Cause::Unexplained,
        format!(
            "{who} has been queued for {waited} although a machine is free, and nothing that can be read explains it."
        ),
        "A pool whose machines cannot reach what they need looks like this: compare its network and firewall with the required rules; if they are right, replace the pool or ask Azure support.",
    ))
}

/// A duration in words, as precise as it matters.
fn told(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=119 => plural(count_of(seconds), "second", "seconds"),
        120..=7_199 => plural(count_of(seconds / 60), "minute", "minutes"),
        _ => plural(count_of(seconds / 3_600), "hour", "hours"),
    }
}

fn plural(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count_of(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
