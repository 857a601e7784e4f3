//! One argument after the other: from the block, else from the environment; and what is wrong with it.

use azure_core::credentials::Secret as AzureSecret;

use crate::framework::{Diagnostic, Diagnostics, Field, model::Secret};

use super::Environment;

/// Collects arguments, and on the way what is unknown and what is unusable.
pub(super) struct Gatherer<'a> {
    environment: &'a Environment,
    /// Arguments that are not known before apply.
    pub(super) unknown: Vec<&'static str>,
    /// What cannot be used as it is.
    pub(super) problems: Diagnostics,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            unknown: Vec::new(),
            problems: Diagnostics::new(),
        }
    }

    /// The environment behind the arguments.
    pub(super) fn environment(&self) -> &'a Environment {
        self.environment
    }

    /// A text; `name` is what is told to the user when it is unknown. An empty one counts as not set.
    pub(super) fn text(&mut self, name: &'static str, field: &Field<String>, variables: &[&str]) -> Option<String> {
        match field {
            Field::Known(value) if !value.is_empty() => Some(value.clone()),
            Field::Unknown => {
                if !self.unknown.contains(&name) {
                    self.unknown.push(name);
                }
                None
            }
            Field::Known(_) | Field::Null => self.variable(variables),
        }
    }

    /// As [`Gatherer::text`], for what must not be printed.
    pub(super) fn secret(
        &mut self,
        name: &'static str,
        field: &Field<Secret>,
        variables: &[&str],
    ) -> Option<AzureSecret> {
        let text = field.map(|secret| secret.0.clone());
        self.text(name, &text, variables).map(AzureSecret::new)
    }

    /// A switch. The environment spells it as azurerm reads it: `true`, `1`, `t`, `false`, `0`, `f`.
    pub(super) fn flag(
        &mut self,
        name: &'static str,
        field: &Field<bool>,
        variable: &'static str,
        default: bool,
    ) -> bool {
        match field {
            Field::Known(flag) => return *flag,
            Field::Unknown => {
                self.unknown.push(name);
                return default;
            }
            Field::Null => {}
        }
        let Some(text) = self.environment.get(variable) else {
            return default;
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" => true,
            "false" | "0" | "f" => false,
            _ => {
                let detail =
                    format!("The environment variable {variable} is \"{text}\", which is neither true nor false.");
                self.problems
                    .push(Diagnostic::error("Unusable environment variable", detail).at_attribute(name));
                default
            }
        }
    }

    /// A list of texts; the environment separates them by semicolons, as azurerm has it, or commas.
    pub(super) fn list(&mut self, name: &'static str, field: &Field<Vec<String>>, variable: &str) -> Vec<String> {
        match field {
            Field::Known(list) if !list.is_empty() => list.clone(),
            Field::Unknown => {
                self.unknown.push(name);
                Vec::new()
            }
            Field::Known(_) | Field::Null => {
                let text = self.environment.get(variable).unwrap_or_default();
                let items = text.split([';', ',']).map(str::trim).filter(|item| !item.is_empty());
                items.map(str::to_owned).collect()
            }
        }
    }

    /// An argument that may also be the content of a file. Both may be set when they agree.
    pub(super) fn or_file(
        &mut self,
        name: &'static str,
        value: Option<String>,
        file: Option<String>,
    ) -> Option<String> {
        let Some(file) = file else { return value };
        let content = match std::fs::read_to_string(&file) {
            Ok(content) => content.trim().to_owned(),
            Err(error) => {
                let detail = format!("The file {file} cannot be read: {error}.");
                self.unusable_file(name, detail);
                return value;
            }
        };
        if content.is_empty() {
            self.unusable_file(name, format!("The file {file} is empty."));
            return value;
        }
        if value.as_ref().is_some_and(|value| *value != content) {
            let detail = format!("{name} is set, and the file {file} holds another value. Remove one of them.");
            self.unusable_file(name, detail);
        }
        value.or(Some(content))
    }

    fn unusable_file(&mut self, name: &str, detail: String) {
        let summary = format!("Unusable {name}_file_path");
        let path = format!("{name}_file_path");
        self.problems
            .push(Diagnostic::error(summary, detail).at_attribute(&path));
    }

    fn variable(&self, names: &[&str]) -> Option<String> {
        names
            .iter()
            .find_map(|name| self.environment.get(name))
            .map(str::to_owned)
    }
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
    fn switches_are_spelled_as_azurerm_reads_them() {
        for (text, want, problems) in [
            ("true", true, 0),
            ("TRUE", true, 0),
            ("1", true, 0),
            ("f", false, 0),
            ("0", false, 0),
            ("", false, 0),
            ("yes", false, 1),
        ] {
            let environment = environment(&[("ARM_USE_OIDC", text)]);
            let mut gatherer = Gatherer::new(&environment);
            assert_eq!(
                gatherer.flag("use_oidc", &Field::Null, "ARM_USE_OIDC", false),
                want,
                "{text}"
            );
            assert_eq!(gatherer.problems.0.len(), problems, "{text}");
            assert!(
                !gatherer.flag("use_oidc", &Field::Known(false), "ARM_USE_OIDC", true),
                "the block wins"
            );
        }
    }

    #[test]
    fn lists_come_from_block_or_environment() {
        let environment = environment(&[("ARM_AUXILIARY_TENANT_IDS", "a; b,c;")]);
        let mut gatherer = Gatherer::new(&environment);
        let mut list = |field| gatherer.list("auxiliary_tenant_ids", &field, "ARM_AUXILIARY_TENANT_IDS");
        assert_eq!(list(Field::Null), ["a", "b", "c"]);
        assert_eq!(list(Field::Known(vec!["d".into()])), ["d"]);
        assert!(list(Field::Unknown).is_empty());
        assert_eq!(gatherer.unknown, ["auxiliary_tenant_ids"]);
    }

    #[test]
    fn a_value_and_its_file_must_agree() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path.display().to_string())
        };
        let (full, empty) = (write("full", " value\n"), write("empty", "\n"));
        let cases = [
            (None, full.clone(), Some("value"), None),
            (Some("value"), full.clone(), Some("value"), None),
            (Some("other"), full, Some("other"), Some("Remove one")),
            (None, empty, None, Some("is empty")),
            (None, Some("no/such/file".into()), None, Some("cannot be read")),
            (Some("value"), None, Some("value"), None),
        ];
        for (value, file, want, problem) in cases {
            let environment = Environment::empty();
            let mut gatherer = Gatherer::new(&environment);
            let got = gatherer.or_file("client_id", value.map(str::to_owned), file);
            assert_eq!(got.as_deref(), want);
            let told = gatherer.problems.0.first().map(|problem| problem.detail.clone());
            assert_eq!(told.is_some(), problem.is_some(), "{told:?}");
            assert!(told.unwrap_or_default().contains(problem.unwrap_or_default()));
        }
    }
}
