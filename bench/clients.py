"""Clients that ask a server as fast as it answers, or evenly in time, and note what it took."""

from __future__ import annotations

import http.client
import queue
import socket
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "assets/samples/coffee.jpg"


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def wait_for(what: str, ready, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if end < time.monotonic():
            sys.exit(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.05)


def answers(port: int, path: str, method: str = "GET") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body=b"" if method != "GET" else None)
        return connection.getresponse().status < 300
    except OSError:
        return False
    finally:
        connection.close()


class Clients:
    """Threads with a connection each, that ask when they are told to and note what it took."""

    def __init__(self, port: int, count: int, model: str = "classifier") -> None:
        self.port, self.body = port, PICTURE.read_bytes()
        self.path = f"/v1/models/{model}/infer"
        self.orders: queue.Queue = queue.Queue()
        self.taken: list[tuple[float, float, int]] = []
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def work(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while (due := self.orders.get()) is not None:
            connection.request("POST", self.path, self.body,
                               {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            response.read()
            self.taken.append((due, time.monotonic() - due, response.status))
            self.orders.task_done()

    def capacity(self, seconds: float) -> float:
        """Answers a second when every thread asks again as soon as it has its answer."""
        end, begun = time.monotonic() + seconds, len(self.taken)
        while time.monotonic() < end:
            if self.orders.qsize() < len(self.threads):
                self.orders.put(time.monotonic())
            else:
                time.sleep(0.001)
        self.orders.join()
        return (len(self.taken) - begun) / seconds

    def ask_evenly(self, rate: float, until: threading.Event, at_least: float) -> list:
        """Asks at a rate, whatever the answers take; gives those that were due meanwhile."""
        begun, number = time.monotonic(), 0
        while not until.is_set() or time.monotonic() < begun + at_least:
            due = begun + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            self.orders.put(due)
            number += 1
        self.orders.join()
        return [one for one in self.taken if begun <= one[0]]


def percentile(taken: list, share: float) -> float:
    times = sorted(time_taken for _, time_taken, _ in taken)
    return times[min(len(times) - 1, int(share * len(times)))] * 1000
