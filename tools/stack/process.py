"""A process of the stack: it is started with a log file, watched until it is ready, and ended."""

from __future__ import annotations

import http.client
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .fault import StackFault
from .ports import HOST

LOOKS_A_SECOND = 20
LAST_LINES = 5


class Process:
    """A child in a session of its own, so that Ctrl-C reaches it through `stop` alone."""

    def __init__(
        self, name: str, command: Sequence[str | Path], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = [str(part) for part in command]
        self._environment = dict(environment)
        self.start()

    def start(self, **changed: str) -> None:
        """Starts it, or starts it again after its end, with the same command; with some variables changed."""
        try:
            with self.log.open("ab") as log:
                self._child = subprocess.Popen(
                    self._command,
                    env={**self._environment, **changed},
                    cwd=self.log.parent,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise StackFault(f"{self.name} cannot be started: {self._command[0]}: {error.strerror}") from None

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_status(self) -> int | None:
        """`None` while it runs."""
        return self._child.poll()

    def wait_until_ready(self, port: int, path: str, seconds: float) -> None:
        """Returns once the process answers a GET with 200."""
        end = time.monotonic() + seconds
        while not _answers(port, path):
            self.check()
            if time.monotonic() > end:
                raise StackFault(f"{self.name} was not ready within {seconds:.0f} s{self._said()}")
            time.sleep(1 / LOOKS_A_SECOND)

    def check(self) -> None:
        """Raises if the process has ended."""
        if self.exit_status is not None:
            raise StackFault(f"{self.name} ended with status {self.exit_status}{self._said()}")

    def wait_until_done(self, seconds: float) -> None:
        """Returns once the process has ended well."""
        try:
            status = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StackFault(f"{self.name} was not done within {seconds:.0f} s{self._said()}") from None
        if status != 0:
            self.check()

    def stop(self, seconds: float = 10) -> None:
        """Asks it to end, and ends it if it does not."""
        if self.exit_status is None:
            self._child.terminate()
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Ends it without asking."""
        self._child.kill()
        self._child.wait()

    def _said(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
        return "; its last lines:" + "".join(f"\n  {line}" for line in lines) if lines else ""


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
