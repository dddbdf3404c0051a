"""What all conformance tests share: one stack for all of them, and the photo."""

from __future__ import annotations

import atexit
import functools
import http.client
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from tools.stack.stack import ROOT, Choices, Stack, running

HOST = "127.0.0.1"
PHOTO = (ROOT / "assets/samples/coffee.jpg").read_bytes()
SECONDS = 120


@functools.cache
def stack() -> Stack:
    """SeaweedFS with the demo models, a core and a gateway, until the tests end."""
    context = running(Choices(binary=Path(os.environ.get("OCELLUS_STACK_BINARY", Choices.binary))))
    started = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    command = [started.choices.binary.resolve(), "models", "policy", "classifier", "all"]
    subprocess.run(command, env=started.environment, check=True, capture_output=True)
    end = time.monotonic() + SECONDS
    url = f"http://{HOST}:{started.gateway.port}/v1/models/classifier/versions/1"
    while not available(url):
        if time.monotonic() > end:
            raise TimeoutError("version 1 of the classifier is not loaded")
        time.sleep(0.1)
    return started


def available(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return b"AVAILABLE" in answer.read()
    except urllib.error.HTTPError:
        return False


def core() -> str:
    return f"{HOST}:{stack().core.port}"


def gateway() -> str:
    return f"{HOST}:{stack().gateway.port}"


@functools.cache
def channel() -> grpc.Channel:
    opened = grpc.insecure_channel(core(), [("grpc.max_receive_message_length", -1)])
    atexit.register(opened.close)
    return opened


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(method: str, path: str, body: bytes | object = b"", headers: dict[str, str] | None = None) -> Reply:
    """A request to the gateway; what is not bytes goes as JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(gateway(), timeout=SECONDS)
    try:
        connection.request(method, path, sent, headers or {})
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, named, answer.read())
    finally:
        connection.close()
