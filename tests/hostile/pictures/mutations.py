"""Good pictures, spoilt at random: bits turned over, ends cut off, halves joined."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

from PIL import Image

from .item import ANY, Picture

# How many of each kind for each format.
EACH = 6


def _good(seed: int) -> dict[str, bytes]:
    noise = random.Random(seed)
    image = Image.frombytes("RGB", (40, 30), noise.randbytes(40 * 30 * 3))
    good = {}
    for name, options in {
        "JPEG": {"quality": 80},
        "JPEG progressive": {"quality": 80, "progressive": True},
        "PNG": {},
        "GIF": {},
        "WEBP": {},
        "WEBP lossless": {"lossless": True},
    }.items():
        out = io.BytesIO()
        image.save(out, name.split()[0], **options)
        good[name.lower()] = out.getvalue()
    return good


def pictures(seed: int) -> Iterator[Picture]:
    """Every mutation of a seed."""
    choice = random.Random(seed)
    good = _good(seed)
    for name, data in good.items():
        for number in range(EACH):
            spoilt = bytearray(data)
            for _ in range(2**number):
                spoilt[choice.randrange(len(spoilt))] ^= 1 << choice.randrange(8)
            yield Picture(f"{name} with {2**number} bits turned, {number}", bytes(spoilt), ANY)
            yield Picture(f"{name} cut, {number}", data[: choice.randrange(1, len(data))], ANY)
        other = choice.choice(list(good.values()))
        yield Picture(f"{name} joined to another", data[: len(data) // 2] + other[len(other) // 2 :], ANY)
