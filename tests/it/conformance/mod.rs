//! A small Core: drives the provider over gRPC and checks every answer against the rules that Terraform enforces.
