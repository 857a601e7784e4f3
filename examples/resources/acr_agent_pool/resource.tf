variable "registry_id" {
  description = "The ARM id of a Premium registry in a region that has agent pools."
  type        = string
}

variable "subnet_id" {
  description = "The ARM id of the subnet for the machines."
  type        = string
}

resource "acr_agent_pool" "builds" {
  name           = "builds"
  registry_id    = var.registry_id
  subnet_id      = var.subnet_id
  tier           = "S2"
  instance_count = 2
}

output "vcpu" {
  value = acr_agent_pool.builds.total_vcpu
}
