//! All tasks of a registry, and how ARM's body of a task becomes what users see.

pub mod data_source;
pub mod shape;
