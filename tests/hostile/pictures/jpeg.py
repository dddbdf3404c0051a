"""JPEG: segments by hand, scans by Pillow."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from PIL import Image, ImageCms

from .item import BROKEN, FINE, LARGE, Picture, picture

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Without the date of its making.
PROFILE = _SRGB[:24] + bytes(12) + _SRGB[36:]
START, END = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, data: bytes, length: int | None = None) -> bytes:
    """One segment; with a length that lies where one is given."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2 if length is None else length) + data


def encode(image: Image.Image, **options: object) -> bytes:
    """What Pillow makes of it."""
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    """Something to see."""
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def frame(marker: int, width: int, height: int, depth: int = 8, components: int = 3, factors: bytes = b"") -> bytes:
    """A start of frame; with sampling factors where some are given, else none is sampled."""
    factors = factors or b"\x11" * components
    parts = b"".join(bytes([number + 1, factors[number], 0]) for number in range(components))
    return segment(marker, struct.pack(">BHHB", depth, height, width, components) + parts)


TABLES = b"".join([
    segment(0xDB, b"\0" + bytes([1] * 64)),
    segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0"),
    segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"),
])


def scan(components: int = 3, first: int = 0, last: int = 63, data: bytes = b"\0") -> bytes:
    """A scan and its entropy-coded data."""
    parts = b"".join(bytes([number + 1, 0]) for number in range(components))
    return segment(0xDA, bytes([components]) + parts + bytes([first, last, 0])) + data


def sampled(factors: bytes, *scans: bytes) -> bytes:
    """A sound picture of one colour whose components, by number, come in these scans."""
    head = START + TABLES + frame(0xC0, 64, 48, factors=factors)
    parts = (b"".join(bytes([number, 0]) for number in numbers) for numbers in scans)
    bodies = (segment(0xDA, bytes([len(part) // 2]) + part + b"\0\x3f\0") + bytes(64) for part in parts)
    return head + b"".join(bodies) + END


def lying(marker: int, width: int, height: int, scans: int = 1) -> bytes:
    """A header that claims a size, and hardly any data."""
    return START + TABLES + frame(marker, width, height) + scan() * scans + END


def progressive(width: int, height: int, scans: int) -> bytes:
    """A grey progressive JPEG in which every scan goes over all blocks again."""
    one = segment(0xDB, b"\0" + bytes([1] * 64))
    dc = segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0")
    # One code: EOBRUN of 2^14 blocks and more, so that a scan is a few bytes.
    ac = segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0")
    head = START + one + dc + ac + frame(0xC2, width, height, components=1)
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    first = segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + bytes((blocks + 7) // 8)
    runs = bytes(2 * (blocks // 16384 + 1))
    bands = (scan % 63 + 1 for scan in range(scans - 1))
    later = b"".join(segment(0xDA, b"\x01\x01\x00" + bytes([at, at, 0])) + runs for at in bands)
    return head + first + later + END


def exif(orientation: int) -> bytes:
    """EXIF of one entry."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation & 0xFFFF, 0)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)


def cyclic_exif() -> bytes:
    """An IFD that is its own successor and its own sub-IFD."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 8)


def pictures() -> Iterator[Picture]:
    """Every JPEG of the corpus."""
    yield from _large()
    yield from _broken()
    yield from _sound()


def _large() -> Iterator[Picture]:
    yield picture("jpeg of 60000x60000", lying(0xC0, 60_000, 60_000), LARGE)
    yield picture("jpeg of 12001x1", lying(0xC0, 12_001, 1), LARGE)
    yield picture("jpeg of 16000x16000 grey, progressive", progressive(16_000, 16_000, 64), LARGE)
    yield picture("jpeg of 152 bytes claiming 7000x7000", lying(0xC0, 7_000, 7_000), BROKEN)
    yield picture("jpeg claiming 7000x7000, progressive", lying(0xC2, 7_000, 7_000), BROKEN, LARGE)
    yield picture("jpeg of 64 scans, 7000x7000", progressive(7_000, 7_000, 64), LARGE, BROKEN)
    yield picture("jpeg of 99 scans, 7000x7000", progressive(7_000, 7_000, 99), LARGE, BROKEN)
    yield picture("jpeg of 99 scans, 16000x16000", progressive(16_000, 16_000, 99), LARGE)
    turned = START + segment(0xE1, exif(6)) + lying(0xC0, 7_000, 7_000)[2:]
    yield picture("jpeg of 190 bytes claiming 7000x7000, turned", turned, BROKEN)
    yield picture("jpeg of 1x65500", lying(0xC0, 1, 65_500), LARGE)
    yield picture("jpeg of 32 scans, 4000x4000", progressive(4_000, 4_000, 32), FINE, LARGE, BROKEN)
    yield picture("jpeg of 1000 scans", lying(0xC2, 64, 64, 1_000), BROKEN)


def _broken() -> Iterator[Picture]:
    whole = encode(gradient(640, 480), quality=90)
    for name, data in {
        "jpeg start and end": START + END,
        "jpeg markers alone": START + TABLES + END,
        "jpeg without tables": START + frame(0xC0, 64, 64) + scan() + END,
        "jpeg without frame": START + TABLES + scan() + END,
        "jpeg without scan": START + TABLES + frame(0xC0, 64, 64) + END,
        "jpeg of no components": START + TABLES + frame(0xC0, 64, 64, components=0) + scan() + END,
        "jpeg of 255 components": START + TABLES + frame(0xC0, 64, 64, components=255) + scan() + END,
        "jpeg of no width": lying(0xC0, 0, 64),
        "jpeg of 12 bits": START + TABLES + frame(0xC1, 64, 64, depth=12) + scan() + END,
        "jpeg, lossless": lying(0xC3, 64, 64),
        "jpeg, arithmetic": lying(0xC9, 64, 64),
        "jpeg, hierarchical": lying(0xC5, 64, 64),
        "jpeg with a table of 16 full lengths": START + segment(0xC4, b"\0" + b"\xff" * 16 + bytes(200)) + END,
        "jpeg with a segment of length 0": START + segment(0xFE, b"", 0) + END,
        "jpeg with a segment of length 1": START + segment(0xFE, b"", 1) + END,
        "jpeg with a segment beyond the end": START + segment(0xE0, b"JFIF", 60_000),
        "jpeg of fill bytes": START + b"\xff" * 200_000,
        "jpeg cut in half": whole[: len(whole) // 2],
        "jpeg cut in its header": whole[:200],
        "jpeg of restart markers": START + TABLES + frame(0xC0, 64, 64) + scan(data=b"\xff\xd0" * 5_000) + END,
    }.items():
        yield picture(name, data, BROKEN)
    for name, data in {
        "": whole,
        ", progressive": encode(gradient(640, 480), quality=90, progressive=True),
        " with restarts": encode(gradient(640, 480), quality=90, restart_marker_blocks=7),
    }.items():
        yield picture(f"jpeg cut in half and ended{name}", data[: len(data) // 2] + END, BROKEN)
        yield picture(f"jpeg cut in half and ended after a comment{name}", data[: len(data) // 2] + segment(0xFE, b"") + END, BROKEN)
    yield picture("jpeg without its last component", sampled(b"\x11\x11\x11", b"\1", b"\2"), BROKEN)
    yield picture("jpeg whose chroma is finer than its luma", sampled(b"\x11\x22\x11", b"\1\2\3"), BROKEN)
    yield picture("jpeg whose chroma is finer, in three scans", sampled(b"\x11\x22\x11", b"\1", b"\2", b"\3"), BROKEN)
    yield picture("jpeg whose chroma is finer, in two scans", sampled(b"\x11\x21\x21", b"\1", b"\2\3"), BROKEN)
    yield picture("jpeg whose chroma is coarser, in three scans", sampled(b"\x22\x11\x11", b"\1", b"\2", b"\3"), BROKEN)
    yield picture("jpeg of no height", lying(0xC0, 64, 0), BROKEN)
    yield picture("jpeg of scans over nothing", START + TABLES + frame(0xC2, 64, 64) + scan(first=63, last=0) + END, BROKEN, FINE)
    comments = b"".join(segment(0xFE, b"x" * 60_000) for _ in range(60))
    yield picture("jpeg with 3.6 MB of comments", START + comments + whole[2:], FINE)
    yield picture("jpeg of 10000 empty comments", START + segment(0xFE, b"") * 10_000 + whole[2:], FINE)


def _sound() -> Iterator[Picture]:
    image = gradient()
    whole = encode(image)

    def with_exif(data: bytes) -> bytes:
        return START + segment(0xE1, data) + whole[2:]

    for orientation in range(1, 9):
        yield picture(f"jpeg of orientation {orientation}", with_exif(exif(orientation)), FINE)
    for orientation in (0, 9, 65_535):
        yield picture(f"jpeg of orientation {orientation}, which is none", with_exif(exif(orientation)), FINE)
    yield picture("jpeg with an exif that goes round", with_exif(cyclic_exif()), FINE)
    yield picture("jpeg with an exif cut short", with_exif(exif(6)[:14]), FINE)
    yield picture("jpeg with an exif of 65535 entries", with_exif(exif(6)[:14] + b"\xff\xff"), FINE)
    yield picture("jpeg with an exif of noise", with_exif(b"Exif\0\0" + bytes(range(256)) * 200), FINE)
    yield picture("jpeg with a profile", encode(image, icc_profile=PROFILE), FINE)
    yield picture("jpeg whose chroma is coarser", sampled(b"\x22\x11\x11", b"\1\2\3"), FINE)
    yield picture("jpeg in three scans", sampled(b"\x11\x11\x11", b"\1", b"\2", b"\3"), FINE)
    yield picture("jpeg, grey", encode(image.convert("L")), FINE)
    yield picture("jpeg, cmyk", encode(image.convert("CMYK")), FINE)
    yield picture("jpeg, progressive", encode(image, progressive=True), FINE)
    yield picture("jpeg with restarts", encode(image, restart_marker_blocks=1), FINE)
    yield picture("jpeg with restarts, progressive", encode(image, restart_marker_blocks=1, progressive=True), FINE)
    yield picture("jpeg with bytes to fill before its end", whole[:-2] + b"\xff" * 9 + END, FINE)
    for side in range(1, 40, 6):
        yield picture(f"jpeg of {side}x{side} of one colour", encode(Image.new("RGB", (side, side))), FINE)
        yield picture(f"jpeg of {side}x{side} of one colour, progressive", encode(Image.new("RGB", (side, side)), progressive=True), FINE)
    yield picture("jpeg with bytes behind it", whole + b"PK\3\4" + bytes(1_000), FINE)
    yield picture("jpeg of 12 megapixels", encode(gradient(4_000, 3_000)), FINE)
