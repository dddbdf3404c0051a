"""What can go wrong in a way the person at the keyboard can mend."""

from __future__ import annotations


class SetupFault(Exception):
    """An expected failure; its text is one line that says what to do."""
