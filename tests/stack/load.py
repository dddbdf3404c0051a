"""Clients that never stop asking, and what they were answered."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 30


@dataclass(frozen=True)
class Answer:
    """One answer, or none."""

    begun: float
    seconds: float
    status: int
    """0 where the connection broke."""
    retry_after: str | None
    body: Any

    @property
    def code(self) -> str | None:
        return self.body.get("code") if isinstance(self.body, dict) else None


@dataclass
class Load:
    """What all clients were answered so far."""

    port: int
    path: str
    picture: bytes
    answers: list[Answer] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> Answer:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)
        begun = time.monotonic()
        try:
            connection.request("POST", self.path, self.picture, {"Content-Type": "image/png"})
            answer = connection.getresponse()
            body = json.loads(answer.read())
            status, retry = answer.status, answer.getheader("Retry-After")
        except (OSError, http.client.HTTPException, ValueError) as error:
            status, retry, body = 0, None, str(error)
        finally:
            connection.close()
        return Answer(begun, time.monotonic() - begun, status, retry, body)

    def _client(self) -> None:
        while not self.stopped.is_set():
            self.answers.append(self.ask())

    def since(self, begun: float) -> list[Answer]:
        return [answer for answer in self.answers if answer.begun >= begun]


@contextmanager
def asking(port: int, path: str, picture: bytes, clients: int = 4) -> Iterator[Load]:
    """Clients that ask until the block is left; all have ended then."""
    load = Load(port, path, picture)
    threads = [threading.Thread(target=load._client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stopped.set()
        for thread in threads:
            thread.join(PATIENCE + 5)
