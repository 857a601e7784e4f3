# A pool that costs nothing between builds: it is kept at zero, scaled for a run, and put back.

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

variable "release" {
  description = "What is built; another one is a reason to build again."
  type        = string
  default     = "v1"
}

resource "acr_agent_pool" "builds" {
  name           = "builds"
  registry_id    = var.registry_id
  subnet_id      = var.subnet_id
  tier           = "S2"
  instance_count = 0
}

resource "acr_task" "release" {
  name            = "release"
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
}

resource "acr_task_run" "release" {
  task_id = acr_task.release.id

  triggers = {
    release = var.release
  }

  scale {
    instances = 1
  }
}

output "image" {
  value = one([
    for image in acr_task_run.release.output_images : "${image.registry}/${image.repository}@${image.digest}"
  ])
}
