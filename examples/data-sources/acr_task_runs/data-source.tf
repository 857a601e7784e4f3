variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

# What has failed on the pool within a day.
data "acr_task_runs" "failed" {
  registry_id     = var.registry_id
  agent_pool_name = "builds"
  statuses        = ["Failed", "Error", "Timeout"]
  created_after   = timeadd(plantimestamp(), "-24h")
  limit           = 20
}

check "nothing_fails" {
  assert {
    condition = length(data.acr_task_runs.failed.runs) == 0
    error_message = join("\n", [
      for run in data.acr_task_runs.failed.runs :
      "${run.run_id} (${coalesce(run.task_name, "no task")}): ${coalesce(run.error_message, run.status)}"
    ])
  }
}

output "failed_runs" {
  value = data.acr_task_runs.failed.runs[*].run_id
}
