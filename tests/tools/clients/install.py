"""Brings clients of Azure that others wrote into target/clients, each into a virtual environment of its own.

Versions and checksums come from the lock files beside this program; CONTRIBUTING.md says how they are written. What is there already
is left alone. A package that cannot be had fails the installation: it is never skipped.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import setup  # noqa: E402 - found only with the path above

CLIENTS = HERE.parents[2] / "target" / "clients"

# azure-cli's own minimum; the lock files are resolved for this version and newer ones.
OLDEST_PYTHON = (3, 10)


class InstallationFailed(Exception):
    """A client that could not be installed."""


def install(name):
    """The bin folder of the client's virtual environment, which is made if it is not there yet."""
    if sys.version_info < OLDEST_PYTHON:
        raise InstallationFailed(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, this is {sys.version.split()[0]}")
    requirements = HERE / f"{name}.txt"
    home = CLIENTS / name
    stamp = home / "stamp"
    key = fingerprint(requirements, home)
    if stamp.is_file() and stamp.read_text() == key:
        return home / "bin"

    # A virtual environment cannot be moved once it is made, so it is made in its place; the stamp comes last.
    shutil.rmtree(home, ignore_errors=True)
    run("making a virtual environment (Debian: apt-get install python3-venv)", [sys.executable, "-m", "venv", home])
    command = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    # Compiling all of azure-cli takes longer than running the part of it that is needed here.
    command += ["--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", requirements]
    run("installing the pinned packages", command)
    run("checking that the packages fit together", [home / "bin" / "python", "-m", "pip", "check", "--disable-pip-version-check"])
    stamp.write_text(key)
    return home / "bin"


def fingerprint(requirements, home):
    """What an installation was made from: the pins, this program, the interpreter, and where it lies."""
    parts = [requirements.read_bytes(), Path(__file__).read_bytes(), sys.version.encode()]
    parts += [sys.executable.encode(), str(home).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest() + "\n"


def run(doing, command):
    finished = subprocess.run(
        list(map(str, command)),
        env=setup.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if finished.returncode != 0:
        raise InstallationFailed(f"{doing}:\n{finished.stdout.strip()}")
