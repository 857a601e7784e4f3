locals {
  task = provider::acr::parse_task_id("/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds/tasks/nightly")
}

output "registry_id" {
  value = local.task.registry_id
}

output "task" {
  value = local.task.name
}
