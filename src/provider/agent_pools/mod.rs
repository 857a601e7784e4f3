//! All pools of a registry, and what is left of its quota.

pub mod data_source;
