"""The Azure CLI at work: a cloud of its own, sign-in, `az acr agentpool` from create to delete, with and without a resource group,
`az acr task`, and `az acr build`, `az acr run` and what follows from them.

Some commands wait as long as the CLI itself decides: 30 s between two looks at a pool. Those run side by side, the others do not wait
and are watched with `show`.
"""

import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cli_runs
import cli_tasks
from stage import BUSY_POOL, GROUP, LOCATION, PATIENCE_SECONDS, QUEUED_RUNS, REGISTRY, Surprise, expect, expect_equal, say

CLOUD = "acr-emulator"

# The CLI looks again after 30 s, by a constant of its own; a loaded machine may make it two looks.
COMMAND_SECONDS = 120

# What the CLI ends with when the object does not exist, and on other errors.
NOT_FOUND, FAILED = 3, 1


class Az:
    """The CLI with a configuration folder of its own; nothing of the user's is read or written."""

    def __init__(self, program, folder, emulator, walls):
        self.program = program
        self.folder = folder
        self.variables = walls | {
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_EXTENSION_DIR": str(folder / "extensions"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            # Otherwise the CLI asks a fixed host of the public cloud whether the login endpoint is a known one.
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_NO_COLOR": "true",
            "AZURE_CORE_LOGIN_EXPERIENCE_V2": "false",
            "AZURE_CORE_SURVEY_MESSAGE": "false",
            "AZURE_CORE_OUTPUT": "json",
            "HOME": str(folder),
            "PATH": os.environ.get("PATH", os.defpath),
            "REQUESTS_CA_BUNDLE": emulator.variables["REQUESTS_CA_BUNDLE"],
        }
        self.secrets = [value for name, value in emulator.variables.items() if name.endswith("SECRET")]

    def beside(self, name):
        """A second CLI, signed in like this one, that may run at the same time: two would write the same files otherwise."""
        twin = object.__new__(Az)
        twin.__dict__ |= self.__dict__
        twin.folder = self.folder.with_name(f"{self.folder.name}-{name}")
        shutil.copytree(self.folder, twin.folder)
        twin.variables = self.variables | {"AZURE_CONFIG_DIR": str(twin.folder)}
        return twin

    def shown(self, arguments):
        line = "az " + " ".join(arguments)
        for secret in self.secrets:
            line = line.replace(secret, "<secret>")
        return line

    def run(self, *arguments, code=0):
        """What the command prints on standard output and on standard error."""
        line = self.shown(arguments)
        started = time.monotonic()
        try:
            finished = subprocess.run(
                [self.program, *arguments],
                env=self.variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Surprise(f"{line} was not done after {COMMAND_SECONDS} s") from None
        say(f"    $ {line}  ({time.monotonic() - started:.1f} s)")
        if finished.returncode != code:
            say(finished.stdout + finished.stderr)
            raise Surprise(f"{line} ended with {finished.returncode} instead of {code}")
        for unwanted in ("Traceback", "unexpected error"):
            expect(unwanted not in finished.stderr, f"{line} says {finished.stderr}")
        return finished.stdout, finished.stderr

    def json(self, *arguments):
        text, complaints = self.run(*arguments)
        expect(text.strip(), f"{self.shown(arguments)} printed nothing, and on standard error {complaints!r}")
        return json.loads(text)

    def refused(self, code, *arguments, by=FAILED):
        """The command must fail and say why, on standard error only."""
        text, complaints = self.run(*arguments, code=by)
        expect(code in complaints and not text, f"{self.shown(arguments)} printed {text!r} and said {complaints!r}")


# A pool, as our provider makes it.
POOL = f"""
terraform {{
  required_providers {{
    acr = {{
      source = "agentpools/acr"
    }}
  }}
}}

resource "acr_agent_pool" "p" {{
  name        = "through-az"
  registry_id = "/subscriptions/%s/resourceGroups/{GROUP}/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"
}}
"""


def pool(az, verb, name, *more, group=True):
    scope = ("-g", GROUP) if group else ()
    return az.json("acr", "agentpool", verb, "-r", REGISTRY, "-n", name, *scope, *more)


def check_pool(found, name, count, tier, subnet=None, state="Succeeded"):
    expect_equal("the pool's name", found["name"], name)
    expect_equal("its type", found["type"], "Microsoft.ContainerRegistry/registries/agentPools")
    expect_equal("its location", found["location"], LOCATION)
    expect_equal("its resource group", found["resourceGroup"], GROUP)
    # The CLI prints the members of `properties` beside the others.
    expect_equal("its count, tier and os", (found["count"], found["tier"], found["os"]), (count, tier, "Linux"))
    expect_equal("its subnet", found["virtualNetworkSubnetResourceId"], subnet)
    expect_equal("its tags", found["tags"], None)
    expect_equal("its state", found["provisioningState"], state)


def until(what, condition):
    """Asks again until it is so; each question is a start of the CLI, so there is nothing to wait for in between."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        expect(time.monotonic() < end, f"{what} did not happen in {PATIENCE_SECONDS} s")


def sign_in(az, emulator):
    say("-- a cloud of its own, and sign-in")
    az.run("cloud", "register", "-n", CLOUD, "--endpoint-resource-manager", emulator.url)
    az.run("cloud", "set", "-n", CLOUD)
    cloud = az.json("cloud", "show")
    expect_equal("the cloud's ARM", cloud["endpoints"]["resourceManager"], emulator.url)
    expect_equal("the cloud's Entra ID", cloud["endpoints"]["activeDirectory"], emulator.url)
    expect_equal("the suffix of registries", cloud["suffixes"]["acrLoginServerEndpoint"], ".azurecr.io")
    tenant, identity = emulator.variables["ARM_TENANT_ID"], emulator.variables["ARM_CLIENT_ID"]
    login = ("login", "--service-principal", "--tenant", tenant, "-u", identity, "-p")
    az.refused("AADSTS7000215", *login, "not-the-secret")
    az.refused("az login", "acr", "show", "-n", REGISTRY)
    accounts = az.json(*login, emulator.variables["ARM_CLIENT_SECRET"])
    expect_equal("the number of subscriptions", len(accounts), 1)
    expect_equal("the cloud signed in to", accounts[0]["cloudName"], CLOUD)
    expect_equal("the subscription", accounts[0]["id"], emulator.variables["ARM_SUBSCRIPTION_ID"])
    expect_equal("its tenant and state", (accounts[0]["tenantId"], accounts[0]["state"]), (tenant, "Enabled"))
    expect_equal("who signed in", accounts[0]["user"], {"name": identity, "type": "servicePrincipal"})


def registries(az):
    say("-- az acr: the registry by name alone, and in its group")
    for scope in ((), ("-g", GROUP)):
        registry = az.json("acr", "show", "-n", REGISTRY, *scope)
        expect_equal("the registry", (registry["name"], registry["sku"]["tier"], registry["location"]), (REGISTRY, "Premium", LOCATION))
        expect_equal("its server", registry["loginServer"], f"{REGISTRY}.azurecr.io")
    generic = az.json("resource", "show", "-g", GROUP, "-n", REGISTRY, "--resource-type", "Microsoft.ContainerRegistry/registries")
    expect_equal("the registry as a resource", (generic["id"], generic["sku"]["name"]), (registry["id"], "Premium"))
    names = sorted(registry["name"] for registry in az.json("acr", "list"))
    expect_equal("all registries", names, ["contosobasic", REGISTRY, "contosoother"])
    az.refused("ResourceNotFound", "acr", "show", "-n", "contosonone", "-g", GROUP, by=NOT_FOUND)


def surroundings(az):
    say("-- az group, az resource, az network: what a registry lies in")
    group = az.json("group", "create", "-n", "rg-cli", "-l", "West Europe")
    expect_equal("the new group", (group["location"], group["properties"]["provisioningState"]), ("westeurope", "Succeeded"))
    expect_equal("whether the group exists", az.json("group", "exists", "-n", "rg-cli"), True)
    expect_equal("the groups", sorted(group["name"] for group in az.json("group", "list")), [GROUP, "rg-cli", "rg-other"])
    subnet = ("--subnet-name", "snet-first", "--subnet-prefix", "10.60.1.0/24")
    network = az.json("network", "vnet", "create", "-g", "rg-cli", "-n", "vnet-cli", "--address-prefix", "10.60.0.0/16", *subnet)
    expect_equal("the new network's state", network["newVNet"]["provisioningState"], "Succeeded")
    within = ("-g", "rg-cli", "--vnet-name", "vnet-cli")
    made = az.json("network", "vnet", "subnet", "create", *within, "-n", "snet-second", "--address-prefixes", "10.60.2.0/24")
    expect_equal("the new subnet", (made["name"], made["addressPrefix"]), ("snet-second", "10.60.2.0/24"))
    az.run("network", "vnet", "subnet", "delete", *within, "-n", "snet-first")
    listed = az.json("network", "vnet", "subnet", "list", *within)
    expect_equal("the subnets left", [found["name"] for found in listed], ["snet-second"])
    listed = az.json("resource", "list", "-g", "rg-cli")
    expect_equal("the group's resources", [found["name"] for found in listed], ["vnet-cli"])
    az.run("group", "delete", "-n", "rg-cli", "--yes")
    expect_equal("whether the group exists", az.json("group", "exists", "-n", "rg-cli"), False)
    names = sorted(found["name"] for found in az.json("resource", "list"))
    expect_equal("all resources", names, ["contosobasic", REGISTRY, "contosoother", "vnet-builds"])


def pools(az, emulator, subnet):
    say("-- az acr agentpool: create without waiting, and look at it")
    create = ("acr", "agentpool", "create", "-r", REGISTRY, "--no-wait")
    with emulator.frozen():
        az.run(*create, "-n", BUSY_POOL, "--tier", "s1")
        az.run(*create, "-n", "cli-gone", "--tier", "S1", "--count", "0", "-g", GROUP)
        check_pool(pool(az, "show", BUSY_POOL), BUSY_POOL, 1, "S1", state="Creating")
    until("the creation", lambda: pool(az, "show", BUSY_POOL)["provisioningState"] == "Succeeded")
    queue = pool(az, "show", BUSY_POOL, "--queue-count")
    expect_equal("the queue", queue["count"], QUEUED_RUNS)
    expect_equal("the queue without a group", pool(az, "show", BUSY_POOL, "--queue-count", group=False), queue)

    say("-- az acr agentpool: create, scale and delete, and az acr create, each waiting for its end as the CLI does")
    with ThreadPoolExecutor() as executor:
        created = executor.submit(pool, az.beside("create"), "create", "cli-pool", "--tier", "S2", "--subnet-id", subnet)
        scaled = executor.submit(pool, az.beside("update"), "update", BUSY_POOL, "--count", "3", group=False)
        deleted = executor.submit(pool, az.beside("delete"), "delete", "cli-gone", "--yes")
        registry = ("acr", "create", "-n", "contosocli", "-g", GROUP, "--sku", "Premium")
        registry = executor.submit(az.beside("registry").json, *registry)
    check_pool(created.result(), "cli-pool", 1, "S2", subnet)
    check_pool(scaled.result(), BUSY_POOL, 3, "S1")
    expect_equal("the new registry's state", registry.result()["provisioningState"], "Succeeded")
    az.run("acr", "delete", "-n", "contosocli", "--yes")
    expect_equal("what the deletion says", deleted.result(), "Agent 'cli-gone' was successfully deleted")

    say("-- az acr agentpool: what is there, and what is refused")
    for scope in ((), ("-g", GROUP)):
        listed = az.json("acr", "agentpool", "list", "-r", REGISTRY, *scope)
        expect_equal("the pools, newest first", [found["name"] for found in listed], ["cli-pool", BUSY_POOL])
    check_pool(listed[0], "cli-pool", 1, "S2", subnet)
    check_pool(pool(az, "show", "cli-pool", group=False), "cli-pool", 1, "S2", subnet)
    table, _ = az.run("acr", "agentpool", "list", "-r", REGISTRY, "-o", "table")
    rows = [line.split() for line in table.splitlines()]
    expect_equal("the table's last row", rows[-1], [BUSY_POOL, "3", "S1", "Succeeded", "Linux"])
    show = ("acr", "agentpool", "show", "-r", REGISTRY)
    az.refused("ResourceNotFound", *show, "-n", "cli-gone", by=NOT_FOUND)
    az.refused("AgentPoolQuotaExceeded", *create, "-n", "cli-large", "--tier", "I6")
    az.refused("InvalidInputValue", *create, "-n", "cli-odd", "--tier", "S9")

    say("-- az acr agentpool: delete without waiting")
    for name, scope in (("cli-pool", ()), (BUSY_POOL, ("-g", GROUP))):
        az.run("acr", "agentpool", "delete", "-r", REGISTRY, "-n", name, "--yes", "--no-wait", *scope)
    until("the deletion", lambda: az.json("acr", "agentpool", "list", "-r", REGISTRY) == [])


def provider(az, emulator, folder, bin_folder):
    """Our provider, signed in as the CLI is: nothing but `az` and its configuration tells it who it is."""
    say("-- the provider, signed in through the CLI")
    root = Path(__file__).resolve().parents[3]
    terraform = os.environ.get("TF_CLI") or str(root / "target" / "tools" / "terraform-1.15.5" / "terraform")
    work, plugins = folder / "terraform", folder / "plugins"
    work.mkdir()
    plugins.mkdir()
    shutil.copy(root / "target" / "debug" / "terraform-provider-acr", plugins)
    (folder / "terraform.rc").write_text(
        f'provider_installation {{\n  dev_overrides {{\n    "agentpools/acr" = "{plugins}"\n  }}\n}}\n'
    )
    (work / "main.tf").write_text(POOL % emulator.variables["ARM_SUBSCRIPTION_ID"])
    endpoints = (
        "ARM_ENVIRONMENT",
        "ARM_RESOURCE_MANAGER_ENDPOINT",
        "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST",
        "ARM_RESOURCE_MANAGER_AUDIENCE",
        "SSL_CERT_FILE",
    )
    environment = az.variables | {name: emulator.variables[name] for name in endpoints}
    environment |= {
        "PATH": f"{bin_folder}{os.pathsep}{az.variables['PATH']}",
        "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"),
        "CHECKPOINT_DISABLE": "1",
    }

    def run(*arguments, code=0):
        say(f"    $ terraform {' '.join(arguments)}")
        finished = subprocess.run(
            [terraform, *arguments, "-no-color"],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        output = finished.stdout + finished.stderr
        if finished.returncode != code:
            raise Surprise(f"terraform {arguments[0]} ended with {finished.returncode}: {output}")
        return output

    run("apply", "-auto-approve")
    check_pool(pool(az, "show", "through-az"), "through-az", 1, "S1")
    run("destroy", "-auto-approve")
    az.run("logout")
    told = " ".join(run("plan", code=1).split())
    expect("az login" in told, f"a provider whose CLI is signed out says {told}")


def exercise(bin_folder, emulator, folder, walls):
    az = Az(bin_folder / "az", folder / "az", emulator, walls)
    az.folder.mkdir()
    subscription = f"/subscriptions/{emulator.variables['ARM_SUBSCRIPTION_ID']}"
    subnet = f"{subscription}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets/snet-agents"
    sign_in(az, emulator)
    registries(az)
    surroundings(az)
    pools(az, emulator, subnet)
    # So that no timer fires, whatever time it is.
    with emulator.frozen():
        cli_tasks.exercise(az)
    cli_runs.exercise(az, folder)
    provider(az, emulator, folder, bin_folder)
