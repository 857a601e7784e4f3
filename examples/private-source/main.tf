# An image built from a private repository. The token is ephemeral: no plan and no state ever holds it. Write-only arguments
# need Terraform 1.11 or newer.

terraform {
  required_version = ">= 1.11"

  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

provider "acr" {}

variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

variable "repository_token" {
  description = "A token of GitHub with the scopes repo and admin:repo_hook."
  type        = string
  ephemeral   = true
}

variable "repository_token_version" {
  description = "Raise this with each new token, so that it is sent."
  type        = number
  default     = 1
}

resource "acr_task" "app" {
  name        = "app-image"
  registry_id = var.registry_id

  platform {
    os = "Linux"
  }

  docker_step {
    dockerfile_path                 = "Dockerfile"
    context_path                    = "https://github.com/contoso/app.git#main"
    context_access_token_wo         = var.repository_token
    context_access_token_wo_version = var.repository_token_version
    image_names                     = ["app:{{.Run.ID}}"]
  }

  source_trigger {
    name           = "commits"
    events         = ["commit"]
    source_type    = "Github"
    repository_url = "https://github.com/contoso/app"
    branch         = "main"

    authentication {
      token_type       = "PAT"
      token_wo         = var.repository_token
      token_wo_version = var.repository_token_version
    }
  }
}
