"""Files that are there whole and with a known content, or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

READ_BYTES = 1 << 20


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def has_digest(path: Path, expected: str) -> bool:
    return path.is_file() and sha256(path) == expected


def write(path: Path, content: bytes) -> None:
    """Replaces a file in one step: a reader, or a killed run, sees the old content or the new."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        partial.chmod(0o644)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
