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

  # Builds may end before the pool is taken away from them.
  drain_timeout = "30m"

  # The pool counts as done when a run has really finished on it.
  readiness_probe {
    on_failure = "error"
  }
}

output "vcpu" {
  value = acr_agent_pool.builds.total_vcpu
}
