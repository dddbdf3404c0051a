"""Clients that hold connections: 400 of four kinds at once."""

from __future__ import annotations

import asyncio
import time

from .requests import INFER, head

EACH = 100
# The head's time, a body's window, and what a machine under load takes beside.
GONE_SECONDS = 10.0


async def hold(port: int) -> list[float]:
    """Holds connections until the server closes them; for how long each was held."""
    kinds = (_silent, _dripping_head, _dripping_body, _reading_nothing)
    return await asyncio.gather(*(_held(kind, port) for kind in kinds for _ in range(EACH)))


async def _held(kind, port: int) -> float:  # type: ignore[no-untyped-def]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    try:
        async with asyncio.timeout(6 * GONE_SECONDS):
            await kind(reader, writer)
    except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.transport.abort()
    return time.monotonic() - begun


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes, drop: bytes) -> None:
    writer.write(start)
    while not reader.at_eof():
        writer.write(drop)
        await writer.drain()
        try:
            await asyncio.wait_for(reader.read(), timeout=1.0)
        except TimeoutError:
            continue


async def _dripping_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _drip(reader, writer, b"GET / HTTP/1.1\r\nhost: a\r\n", b"x-drop: y\r\n")


async def _dripping_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    start = head("POST", INFER, "content-type: image/png", "content-length: 1000000") + b"\r\n"
    await _drip(reader, writer, start, b"x")


async def _reading_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Asks for more than fits into the buffers between, and takes nothing of it."""
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n" * 100)
    while True:
        # Fails once the other end has closed.
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.5)
