"""Pictures that were made to do harm, and some that only look as if."""

from __future__ import annotations

from . import gif, jpeg, mutations, others, png, webp
from .item import Picture


def corpus(seed: int) -> list[Picture]:
    """Every picture; those that are random are the same for the same seed."""
    fixed = [*png.pictures(), *jpeg.pictures(), *gif.pictures(), *webp.pictures()]
    return [*fixed, *others.pictures(seed), *mutations.pictures(seed)]
