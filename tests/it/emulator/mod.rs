//! The emulator over real HTTPS: status, headers and the exact set of JSON keys of every answer.
//!
//! The expected shapes are written from recorded traffic of the service; ids and names are invented.

mod access;
mod associations;
mod attachments;
mod controls;
mod dead_subnets;
mod faults;
mod foreign;
mod lab;
mod lifecycle;
mod network_seeds;
mod process;
mod refusals;
mod registry_access;
mod runs;
mod runs_blobs;
mod runs_history;
mod runs_lab;
mod runs_queue;
mod service_tags;
mod shape;
mod surface;
mod tasks;
mod tasks_identities;
mod tasks_refused;
mod timers;
