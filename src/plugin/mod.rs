//! Being a plugin process under Terraform. Knows no Terraform message.

/// The generated messages and services of `proto/plugin.proto`.
#[allow(missing_docs, clippy::all)]
pub mod wire {
    tonic::include_proto!("plugin");
}
