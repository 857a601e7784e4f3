# An image that is built every night at 21:00 UTC, on machines of its own. Commits build nothing: there is no source trigger.

terraform {
  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

provider "acr" {}

variable "registry_id" {
  description = "The ARM id of a Premium registry in a region that has agent pools."
  type        = string
}

variable "subnet_id" {
  description = "The ARM id of the subnet for the machines."
  type        = string
}

resource "acr_agent_pool" "builds" {
  name        = "builds"
  registry_id = var.registry_id
  subnet_id   = var.subnet_id
  tier        = "S2"
}

resource "acr_task" "nightly" {
  name            = "nightly"
  registry_id     = var.registry_id
  agent_pool_name = acr_agent_pool.builds.name

  platform {
    os = "Linux"
  }

  docker_step {
    dockerfile_path = "Dockerfile"
    context_path    = "https://github.com/Azure-Samples/acr-build-helloworld-node.git#master"
    image_names     = ["helloworld:{{.Run.ID}}"]
  }

  timer_trigger {
    name     = "every-night"
    schedule = "0 21 * * *"
  }
}

output "task_id" {
  value = acr_task.nightly.id
}
