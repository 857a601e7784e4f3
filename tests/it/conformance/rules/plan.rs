//! P1-P12: what Core demands of PlanResourceChange.

use terraform_provider_acr::protocol::wire::{self, plan_resource_change::Response};

use crate::conformance::{
    msgpack,
    rules::{
        Violation,
        compatible::compatible,
        decode,
        diagnostics::steps,
        has_errors,
        identity::{IdentityRules, check_identity},
        no_null_blocks, write_only_null,
    },
    schema::{Attribute, Block, NestedBlock, Nesting, Schema},
    value::{CoreValue, Path},
};

/// What the plan was asked.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub prior: &'a CoreValue,
    pub config: &'a CoreValue,
    pub proposed: &'a CoreValue,
    pub prior_identity: Option<&'a CoreValue>,
}

/// What Core makes of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    NoOp,
    Create,
    Update,
    Replace,
    Delete,
    /// An error diagnostic stopped it.
    Refused,
}

/// Checks one plan. With error diagnostics the planned state is ignored, as Core ignores it (P12).
pub fn check_plan(schema: &Schema, asked: &Asked<'_>, answer: &Response) -> Vec<Violation> {
    let mut violations = Vec::new();
    let root = Path::default();
    if answer.legacy_type_system {
        violations.push(Violation::new(
            "LEGACY",
            &root,
            "the exemptions of the legacy type system are not for us",
        ));
    }
    if has_errors(&answer.diagnostics) {
        return violations;
    }
    if answer.deferred.is_some() {
        violations.push(Violation::new(
            "DEFER",
            &root,
            "deferred although deferral was not offered",
        ));
        return violations;
    }
    let Some(planned) = decode("P2", answer.planned_state.as_ref(), schema, &mut violations) else {
        return violations;
    };
    if planned.is_null() != asked.config.is_null() {
        let message = if planned.is_null() {
            "planned to vanish"
        } else {
            "a destroy plan is null"
        };
        violations.push(Violation::new("P1", &root, message));
        return violations;
    }
    if planned.is_null() {
        return violations;
    }
    planned_block(
        &schema.block,
        asked.prior,
        asked.config,
        &planned,
        &root,
        &mut violations,
    );
    write_only_null("P6", &schema.block, &planned, &mut violations);
    no_null_blocks("P5", &schema.block, &planned, &mut violations);
    replace_paths(schema, asked.prior, &planned, &answer.requires_replace, &mut violations);
    let is_create = asked.prior.is_null();
    let replaces = !replacing(schema, asked.prior, &planned, &answer.requires_replace).is_empty();
    let keeps_identity = !is_create && !replaces;
    let before = asked.prior_identity.filter(|_| keeps_identity);
    let rules = IdentityRules {
        present: "P8",
        valid: "P8",
    };
    check_identity(
        rules,
        schema,
        answer.planned_identity.as_ref(),
        before,
        before.is_some(),
        &mut violations,
    );
    if answer.requires_replace.is_empty() {
        no_spurious_change(&schema.block, asked, &planned, &mut violations);
    }
    violations
}

/// P11 on the plan at apply: every value that the first plan knew stays, and the action stays, except that an update
/// may turn out to be none.
pub fn check_plan_again(first: (Action, &CoreValue), second: (Action, &CoreValue)) -> Vec<Violation> {
    let mut violations = Vec::new();
    let root = Path::default();
    let (first_action, second_action) = (first.0, second.0);
    let same = first_action == second_action
        || (first_action == Action::Update && second_action == Action::NoOp)
        // The destroy leg of a replacement is done: what remains is a creation.
        || (first_action == Action::Replace && second_action == Action::Create);
    if !same {
        violations.push(Violation::new(
            "P11",
            &root,
            format!("was {first_action:?}, but is now {second_action:?}"),
        ));
    }
    compatible("P11", first.1, second.1, &root, &mut violations);
    violations
}

/// P11 on the spot: the same question has the same answer, whatever the order of its members on the wire.
pub fn check_determinism(schema: &Schema, first: &Response, second: &Response) -> Vec<Violation> {
    let identity_of = |answer: &Response| {
        let data = answer
            .planned_identity
            .as_ref()
            .and_then(|identity| identity.identity_data.as_ref());
        schema
            .identity
            .as_ref()
            .map(|identity| msgpack::decode(data, &identity.ty))
    };
    let parts = |answer: &Response| {
        let planned = msgpack::decode(answer.planned_state.as_ref(), &schema.ty);
        (
            planned,
            answer.requires_replace.clone(),
            identity_of(answer),
            has_errors(&answer.diagnostics),
        )
    };
    if parts(first) == parts(second) {
        return Vec::new();
    }
    vec![Violation::new(
        "P11",
        &Path::default(),
        "the same question was answered differently the second time",
    )]
}

/// P7 on the second plan of a replacement: it may not know more than the plan of a plain creation, for what the old
/// object computed is gone with it.
pub fn check_replan_for_replace(replan: &CoreValue, plain_create: &CoreValue) -> Vec<Violation> {
    let mut differences = Vec::new();
    compatible("P7", replan, plain_create, &Path::default(), &mut differences);
    for violation in &mut differences {
        violation.message = format!(
            "planned from the object that is going to be replaced: {}",
            violation.message
        );
    }
    differences
}

/// The paths that really force a replacement: those that exist and whose value changes.
pub fn replacing(schema: &Schema, prior: &CoreValue, planned: &CoreValue, paths: &[wire::AttributePath]) -> Vec<Path> {
    if prior.is_null() || planned.is_null() {
        return Vec::new();
    }
    let changes = |path: &Path| {
        let (before, after) = (prior.at(&path.0), planned.at(&path.0));
        let unknown = after.is_some_and(|after| !after.is_wholly_known());
        schema.block.is_write_only(&path.0)
            || unknown
            || before.unwrap_or(&CoreValue::Null) != after.unwrap_or(&CoreValue::Null)
    };
    paths
        .iter()
        .filter_map(|path| steps(path).ok())
        .filter(changes)
        .collect()
}

/// What Core will do.
pub fn action(schema: &Schema, prior: &CoreValue, planned: &CoreValue, paths: &[wire::AttributePath]) -> Action {
    match (prior.is_null(), planned.is_null()) {
        (true, true) => Action::NoOp,
        (true, false) => Action::Create,
        (false, true) => Action::Delete,
        (false, false) if prior == planned => Action::NoOp,
        (false, false) if !replacing(schema, prior, planned, paths).is_empty() => Action::Replace,
        (false, false) => Action::Update,
    }
}

fn planned_block(
    block: &Block,
    prior: &CoreValue,
    config: &CoreValue,
    planned: &CoreValue,
    at: &Path,
    violations: &mut Vec<Violation>,
) {
    for (name, attribute) in block.attributes.iter().filter(|(_, attribute)| !attribute.write_only) {
        let (prior, config, planned) = (prior.get(name), config.get(name), planned.get(name));
        let broken = attribute_breaks(attribute, prior, config, planned);
        violations.extend(broken.map(|(rule, message)| Violation::new(rule, &at.attribute(name), message)));
    }
    for (name, nested) in &block.blocks {
        let (prior, config, planned) = (prior.get(name), config.get(name), planned.get(name));
        nested_block(nested, prior, config, planned, &at.attribute(name), violations);
    }
}

/// P3 and P4: a configured value is planned as configured, or as it was; what is not configured is null unless computed.
fn attribute_breaks(
    attribute: &Attribute,
    prior: &CoreValue,
    config: &CoreValue,
    planned: &CoreValue,
) -> Option<(&'static str, String)> {
    if planned == config {
        return None;
    }
    if !config.is_wholly_known() {
        // Core lets the prior value pass here, but the plan at apply then has to keep it, whatever the value becomes.
        return Some((
            "P4",
            format!("the configuration is not yet known, but the plan guesses {planned}"),
        ));
    }
    let unchanged = !prior.is_null() && !config.is_null() && planned == prior;
    if unchanged || (attribute.computed && config.is_null()) {
        return None;
    }
    Some(("P3", format!("configured {config}, was {prior}, but planned {planned}")))
}

/// P1 and P5: blocks are exactly as many as configured.
fn nested_block(
    nested: &NestedBlock,
    prior: &CoreValue,
    config: &CoreValue,
    planned: &CoreValue,
    at: &Path,
    violations: &mut Vec<Violation>,
) {
    let mut report = |rule, message: String| violations.push(Violation::new(rule, at, message));
    if config.is_unknown() {
        if planned != config {
            report(
                "P5",
                format!("the blocks are not yet known, but the plan guesses {planned}"),
            );
        }
        return;
    }
    if planned.is_unknown() {
        report("P5", "blocks are never unknown unless configured so".to_owned());
        return;
    }
    match (nested.nesting, config, planned) {
        (Nesting::Single | Nesting::Group, _, _) => {
            if planned.is_null() != config.is_null() {
                report("P1", format!("configured {config}, but planned {planned}"));
            } else if !planned.is_null() {
                planned_block(&nested.block, prior, config, planned, at, violations);
            }
        }
        (Nesting::List, CoreValue::List(configured), CoreValue::List(elements)) => {
            if configured.len() != elements.len() {
                report(
                    "P5",
                    format!("{} blocks configured, {} planned", configured.len(), elements.len()),
                );
                return;
            }
            for (index, (config, planned)) in configured.iter().zip(elements).enumerate() {
                let prior = prior.elements().get(index).unwrap_or(&CoreValue::Null);
                element(&nested.block, prior, config, planned, &at.index(index), violations);
            }
        }
        (Nesting::Map, CoreValue::Map(configured), CoreValue::Map(elements)) => {
            if !configured.keys().eq(elements.keys()) {
                report(
                    "P5",
                    format!(
                        "blocks {:?} configured, {:?} planned",
                        configured.keys(),
                        elements.keys()
                    ),
                );
                return;
            }
            let prior = prior.entries();
            for (key, planned) in elements {
                let prior = prior.get(key).unwrap_or(&CoreValue::Null);
                element(
                    &nested.block,
                    prior,
                    &configured[key],
                    planned,
                    &at.key(key),
                    violations,
                );
            }
        }
        (Nesting::Set, CoreValue::Set(configured), CoreValue::Set(elements)) => {
            // Core only asks for known objects here, for it cannot match them; their number it leaves to us.
            if elements.iter().any(|element| !matches!(element, CoreValue::Object(_))) {
                report("P5", "a set block holds something that is no known object".to_owned());
            }
            if configured.len() != elements.len() {
                report(
                    "P5",
                    format!("{} blocks configured, {} planned", configured.len(), elements.len()),
                );
            }
        }
        // A collection that is null is reported where null collections are looked for.
        _ => {}
    }
}

fn element(
    block: &Block,
    prior: &CoreValue,
    config: &CoreValue,
    planned: &CoreValue,
    at: &Path,
    violations: &mut Vec<Violation>,
) {
    if config.is_unknown() && planned.is_unknown() {
        return;
    }
    if matches!(planned, CoreValue::Object(_)) {
        planned_block(block, prior, config, planned, at, violations);
    } else {
        violations.push(Violation::new(
            "P5",
            at,
            format!("a block is a known object, not {planned}"),
        ));
    }
}

/// P7: a path that forces replacement exists in the schema, and in the prior or the planned state.
fn replace_paths(
    schema: &Schema,
    prior: &CoreValue,
    planned: &CoreValue,
    paths: &[wire::AttributePath],
    violations: &mut Vec<Violation>,
) {
    for path in paths {
        let resolved = steps(path).and_then(|path| schema.block.resolve(&path.0).map(|()| path));
        match resolved {
            Err(error) => violations.push(Violation::new(
                "P7",
                &Path::default(),
                format!("requires_replace: {error}"),
            )),
            Ok(path) => {
                let exists = prior.at(&path.0).is_some() || planned.at(&path.0).is_some();
                let empty = path.0.is_empty();
                if empty || !exists {
                    violations.push(Violation::new(
                        "P7",
                        &path,
                        "requires_replace names nothing that exists",
                    ));
                }
            }
        }
    }
}

/// P10: computed values become unknown only beside a real change, else the plan never comes to rest.
fn no_spurious_change(block: &Block, asked: &Asked<'_>, planned: &CoreValue, violations: &mut Vec<Violation>) {
    if asked.prior.is_null() || planned == asked.prior {
        return;
    }
    let mut differences = Vec::new();
    differing(asked.prior, planned, &Path::default(), &mut differences);
    let spurious = |path: &Path| {
        let unknown = planned.at(&path.0).is_some_and(CoreValue::is_unknown);
        let configured = asked.config.at(&path.0).is_some_and(|config| !config.is_null());
        unknown && !configured
    };
    if !differences.is_empty() && differences.iter().all(spurious) && block.resolve(&differences[0].0).is_ok() {
        let message = "nothing changes, and yet a computed value is planned as unknown";
        violations.push(Violation::new("P10", &differences[0], message));
    }
}

/// The deepest paths at which two values differ. Sets are compared whole.
fn differing(before: &CoreValue, after: &CoreValue, at: &Path, found: &mut Vec<Path>) {
    match (before, after) {
        (before, after) if before == after => {}
        (CoreValue::Object(before), CoreValue::Object(after)) => {
            for (name, value) in after {
                differing(
                    before.get(name).unwrap_or(&CoreValue::Null),
                    value,
                    &at.attribute(name),
                    found,
                );
            }
        }
        (CoreValue::List(before), CoreValue::List(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                differing(before, after, &at.index(index), found);
            }
        }
        _ => found.push(at.clone()),
    }
}

#[cfg(test)]
mod tests;
