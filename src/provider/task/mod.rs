//! Tasks.
//!
//! What surprises in this API: a PATCH takes nothing away, so that every write is a PUT of the whole task; a read shows no
//! secret, so that nothing of what is written may come from a read; and Azure accepts tasks that no run can carry out.

mod checks;
mod convert;
pub mod data_source;
mod importing;
mod leftovers;
pub mod model;
mod planning;
mod refresh;
mod refresh_credential;
mod refresh_step;
pub mod resource;
pub mod schema;
mod step_schema;
mod trigger_schema;
mod writing;

pub use step_schema::context_check;

#[cfg(test)]
mod tests;
