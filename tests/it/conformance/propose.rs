//! The proposed new state: what Core suggests to a provider before it plans.

use super::{
    schema::{Block, Nesting},
    value::CoreValue,
};

/// The configuration, except that computed attributes which it leaves out keep their prior value.
///
/// List blocks are matched by index, map blocks by key, set blocks by everything that is not computed. On create
/// computed attributes are null, not unknown: saying what is unknown is the provider's part.
pub fn proposed_new_state(block: &Block, prior: &CoreValue, config: &CoreValue) -> CoreValue {
    if config.is_null() || config.is_unknown() {
        return config.clone();
    }
    let mut members = std::collections::BTreeMap::new();
    for (name, attribute) in &block.attributes {
        let given = config.get(name);
        let keeps = attribute.computed && given.is_null();
        members.insert(name.clone(), if keeps { prior.get(name) } else { given }.clone());
    }
    for (name, nested) in &block.blocks {
        let (before, given) = (prior.get(name), config.get(name));
        let propose = |before: &CoreValue, given: &CoreValue| proposed_new_state(&nested.block, before, given);
        let value = match (nested.nesting, given) {
            (Nesting::Single | Nesting::Group, _) => propose(before, given),
            (Nesting::List, CoreValue::List(elements)) => {
                let before = |index| before.elements().get(index).unwrap_or(&CoreValue::Null);
                let elements = elements.iter().enumerate();
                CoreValue::List(elements.map(|(index, given)| propose(before(index), given)).collect())
            }
            (Nesting::Map, CoreValue::Map(elements)) => {
                let before = before.entries();
                let element = |(key, given): (&String, &CoreValue)| {
                    (key.clone(), propose(before.get(key).unwrap_or(&CoreValue::Null), given))
                };
                CoreValue::Map(elements.iter().map(element).collect())
            }
            (Nesting::Set, CoreValue::Set(elements)) => {
                let before = |given: &CoreValue| {
                    let mut candidates = before.elements().iter();
                    candidates
                        .find(|prior| same_by_config(&nested.block, prior, given))
                        .unwrap_or(&CoreValue::Null)
                };
                CoreValue::set(elements.iter().map(|given| propose(before(given), given)).collect())
            }
            (_, other) => other.clone(),
        };
        members.insert(name.clone(), value);
    }
    CoreValue::Object(members)
}

/// Whether a prior set element is the one that the configuration means: equal in all that the configuration says.
fn same_by_config(block: &Block, prior: &CoreValue, config: &CoreValue) -> bool {
    let attributes_agree = block.attributes.iter().all(|(name, attribute)| {
        let given = config.get(name);
        (attribute.computed && given.is_null()) || given == prior.get(name)
    });
    let blocks_agree = block.blocks.iter().all(|(name, nested)| {
        let (before, given) = (prior.get(name), config.get(name));
        match nested.nesting {
            Nesting::Single | Nesting::Group => {
                before.is_null() == given.is_null() && (given.is_null() || same_by_config(&nested.block, before, given))
            }
            Nesting::List | Nesting::Set | Nesting::Map => {
                let (before_map, given_map) = (before.entries(), given.entries());
                before.elements().len() == given.elements().len()
                    && before_map.keys().eq(given_map.keys())
                    && before
                        .elements()
                        .iter()
                        .zip(given.elements())
                        .all(|(b, g)| same_by_config(&nested.block, b, g))
                    && before_map
                        .values()
                        .zip(given_map.values())
                        .all(|(b, g)| same_by_config(&nested.block, b, g))
            }
        }
    });
    attributes_agree && blocks_agree
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conformance::{
        json,
        schema::{Use, read},
        thing,
    };

    #[test]
    fn computed_values_survive_and_everything_else_is_the_configuration() {
        let (schema, violations) = read("thing", &thing::schema::resource(), Use::Resource);
        assert!(violations.is_empty(), "{violations:?}");
        let block = schema.unwrap().block;
        let config = json::config(
            &json!({"name": "a", "labels": ["x"], "rule": [{"port": 1}, {"port": 2}], "timeouts": {"create": "1m"}}),
            &block,
        );
        let created = proposed_new_state(&block, &CoreValue::Null, &config);
        assert_eq!(
            created, config,
            "nothing is prior to a creation, and nothing is unknown yet"
        );

        let mut prior = created;
        prior.put("id", CoreValue::string("thing-a"));
        prior.put("tier", CoreValue::string("large"));
        prior.put("labels", CoreValue::Null);
        let mut first = prior.get("rule").elements()[0].clone();
        first.put("handle", CoreValue::string("h-1"));
        prior.put("rule", CoreValue::List(vec![first.clone()]));
        let proposed = proposed_new_state(&block, &prior, &config);
        assert_eq!(proposed.get("id"), prior.get("id"));
        assert_eq!(proposed.get("tier"), prior.get("tier"));
        assert_eq!(proposed.get("labels"), config.get("labels"));
        assert_eq!(proposed.get("rule").elements()[0], first);
        assert!(proposed.get("rule").elements()[1].get("handle").is_null());

        assert!(proposed_new_state(&block, &prior, &CoreValue::Null).is_null());
    }
}
