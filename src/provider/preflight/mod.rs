//! Will Azure and the network let this pool work? Asked at plan, and again at apply before the first write.
//!
//! [`facts`] reads, [`checks`] judges what was read into [`finding::Finding`]s, [`settings`] says what each check may do,
//! and [`Preflight`] puts them together. What the same plan may mend never blocks it: such a finding warns at plan and
//! refuses at apply.

pub mod checks;
pub mod facts;
pub mod finding;
pub mod quota;
pub mod reads;
pub mod settings;

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    acr::{
        agent_pool::{AgentPool, AgentPoolId},
        registry::{self, RegistryId},
    },
    azure::{Call, Client},
    framework::{Diagnostic, Diagnostics},
};

use facts::{Facts, Subject};
use finding::{Finding, Stage};
use quota::PlannedPools;
use reads::{Read, Reads};
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
    reads: Reads,
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

    /// Something was changed: what was read before is not worth much.
    pub fn forget(&self) {
        self.reads.forget();
    }

    /// A pool as the registry's list has it; `None` when there is none or nobody may look.
    pub async fn existing(&self, client: &Client, call: &Call, pool: &AgentPoolId) -> Option<AgentPool> {
        let pools = facts::pools(client, call, &self.reads, pool.registry()).await.ok()?;
        pools.into_iter().find(|it| it.name.eq_ignore_ascii_case(pool.name()))
    }

    async fn findings(&self, client: &Client, call: &Call, subject: &Subject) -> Vec<Finding> {
        let facts = self.facts(client, call, subject, &self.settings).await;
        checks::run(subject, &facts, &self.settings, &self.planned)
    }

    /// What to say at plan.
    pub async fn at_plan(&self, client: &Client, call: &Call, subject: &Subject) -> Diagnostics {
        let facts = self.facts(client, call, subject, &self.settings).await;
        let mut findings = checks::run(subject, &facts, &self.settings, &self.planned);
        let over = facts.pools.is_ok() && findings.iter().any(|finding| finding.check == Check::Quota);
        if over && call.sleep(SETTLE).await.is_ok() {
            findings = checks::run(subject, &facts, &self.settings, &self.planned);
        }
        let told = findings
            .iter()
            .filter_map(|finding| finding.diagnostic(Stage::Plan, &self.settings));
        Diagnostics(told.collect())
    }

    /// Whether apply may write. What blocks it is read again for a while, uncached; warnings were given by the plan, which
    /// Terraform makes once more right before.
    ///
    /// # Errors
    /// What blocks it.
    pub async fn at_apply(&self, client: &Client, call: &Call, subject: &Subject) -> Result<(), Diagnostics> {
        let started = call.elapsed();
        let mut anew = false;
        loop {
            let findings = self.findings(client, call, subject).await;
            let blocking: Vec<&Finding> = findings
                .iter()
                .filter(|finding| finding.blocks(&self.settings))
                .collect();
            if blocking.is_empty() {
                return Ok(());
            }
            if !anew {
                // What was read for another pool may be some seconds old, and mended since.
                anew = true;
                self.reads.forget();
                continue;
            }
            let hopeless = blocking.iter().any(|finding| !finding.mendable);
            let over = call.elapsed().saturating_sub(started) >= GRACE;
            if hopeless || over || call.sleep(GRACE_POLL).await.is_err() {
                let told = blocking
                    .iter()
                    .filter_map(|finding| finding.diagnostic(Stage::Apply, &self.settings));
                let told: Vec<Diagnostic> = told.collect();
                return Err(Diagnostics(told));
            }
            tracing::info!(pool = %subject.pool, "waiting for what blocks the pool to be mended");
            self.reads.forget();
        }
    }
}
