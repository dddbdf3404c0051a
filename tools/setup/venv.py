"""The virtual environment of set-up, apart from the system's packages."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from . import client, whole_file
from .fault import SetupFault
from .places import Places

HERE = Path(__file__).parent
OLDEST_FOR_PACKAGES = (3, 10)
PIP_INSTALL = (
    *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=2"),
    *("--require-hashes", "--only-binary=:all:"),
)


def python(places: Places) -> Path:
    """The environment's interpreter, made with pip alone if it is not there."""
    interpreter = places.venv / "bin" / "python"
    made_by = places.venv / "made-by"
    version = "{}.{}".format(*sys.version_info)
    if interpreter.exists() and made_by.is_file() and made_by.read_text() == version:
        return interpreter
    print(f"making a virtual environment in {places.named(places.venv)}", flush=True)
    # In a process of its own: an incomplete venv module fails there in more than one way.
    command = [sys.executable, "-m", "venv", "--clear", str(places.venv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(places.venv, ignore_errors=True)
        output = (done.stdout + done.stderr).strip()
        if "ensurepip" in output or "No module named venv" in output:
            raise SetupFault("Python's venv module is incomplete: apt-get install python3-venv")
        raise SetupFault(f"no virtual environment could be made: {output.splitlines()[-1]}")
    whole_file.write(made_by, version.encode())
    return interpreter


def with_packages(places: Places) -> Path:
    """The interpreter, with what the converters import."""
    return _with(places, "requirements.txt")


def with_test_packages(places: Places) -> Path:
    """The interpreter, with what the tests import as well."""
    return _with(places, "requirements-test.txt")


def _with(places: Places, requirements: str) -> Path:
    if sys.version_info < OLDEST_FOR_PACKAGES:
        raise SetupFault("converting models needs Python {}.{} or newer".format(*OLDEST_FOR_PACKAGES))
    interpreter = python(places)
    wanted = HERE / requirements
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    installed = places.venv / f"{requirements}.sha256"
    if installed.is_file() and installed.read_text() == digest:
        return interpreter
    print(f"installing the packages of {places.named(wanted)}", flush=True)
    command = [str(interpreter), *PIP_INSTALL, f"--requirement={wanted}"]
    client.run(command, places.named(wanted), places.private)
    whole_file.write(installed, digest.encode())
    return interpreter
