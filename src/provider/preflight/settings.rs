//! The provider's `preflight` block: what each check may do, and what the user knows better than Azure's documentation.

use std::collections::BTreeMap;

use crate::{
    framework::{
        Diagnostic, Diagnostics, Field, Path, Type,
        schema::{Attribute, Block, NestedBlock},
        validators::Validator,
    },
    model,
};

use super::super::Environment;

/// The name of the block.
pub const BLOCK: &str = "preflight";

/// What a check may be set to.
const LEVELS: &[&str] = &["error", "warning", "off"];

/// Largest quota that may be declared: far beyond what a registry has ever been granted.
const VCPU_QUOTA_MAX: i64 = 100_000;

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Custom DNS servers that agents cannot ask.
    Dns,
    /// Whether the subnet's rules and routes let agents out.
    Network,
    /// Whether runs find their pool, and a machine there.
    Pool,
    /// Whether pool and registry reach each other, and whether the registry lets runs in.
    PrivateRegistry,
    /// Whether the registry has processors left.
    Quota,
    /// Whether the region has agent pools.
    Region,
    /// Whether the registry is Premium.
    Sku,
    /// Whether the subnet is there, fits and has room.
    Subnet,
}

/// Every check, in the order in which findings are told.
pub const CHECKS: [Check; 8] = [
    Check::Region,
    Check::Sku,
    Check::Quota,
    Check::Subnet,
    Check::Network,
    Check::Dns,
    Check::PrivateRegistry,
    Check::Pool,
];

/// What one check may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Setting {
    /// As bad as the finding is.
    #[default]
    Default,
    /// As bad as the finding is; for the quota, an error even by the documented default.
    Error,
    /// Never more than a warning.
    Warning,
    /// Not told at all.
    Off,
}

/// What the block and the environment come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Checks that are set.
    pub levels: BTreeMap<Check, Setting>,
    /// What apply would refuse fails the plan, even if the same plan may mend it.
    pub fail_at_plan: bool,
    /// Processors of standard tiers that each registry may have, if the user knows.
    pub standard_vcpu_quota: Option<i64>,
    /// Processors of isolated tiers that each registry may have, if the user knows.
    pub isolated_vcpu_quota: Option<i64>,
    /// Addresses of appliances that the user vouches for.
    pub trusted_next_hops: Vec<String>,
}

model! {
    /// The `preflight` block.
    pub struct PreflightModel {
        /// See [`Check::Dns`].
        pub dns: String,
        /// See [`Settings::fail_at_plan`].
        pub fail_at_plan: bool,
        /// See [`Settings::isolated_vcpu_quota`].
        pub isolated_vcpu_quota: i64,
        /// See [`Check::Network`].
        pub network: String,
        /// See [`Check::Pool`].
        pub pool: String,
        /// See [`Check::PrivateRegistry`].
        pub private_registry: String,
        /// See [`Check::Quota`].
        pub quota: String,
        /// See [`Check::Region`].
        pub region: String,
        /// See [`Check::Sku`].
        pub sku: String,
        /// See [`Settings::standard_vcpu_quota`].
        pub standard_vcpu_quota: i64,
        /// See [`Check::Subnet`].
        pub subnet: String,
        /// See [`Settings::trusted_next_hops`].
        pub trusted_next_hops: Vec<String>,
    }
}

impl Check {
    /// The argument's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Network => "network",
            Self::Pool => "pool",
            Self::PrivateRegistry => "private_registry",
            Self::Quota => "quota",
            Self::Region => "region",
            Self::Sku => "sku",
            Self::Subnet => "subnet",
        }
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(self) -> String {
        format!("ACR_PREFLIGHT_{}", self.name().to_ascii_uppercase())
    }
}

impl Settings {
    /// What a check may do.
    #[must_use]
    pub fn of(&self, check: Check) -> Setting {
        self.levels.get(&check).copied().unwrap_or_default()
    }
}

/// The block's schema.
#[must_use]
pub fn block() -> NestedBlock {
    let check =
        |name, description| Attribute::optional(name, Type::String, description).check(Validator::one_of(LEVELS));
    let quota = |name, description| {
        let range = Validator::whole_number(0, VCPU_QUOTA_MAX, "It counts processors of one registry.");
        Attribute::optional(name, Type::Number, description).check(range)
    };
    NestedBlock::single(
        BLOCK,
        Block {
            attributes: vec![
                check(
                    "dns",
                    "Custom DNS servers in a range that agents cannot ask. From `ACR_PREFLIGHT_DNS` when not set.",
                ),
                Attribute::optional(
                    "fail_at_plan",
                    Type::Bool,
                    "Whether the plan fails for what apply would refuse, even if the same plan may mend it: for pipelines whose network exists already. From `ACR_PREFLIGHT_FAIL_AT_PLAN` when not set.",
                ),
                quota(
                    "isolated_vcpu_quota",
                    "The processors of isolated tiers that each registry may have; Azure's documentation says 0. From `ACR_PREFLIGHT_ISOLATED_VCPU_QUOTA` when not set.",
                ),
                check(
                    "network",
                    "Network security groups and routes that keep agents from what they need. From `ACR_PREFLIGHT_NETWORK` when not set.",
                ),
                check(
                    "pool",
                    "A pool that a task or a build names and that is missing, has failed or has no machine. From `ACR_PREFLIGHT_POOL` when not set.",
                ),
                check(
                    "private_registry",
                    "A registry that is closed to the pool's network, or to the identity of a task. From `ACR_PREFLIGHT_PRIVATE_REGISTRY` when not set.",
                ),
                check(
                    "quota",
                    "More processors than the registry may have: a warning by the documented quota, an error by a declared one. From `ACR_PREFLIGHT_QUOTA` when not set.",
                ),
                check(
                    "region",
                    "A region without agent pools. From `ACR_PREFLIGHT_REGION` when not set.",
                ),
                check(
                    "sku",
                    "A registry that is not Premium. From `ACR_PREFLIGHT_SKU` when not set.",
                ),
                quota(
                    "standard_vcpu_quota",
                    "The processors of standard tiers that each registry may have; Azure's documentation says 16. From `ACR_PREFLIGHT_STANDARD_VCPU_QUOTA` when not set.",
                ),
                check(
                    "subnet",
                    "A subnet that is missing, elsewhere, or too small. From `ACR_PREFLIGHT_SUBNET` when not set.",
                ),
                Attribute::optional(
                    "trusted_next_hops",
                    Type::list(Type::String),
                    "Addresses of virtual appliances that you vouch for: they let through what agents need. From `ACR_PREFLIGHT_TRUSTED_NEXT_HOPS`, separated by commas, when not set.",
                ),
            ],
            blocks: Vec::new(),
            description: "What the checks before something is written may do: each is `error`, `warning` or `off`.",
        },
    )
}

impl PreflightModel {
    /// Joins the block with the environment. Values that are not known yet count as not given: a check is never weaker for it.
    ///
    /// # Errors
    /// A variable with a value that the argument would not take.
    pub fn resolve(given: &Field<Self>, environment: &Environment) -> Result<Settings, Diagnostics> {
        let empty = Self::default();
        let model = given.known().unwrap_or(&empty);
        let mut problems = Diagnostics::new();
        let mut settings = Settings {
            trusted_next_hops: model.trusted_next_hops.known().cloned().unwrap_or_else(|| {
                let listed = environment.get("ACR_PREFLIGHT_TRUSTED_NEXT_HOPS").unwrap_or_default();
                listed
                    .split(',')
                    .map(|it| it.trim().to_owned())
                    .filter(|it| !it.is_empty())
                    .collect()
            }),
            ..Settings::default()
        };
        for check in CHECKS {
            let given = model.level(check).text().map(str::to_owned);
            let text = given.or_else(|| environment.get(&check.variable()).map(str::to_owned));
            let setting = match text.as_deref() {
                None => continue,
                Some("error") => Setting::Error,
                Some("warning") => Setting::Warning,
                Some("off") => Setting::Off,
                Some(other) => {
                    problems.push(unusable(
                        &check.variable(),
                        other,
                        "error, warning or off",
                        check.name(),
                    ));
                    continue;
                }
            };
            settings.levels.insert(check, setting);
        }
        let mut read = |variable: &str, expected: &str, name: &str, parse: &dyn Fn(&str) -> bool| {
            let text = environment.get(variable)?;
            if parse(text) {
                return Some(text.to_owned());
            }
            problems.push(unusable(variable, text, expected, name));
            None
        };
        let is_flag = |text: &str| matches!(text, "true" | "false" | "1" | "0");
        let flag = read("ACR_PREFLIGHT_FAIL_AT_PLAN", "true or false", "fail_at_plan", &is_flag);
        settings.fail_at_plan = model
            .fail_at_plan
            .known()
            .copied()
            .unwrap_or(matches!(flag.as_deref(), Some("true" | "1")));
        let is_quota = |text: &str| {
            text.parse::<i64>()
                .is_ok_and(|number| (0..=VCPU_QUOTA_MAX).contains(&number))
        };
        let standard = read(
            "ACR_PREFLIGHT_STANDARD_VCPU_QUOTA",
            "a whole number",
            "standard_vcpu_quota",
            &is_quota,
        );
        let isolated = read(
            "ACR_PREFLIGHT_ISOLATED_VCPU_QUOTA",
            "a whole number",
            "isolated_vcpu_quota",
            &is_quota,
        );
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        settings.standard_vcpu_quota = model.standard_vcpu_quota.known().copied().or_else(|| number(standard));
        settings.isolated_vcpu_quota = model.isolated_vcpu_quota.known().copied().or_else(|| number(isolated));
        if problems.has_errors() {
            Err(problems)
        } else {
            Ok(settings)
        }
    }

    fn level(&self, check: Check) -> &Field<String> {
        match check {
            Check::Dns => &self.dns,
            Check::Network => &self.network,
            Check::Pool => &self.pool,
            Check::PrivateRegistry => &self.private_registry,
            Check::Quota => &self.quota,
            Check::Region => &self.region,
            Check::Sku => &self.sku,
            Check::Subnet => &self.subnet,
        }
    }
}

fn unusable(variable: &str, text: &str, expected: &str, name: &str) -> Diagnostic {
    let detail = format!("The environment variable {variable} is \"{text}\"; expected is {expected}.");
    Diagnostic::error("Unusable preflight setting", detail).at(Path::attribute(BLOCK).then(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::of(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn the_block_wins_over_the_environment() {
        let block = PreflightModel {
            sku: Field::Known("off".into()),
            ..PreflightModel::default()
        };
        let variables = environment(&[
            ("ACR_PREFLIGHT_SKU", "warning"),
            ("ACR_PREFLIGHT_NETWORK", "warning"),
            ("ACR_PREFLIGHT_FAIL_AT_PLAN", "true"),
            ("ACR_PREFLIGHT_STANDARD_VCPU_QUOTA", "64"),
            ("ACR_PREFLIGHT_TRUSTED_NEXT_HOPS", "10.0.0.4, 10.0.0.5"),
        ]);
        let settings = PreflightModel::resolve(&Field::Known(block), &variables).unwrap();
        assert_eq!(
            (settings.of(Check::Sku), settings.of(Check::Network)),
            (Setting::Off, Setting::Warning)
        );
        assert_eq!((settings.fail_at_plan, settings.standard_vcpu_quota), (true, Some(64)));
        assert_eq!(settings.trusted_next_hops, ["10.0.0.4", "10.0.0.5"]);
        assert_eq!(settings.of(Check::Region), Setting::Default);
    }

    #[test]
    fn unusable_variables_are_named() {
        for (variable, value) in [
            ("ACR_PREFLIGHT_SKU", "yes"),
            ("ACR_PREFLIGHT_FAIL_AT_PLAN", "maybe"),
            ("ACR_PREFLIGHT_STANDARD_VCPU_QUOTA", "-1"),
        ] {
            let problems = PreflightModel::resolve(&Field::Null, &environment(&[(variable, value)])).unwrap_err();
            assert!(
                problems.0.len() == 1 && problems.0[0].detail.contains(variable),
                "{problems:?}"
            );
        }
    }
}
