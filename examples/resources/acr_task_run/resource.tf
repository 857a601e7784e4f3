variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

variable "commit" {
  description = "The commit to build."
  type        = string
  default     = "master"
}

resource "acr_task" "release" {
  name        = "release"
  registry_id = var.registry_id

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
  task_id      = acr_task.release.id
  context_path = "https://github.com/Azure-Samples/acr-build-helloworld-node.git#${var.commit}"

  arguments = {
    NODE_ENV = "production"
  }

  triggers = {
    commit = var.commit
  }

  timeouts {
    create = "30m"
  }
}

output "digest" {
  value = one(acr_task_run.release.output_images[*].digest)
}
