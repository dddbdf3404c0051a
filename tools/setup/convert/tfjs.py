"""The operators of a TensorFlow.js graph model, as ONNX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from . import tfjs_model
from .activation import (
    AXIS_IN_CHANNELS_FIRST,
    TO_CHANNELS_FIRST,
    Activation,
    as_channels_first,
    as_source,
    channels_first,
    source,
)
from .fault import ConversionFault
from .graph import Graph
from .tfjs_model import Array, Node


def convert(name: str, topology: bytes, weights: bytes, outputs: list[str]) -> tuple[Graph, dict[str, str]]:
    """A graph that computes `outputs`, and what they are called in it, with the source's axes."""
    model = tfjs_model.read(topology, weights, outputs)
    reader = Reader(Graph(name), model.constants)
    for node in model.nodes:
        reader.read(node)
    return reader.graph, {output: reader.as_source(output) for output in outputs}


class Reader:
    """Puts nodes into the graph, one after the other."""

    def __init__(self, graph: Graph, constants: dict[str, Array]) -> None:
        self.graph = graph
        self._constants = constants
        self._values: dict[str, Activation] = {}

    def read(self, node: Node) -> None:
        if node.operator not in OPERATORS:
            raise ConversionFault(f"operator {node.operator} of {node.name} is not supported")
        for index, result in enumerate(OPERATORS[node.operator](self, node)):
            self._values[f"{node.name}:{index}" if index else node.name] = result

    def value(self, name: str) -> Activation:
        if self.is_constant(name):
            return source(self.graph.constant(self._constants[name]))
        return self._values[name]

    def is_constant(self, name: str) -> bool:
        return name in self._constants

    def constant(self, name: str) -> Array:
        if not self.is_constant(name):
            raise ConversionFault(f"{name} is computed where a constant was expected")
        return self._constants[name]

    def as_source(self, name: str) -> str:
        return as_source(self.graph, self.value(name))

    def as_channels_first(self, name: str) -> str:
        return as_channels_first(self.graph, self.value(name))


Results = list[Activation]
Operator = Callable[[Reader, Node], Results]


def _placeholder(reader: Reader, node: Node) -> Results:
    if node.type("dtype") != "DT_FLOAT":
        raise ConversionFault(f"input {node.name} is {node.type('dtype')}, which is not supported")
    return [source(reader.graph.input(node.name, list(node.shape())))]


def _convolution(reader: Reader, node: Node) -> Results:
    """Kernels [height, width, in, out]."""
    kernels = reader.constant(node.inputs[1]).transpose(3, 2, 0, 1)
    return _convolve(reader, node, kernels, groups=1)


def _depthwise_convolution(reader: Reader, node: Node) -> Results:
    """Kernels [height, width, channels, 1]."""
    kernels = reader.constant(node.inputs[1]).transpose(2, 3, 0, 1)
    if kernels.shape[1] != 1:
        raise ConversionFault(f"{node.name} makes several channels of one, which is not supported")
    return _convolve(reader, node, kernels, groups=kernels.shape[0])


def _convolve(reader: Reader, node: Node, kernels: Array, *, groups: int) -> Results:
    """Kernels [out, in / groups, height, width], with the bias and ReLU that are fused in."""
    fused = node.texts("fused_ops")
    if fused not in ([], ["BiasAdd"], ["BiasAdd", "Relu"]):
        raise ConversionFault(f"{node.name} is fused with {fused}, which is not supported")
    inputs = [reader.as_channels_first(node.inputs[0]), reader.graph.constant(kernels)]
    if fused:
        inputs.append(reader.graph.constant(reader.constant(node.inputs[2]).reshape(-1)))
    result = reader.graph.add(
        "Conv",
        *inputs,
        kernel_shape=list(kernels.shape[2:]),
        strides=node.height_and_width("strides"),
        dilations=node.height_and_width("dilations"),
        group=groups,
        auto_pad=_auto_pad(node),
    )
    return [channels_first(reader.graph.add("Relu", result) if "Relu" in fused else result)]


def _max_pool(reader: Reader, node: Node) -> Results:
    result = reader.graph.add(
        "MaxPool",
        reader.as_channels_first(node.inputs[0]),
        kernel_shape=node.height_and_width("ksize"),
        strides=node.height_and_width("strides"),
        auto_pad=_auto_pad(node),
    )
    return [channels_first(result)]


def _auto_pad(node: Node) -> str:
    return {"SAME": "SAME_UPPER", "VALID": "VALID"}[node.text("padding")]


def _elementwise(operator: str) -> Operator:
    """Two operands that broadcast, channels-first where all that is computed has that order."""

    def convert_node(reader: Reader, node: Node) -> Results:
        computed = [reader.value(name) for name in node.inputs if not reader.is_constant(name)]
        if not all(value.is_channels_first for value in computed):
            return [source(reader.graph.add(operator, *map(reader.as_source, node.inputs)))]
        operands = [
            reader.graph.constant(broadcast_channels_first(reader.constant(name)))
            if reader.is_constant(name)
            else reader.as_channels_first(name)
            for name in node.inputs
        ]
        return [channels_first(reader.graph.add(operator, *operands))]

    return convert_node


def broadcast_channels_first(constant: Array) -> Array:
    """A constant that broadcasts with channels-last values, as one that does with channels-first."""
    if constant.size == 1:
        return constant.reshape(())
    return constant.reshape((1,) * (4 - constant.ndim) + constant.shape).transpose(TO_CHANNELS_FIRST)


def _unary(operator: str) -> Operator:
    def convert_node(reader: Reader, node: Node) -> Results:
        value = reader.value(node.inputs[0])
        return [Activation(reader.graph.add(operator, value.name), value.layout)]

    return convert_node


def _relu6(reader: Reader, node: Node) -> Results:
    value = reader.value(node.inputs[0])
    clipped = reader.graph.add("Clip", value.name, reader.graph.floats(0), reader.graph.floats(6))
    return [Activation(clipped, value.layout)]


def _cast(reader: Reader, node: Node) -> Results:
    if node.type("DstT") != "DT_FLOAT":
        raise ConversionFault(f"{node.name} casts to {node.type('DstT')}, which is not supported")
    value = reader.value(node.inputs[0])
    return [Activation(reader.graph.add("Cast", value.name, to=TensorProto.FLOAT), value.layout)]


def _mean(reader: Reader, node: Node) -> Results:
    if sorted(reader.constant(node.inputs[1]).tolist()) != [1, 2] or not node.flag("keep_dims"):
        raise ConversionFault(f"{node.name} is no mean over height and width, which alone is supported")
    return [channels_first(reader.graph.add("GlobalAveragePool", reader.as_channels_first(node.inputs[0])))]


def _resize_bilinear(reader: Reader, node: Node) -> Results:
    if node.flag("align_corners") or node.flag("half_pixel_centers"):
        raise ConversionFault(f"{node.name} aligns pixels in a way that is not supported")
    height, width = reader.constant(node.inputs[1]).tolist()
    value = reader.as_channels_first(node.inputs[0])
    leading = reader.graph.slice(reader.graph.add("Shape", value), 0, 2, axis=0)
    sizes = reader.graph.add("Concat", leading, reader.graph.integers([height, width]), axis=0)
    resized = reader.graph.add(
        "Resize", value, "", "", sizes, mode="linear", coordinate_transformation_mode="asymmetric"
    )
    return [channels_first(resized)]


def _concat(reader: Reader, node: Node) -> Results:
    *inputs, axis_name = node.inputs
    axis = int(reader.constant(axis_name))
    if all(reader.value(name).is_channels_first for name in inputs):
        names = map(reader.as_channels_first, inputs)
        return [channels_first(reader.graph.add("Concat", *names, axis=AXIS_IN_CHANNELS_FIRST[axis]))]
    return [source(reader.graph.add("Concat", *map(reader.as_source, inputs), axis=axis))]


def _reshape(reader: Reader, node: Node) -> Results:
    shape = reader.graph.integers(reader.constant(node.inputs[1]))
    return [source(reader.graph.add("Reshape", reader.as_source(node.inputs[0]), shape))]


def _expand_dims(reader: Reader, node: Node) -> Results:
    axis = reader.graph.integers([int(reader.constant(node.inputs[1]))])
    return [source(reader.graph.add("Unsqueeze", reader.as_source(node.inputs[0]), axis))]


def _top_k(reader: Reader, node: Node) -> Results:
    """Values and their indices, the latter int32 like the rest of the source's index arithmetic."""
    count = reader.graph.integers([int(reader.constant(node.inputs[1]))])
    values, indices = reader.graph.add_many("TopK", 2, reader.as_source(node.inputs[0]), count, axis=-1)
    return [source(values), source(reader.graph.add("Cast", indices, to=TensorProto.INT32))]


def _gather(reader: Reader, node: Node) -> Results:
    if node.integer("batch_dims"):
        raise ConversionFault(f"{node.name} gathers by batch, which is not supported")
    values, indices = map(reader.as_source, node.inputs[:2])
    return [source(reader.graph.add("Gather", values, indices, axis=int(reader.constant(node.inputs[2]))))]


def _strided_slice(reader: Reader, node: Node) -> Results:
    for mask in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask"):
        if node.integer(mask):
            raise ConversionFault(f"{node.name} has a {mask}, which is not supported")
    begin, end, steps = (reader.constant(name).astype(np.int64) for name in node.inputs[1:4])
    for axis in range(len(begin)):
        if node.integer("begin_mask") >> axis & 1:
            begin[axis] = 0
        if node.integer("end_mask") >> axis & 1:
            end[axis] = np.iinfo(np.int64).max
    bounds = map(reader.graph.integers, (begin, end, np.arange(len(begin)), steps))
    return [source(reader.graph.add("Slice", reader.as_source(node.inputs[0]), *bounds))]


# FloorDiv and FloorMod act on indices, which are never negative: there ONNX agrees.
OPERATORS: dict[str, Operator] = {
    "Add": _elementwise("Add"),
    "Cast": _cast,
    "ConcatV2": _concat,
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise_convolution,
    "Equal": _elementwise("Equal"),
    "ExpandDims": _expand_dims,
    "FloorDiv": _elementwise("Div"),
    "FloorMod": _elementwise("Mod"),
    "FusedDepthwiseConv2dNative": _depthwise_convolution,
    "GatherV2": _gather,
    "Identity": _unary("Identity"),
    "MaxPool": _max_pool,
    "Mean": _mean,
    "Mul": _elementwise("Mul"),
    "Placeholder": _placeholder,
    "Relu": _unary("Relu"),
    "Relu6": _relu6,
    "Reshape": _reshape,
    "ResizeBilinear": _resize_bilinear,
    "Sigmoid": _unary("Sigmoid"),
    "StridedSlice": _strided_slice,
    "Sub": _elementwise("Sub"),
    "TopKV2": _top_k,
    "_FusedConv2D": _convolution,
}
