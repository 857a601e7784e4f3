//! Preflight under real Terraform, against the emulator: what is said before a pool is written, and when.

mod vectors;
