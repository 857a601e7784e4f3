//! Terraform provider for Azure Container Registry task agent pools.
//!
//! The rooms, in reading order; `ARCHITECTURE.md` says who may use whom, and a test enforces it.
//!
//! * [`plugin`]: being a plugin process: handshake, mutual TLS, logs, shutdown. Knows no Terraform message.
//! * [`protocol`]: translates between the wire (tfplugin5) and the framework. The only room that names generated types.
//! * [`framework`]: a small provider framework: values, schemas, plans, diagnostics. No gRPC, no Azure, no I/O.
//! * [`azure`]: Azure Resource Manager, any service: client, credentials, errors, long-running operations.
//! * [`acr`]: the Container Registry domain on top of [`azure`]: wire types and calls.
//! * [`network`]: can a pool in this subnet reach what it needs? Pure; owns the required rules.
//! * [`provider`]: what the user sees: provider block, resources, data sources.
//! * [`emulator`]: a small, faithful ARM for demos and tests. Shares no type with [`azure`] or [`acr`].

pub mod acr;
pub mod azure;
pub mod emulator;
pub mod framework;
pub mod network;
pub mod plugin;
pub mod protocol;
pub mod provider;
