"""TensorFlow.js graph models as files: `model.json` names the nodes, a `.bin` holds the constants."""

from __future__ import annotations

import base64
import graphlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .fault import ConversionFault

Array = npt.NDArray[Any]
STORED_TYPES = ("float32", "float16", "int32")


@dataclass(frozen=True)
class Model:
    """The operators that the outputs depend on, each after its inputs, and the constants by name."""

    nodes: list[Node]
    constants: dict[str, Array]


def read(topology: bytes, weights: bytes, outputs: list[str]) -> Model:
    model = json.loads(topology)
    nodes = [Node(entry) for entry in model["modelTopology"]["node"] if entry["op"] != "Const"]
    return Model(in_order(nodes, outputs), read_constants(model["weightsManifest"], weights))


def read_constants(manifest: list[dict[str, Any]], content: bytes) -> dict[str, Array]:
    """Constants by name. Those stored in half precision come back in single precision."""
    constants = {}
    offset = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        stored = entry.get("quantization", entry)["dtype"]
        if stored not in STORED_TYPES:
            raise ConversionFault(f"constant {entry['name']} is stored as {stored}, which is not supported")
        dtype = np.dtype(stored).newbyteorder("<")
        size = int(np.prod(entry["shape"], dtype=np.int64)) * dtype.itemsize
        values = np.frombuffer(content[offset : offset + size], dtype)
        constants[entry["name"]] = values.astype(entry["dtype"]).reshape(entry["shape"])
        offset += size
    if offset != len(content):
        raise ConversionFault(f"the constants should be {offset} bytes, they are {len(content)}")
    return constants


class Node:
    """One TensorFlow node; its attributes as plain Python values."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.name: str = entry["name"]
        self.operator: str = entry["op"]
        self.inputs: list[str] = entry.get("input", [])
        self._attributes: dict[str, Any] = entry.get("attr", {})

    def text(self, attribute: str) -> str:
        return base64.b64decode(self._attributes[attribute]["s"]).decode()

    def texts(self, attribute: str) -> list[str]:
        values = self._attributes.get(attribute, {}).get("list", {}).get("s", [])
        return [base64.b64decode(value).decode() for value in values]

    def flag(self, attribute: str) -> bool:
        return bool(self._attributes.get(attribute, {}).get("b", False))

    def integer(self, attribute: str) -> int:
        """Zero where the attribute is absent, as in protocol buffers."""
        return int(self._attributes.get(attribute, {}).get("i", 0))

    def height_and_width(self, attribute: str) -> list[int]:
        """The middle two of four integers given for batch, height, width, channels; 1 where absent."""
        values = self._attributes.get(attribute, {}).get("list", {}).get("i", [1, 1, 1, 1])
        return [int(value) for value in values[1:3]]

    def type(self, attribute: str) -> str:
        return str(self._attributes[attribute]["type"])

    def shape(self) -> list[int]:
        return [int(dim["size"]) for dim in self._attributes["shape"]["shape"]["dim"]]


def in_order(nodes: list[Node], outputs: list[str]) -> list[Node]:
    """The nodes that the outputs depend on, each after its inputs."""
    by_name = {node.name: node for node in nodes}
    needed: dict[str, list[str]] = {}
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            # `TopKV2:1` is the second result of the node `TopKV2`.
            inputs = [value.partition(":")[0] for value in by_name[name].inputs]
            needed[name] = [node for node in inputs if node in by_name]
            waiting += needed[name]
    return [by_name[name] for name in graphlib.TopologicalSorter(needed).static_order()]
