//! The integration tests, in one binary: one link, one place to look. A file per subject.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod agent_pool;
mod bad_input;
mod conformance;
mod credentials;
mod docs;
mod emulator;
mod examples;
mod faults;
mod functions;
mod handshake;
mod image_build;
mod network_path;
mod plugin_process;
mod preflight;
mod rpc;
mod running;
mod sandbox;
mod story;
mod task;
mod task_changes;
mod task_runs;
mod tasks;
mod tidy;
mod wire;
