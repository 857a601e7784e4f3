//! Renders schemas as the pages of the Terraform Registry.
