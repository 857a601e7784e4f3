import {
  to = acr_task.nightly
  id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers/Microsoft.ContainerRegistry/registries/contosobuilds/tasks/nightly"
}
