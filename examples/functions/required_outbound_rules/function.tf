variable "include" {
  description = "What builds need besides."
  type        = list(string)
  default     = ["registry", "mcr"]
}

# For the security_rule blocks of the agents' network security group.
output "security_rules" {
  value = provider::acr::required_outbound_rules(200, var.include...)
}
