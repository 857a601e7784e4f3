//! Azure Resource Manager, any service, over azure_core and azure_identity.
