//! What ARM's provisioning state means for whoever wants to use or change a pool.

/// A provisioning state, by what can be done with the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The last operation went well.
    Settled,
    /// An operation runs: `Creating`, `Updating`, or a state that is newer than this version.
    Busy,
    /// The pool is on its way out.
    Deleting,
    /// The last operation was given up; whether the pool can be used is not known.
    Canceled,
    /// The pool cannot be used or changed again.
    Failed,
}

impl Condition {
    /// Reads ARM's word, in any casing. No word means that an operation is under way.
    #[must_use]
    pub fn of(state: Option<&str>) -> Self {
        match state.map(str::to_ascii_lowercase).as_deref() {
            Some("succeeded") => Self::Settled,
            Some("deleting") => Self::Deleting,
            Some("canceled" | "cancelled") => Self::Canceled,
            Some("failed") => Self::Failed,
            _ => Self::Busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_any_casing_and_words_to_come() {
        for (state, condition) in [
            (Some("Succeeded"), Condition::Settled),
            (Some("DELETING"), Condition::Deleting),
            (Some("Canceled"), Condition::Canceled),
            (Some("failed"), Condition::Failed),
            (Some("Creating"), Condition::Busy),
            (Some("Rebalancing"), Condition::Busy),
            (None, Condition::Busy),
        ] {
            assert_eq!(Condition::of(state), condition, "{state:?}");
        }
    }
}
