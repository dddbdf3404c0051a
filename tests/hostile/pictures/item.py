"""A picture of the corpus, and the answers it may get."""

from __future__ import annotations

from dataclasses import dataclass

Answer = tuple[int, str | None]

FINE: Answer = (200, None)
NO_FORMAT: Answer = (415, "unsupported_image_format")
BROKEN: Answer = (422, "undecodable_image")
LARGE: Answer = (413, "image_too_large")
NO_IMAGE: Answer = (400, "no_image")

# What bytes that were spoilt at random may be: whatever a picture may be, but no defect of the server.
ANY = frozenset({FINE, NO_FORMAT, BROKEN, LARGE})


@dataclass(frozen=True)
class Picture:
    """Bytes that claim to be a picture."""

    name: str
    data: bytes
    expect: frozenset[Answer]


def picture(name: str, data: bytes, *expect: Answer) -> Picture:
    """A picture that gets one of these answers."""
    return Picture(name, data, frozenset(expect))
