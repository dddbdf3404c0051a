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


def blocks(data: bytes) -> bytes:
    """Data in blocks, up to the empty one."""
    parts = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


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
    yield picture("gif of a pixel on a screen of none", screen(0, 0) + image(0, 0, 1, 1) + b";", FINE)
    yield picture("gif of a pixel beside its screen", screen(1, 1) + image(7, 9, 1, 1) + b";", FINE)
    yield picture("gif of a pixel far from its screen", screen(1, 1) + image(65_535, 65_535, 1, 1) + b";", LARGE)
    yield picture("gif of no size", screen(0, 0) + image(0, 0, 0, 0) + b";", BROKEN)
    yield picture("gif without frames", screen(8, 8) + b";", BROKEN)
    yield picture("gif header alone", b"GIF89a", BROKEN)
    yield picture("gif of lzw noise", screen(64, 64) + image(0, 0, 64, 64, b"\x08\xff" + b"\xfe" * 255 + b"\0") + b";", BROKEN, FINE)
    yield picture("gif of code size 12", screen(8, 8) + image(0, 0, 8, 8, b"\x0c\x02\x44\x01\0") + b";", BROKEN)
    for bits in (2, 7, 8, 11):
        # As many codes as come out even, each of which clears the table.
        clears = (1 << bits) * sum(1 << at * (bits + 1) for at in range(8))
        codes = bytes([bits]) + blocks(clears.to_bytes(bits + 1, "little") * (3_000_000 // (bits + 1)))
        yield picture(f"gif of codes of {bits} bits that clear and clear", screen(1_000, 1_000) + image(0, 0, 1_000, 1_000, codes) + b";", BROKEN)
        yield picture(f"gif of ten pixels and 3 MB of {bits} bits", screen(10, 1) + image(0, 0, 10, 1, codes) + b";", BROKEN)
    clears = bytes([8]) + blocks((0x100 * sum(1 << at * 9 for at in range(8))).to_bytes(9, "little") * 60_000)
    yield picture("gif of 480000 clears", screen(1_000, 1_000) + image(0, 0, 1_000, 1_000, clears) + b";", BROKEN)
    yield picture("gif of a million empty extensions", screen(1, 1) + b"\x21\xfe\0" * 1_000_000 + image(0, 0, 1, 1) + b";", BROKEN)
    yield picture("gif of a comment of a million blocks", screen(1, 1) + b"\x21\xfe" + b"\1x" * 1_000_000 + b"\0" + image(0, 0, 1, 1) + b";", BROKEN)
    comment = b"\x21\xfe" + (b"\xff" + b"x" * 255) * 20_000 + b"\0"
    yield picture("gif with 5 MB of comment", screen(1, 1) + comment + image(0, 0, 1, 1) + b";", FINE)
    yield picture("gif with html behind it", b"GIF89a/*<script>alert(1)</script>*/", BROKEN, LARGE)
