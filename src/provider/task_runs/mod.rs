//! Runs of a registry: `Microsoft.ContainerRegistry/registries/runs`, as history.

pub mod data_source;
mod shape;
