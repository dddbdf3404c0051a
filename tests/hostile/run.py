"""Attacks a server with the corpus and checks each answer, its time, and the server's memory.

    python3 -m tests.hostile.run

HOSTILE_REQUESTS is how many requests the mix has (10000), HOSTILE_SEED what its chance begins with (1).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import http2, slow
from .client import WAYS, Answer, as_body, exchange
from .keys import Key, make, misplaced, revoke, shown
from .pictures import corpus
from .pictures.item import FINE, Picture
from .requests import RawRequest, requests
from .server import ROOT, Server, running

REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "10000"))
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
# What is asked of a machine of its own is not asked of one that others use too.
FACTOR = float(os.environ.get("HOSTILE_TIME_FACTOR", "20"))
AT_ONCE = 64
REFUSED_SECONDS, DECODED_SECONDS = 0.05, 0.5
PEAK_BYTES = 512 << 20
SETTLED_BYTES, SETTLED_SECONDS = 64 << 20, 30
# Bodies above this are sent once in a while, so that the mix is about answers and not about copying.
LARGE_BYTES, LARGE_EVERY = 1 << 20, 200
WORST_SECONDS = 20

COFFEE = (ROOT / "assets/samples/coffee.jpg").read_bytes()


@dataclass
class Report:
    """What was seen, and what of it must not be."""

    faults: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def check(self, holds: bool, fault: str) -> None:
        """Notes a fault, unless this holds."""
        if not holds:
            self.faults.append(fault)

    def say(self, line: str) -> None:
        """Prints a line, and keeps it."""
        print(line, flush=True)
        self.lines.append(line)

    def conclude(self) -> int:
        """Prints what must not be; the status that the process ends with."""
        faults = Counter(self.faults)
        for fault, count in faults.most_common(100):
            print(f"FAULT ({count} ×): {fault}", file=sys.stderr)
        print("no fault" if not faults else f"{len(faults)} faults")
        return 1 if faults else 0


@dataclass
class Attack:
    """One run against one server."""

    server: Server
    report: Report
    pictures: list[Picture]
    raws: list[RawRequest]

    async def good(self) -> float:
        """Asks for what must be answered, as often as the server says; how long the last took."""
        data = as_body(COFFEE, "classifier")
        for _ in range(60):
            answer = await exchange(self.server.port, data)
            if not answer.is_refusal_for_now():
                break
            await asyncio.sleep(float(answer.headers["retry-after"]))
        label = None
        if answer.status == 200:
            label = json.loads(answer.body)["images"][0]["results"][0]["label"]
        self.report.check(label == "espresso", f"a good picture got {answer} and {label!r}")
        return answer.seconds

    def judge(self, picture: Picture, answer: Answer) -> None:
        """Whether a picture got an answer that it may get."""
        if answer.is_refusal_for_now():
            return
        got = (answer.status, answer.code())
        expected = ", ".join(sorted(f"{status} {code or ''}".strip() for status, code in picture.expect))
        self.report.check(got in picture.expect, f"{picture.name}: {answer}, expected {expected}")
        if answer.status != 200 and answer.body:
            kind = answer.headers.get("content-type")
            document = json.loads(answer.body)
            sound = kind == "application/problem+json" and document.get("request_id") and document.get("detail")
            self.report.check(bool(sound), f"{picture.name}: not a problem document: {answer.body[:200]!r}")

    def judge_raw(self, request: RawRequest, answer: Answer) -> None:
        """Whether a raw request got an answer that it may get, and one alone where there may be one alone."""
        if request.only:
            self.report.check(b"HTTP/1." not in answer.rest, f"{request.name}: a second answer: {answer.rest[:100]!r}")
        refused = answer.is_refusal_for_now()
        if request.never_fits() and answer.code() is None:
            # Other protocols say no code. There 429 is for what may fit later; for want of memory it is 503.
            refused = refused and answer.status == 503
        fine = answer.status in request.expect or refused
        self.report.check(fine, f"{request.name}: {answer}, expected {sorted(request.expect)}")

    async def alone(self) -> None:
        """Each item, one after the other, against the clock."""
        times: list[tuple[float, float, str]] = []
        for picture in self.pictures:
            answer = await exchange(self.server.port, as_body(picture.data, "classifier"))
            self.judge(picture, answer)
            allowed = DECODED_SECONDS if answer.status == 200 else REFUSED_SECONDS
            times.append((answer.seconds / allowed, answer.seconds, picture.name))
            self.report.check(answer.seconds < allowed * FACTOR, f"{picture.name}: {answer}, expected within {allowed} s")
        for request in self.raws:
            self.judge_raw(request, await exchange(self.server.port, request.data, to_end=request.only))
        above = [time for time in times if 1 < time[0]]
        self.report.say(f"alone: {len(self.pictures)} pictures, {len(self.raws)} raw requests; "
                        f"{len(above)} pictures took longer than {REFUSED_SECONDS} s refused or {DECODED_SECONDS} s decoded")
        for _, seconds, name in sorted(times, reverse=True)[:8]:
            self.report.say(f"  {seconds * 1000:8.0f} ms  {name}")

    async def one(self, number: int, choice: random.Random) -> str:
        """The next request of a mix, one in ten of them good; what it was answered."""
        if number % 10 == 0:
            await self.good()
            return "200, good"
        if number % 10 < 4:
            request = choice.choice([one for one in self.raws if len(one.data) < LARGE_BYTES])
            answer = await exchange(self.server.port, request.data)
            self.judge_raw(request, answer)
            return f"{answer.status}, raw"
        large = number % LARGE_EVERY == 5
        picture = choice.choice([one for one in self.pictures if large == (LARGE_BYTES <= len(one.data))])
        way, model = choice.choice(WAYS), choice.choice(["classifier", "detector"])
        answer = await exchange(self.server.port, way(picture.data, model))
        self.judge(picture, answer)
        return f"{answer.status} {answer.code() or ''}".strip()

    async def mix(self) -> None:
        """So many requests at random."""
        choice = random.Random(SEED)
        answers: Counter[str] = Counter()
        numbers = iter(range(REQUESTS))

        async def work() -> None:
            for number in numbers:
                answers[await self.one(number, choice)] += 1

        begun = time.monotonic()
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        seconds = time.monotonic() - begun
        self.report.say(f"mix: {REQUESTS} requests, {AT_ONCE} at once, in {seconds:.0f} s")
        for what, count in answers.most_common():
            self.report.say(f"  {count:8} × {what}")

    async def frames(self) -> None:
        """Connections of HTTP/2, all at once; each is answered or ended, and none is held."""
        corpus = list(http2.attacks())
        ends = await asyncio.gather(*(http2.play(self.server.port, frames) for frames in corpus))
        for frames, end in zip(corpus, ends):
            self.report.check(end.seconds is not None, f"{frames.name}: held for more than {http2.GONE_SECONDS} s")
            self.report.check(end.answered or not frames.answered, f"{frames.name}: not answered with 200")
        times = [end.seconds for end in ends if end.seconds is not None]
        self.report.say(f"HTTP/2: {len(corpus)} connections, the last ended after {max(times):.1f} s")

    async def worst(self, base: int) -> None:
        """What takes the most memory, as many at once as a mix has, with good requests beside."""
        names = ("bomb", "scans", "7000x7000", "8000x8000", "16000x16000", "12000", "12 megapixels")
        heavy = [picture for picture in self.pictures if any(name in picture.name for name in names)]
        until = time.monotonic() + WORST_SECONDS
        peak, goods = 0, []

        async def attack(number: int) -> None:
            while time.monotonic() < until:
                picture = heavy[number % len(heavy)]
                self.judge(picture, await exchange(self.server.port, as_body(picture.data, "classifier")))
                number += 1

        async def watch() -> None:
            nonlocal peak
            while time.monotonic() < until:
                peak = max(peak, self.server.resident())
                await asyncio.sleep(0.02)

        async def behave() -> None:
            while time.monotonic() < until:
                goods.append(await self.good())
                await asyncio.sleep(1.0)

        await asyncio.gather(watch(), behave(), *(attack(number) for number in range(AT_ONCE)))
        grown = peak - base
        self.report.say(f"worst: {len(heavy)} pictures, {AT_ONCE} at once: {grown >> 20} MiB above {base >> 20} MiB; "
                        f"{len(goods)} good requests, the slowest in {max(goods):.2f} s")
        self.report.check(grown <= PEAK_BYTES, f"memory grew by {grown >> 20} MiB, at most {PEAK_BYTES >> 20} are allowed")

    async def slowly(self) -> None:
        """Slow connections, and what they cost the others."""
        before = [await self.good() for _ in range(50)]
        holding = asyncio.ensure_future(slow.hold(self.server.port))
        during = []
        while not holding.done():
            during.append(await self.good())
        held = holding.result()
        ratio = _p99(during) / _p99(before)
        self.report.say(f"slow: {len(held)} connections, the last gone after {max(held):.1f} s; "
                        f"p99 of good requests {ratio:.2f} × that without")
        allowed = slow.GONE_SECONDS * 1.2
        self.report.check(max(held) <= allowed, f"a slow connection was held for {max(held):.1f} s")

    async def settles(self, base: int, descriptors: int) -> None:
        """Memory and descriptors go back to what they were."""
        until = time.monotonic() + SETTLED_SECONDS
        while base + SETTLED_BYTES < self.server.resident() and time.monotonic() < until:
            await asyncio.sleep(0.5)
        left, open_ = self.server.resident() - base, self.server.descriptors() - descriptors
        self.report.say(f"after: {left >> 20} MiB and {open_} descriptors more than before")
        self.report.check(left <= SETTLED_BYTES, f"{left >> 20} MiB more than before, {SETTLED_SECONDS} s after the end")
        self.report.check(open_ <= 16, f"{open_} descriptors more than before")

    async def guarded(self) -> None:
        """The same corpus, and some more, with keys, on a server that wants them; none of them shows anywhere."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "keys.toml"
            scopes = [part for scope in ("infer:*", "describe:*", "admin:*") for part in ("--scope", scope)]
            every, narrow, past = make(file, *scopes), make(file, "--rate", "5"), make(file)
            revoke(file, past)
            with running("--access-keys", file, "--log-filter", "info,ocellus=trace") as server:
                inner = Attack(server, self.report, self.pictures, self.raws)
                for request in self.raws:
                    data = shown(every, request.data)
                    if len(data) < LARGE_BYTES and data != request.data:
                        inner.judge_raw(request, await exchange(server.port, data))
                for picture in self.pictures:
                    for key, header in ((every, "authorization: Bearer"), (narrow, "x-api-key:"), (past, "x-api-key:")):
                        if len(picture.data) < LARGE_BYTES:
                            answer = await exchange(server.port, shown(key, as_body(picture.data, "classifier"), header))
                            if answer.status != (401 if key is past else 429):
                                inner.judge(picture, answer)
                for key in (every, narrow, past):
                    for number, data in enumerate(misplaced(key)):
                        answer = await exchange(server.port, data)
                        self.report.check(0 < answer.status < 500, f"misplaced key {number}: {answer}")
                self.report.check(server.is_alive(), "the server with keys has ended")
                inner.silent([every, narrow, past])

    def silent(self, keys: list[Key] | None = None) -> None:
        """Nothing of a picture or a key is in the log or in the metrics, and no handler panicked."""
        log = self.server.log.read_bytes()
        for where, text in (("the log", log), ("/metrics", self.server.metrics())):
            for picture in [*self.pictures, Picture("coffee", COFFEE, frozenset({FINE}))]:
                middle = len(picture.data) // 2
                piece = picture.data[middle : middle + 24]
                if len(set(piece)) < 12:
                    continue
                for form in (piece, base64.b64encode(piece[: len(piece) // 3 * 3]).rstrip(b"=")):
                    self.report.check(form not in text, f"{picture.name}: a piece of it is in {where}")
            for key in keys or []:
                for what, trace in key.traces().items():
                    at = text.find(trace)
                    line = text[text.rfind(b"\n", 0, at) + 1 : at]
                    self.report.check(at < 0, f"{what} is in {where}: {line[-300:]!r}…")
        self.report.check(b"panicked" not in log, "a handler panicked; the log says where")
        what = "a picture or a key" if keys else "a picture"
        self.report.say(f"log: {len(log) >> 10} KiB, {what} looked for in it and in /metrics")


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


async def attack(server: Server) -> Report:
    """Everything, one after the other."""
    pictures, raws, report = corpus(SEED), requests(), Report()
    run = Attack(server, report, pictures, raws)
    for _ in range(20):
        await run.good()
    base, descriptors = server.resident(), server.descriptors()
    steps: list[Callable[[], object]] = [run.alone, run.mix, lambda: run.worst(base), run.slowly, run.frames, lambda: run.settles(base, descriptors)]
    for step in steps:
        await step()  # type: ignore[misc]
        report.check(server.is_alive(), "the server has ended")
        if not server.is_alive():
            return report
    run.silent()
    await run.guarded()
    return report


def main() -> int:
    """Runs, and prints what must not be."""
    with running() as server:
        report = asyncio.run(attack(server))
        ended = not server.is_alive()
        if ended:
            print(server.log.read_text()[-4000:], file=sys.stderr)
    return report.conclude()


if __name__ == "__main__":
    raise SystemExit(main())
