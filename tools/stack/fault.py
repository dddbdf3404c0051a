"""What can go wrong in a way the person at the keyboard can mend."""

from __future__ import annotations


class StackFault(Exception):
    """An expected failure; its text says in one line what failed and what to do."""
