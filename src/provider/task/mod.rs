//! Tasks.

pub mod data_source;
pub mod model;
pub mod schema;
mod step_schema;
mod trigger_schema;

#[cfg(test)]
mod tests;
