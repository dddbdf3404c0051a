"""HTTP/2 by hand: frames that no client library would send, and how the connection ends."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from .client import send
from .requests import GIF, INFER

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
# A connection on which nothing useful goes on is gone by then.
GONE_SECONDS = 20.0


@dataclass(frozen=True)
class Frames:
    """What is sent on one connection, and whether it must be answered with 200 or ended."""

    name: str
    data: bytes
    answered: bool = False


@dataclass(frozen=True)
class End:
    """How a connection ended: whether a stream was answered with 200, and after how long it was closed."""

    answered: bool
    seconds: float | None
    """None where it was held for longer than it may be."""


def frame(kind: int, stream: int, data: bytes = b"", flags: int = 0) -> bytes:
    """One frame."""
    return struct.pack(">I", len(data))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + data


def text(data: bytes) -> bytes:
    """A text of HPACK, as it is."""
    length = len(data)
    if length < 127:
        return bytes([length]) + data
    rest, packed = length - 127, b"\x7f"
    while rest >= 128:
        packed += bytes([rest % 128 | 128])
        rest //= 128
    return packed + bytes([rest]) + data


def field(name: bytes, value: bytes) -> bytes:
    """A field of HPACK that is not remembered."""
    return b"\0" + text(name) + text(value)


def fields(method: bytes, path: bytes) -> bytes:
    """The fields of a request."""
    return field(b":method", method) + b"\x86" + field(b":path", path) + field(b":authority", b"a")


def get(stream: int, path: bytes = b"/v1/models") -> bytes:
    """A whole GET."""
    return frame(HEADERS, stream, fields(b"GET", path), END_STREAM | END_HEADERS)


def post(stream: int, flags: int = END_HEADERS) -> bytes:
    """The head of a POST of a picture."""
    return frame(HEADERS, stream, fields(b"POST", INFER.encode()) + field(b"content-type", b"image/gif"), flags)


START = PREFACE + frame(SETTINGS, 0)


def attacks() -> Iterator[Frames]:
    """Every connection of the corpus."""
    odd = range(1, 20_001, 2)
    yield Frames("a good GET", START + get(1), answered=True)
    yield Frames("a good picture", START + post(1) + frame(DATA, 1, GIF, END_STREAM), answered=True)
    yield Frames("10000 streams that are reset at once", START + b"".join(get(n) + frame(RESET, n, b"\0\0\0\x08") for n in odd))
    yield Frames("10000 streams that do not end", START + b"".join(post(n) for n in odd))
    yield Frames("64 bodies that do not come", START + b"".join(post(n) for n in range(1, 129, 2)))
    yield Frames("a head of 1 MB", START + frame(HEADERS, 1, fields(b"GET", b"/"), END_STREAM)
                 + b"".join(frame(CONTINUATION, 1, field(b"x-long", b"a" * 16_000)) for _ in range(64)))
    yield Frames("a head that never ends", START + frame(HEADERS, 1, fields(b"GET", b"/"), END_STREAM)
                 + frame(CONTINUATION, 1) * 20_000)
    yield Frames("1000 fields", START + frame(HEADERS, 1, fields(b"GET", b"/v1/models") + field(b"a", b"b") * 1_000, END_STREAM | END_HEADERS))
    bomb = b"\x40" + text(b"x") + text(b"a" * 3_900) + b"\xbe" * 8_000
    yield Frames("one field, named 8000 times", START + frame(HEADERS, 1, fields(b"GET", b"/") + bomb, END_STREAM | END_HEADERS))
    yield Frames("20000 settings", START + frame(SETTINGS, 0, struct.pack(">HI", 4, 65_535)) * 20_000)
    yield Frames("20000 pings", START + frame(PING, 0, bytes(8)) * 20_000)
    yield Frames("20000 empty frames of data", START + post(1) + frame(DATA, 1) * 20_000)
    yield Frames("a window of more than 2^31", START + frame(WINDOW, 0, b"\x7f\xff\xff\xff") * 2)
    yield Frames("a window of nothing", START + frame(SETTINGS, 0, struct.pack(">HI", 4, 0)) + get(1, b"/openapi.json"))
    yield Frames("data without a head", START + frame(DATA, 1, b"x" * 1_000))
    yield Frames("a head on stream 0", START + get(0))
    yield Frames("a head on an even stream", START + get(2))
    yield Frames("a stream twice", START + get(1) + get(1))
    yield Frames("a frame of 16 MB", START + b"\xff\xff\xff" + bytes([DATA, 0]) + struct.pack(">I", 1) + bytes(100_000))
    yield Frames("fields that are no HPACK", START + frame(HEADERS, 1, b"\xff" * 200, END_STREAM | END_HEADERS))
    yield Frames("a head without a method", START + frame(HEADERS, 1, b"\x86\x84", END_STREAM | END_HEADERS))
    yield Frames("a connection field", START + frame(HEADERS, 1, fields(b"GET", b"/v1/models") + field(b"transfer-encoding", b"chunked"), END_STREAM | END_HEADERS))
    yield Frames("more body than its length", START + frame(HEADERS, 1, fields(b"POST", INFER.encode()) + field(b"content-length", b"1"), END_HEADERS)
                 + frame(DATA, 1, GIF, END_STREAM))
    yield Frames("a preface alone", PREFACE)
    yield Frames("nothing after the settings", START)


async def play(port: int, frames: Frames) -> End:
    """Sends frames, answers pings as a live client does, and waits for the connection's end."""
    begun = time.monotonic()
    answered = False
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.ensure_future(send(writer, frames.data))
    try:
        async with asyncio.timeout(GONE_SECONDS):
            while True:
                head = await reader.readexactly(9)
                data = await reader.readexactly(int.from_bytes(head[:3]))
                # 200 is the eighth field of HPACK's own table.
                answered |= head[3] == HEADERS and data.startswith(b"\x88")
                if head[3] == PING and not head[4] & 1:
                    await send(writer, frame(PING, 0, data, 1))
    except TimeoutError:
        return End(answered, None)
    except (ConnectionError, asyncio.IncompleteReadError):
        return End(answered, time.monotonic() - begun)
    finally:
        sending.cancel()
        writer.transport.abort()
