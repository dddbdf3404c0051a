"""A server whose wall clock jumps while it is asked; `clock.c` tells it another time."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from tools.stack.stack import ROOT, Server

from .alone import HOST, serving
from .load import Load, asking
from .picture import red_picture

DAY = 24 * 3600
SOON = 15.0
LONGEST_SECONDS = 5.0


def last_poll(server: Server) -> float:
    """When the models were last looked at, by the server's clock."""
    with urllib.request.urlopen(f"http://{HOST}:{server.operations_port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    name = "ocellus_source_last_success_timestamp_seconds "
    return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))


class Clock(unittest.TestCase):
    def test_jumps_of_the_wall_clock_cost_nothing(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            models, clock = Path(folder) / "models", Path(folder) / "clock"
            shutil.copytree(ROOT / "tests/models/colors", models / "colors")
            library = Path(folder) / "clock.so"
            source = ROOT / "tests/stack/clock.c"
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source], check=True)
            clock.write_bytes(bytes(8))
            settings = {
                "LD_PRELOAD": str(library),
                "OCELLUS_TEST_CLOCK": str(clock),
                "OCELLUS_SOURCE_POLL_MS": "200",
                "OCELLUS_SOURCE_LIST_MS": "200",
            }
            with serving(models, **settings) as server:
                with asking(server.port, "/v1/models/colors/infer", red_picture(), clients=2) as load:
                    for turn, days in enumerate((400, -400, 0, 4000)):
                        self.jump(server, clock, days)
                        self.swap(models, turn % 2 + 1, load)
                self.assert_ends(server)
        for answer in load.answers:
            self.assertEqual(answer.status, 200, answer)
            self.assertLess(answer.seconds, LONGEST_SECONDS, answer)

    def jump(self, server: Server, clock: Path, days: int) -> None:
        """Sets the server's clock, and waits until what it says of its last poll shows it."""
        with clock.open("r+b") as file:
            file.write(struct.pack("=q", days * DAY))
        self.wait(f"its time is {days} days off", lambda: abs(last_poll(server) - time.time() - days * DAY) < DAY / 2)

    def swap(self, models: Path, version: int, load: Load) -> None:
        """Has another version served: what is polled and loaded goes on, whatever the time."""
        part = models / "colors/serving.part"
        part.write_text(json.dumps({"schema": 1, "policy": {"specific": [version]}}))
        part.rename(models / "colors/serving.json")
        begun = time.monotonic()
        self.wait(f"version {version} serves", lambda: any(
            answer.body["model"]["version"] == version for answer in load.since(begun) if answer.status == 200
        ))

    def wait(self, what: str, reached) -> None:  # type: ignore[no-untyped-def]
        end = time.monotonic() + SOON
        while not reached():
            self.assertLess(time.monotonic(), end, f"{what}, not within {SOON:.0f} s")
            time.sleep(0.05)

    def assert_ends(self, server: Server) -> None:
        begun = time.monotonic()
        server.process.stop(20)
        self.assertEqual(server.process.exit_status, 0)
        self.assertLess(time.monotonic() - begun, 20)


if __name__ == "__main__":
    unittest.main()
