//! Environment variables, given as an argument, so that tests bring their own.

use std::{collections::BTreeMap, fmt};

/// Environment variables, as an argument: tests give their own.
#[derive(Clone)]
pub struct Environment(BTreeMap<String, String>);

impl fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// No variables.
    #[must_use]
    pub fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// The given variables.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// A variable; one that is empty counts as unset, as everywhere in Terraform's world.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether one of these commands lies in a folder of `PATH`.
    #[must_use]
    pub fn has_command(&self, names: &[&str]) -> bool {
        // Windows spells it `Path`.
        let path = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case("PATH"));
        let folders = path.map(|(_, value)| std::env::split_paths(value));
        let mut folders = folders.into_iter().flatten();
        folders.any(|folder| names.iter().any(|name| folder.join(name).is_file()))
    }
}
