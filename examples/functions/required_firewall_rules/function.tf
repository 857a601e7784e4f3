# For the rule blocks of a network rule collection.
output "network_rules" {
  value = provider::acr::required_firewall_rules(["10.0.1.0/24"], "registry")
}
