//! Tasks.

pub mod data_source;
pub mod model;
pub mod schema;
mod step_schema;
mod trigger_schema;

pub use step_schema::context_check;

#[cfg(test)]
mod tests;
