//! Will Azure and the network let this pool work, or this task? Asked at plan, and again at apply before the first write.
//!
//! [`facts`] reads, [`checks`] judges what was read into [`finding::Finding`]s, [`runs`] does both for tasks and builds,
//! [`quota`] and [`planned_tasks`] remember what this process has planned, [`settings`] says what each check may do,
//! and [`Preflight`] puts them together. What the same plan may mend never blocks it: such a finding warns at plan and
//! refuses at apply.

pub mod checks;
pub mod facts;
pub mod finding;
pub mod planned_tasks;
pub mod quota;
pub mod reads;
pub mod runs;
pub mod settings;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    acr::{
        agent_pool::{AgentPool, AgentPoolId},
        registry::{self, RegistryId},
        task,
    },
    azure::{Call, Client},
    framework::{Diagnostic, Diagnostics},
};

use facts::{Facts, Subject};
use finding::{Finding, Stage};
use planned_tasks::PlannedTasks;
use quota::{PlannedPools, Plans};
use reads::{Read, Reads};
use runs::{RunFacts, RunSubject};
use settings::{Check, Settings};

/// How long apply goes on reading what blocks it: separately managed rules may still be landing.
const GRACE: Duration = Duration::from_secs(120);

/// How often it reads again meanwhile.
const GRACE_POLL: Duration = Duration::from_secs(10);

/// How long an excess of the quota waits at plan to be judged once more: Terraform plans pools side by side, and one that
/// is destroyed may not have been planned yet.
const SETTLE: Duration = Duration::from_secs(1);

/// The checks of one configured provider, with what they remember in this process.
#[derive(Default)]
pub struct Preflight {
    /// What each check may do.
    pub settings: Settings,
    /// Pools that this process has planned: they exist, at their planned size.
    pub planned: PlannedPools,
    /// Tasks that this process has planned.
    pub planned_tasks: PlannedTasks,
    reads: Reads,
}

/// What is about to be written.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Pool(&'a Subject),
    Runs(&'a RunSubject),
}

impl Preflight {
    /// Checks with these settings and no memory.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            ..Self::default()
        })
    }

    /// Everything that is read about a pool.
    pub async fn facts(&self, client: &Client, call: &Call, subject: &Subject, settings: &Settings) -> Facts {
        Facts::gather(client, call, &self.reads, subject, settings).await
    }

    /// Azure's metadata of the registry's namespace.
    pub async fn metadata(&self, client: &Client, call: &Call, subscription_id: &str) -> Read {
        facts::metadata(client, call, subscription_id).await
    }

    /// A registry's body, if it can be read.
    pub async fn registry(&self, client: &Client, call: &Call, id: &RegistryId) -> Option<Arc<Value>> {
        match self
            .reads
            .get(client, call, &id.to_string(), registry::API_VERSION)
            .await
        {
            Read::Found(body) => Some(body),
            Read::Missing | Read::Unreadable(_) => None,
        }
    }

    /// Whether Azure says that there is no such registry.
    pub async fn lacks_registry(&self, client: &Client, call: &Call, id: &RegistryId) -> bool {
        let path = id.to_string();
        self.reads.get(client, call, &path, registry::API_VERSION).await == Read::Missing
    }

    /// The names of the tasks that will still name a pool which is to be destroyed; none where nobody may look.
    pub async fn tasks_left_on(&self, client: &Client, call: &Call, pool: &AgentPoolId) -> BTreeSet<String> {
        let now = self.tasks_on(client, call, pool).await;
        let left = self.planned_tasks.left_on(pool, &now);
        // Those that the same plan moves or destroys may not have been planned yet.
        match left.is_empty() || call.sleep(SETTLE).await.is_err() {
            true => left,
            false => self.planned_tasks.left_on(pool, &now),
        }
    }

    async fn tasks_on(&self, client: &Client, call: &Call, pool: &AgentPoolId) -> Vec<String> {
        let key = format!("{}/tasks", pool.registry()).to_ascii_lowercase();
        let request = async {
            let tasks = task::list(client, call, pool.registry()).await?;
            let shown = tasks.iter().map(|it| (&it.name, &it.properties.agent_pool_name));
            Ok(json!(shown.collect::<Vec<_>>()))
        };
        let read = self.reads.once(&key, request).await;
        let is_on = |shown: &&Value| {
            let on = shown.get(1).and_then(Value::as_str);
            on.is_some_and(|on| on.eq_ignore_ascii_case(pool.name()))
        };
        let tasks = read.body().and_then(Value::as_array).into_iter().flatten();
        let names = tasks.filter(is_on).filter_map(|shown| shown.get(0)?.as_str());
        names.map(str::to_owned).collect()
    }

    /// Something was changed: what was read before is not worth much.
    pub fn forget(&self) {
        self.reads.forget();
    }

    /// A pool as the registry's list has it; `None` when there is none or nobody may look.
    pub async fn existing(&self, client: &Client, call: &Call, pool: &AgentPoolId) -> Option<AgentPool> {
        let pools = facts::pools(client, call, &self.reads, pool.registry()).await.ok()?;
        pools.into_iter().find(|it| it.name.eq_ignore_ascii_case(pool.name()))
    }

    /// What to say of a pool at plan.
    pub async fn at_plan(&self, client: &Client, call: &Call, subject: &Subject) -> Diagnostics {
        let facts = self.facts(client, call, subject, &self.settings).await;
        let mut findings = checks::run(subject, &facts, &self.settings, &self.planned);
        let over = facts.pools.is_ok() && findings.iter().any(|finding| finding.check == Check::Quota);
        if over && call.sleep(SETTLE).await.is_ok() {
            findings = checks::run(subject, &facts, &self.settings, &self.planned);
        }
        self.told(findings.iter(), Stage::Plan)
    }

    /// What to say of a task or a build at plan: when it is created, and when its pool or its identities change.
    pub async fn runs_at_plan(&self, client: &Client, call: &Call, subject: &RunSubject) -> Diagnostics {
        let facts = RunFacts::gather(client, call, &self.reads, subject).await;
        let mut findings = runs::run(subject, &facts, &self.planned);
        let lacks_pool = findings.iter().any(|finding| finding.check == Check::Pool);
        // The pool may not have been planned yet, if only its name connects the two.
        if lacks_pool && call.sleep(SETTLE).await.is_ok() {
            findings = runs::run(subject, &facts, &self.planned);
        }
        self.told(findings.iter(), Stage::Plan)
    }

    /// Whether apply may write a pool. What blocks it is read again for a while, uncached; warnings were given by the plan,
    /// which Terraform makes once more right before.
    ///
    /// # Errors
    /// What blocks it.
    pub async fn at_apply(&self, client: &Client, call: &Call, subject: &Subject) -> Result<(), Diagnostics> {
        self.gate(client, call, Asked::Pool(subject)).await
    }

    /// Whether apply may write a task or a build; as [`Preflight::at_apply`].
    ///
    /// # Errors
    /// What blocks it.
    pub async fn runs_at_apply(&self, client: &Client, call: &Call, subject: &RunSubject) -> Result<(), Diagnostics> {
        self.gate(client, call, Asked::Runs(subject)).await
    }

    async fn findings(&self, client: &Client, call: &Call, asked: Asked<'_>) -> Vec<Finding> {
        match asked {
            Asked::Pool(subject) => {
                let facts = self.facts(client, call, subject, &self.settings).await;
                checks::run(subject, &facts, &self.settings, &self.planned)
            }
            Asked::Runs(subject) => {
                let facts = RunFacts::gather(client, call, &self.reads, subject).await;
                runs::run(subject, &facts, &self.planned)
            }
        }
    }

    fn told<'a>(&self, findings: impl Iterator<Item = &'a Finding>, stage: Stage) -> Diagnostics {
        let told = findings.filter_map(|finding| finding.diagnostic(stage, &self.settings));
        let told: Vec<Diagnostic> = told.collect();
        Diagnostics(told)
    }

    async fn gate(&self, client: &Client, call: &Call, asked: Asked<'_>) -> Result<(), Diagnostics> {
        let started = call.elapsed();
        let mut anew = false;
        loop {
            let findings = self.findings(client, call, asked).await;
            let blocking: Vec<&Finding> = findings
                .iter()
                .filter(|finding| finding.blocks(&self.settings))
                .collect();
            if blocking.is_empty() {
                return Ok(());
            }
            if !anew {
                // What was read for another may be some seconds old, and mended since.
                anew = true;
                self.reads.forget();
                continue;
            }
            let hopeless = blocking.iter().any(|finding| !finding.mendable) || asked.is_removed(&self.planned);
            let over = call.elapsed().saturating_sub(started) >= GRACE;
            if hopeless || over || call.sleep(GRACE_POLL).await.is_err() {
                return Err(self.told(blocking.into_iter(), Stage::Apply));
            }
            tracing::info!(%asked, "waiting for what blocks it to be mended");
            self.reads.forget();
        }
    }
}

impl Asked<'_> {
    /// Whether runs would go to a pool that this very process removes: no waiting brings it back.
    fn is_removed(self, planned: &PlannedPools) -> bool {
        match self {
            Self::Pool(_) => false,
            Self::Runs(subject) => subject
                .pool
                .as_ref()
                .is_some_and(|pool| planned.of(pool) == Plans::Removed),
        }
    }
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(subject) => subject.pool.fmt(f),
            Self::Runs(subject) => write!(f, "runs of {}", subject.registry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/builds";

    #[test]
    fn nothing_is_waited_for_on_a_pool_that_this_process_removes() {
        let registry: RegistryId = REGISTRY.parse().unwrap();
        let planned = PlannedPools::default();
        planned.will_go(&AgentPoolId::new(registry.clone(), "night").unwrap());
        for (pool, is_removed) in [(Some("Night"), true), (Some("day"), false), (None, false)] {
            let subject = RunSubject {
                pool: pool.and_then(|pool| AgentPoolId::new(registry.clone(), pool).ok()),
                registry: registry.clone(),
                system_identity: false,
                user_identity: false,
                identity_attribute: "identity",
            };
            assert_eq!(Asked::Runs(&subject).is_removed(&planned), is_removed, "{pool:?}");
        }
    }
}
