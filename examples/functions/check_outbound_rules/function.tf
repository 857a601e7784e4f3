locals {
  rules = concat(
    provider::acr::required_outbound_rules(200),
    [
      {
        name                       = "DenyInternet"
        priority                   = 4000
        direction                  = "Outbound"
        access                     = "Deny"
        protocol                   = "*"
        source_port_range          = "*"
        source_address_prefix      = "*"
        destination_port_range     = "*"
        destination_address_prefix = "Internet"
        description                = "Nothing else leaves."
      },
    ]
  )

  verdict = provider::acr::check_outbound_rules(local.rules, null)
}

output "rules" {
  value = local.rules

  precondition {
    condition = local.verdict.ready
    error_message = join("\n\n", [
      for requirement in local.verdict.requirements : join("\n", compact([requirement.explanation, requirement.remedy]))
      if requirement.verdict != "reachable"
    ])
  }
}
