data "acr_agent_pool_offering" "here" {}

output "regions" {
  value = data.acr_agent_pool_offering.here.regions
}

output "vcpu_by_tier" {
  value = { for tier in data.acr_agent_pool_offering.here.tiers : tier.name => tier.vcpu }
}
