//! Where in a configuration something is.

use std::fmt;

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An attribute or block by name.
    Attribute(String),
    /// An element of a list, from 0.
    Index(i64),
    /// An element of a map.
    Key(String),
}

/// Steps from the resource inwards; none means the whole resource. Elements of sets cannot be addressed: stop at the set.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The whole resource.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// A top-level attribute or block.
    #[must_use]
    pub fn attribute(name: &str) -> Self {
        Self::root().then(name)
    }

    /// This path and then a named attribute or block.
    #[must_use]
    pub fn then(&self, name: &str) -> Self {
        self.step(Step::Attribute(name.to_owned()))
    }

    /// This path and then an element of a list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(i64::try_from(index).unwrap_or(i64::MAX)))
    }

    /// This path and then an element of a map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if place == 0 => write!(f, "{name}")?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}
