"""A client that sends any bytes, and waits for one answer."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field

from .requests import INFER, head

# Longer than any answer may take.
PATIENCE = 60.0


@dataclass(frozen=True)
class Answer:
    """The first answer to what was sent; status 0 where the connection was closed without one."""

    status: int
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    rest: bytes = b""
    """What came behind it, where that was waited for."""

    def code(self) -> str | None:
        """The problem's code, where it is one."""
        if self.status == 200 or not self.body.startswith(b"{"):
            return None
        return json.loads(self.body).get("code")

    def is_refusal_for_now(self) -> bool:
        """Whether the same request may be sent again later, and the answer says when."""
        return self.status in (429, 503) and "retry-after" in self.headers

    def __str__(self) -> str:
        return f"{self.status} {self.code() or ''} after {self.seconds:.2f} s"


async def exchange(port: int, data: bytes, to_end: bool = False) -> Answer:
    """Sends bytes and reads the answer, which may come before they are all sent; then on to the connection's end."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            sending = asyncio.ensure_future(send(writer, data))
            try:
                status, headers, body = await _read(reader)
                rest = await _rest(reader) if to_end else b""
            finally:
                sending.cancel()
                writer.transport.abort()
    except TimeoutError:
        return Answer(-1, time.monotonic() - begun)
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Answer(0, time.monotonic() - begun)
    return Answer(status, time.monotonic() - begun, headers, body, rest)


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Sends what the other end takes; that it takes no more is for the reader to see."""
    try:
        writer.write(data)
        await writer.drain()
    except ConnectionError:
        pass


async def _read(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    while True:
        start = await reader.readuntil(b"\r\n\r\n")
        lines = start.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        if status != 100:
            break
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    return status, headers, body


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


def as_body(data: bytes, model: str) -> bytes:
    """A picture as the body itself."""
    return _post(model, data, "image/png")


def as_form(data: bytes, model: str) -> bytes:
    """A picture in a form."""
    start = b'--Boundary\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    return _post(model, start + data + b"\r\n--Boundary--\r\n", "multipart/form-data; boundary=Boundary")


def as_json(data: bytes, model: str) -> bytes:
    """A picture in JSON."""
    return _post(model, b'{"b64":"' + base64.b64encode(data) + b'"}', "application/json")


WAYS = (as_body, as_form, as_json)


def _post(model: str, body: bytes, kind: str) -> bytes:
    target = INFER.replace("classifier", model)
    return head("POST", target, f"content-type: {kind}", f"content-length: {len(body)}") + b"\r\n" + body
