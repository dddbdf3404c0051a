"""The server under attack: started, watched, stopped."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BINARY = Path(os.environ.get("OCELLUS_STACK_BINARY", ROOT / "target/release/ocellus"))
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A process that serves the demo models on loopback."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def resident(self) -> int:
        """Its memory, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) << 10  # type: ignore[union-attr]

    def descriptors(self) -> int:
        """Its open files and sockets."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextmanager
def running() -> Iterator[Server]:
    """A server of one's own, stopped as a system stops it."""
    with tempfile.TemporaryDirectory() as folder:
        out, log = Path(folder) / "out", Path(folder) / "log"
        command = [BINARY, "serve", "--http-address", "127.0.0.1:0", "--operations-address", "127.0.0.1:0"]
        with out.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(command, cwd=ROOT, stdout=stdout, stderr=stderr)
        try:
            yield Server(process, _port(process, out, log), log)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _port(process: subprocess.Popen[bytes], out: Path, log: Path) -> int:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if "Ocellus is ready" in (text := out.read_text()):
            return int(re.search(r"page and API\s+http://127\.0\.0\.1:(\d+)", text).group(1))  # type: ignore[union-attr]
        time.sleep(0.1)
    raise SystemExit(f"the server did not start:\n{log.read_text()}")
