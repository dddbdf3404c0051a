"""A TensorFlow.js graph model to ONNX: `tfjs.py MODEL.json MODEL.onnx NODE OUTPUT`.

`MODEL.json` holds TensorFlow's graph and names the `.bin` files beside it that hold the weights.
The output NODE becomes OUTPUT. The input keeps its name and its NHWC layout. Only the operators
that the demo models have are known; another one is an error that names it.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from onnx_graph import Graph, Value

Node = dict[str, Any]
Weights = dict[str, NDArray[np.generic]]

ELEMENTWISE = {"Add": "Add", "Mul": "Mul", "Sub": "Sub", "Equal": "Equal", "FloorDiv": "Div", "FloorMod": "Mod"}
UNARY = {"Relu": "Relu", "Sigmoid": "Sigmoid", "Identity": "Identity"}
TYPES = {"DT_FLOAT": TensorProto.FLOAT, "DT_INT32": TensorProto.INT32}


def load_weights(manifest: list[dict[str, Any]], folder: Path) -> Weights:
    """The weights by name. Those kept as float16 are given as float32."""
    weights: Weights = {}
    for group in manifest:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            dtype = np.dtype(entry.get("quantization", entry)["dtype"])
            count = int(np.prod(entry["shape"]))
            array = np.frombuffer(data, dtype, count, offset).reshape(entry["shape"])
            offset += count * dtype.itemsize
            weights[entry["name"]] = array.astype(entry["dtype"])
    return weights


class Converter:
    """Converts the nodes that an output needs, each once, inputs before what they go into."""

    def __init__(self, model: Path) -> None:
        document = json.loads(model.read_text())
        self.nodes: dict[str, Node] = {node["name"]: node for node in document["modelTopology"]["node"]}
        self.weights = load_weights(document["weightsManifest"], model.parent)
        self.graph = Graph()
        self.inputs: dict[str, list[int | str]] = {}
        self.values: dict[str, Value] = {}
        self.operators: dict[str, Callable[[Node], Value | list[Value]]] = {
            "Placeholder": self.placeholder,
            "Conv2D": self.convolution,
            "_FusedConv2D": self.convolution,
            "DepthwiseConv2dNative": self.convolution,
            "FusedDepthwiseConv2dNative": self.convolution,
            "MaxPool": self.max_pool,
            "Relu6": self.relu6,
            "Cast": self.cast,
            "Mean": self.mean,
            "ResizeBilinear": self.resize,
            "ConcatV2": self.concat,
            "Reshape": self.reshape,
            "ExpandDims": self.expand_dims,
            "TopKV2": self.top_k,
            "GatherV2": self.gather,
            "StridedSlice": self.strided_slice,
            **dict.fromkeys(ELEMENTWISE, self.elementwise),
            **dict.fromkeys(UNARY, self.unary),
        }

    def value(self, reference: str) -> Value:
        """What a node gives; `name:1` is its second output."""
        name = reference.removesuffix(":0")
        if name not in self.values:
            base = name.partition(":")[0]
            if base in self.weights:
                self.values[base] = Value(self.graph.constant(self.weights[base]))
            else:
                self.convert(self.nodes[base])
        return self.values[name]

    def convert(self, node: Node) -> None:
        if node["op"] not in self.operators:
            sys.exit(f"error: operator {node['op']} of node {node['name']} is not known")
        given = self.operators[node["op"]](node)
        outputs = given if isinstance(given, list) else [given]
        for index, value in enumerate(outputs):
            self.values[f"{node['name']}:{index}" if index else node["name"]] = value

    def plain(self, reference: str) -> str:
        return self.graph.as_nhwc(self.value(reference))

    def ints(self, reference: str) -> list[int]:
        """A weight that is a list of whole numbers, or one."""
        return [int(number) for number in np.atleast_1d(self.weights[reference])]

    def placeholder(self, node: Node) -> Value:
        sizes = [int(axis["size"]) for axis in node["attr"]["shape"]["shape"]["dim"]]
        self.inputs[node["name"]] = [1 if index == 0 and size < 0 else size for index, size in enumerate(sizes)]
        return Value(node["name"])

    def convolution(self, node: Node) -> Value:
        source, kernels, *bias = node["input"]
        weights = self.weights[kernels]
        depthwise = "Depthwise" in node["op"]
        height, width, channels, outputs = weights.shape
        if depthwise:
            ordered = weights.transpose(2, 3, 0, 1).reshape(channels * outputs, 1, height, width)
        else:
            ordered = weights.transpose(3, 2, 0, 1)
        inputs = [self.graph.as_nchw(self.value(source)), self.graph.constant(ordered)]
        fused = _texts(node, "fused_ops")
        if "BiasAdd" in fused:
            inputs.append(self.graph.constant(self.weights[bias[0]].reshape(-1)))
        name = self.graph.add(
            "Conv",
            inputs,
            kernel_shape=[height, width],
            strides=_numbers(node, "strides")[1:3],
            dilations=(_numbers(node, "dilations") or [1, 1, 1, 1])[1:3],
            group=channels if depthwise else 1,
            auto_pad=_padding(node),
        )
        for activation in fused:
            name = self.activation(name, activation)
        return Value(name, nchw=True)

    def activation(self, name: str, activation: str) -> str:
        if activation == "BiasAdd":
            return name
        if activation == "Relu":
            return self.graph.add("Relu", [name])
        if activation == "Relu6":
            return self.graph.clip(name, 0.0, 6.0)
        sys.exit(f"error: fused activation {activation} is not known")

    def max_pool(self, node: Node) -> Value:
        source = self.graph.as_nchw(self.value(node["input"][0]))
        kernel, strides = _numbers(node, "ksize")[1:3], _numbers(node, "strides")[1:3]
        pooled = self.graph.add("MaxPool", [source], kernel_shape=kernel, strides=strides, auto_pad=_padding(node))
        return Value(pooled, nchw=True)

    def elementwise(self, node: Node) -> Value:
        """Broadcasts as numpy does, so weights beside NCHW activations are turned along with them."""
        operator = ELEMENTWISE[node["op"]]
        constants = [name in self.weights for name in node["input"]]
        values = [None if constant else self.value(name) for name, constant in zip(node["input"], constants)]
        if not any(value and value.nchw for value in values) or any(value and not value.nchw for value in values):
            return Value(self.graph.add(operator, [self.plain(name) for name in node["input"]]))
        names = [value.name if value else self.turned(name) for name, value in zip(node["input"], values)]
        return Value(self.graph.add(operator, names), nchw=True)

    def turned(self, name: str) -> str:
        weight = self.weights[name]
        if weight.size == 1:
            return self.graph.constant(weight.reshape(()))
        four = weight.reshape((1,) * (4 - weight.ndim) + weight.shape)
        return self.graph.constant(four.transpose(0, 3, 1, 2))

    def unary(self, node: Node) -> Value:
        source = self.value(node["input"][0])
        return Value(self.graph.add(UNARY[node["op"]], [source.name]), source.nchw)

    def relu6(self, node: Node) -> Value:
        source = self.value(node["input"][0])
        return Value(self.graph.clip(source.name, 0.0, 6.0), source.nchw)

    def cast(self, node: Node) -> Value:
        source = self.value(node["input"][0])
        return Value(self.graph.add("Cast", [source.name], to=TYPES[node["attr"]["DstT"]["type"]]), source.nchw)

    def mean(self, node: Node) -> Value:
        source, axes = node["input"]
        if sorted(self.ints(axes)) != [1, 2] or not node["attr"]["keep_dims"]["b"]:
            sys.exit(f"error: {node['name']} is a mean over other axes than rows and columns")
        pooled = self.graph.add("ReduceMean", [self.graph.as_nchw(self.value(source))], axes=[2, 3], keepdims=1)
        return Value(pooled, nchw=True)

    def resize(self, node: Node) -> Value:
        source, size = node["input"]
        height, width = self.ints(size)
        half_pixel = bool(node["attr"]["half_pixel_centers"]["b"])
        channels_first = self.graph.as_nchw(self.value(source))
        return Value(self.graph.resize_bilinear(channels_first, height, width, half_pixel), nchw=True)

    def concat(self, node: Node) -> Value:
        *sources, axis = node["input"]
        (along,) = self.ints(axis)
        values = [self.value(source) for source in sources]
        if all(value.nchw for value in values):
            turned = {0: 0, 1: 2, 2: 3, 3: 1, -1: 1}[along]
            return Value(self.graph.add("Concat", [value.name for value in values], axis=turned), nchw=True)
        return Value(self.graph.add("Concat", [self.graph.as_nhwc(value) for value in values], axis=along))

    def reshape(self, node: Node) -> Value:
        source, shape = node["input"]
        return Value(self.graph.add("Reshape", [self.plain(source), self.graph.constant(self.ints(shape), np.int64)]))

    def expand_dims(self, node: Node) -> Value:
        source, axis = node["input"]
        return Value(self.graph.add("Unsqueeze", [self.plain(source), self.graph.constant(self.ints(axis), np.int64)]))

    def top_k(self, node: Node) -> list[Value]:
        source, count = node["input"]
        inputs = [self.plain(source), self.graph.constant(self.ints(count), np.int64)]
        values, indices = self.graph.add_many("TopK", inputs, 2, axis=-1)
        return [Value(values), Value(self.graph.add("Cast", [indices], to=TensorProto.INT32))]

    def gather(self, node: Node) -> Value:
        source, indices, axis = node["input"]
        (along,) = self.ints(axis)
        return Value(self.graph.add("Gather", [self.plain(source), self.value(indices).name], axis=along))

    def strided_slice(self, node: Node) -> Value:
        """Bits of the masks say which axes are taken from their first, and to their last, element."""
        source, *bounds = node["input"]
        begin, end, strides = (self.ints(bound) for bound in bounds)
        masks = {key: int(mask["i"]) for key, mask in node["attr"].items() if key.endswith("_mask")}
        if any(masks.get(key) for key in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")):
            sys.exit(f"error: {node['name']} slices in a way that is not known")
        for axis in range(len(begin)):
            begin[axis] = 0 if masks["begin_mask"] >> axis & 1 else begin[axis]
            end[axis] = np.iinfo(np.int64).max if masks["end_mask"] >> axis & 1 else end[axis]
        parts = (begin, end, list(range(len(begin))), strides)
        return Value(self.graph.add("Slice", [self.plain(source), *(self.graph.constant(p, np.int64) for p in parts)]))


def _texts(node: Node, key: str) -> list[str]:
    return [base64.b64decode(text).decode() for text in node["attr"].get(key, {}).get("list", {}).get("s", [])]


def _numbers(node: Node, key: str) -> list[int]:
    return [int(number) for number in node["attr"].get(key, {}).get("list", {}).get("i", [])]


def _padding(node: Node) -> str:
    padding = base64.b64decode(node["attr"]["padding"]["s"]).decode()
    return {"SAME": "SAME_UPPER", "VALID": "VALID"}[padding]


def convert(model: Path, target: Path, node: str, output: str) -> None:
    """Writes the ONNX model of what a node gives: rows of six numbers, 100 of them."""
    converter = Converter(model)
    converter.graph.name_output(converter.plain(node), output)
    converter.graph.save(target, converter.inputs, {output: [1, 100, 6]})


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
