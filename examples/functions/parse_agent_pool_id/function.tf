locals {
  # As an activity log spells it.
  pool = provider::acr::parse_agent_pool_id("/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-builds/providers/microsoft.containerregistry/registries/contosobuilds/agentpools/builds")
}

output "pool_id" {
  value = local.pool.id
}

output "registry_id" {
  value = local.pool.registry_id
}

output "names" {
  value = "${local.pool.name} of ${local.pool.registry_name} in ${local.pool.resource_group_name}"
}
