//! The emulator over real HTTPS: status, headers and the exact set of JSON keys of every answer.
//!
//! The expected shapes are written from recorded traffic of the service; ids and names are invented.

mod access;
mod controls;
mod faults;
mod foreign;
mod lab;
mod lifecycle;
mod process;
mod refusals;
mod shape;
mod surface;
