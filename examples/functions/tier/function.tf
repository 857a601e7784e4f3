variable "pools" {
  description = "Agent pools: tier and number of instances of each."
  type = map(object({
    tier           = string
    instance_count = number
  }))
  default = {
    builds = {
      tier           = "S2"
      instance_count = 2
    }
    nightly = {
      tier           = "S3"
      instance_count = 1
    }
  }
}

# Counts against the registry's quota of 16 vCPU for pools that are not isolated.
output "total_vcpu" {
  value = sum([
    for pool in var.pools : provider::acr::tier(pool.tier).vcpu * pool.instance_count
    if !provider::acr::tier(pool.tier).isolated
  ])
}
