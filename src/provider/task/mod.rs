//! Tasks.

pub mod data_source;
