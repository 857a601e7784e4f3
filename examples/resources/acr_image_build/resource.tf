variable "registry_id" {
  type        = string
  description = "The ARM id of a registry of SKU Premium."
}

resource "acr_agent_pool" "builds" {
  name        = "builds"
  registry_id = var.registry_id
}

# A folder of this machine: an edit of what .dockerignore lets through builds again.
resource "acr_image_build" "app" {
  registry_id     = var.registry_id
  agent_pool_name = acr_agent_pool.builds.name
  image_names     = ["team/app:v1"]

  context {
    path = "${path.module}/app"
  }

  build_args = {
    VERSION = "1"
  }
}

# A git repository, which Azure reads itself.
resource "acr_image_build" "docs" {
  registry_id     = var.registry_id
  agent_pool_name = acr_agent_pool.builds.name
  image_names     = ["team/docs:{{.Run.ID}}"]
  dockerfile      = "docs/Dockerfile"

  context {
    url = "https://github.com/contoso/app.git#v1.4.0"
  }
}

output "app_digest" {
  value = acr_image_build.app.image_digests["team/app:v1"]
}
