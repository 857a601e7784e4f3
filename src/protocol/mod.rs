//! Terraform's plugin protocol 5 on one side, the framework on the other. The only room that names generated types.
//!
//! [`server`] has one short function for each RPC; [`decode`] and [`encode`] translate. Everything that a user should
//! read travels as a diagnostic with an OK status; a gRPC error status is left to faults of the transport.

pub mod decode;
pub mod encode;
mod reply;
pub mod server;

pub use server::Server;

/// The generated messages and services of `proto/tfplugin5.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod wire {
    tonic::include_proto!("tfplugin5");
}
