locals {
  schedule = "0 21 * * 1-5"
}

# The first three nights on which a task with this timer trigger builds.
output "next_builds" {
  value = provider::acr::next_runs(local.schedule, "2026-01-01T00:00:00Z", 3)
}
