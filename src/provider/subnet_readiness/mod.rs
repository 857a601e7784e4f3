//! Would a pool work in this subnet? Nothing has to exist but the registry and the subnet.

pub mod data_source;
