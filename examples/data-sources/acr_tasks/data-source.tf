variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

data "acr_tasks" "on_builds" {
  registry_id     = var.registry_id
  agent_pool_name = "builds"
}

output "enabled_tasks" {
  value = [for task in data.acr_tasks.on_builds.tasks : task.name if task.enabled]
}
