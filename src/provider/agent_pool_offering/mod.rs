//! What Azure offers: regions, tiers, quotas, and what pools must reach.

pub mod data_source;
