//! A small provider framework: what Terraform's plugin protocol means, without the protocol.
//!
//! Values with three states, schemas, plans, diagnostics and the traits that resources implement. No gRPC, no Azure, no
//! I/O: everything here is a function of its arguments, except the resource operations that the framework merely calls.

pub mod data_source;
pub mod diagnostics;
pub mod duration;
pub mod function;
pub mod json;
pub mod model;
pub mod msgpack;
pub mod number;
pub mod page;
pub mod path;
pub mod plan;
pub mod provider;
pub mod resource;
pub mod schema;
pub mod service;
pub mod timeouts;
pub mod types;
pub mod validators;
pub mod value;

pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use model::{Field, Model};
pub use path::{Path, Step};
pub use types::Type;
pub use value::Value;
