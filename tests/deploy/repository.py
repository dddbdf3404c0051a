"""The files that are checked, and the tools that read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = DEPLOY / "Dockerfile"
DASHBOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
# What `make keys` writes to .env.
KEYS = {
    "OCELLUS_STORE_ACCESS_KEY": "access",
    "OCELLUS_STORE_SECRET_KEY": "secret",
    "OCELLUS_GRAFANA_PASSWORD": "password",
}


def tool(name: str) -> str:
    """A program that a package of the requirements brought."""
    return str(Path(sys.executable).with_name(name))


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def compose(*files: Path, keys: dict[str, str] = KEYS) -> subprocess.CompletedProcess[str]:
    """`docker compose config`: the files as compose understands them, as JSON."""
    command = [tool("docker-compose"), "--env-file", os.devnull]
    for file in files:
        command += ["--file", str(file)]
    environment = {"HOME": os.environ.get("HOME", "/"), "PATH": os.environ["PATH"], **keys}
    return subprocess.run(
        [*command, "config", "--format", "json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def services() -> dict[str, dict[str, Any]]:
    done = compose(COMPOSE)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)["services"]
