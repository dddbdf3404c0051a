"""What a server does with more work than it can do, and what one greedy key does to the others.

Starts `ocellus serve` with keys of its own and asks its classifier, over connections that are kept, with
requests that are made beforehand. First as fast as it answers, for its capacity. Then on a clock, whatever
becomes of the answers: four times that, then half of it; then four keys at 15 % of it each, of which one goes
to ten times its part. Times count from when a request was due, so a late generator makes them worse.

Needs the release binary and the demo models: `make bench-overload`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.clients import PICTURE, ROOT, answers, free_port, wait_for

KEYS = ("a", "b", "c", "d")


class Connection(asyncio.Protocol):
    """One request at a time: bytes that are ready out, a status and a whole body in."""

    def connection_made(self, transport) -> None:
        self.transport, self.answer, self.buffer = transport, None, b""

    def ask(self, request: bytes) -> asyncio.Future:
        self.answer, self.buffer = asyncio.get_running_loop().create_future(), b""
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if length <= len(body) and not self.answer.done():
            self.answer.set_result((int(head[9:12]), b"retry-after:" in head.lower()))

    def connection_lost(self, error) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_result((0, False))


class Load:
    """Requests to one server, and what became of each: when it was due, what it took, its status."""

    def __init__(self, port: int, keys: dict[str, str], body: bytes) -> None:
        self.port, self.idle, self.opened, self.late = port, [], 0, []
        self.requests = {
            name: (
                f"POST /v1/models/classifier/infer HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Authorization: Bearer {key}\r\nContent-Type: image/jpeg\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode() + body
            for name, key in keys.items()
        }

    async def ask(self, key: str, due: float, taken: list) -> None:
        while self.idle:
            connection = self.idle.pop()
            if not connection.transport.is_closing():
                break
        else:
            self.opened += 1
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, "127.0.0.1", self.port)
        status, advised = await connection.ask(self.requests[key])
        taken.append((due, time.monotonic() - due, status, advised))
        self.idle.append(connection)

    async def closed(self, clients: int, seconds: float) -> float:
        """Answers a second when so many clients ask again as soon as they have theirs."""
        end, taken = time.monotonic() + seconds, []

        async def client(key: str) -> None:
            while (now := time.monotonic()) < end:
                await self.ask(key, now, taken)

        await asyncio.gather(*(client(KEYS[number % len(KEYS)]) for number in range(clients)))
        return len([one for one in taken if one[2] == 200]) / seconds

    async def open(self, key: str, rate: float, seconds: float, seed: int = 0) -> list:
        """Asks at random times, at a rate on average (Poisson), whatever the answers take."""
        chance, taken, running = random.Random(f"{key} {seed}"), [], set()
        due = time.monotonic()
        end = due + seconds
        while (due := due + chance.expovariate(rate)) < end:
            if 0 < (early := due - time.monotonic()):
                await asyncio.sleep(early)
            self.late.append(time.monotonic() - due)
            task = asyncio.create_task(self.ask(key, due, taken))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        return taken


def percentile(times: list[float], share: float) -> float:
    times = sorted(times)
    return times[min(len(times) - 1, int(share * len(times)))] * 1000 if times else float("nan")


class Processors:
    """How much of the processors the server and this generator took."""

    def __init__(self, server: int) -> None:
        self.server, self.begun = server, (time.monotonic(), *self.seconds(server))

    @staticmethod
    def seconds(server: int) -> tuple[float, float]:
        fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK"), time.process_time()

    def __str__(self) -> str:
        begun, served, asked = self.begun
        now = self.seconds(self.server)
        spent = time.monotonic() - begun
        return f"processors: server {(now[0] - served) / spent:.2f}, generator {(now[1] - asked) / spent:.2f}"


def times(taken: list, status: int | None = None) -> list[float]:
    return [one[1] for one in taken if status is None or one[2] == status]


async def overload(load: Load, capacity: float, options: argparse.Namespace) -> None:
    load.late.clear()
    load.opened = 0
    begun, processors = time.monotonic(), Processors(options.server)
    each = await asyncio.gather(
        *(load.open(key, 4 * capacity / len(KEYS), options.seconds, seed=1) for key in KEYS)
    )
    taken, processors = [one for ones in each for one in ones], str(processors)
    refused = [one for one in taken if one[2] == 503]
    good = [one for one in taken if one[2] == 200]
    # Those that are due in the overload and answered in it: the rest is answered in the time after.
    in_time = [one for one in good if one[0] + one[1] < begun + options.seconds]
    goodput = len(in_time) / options.seconds
    print(
        f"4x: {len(taken) / options.seconds:.0f} requests/s, {goodput:.1f} answered a second, "
        f"goodput {goodput / capacity:.2f} of capacity; p99 of those {percentile(times(good), 0.99):.0f} ms; "
        f"{len(refused)} refused, p50 {percentile(times(refused), 0.5):.1f} ms, "
        f"p99 {percentile(times(refused), 0.99):.1f} ms, all with Retry-After: {all(one[3] for one in refused)}; "
        f"others: {len(taken) - len(good) - len(refused)}; connections opened: {load.opened}; "
        f"generator late p99 {percentile(load.late, 0.99):.1f} ms; {processors}",
        flush=True,
    )


async def recovery(load: Load, capacity: float, options: argparse.Namespace) -> None:
    """Time from the end of an overload until nothing is refused and half of all answers are as quick as before."""
    before = await load.open("a", capacity / 2, options.seconds / 2)
    usual = statistics.median(times(before))
    storm = [asyncio.create_task(load.open(key, capacity, options.seconds / 2, seed=2)) for key in KEYS]
    await asyncio.sleep(options.seconds / 2)
    end = time.monotonic()
    after = await load.open("a", capacity / 2, options.seconds / 2, seed=3)
    await asyncio.gather(*storm)
    window, recovered = 0.25, float("nan")
    for start in (number * window for number in range(int(options.seconds / 2 / window))):
        part = [one for one in after if start <= one[0] - end < start + window]
        if part and all(one[2] == 200 for one in part) and statistics.median(times(part)) < 1.5 * usual:
            recovered = start
            break
    print(f"recovered {recovered:.2f} s after the overload (p50 before {usual * 1000:.0f} ms)", flush=True)


async def fairness(load: Load, capacity: float, options: argparse.Namespace) -> None:
    part, ratios, medians = 0.15 * capacity, [], []
    for number in range(options.rounds):
        async def others(seed: int) -> list:
            taken = await asyncio.gather(*(load.open(key, part, options.seconds, seed) for key in KEYS[1:]))
            return [one for ones in taken for one in ones]

        load.late.clear()
        before, _ = await asyncio.gather(others(number), load.open("a", part, options.seconds, number))
        during, greedy = await asyncio.gather(others(number), load.open("a", 10 * part, options.seconds, number))
        await asyncio.sleep(2)
        p99 = [percentile(times(taken), 0.99) for taken in (before, during)]
        p50 = [percentile(times(taken), 0.5) for taken in (before, during)]
        ratios.append(p99[1] / p99[0])
        medians.append(p50[1] / p50[0])
        lost = len([one for one in during if one[2] != 200])
        print(
            f"fairness: others p50 {p50[0]:.1f} -> {p50[1]:.1f} ms, p99 {p99[0]:.1f} -> {p99[1]:.1f} ms, "
            f"ratio {ratios[-1]:.2f}; not answered {lost} of {len(during)}; the greedy key: "
            f"{len(times(greedy, 200)) / options.seconds:.1f} of {10 * part:.0f} a second answered; "
            f"generator late p99 {percentile(load.late, 0.99):.1f} ms",
            flush=True,
        )
    print(
        f"fairness: median ratio of the others' p99 {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}), of their p50 {statistics.median(medians):.2f}",
        flush=True,
    )


async def measure(port: int, keys: dict[str, str], options: argparse.Namespace) -> None:
    load = Load(port, keys, options.picture.read_bytes())
    await load.closed(8, 2)
    processors = Processors(options.server)
    capacity = statistics.median([await load.closed(16, options.seconds / 2) for _ in range(3)])
    print(f"capacity: {capacity:.1f} requests/s, 16 clients; a picture of {options.picture.stat().st_size} bytes; "
          f"{processors}", flush=True)
    for part in options.only.split(","):
        await {"overload": overload, "recovery": recovery, "fairness": fairness}[part](load, capacity, options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20, help="time for each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="of the measurement of fairness")
    parser.add_argument("--only", default="overload,recovery,fairness")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/ocellus")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port, operations, file = free_port(), free_port(), Path(folder) / "keys.toml"
        make = [options.binary.resolve(), "keys", "create", "--access-keys", file, "--name"]
        keys = {name: subprocess.check_output([*make, name], text=True, stderr=subprocess.DEVNULL).strip()
                for name in KEYS}
        environment = os.environ | {
            "OCELLUS_HTTP_ADDRESS": f"127.0.0.1:{port}",
            "OCELLUS_OPERATIONS_ADDRESS": f"127.0.0.1:{operations}",
            "OCELLUS_CACHE_FOLDER": folder,
            "OCELLUS_ACCESS_KEYS": str(file),
            "OCELLUS_LOG_FILTER": "warn",
        }
        server = subprocess.Popen([options.binary.resolve(), "serve"], env=environment, cwd=ROOT,
                                  stdout=subprocess.DEVNULL)
        try:
            options.server = server.pid
            wait_for("the server", lambda: answers(operations, "/readyz"))
            try:
                # The generator shares the processors: it is to measure the server's waits, not its own.
                os.setpriority(os.PRIO_PROCESS, 0, max(-20, os.getpriority(os.PRIO_PROCESS, 0) - 5))
            except PermissionError:
                print("the generator has no priority over the server, times include its own waits")
            asyncio.run(measure(port, keys, options))
            with urllib.request.urlopen(f"http://127.0.0.1:{operations}/metrics") as metrics:
                lines = metrics.read().decode().splitlines()
            print("\n".join(line for line in lines if line.startswith("ocellus_admissions")))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
