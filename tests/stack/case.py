"""A test on a stack of its own, with the tiny models: what is asked of it, and what is waited for."""

from __future__ import annotations

import os
import subprocess
import time
import unittest
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tools.stack.stack import ROOT, Choices, Server, Stack, running

from .load import Answer, Load, asking
from .picture import red_picture

CLIENTS = 4
SOON = 30.0


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str | None]]:
    return Counter((answer.status, answer.code) for answer in answers)


class StackCase(unittest.TestCase):
    stack: Stack

    @classmethod
    def setUpClass(cls) -> None:
        binary = Path(os.environ.get("OCELLUS_STACK_BINARY", Choices.binary))
        context = running(Choices(binary=binary, models=ROOT / "tests/models"))
        cls.stack = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)

    def load(self, gateway: Server, clients: int = CLIENTS) -> AbstractContextManager[Load]:
        return asking(gateway.port, "/v1/models/colors/infer", red_picture(), clients)

    def wait(self, what: str, reached: Callable[[], bool], seconds: float = SOON) -> None:
        end = time.monotonic() + seconds
        while not reached():
            self.assertLess(time.monotonic(), end, f"{what}, not within {seconds:.0f} s")
            time.sleep(0.02)

    def until_answered(self, load: Load, seconds: float = SOON) -> float:
        """Waits for a good answer to a request that begins from now on; gives when it began."""
        begun = time.monotonic()
        self.wait("an answer", lambda: any(a.status == 200 for a in load.since(begun)), seconds)
        return next(a.begun for a in load.since(begun) if a.status == 200)

    def swap(self, load: Load, version: int) -> None:
        """Has another version served, and waits until it is."""
        self.wish(version).check_returncode()
        begun = time.monotonic()
        answered = lambda: any(  # noqa: E731
            a.status == 200 and a.body["model"]["version"] == version for a in load.since(begun)
        )
        self.wait(f"version {version}", answered)

    def wish(self, version: int) -> subprocess.CompletedProcess[bytes]:
        """Writes down that another version is to serve."""
        command = [self.stack.choices.binary, "models", "policy", "colors", "specific", str(version)]
        return subprocess.run(command, env=self.stack.environment, capture_output=True)

    def metrics(self, server: Server) -> list[str]:
        url = f"http://127.0.0.1:{server.operations_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode().splitlines()

    def available(self, core: Server) -> list[str]:
        """Lines of a core's metrics that say which versions serve."""
        lines = self.metrics(core)
        return [line for line in lines if line.startswith("ocellus_model_available{") and line.endswith(" 1")]

    def assert_all_answered(self, answers: list[Answer]) -> None:
        self.assertEqual(set(outcomes(answers)), {(200, None)}, outcomes(answers))
