#!/usr/bin/env python3
"""Holds the emulator against clients of Azure that we did not write: Microsoft's Python SDKs and its CLI.

Both run whole life cycles, ask for what must be refused, and check every answer. Anything unexpected fails; nothing is left running
and nothing outside target/clients and a temporary folder is touched.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cli
from install import CLIENTS, HERE, InstallationFailed, install
from stage import Emulator, Surprise, expect, expect_equal, say

# The emulator's answer to what it does not know.
NOT_SERVED = 501

# Longer than the SDKs' whole run takes on a slow machine.
SDK_SECONDS = 300

# A client that reaches for anything but the emulator runs into a wall at once, instead of asking the real Azure.
NOWHERE = "http://127.0.0.1:1"
WALLS = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "localhost,127.0.0.1"}


def sdk(bin_folder, emulator, folder):
    """The SDKs run in their own interpreter; what they print is shown as it comes."""
    environment = emulator.variables | WALLS | {"HOME": str(folder)}
    finished = subprocess.run(
        [bin_folder / "python", HERE / "sdk.py"], env=environment, stdin=subprocess.DEVNULL, timeout=SDK_SECONDS
    )
    expect(finished.returncode == 0, f"the SDKs' script ended with {finished.returncode}")


def az(bin_folder, emulator, folder):
    cli.exercise(bin_folder, emulator, folder, WALLS)


# Each with the mark that it leaves in the User-Agent.
PARTS = (("Microsoft's Python SDKs", "sdk", sdk, "azsdk-python"), ("the Azure CLI", "cli", az, "AZURECLI"))


def check_journal(emulator, mark):
    """What the client asked was served, and it was the client that asked."""
    entries = emulator.requests()
    unserved = [f"{entry['method']} {entry['path']}" for entry in entries if entry["status"] == NOT_SERVED]
    expect(not unserved, "the emulator did not serve " + ", ".join(unserved))
    expect(any(mark in (entry["user_agent"] or "") for entry in entries), f"no request came from {mark}")
    return len(entries)


def exercise(name, short, part, mark, emulator, folder):
    """Nothing on success, or what went wrong."""
    started = time.monotonic()
    try:
        bin_folder = install(short)
    except InstallationFailed as failure:
        return f"could not run: {name}: {failure}"
    installed = time.monotonic()
    say(f"=== {name}, installed in {(CLIENTS / short).relative_to(CLIENTS.parents[1])} ({installed - started:.0f} s)\n")
    try:
        emulator.reset()
        before = emulator.state()
        part(bin_folder, emulator, folder)
        expect_equal("what exists at the end", emulator.state(), before)
        requests = check_journal(emulator, mark)
    # An emulator that is gone is an OSError of the next question to it.
    except (Surprise, OSError, subprocess.TimeoutExpired) as surprise:
        return f"FAILED: {name}: {surprise}"
    say(f"\n=== {name}: {requests} requests in {time.monotonic() - installed:.0f} s, all as they should be\n")
    return None


def main():
    # So that a terminated run cleans up like any other.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    folder = Path(tempfile.mkdtemp(prefix="acr-clients-"))
    emulator = None
    try:
        emulator = Emulator(folder)
        say(f"An emulated Azure listens on {emulator.url}\n")
        results = [exercise(*part, emulator, folder) for part in PARTS]
    finally:
        if emulator:
            emulator.stop()
        shutil.rmtree(folder, ignore_errors=True)
    failures = [result for result in results if result]
    for failure in failures:
        say(f"clients: {failure}")
    if not failures:
        say("The emulator stood up to all clients.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
