//! Why is it queued? Reads what the diagnosis needs, as far as it may be read, and says what it could not read.

use time::OffsetDateTime;

use crate::{
    acr::{
        agent_pool::{self, AgentPool, AgentPoolId},
        diagnosis::{self, ActiveRun, Diagnosis, Quota, Reason, Sight, Situation},
        preview::{ISOLATED_VCPU_QUOTA, STANDARD_VCPU_QUOTA},
        run::{self, Run},
        tier,
    },
    azure::{Call, Client, Error},
    network::Verdict,
    provider::preflight::{
        Preflight,
        facts::{Change, Facts, Subject},
        quota,
        settings::{Check, Setting},
    },
};

/// How many runs of a pool are listed: a queue that is longer is told as it is counted by the service.
const RUNS_LISTED_MAX: usize = 1_000;

/// The action without which a queue's length is not known.
const QUEUE_ACTION: &str = "Microsoft.ContainerRegistry/registries/agentPools/listQueueStatus/action";

/// The action without which a pool's runs are not known.
pub const RUNS_ACTION: &str = "Microsoft.ContainerRegistry/registries/runs/read";

/// A pool and what is on it, as far as it could be read.
#[derive(Debug)]
pub struct Observed {
    /// The pool, or why it was not read.
    pub pool: Result<AgentPool, Error>,
    /// How many runs the service says are queued.
    pub queued: Result<i64, Error>,
    /// The pool's runs that have not ended, newest first.
    pub active: Result<Vec<Run>, Error>,
}

/// The answer, and what it is based on.
#[derive(Debug)]
pub struct Explained {
    /// What was seen.
    pub observed: Observed,
    /// What it comes to.
    pub diagnosis: Diagnosis,
    /// What could not be read, a few words each.
    pub unread: Vec<String>,
}

/// Reads and explains. `run` is the run that is asked about, as far as the caller knows it; none for the pool as such.
/// Takes no longer than `call` and never fails.
pub async fn explain(
    client: &Client,
    call: &Call,
    preflight: &Preflight,
    pool: &AgentPoolId,
    run: Option<ActiveRun>,
) -> Explained {
    let observed = Observed::look(client, call, call, pool).await;
    observed.explain(client, call, preflight, pool, run).await
}

/// How many runs the service says are queued on a pool, and those of its runs that have not ended: without a look at the pool
/// itself. Failures are logged, unless they say that this principal may not look.
pub async fn queued_and_active(
    client: &Client,
    call: &Call,
    pool: &AgentPoolId,
) -> (Result<i64, Error>, Result<Vec<Run>, Error>) {
    let busy = run::Filter {
        agent_pool_name: Some(pool.name()),
        statuses: &run::ACTIVE,
        ..run::Filter::default()
    };
    let (queued, active) = tokio::join!(
        agent_pool::queue_status(client, call, pool),
        run::list(client, call, pool.registry(), &busy, RUNS_LISTED_MAX),
    );
    for error in [queued.as_ref().err(), active.as_ref().err()].into_iter().flatten() {
        if !error.is_forbidden() {
            tracing::warn!(%error, pool = %pool, "the runs on the pool cannot be read");
        }
    }
    (queued, active)
}

/// How many of the runs that have not ended have a machine.
#[must_use]
pub fn running(active: &[Run]) -> Option<i64> {
    i64::try_from(active.iter().filter(|run| !run.is_queued()).count()).ok()
}

impl Observed {
    /// Looks: at the pool within `call`, at what is on it within `side`.
    pub async fn look(client: &Client, call: &Call, side: &Call, pool: &AgentPoolId) -> Self {
        let (found, (queued, active)) = tokio::join!(
            agent_pool::get(client, call, pool),
            queued_and_active(client, side, pool)
        );
        Self {
            pool: found,
            queued,
            active,
        }
    }

    /// How many runs have a machine; `None` when they cannot be listed.
    #[must_use]
    pub fn running(&self) -> Option<i64> {
        self.active.as_ref().ok().and_then(|active| running(active))
    }

    /// Explains, after looking at network and quota where they may be the reason.
    pub async fn explain(
        self,
        client: &Client,
        call: &Call,
        preflight: &Preflight,
        pool: &AgentPoolId,
        run: Option<ActiveRun>,
    ) -> Explained {
        let mut unread = self.unread();
        let mut situation = self.situation(pool, run);
        if let Ok(found) = &self.pool {
            // Without machines there is nothing that the network could block.
            let network = diagnosis::network_matters(&situation) && found.properties.count != Some(0);
            if let Some(subject) = subject(found, pool, network, preflight) {
                let facts = preflight.facts(client, call, &subject, &preflight.settings).await;
                situation.quota = facts
                    .pools
                    .as_ref()
                    .ok()
                    .and_then(|pools| registry_quota(pools, &subject, preflight));
                situation.blocked = blocked(&facts);
                let network = facts.network.iter().flat_map(|network| &network.unreadable);
                unread.extend(network.map(|(id, _)| id.clone()));
            }
        }
        Explained {
            diagnosis: diagnosis::diagnose(&situation),
            observed: self,
            unread,
        }
    }

    fn situation(&self, pool: &AgentPoolId, run: Option<ActiveRun>) -> Situation {
        let active: Option<Vec<ActiveRun>> = match &self.active {
            Ok(runs) => Some(runs.iter().map(ActiveRun::from).collect()),
            Err(_) => None,
        };
        let listed = |asked: &ActiveRun| active.iter().flatten().find(|run| run.id == asked.id).cloned();
        Situation {
            name: pool.name().to_owned(),
            pool: match &self.pool {
                Ok(pool) => Sight::Found {
                    state: pool.properties.provisioning_state.clone(),
                    count: pool.properties.count,
                },
                Err(error) if error.is_gone() => Sight::Missing,
                Err(_) => Sight::Unread,
            },
            queued: self.queued.as_ref().ok().copied(),
            run: run.map(|asked| listed(&asked).unwrap_or(asked)),
            active,
            blocked: Vec::new(),
            quota: None,
            // The clock of this machine. If it is ahead of the service's, waits look that much longer than they are.
            now: OffsetDateTime::now_utc(),
        }
    }

    fn unread(&self) -> Vec<String> {
        let missing = [
            self.pool
                .as_ref()
                .err()
                .filter(|error| !error.is_gone())
                .map(|_| "the pool".to_owned()),
            self.queued
                .as_ref()
                .err()
                .map(|error| with_action("the length of its queue", error, QUEUE_ACTION)),
            self.active
                .as_ref()
                .err()
                .map(|error| with_action("its runs", error, RUNS_ACTION)),
        ];
        // What is on a pool that does not exist is no loss.
        let gone = self.pool.as_ref().is_err_and(Error::is_gone);
        missing.into_iter().flatten().filter(|_| !gone).collect()
    }
}

impl Explained {
    /// The reasons as a paragraph that ends a message; `None` when there is nothing to say.
    #[must_use]
    pub fn paragraph(&self) -> Option<String> {
        let mut lines: Vec<String> = self.diagnosis.reasons.iter().map(Reason::text).collect();
        if !self.unread.is_empty() {
            lines.push(format!(
                "Not known, because it cannot be read: {}.",
                self.unread.join(", ")
            ));
        }
        match lines.as_slice() {
            [] => None,
            [one] => Some(format!("Why it is queued: {one}")),
            many => Some(format!("Why it is queued:\n\n  * {}", many.join("\n  * "))),
        }
    }
}

fn with_action(what: &str, error: &Error, action: &str) -> String {
    if error.is_forbidden() {
        format!("{what} (the principal needs {action})")
    } else {
        what.to_owned()
    }
}

/// What preflight is asked about; the network only where it may be a reason and the user has not switched its check off.
fn subject(found: &AgentPool, pool: &AgentPoolId, network: bool, preflight: &Preflight) -> Option<Subject> {
    let properties = &found.properties;
    let subnet = properties.virtual_network_subnet_resource_id.as_deref();
    let network = network && preflight.settings.of(Check::Network) != Setting::Off;
    let subnet = subnet.filter(|_| network).and_then(|id| id.parse().ok());
    Some(Subject {
        pool: pool.clone(),
        tier: properties.tier.clone()?,
        count: properties.count?,
        // Growing reads only the registry's pools.
        change: if subnet.is_some() {
            Change::Create
        } else {
            Change::ScaleOut
        },
        subnet,
    })
}

fn registry_quota(pools: &[AgentPool], subject: &Subject, preflight: &Preflight) -> Option<Quota> {
    let tier = tier::tier(&subject.tier)?;
    let (kind, declared, documented) = if tier.isolated {
        ("isolated", preflight.settings.isolated_vcpu_quota, ISOLATED_VCPU_QUOTA)
    } else {
        ("standard", preflight.settings.standard_vcpu_quota, STANDARD_VCPU_QUOTA)
    };
    Some(Quota {
        kind,
        used: quota::usage(pools, tier.isolated).total(),
        granted: declared.unwrap_or(documented),
        declared: declared.is_some(),
        per_machine: tier.vcpu,
    })
}

/// What the machines certainly cannot reach and need.
fn blocked(facts: &Facts) -> Vec<String> {
    let readiness = facts.network.as_ref().and_then(|network| network.readiness.as_ref());
    let findings = readiness.map_or(&[][..], |readiness| &readiness.findings);
    let certain = findings
        .iter()
        .filter(|it| it.verdict == Verdict::Blocked && !it.requirement.is_dispensable());
    certain
        .map(|it| format!("{} on port {}", it.requirement.service_tag, it.requirement.port))
        .collect()
}
