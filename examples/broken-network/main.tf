terraform {
  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

# For pipelines whose network exists already: what apply would refuse fails the plan.
provider "acr" {
  preflight {
    fail_at_plan = true
  }
}

variable "registry_id" {
  description = "The ARM id of a Premium registry in a region that has agent pools."
  type        = string
}

variable "subnet_id" {
  description = "The ARM id of a subnet whose network security group blocks what machines need."
  type        = string
}

resource "acr_agent_pool" "builds" {
  name        = "builds"
  registry_id = var.registry_id
  subnet_id   = var.subnet_id
}
