//! What the user sees: the provider block, resources and data sources.
