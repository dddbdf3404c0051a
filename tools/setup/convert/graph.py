"""An ONNX graph as it is put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

# Old enough for any engine that Ocellus loads; HardSwish and the like are not needed.
OPSET = 17
IR_VERSION = 8

Shape = list[int | str]


class Graph:
    """Nodes and constants in order; every method that adds one gives the name of its result."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Shape) -> str:
        """A float32 input."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def constant(self, values: npt.NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def floats(self, values: npt.ArrayLike) -> str:
        return self.constant(np.asarray(values, np.float32))

    def integers(self, values: npt.ArrayLike) -> str:
        """int64, as ONNX wants shapes, axes and indices."""
        return self.constant(np.asarray(values, np.int64))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self.add_many(operator, 1, *inputs, **attributes)[0]

    def add_many(self, operator: str, results: int, *inputs: str, **attributes: Any) -> list[str]:
        """As `add`, for an operator with several results."""
        names = [f"{operator}_{len(self._nodes)}"]
        names += [f"{names[0]}_{index}" for index in range(1, results)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def slice(self, value: str, start: int, end: int, axis: int) -> str:
        """Elements start..end of one axis."""
        return self.add("Slice", value, self.integers([start]), self.integers([end]), self.integers([axis]))

    def output(self, value: str, name: str, shape: Shape) -> None:
        """Publishes a float32 value under a name of its own."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def to_bytes(self) -> bytes:
        """The checked model, its shapes inferred once to prove that they agree with the outputs."""
        model = helper.make_model(
            helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, self._constants),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="ocellus-setup",
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))
