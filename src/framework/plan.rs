//! Planning, as one pure function. Terraform checks its result value by value, so every step says which rule it serves.
//!
//! Vocabulary: *config* is what the user wrote, *prior* is the state before, *proposed* is Core's own merge of the two,
//! *planned* is our answer.

use std::collections::BTreeMap;

use super::{
    Path, Value,
    schema::{Attribute, Block, Nesting},
};

/// What is planned for one object, before the resource refines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The planned object; null when it is to be destroyed.
    pub planned: Value,
    /// Attributes whose change cannot be applied in place. Empty on create.
    pub requires_replace: Vec<Path>,
}

/// Plans one object.
///
/// The steps, in their order:
/// 1. A destroy plans null and nothing else: Core accepts no other answer.
/// 2. Defaults stand where the user gave no value, so that the plan shows them.
/// 3. Write-only values become null: Core refuses them in any answer.
/// 4. Another spelling of the prior value keeps the prior value: a casing is no change.
/// 5. If anything differs now, computed values that nothing determines become unknown; else nothing does, since a plan
///    equal to the state is Core's only notion of "no change".
/// 6. Stable computed values keep their prior value through an update.
/// 7. Changed attributes that cannot change in place are listed. An unknown new value counts as changed.
#[must_use]
pub fn plan(block: &Block, prior: &Value, proposed: &Value, config: &Value) -> Plan {
    // 1.
    if proposed.is_null() {
        return Plan {
            planned: Value::Null,
            requires_replace: Vec::new(),
        };
    }
    // 2. to 4.
    let settled = walk(block, proposed, config, prior, &settle);
    // 5. and 6.
    let planned = if settled == *prior {
        settled
    } else {
        walk(block, &settled, config, prior, &forget)
    };
    // 7.
    let mut requires_replace = Vec::new();
    if !prior.is_null() {
        replacements(block, prior, &planned, &Path::root(), &mut requires_replace);
    }
    Plan {
        planned,
        requires_replace,
    }
}

/// What to do with one attribute: (attribute, current plan, config, prior) → new plan.
type Leaf = dyn Fn(&Attribute, &Value, &Value, &Value) -> Value;

fn settle(attribute: &Attribute, planned: &Value, config: &Value, prior: &Value) -> Value {
    if attribute.write_only {
        return Value::Null;
    }
    if let (true, Some(default)) = (config.is_null(), &attribute.default) {
        return default.clone();
    }
    if let (Some(equivalent), Some(new), Some(old)) = (attribute.equivalent, config.as_str(), prior.as_str())
        && equivalent(new, old)
    {
        return prior.clone();
    }
    planned.clone()
}

fn forget(attribute: &Attribute, planned: &Value, config: &Value, prior: &Value) -> Value {
    let open = attribute.is_computed() && config.is_null() && attribute.default.is_none();
    if !open {
        return planned.clone();
    }
    if attribute.stable && !prior.is_null() {
        prior.clone()
    } else {
        Value::Unknown
    }
}

/// Rebuilds `planned`, attribute by attribute. List blocks are paired by position; elements of set blocks have no
/// identity and therefore no prior value.
fn walk(block: &Block, planned: &Value, config: &Value, prior: &Value, leaf: &Leaf) -> Value {
    let Value::Map(members) = planned else {
        return planned.clone();
    };
    let mut result: BTreeMap<String, Value> = members.clone();
    for attribute in &block.attributes {
        let name = attribute.name;
        let value = leaf(attribute, planned.member(name), config.member(name), prior.member(name));
        result.insert(name.to_owned(), value);
    }
    for nested in &block.blocks {
        let (planned, config, prior) = (
            planned.member(nested.name),
            config.member(nested.name),
            prior.member(nested.name),
        );
        let value = match (planned, nested.nesting) {
            (Value::List(elements), _) => Value::List(
                elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| walk(&nested.block, element, at(config, index), at(prior, index), leaf))
                    .collect(),
            ),
            (Value::Set(elements), _) => Value::set(
                elements
                    .iter()
                    .map(|element| walk(&nested.block, element, element, &Value::Null, leaf))
                    .collect(),
            ),
            (object, Nesting::Single) => walk(&nested.block, object, config, prior, leaf),
            (other, _) => other.clone(),
        };
        result.insert(nested.name.to_owned(), value);
    }
    Value::Map(result)
}

fn at(list: &Value, index: usize) -> &Value {
    const NULL: &Value = &Value::Null;
    match list {
        Value::List(elements) => elements.get(index).unwrap_or(NULL),
        _ => NULL,
    }
}

fn replacements(block: &Block, prior: &Value, planned: &Value, path: &Path, found: &mut Vec<Path>) {
    for attribute in block.attributes.iter().filter(|attribute| attribute.replaces) {
        if prior.member(attribute.name) != planned.member(attribute.name) {
            found.push(path.then(attribute.name));
        }
    }
    for nested in &block.blocks {
        let (old, new, below) = (
            prior.member(nested.name),
            planned.member(nested.name),
            path.then(nested.name),
        );
        match (old, new) {
            (Value::Map(_), Value::Map(_)) => replacements(&nested.block, old, new, &below, found),
            (Value::List(olds), Value::List(news)) => {
                for (index, (old, new)) in olds.iter().zip(news).enumerate() {
                    replacements(&nested.block, old, new, &below.index(index), found);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{Type, schema::NestedBlock};

    fn block() -> Block {
        let text = |name| Attribute::required(name, Type::String, "");
        Block {
            attributes: vec![
                text("name").replaces(),
                text("subnet").equivalent(|a, b| a.eq_ignore_ascii_case(b)),
                Attribute::optional("tier", Type::String, "")
                    .default(Value::string("S1"))
                    .replaces(),
                Attribute::optional("secret", Type::String, "").write_only(),
                Attribute::computed("id", Type::String, "").stable(),
                Attribute::computed("status", Type::String, ""),
            ],
            blocks: vec![NestedBlock::list(
                "step",
                Block {
                    attributes: vec![
                        Attribute::required("run", Type::String, "").replaces(),
                        Attribute::computed("digest", Type::String, ""),
                    ],
                    ..Block::default()
                },
            )],
            description: "",
        }
    }

    /// An object of the block: given members, everything else null.
    fn object(members: &[(&'static str, Value)]) -> Value {
        let Value::Map(mut all) = block().null_object() else {
            unreachable!("a null object is a map")
        };
        all.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Map(all)
    }

    fn config(name: &str, subnet: &str, more: &[(&'static str, Value)]) -> Value {
        object(
            &[
                &[("name", Value::string(name)), ("subnet", Value::string(subnet))],
                more,
            ]
            .concat(),
        )
    }

    fn state() -> Value {
        config(
            "a",
            "/Sub",
            &[
                ("tier", Value::string("S1")),
                ("id", Value::string("1")),
                ("status", Value::string("ok")),
            ],
        )
    }

    /// Core's merge for these tests: config, and prior for what the user left to us.
    fn propose(config: &Value, prior: &Value) -> Value {
        let Value::Map(mut members) = config.clone() else {
            return Value::Null;
        };
        for attribute in block().attributes.iter().filter(|attribute| attribute.is_computed()) {
            if members[attribute.name].is_null() {
                members.insert(attribute.name.to_owned(), prior.member(attribute.name).clone());
            }
        }
        Value::Map(members)
    }

    fn plan_of(config: &Value, prior: &Value) -> Plan {
        plan(&block(), prior, &propose(config, prior), config)
    }

    #[test]
    fn destroy_plans_null() {
        assert_eq!(
            plan(&block(), &state(), &Value::Null, &Value::Null).planned,
            Value::Null
        );
    }

    #[test]
    fn create_shows_defaults_and_leaves_the_rest_unknown() {
        let plan = plan_of(&config("a", "/Sub", &[]), &Value::Null);
        assert_eq!(plan.planned.member("tier"), &Value::string("S1"));
        assert_eq!(
            (plan.planned.member("id"), plan.planned.member("status")),
            (&Value::Unknown, &Value::Unknown)
        );
        assert!(plan.requires_replace.is_empty(), "nothing is replaced on create");
    }

    #[test]
    fn no_change_plans_exactly_the_state() {
        assert_eq!(plan_of(&config("a", "/Sub", &[]), &state()).planned, state());
        assert_eq!(
            plan_of(&config("a", "/SUB", &[]), &state()).planned,
            state(),
            "a casing is no change"
        );
    }

    #[test]
    fn a_change_makes_computed_values_unknown_but_stable_ones() {
        let plan = plan_of(&config("a", "/Other", &[]), &state());
        assert_eq!(plan.planned.member("subnet"), &Value::string("/Other"));
        assert_eq!(
            (plan.planned.member("id"), plan.planned.member("status")),
            (&Value::string("1"), &Value::Unknown)
        );
        assert!(plan.requires_replace.is_empty());
    }

    #[test]
    fn replacements_are_listed_also_for_unknown_values() {
        let plan = plan_of(&config("b", "/Sub", &[("tier", Value::Unknown)]), &state());
        assert_eq!(
            plan.requires_replace,
            [Path::attribute("name"), Path::attribute("tier")]
        );
        assert_eq!(
            plan.planned.member("tier"),
            &Value::Unknown,
            "an unknown value takes no default"
        );
    }

    #[test]
    fn removing_an_optional_value_plans_its_default() {
        let prior = config(
            "a",
            "/Sub",
            &[("tier", Value::string("S2")), ("id", Value::string("1"))],
        );
        assert_eq!(
            plan_of(&config("a", "/Sub", &[]), &prior).planned.member("tier"),
            &Value::string("S1")
        );
    }

    #[test]
    fn write_only_values_never_appear() {
        let plan = plan_of(&config("a", "/Sub", &[("secret", Value::string("hush"))]), &state());
        assert_eq!(plan.planned, state());
    }

    #[test]
    fn list_blocks_are_paired_by_position() {
        let step = |run: &str, digest: Value| Value::object([("run", Value::string(run)), ("digest", digest)]);
        let prior = object(&[
            ("name", Value::string("a")),
            ("step", Value::List(vec![step("x", Value::string("d"))])),
        ]);
        let config = object(&[
            ("name", Value::string("a")),
            (
                "step",
                Value::List(vec![step("y", Value::Null), step("z", Value::Null)]),
            ),
        ]);
        let plan = plan_of(&config, &prior);
        let expected = Value::List(vec![step("y", Value::Unknown), step("z", Value::Unknown)]);
        assert_eq!(plan.planned.member("step"), &expected);
        let replaced = Path::attribute("step").index(0).then("run");
        assert!(plan.requires_replace.contains(&replaced), "{:?}", plan.requires_replace);
    }

    #[test]
    fn an_unknown_block_collection_stays_unknown() {
        let config = config("a", "/Sub", &[("step", Value::Unknown)]);
        assert_eq!(plan_of(&config, &Value::Null).planned.member("step"), &Value::Unknown);
    }
}
