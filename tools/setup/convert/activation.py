"""Values of an image network and the order of their axes.

TensorFlow keeps activations channels-last, ONNX convolves channels-first. A value stays in the
order that its operator gave; a transpose is added only where an operator needs the other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .graph import Graph


class Layout(Enum):
    """SOURCE is the axis order of the source model, channels last where there are channels."""

    SOURCE = "source"
    CHANNELS_FIRST = "channels first"


# Where each axis of a channels-last tensor is found in a channels-first one.
TO_CHANNELS_FIRST = (0, 3, 1, 2)
TO_CHANNELS_LAST = (0, 2, 3, 1)
AXIS_IN_CHANNELS_FIRST = {0: 0, 1: 2, 2: 3, 3: 1}


@dataclass(frozen=True)
class Activation:
    """A named value of a graph and its axis order."""

    name: str
    layout: Layout

    @property
    def is_channels_first(self) -> bool:
        return self.layout is Layout.CHANNELS_FIRST


def source(name: str) -> Activation:
    return Activation(name, Layout.SOURCE)


def channels_first(name: str) -> Activation:
    return Activation(name, Layout.CHANNELS_FIRST)


def as_channels_first(graph: Graph, value: Activation) -> str:
    if value.is_channels_first:
        return value.name
    return graph.add("Transpose", value.name, perm=TO_CHANNELS_FIRST)


def as_source(graph: Graph, value: Activation) -> str:
    if not value.is_channels_first:
        return value.name
    return graph.add("Transpose", value.name, perm=TO_CHANNELS_LAST)
