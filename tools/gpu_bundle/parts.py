"""Writes one stream as files of at most a given size, with a list of their SHA-256s."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

LIST = "parts.sha256"


class Parts(io.RawIOBase):
    """A file to write to that is cut into `part-01.tar.gz`, `part-02.tar.gz`, …"""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self._folder = folder
        self._most_bytes = most_bytes
        self._digests: list[str] = []
        self._file: io.BufferedWriter | None = None
        self._digest = hashlib.sha256()
        self._room = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        block = memoryview(data)  # type: ignore[arg-type]
        written = 0
        while written < len(block):
            if self._file is None or self._room == 0:
                self._next()
            piece = block[written : written + self._room]
            assert self._file is not None
            self._file.write(piece)
            self._digest.update(piece)
            self._room -= len(piece)
            self.sizes[-1] += len(piece)
            written += len(piece)
        return written

    def close(self) -> None:
        if not self.closed:
            self._end()
            lines = [f"{digest}  {_name(n)}\n" for n, digest in enumerate(self._digests, 1)]
            (self._folder / LIST).write_text("".join(lines))
        super().close()

    def _next(self) -> None:
        self._end()
        self.sizes.append(0)
        self._file = (self._folder / _name(len(self.sizes))).open("wb")
        self._digest = hashlib.sha256()
        self._room = self._most_bytes

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._digests.append(self._digest.hexdigest())


def _name(number: int) -> str:
    return f"part-{number:02}.tar.gz"
