"""What every client here needs: an emulator with something in it, and a way to say what must be true."""

import contextlib
import json
import signal
import ssl
import subprocess
import urllib.request
from pathlib import Path

EMULATOR = Path(__file__).resolve().parents[3] / "target" / "debug" / "acr-emulator"

# Long enough that a client sees work in progress, short enough that nobody waits. Azure takes 3 to 14 minutes.
PROVISIONING_SECONDS = 1

# Long enough that a run is seen running.
RUN_SECONDS = 2

# Azure says 10.
RETRY_AFTER_SECONDS = 1

# Longer than any one request or shutdown takes on a slow machine.
PATIENCE_SECONDS = 30

GROUP = "rg-builds"
REGISTRY = "contosobuilds"
LOCATION = "eastus"

# The pool that queued runs of the seed name, so that a queue is seen that is not empty.
BUSY_POOL = "busy-pool"
QUEUED_RUNS = 2

SEED = {
    "location": LOCATION,
    "resource_groups": [{"name": GROUP}, {"name": "rg-other"}],
    "registries": [
        {"name": REGISTRY, "resource_group": GROUP},
        {"name": "contosobasic", "resource_group": GROUP, "sku": "Basic"},
        {"name": "contosoother", "resource_group": "rg-other"},
    ],
    "virtual_networks": [
        {
            "name": "vnet-builds",
            "resource_group": GROUP,
            "address_space": ["10.40.0.0/16"],
            "subnets": [{"name": "snet-agents", "address_prefix": "10.40.1.0/24"}],
        }
    ],
    "runs": [
        {"registry": REGISTRY, "run_id": "cf1", "status": "Running", "agent_pool_name": BUSY_POOL},
        {"registry": REGISTRY, "run_id": "cf2", "status": "Queued", "agent_pool_name": BUSY_POOL},
        {"registry": REGISTRY, "run_id": "cf3", "status": "Queued", "agent_pool_name": BUSY_POOL},
        {"registry": REGISTRY, "run_id": "cf4", "status": "Queued"},
    ],
}


class Surprise(Exception):
    """A client or the emulator did otherwise than it must."""


def expect(condition, sentence):
    if not condition:
        raise Surprise(sentence)


def expect_equal(what, found, wanted):
    expect(found == wanted, f"{what} is {found!r} instead of {wanted!r}")


def say(text=""):
    print(text, flush=True)


class Controls:
    """The emulator's own door, found by the variables of its env file."""

    def __init__(self, variables):
        self.variables = variables

    def ask(self, path, method="GET", body=None):
        context = ssl.create_default_context(cafile=self.variables["SSL_CERT_FILE"])
        headers = {"Authorization": "Bearer " + self.variables["ACR_EMULATOR_TOKEN"]}
        url = self.variables["ACR_EMULATOR_URL"] + "/emulator/" + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        # A proxy of the surroundings knows nothing of this machine's loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            return json.loads(answer.read() or "{}").get("value")

    def state(self):
        """What exists, without runs: nobody can take those back."""
        return sorted(found for found in self.ask("state") if "/runs/" not in found)

    def requests(self):
        return self.ask("requests")

    def set_faults(self, *faults):
        self.ask("faults", "PUT", list(faults))

    @contextlib.contextmanager
    def frozen(self):
        """Nothing that is under way ends inside, so that it can be looked at on however slow a machine."""
        self.ask("clock", "POST", {"frozen": True})
        try:
            yield
        finally:
            self.ask("clock", "POST", {"frozen": False})

    def reset(self):
        """Back to the seed, with an empty journal and no faults."""
        self.ask("reset", "POST")
        self.ask("requests", "DELETE")
        self.ask("faults", "DELETE")


class Emulator(Controls):
    """The emulator process."""

    def __init__(self, folder):
        env_file, seed = folder / "azure.env", folder / "seed.json"
        seed.write_text(json.dumps(SEED))
        command = [EMULATOR, "--env-file", env_file, "--seed", seed]
        command += ["--run-seconds", str(RUN_SECONDS)]
        command += ["--provisioning-seconds", str(PROVISIONING_SECONDS), "--retry-after-seconds", str(RETRY_AFTER_SECONDS)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        expect(line, "the emulator ended before it was ready")
        self.url = json.loads(line)["url"]
        lines = [line.removeprefix("export ").partition("=") for line in env_file.read_text().splitlines()]
        super().__init__({name: value.strip("'") for name, _, value in lines})

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
