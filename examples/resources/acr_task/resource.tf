variable "registry_id" {
  description = "The ARM id of the registry."
  type        = string
}

resource "acr_task" "nightly" {
  name        = "nightly"
  registry_id = var.registry_id

  platform {
    os = "Linux"
  }

  docker_step {
    dockerfile_path = "Dockerfile"
    context_path    = "https://github.com/Azure-Samples/acr-build-helloworld-node.git#master"
    image_names     = ["helloworld:{{.Run.ID}}", "helloworld:latest"]

    arguments = {
      NODE_ENV = "production"
    }
  }

  timer_trigger {
    name     = "every-night"
    schedule = "0 21 * * *"
  }

  timeout_in_seconds = 1800
}
