//! Tests of the verdicts: our vectors in both modes, properties, cases of our own, and the sentences.

mod cases;
mod explanations;
mod network;
mod properties;
mod vectors;
