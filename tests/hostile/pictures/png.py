"""PNG: built chunk by chunk, so that each field can lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from .item import BROKEN, FINE, LARGE, Picture, picture

MAGIC = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    """One chunk; with a checksum of its own where one is given."""
    sum_ = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", sum_)


def header(width: int, height: int, depth: int = 8, color: int = GREY, interlace: int = 0) -> bytes:
    """IHDR."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def zeros(count: int, block: int = 1 << 20) -> bytes:
    """So many zero bytes, deflated without ever being in memory."""
    deflate = zlib.compressobj(9)
    parts = [deflate.compress(bytes(min(block, count - at))) for at in range(0, count, block)]
    return b"".join([*parts, deflate.flush()])


def png(width: int, height: int, depth: int = 8, color: int = GREY, *more: bytes, interlace: int = 0) -> bytes:
    """A sound PNG of zeros, with chunks before its pixels."""
    row = (width * depth * CHANNELS[color] + 7) // 8 + 1
    pixels = chunk(b"IDAT", zeros(row * height))
    return MAGIC + header(width, height, depth, color, interlace) + b"".join(more) + pixels + chunk(b"IEND", b"")


def lying(width: int, height: int, color: int = RGBA) -> bytes:
    """A header that claims a size, and hardly any pixels."""
    return MAGIC + header(width, height, 8, color) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


def pictures() -> Iterator[Picture]:
    """Every PNG of the corpus."""
    yield from _large()
    yield from _bombs()
    yield from _broken()
    yield from _sound()


def _large() -> Iterator[Picture]:
    yield picture("png of 7000x7000, grey with one transparent", png(7_000, 7_000, 8, GREY, chunk(b"tRNS", bytes(2))), FINE)
    yield picture("png of 7000x7000, rgb with one transparent", png(7_000, 7_000, 8, RGB, chunk(b"tRNS", bytes(6))), FINE)
    deep = MAGIC + header(7_000, 7_000, 16, RGB) + chunk(b"tRNS", bytes(6)) + chunk(b"IDAT", zeros(64)) + chunk(b"IEND", b"")
    yield picture("png claims 7000x7000 in rgb 16 with one transparent", deep, LARGE)
    yield picture("png of 7000x7000, grey with alpha of 16 bits", png(7_000, 7_000, 16, GREY_ALPHA), FINE)
    for width, height in [(50_000, 50_000), (12_001, 1), (1, 12_001), (1, 65_500), (12_000, 12_000), (0x7FFFFFFF, 1), (8_000, 7_000)]:
        yield picture(f"png claims {width}x{height}", lying(width, height), LARGE)
    yield picture("png of 12000x12000 zeros", png(12_000, 12_000), LARGE)
    yield picture("png claims 2^31 wide", MAGIC + header(0x80000000, 1) + chunk(b"IEND", b""), LARGE, BROKEN)
    yield picture("png claims 7000x7000 in rgba 16 with no pixels", MAGIC + header(7_000, 7_000, 16, RGBA)
                  + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""), BROKEN, LARGE)
    yield picture("png strip 12000x1", png(12_000, 1, 8, RGB), FINE)
    yield picture("png strip 1x12000", png(1, 12_000, 8, RGB), FINE)
    yield picture("png strip 3x12000 interlaced claim", lying(3, 12_000), BROKEN)


def _bombs() -> Iterator[Picture]:
    bomb = zeros(256 << 20)
    yield picture("png iccp bomb", png(8, 8, 8, RGB, chunk(b"iCCP", b"icc\0\0" + bomb)), FINE, BROKEN)
    yield picture("png ztxt bomb", png(8, 8, 8, RGB, chunk(b"zTXt", b"Comment\0\0" + bomb)), FINE, BROKEN)
    yield picture("png itxt bomb", png(8, 8, 8, RGB, chunk(b"iTXt", b"Comment\0\1\0\0\0" + bomb)), FINE, BROKEN)
    yield picture("png idat bomb", MAGIC + header(8, 8, 8, RGB) + chunk(b"IDAT", bomb) + chunk(b"IEND", b""), FINE, BROKEN)
    text = b"".join(chunk(b"tEXt", b"key\0value") for _ in range(20_000))
    yield picture("png with 20000 texts", png(8, 8, 8, RGB, text), FINE, BROKEN)
    empty = chunk(b"IDAT", b"") * 50_000
    yield picture("png with 50000 empty idat", png(8, 8, 8, RGB, empty), FINE, BROKEN)
    yield picture("png with 500000 empty idat", png(8, 8, 8, RGB, empty * 10), BROKEN)


def _broken() -> Iterator[Picture]:
    rows = zlib.compress(b"\0" + bytes(24) * 8)
    start, end = MAGIC + header(8, 8, 8, RGB), chunk(b"IEND", b"")
    for name, data in {
        "png magic alone": MAGIC,
        "png header alone": start,
        "png without pixels": start + end,
        "png of no width": MAGIC + header(0, 8) + chunk(b"IDAT", rows) + end,
        "png of no height": MAGIC + header(8, 0) + chunk(b"IDAT", rows) + end,
        "png with broken header sum": MAGIC + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0), 1) + end,
        "png with broken deflate": start + chunk(b"IDAT", b"\x78\x9c" + b"\xff" * 64) + end,
        "png of depth 3": MAGIC + header(8, 8, 3) + chunk(b"IDAT", rows) + end,
        "png of colour 5": MAGIC + header(8, 8, 8, 5) + chunk(b"IDAT", rows) + end,
        "png of interlacing 9": MAGIC + header(8, 8, 8, RGB, 9) + chunk(b"IDAT", rows) + end,
        "png palette without plte": png(8, 8, 8, PALETTE),
        "png whose chunk claims 4 GiB": start + struct.pack(">I", 0xFFFFFFFF) + b"IDAT" + rows,
        "png of filter 9": start + chunk(b"IDAT", zlib.compress((b"\x09" + bytes(24)) * 8)) + end,
        "png of half its rows": start + chunk(b"IDAT", zlib.compress((b"\0" + bytes(24)) * 4)) + end,
        "png cut in its pixels": png(64, 64, 8, RGB)[:-20],
    }.items():
        yield picture(name, data, BROKEN)
    for length in (0, 4, 5, 767, 769, 771):
        palette = chunk(b"PLTE", bytes(length))
        yield picture(f"png whose palette has {length} bytes", png(8, 8, 8, PALETTE, palette), BROKEN)
        yield picture(f"png whose second palette has {length} bytes", png(8, 8, 4, PALETTE, chunk(b"PLTE", bytes(48)), palette), BROKEN)
    yield picture("png with broken pixel sum", start + chunk(b"IDAT", zlib.compress((b"\0" + bytes(24)) * 8), 1) + end, BROKEN, FINE)
    index = MAGIC + header(8, 8, 8, PALETTE) + chunk(b"PLTE", b"\1\2\3") + chunk(b"IDAT", zlib.compress((b"\0" + b"\xff" * 8) * 8)) + end
    yield picture("png with indexes beyond its palette", index, BROKEN, FINE)


def _sound() -> Iterator[Picture]:
    palette = chunk(b"PLTE", bytes(range(48)))
    for depth, color, more in [(1, GREY, b""), (2, GREY, b""), (4, GREY, b""), (16, GREY, b""), (16, RGBA, b""), (8, GREY_ALPHA, b""), (4, PALETTE, palette)]:
        yield picture(f"png of colour {color} and {depth} bits", png(40, 30, depth, color, more), FINE)
    for orientation in range(1, 9):
        tags = chunk(b"eXIf", b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0))
        yield picture(f"png of orientation {orientation}", png(40, 30, 8, RGB, tags), FINE)
    pixels = png(40, 30, 8, RGB)[:-12]
    yield picture("png with its orientation behind its pixels", pixels + tags + chunk(b"IEND", b""), FINE)
    frames = b"".join(chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 8, 8, 0, 0, 1, 10, 0, 0)) for number in range(3_000))
    animated = chunk(b"acTL", struct.pack(">II", 3_000, 0)) + frames
    yield picture("apng of 3000 frames", png(8, 8, 8, RGB, animated), FINE, BROKEN)
