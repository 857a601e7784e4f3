//! A small provider framework: no gRPC, no Azure, no I/O.
