//! One resource type taken through everything that a configuration can do to it, with all rules on every answer.

use serde_json::Value as Json;

use super::{
    core::{Core, Transport},
    json::{unknown, unknown_after},
    object::{Object, errors},
    rules::{Violation, has_errors, plan::Action},
    schema::{Block, Nesting},
    value::Path,
};

/// What the framework says of a type without import.
const NO_IMPORT: &str = "Import is not supported";

impl<T: Transport> Core<T> {
    /// Creates an object from `base`, then: each value in turn unknown at plan; each variation applied and taken back
    /// by way of an unknown; each optional argument and block removed and restored; import by the computed `id`, when
    /// there is one; destruction. After each apply the object has to rest: a refresh changes nothing, a plan is empty.
    ///
    /// A variation is a JSON pointer into the configuration (`/instance_count`) and a value; null removes. Every
    /// configuration that comes of this has to be valid: an error is reported as a violation of `DRIVE`.
    pub async fn exercise(&mut self, type_name: &str, base: Json, variations: &[(&str, Json)]) {
        self.exercise_keeping(type_name, base, variations, &[]).await;
    }

    /// The same for a type with blocks that a schema cannot call required, such as one of several: those in `kept` are
    /// not removed.
    pub async fn exercise_keeping(&mut self, type_name: &str, base: Json, variations: &[(&str, Json)], kept: &[&str]) {
        let block = self.schema(type_name).block;
        let mut object = self.resource(type_name);
        self.apply_and_rest(&mut object, base.clone(), base.clone()).await;
        for pointer in places(&block, &base) {
            let waiting = with(&base, &pointer, unknown());
            let mut fresh = self.resource(type_name);
            let planned = fresh.plan(waiting.clone()).await;
            self.succeeded(
                type_name,
                &format!("a creation with {pointer} unknown"),
                planned.errors(),
            );
            if let Some(first) = base
                .pointer(&pointer)
                .and_then(Json::as_str)
                .and_then(|text| text.chars().next())
            {
                let refined = with(&base, &pointer, unknown_after(&first.to_string()));
                let planned = fresh.plan(refined).await;
                self.succeeded(
                    type_name,
                    &format!("a creation with {pointer} known by its beginning"),
                    planned.errors(),
                );
            }
            let planned = object.plan(waiting).await;
            self.succeeded(
                type_name,
                &format!("an update with {pointer} unknown"),
                planned.errors(),
            );
        }
        for (pointer, value) in variations {
            let varied = with(&base, pointer, value.clone());
            self.apply_and_rest(&mut object, varied.clone(), varied).await;
            self.apply_and_rest(&mut object, with(&base, pointer, unknown()), base.clone())
                .await;
        }
        for pointer in optional(&block, &base)
            .into_iter()
            .filter(|pointer| !kept.contains(&pointer.as_str()))
        {
            let without = with(&base, &pointer, Json::Null);
            self.apply_and_rest(&mut object, without.clone(), without).await;
            self.apply_and_rest(&mut object, base.clone(), base.clone()).await;
        }
        self.import_and_rest(&object, type_name).await;
        let destroyed = object.destroy().await;
        self.succeeded(type_name, "the destruction", destroyed.errors());
    }

    async fn apply_and_rest(&self, object: &mut Object<T>, plan_config: Json, final_config: Json) {
        let applied = object.apply_after(plan_config, final_config.clone()).await;
        let type_name = object.type_name().to_owned();
        self.succeeded(&type_name, &format!("apply of {final_config}"), applied.errors());
        let again = object.plan(final_config.clone()).await;
        if again.action != Action::NoOp {
            let message = format!("the plan after apply is {:?}, with {}", again.action, final_config);
            self.report(&type_name, vec![Violation::new("P10", &Path::default(), message)]);
        }
        let unrefreshed = object.plan_without_refresh(final_config).await;
        if unrefreshed.action != again.action {
            let message = format!(
                "without refresh the plan is {:?}, with it {:?}",
                unrefreshed.action, again.action
            );
            self.report(&type_name, vec![Violation::new("P10", &Path::default(), message)]);
        }
    }

    async fn import_and_rest(&mut self, object: &Object<T>, type_name: &str) {
        let state = object.state();
        let Some(id) = state.get("id").text() else { return };
        match self.import(type_name, id).await {
            // A type may have nothing to import; then it says so, and with nothing else.
            Err(diagnostics) => {
                let said = errors(&diagnostics);
                if !matches!(&said[..], [only] if only.starts_with(NO_IMPORT)) {
                    self.succeeded(type_name, &format!("import of {id}"), said);
                }
            }
            Ok(mut imported) => {
                let refreshed = imported.refresh().await;
                if has_errors(&refreshed.diagnostics) {
                    self.succeeded(
                        type_name,
                        "the refresh after the import",
                        errors(&refreshed.diagnostics),
                    );
                }
            }
        }
    }

    fn succeeded(&self, type_name: &str, what: &str, errors: Vec<String>) {
        if !errors.is_empty() {
            let message = format!("{what} failed: {}", errors.join("; "));
            self.report(type_name, vec![Violation::new("DRIVE", &Path::default(), message)]);
        }
    }
}

/// The configuration with one place changed. A place that is not there yet is made, if its parent is there.
fn with(base: &Json, pointer: &str, value: Json) -> Json {
    let mut config = base.clone();
    let (parent, last) = pointer.rsplit_once('/').expect("a JSON pointer begins with a slash");
    match config.pointer_mut(parent) {
        Some(Json::Object(members)) => drop(members.insert(last.to_owned(), value)),
        Some(Json::Array(elements)) => elements[last.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} has no parent in {base}"),
    }
    config
}

/// Every place at which Terraform could still be waiting for a value.
fn places(block: &Block, config: &Json) -> Vec<String> {
    let mut found = Vec::new();
    block_places(block, config, "", &mut found);
    found
}

fn block_places(block: &Block, config: &Json, at: &str, found: &mut Vec<String>) {
    for (name, value) in config.as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        let Some(nested) = block.blocks.get(name) else {
            value_places(value, &at, found);
            continue;
        };
        match nested.nesting {
            Nesting::Single | Nesting::Group => block_places(&nested.block, value, &at, found),
            Nesting::List | Nesting::Set | Nesting::Map => {
                found.push(at.clone());
                children(value, &at, &mut |element, at| {
                    block_places(&nested.block, element, at, found)
                });
            }
        }
    }
}

fn value_places(value: &Json, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    children(value, at, &mut |child, at| value_places(child, at, found));
}

fn children(value: &Json, at: &str, visit: &mut dyn FnMut(&Json, &str)) {
    match value {
        Json::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                visit(element, &format!("{at}/{index}"));
            }
        }
        Json::Object(members) => {
            for (name, member) in members {
                visit(member, &format!("{at}/{name}"));
            }
        }
        _ => {}
    }
}

/// The arguments and blocks of the configuration that may be left out.
fn optional(block: &Block, config: &Json) -> Vec<String> {
    let names = config.as_object().into_iter().flatten().map(|(name, _)| name);
    let optional = names.filter(|name| match (block.attributes.get(*name), block.blocks.get(*name)) {
        (Some(attribute), _) => !attribute.required,
        (None, Some(nested)) => !nested.required,
        (None, None) => true,
    });
    optional.map(|name| format!("/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conformance::{
        core::in_memory,
        mutants::full_config,
        thing::{TYPE, Thing},
    };

    #[tokio::test]
    async fn the_honest_provider_stands_the_exercise_and_mutants_do_not() {
        for (mutant, rule) in [
            ("", ""),
            ("P4", "P4"),
            ("R3", "R3"),
            ("P10", "P10"),
            ("A4", "A4"),
            ("P4-default", "P4"),
        ] {
            let mut core = Core::connect(in_memory(Thing::wrong(mutant)).await, json!({})).await;
            let variations = [
                ("/size", json!(7)),
                ("/tier", json!("large")),
                ("/name", json!("beta")),
                ("/rule/0/note", Json::Null),
            ];
            core.exercise(TYPE, full_config(json!(5)), &variations).await;
            if mutant.is_empty() {
                core.expect_clean();
            } else {
                let violations = core.violations();
                assert!(
                    violations.iter().any(|violation| violation.rule == rule),
                    "{mutant}: {violations:#?}"
                );
            }
        }
    }

    #[test]
    fn every_place_that_could_wait_is_found() {
        let core_schema = crate::conformance::schema::read(
            TYPE,
            &crate::conformance::thing::schema::resource(),
            crate::conformance::schema::Use::Resource,
        );
        let block = core_schema.0.unwrap().block;
        let config = json!({"name": "a", "tags": {"k": "v"}, "rule": [{"port": 1}], "timeouts": {"create": "1m"}});
        assert_eq!(
            places(&block, &config),
            ["/name", "/rule", "/rule/0/port", "/tags", "/tags/k", "/timeouts/create"]
        );
        assert_eq!(optional(&block, &config), ["/rule", "/tags", "/timeouts"]);
    }
}
