//! One thing that a check has found, and what becomes of it at plan and at apply.

use crate::framework::Diagnostic;

use super::settings::{Check, Setting, Settings};

/// How bad a finding is by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know; only the data source shows it.
    Notice,
    /// It may not work.
    Warning,
    /// It will not work.
    Error,
}

/// When findings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// While planning: the same plan may mend what is found.
    Plan,
    /// Before the first write.
    Apply,
}

/// One thing that a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// How bad it is by itself, before settings.
    pub level: Level,
    /// Whether another resource of the same plan could mend it.
    pub mendable: bool,
    /// A few words.
    pub summary: String,
    /// What was found, where, why it matters, and the smallest change that mends it.
    pub detail: String,
    /// The argument that it concerns.
    pub attribute: &'static str,
}

impl Level {
    /// As it is spelled in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Finding {
    /// The level that the settings leave it: `off` removes it, `warning` caps it, `error` raises a warning of the quota,
    /// whose default the documentation alone gives.
    #[must_use]
    pub fn effective(&self, settings: &Settings) -> Option<Level> {
        match settings.of(self.check) {
            Setting::Off => None,
            Setting::Warning => Some(self.level.min(Level::Warning)),
            Setting::Error | Setting::Default => Some(self.level),
        }
    }

    /// Whether apply is refused because of it.
    #[must_use]
    pub fn blocks(&self, settings: &Settings) -> bool {
        self.effective(settings) == Some(Level::Error)
    }

    /// What the user is told; nothing of a notice or of a check that is off.
    #[must_use]
    pub fn diagnostic(&self, stage: Stage, settings: &Settings) -> Option<Diagnostic> {
        let level = self.effective(settings).filter(|level| *level != Level::Notice)?;
        let variable = self.check.variable();
        let told = if level == Level::Warning {
            Diagnostic::warning(self.summary.clone(), self.detail.clone())
        } else if stage == Stage::Plan && self.mendable && !settings.fail_at_plan {
            Diagnostic::warning(
                self.summary.clone(),
                format!(
                    "{}\n\nApply will be refused, before anything is written, unless this plan also mends it. To fail at plan instead, set fail_at_plan = true in the provider's preflight block.",
                    self.detail
                ),
            )
        } else {
            let order = if stage == Stage::Apply && self.mendable {
                " If another resource of this configuration mends it, let this one depend on that resource (depends_on)."
            } else {
                ""
            };
            Diagnostic::error(
                self.summary.clone(),
                format!(
                    "{}\n\nNothing was written.{order} To go on regardless, set {variable}=warning.",
                    self.detail
                ),
            )
        };
        Some(told.at_attribute(self.attribute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::Severity;

    fn finding(level: Level, mendable: bool) -> Finding {
        Finding {
            check: Check::Sku,
            level,
            mendable,
            summary: "S".into(),
            detail: "D.".into(),
            attribute: "registry_id",
        }
    }

    #[test]
    fn what_the_plan_may_mend_warns_at_plan_and_refuses_at_apply() {
        let (default, strict) = (
            Settings::default(),
            Settings {
                fail_at_plan: true,
                ..Settings::default()
            },
        );
        use Severity::{Error, Warning};
        for (level, mendable, settings, at_plan, at_apply) in [
            (Level::Error, true, &default, Some(Warning), Some(Error)),
            (Level::Error, true, &strict, Some(Error), Some(Error)),
            (Level::Error, false, &default, Some(Error), Some(Error)),
            (Level::Warning, true, &strict, Some(Warning), Some(Warning)),
            (Level::Notice, true, &strict, None, None),
        ] {
            let told = |stage| finding(level, mendable).diagnostic(stage, settings).map(|d| d.severity);
            assert_eq!(
                (told(Stage::Plan), told(Stage::Apply)),
                (at_plan, at_apply),
                "{level:?} {mendable}"
            );
        }
    }

    #[test]
    fn settings_cap_and_switch_off() {
        let set = |setting| Settings {
            levels: [(Check::Sku, setting)].into(),
            ..Settings::default()
        };
        assert_eq!(
            finding(Level::Error, true).effective(&set(Setting::Warning)),
            Some(Level::Warning)
        );
        assert_eq!(finding(Level::Error, true).effective(&set(Setting::Off)), None);
        assert!(!finding(Level::Error, false).blocks(&set(Setting::Warning)));
    }
}
