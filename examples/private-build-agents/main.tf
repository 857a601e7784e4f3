terraform {
  required_version = ">= 1.8"

  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

variable "registry_id" {
  description = "The ARM id of a Premium registry in a region that has agent pools."
  type        = string
}

variable "subnet_id" {
  description = "The ARM id of the subnet for the machines, without delegation."
  type        = string
}

variable "name" {
  description = "The pool's name."
  type        = string
  default     = "builds"
}

variable "tier" {
  description = "The size of each machine."
  type        = string
  default     = "S1"
}

variable "instance_count" {
  description = "How many machines."
  type        = number
  default     = 1
}

# Everything that is known of the subnet before anything is written.
data "acr_subnet_readiness" "agents" {
  registry_id    = var.registry_id
  subnet_id      = var.subnet_id
  pool_name      = var.name
  tier           = var.tier
  instance_count = var.instance_count
}

resource "acr_agent_pool" "builds" {
  name           = var.name
  registry_id    = var.registry_id
  subnet_id      = var.subnet_id
  tier           = var.tier
  instance_count = var.instance_count

  lifecycle {
    # What is only unknown does not stop anybody: gate on blocked, not on ready.
    precondition {
      condition     = !data.acr_subnet_readiness.agents.blocked
      error_message = "The subnet keeps the machines from what they need:\n\n${join("\n\n", data.acr_subnet_readiness.agents.findings[*].detail)}"
    }
  }
}

output "pool_id" {
  description = "The ARM id of the pool."
  value       = acr_agent_pool.builds.id
}

output "out_of_reach" {
  description = "What machines in the subnet do not certainly reach, and why."
  value = {
    for requirement in data.acr_subnet_readiness.agents.requirements :
    "${requirement.service_tag}:${requirement.port}" => requirement.explanation
    if requirement.verdict != "reachable"
  }
}

output "security_rules" {
  description = "Rules for the subnet's network security group, ready for a dynamic \"security_rule\" block of azurerm."
  value       = provider::acr::required_outbound_rules(300, "registry", "mcr")
}
