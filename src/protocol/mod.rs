//! Terraform's plugin protocol 5 on one side, the framework on the other. The only room that names generated types.

/// The generated messages and services of `proto/tfplugin5.proto`.
#[allow(missing_docs, clippy::all)]
pub mod wire {
    tonic::include_proto!("tfplugin5");
}
