"""Good and hostile requests for minutes, while versions change: nothing fails and nothing grows.

    python3 -m tests.hostile.soak

SOAK_MINUTES is for how long (10). The demo's classifier is swapped between its two versions all the while.

What is flat: of each half minute the least memory counts (what decoding takes for a moment is not a leak), the first
two minutes do not (arenas fill, every size of batch is met once). Through what is left the median of the slopes
between all pairs is laid (Theil and Sen), which a few odd ones do not move; over the whole run it may rise by
32 MiB, descriptors by 8.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from itertools import combinations
from pathlib import Path

from .client import exchange
from .pictures import corpus
from .requests import get, requests
from .run import SEED, Attack, Report
from .server import ROOT, Server, running

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
AT_ONCE = 16
SAMPLE_SECONDS, WINDOW_SECONDS, WARM_UP_SECONDS = 0.5, 30.0, 120.0
SWAP_SECONDS = 5.0
MEMORY_BYTES, DESCRIPTORS = 32 << 20, 8


def rise(floors: list[tuple[float, float]]) -> float:
    """How much the median slope through these makes over all of them."""
    slopes = [(later - sooner) / (end - begin) for (begin, sooner), (end, later) in combinations(floors, 2)]
    return statistics.median(slopes) * (floors[-1][0] - floors[0][0])


def floors(samples: list[tuple[float, int]]) -> list[tuple[float, float]]:
    """The least of each window, without those of the warm-up."""
    least: dict[int, int] = {}
    for at, value in samples:
        if WARM_UP_SECONDS <= at:
            window = int(at // WINDOW_SECONDS)
            least[window] = min(value, least.get(window, value))
    return [(window * WINDOW_SECONDS, value) for window, value in sorted(least.items())]


def want(model: Path, version: int) -> None:
    """Says which version is to serve."""
    part = model / "serving.part"
    part.write_text(json.dumps({"schema": 1, "policy": {"specific": [version]}}))
    part.rename(model / "serving.json")


async def soak(server: Server, model: Path) -> Report:
    """All of it, against one server."""
    report = Report()
    attack = Attack(server, report, corpus(SEED), requests())
    choice, answers = random.Random(SEED), Counter[str]()
    memory: list[tuple[float, int]] = []
    files: list[tuple[float, int]] = []
    begun, swaps, number = time.monotonic(), 0, iter(range(sys.maxsize))
    until = begun + MINUTES * 60

    async def ask() -> None:
        while time.monotonic() < until:
            answers[await attack.one(next(number), choice)] += 1

    async def sample() -> None:
        while time.monotonic() < until and server.is_alive():
            at = time.monotonic() - begun
            memory.append((at, server.resident()))
            files.append((at, server.descriptors()))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def swap() -> None:
        nonlocal swaps
        while time.monotonic() < until:
            version = swaps % 2 + 1
            want(model, version)
            wanted = time.monotonic()
            while json.loads((await exchange(server.port, get("/v1/models/classifier"))).body)["default_version"] != version:
                if 60 < time.monotonic() - wanted:
                    report.check(False, f"version {version} does not serve after a minute")
                    return
                await asyncio.sleep(0.2)
            swaps += 1
            await asyncio.sleep(SWAP_SECONDS)

    await asyncio.gather(sample(), swap(), *(ask() for _ in range(AT_ONCE)))
    report.check(server.is_alive(), "the server has ended")
    report.say(f"soak: {MINUTES:.0f} minutes, {answers.total()} requests, {AT_ONCE} at once, {swaps} swaps")
    for what, count in answers.most_common():
        report.say(f"  {count:8} × {what}")
    for what, samples, unit, most in (("memory", memory, 1 << 20, MEMORY_BYTES), ("descriptors", files, 1, DESCRIPTORS)):
        least = floors(samples)
        if len(least) < 4:
            report.say(f"{what}: not judged, it takes {(WARM_UP_SECONDS + 4 * WINDOW_SECONDS) / 60:.0f} minutes")
            continue
        risen = rise(least)
        report.say(f"{what}: from {least[0][1] / unit:.0f} to {least[-1][1] / unit:.0f} at the least, "
                   f"{max(value for _, value in samples) / unit:.0f} at the most; a rise of {risen / unit:.1f} by the median slope")
        report.check(risen <= most, f"{what} rose by {risen / unit:.1f}, at most {most / unit:.0f} are allowed")
    return report


def main() -> int:
    """Runs, and prints what must not be."""
    with tempfile.TemporaryDirectory(prefix="ocellus-soak-") as folder:
        models = Path(folder) / "models"
        for version in ("classifier/1", "classifier/2", "detector/1"):
            shutil.copytree(ROOT / "models" / version, models / version)
        want(models / "classifier", 1)
        with running("--models", models, "--cache-folder", Path(folder) / "cache") as server:
            report = asyncio.run(soak(server, models / "classifier"))
    return report.conclude()


if __name__ == "__main__":
    raise SystemExit(main())
