//! The Container Registry domain: wire types and calls, with the API versions each was written for.
//!
//! * [`registry`]: the registry: id, location, SKU.
//! * [`agent_pool`]: agent pools: create, scale, delete, and the waits for each.
//! * [`condition`] and [`diagnosis`]: what a pool's state means, and why runs on it wait.
//! * [`tier`]: what the tiers are, as a dated table.
//! * [`preview`]: where agent pools are offered and how many, as dated tables.
//! * [`run`]: runs: schedule, wait, cancel, upload.
//! * [`log`]: a run's log while it grows.
//! * [`source`]: a local context: what is sent, its hash, its archive; [`image_platform`]: what an image is built for.
//! * [`task`]: tasks: read, write as a whole, delete; [`task_id`]: ids of tasks; [`child_id`]: what their ids share with those of pools.
//! * [`schedule`]: when timer triggers fire; [`context`]: where builds take their source from;
//!   [`task_yaml`]: whether ACR can run a task file.
//! * [`subnet`]: the subnet of a pool, and whether the pool's network interfaces are still in it.
//!
//! Unknown members of answers are ignored, so that a newer service does not break an older provider.

pub mod agent_pool;
pub mod child_id;
pub mod condition;
pub mod context;
pub mod diagnosis;
pub mod image_platform;
pub mod log;
pub mod preview;
pub mod registry;
pub mod run;
pub mod schedule;
pub mod source;
pub mod subnet;
pub mod task;
pub mod task_id;
pub mod task_yaml;
pub mod tier;

pub use agent_pool::{AgentPool, AgentPoolId};
pub use registry::{Registry, RegistryId};
pub use task_id::TaskId;

/// The API versions of tasks, runs and agent pools, newest first: the only two that ever had agent pools. What is used of
/// them here is the same in both.
pub const TASKS_VERSIONS: &[&str] = &["2025-03-01-preview", "2019-06-01-preview"];

/// The namespace of everything here.
pub const PROVIDER: &str = "Microsoft.ContainerRegistry";
