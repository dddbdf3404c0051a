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


class Bits:
    """Bits of a lossless stream, the lowest of each byte first."""

    def __init__(self) -> None:
        self.value, self.length = 0, 0

    def put(self, value: int, length: int) -> Bits:
        """So many bits of a number."""
        self.value |= value << self.length
        self.length += length
        return self

    def one(self, symbol: int) -> Bits:
        """A prefix code of one symbol, which takes no bits."""
        return self.put(0b101, 3).put(symbol, 8)

    def deep(self) -> Bits:
        """A code of eleven symbols, of one to ten bits, for which a decoder makes a table of a thousand entries."""
        # The lengths 1 to 6 have codes of three bits, 7 to 10 of four; in the order of RFC 9649, 3.7.2.1.2.
        lengths = [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4]
        self.put(0, 1).put(len(lengths) - 4, 4)
        for length in lengths:
            self.put(length, 3)
        # Eleven lengths follow, each with its code's highest bit first.
        self.put(1, 1).put(1, 3).put(11 - 2, 4)
        for length in [*range(1, 11), 10]:
            code, bits = (length - 1, 3) if length < 7 else (length - 7 + 12, 4)
            self.put(int(f"{code:0{bits}b}"[::-1], 2), bits)
        return self

    def bytes(self) -> bytes:
        """What was put, and some zeros."""
        return self.value.to_bytes((self.length + 7) // 8 + 64, "little")


def grouped(side: int, groups: int) -> bytes:
    """A lossless stream of blocks of four pixels that are all of the last of many groups of codes."""
    head = Bits().put(0x2F, 8).put(side - 1, 14).put(side - 1, 14).put(0, 4)
    return head.bytes()[:5] + groups_of(groups)


def groups_of(groups: int) -> bytes:
    """The same without its header, as an alpha channel has it."""
    last = groups - 1
    head = Bits().put(0, 2).put(1, 1).put(0, 3).put(0, 1).one(last & 0xFF).one(last >> 8).one(0).one(0).one(0)
    codes = Bits().deep().deep().deep().deep().deep()
    # Put together as text, as numbers of megabytes are slow to shift.
    text = f"{head.value:0{head.length}b}"[::-1] + f"{codes.value:0{codes.length}b}"[::-1] * groups
    # A bit for each of the four codes and 256x256 pixels.
    bits = text + "0" * (4 * 256 * 256 + -len(text) % 8)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


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
    yield picture("webp lossless of 65536 groups in 16 pixels", riff(chunk(b"VP8L", grouped(4, 65_536))), BROKEN)
    yield picture("webp lossless of 2601 groups", riff(chunk(b"VP8L", grouped(256, 2_601))), BROKEN)
    yield picture("webp lossless of 2600 deep groups, a bomb", riff(chunk(b"VP8L", grouped(256, 2_600))), BROKEN)
    yield picture("webp lossless of 2000 groups, a bomb", riff(chunk(b"VP8L", grouped(256, 2_000))), FINE)
    yield picture("webp lossless of 2 groups in 16 pixels", riff(chunk(b"VP8L", grouped(4, 2))), BROKEN)
    many = grouped(16, 65_536)
    animation = chunk(b"ANIM", bytes(6))
    yield picture("webp whose frame is of 65536 groups", extended(2, 16, 16, animation, frame(0, 0, 16, 16, chunk(b"VP8L", many))), BROKEN)
    yield picture("webp whose alpha is of 65536 groups", extended(0x10, 16, 16, chunk(b"ALPH", b"\1" + groups_of(65_536)), stream), BROKEN)
    large = lossless(13_500, 13_500)[12:]
    yield picture("webp of 13500x13500 behind a frame that none shows", extended(0, 16, 16, frame(0, 0, 16, 16, stream), large), LARGE)
    yield picture("webp of 13500x13500 in a frame of 16x16", extended(2, 16, 16, animation, frame(0, 0, 16, 16, large)), LARGE)
    yield picture("webp whose second frame is of 13500x13500", extended(2, 16, 16, animation, frame(0, 0, 16, 16, stream), frame(0, 0, 13_500, 13_500, large)), FINE, BROKEN)
    most = lossless(7_000, 7_000)[12:]
    yield picture("webp of 7000x7000, animated", extended(2, 7_000, 7_000, animation, frame(0, 0, 7_000, 7_000, most)), FINE)
    yield picture("webp of 7000x7000 with alpha, animated", extended(0x12, 7_000, 7_000, animation, frame(0, 0, 7_000, 7_000, most)), FINE)
    yield picture("webp of a frame on a canvas of 7000x7000", extended(0x12, 7_000, 7_000, animation, frame(0, 0, 16, 16, stream)), FINE)
    flat = encode(Image.new("RGB", (7_000, 7_000)), quality=0, method=0)[12:]
    yield picture("webp of 7000x7000 with alpha", extended(0x10, 7_000, 7_000, chunk(b"ALPH", b"\1" + b"\x88\x88\x08\x00" + bytes(16)), flat), LARGE)
    yield picture("webp that flags exif and xmp without any", extended(0x0C, 16, 16, stream), FINE)
    yield picture("webp that flags an alpha without any", extended(0x10, 16, 16, stream), FINE)
    yield picture("webp cut by two bytes", lossy[:-2], BROKEN)
    yield picture("webp canvas of 2^24", extended(0, 1 << 24, 1 << 24, stream), LARGE)
    yield picture("webp canvas larger than its picture", extended(0, 4_000, 4_000, stream), BROKEN, FINE)
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
    tags = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\4\0\1\0\0\0\6\0\0\0\0\0\0\0"
    yield picture("webp of a long orientation behind a prefix", extended(8, 16, 16, stream, chunk(b"EXIF", tags)), FINE)
    for orientation in range(1, 9):
        tags = Image.Exif()
        tags[0x0112] = orientation
        yield picture(f"webp of orientation {orientation}", encode(small, exif=tags.tobytes()), FINE)
