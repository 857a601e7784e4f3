terraform {
  required_version = ">= 1.8"

  required_providers {
    acr = {
      source = "agentpools/acr"
    }
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.0"
    }
  }
}

provider "acr" {}

provider "azurerm" {
  features {}
}

resource "azurerm_resource_group" "builds" {
  name     = "rg-builds"
  location = "westeurope"
}

resource "azurerm_container_registry" "builds" {
  name                = "contosobuilds"
  resource_group_name = azurerm_resource_group.builds.name
  location            = azurerm_resource_group.builds.location
  sku                 = "Premium"
}

resource "azurerm_virtual_network" "builds" {
  name                = "vnet-builds"
  resource_group_name = azurerm_resource_group.builds.name
  location            = azurerm_resource_group.builds.location
  address_space       = ["10.40.0.0/16"]
}

resource "azurerm_subnet" "agents" {
  name                 = "snet-agents"
  resource_group_name  = azurerm_resource_group.builds.name
  virtual_network_name = azurerm_virtual_network.builds.name
  address_prefixes     = ["10.40.1.0/24"]
}

# Nothing leaves the subnet but what agents need.
resource "azurerm_network_security_group" "agents" {
  name                = "nsg-agents"
  resource_group_name = azurerm_resource_group.builds.name
  location            = azurerm_resource_group.builds.location

  dynamic "security_rule" {
    for_each = provider::acr::required_outbound_rules(300, "registry", "mcr")

    content {
      name                       = security_rule.value.name
      description                = security_rule.value.description
      priority                   = security_rule.value.priority
      direction                  = security_rule.value.direction
      access                     = security_rule.value.access
      protocol                   = security_rule.value.protocol
      source_port_range          = security_rule.value.source_port_range
      destination_port_range     = security_rule.value.destination_port_range
      source_address_prefix      = security_rule.value.source_address_prefix
      destination_address_prefix = security_rule.value.destination_address_prefix
    }
  }

  security_rule {
    name                       = "DenyAllElse"
    priority                   = 4096
    direction                  = "Outbound"
    access                     = "Deny"
    protocol                   = "*"
    source_port_range          = "*"
    destination_port_range     = "*"
    source_address_prefix      = "*"
    destination_address_prefix = "*"
  }
}

resource "azurerm_subnet_network_security_group_association" "agents" {
  subnet_id                 = azurerm_subnet.agents.id
  network_security_group_id = azurerm_network_security_group.agents.id
}

resource "acr_agent_pool" "builds" {
  name           = "builds"
  registry_id    = azurerm_container_registry.builds.id
  subnet_id      = azurerm_subnet.agents.id
  tier           = "S2"
  instance_count = 2

  # The rules have to be in force before the machines start.
  depends_on = [azurerm_subnet_network_security_group_association.agents]
}
