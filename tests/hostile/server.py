"""The server under attack: started, watched, stopped."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
import urllib.request
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
    operations_port: int
    log: Path

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def resident(self) -> int:
        """Its memory, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) << 10  # type: ignore[union-attr]

    def metrics(self) -> bytes:
        """What it measures."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operations_port}/metrics", timeout=30) as answer:
            return answer.read()

    def descriptors(self) -> int:
        """Its open files and sockets."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextmanager
def running(*arguments: str | Path) -> Iterator[Server]:
    """A server of one's own, stopped as a system stops it; with more arguments than it needs, if any."""
    with tempfile.TemporaryDirectory() as folder:
        out, log = Path(folder) / "out", Path(folder) / "log"
        command = [BINARY, "serve", "--http-address", "127.0.0.1:0", "--operations-address", "127.0.0.1:0", *arguments]
        with out.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(command, cwd=ROOT, stdout=stdout, stderr=stderr)
        try:
            said = _welcome(process, out, log)
            yield Server(process, _port("page and API", said), _port("operations", said), log)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _welcome(process: subprocess.Popen[bytes], out: Path, log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if (text := out.read_text()).count("\n") >= 4:
            return text
        time.sleep(0.1)
    raise SystemExit(f"the server did not start:\n{log.read_text()}")


def _port(what: str, said: str) -> int:
    return int(re.search(rf"{what}\s+http://127\.0\.0\.1:(\d+)", said).group(1))  # type: ignore[union-attr]
