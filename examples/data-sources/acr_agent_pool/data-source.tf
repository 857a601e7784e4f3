variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

resource "acr_agent_pool" "builds" {
  name        = "builds"
  registry_id = var.registry_id
}

data "acr_agent_pool" "builds" {
  id = acr_agent_pool.builds.id
}

check "builds" {
  assert {
    condition     = data.acr_agent_pool.builds.health == "ready"
    error_message = "The pool is ${data.acr_agent_pool.builds.health}. ${join(" ", data.acr_agent_pool.builds.health_reasons)}"
  }

  # Null while nothing waits, or when this principal may not look.
  assert {
    condition     = coalesce(data.acr_agent_pool.builds.oldest_queued_seconds, 0) < 600
    error_message = "A run has waited for ten minutes. ${join(" ", data.acr_agent_pool.builds.health_reasons)}"
  }
}

output "queued_runs" {
  value = data.acr_agent_pool.builds.queued_runs
}
