#!/usr/bin/env python3
"""The main job, shown: real Terraform, the provider as a user would install it, and the embedded emulator as Azure.

Creates, scales, replaces, imports and destroys an agent pool from `examples/build-pool`, builds the image of
`examples/image-build` on a pool, prints what it does, and fails on any surprise. Everything happens in a temporary folder; nothing is left running.
"""

import json
import os
import pathlib
import platform
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "target" / "debug"
EXAMPLES = ROOT / "examples"
SEED = ROOT / "tests" / "fixtures" / "demo_seed.json"
SOURCE = "agentpools/acr"
HOSTS = ("registry.terraform.io", "registry.opentofu.org")
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

# How long the emulator takes for each operation. Azure takes 3 to 14 minutes.
PROVISIONING_SECONDS = "2"

# A line of a run's log, as the provider logs it. Terraform puts what else belongs to the record behind it.
LOG_LINE = re.compile(r'\[INFO\].*: run "\w+" \| (.*?)(?:: (?:@module|timestamp|tf_\w+)=\S+( \S+=\S+)*)?$')

# What a network team would run to get the rules.
RULES = """\
terraform {
  required_providers {
    acr = {
      source = "agentpools/acr"
    }
  }
}

output "rules" {
  value = provider::acr::required_outbound_rules(300, "registry", "mcr")
}
"""

# Longer than any one command here needs on a slow machine; a command that hangs fails the demonstration.
COMMAND_SECONDS = 180

# Where the emulator's seed has what a pool needs.
GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-builds/providers"
REGISTRY_ID = f"{GROUP}/Microsoft.ContainerRegistry/registries/contosobuilds"
SUBNET_ID = f"{GROUP}/Microsoft.Network/virtualNetworks/vnet-builds/subnets/snet-agents"
POOL_ID = f"{REGISTRY_ID}/agentPools/builds"
SECURITY_GROUP_ID = f"{GROUP}/Microsoft.Network/networkSecurityGroups/nsg-agents"
NETWORK_API_VERSION = "2023-11-01"


class Surprise(Exception):
    """Something went otherwise than the demonstration says."""


def expect(condition, sentence):
    if not condition:
        raise Surprise(sentence)


def say(text=""):
    print(text, flush=True)


def brief(text):
    """Terraform's output without the planned read of the data source: a screenful of "known after apply"."""
    lines, inside = [], False
    for line in text.strip().splitlines():
        inside = inside or line.startswith("  # data.")
        if not inside:
            lines.append(line)
        inside = inside and line != "    }"
    return lines


class Emulator:
    """The emulator process, and questions to it."""

    def __init__(self, folder):
        self.env_file = folder / "azure.env"
        command = [BUILD / "acr-emulator", "--env-file", self.env_file, "--seed", SEED]
        command += ["--provisioning-seconds", PROVISIONING_SECONDS]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        expect(line, "the emulator ended before it was ready")
        self.url = json.loads(line)["url"]
        self.variables = {}
        for line in self.env_file.read_text().splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.variables[name] = value.strip("'")

    def request(self, path, token=None, method="GET", body=None):
        context = ssl.create_default_context(cafile=self.variables["SSL_CERT_FILE"])
        headers = {"Content-Type": "application/json"} if isinstance(body, dict) else {}
        if token:
            headers["Authorization"] = "Bearer " + token
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(self.url + path, headers=headers, method=method, data=data)
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return json.load(answer)

    def ask(self, path):
        return self.request(path, self.variables["ACR_EMULATOR_TOKEN"])["value"]

    def add_rule(self, rule):
        """What a network team does: one rule into the security group, over ARM's API and as a principal of Azure's."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.variables["ARM_CLIENT_ID"],
            "client_secret": self.variables["ARM_CLIENT_SECRET"],
            "scope": self.variables["ARM_RESOURCE_MANAGER_AUDIENCE"] + "/.default",
        }
        login = f"/{self.variables['ARM_TENANT_ID']}/oauth2/v2.0/token"
        token = self.request(login, method="POST", body=urllib.parse.urlencode(form).encode())["access_token"]
        properties = {
            "priority": rule["priority"],
            "direction": rule["direction"],
            "access": rule["access"],
            "protocol": rule["protocol"],
            "sourcePortRange": rule["source_port_range"],
            "destinationPortRange": rule["destination_port_range"],
            "sourceAddressPrefix": rule["source_address_prefix"],
            "destinationAddressPrefix": rule["destination_address_prefix"],
        }
        path = f"{SECURITY_GROUP_ID}/securityRules/{rule['name']}?api-version={NETWORK_API_VERSION}"
        self.request(path, token, "PUT", {"properties": properties})

    def pools(self):
        return [resource for resource in self.ask("/emulator/state") if "/agentPools/" in resource]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Terraform:
    """A folder of configuration with a Terraform to run in it."""

    def __init__(self, folder, cli_config, emulator, example="build-pool"):
        self.folder = folder
        folder.mkdir()
        if example:
            shutil.copytree(EXAMPLES / example, folder, dirs_exist_ok=True)
        pinned = ROOT / "target" / "tools" / "terraform-1.15.5" / "terraform"
        self.program = os.environ.get("TF_CLI") or str(pinned)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        self.environment = kept | emulator.variables | {
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": str(cli_config),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "TF_VAR_registry_id": REGISTRY_ID,
            "TF_VAR_subnet_id": SUBNET_ID,
        }

    def run(self, *arguments, code=0, show=True):
        say(f"$ terraform {' '.join(arguments)}")
        finished = subprocess.run(
            [self.program, *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        wrong = finished.returncode != code
        if show or wrong:
            for line in brief(finished.stdout):
                say(f"    {line}".rstrip())
            say()
        expect(not wrong, f"terraform {arguments[0]} ended with {finished.returncode} instead of {code}")
        return finished.stdout

    def output(self, name):
        return json.loads(self.run("output", "-json", name, show=False))

    def is_settled(self, *variables):
        self.run("plan", "-detailed-exitcode", *variables, show=False)
        say("    nothing to do\n")


def install(folder):
    """A filesystem mirror with the provider, and the CLI configuration that names it."""
    version = subprocess.run([BUILD / "terraform-provider-acr", "--version"], capture_output=True, text=True, check=True)
    version = version.stdout.split()[-1]
    machine = platform.machine().lower()
    target = f"{sys.platform}_{ARCHITECTURES.get(machine, machine)}"
    mirror = folder / "mirror"
    for host in HOSTS:
        leaf = mirror / host / SOURCE / version / target
        leaf.mkdir(parents=True)
        shutil.copy(BUILD / "terraform-provider-acr", leaf / f"terraform-provider-acr_v{version}")
    config = folder / "terraform.rc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    return config


def demonstrate(folder, emulator):
    config = install(folder)

    say("== 1. A plan that is refused: the subnet's security group denies all egress\n")
    broken = Terraform(folder / "broken", config, emulator, "broken-network")
    broken.run("init", show=False)
    text = broken.run("plan", code=1)
    expect("The network blocks what the machines need" in text, "the plan is refused for another reason")
    expect("DenyAllEgress" in text, "the plan does not name the rule in the way")
    expect(emulator.pools() == [], "a refused plan has created a pool")

    say("== 2. Mend the security group with the rules that a function of the provider puts out\n")
    rules = Terraform(folder / "rules", config, emulator, None)
    (rules.folder / "main.tf").write_text(RULES)
    rules.run("init", show=False)
    rules.run("apply", "-auto-approve", show=False)
    for rule in rules.output("rules"):
        emulator.add_rule(rule)
        say(f"    {rule['priority']} {rule['access']} {rule['destination_address_prefix']}:{rule['destination_port_range']}")
    say()
    broken.run("plan", show=False)
    say("    the same plan is accepted now\n")

    main = Terraform(folder / "pool", config, emulator)
    say("== 3. Install the provider, as a user would: init and a lock file\n")
    main.run("init")
    expect((main.folder / ".terraform.lock.hcl").exists(), "init wrote no lock file")

    say("== 4. Create a pool in a subnet. The plan leaves nothing open but the id\n")
    main.run("apply", "-auto-approve")
    expect(emulator.pools() == [POOL_ID], "the pool is not in Azure")
    main.is_settled()

    say("== 5. Its status\n")
    status = main.output("status")
    say(f"    {json.dumps(status)}\n")
    expect(status == {"health": "ready", "machines": 1, "vcpu": 2, "queued_runs": 0}, "the status is another")

    say("== 6. Scale from 1 to 3 machines: the plan shows what that makes\n")
    text = main.run("apply", "-auto-approve", "-var", "instance_count=3")
    expect("total_vcpu             = 2 -> 6" in text, "the plan does not say total_vcpu 2 -> 6")
    main.is_settled("-var", "instance_count=3")

    say("== 7. Scale to zero: the pool stays, and costs nothing\n")
    main.run("apply", "-auto-approve", "-var", "instance_count=0")
    expect(main.output("status")["health"] == "scaled_to_zero", "the pool is not scaled to zero")
    main.is_settled("-var", "instance_count=0")

    say("== 8. Change the tier: a replacement, and the plan says why\n")
    text = main.run("plan", "-out=tier.plan", "-var", "tier=S2")
    expect("1 to add, 0 to change, 1 to destroy" in text, "the plan is no replacement")
    expect("tier S1 -> S2 cannot change in place" in text, "the plan does not say why")
    main.run("apply", "tier.plan")
    main.is_settled("-var", "tier=S2")

    say("== 9. Import the pool into a second state: nothing to do there\n")
    second = Terraform(folder / "second", config, emulator)
    second.run("init", show=False)
    second.run("import", "-var", "tier=S2", "acr_agent_pool.builds", POOL_ID)
    second.run("apply", "-auto-approve", "-refresh-only", "-var", "tier=S2", show=False)
    second.is_settled("-var", "tier=S2")

    say("== 10. Destroy, and ask Azure what is left\n")
    main.run("destroy", "-auto-approve", "-var", "tier=S2")
    left = emulator.pools()
    expect(left == [], f"Azure still has {left}")
    say("    no agent pool is left\n")

    build(folder, config, emulator)


def build(folder, config, emulator):
    say("== 11. Build the image of a folder on a pool. The hash of what is sent is in the plan\n")
    image = Terraform(folder / "image", config, emulator, "image-build")
    image.run("init", show=False)
    text = image.run("plan", "-out=image.plan")
    expect(re.search(r'source_hash\s+= "[0-9a-f]{64}"', text), "the plan does not show the hash of the source")
    image.environment["TF_LOG_PROVIDER"] = "INFO"
    text = image.run("apply", "image.plan", show=False)
    del image.environment["TF_LOG_PROVIDER"]
    log = [match.group(1) for match in map(LOG_LINE.search, text.splitlines()) if match]
    say("    the build's log, as the provider follows it:\n")
    for line in log:
        say(f"    | {line}".rstrip())
    say()
    expect(any(line.startswith("Step ") for line in log), "the log of the build is not there")
    run, digest = image.output("run"), image.output("digest")
    say(f"    run    {json.dumps(run)}\n    digest {digest}\n")
    expect(run["status"] == "Succeeded" and digest.startswith("sha256:"), "the build left no image")
    image.is_settled()

    say("== 12. Edit a file that .dockerignore leaves out: nothing. Edit one that is sent: a rebuild\n")
    with (image.folder / "app" / "NOTES.md").open("a") as notes:
        notes.write("More.\n")
    image.is_settled()
    (image.folder / "app" / "hello.txt").write_text("Hello again.\n")
    text = image.run("apply", "-auto-approve")
    expect("source_hash" in text and "1 added, 0 changed, 1 destroyed" in text, "an edit does not build again")
    again = image.output("digest")
    say(f"    digest {again}\n")
    expect(again != digest, "another source has the same digest")

    say("== 13. Destroy: the pool goes, the image stays in the registry\n")
    image.run("destroy", "-auto-approve")
    left = emulator.pools()
    expect(left == [], f"Azure still has {left}")


def main():
    # So that a terminated demonstration cleans up like any other.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="acr-demo-"))
    emulator = None
    try:
        emulator = Emulator(folder)
        say(f"An emulated Azure listens on {emulator.url}; each operation takes {PROVISIONING_SECONDS} s.\n")
        demonstrate(folder, emulator)
        say("The demonstration went as it should.")
        return 0
    except (Surprise, subprocess.TimeoutExpired) as surprise:
        say(f"The demonstration FAILED: {surprise}")
        return 1
    finally:
        if emulator:
            emulator.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
