//! The compiled protocol descriptors against a table of the wire facts.
