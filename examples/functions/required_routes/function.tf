# For the route blocks of the agents' route table, beside its default route to a firewall.
output "routes" {
  value = provider::acr::required_routes("registry", "mcr")
}
