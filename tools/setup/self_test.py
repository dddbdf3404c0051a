"""Runs the tests of this tooling in its own environment."""

from __future__ import annotations

import subprocess

from . import labels, venv
from .fault import SetupFault
from .places import Places


def run(places: Places) -> None:
    """Fetches what the tests compare with, then runs them; they fetch nothing themselves."""
    labels.derive(places)
    command = [str(venv.with_test_packages(places)), "-m", "unittest", "discover"]
    command += ["--top-level-directory", ".", "--start-directory", "tools/setup/tests"]
    if subprocess.run(command, cwd=places.root, check=False).returncode != 0:
        raise SetupFault("a test failed")
