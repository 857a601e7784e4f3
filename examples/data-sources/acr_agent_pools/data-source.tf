variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

data "acr_agent_pools" "all" {
  registry_id = var.registry_id
}

output "machines" {
  value = { for pool in data.acr_agent_pools.all.pools : pool.name => pool.instance_count }
}

output "vcpu_left" {
  value = data.acr_agent_pools.all.standard_vcpu_remaining
}
