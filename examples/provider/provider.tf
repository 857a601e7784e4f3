terraform {
  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

# Tenant, client and secret come from ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET.
provider "acr" {}
