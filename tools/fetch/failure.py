"""What went wrong, in one line for the person at the terminal."""

from __future__ import annotations


class Failure(Exception):
    """An expected failure: no network, a missing tool, a wrong checksum."""
