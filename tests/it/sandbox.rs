//! Runs a real Terraform in a private folder, and says everything when it fails.
