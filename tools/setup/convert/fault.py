"""What a converter refuses."""

from __future__ import annotations


class ConversionFault(Exception):
    """A source that is not what the converter was written for; the text names the part."""
