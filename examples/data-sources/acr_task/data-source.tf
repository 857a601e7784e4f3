variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

data "acr_tasks" "all" {
  registry_id = var.registry_id
}

data "acr_task" "each" {
  for_each = { for task in data.acr_tasks.all.tasks : task.name => task.id }
  id       = each.value
}

# The schedules of all timers, by task.
output "schedules" {
  value = {
    for name, task in data.acr_task.each : name => [for timer in task.timer_trigger : timer.schedule if timer.enabled]
  }
}
