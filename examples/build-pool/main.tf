terraform {
  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

provider "acr" {}

variable "registry_id" {
  description = "The ARM id of a Premium registry in a region that has agent pools."
  type        = string
}

variable "subnet_id" {
  description = "The ARM id of the subnet for the machines."
  type        = string
}

variable "tier" {
  description = "The size of each machine."
  type        = string
  default     = "S1"
}

variable "instance_count" {
  description = "How many machines; 0 keeps the pool and pays for nothing."
  type        = number
  default     = 1
}

resource "acr_agent_pool" "builds" {
  name           = "builds"
  registry_id    = var.registry_id
  subnet_id      = var.subnet_id
  tier           = var.tier
  instance_count = var.instance_count
}

data "acr_agent_pool" "builds" {
  id = acr_agent_pool.builds.id
}

output "pool_id" {
  value = acr_agent_pool.builds.id
}

output "status" {
  value = {
    health      = data.acr_agent_pool.builds.health
    machines    = data.acr_agent_pool.builds.instance_count
    vcpu        = data.acr_agent_pool.builds.total_vcpu
    queued_runs = data.acr_agent_pool.builds.queued_runs
  }
}
