//! A handful of positions under real Terraform.
