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

variable "app_version" {
  description = "The tag of the image."
  type        = string
  default     = "1.0.0"
}

resource "acr_agent_pool" "builds" {
  name        = "builds"
  registry_id = var.registry_id
  subnet_id   = var.subnet_id
}

resource "acr_image_build" "app" {
  registry_id     = var.registry_id
  agent_pool_name = acr_agent_pool.builds.name
  image_names     = ["team/app:${var.app_version}", "team/app:latest"]

  # What app/.dockerignore lets through is hashed at plan: an edit builds again, and nothing else does.
  context {
    path = "${path.module}/app"
  }

  build_args = {
    VERSION = var.app_version
  }

  # For what the folder does not show: a new base image, say. A change builds again.
  triggers = {
    base = "2026-11"
  }
}

output "digest" {
  description = "What to deploy: it names exactly this image, whatever the tag becomes."
  value       = acr_image_build.app.image_digests["team/app:${var.app_version}"]
}

output "run" {
  value = {
    id      = acr_image_build.app.run_id
    status  = acr_image_build.app.status
    seconds = acr_image_build.app.duration_seconds
    source  = acr_image_build.app.source_hash
  }
}
