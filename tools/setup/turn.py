"""One set-up at a time in a checkout, so that `make -j` is safe."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from .places import Places


@contextmanager
def taken(places: Places) -> Iterator[None]:
    """Waits for another set-up to end, and clears away what a killed one left half-built."""
    places.private.mkdir(parents=True, exist_ok=True)
    with (places.private / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another set-up to end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(places.staging, ignore_errors=True)
        yield
