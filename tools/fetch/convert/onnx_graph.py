"""An ONNX graph as it is built, with the layout of each value in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class Value:
    """A value of the graph. 4-D activations are kept NCHW, which ONNX's operators want; everything
    else has the layout of the graph it comes from."""

    name: str
    nchw: bool = False


@dataclass
class Graph:
    """Nodes and constants in the order they are added."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, array: ArrayLike, dtype: type | None = None) -> str:
        """Adds a constant and gives its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, dtype, order="C"), name))
        return name

    def add(self, operator: str, inputs: list[str], **attributes: object) -> str:
        """Adds a node with one output and gives the output's name."""
        return self.add_many(operator, inputs, 1, **attributes)[0]

    def add_many(self, operator: str, inputs: list[str], outputs: int, **attributes: object) -> list[str]:
        """Adds a node and gives the names of its outputs."""
        names = [f"{operator}_{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names

    def name_output(self, value: str, name: str) -> None:
        """Makes a value the graph's output under that name."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def as_nchw(self, value: Value) -> str:
        """The value with channels first."""
        return value.name if value.nchw else self.add("Transpose", [value.name], perm=[0, 3, 1, 2])

    def as_nhwc(self, value: Value) -> str:
        """The value with channels last, or as it is where it has no channels."""
        return self.add("Transpose", [value.name], perm=[0, 2, 3, 1]) if value.nchw else value.name

    def clip(self, value: str, low: float, high: float) -> str:
        """The value held between two numbers."""
        return self.add("Clip", [value, self.constant(low, np.float32), self.constant(high, np.float32)])

    def resize_bilinear(self, value: str, height: int, width: int, half_pixel: bool) -> str:
        """Bilinear resizing of NCHW; `half_pixel` as TensorFlow's `half_pixel_centers`."""
        shape = self.add("Shape", [value], end=2)
        sizes = self.add("Concat", [shape, self.constant([height, width], np.int64)], axis=0)
        mode = "half_pixel" if half_pixel else "asymmetric"
        return self.add(
            "Resize", [value, "", "", sizes], mode="linear", coordinate_transformation_mode=mode, nearest_mode="floor"
        )

    def save(self, path: Path, inputs: dict[str, list[int | str]], outputs: dict[str, list[int | str]]) -> None:
        """Checks the graph and writes it. Inputs and outputs are float32, by name and shape."""
        graph = helper.make_graph(self.nodes, "model", _infos(inputs), _infos(outputs), self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="ocellus"
        )
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString(deterministic=True))


def _infos(tensors: dict[str, list[int | str]]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in tensors.items()]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Padding before and after one axis, as TensorFlow's SAME has it: the output has
    ceil(size / stride) pixels, and where the padding is odd the larger half comes after."""
    output = -(-size // stride)
    total = max((output - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


Array = NDArray[np.generic]
