"""WebP: RIFF by hand, bitstreams by Pillow."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from PIL import Image

from .item import BROKEN, FINE, LARGE, Picture, picture
from .jpeg import PROFILE


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk, padded."""
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def riff(*chunks: bytes) -> bytes:
    """The container."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lossless(width: int, height: int) -> bytes:
    """A lossless picture of one colour, in some forty bytes whatever its size."""
    bits = 0x2F | (width - 1) << 8 | (height - 1) << 22
    # No transform, no cache, no groups; five codes of one symbol each.
    head = bits.to_bytes(5, "little")
    return riff(chunk(b"VP8L", head + b"\x88\x88\x08\x00" + bytes(16)))


def extended(flags: int, width: int, height: int, *chunks: bytes) -> bytes:
    """A canvas."""
    canvas = bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(chunk(b"VP8X", canvas), *chunks)


def encode(image: Image.Image, **options: object) -> bytes:
    """What Pillow makes of it."""
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()


def frame(left: int, top: int, width: int, height: int, data: bytes) -> bytes:
    """One frame of an animation."""
    place = b"".join(number.to_bytes(3, "little") for number in (left // 2, top // 2, width - 1, height - 1, 10))
    return chunk(b"ANMF", place + b"\0" + data)


def pictures() -> Iterator[Picture]:
    """Every WebP of the corpus."""
    small = Image.new("RGB", (16, 16), (255, 0, 0))
    lossy = encode(small)
    stream = lossy[12:]
    yield picture("webp lossless 8000x8000", lossless(8_000, 8_000), LARGE)
    yield picture("webp lossless 16384x16384", lossless(16_384, 16_384), LARGE)
    yield picture("webp lossless 7000x7000", lossless(7_000, 7_000), FINE, BROKEN, LARGE)
    yield picture("webp canvas of 2^24", extended(0, 1 << 24, 1 << 24, stream), LARGE)
    yield picture("webp canvas larger than its picture", extended(0, 4_000, 4_000, stream), BROKEN, FINE)
    animation = chunk(b"ANIM", bytes(6))
    frames = frame(0, 0, 16, 16, stream)
    yield picture("webp of 2000 frames", extended(2, 16, 16, animation, frames * 2_000), FINE)
    yield picture("webp frame beyond its canvas", extended(2, 16, 16, animation, frame(14, 14, 16, 16, stream)), BROKEN, FINE)
    yield picture("webp frame of 2^24", extended(2, 16, 16, animation, frame(0, 0, 1 << 24, 1 << 24, stream)), BROKEN, LARGE)
    yield picture("webp animation without frames", extended(2, 16, 16, animation), BROKEN)
    yield picture("webp container alone", riff(), BROKEN)
    yield picture("webp canvas alone", extended(0, 16, 16), BROKEN)
    yield picture("webp cut in half", lossy[: len(lossy) // 2], BROKEN)
    yield picture("webp that claims 4 GiB", b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff", BROKEN)
    yield picture("webp of noise", riff(chunk(b"VP8 ", bytes(range(256)))), BROKEN, LARGE)
    yield picture("webp lossless of noise", riff(chunk(b"VP8L", b"\x2f\x0f\xc0\x03\x00" + b"\xa5" * 200)), BROKEN, FINE)
    yield picture("webp with a profile of 5 MB", extended(0x20, 16, 16, chunk(b"ICCP", bytes(5 << 20)), stream), FINE, BROKEN)
    yield picture("webp, lossy", lossy, FINE)
    yield picture("webp, lossless", encode(small, lossless=True), FINE)
    yield picture("webp with a profile", encode(small, icc_profile=PROFILE), FINE)
    yield picture("webp with alpha", encode(small.convert("RGBA")), FINE)
    for orientation in range(1, 9):
        tags = Image.Exif()
        tags[0x0112] = orientation
        yield picture(f"webp of orientation {orientation}", encode(small, exif=tags.tobytes()), FINE)
