//! The emulator's whole state behind one lock: requests are short, so one at a time is enough.

use time::OffsetDateTime;

use super::clock::Clock;
use super::faults::Faults;
use super::identity::Identities;
use super::journal::Journal;
use super::seed::Seed;
use super::store::{Durations, Store};

/// Everything that a request can see or change.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) identities: Identities,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
    pub(super) token_lifetime: time::Duration,
    seed: Seed,
    base_url: String,
}

impl World {
    /// The state at the start. The error says what in the seed does not fit.
    pub(super) fn new(
        seed: Seed,
        base_url: &str,
        durations: Durations,
        token_lifetime: time::Duration,
    ) -> Result<World, String> {
        let clock = Clock::start();
        Ok(World {
            store: Store::from_seed(&seed, base_url, durations, clock.now())?,
            identities: Identities::random(&seed.tenant_id, &seed.auxiliary_tenants, base_url),
            faults: Faults::default(),
            journal: Journal::default(),
            token_lifetime,
            seed,
            base_url: base_url.into(),
            clock,
        })
    }

    /// Back to the seed: objects, operations, faults, journal and clock. Identities and their tokens stay, so that a
    /// client need not start over.
    pub(super) fn reset(&mut self) -> Result<(), String> {
        let now = self.clock.now();
        self.store = Store::from_seed(&self.seed, &self.base_url, self.store.durations, now)?;
        self.faults = Faults::default();
        self.journal = Journal::default();
        self.clock.set_frozen(false);
        Ok(())
    }

    /// Lets due operations end and due timers fire, and returns the time.
    pub(super) fn tick(&mut self) -> OffsetDateTime {
        let now = self.clock.now();
        self.store.advance_to(now);
        now
    }
}
