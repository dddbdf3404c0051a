"""GIF: blocks by hand."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from PIL import Image

from .item import BROKEN, FINE, LARGE, Picture, picture

PIXEL = b"\x02\x02\x44\x01\x00"


def screen(width: int, height: int) -> bytes:
    """The logical screen, with a palette of two."""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"


def image(left: int, top: int, width: int, height: int, data: bytes = PIXEL) -> bytes:
    """One frame."""
    return b"\x2c" + struct.pack("<HHHHB", left, top, width, height, 0) + data


def pictures() -> Iterator[Picture]:
    """Every GIF of the corpus."""
    yield picture("gif of one pixel", screen(1, 1) + image(0, 0, 1, 1) + b";", FINE)
    yield picture("gif of 3000 frames", screen(1, 1) + image(0, 0, 1, 1) * 3_000 + b";", FINE)
    yield picture("gif of 35 bytes, a frame of 65535", screen(1, 1) + image(0, 0, 65_535, 65_535), LARGE, BROKEN)
    yield picture("gif of a screen of 65535", screen(65_535, 65_535) + image(0, 0, 1, 1) + b";", LARGE)
    yield picture("gif of 12000x12000", screen(12_000, 12_000) + image(0, 0, 12_000, 12_000), LARGE)
    yield picture("gif with a frame beyond its screen", screen(8, 8) + image(7, 7, 60, 60) + b";", BROKEN)
    yield picture("gif of 7000x7000 without data", screen(7_000, 7_000) + image(0, 0, 7_000, 7_000) + b";", BROKEN)
    flat = io.BytesIO()
    Image.new("L", (7_000, 7_000)).save(flat, "GIF")
    yield picture("gif of 7000x7000 of one colour", flat.getvalue(), FINE)
    yield picture("gif of no size", screen(0, 0) + image(0, 0, 0, 0) + b";", BROKEN)
    yield picture("gif without frames", screen(8, 8) + b";", BROKEN)
    yield picture("gif header alone", b"GIF89a", BROKEN)
    yield picture("gif of lzw noise", screen(64, 64) + image(0, 0, 64, 64, b"\x08\xff" + b"\xfe" * 255 + b"\0") + b";", BROKEN, FINE)
    yield picture("gif of code size 12", screen(8, 8) + image(0, 0, 8, 8, b"\x0c\x02\x44\x01\0") + b";", BROKEN)
    comment = b"\x21\xfe" + (b"\xff" + b"x" * 255) * 20_000 + b"\0"
    yield picture("gif with 5 MB of comment", screen(1, 1) + comment + image(0, 0, 1, 1) + b";", FINE)
    yield picture("gif with html behind it", b"GIF89a/*<script>alert(1)</script>*/", BROKEN, LARGE)
