//! Which mutants Core sees, at which step of a thing's life and in which words; and why it does not see the others.

/// A step of a thing's life in Terraform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Apply, with a value that is unknown at plan.
    Create,
    /// A plan after the apply: empty.
    Rest,
    /// The same with `-refresh=false`.
    Unrefreshed,
    /// Apply of other values, one of them unknown at plan.
    Update,
    /// `terraform import`, after the state has been forgotten.
    Import,
    /// An `import` block with an identity, after the state has been forgotten again.
    ImportBlock,
    /// Apply of another name, with a data source beside.
    Replace,
    Destroy,
}

/// What Core makes of a mutant.
#[derive(Debug)]
pub struct Verdict {
    pub mutant: &'static str,
    /// Where Core sees it, if anywhere.
    pub at: Option<Step>,
    /// What Core says then, or the reason why it sees nothing.
    pub text: &'static str,
}

impl Step {
    pub const LIFE: [Self; 8] = [
        Self::Create,
        Self::Rest,
        Self::Unrefreshed,
        Self::Update,
        Self::Import,
        Self::ImportBlock,
        Self::Replace,
        Self::Destroy,
    ];
}

impl Verdict {
    /// The letters of the rule.
    pub fn family(&self) -> &'static str {
        self.mutant
            .split(|c: char| !c.is_ascii_alphabetic())
            .next()
            .unwrap_or_default()
    }
}

const fn sees(mutant: &'static str, at: Step, text: &'static str) -> Verdict {
    Verdict {
        mutant,
        at: Some(at),
        text,
    }
}

const fn blind(mutant: &'static str, reason: &'static str) -> Verdict {
    Verdict {
        mutant,
        at: None,
        text: reason,
    }
}

/// Core's words when a value has a member too many: the decoder's own, without a headline.
const MISFIT: &str = "an object with 11 attributes is required (12 given)";
const INVALID_PLAN: &str = "Provider produced invalid plan";
const INVALID_OBJECT: &str = "Provider produced invalid object";
const INVALID_IDENTITY: &str = "Provider produced invalid identity";
const INVALID_UPGRADE: &str = "Invalid resource state upgrade";
const INCONSISTENT_PLAN: &str = "Provider produced inconsistent final plan";
const INCONSISTENT_RESULT: &str = "Provider produced inconsistent result after apply";
const INVALID_RESULT: &str = "Provider returned invalid result object after apply";
const NOTHING_THERE: &str = "Cannot import non-existent remote object";
/// A symptom, not an accusation: the plan is not empty, and nobody is blamed.
const PLANS_CREATION: &str = "Plan: 1 to add, 0 to change, 0 to destroy.";
const PLANS_CHANGE: &str = "Plan: 0 to add, 1 to change, 0 to destroy.";

/// One verdict for each mutant.
pub const VERDICTS: &[Verdict] = &[
    sees("S1", Step::Create, "cannot set both Optional and Required"),
    sees("S1-nothing", Step::Create, "must set Optional, Required or Computed"),
    sees("U1", Step::Rest, PLANS_CREATION),
    sees("U1-unknown", Step::Rest, INVALID_UPGRADE),
    sees("U1-refresh", Step::Unrefreshed, PLANS_CHANGE),
    sees("U1-shape", Step::Rest, MISFIT),
    sees("U1-token", Step::Rest, INVALID_UPGRADE),
    blind("U1-identity", "no identity of an older version occurs in this life"),
    sees("R1", Step::Rest, INVALID_OBJECT),
    sees("R1-shape", Step::Rest, MISFIT),
    sees("R1-token", Step::Rest, INVALID_OBJECT),
    sees("R2", Step::Rest, PLANS_CREATION),
    sees("R3", Step::Rest, PLANS_CHANGE),
    sees("R4", Step::Rest, PLANS_CHANGE),
    blind("R5", "Core mends null blocks, and only its log tells"),
    blind(
        "R6",
        "private data is the provider's own affair; Core stores what it gets",
    ),
    // No headline: the null identity of the read makes Terraform itself crash.
    sees("R6-identity", Step::ImportBlock, "panic: not a string"),
    sees("R7", Step::Rest, INVALID_IDENTITY),
    blind(
        "R7-other",
        "Core takes any known identity, and does not compare it with the one before",
    ),
    sees("P1", Step::Create, INVALID_PLAN),
    sees("P1-block", Step::Create, INVALID_PLAN),
    sees("P1-destroy", Step::Destroy, INVALID_PLAN),
    sees("P2", Step::Create, MISFIT),
    sees("P3", Step::Create, INVALID_PLAN),
    sees("P3-null", Step::Update, INVALID_PLAN),
    sees("P4", Step::Create, INVALID_PLAN),
    sees("P4-default", Step::Update, INVALID_PLAN),
    sees("P4-prior", Step::Update, INCONSISTENT_PLAN),
    sees("P5", Step::Create, INVALID_PLAN),
    sees("P5-null", Step::Create, INVALID_PLAN),
    sees("P6", Step::Create, INVALID_PLAN),
    sees("P7", Step::Rest, INVALID_PLAN),
    sees("P7-copy", Step::Replace, INCONSISTENT_PLAN),
    sees("P8", Step::Rest, INVALID_IDENTITY),
    blind(
        "P8-other",
        "Core takes any known identity, and does not compare it with the one before",
    ),
    sees("P10", Step::Rest, PLANS_CHANGE),
    sees("P11", Step::Create, INCONSISTENT_PLAN),
    sees("A1", Step::Create, INCONSISTENT_RESULT),
    sees("A1-delete", Step::Replace, INVALID_RESULT),
    sees("A2", Step::Create, MISFIT),
    sees("A3", Step::Create, INVALID_RESULT),
    sees("A4", Step::Create, INCONSISTENT_RESULT),
    sees("A4-case", Step::Create, INCONSISTENT_RESULT),
    sees("A5", Step::Create, INVALID_OBJECT),
    blind(
        "A6",
        "Core stores the object without identity; the next read gives it one",
    ),
    blind(
        "A7",
        "private data is the provider's own affair; Core stores what it gets",
    ),
    sees("I1", Step::ImportBlock, "Multiple import states not supported"),
    sees("I1-type", Step::Import, "unknown resource type \"acr_other\""),
    sees("I1-none", Step::ImportBlock, "Import returned no resources"),
    sees("I2", Step::Import, NOTHING_THERE),
    blind(
        "I2-unknown",
        "the read that follows at once replaces the imported state",
    ),
    sees("I3", Step::ImportBlock, "didn't return an identity"),
    sees("I4", Step::Import, NOTHING_THERE),
    sees("I5", Step::ImportBlock, "Importing a thing needs an id"),
    sees("D2", Step::Replace, "Provider produced null object"),
    blind(
        "D2-config",
        "Core does not compare a data source's result with its configuration",
    ),
    sees("D2-unknown", Step::Replace, INVALID_OBJECT),
    blind("DIAG", "Core does not fail on a diagnostic without severity"),
    blind("DIAG-stop", "house style, not Core's concern"),
    blind("DIAG-empty", "Core does not fail on a warning without headline"),
    blind("DIAG-path", "Core does not fail on a path that leads nowhere"),
    blind("DIAG-secret", "Core cannot know what is secret"),
    sees(
        "DEFER",
        Step::Create,
        "Provider deferred changes when Terraform did not allow deferrals",
    ),
    sees("RPC", Step::Create, "Plugin error"),
    blind(
        "LEGACY",
        "Core relaxes its checks instead, which is why the flag is forbidden",
    ),
];
