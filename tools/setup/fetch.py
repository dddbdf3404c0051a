"""Fetches packages once, through their registries' own clients, and proves their content."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import venv, whole_file
from .fault import SetupFault
from .packages import Package, Registry
from .places import Places

PIP_DOWNLOAD = (
    *("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--retries=2"),
    *("--no-deps", "--only-binary=:all:", "--require-hashes"),
)
NPM_PACK = ("pack", "--loglevel=error", "--ignore-scripts", "--fetch-retries=1")

# Downloads a package's file into a folder.
Client = Callable[[Package, Path, Places], None]


def fetch(package: Package, places: Places, client: Client | None = None) -> Path:
    """The package's file, from the cache if it is there whole. `client` stands in for pip or npm."""
    cached = places.downloads / package.file
    if whole_file.has_digest(cached, package.sha256):
        return cached
    print(f"fetching {package} ({package.bytes / 1e6:.1f} MB)", flush=True)
    places.downloads.mkdir(parents=True, exist_ok=True)
    places.staging.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.staging) as partial:
        (client or CLIENTS[package.registry])(package, Path(partial), places)
        fetched = Path(partial) / package.file
        if not fetched.is_file():
            raise SetupFault(f"{package}: {package.registry.value} did not bring {package.file}")
        found = whole_file.sha256(fetched)
        if found != package.sha256:
            raise SetupFault(f"{package}: refused, its SHA-256 is {found} instead of {package.sha256}")
        fetched.replace(cached)
    return cached


def _pip_download(package: Package, folder: Path, places: Places) -> None:
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    command = [str(venv.python(places)), *PIP_DOWNLOAD, f"--dest={folder}", f"--requirement={requirement}"]
    if package.platform:
        command += [
            f"--platform={package.platform}",
            "--python-version=3.12",
            "--implementation=cp",
            "--abi=cp312",
        ]
    _run(command, package, folder)


def _npm_pack(package: Package, folder: Path, places: Places) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SetupFault(f"npm is needed to fetch {package}: apt-get install npm")
    # A cache of its own, inside the folder that goes away: the package is kept once, not twice.
    cache = f"--cache={folder / 'cache'}"
    _run([npm, *NPM_PACK, cache, f"{package.name}@{package.version}"], package, folder)


def _run(command: list[str], package: Package, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line.strip() for line in done.stderr.splitlines() if "error" in line.lower()]
        cause = errors[-1] if errors else f"exit status {done.returncode}"
        client = package.registry.value
        raise SetupFault(f"{package}: {client} could not fetch it; is there a network? ({cause})")


CLIENTS: dict[Registry, Client] = {Registry.PYPI: _pip_download, Registry.NPM: _npm_pack}
