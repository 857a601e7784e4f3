variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

variable "subnet_id" {
  description = "The ARM id of the subnet that the pool would use."
  type        = string
}

data "acr_subnet_readiness" "agents" {
  registry_id    = var.registry_id
  subnet_id      = var.subnet_id
  tier           = "S2"
  instance_count = 2
}

check "network" {
  assert {
    condition     = data.acr_subnet_readiness.agents.ready
    error_message = join("\n", data.acr_subnet_readiness.agents.findings[*].detail)
  }
}

output "out_of_reach" {
  value = [
    for requirement in data.acr_subnet_readiness.agents.requirements :
    "${requirement.service_tag}:${requirement.port} ${requirement.verdict}, decided by ${requirement.decided_by}"
    if requirement.verdict != "reachable"
  ]
}
