"""Cores that are killed, frozen and stopped, and versions that change, under a gateway's load.

`OCELLUS_TEST_KILLS` and `OCELLUS_TEST_SWAPS` ask for more of each; `make chaos` does.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
import unittest
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tools.stack.stack import ROOT, Choices, Server, Stack, running

from .load import Answer, Load, asking

KILLS = int(os.environ.get("OCELLUS_TEST_KILLS", "5"))
SWAPS = int(os.environ.get("OCELLUS_TEST_SWAPS", "20"))
CLIENTS = 4
SOON = 30.0
NOTICED = 10.0
"""Time within which a frozen core is given up."""


def red_picture(side: int = 8) -> bytes:
    """A PNG that is red all over."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str | None]]:
    return Counter((answer.status, answer.code) for answer in answers)


class Faults(unittest.TestCase):
    stack: Stack

    @classmethod
    def setUpClass(cls) -> None:
        binary = Path(os.environ.get("OCELLUS_STACK_BINARY", Choices.binary))
        context = running(Choices(binary=binary, models=ROOT / "tests/models"))
        cls.stack = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)

    def load(self, gateway: Server, clients: int = CLIENTS):  # type: ignore[no-untyped-def]
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

    def assert_refused_well(self, answers: list[Answer]) -> None:
        """Those that failed were told so: unavailable for now, and when to come back."""
        for answer in answers:
            if answer.status != 200:
                self.assertEqual(answer.status, 503, answer)
                self.assertIn(answer.code, ("core_unavailable", "model_not_ready"), answer)
                self.assertIsNotNone(answer.retry_after, answer)

    def test_a_core_that_is_killed_takes_only_its_requests_along(self) -> None:
        core = self.stack.core
        with self.load(self.stack.gateway) as load:
            for _ in range(KILLS):
                self.until_answered(load)
                core.process.kill()
                killed = time.monotonic()
                self.wait("a refusal", lambda: any(a.status != 200 for a in load.since(killed)))
                core.process.start()
                core.wait_until_ready()
                ready = time.monotonic()
                self.assertLess(self.until_answered(load) - ready, 3, "it is found again soon")
        self.assert_refused_well(load.answers)
        for answer in load.answers:
            self.assertLess(answer.seconds, 10, answer)

    def test_a_frozen_core_is_given_up_and_found_again(self) -> None:
        core = self.stack.core
        with self.load(self.stack.gateway) as load:
            self.until_answered(load)
            os.kill(core.process.pid, signal.SIGSTOP)
            frozen = time.monotonic()
            try:
                refused = lambda: any(a.status == 503 for a in load.since(frozen))  # noqa: E731
                self.wait("a refusal", refused, NOTICED)
            finally:
                os.kill(core.process.pid, signal.SIGCONT)
            self.until_answered(load, 5)
        self.assert_refused_well(load.answers)

    def test_the_other_core_takes_over(self) -> None:
        second = self.stack.add_core("second")
        third = self.stack.add_core("third")
        gateway = self.stack.add_gateway("two", [second, third])
        both = lambda: len(self.serving(second)) and len(self.serving(third))  # noqa: E731
        self.wait("both cores", lambda: bool(both()))
        with self.load(gateway) as load:
            self.until_answered(load)
            second.process.kill()
            killed = time.monotonic()
            time.sleep(1)
            after = load.since(killed + 0.1)
            self.assertTrue(after)
            self.assertEqual({a.status for a in after}, {200}, outcomes(after))
            lost = [a for a in load.answers if a.status != 200]
            self.assertLessEqual(len(lost), CLIENTS, "only what it worked on")
            second.process.start()
            second.wait_until_ready()
            self.until_answered(load)
            os.kill(third.process.pid, signal.SIGSTOP)
            frozen = time.monotonic()
            time.sleep(NOTICED)
            late = [a for a in load.since(frozen + NOTICED / 2) if a.status != 200]
            os.kill(third.process.pid, signal.SIGCONT)
            self.assertEqual(late, [], "once it is given up, nothing fails")
        self.assert_refused_well(load.answers)

    def test_a_core_that_is_told_to_stop_loses_nothing(self) -> None:
        second = self.stack.add_core("leaving")
        third = self.stack.add_core("staying")
        gateway = self.stack.add_gateway("three", [second, third])
        with self.load(gateway) as load:
            self.until_answered(load)
            second.process.stop()
            self.until_answered(load)
        self.assertEqual(set(outcomes(load.answers)), {(200, None)}, outcomes(load.answers))

    def test_swaps_through_gateway_and_core_lose_nothing(self) -> None:
        digests: dict[int, set[str]] = {}
        with self.load(self.stack.gateway) as load:
            for turn in range(SWAPS):
                self.swap(load, turn % 2 + 1)
        for answer in load.answers:
            self.assertEqual(answer.status, 200, answer)
            model = answer.body["model"]
            digests.setdefault(model["version"], set()).add(model["digest"])
            self.assertEqual(answer.body["images"][0]["results"][0]["label"], "red")
        self.assertEqual({version: len(each) for version, each in digests.items()}, {1: 1, 2: 1})

    def swap(self, load: Load, version: int) -> None:
        command = [self.stack.choices.binary, "models", "policy", "colors", "specific", str(version)]
        subprocess.run(command, env=self.stack.environment, check=True, capture_output=True)
        begun = time.monotonic()
        answered = lambda: any(  # noqa: E731
            a.status == 200 and a.body["model"]["version"] == version for a in load.since(begun)
        )
        self.wait(f"version {version}", answered)

    def serving(self, core: Server) -> list[str]:
        """Lines of a core's metrics that say which versions serve."""
        import urllib.request

        url = f"http://127.0.0.1:{core.operations_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return [line for line in lines if line.startswith("ocellus_model_available{") and line.endswith(" 1")]
