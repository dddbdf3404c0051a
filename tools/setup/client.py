"""Runs the registries' clients and says in one line why one failed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .fault import SetupFault

# How pip and npm, before and since version 10, begin the lines that matter.
ERROR_PREFIXES = ("ERROR:", "npm error", "npm ERR!")
PIP_FOUND_ANOTHER_HASH = "DO NOT MATCH THE HASHES"


def run(command: list[str], wanted: str, folder: Path) -> None:
    """Runs a client in `folder`; `wanted` is what the message names."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupFault(f"{wanted}: {_cause(done.stderr) or f'exit status {done.returncode}'}")


def _cause(errors: str) -> str:
    if PIP_FOUND_ANOTHER_HASH in errors:
        return "refused, its SHA-256 is not the pinned one"
    lines = [line.strip() for line in errors.splitlines() if line.startswith(ERROR_PREFIXES)]
    return f"could not be fetched; is there a network? ({lines[0]})" if lines else ""
