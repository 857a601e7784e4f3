//! A small Core: drives the provider over gRPC and checks every answer against the rules that Terraform enforces.
//!
//! It shares no code with the provider's framework: values, schemas and plans are written a second time here, so that
//! a mistake made once cannot hide from the test that looks for it.
//!
//! Reading order: [`value`] and its two encodings [`msgpack`] and [`json`], [`schema`], [`propose`], the [`rules`],
//! then [`core`] and [`object`], which drive a provider and apply the rules to each answer, and [`exercise`], which
//! takes one resource type through everything. [`thing`] is a provider to judge the judge with: honest, or wrong in
//! one way at a time.
//!
//! A resource is tested like this; any broken rule is on the list that `expect_clean` prints:
//!
//! ```text
//! let mut core = Core::connect(client, json!({ /* provider block */ })).await;
//! core.keep_secret("the client secret");
//! let mut pool = core.resource("acr_agent_pool");
//! let applied = pool.apply(json!({"name": "pool", "registry_id": unknown_or_known})).await;
//! assert_eq!(applied.action, Action::Create);
//! pool.changed_outside(); // Only then may a refresh find drift.
//! core.exercise("acr_agent_pool", base, &[("/instance_count", json!(3))]).await;
//! core.expect_clean();
//! ```

// What no test calls today is the harness's interface for the resources that follow.
#![allow(dead_code)]

pub mod core;
pub mod exercise;
pub mod json;
pub mod msgpack;
mod mutants;
pub mod object;
pub mod propose;
mod real_terraform;
pub mod rules;
pub mod schema;
pub mod thing;
pub mod value;
